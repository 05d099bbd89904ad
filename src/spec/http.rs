//! Where requests go and what answers mean.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;

use super::{ClientCertificate, Xml, hosts};
use crate::{
    base::Code,
    diag::Span,
    expr::{Expr, Path, Shape, Text},
};

/// Where requests go.
#[derive(Debug)]
pub struct Http {
    /// Shown to the provider with token calls.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// The first is the default.
    pub servers: IndexMap<String, Server>,
    /// Host patterns that may be called: exact, or with `*` inside one label.
    pub hosts: Vec<String>,
    /// Sent with every request.
    pub headers: Vec<(String, Text)>,
    /// For one request.
    pub timeout: Duration,
    /// How many redirects are followed.
    pub redirects: u8,
    /// Our own limit towards the provider.
    pub rate_limit: Option<RateLimit>,
    /// Where answers tell of the provider's own limit.
    pub allowance: Option<Allowance>,
    /// Where answers tell how much of an allowance is used.
    pub usage: Option<Usage>,
    /// For XML answers.
    pub xml: Xml,
    /// First hit is the provider's reason.
    pub reason: Vec<Arc<Path>>,
    /// First hit is the provider's message.
    pub message: Vec<Arc<Path>>,
    /// What answers mean.
    pub errors: Vec<ErrorRule>,
}

/// A limit kept towards the provider.
#[derive(Debug, Clone, Copy)]
pub struct RateLimit {
    /// For one connection, rather than for all of the connector.
    pub per_connection: bool,
    /// This many …
    pub requests: u32,
    /// … in this time.
    pub window: Duration,
}

/// Headers by which answers tell of the provider's own limit; their names in lower case.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// For one connection, rather than for all of the connector.
    pub per_connection: bool,
    /// How many requests are left.
    pub remaining: String,
    /// When there are as many as ever again.
    pub reset: String,
    /// How `reset` says it.
    pub unit: ResetUnit,
}

/// How a header says when a limit is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetUnit {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Milliseconds,
    /// Seconds since 1970.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMilliseconds,
    /// An HTTP date, or a date-time as RFC 3339 has it.
    Date,
}

impl ResetUnit {
    /// Every unit, by the word in YAML.
    pub(crate) const WORDS: [(&'static str, Self); 5] = [
        ("seconds", Self::Seconds),
        ("milliseconds", Self::Milliseconds),
        ("epoch_seconds", Self::EpochSeconds),
        ("epoch_milliseconds", Self::EpochMilliseconds),
        ("date", Self::Date),
    ];
}

/// Where answers tell how much of the provider's allowance is used; each over `answer`'s status and headers.
#[derive(Debug)]
pub struct Usage {
    /// Calls made.
    pub used: Option<Arc<Expr>>,
    /// Calls allowed.
    pub limit: Option<Arc<Expr>>,
    /// Calls left.
    pub remaining: Option<Arc<Expr>>,
}

/// A base URL that requests go under.
#[derive(Debug)]
pub struct Server {
    /// The address.
    pub url: Url,
    /// The origins of those addresses that are written out up to their path.
    pub(crate) origins: Vec<url::Url>,
    /// The address, if all of it is written out. Its path has no slash at its end, unless it is only that.
    pub(crate) fixed: Option<url::Url>,
}

impl From<Url> for Server {
    fn from(url: Url) -> Self {
        let origins = url.texts().filter_map(hosts::literal_origin).collect();
        let fixed = match &url {
            Url::Text(text) => text.as_literal().and_then(|it| url::Url::parse(it.trim_end_matches('/')).ok()),
            Url::Choice { .. } => None,
        };
        let fixed = fixed.filter(|it| it.has_host() && it.query().is_none() && it.fragment().is_none());
        // `/v1/..` leaves one behind
        let fixed = fixed.filter(|it| it.path() == "/" || !it.path().ends_with('/'));
        Self { url, origins, fixed }
    }
}

/// An absolute address.
#[derive(Debug, Clone)]
pub enum Url {
    /// Literal or template.
    Text(Text),
    /// Picked by a value.
    Choice {
        /// What decides.
        by: Arc<Expr>,
        /// Value → address.
        of: Vec<(String, Text)>,
    },
}

/// What an answer means.
#[derive(Debug, Clone)]
pub struct ErrorRule {
    /// Its place.
    pub span: Span,
    /// Ranges of status; empty matches any.
    pub status: Vec<(u16, u16)>,
    /// Any of these reasons; empty matches any.
    pub reason: Vec<String>,
    /// Over `answer`.
    pub when: Option<Arc<Expr>>,
    /// What it is; `None` is success.
    pub is: Option<Code>,
    /// For the customer.
    pub say: Option<Text>,
    /// Seconds.
    pub retry_after: Option<Shape>,
    /// The org's own fields are not what they were when they were last described.
    pub schema_changed: bool,
}

impl Url {
    /// Calls `visit` with each expression.
    pub(crate) fn for_each_expr<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Expr>)) {
        if let Self::Choice { by, .. } = self {
            visit(by);
        }
        self.texts().for_each(|it| it.for_each_expr(visit));
    }

    /// The address, or all of those that may be chosen.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let (one, many) = match self {
            Self::Text(text) => (Some(text), [].as_slice()),
            Self::Choice { of, .. } => (None, of.as_slice()),
        };
        one.into_iter().chain(many.iter().map(|(_, text)| text))
    }
}
