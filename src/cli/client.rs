//! A small client of the engine's own HTTP API, and the arguments by which commands say which engine and who asks.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value as Json;

use super::refusal::refusal;
use crate::base::Secret;

/// Longer than anybody may be kept waiting.
const TIMEOUT: Duration = Duration::from_secs(630);

/// An export of a large org may take hours.
const LONG: Duration = Duration::from_hours(24);

/// Where the engine is.
#[derive(Debug, clap::Args)]
struct At {
    /// Where the engine listens.
    #[arg(long, env = "CLOSELOOP_SERVER", default_value = "http://127.0.0.1:8080", global = true)]
    server: String,
}

impl At {
    fn client(&self, key: Option<String>, help: &'static str) -> Result<ApiClient> {
        let key = key.filter(|it| !it.is_empty()).context(help)?;
        ApiClient::new(&self.server, Secret::new(key))
    }
}

/// Asks an engine as an org.
#[derive(Debug, clap::Args)]
pub(super) struct AsOrg {
    #[command(flatten)]
    at: At,
    /// An API key of the org.
    #[arg(long, env = "CLOSELOOP_API_KEY", hide_env_values = true, global = true)]
    key: Option<String>,
}

impl AsOrg {
    /// # Errors
    /// Without a key.
    pub(super) fn client(self) -> Result<ApiClient> {
        const HELP: &str =
            "give an API key of the org by --key or CLOSELOOP_API_KEY; `closeloop keys api --org NAME` makes one";
        self.at.client(self.key, HELP)
    }
}

/// Asks an engine as an operator.
#[derive(Debug, clap::Args)]
pub(super) struct AsOperator {
    #[command(flatten)]
    at: At,
    /// An operator's key.
    #[arg(long, env = "CLOSELOOP_OPERATOR_KEY", hide_env_values = true, global = true)]
    key: Option<String>,
}

impl AsOperator {
    /// # Errors
    /// Without a key.
    pub(super) fn client(self) -> Result<ApiClient> {
        const HELP: &str =
            "give an operator's key by --key or CLOSELOOP_OPERATOR_KEY; `closeloop keys operator --name YOU` makes one";
        self.at.client(self.key, HELP)
    }
}

/// Speaks to one engine as one org, or as an operator.
#[derive(Debug)]
pub(super) struct ApiClient {
    http: reqwest::Client,
    base: String,
    key: Secret,
}

/// A status and a JSON body (null when empty).
#[derive(Debug)]
pub(super) struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Json,
}

impl Reply {
    /// Whether it was done.
    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl ApiClient {
    /// For the engine at `base` (such as `http://127.0.0.1:8080`) with the key of an org or operator.
    ///
    /// # Errors
    /// When no TLS backend can be set up.
    pub(super) fn new(base: &str, key: Secret) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().context("can't set up HTTP")?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), key })
    }

    /// An answer that is longer than memory, to be read as it comes.
    ///
    /// # Errors
    /// When the engine can't be reached, or refuses it.
    pub(super) async fn open(&self, path: &str) -> Result<reqwest::Response> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(self.key.expose()).timeout(LONG);
        let answer = request.send().await.with_context(|| format!("no engine answers at {}", self.base))?;
        let status = answer.status();
        if !status.is_success() {
            let text = answer.text().await.unwrap_or_default();
            let body = serde_json::from_str(&text).with_context(|| format!("the engine answered {status}: {text}"))?;
            bail!("{}", refusal(&Reply { status: status.as_u16(), body }));
        }
        Ok(answer)
    }

    /// Sends one request. An idempotency key makes the call repeatable.
    ///
    /// # Errors
    /// When the engine can't be reached, or answers something that isn't JSON.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        idempotency: Option<&str>,
    ) -> Result<Reply> {
        let key = idempotency.map(|key| ("idempotency-key", key.to_owned()));
        self.send_with(method, path, body, &Vec::from_iter(key)).await
    }

    /// The same with such headers.
    ///
    /// # Errors
    /// When the engine can't be reached, or answers something that isn't JSON.
    pub(super) async fn send_with(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        headers: &[(&str, String)],
    ) -> Result<Reply> {
        let url = format!("{}{path}", self.base);
        let method = method.parse().context("not an HTTP method")?;
        let mut request = self.http.request(method, &url).bearer_auth(self.key.expose());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.with_context(|| format!("no engine answers at {}", self.base))?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.context("the answer broke off")?;
        let body = match bytes.as_ref() {
            [] => Json::Null,
            bytes => serde_json::from_slice(bytes).with_context(|| format!("{url} answered {status}, not JSON"))?,
        };
        Ok(Reply { status, body })
    }
}
