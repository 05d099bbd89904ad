use std::{
    error::Error as StdError,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;
use reqwest::{
    Certificate, Client, ClientBuilder, Method, Proxy, Response,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use tracing::debug;
use url::Url;

use super::{
    guard::{Blocked, GuardedResolver, check_literal},
    identities::{Identities, Which},
    overrides::EndpointOverrides,
    redirect,
};
use crate::{
    base::{BoxFuture, Code},
    format::query,
    spec::Http,
    transport::{SendError, Sender, Signed, check_host},
    wire::Answer,
};

/// Idle connections are given up before most servers close theirs, so that a write seldom meets a closing one.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What ops can set.
#[derive(Clone)]
pub struct ClientConfig {
    /// Stand-ins for providers.
    pub overrides: EndpointOverrides,
    /// All calls but those to stand-ins go through it, by CONNECT. Its names are resolved by it, so that it must refuse
    /// private addresses itself; literal ones are still refused here.
    pub proxy: Option<Url>,
    /// Certificates (PEM) that are trusted beside the system's.
    pub extra_ca: Option<Vec<u8>>,
    /// An answer with a longer body is refused.
    pub max_body_bytes: usize,
    /// For name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            overrides: EndpointOverrides::default(),
            proxy: None,
            extra_ca: None,
            max_body_bytes: 4 << 20,
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// `extra_ca`
    #[error("the extra CA file holds no PEM certificate")]
    ExtraCa,
    /// `proxy`
    #[error("the proxy must be an http or https URL with a host")]
    Proxy,
    /// The system's certificates, mostly.
    #[error("the HTTP client can't be built: {0}")]
    Build(String),
}

/// Sends requests into the world. One for the process: its connections are pooled, and building it reads the system's
/// certificates.
#[derive(Debug)]
pub struct HttpClient {
    guarded: Client,
    /// For overridden origins only: no guard, no proxy.
    stand_ins: Client,
    /// The same two for each client certificate.
    identities: Identities,
    overrides: EndpointOverrides,
    max_body_bytes: usize,
}

impl HttpClient {
    /// Opens nothing yet.
    pub fn new(config: &ClientConfig) -> Result<Self, ClientError> {
        let guarded = build(guarded(config)?)?;
        let stand_ins = if config.overrides.is_empty() { guarded.clone() } else { build(builder(config)?)? };
        let (overrides, max_body_bytes, config) = (config.overrides.clone(), config.max_body_bytes, config.clone());
        let identities = Identities::new(Box::new(move |which, identity| {
            let builder = match which {
                Which::Guarded => self::guarded(&config)?,
                Which::StandIns => builder(&config)?,
            };
            build(builder.identity(identity))
        }));
        Ok(Self { guarded, stand_ins, identities, overrides, max_body_bytes })
    }

    /// All hops of one exchange. `sent` turns true once anything may have left.
    async fn exchange(&self, signed: &Signed, http: &Http, sent: &AtomicBool) -> Result<Answer, SendError> {
        let mut call = Call {
            method: method(&signed.request.method)?,
            url: self.declared(&signed.request.url, None, signed),
            headers: headers(signed)?,
            body: signed.body(),
        };
        check_host(http, &call.url)?;
        let mut hops = 0;
        loop {
            let response = self.hop(&call, signed, sent).await?;
            let status = response.status();
            let follow = http.redirects > 0 && redirect::is_clear(status, &call.method);
            let next = redirect::location(status, response.headers(), &call.url).filter(|_| follow);
            let Some(next) = next else {
                let (status, headers, body) = self.read(response, &call.url).await?;
                return Ok(Answer { status, headers, body, url: call.url });
            };
            hops += 1;
            if hops > http.redirects {
                let message =
                    format!("{} redirects more often than {} times", host(&signed.request.url), http.redirects);
                return Err(SendError::maybe_sent(Code::ProviderError, message));
            }
            let next = self.declared(&next, Some(&call.url), signed);
            // What answered may have acted already, whatever the next hop comes to.
            check_host(http, &next).map_err(|error| SendError { may_have_arrived: true, ..error })?;
            call.follow(next, redirect::becomes_get(status, &call.method));
        }
    }

    /// `url`, or the declared address for which the stand-in at `url` stands, without what signs.
    ///
    /// A provider repeats our key in a `Location` or a next-page address; what is kept, compared and shown must not hold it.
    fn declared(&self, url: &Url, near: Option<&Url>, signed: &Signed) -> Url {
        let mut url = self.overrides.declared(url, near).unwrap_or_else(|| url.clone());
        let names: Vec<&str> = signed.query.iter().map(|(name, _)| name.as_str()).collect();
        query::remove(&mut url, &names);
        if let Some(secret) = &signed.path
            && let Some(rest) = url.path().strip_prefix(secret.expose()).map(str::to_owned)
        {
            url.set_path(&rest);
        }
        url
    }

    /// One request and the head of its answer.
    async fn hop(&self, call: &Call, signed: &Signed, sent: &AtomicBool) -> Result<Response, SendError> {
        let (which, mut target) = match self.overrides.target(&call.url) {
            Some(target) => (Which::StandIns, target),
            None => {
                let before = sent.load(Ordering::Relaxed);
                check_literal(&call.url).map_err(|it| blocked(it, &call.url, before))?;
                (Which::Guarded, call.url.clone())
            }
        };
        let client = match (&signed.identity, which) {
            (Some(identity), which) => &self.identities.client(which, identity).await?,
            (None, Which::Guarded) => &self.guarded,
            (None, Which::StandIns) => &self.stand_ins,
        };
        if let Some(secret) = &signed.path {
            // The address of a stand-in may have a path of its own, under which the provider's begins.
            let path = call.url.path();
            let before = target.path().strip_suffix(path).unwrap_or_default();
            let whole = format!("{before}{}{}", secret.expose(), if path == "/" { "" } else { path });
            target.set_path(&whole);
        }
        signed.put_query(&mut target);
        let mut request = reqwest::Request::new(call.method.clone(), target);
        *request.headers_mut() = call.headers.clone();
        if !call.body.is_empty() {
            *request.body_mut() = Some(call.body.clone().into());
        }
        let before = sent.swap(true, Ordering::Relaxed);
        client.execute(request).await.map_err(|error| not_answered(&error, &call.url, before))
    }

    /// Status, headers and the rest of the answer, against the cap.
    async fn read(&self, mut response: Response, url: &Url) -> Result<(u16, Vec<(String, String)>, Bytes), SendError> {
        let too_large = || {
            let message = format!("the answer of {} is longer than {} bytes", host(url), self.max_body_bytes);
            Err(SendError::maybe_sent(Code::ProviderError, message))
        };
        if response.content_length().is_some_and(|it| it > self.max_body_bytes as u64) {
            return too_large();
        }
        // Most answers come in one piece, which is kept as it came.
        let (mut first, mut rest) = (Bytes::new(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| not_answered(&error, url, true))? {
            if first.len() + rest.len() + chunk.len() > self.max_body_bytes {
                return too_large();
            }
            if first.is_empty() {
                first = chunk;
            } else {
                rest.extend_from_slice(&chunk);
            }
        }
        let body = if rest.is_empty() { first } else { Bytes::from([&first[..], &rest[..]].concat()) };
        let status = response.status().as_u16();
        let mut headers = Vec::with_capacity(response.headers().len());
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        headers.extend(response.headers().iter().map(text));
        Ok((status, headers, body))
    }
}

impl Sender for HttpClient {
    fn send_signed<'a>(
        &'a self,
        signed: Signed,
        http: &'a Http,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let (method, to) = (&signed.request.method, host(&signed.request.url));
            let sent = AtomicBool::new(false);
            let result = tokio::time::timeout(timeout, self.exchange(&signed, http, &sent)).await;
            let result = result.unwrap_or_else(|_| {
                let message = format!("no whole answer from {to} within {} ms", timeout.as_millis());
                Err(SendError::new(Code::Timeout, sent.load(Ordering::Relaxed), message))
            });
            // Neither path nor query: they hold personal data.
            match &result {
                Ok(answer) => debug!(method, host = to, status = answer.status, bytes = answer.body.len(), "answered"),
                Err(error) => debug!(method, host = to, code = error.code.as_str(), error = error.message, "no answer"),
            }
            result
        })
    }
}

/// What one hop sends, but for what signs its address.
struct Call {
    method: Method,
    /// Declared, without secrets.
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    fn follow(&mut self, url: Url, as_get: bool) {
        self.url = url;
        if as_get {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.headers.remove(reqwest::header::CONTENT_TYPE);
        }
    }
}

/// With the guard, and the outgoing proxy.
fn guarded(config: &ClientConfig) -> Result<ClientBuilder, ClientError> {
    let mut resolver = GuardedResolver::default();
    let mut guarded = builder(config)?;
    if let Some(url) = &config.proxy {
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        resolver.proxy = Some(host.ok_or(ClientError::Proxy)?.to_owned());
        guarded = guarded.proxy(Proxy::all(url.clone()).map_err(|_| ClientError::Proxy)?);
    }
    Ok(guarded.dns_resolver(resolver))
}

fn builder(config: &ClientConfig) -> Result<ClientBuilder, ClientError> {
    let mut builder = Client::builder()
        .user_agent(concat!("closeloop/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .connect_timeout(config.connect_timeout)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT);
    if let Some(pem) = &config.extra_ca {
        let certificates = Certificate::from_pem_bundle(pem).map_err(|_| ClientError::ExtraCa)?;
        if certificates.is_empty() {
            return Err(ClientError::ExtraCa);
        }
        builder = builder.tls_certs_merge(certificates);
    }
    Ok(builder)
}

fn build(builder: ClientBuilder) -> Result<Client, ClientError> {
    builder.build().map_err(|error| ClientError::Build(cause(&error)))
}

fn method(name: &str) -> Result<Method, SendError> {
    let message = || SendError::not_sent(Code::ProviderError, format!("`{name}` is not an HTTP method"));
    Method::from_bytes(name.as_bytes()).map_err(|_| message())
}

/// The plan's headers, then the credential's, which replace them.
fn headers(signed: &Signed) -> Result<HeaderMap, SendError> {
    let refused = |name: &str| {
        SendError::not_sent(Code::InvalidInput, format!("the header `{name}` can't be sent with that name or value"))
    };
    let mut map = HeaderMap::with_capacity(signed.request.headers.len() + signed.headers.len());
    for (name, value) in &signed.request.headers {
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused(name))?;
        map.append(key, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused(name))?);
    }
    for (name, value) in &signed.headers {
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused(name))?;
        let mut value = HeaderValue::from_bytes(value.expose().as_bytes()).map_err(|_| refused(name))?;
        value.set_sensitive(true);
        map.insert(key, value);
    }
    Ok(map)
}

/// Why a hop has no answer. `before` is whether an earlier hop was sent.
fn not_answered(error: &reqwest::Error, url: &Url, before: bool) -> SendError {
    if sources(error).any(|it| it.is::<Blocked>()) {
        return blocked(Blocked, url, before);
    }
    let (host, cause) = (host(url), cause(error));
    if is_refused_certificate(&cause) {
        // The provider ends the handshake before it looks at the request, though the request may have left already.
        let message = format!("{host} does not accept our client certificate, or wants one: {cause}");
        return SendError::new(Code::Reauthorize, before, message);
    }
    if error.is_connect() {
        return SendError::new(Code::Unavailable, before, format!("can't connect to {host}: {cause}"));
    }
    if error.is_builder() {
        return SendError::new(Code::ProviderError, before, format!("the request to {host} can't be sent: {cause}"));
    }
    SendError::maybe_sent(Code::Unavailable, format!("the connection to {host} was lost: {cause}"))
}

/// Alerts of TLS (RFC 8446 §6.2) that are about who we are.
fn is_refused_certificate(cause: &str) -> bool {
    const ALERTS: &[&str] = &[
        "BadCertificate",
        "UnsupportedCertificate",
        "CertificateRevoked",
        "CertificateExpired",
        "CertificateUnknown",
        "UnknownCA",
        "AccessDenied",
        "CertificateRequired",
    ];
    cause.strip_prefix("received fatal alert: ").is_some_and(|it| ALERTS.contains(&it))
}

/// Nobody's permission would help, and no later time: such addresses are not called.
fn blocked(why: Blocked, url: &Url, may_have_arrived: bool) -> SendError {
    SendError::new(Code::Unsupported, may_have_arrived, format!("{} is never called: {why}", host(url)))
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

/// The innermost reason: it names no URL.
fn cause(error: &reqwest::Error) -> String {
    sources(error).last().map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

fn sources(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&it| it.source())
}
