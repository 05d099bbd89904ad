//! How requests leave: the door between the interpreter and the world.
//!
//! Live, dry, test and sandbox are four implementations of one trait.

pub mod allowance;
pub mod difference;
pub mod dry;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod hosts;
pub mod http;
pub mod isolation;
pub mod limits;
mod multipart;
pub(crate) mod received;
pub mod render;
pub mod rules;
pub mod sandbox;
pub mod script;
pub mod usage;

pub use allowance::Allowances;
pub use difference::{Difference, differences};
pub use hosts::check_host;
pub use isolation::Isolation;
pub use limits::{RateLimiter, Turns};
pub use render::render;
pub use rules::ReadAnswer;
pub use usage::{Meter, Usage};

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    base::{BoxFuture, Code, Effect, Secret},
    spec::{Http, Scheme},
    wire::{Answer, Request},
};

/// A request with what a transport must know to send it well.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// Unsigned.
    pub request: Arc<Request>,
    /// How to sign it; `None` sends it as it is.
    pub scheme: Option<&'a Scheme>,
    /// Hosts, redirects, limits.
    pub http: &'a Http,
    /// The step that sends it, for traces.
    pub step: &'a str,
    /// What it does to the world.
    pub effect: Effect,
    /// For the whole exchange.
    pub timeout: Duration,
    /// It finds out, or takes back, what may have happened: however busy or broken the provider seems, it is not held back.
    pub settles: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone)]
pub struct SendError {
    /// The canonical code. For a write that may have happened the interpreter decides on `unknown_outcome`.
    pub code: Code,
    /// Whether the provider may have seen the request.
    pub may_have_arrived: bool,
    /// For ops; no secrets.
    pub message: String,
    /// When to try again, if known.
    pub retry_after: Option<Duration>,
    /// It was held back by ourselves, since the provider fails or too much is going on: whoever wanted it is told at once,
    /// and it is not tried again meanwhile.
    pub held_back: bool,
}

impl SendError {
    /// Without advice on when to try again.
    pub fn new(code: Code, may_have_arrived: bool, message: impl Into<String>) -> Self {
        Self { code, may_have_arrived, message: message.into(), retry_after: None, held_back: false }
    }

    /// Nothing left this process: the provider can't have seen it.
    pub fn not_sent(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, false, message)
    }

    /// The provider may have seen it, and may have acted on it.
    pub fn maybe_sent(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, true, message)
    }
}

/// Sends requests.
pub trait Transport: Send + Sync {
    /// Signs and sends one request, and gives the provider's answer whatever its status.
    fn send<'a>(&'a self, outgoing: Outgoing<'a>) -> BoxFuture<'a, Result<Answer, SendError>>;
}

/// A request with its credential on it. The credential stays apart, so that whoever logs the request can't log it.
#[derive(Debug)]
pub struct Signed {
    /// As the plan rendered it.
    pub request: Arc<Request>,
    /// Added headers; names in lower case.
    pub headers: Vec<(String, Secret)>,
    /// Added query parameters.
    pub query: Vec<(String, Secret)>,
    /// Added members of a JSON or form body.
    pub members: Vec<(String, Secret)>,
    /// Put before the path.
    pub path: Option<Secret>,
    /// Empty elements of the XML body, and what stands in each, escaped.
    pub fill: Vec<(String, Secret)>,
    /// Shown when the connection is opened.
    pub identity: Option<Identity>,
}

impl Signed {
    /// As it is.
    pub fn unsigned(request: impl Into<Arc<Request>>) -> Self {
        let (headers, query, members, fill) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { request: request.into(), headers, query, members, path: None, fill, identity: None }
    }

    /// Adds the credential's parameters to an address.
    pub(crate) fn put_query(&self, url: &mut url::Url) {
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(self.query.iter().map(|(name, value)| (name, value.expose())));
        }
    }

    /// The body as it is sent, with the credential where it stands in the body.
    pub fn body(&self) -> Bytes {
        let body = &self.request.body;
        if self.fill.is_empty() && self.members.is_empty() {
            return body.clone();
        }
        let content_type = self.request.header("content-type").unwrap_or_default();
        if content_type.contains("json") {
            return self.with_members(body).unwrap_or_else(|| body.clone());
        }
        if content_type.starts_with("application/x-www-form-urlencoded") {
            let mut form = url::form_urlencoded::Serializer::new(String::from_utf8_lossy(body).into_owned());
            form.extend_pairs(self.members.iter().map(|(name, value)| (name, value.expose())));
            return form.finish().into();
        }
        let Ok(text) = std::str::from_utf8(body) else { return body.clone() };
        let mut text = text.to_owned();
        for (element, value) in &self.fill {
            let name = element.trim_matches(['<', '/', '>']);
            text = text.replacen(element, &format!("<{name}>{}</{name}>", value.expose()), 1);
        }
        text.into()
    }

    fn with_members(&self, body: &Bytes) -> Option<Bytes> {
        let mut json: serde_json::Map<_, _> = serde_json::from_slice(body).ok()?;
        json.extend(self.members.iter().map(|(name, value)| (name.clone(), value.expose().into())));
        serde_json::to_vec(&json).ok().map(Bytes::from)
    }
}

/// A client certificate and its key (mutual TLS, RFC 8705), both in PEM.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Others that lead to a known authority may follow it.
    pub certificate: Secret,
    /// Without a pass phrase.
    pub key: Secret,
}

/// Sends signed requests: the HTTP client, or the script of a connector test.
pub trait Sender: Send + Sync {
    /// Sends to an allowed host only, follows at most `http.redirects`, and gives the answer whatever its status.
    fn send_signed<'a>(
        &'a self,
        signed: Signed,
        http: &'a Http,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Answer, SendError>>;
}
