//! Settings: the commented defaults, then the operator's file, then the environment. Read once, at start.

use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, de::IgnoredAny};
use url::Url;

use crate::{
    base::Secret,
    diag::did_you_mean,
    store::{Policy, Pool, Retention},
    transport::isolation::Bounds,
};

/// The very file that operators read, so it can't go stale.
pub const DEFAULTS: &str = include_str!("default.yaml");

/// Everything that an engine can be told from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How browsers reach this engine.
    pub public_url: Url,
    /// `sqlite://…` or `postgres://…`, which may hold a password.
    pub database_url: Secret,
    /// How a database that is a server is used.
    pub database_pool: Pool,
    /// What replicas share beside the database; `None`: nothing.
    pub redis: Option<Redis>,
    /// The folder of connectors.
    pub connectors: PathBuf,
    /// Whether it is read again when it changes.
    pub watch_connectors: bool,
    /// Whether a change of it is held to what a published version is held to.
    pub guard_connectors: bool,
    /// `id:base64` lines; `None` refuses to store credentials.
    pub encryption_keys: Option<Secret>,
    /// Provider account → the OAuth app registered there.
    pub accounts: BTreeMap<String, AccountApp>,
    /// A provider's origin → where it really is.
    pub endpoint_overrides: Vec<(Url, Url)>,
    /// For everything that goes out.
    pub proxy: Option<Url>,
    /// PEM text of further certificate authorities.
    pub extra_ca: Option<Vec<u8>>,
    /// How much goes on at the same time.
    pub bounds: Bounds,
    /// So many requests an org may send to the API in a second; `None`: as many as it likes.
    pub org_rate: Option<NonZeroU32>,
    /// How logs look.
    pub log_format: LogFormat,
    /// `info`, or a list of `target=level`.
    pub log_level: String,
    /// How long calls are still taken after a stop was asked for.
    pub drain: Duration,
    /// How long a graceful stop waits.
    pub stop_timeout: Duration,
    /// So long other replicas believe that one lives which says nothing.
    pub lease: Duration,
    /// How long things are kept, unless an org says otherwise.
    pub retention: Retention,
}

/// Where Redis is.
#[derive(Debug, Clone)]
pub struct Redis {
    /// `redis://…` or `rediss://…`; it may hold a password.
    pub url: Secret,
    /// What all keys begin with.
    pub prefix: String,
    /// PEM text of the authority of its certificate.
    pub ca: Option<Vec<u8>>,
}

/// An OAuth app at a provider.
#[derive(Debug, Clone)]
pub struct AccountApp {
    /// Public.
    pub client_id: String,
    /// Not public; absent for public clients.
    pub client_secret: Option<Secret>,
}

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// A settings file; what it leaves out comes from the defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    listen: Option<String>,
    public_url: Option<String>,
    database_url: Option<String>,
    database_connections: Option<u32>,
    database_wait_seconds: Option<u64>,
    redis_url: Option<String>,
    redis_prefix: Option<String>,
    redis_ca_file: Option<String>,
    connectors: Option<PathBuf>,
    watch_connectors: Option<bool>,
    guard_connectors: Option<bool>,
    encryption_keys: Option<String>,
    accounts: Option<BTreeMap<String, AppFile>>,
    endpoint_overrides: Option<BTreeMap<String, String>>,
    proxy: Option<String>,
    extra_ca_file: Option<String>,
    requests_per_host: Option<usize>,
    requests_per_host_of_org: Option<usize>,
    requests_waiting_per_host_of_org: Option<usize>,
    requests_per_org: Option<usize>,
    api_requests_per_second_of_org: Option<u32>,
    log_format: Option<LogFormat>,
    log_level: Option<String>,
    drain_seconds: Option<u64>,
    stop_timeout_seconds: Option<u64>,
    lease_seconds: Option<u64>,
    retention: Option<Policy>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AppFile {
    client_id: String,
    client_secret_file: Option<PathBuf>,
    client_secret_env: Option<String>,
}

/// Where settings that aren't in a file come from; tests give their own.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process's own environment.
#[allow(clippy::disallowed_methods, reason = "the one place that reads it")]
pub fn process_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Config {
    /// Reads the settings file at `path`, if one is given, over the defaults and under the environment.
    ///
    /// # Errors
    /// Names the setting that can't be used, and why.
    pub fn load(path: Option<&std::path::Path>, environment: Environment<'_>) -> Result<Self> {
        let text = match path {
            Some(path) => std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?,
            None => String::new(),
        };
        let name = path.map_or_else(|| "the settings".to_owned(), |path| path.display().to_string());
        Self::from_text(&text, environment).with_context(|| format!("{name} can't be used"))
    }

    /// The same from text.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_text(text: &str, environment: Environment<'_>) -> Result<Self> {
        let defaults = File::parse(DEFAULTS).context("the built-in defaults")?;
        File::from_environment(environment)?.or(File::parse(text)?).or(defaults).resolve(environment)
    }
}

impl File {
    fn parse(text: &str) -> Result<Self> {
        if text.lines().all(|line| line.trim_start().starts_with('#') || line.trim().is_empty()) {
            return Ok(Self::default());
        }
        known(text)?;
        serde_yaml::from_str(text).map_err(|error| anyhow::anyhow!("{error}"))
    }

    fn from_environment(get: Environment<'_>) -> Result<Self> {
        let log_format = match get("CLOSELOOP_LOG_FORMAT").as_deref() {
            None => None,
            Some("text") => Some(LogFormat::Text),
            Some("json") => Some(LogFormat::Json),
            Some(other) => bail!("CLOSELOOP_LOG_FORMAT is `{other}`; it can be `text` or `json`"),
        };
        Ok(Self {
            listen: get("CLOSELOOP_LISTEN"),
            public_url: get("CLOSELOOP_PUBLIC_URL"),
            database_url: get("CLOSELOOP_DATABASE_URL"),
            database_connections: number(get, "DATABASE_CONNECTIONS")?,
            database_wait_seconds: number(get, "DATABASE_WAIT_SECONDS")?,
            redis_url: get("CLOSELOOP_REDIS_URL"),
            redis_prefix: get("CLOSELOOP_REDIS_PREFIX"),
            redis_ca_file: get("CLOSELOOP_REDIS_CA_FILE"),
            connectors: get("CLOSELOOP_CONNECTORS").map(PathBuf::from),
            watch_connectors: flag(get, "WATCH_CONNECTORS")?,
            guard_connectors: flag(get, "GUARD_CONNECTORS")?,
            encryption_keys: get("CLOSELOOP_ENCRYPTION_KEYS"),
            accounts: None,
            endpoint_overrides: None,
            proxy: get("CLOSELOOP_PROXY"),
            extra_ca_file: get("CLOSELOOP_EXTRA_CA_FILE"),
            requests_per_host: number(get, "REQUESTS_PER_HOST")?,
            requests_per_host_of_org: number(get, "REQUESTS_PER_HOST_OF_ORG")?,
            requests_waiting_per_host_of_org: number(get, "REQUESTS_WAITING_PER_HOST_OF_ORG")?,
            requests_per_org: number(get, "REQUESTS_PER_ORG")?,
            api_requests_per_second_of_org: number(get, "API_REQUESTS_PER_SECOND_OF_ORG")?,
            log_format,
            log_level: get("CLOSELOOP_LOG_LEVEL"),
            drain_seconds: number(get, "DRAIN_SECONDS")?,
            stop_timeout_seconds: number(get, "STOP_TIMEOUT_SECONDS")?,
            lease_seconds: number(get, "LEASE_SECONDS")?,
            retention: get("CLOSELOOP_RETENTION")
                .map(|text| {
                    serde_yaml::from_str(&text).map_err(|error| anyhow::anyhow!("CLOSELOOP_RETENTION: {error}"))
                })
                .transpose()?,
        })
    }

    /// What `self` leaves out, from `other`.
    fn or(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            public_url: self.public_url.or(other.public_url),
            database_url: self.database_url.or(other.database_url),
            database_connections: self.database_connections.or(other.database_connections),
            database_wait_seconds: self.database_wait_seconds.or(other.database_wait_seconds),
            redis_url: self.redis_url.or(other.redis_url),
            redis_prefix: self.redis_prefix.or(other.redis_prefix),
            redis_ca_file: self.redis_ca_file.or(other.redis_ca_file),
            connectors: self.connectors.or(other.connectors),
            watch_connectors: self.watch_connectors.or(other.watch_connectors),
            guard_connectors: self.guard_connectors.or(other.guard_connectors),
            encryption_keys: self.encryption_keys.or(other.encryption_keys),
            accounts: self.accounts.or(other.accounts),
            endpoint_overrides: self.endpoint_overrides.or(other.endpoint_overrides),
            proxy: self.proxy.or(other.proxy),
            extra_ca_file: self.extra_ca_file.or(other.extra_ca_file),
            requests_per_host: self.requests_per_host.or(other.requests_per_host),
            requests_per_host_of_org: self.requests_per_host_of_org.or(other.requests_per_host_of_org),
            requests_waiting_per_host_of_org: self
                .requests_waiting_per_host_of_org
                .or(other.requests_waiting_per_host_of_org),
            requests_per_org: self.requests_per_org.or(other.requests_per_org),
            api_requests_per_second_of_org: self
                .api_requests_per_second_of_org
                .or(other.api_requests_per_second_of_org),
            log_format: self.log_format.or(other.log_format),
            log_level: self.log_level.or(other.log_level),
            drain_seconds: self.drain_seconds.or(other.drain_seconds),
            stop_timeout_seconds: self.stop_timeout_seconds.or(other.stop_timeout_seconds),
            lease_seconds: self.lease_seconds.or(other.lease_seconds),
            retention: self.retention.map(|it| it.or(other.retention.unwrap_or_default())).or(other.retention),
        }
    }

    fn resolve(self, environment: Environment<'_>) -> Result<Config> {
        let listen = self.listen.unwrap_or_default();
        let listen =
            listen.parse().with_context(|| format!("listen: `{listen}` is not an address such as 0.0.0.0:8080"))?;
        let accounts = self.accounts.unwrap_or_default().into_iter();
        let overrides = self.endpoint_overrides.unwrap_or_default().into_iter();
        Ok(Config {
            listen,
            public_url: url("public_url", &self.public_url.unwrap_or_default())?,
            database_url: Secret::new(self.database_url.unwrap_or_default()),
            database_pool: pool(self.database_connections, self.database_wait_seconds)?,
            redis: redis(self.redis_url, self.redis_prefix, self.redis_ca_file)?,
            connectors: self.connectors.unwrap_or_default(),
            watch_connectors: self.watch_connectors.unwrap_or_default(),
            guard_connectors: self.guard_connectors.unwrap_or_default(),
            encryption_keys: self.encryption_keys.filter(|keys| !keys.trim().is_empty()).map(Secret::new),
            accounts: accounts
                .map(|(id, app)| Ok((id.clone(), app.resolve(&id, environment)?)))
                .collect::<Result<_>>()?,
            endpoint_overrides: overrides
                .map(|(from, to)| Ok((url("endpoint_overrides", &from)?, url("endpoint_overrides", &to)?)))
                .collect::<Result<_>>()?,
            proxy: self.proxy.filter(|proxy| !proxy.is_empty()).map(|proxy| url("proxy", &proxy)).transpose()?,
            extra_ca: file("extra_ca_file", self.extra_ca_file)?,
            bounds: Bounds {
                at_host: at_least_one("requests_per_host", self.requests_per_host)?,
                at_host_of_org: at_least_one("requests_per_host_of_org", self.requests_per_host_of_org)?,
                waiting_of_org: at_least_one(
                    "requests_waiting_per_host_of_org",
                    self.requests_waiting_per_host_of_org,
                )?,
                of_org: at_least_one("requests_per_org", self.requests_per_org)?,
            },
            org_rate: self.api_requests_per_second_of_org.and_then(NonZeroU32::new),
            log_format: self.log_format.unwrap_or(LogFormat::Text),
            log_level: self.log_level.unwrap_or_default(),
            drain: Duration::from_secs(self.drain_seconds.unwrap_or_default()),
            stop_timeout: Duration::from_secs(self.stop_timeout_seconds.unwrap_or_default()),
            lease: lease(self.lease_seconds.unwrap_or_default())?,
            retention: retention(self.retention.unwrap_or_default())?,
        })
    }
}

/// Names what is no setting. The commented defaults have all of them.
fn known(text: &str) -> Result<()> {
    let settings = |text: &str| serde_yaml::from_str::<BTreeMap<String, IgnoredAny>>(text).unwrap_or_default();
    let known = settings(DEFAULTS);
    let Some(unknown) = settings(text).into_keys().find(|it| !known.contains_key(it)) else { return Ok(()) };
    match did_you_mean(&unknown, known.keys().map(String::as_str)) {
        Some(near) => bail!("there is no setting `{unknown}`; did you mean `{near}`?"),
        None => bail!("there is no setting `{unknown}`; src/config/default.yaml shows all of them"),
    }
}

fn lease(seconds: u64) -> Result<Duration> {
    if seconds == 0 {
        bail!("lease_seconds: a replica needs some time to say that it lives; give at least 1");
    }
    Ok(Duration::from_secs(seconds))
}

impl AppFile {
    fn resolve(self, id: &str, environment: Environment<'_>) -> Result<AccountApp> {
        let client_secret = match (self.client_secret_file, self.client_secret_env) {
            (Some(_), Some(_)) => bail!("accounts.{id}: give client_secret_file or client_secret_env, not both"),
            (Some(path), None) => {
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("accounts.{id}: can't read client_secret_file {}", path.display()))?;
                Some(text.trim().to_owned())
            }
            (None, Some(name)) => Some(
                environment(&name).with_context(|| format!("accounts.{id}: the environment has no variable {name}"))?,
            ),
            (None, None) => None,
        };
        Ok(AccountApp { client_id: self.client_id, client_secret: client_secret.map(Secret::new) })
    }
}

/// A file's content, if there is to be one.
fn file(setting: &str, path: Option<String>) -> Result<Option<Vec<u8>>> {
    let path = path.filter(|path| !path.is_empty());
    path.map(|path| std::fs::read(&path).with_context(|| format!("{setting}: can't read {path}"))).transpose()
}

fn redis(url: Option<String>, prefix: Option<String>, ca: Option<String>) -> Result<Option<Redis>> {
    let Some(url) = url.filter(|it| !it.is_empty()) else { return Ok(None) };
    // a URL may hold a password, so it is not repeated
    let is_redis = Url::parse(&url).is_ok_and(|it| matches!(it.scheme(), "redis" | "rediss") && it.has_host());
    if !is_redis {
        bail!("redis_url must look like redis://host:6379/0, or rediss://… for TLS");
    }
    let prefix = prefix.filter(|it| !it.is_empty()).context("redis_prefix must not be empty")?;
    Ok(Some(Redis { url: Secret::new(url), prefix, ca: file("redis_ca_file", ca)? }))
}

/// A variable `CLOSELOOP_<NAME>` that holds a number.
fn number<T: std::str::FromStr>(get: Environment<'_>, name: &str) -> Result<Option<T>> {
    let name = format!("CLOSELOOP_{name}");
    let Some(text) = get(&name) else { return Ok(None) };
    text.trim().parse().map(Some).map_err(|_| anyhow::anyhow!("{name} is `{text}`; it must be a whole number"))
}

/// A variable `CLOSELOOP_<NAME>` that says yes or no.
fn flag(get: Environment<'_>, name: &str) -> Result<Option<bool>> {
    let name = format!("CLOSELOOP_{name}");
    let Some(text) = get(&name) else { return Ok(None) };
    text.trim().parse().map(Some).map_err(|_| anyhow::anyhow!("{name} is `{text}`; it must be true or false"))
}

fn at_least_one(setting: &str, given: Option<usize>) -> Result<usize> {
    given.filter(|it| *it > 0).with_context(|| format!("{setting} must be at least 1"))
}

fn retention(given: Policy) -> Result<Retention> {
    let retention = Retention::default().with(&given);
    retention.check().map_err(|(name, range)| anyhow::anyhow!("retention.{name} can be {range}"))?;
    Ok(retention)
}

fn pool(connections: Option<u32>, wait_seconds: Option<u64>) -> Result<Pool> {
    let connections = connections.unwrap_or_default();
    let wait = Duration::from_secs(wait_seconds.unwrap_or_default());
    if connections == 0 {
        bail!("database_connections: without any, nothing can be kept");
    }
    if wait.is_zero() {
        bail!("database_wait_seconds: it takes a moment to connect");
    }
    Ok(Pool { connections, wait })
}

fn url(setting: &str, text: &str) -> Result<Url> {
    let url = Url::parse(text).with_context(|| format!("{setting}: `{text}` is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        bail!("{setting}: `{text}` must begin with http:// or https://");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn the_defaults_are_the_commented_file() {
        let config = Config::from_text("", &nothing).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert!(config.encryption_keys.is_none());
        assert_eq!(config.bounds, Bounds::default());
        assert_eq!(config.stop_timeout, Duration::from_secs(25));
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let environment = |name: &str| (name == "CLOSELOOP_LISTEN").then(|| "0.0.0.0:9".to_owned());
        let config = Config::from_text("listen: 127.0.0.1:1\nlog_format: json\n", &environment).unwrap();
        assert_eq!(config.listen.to_string(), "0.0.0.0:9");
        assert_eq!(config.log_format, LogFormat::Json);
    }

    #[test]
    fn retention_is_merged_field_by_field() {
        let environment = |name: &str| (name == "CLOSELOOP_RETENTION").then(|| "{traces_days: 7}".to_owned());
        let config = Config::from_text("retention: {traces_days: 8, inputs_days: 9}\n", &environment).unwrap();
        let kept = config.retention;
        assert_eq!((kept.traces_days, kept.inputs_days, kept.outputs_days), (7, 9, 90));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("listn: 1.2.3.4:5\n", "there is no setting `listn`; did you mean `listen`?"),
            ("endpoint_override: {}\n", "there is no setting `endpoint_override`; did you mean `endpoint_overrides`?"),
            ("listen: nowhere\n", "listen: `nowhere`"),
            ("proxy: ftp://x\n", "proxy"),
            ("requests_per_host: 0\n", "requests_per_host must be at least 1"),
            ("retention: {traces_days: 0}\n", "retention.traces_days can be 1 to 3650 days"),
            ("retention: {trace_days: 5}\n", "trace_days"),
            ("accounts: {p: {client_id: a, client_secret_env: NOT_THERE}}\n", "NOT_THERE"),
            ("redis_url: http://h\n", "redis_url must look like"),
            ("redis_url: redis://h\nredis_prefix: ''\n", "redis_prefix"),
            ("redis_url: rediss://h\nredis_ca_file: /nowhere/ca.pem\n", "redis_ca_file: can't read /nowhere"),
            ("endpoint_overrides: {\"https://a.example\": nope}\n", "`nope` is not a URL"),
        ] {
            let error = format!("{:#}", Config::from_text(text, &nothing).unwrap_err());
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn the_password_of_redis_never_prints() {
        let config = Config::from_text("redis_url: 'redis://:hunter2@h:6379/1'\n", &nothing).unwrap();
        let redis = config.redis.as_ref().unwrap();
        assert_eq!((redis.url.expose(), redis.prefix.as_str()), ("redis://:hunter2@h:6379/1", "closeloop"));
        assert!(!format!("{config:?}").contains("hunter2"));
        let error = Config::from_text("redis_url: 'http://:hunter2@h'\n", &nothing).unwrap_err();
        assert!(!format!("{error:#} {error:?}").contains("hunter2"));
    }

    #[test]
    fn a_client_secret_never_prints() {
        let environment = |name: &str| (name == "SECRET").then(|| "hunter2".to_owned());
        let config =
            Config::from_text("accounts: {p: {client_id: a, client_secret_env: SECRET}}\n", &environment).unwrap();
        assert_eq!(config.accounts["p"].client_secret.as_ref().unwrap().expose(), "hunter2");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
