//! `http`: servers, hosts and limits.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;

use super::Lower;
use crate::{
    base::credentials::is_credential_header,
    diag::{Diagnostic, Span, codes},
    expr::{Path, Text},
    spec::{Allowance, Http, RateLimit, ResetUnit, Server, Url, Usage, Xml, facts::Part, hosts, keys},
    yaml::{Entry, Kind, Node, Reader},
};

/// Headers that belong to the connection, or are computed from the message.
const NEVER_GIVEN: &[&str] = &[
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "accept-encoding",
];

/// Who gives headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadersOf {
    /// A request, or all of them.
    Requests,
    /// A sign-in, which may carry credentials.
    SignIn,
    /// An answer of the sandbox.
    Answers,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            certificate: None,
            servers: IndexMap::new(),
            hosts: Vec::new(),
            headers: Vec::new(),
            timeout: Duration::from_secs(10),
            redirects: 0,
            rate_limit: None,
            allowance: None,
            usage: None,
            xml: Xml::default(),
            reason: Vec::new(),
            message: Vec::new(),
            errors: Vec::new(),
        }
    }
}

impl Lower<'_> {
    /// `http`
    pub(super) fn http(&mut self, reader: &Reader<'_>) -> Http {
        let defaults = Http::default();
        let (rate_limit, allowance) = self.limits(reader);
        Http {
            certificate: None,
            servers: self.servers(reader),
            hosts: self.hosts(reader),
            headers: self.headers(reader, HeadersOf::Requests),
            timeout: reader.duration("timeout", self.diagnostics).unwrap_or(defaults.timeout),
            redirects: reader.integer("redirects", self.diagnostics).unwrap_or(defaults.redirects),
            rate_limit,
            allowance,
            usage: self.usage(reader),
            xml: self.xml(reader),
            reason: self.paths(reader, "reason"),
            message: self.paths(reader, "message"),
            errors: self.rules(reader, "errors"),
        }
    }

    fn servers(&mut self, reader: &Reader<'_>) -> IndexMap<String, Server> {
        let mut servers = IndexMap::new();
        match reader.exactly_one(&["base_url", "servers"], self.diagnostics) {
            Some(entry) if entry.key == "base_url" => {
                if let Some(url) = self.url(&entry.value, "base_url") {
                    servers.insert("default".to_owned(), url.into());
                }
            }
            Some(_) => {
                for entry in reader.named("servers", self.diagnostics) {
                    self.facts.parts.push((Part::Server, entry.key.clone()));
                    if let Some(url) = self.url(&entry.value, &entry.key) {
                        servers.insert(entry.key.clone(), url.into());
                    }
                }
            }
            None => {}
        }
        servers
    }

    /// A literal, a template or a choice.
    pub(super) fn url(&mut self, node: &Node, what: &str) -> Option<Url> {
        self.address(node, what, false)
    }

    /// The same; `whole` if it may have a query and a fragment.
    pub(super) fn address(&mut self, node: &Node, what: &str, whole: bool) -> Option<Url> {
        if !matches!(node.kind, Kind::Map(_)) {
            return Some(Url::Text(self.address_text(node, what, whole)));
        }
        let reader = Reader::open(node, &keys::CHOICE, self.diagnostics)?;
        let by = self.expr_at(&reader, "by");
        let of = reader.mapping("of", self.diagnostics);
        let of = of.iter().map(|it| (it.key.clone(), self.address_text(&it.value, &it.key, whole))).collect();
        Some(Url::Choice { by: by?, of })
    }

    /// The patterns at `hosts`.
    pub(super) fn hosts(&mut self, reader: &Reader<'_>) -> Vec<String> {
        let mut patterns = Vec::new();
        for (pattern, span) in reader.texts("hosts", self.diagnostics) {
            match hosts::refuse(pattern) {
                None => patterns.push(pattern.to_ascii_lowercase()),
                Some(why) => {
                    let diagnostic =
                        Diagnostic::error(codes::BAD_HOST, span, format!("`{pattern}` can't be allowed: {why}"));
                    self.report(diagnostic.help("for example `api.example.com` or `*.example.com`"));
                }
            }
        }
        patterns
    }

    /// The headers at `headers`, names in lower case.
    pub(super) fn headers(&mut self, reader: &Reader<'_>, of: HeadersOf) -> Vec<(String, Text)> {
        self.headers_at(reader, "headers", of)
    }

    /// The headers at a key.
    pub(super) fn headers_at(&mut self, reader: &Reader<'_>, key: &str, of: HeadersOf) -> Vec<(String, Text)> {
        let mut headers: Vec<(String, Text)> = Vec::new();
        for entry in reader.mapping(key, self.diagnostics) {
            let text = self.text(&entry.value, &entry.key);
            let name = entry.key.to_ascii_lowercase();
            if self.is_header(entry, &name, of) {
                if headers.iter().any(|(it, _)| *it == name) {
                    self.error(codes::DUPLICATE_KEY, entry.key_span, format!("the header `{name}` is given twice"));
                }
                headers.push((name, text));
            }
        }
        headers
    }

    fn is_header(&mut self, entry: &Entry, name: &str, of: HeadersOf) -> bool {
        let problem = if name.is_empty() || !name.bytes().all(is_token) {
            Some((codes::BAD_HEADER, "this is not a header's name", "names have letters, digits and dashes"))
        } else if NEVER_GIVEN.contains(&name) {
            Some((codes::BAD_HEADER, "this header is set by the engine", "leave it out"))
        } else if of == HeadersOf::Requests && is_credential_header(name) {
            let help = "put it into `headers` of a scheme in `auth`";
            Some((codes::CREDENTIAL_HEADER, "this header carries a credential, which only `auth` knows", help))
        } else {
            None
        };
        if let Some((code, message, help)) = problem {
            self.report(Diagnostic::error(code, entry.key_span, message).help(help));
        }
        problem.is_none()
    }

    fn usage(&mut self, reader: &Reader<'_>) -> Option<Usage> {
        let reader = reader.section("usage", &keys::USAGE, self.diagnostics)?;
        if !reader.has("used") && !reader.has("remaining") {
            let message = "`usage` needs `used` or `remaining`";
            let diagnostic = Diagnostic::error(codes::MISSING_KEY, reader.at(), message);
            self.report(diagnostic.help("for example `remaining: \"{{ answer.headers['x-ratelimit-remaining'] }}\"`"));
        }
        Some(Usage {
            used: self.expr_at(&reader, "used"),
            limit: self.expr_at(&reader, "limit"),
            remaining: self.expr_at(&reader, "remaining"),
        })
    }

    /// Our own limit, and what answers tell of the provider's.
    fn limits(&mut self, reader: &Reader<'_>) -> (Option<RateLimit>, Option<Allowance>) {
        let Some(reader) = reader.section("rate_limit", &keys::RATE_LIMIT, self.diagnostics) else {
            return (None, None);
        };
        let per_connection = reader.word("per", self.diagnostics) != Some("connector");
        let (requests, window) =
            (reader.integer("requests", self.diagnostics), reader.duration("window", self.diagnostics));
        let (has_requests, has_window) = (reader.has("requests"), reader.has("window"));
        if has_requests != has_window || !(has_requests || reader.has("headers")) {
            let message = "`rate_limit` needs `requests` with `window`, or `headers`, or both";
            let diagnostic = Diagnostic::error(codes::MISSING_KEY, reader.at(), message);
            self.report(diagnostic.help("for example `{requests: 100, window: 60s}`"));
        }
        let rate_limit = requests.zip(window).map(|(requests, window)| RateLimit { per_connection, requests, window });
        let headers = reader.section("headers", &keys::LIMIT_HEADERS, self.diagnostics);
        (rate_limit, headers.and_then(|it| self.allowance(&it, per_connection)))
    }

    fn allowance(&mut self, reader: &Reader<'_>, per_connection: bool) -> Option<Allowance> {
        let word = reader.word("as", self.diagnostics);
        let [remaining, reset] = ["remaining", "reset"].map(|key| self.header_name(reader, key));
        let unit = word.and_then(|word| ResetUnit::WORDS.iter().find(|it| it.0 == word))?.1;
        Some(Allowance { per_connection, remaining: remaining?, reset: reset?, unit })
    }

    /// The name of a header of answers, in lower case.
    fn header_name(&mut self, reader: &Reader<'_>, key: &str) -> Option<String> {
        let name = reader.text(key, self.diagnostics)?;
        if name.is_empty() || !name.bytes().all(is_token) {
            let span = reader.node(key)?.span;
            let diagnostic = Diagnostic::error(codes::BAD_HEADER, span, format!("`{name}` is not a header's name"));
            self.report(diagnostic.help("names have letters, digits and dashes"));
        }
        Some(name.to_ascii_lowercase())
    }

    fn xml(&mut self, reader: &Reader<'_>) -> Xml {
        let Some(reader) = reader.section("xml", &keys::XML, self.diagnostics) else { return Xml::default() };
        let mut xml = Xml::default();
        let mut prefixes: Vec<&str> = Vec::new();
        for entry in reader.mapping("namespaces", self.diagnostics) {
            prefixes.push(&entry.key);
            if let Some(uri) = entry.value.as_text() {
                xml.namespaces.push((uri.to_owned(), entry.key.clone()));
            }
        }
        for (name, span) in reader.texts("arrays", self.diagnostics) {
            let known = name.split_once(':').is_some_and(|(prefix, _)| prefixes.contains(&prefix));
            if !known {
                let diagnostic =
                    Diagnostic::error(codes::UNKNOWN_NAME, span, format!("`{name}` has no prefix of `namespaces`"));
                self.report(diagnostic.help("write it as `prefix:name`"));
            }
            xml.arrays.push(name.to_owned());
        }
        xml
    }

    /// One path, or several.
    fn paths(&mut self, reader: &Reader<'_>, key: &str) -> Vec<Arc<Path>> {
        reader.one_or_many(key).iter().filter_map(|it| self.path(it, key)).collect()
    }

    /// Name → literal text.
    pub(super) fn literals(&mut self, reader: &Reader<'_>, key: &str) -> Vec<(String, String)> {
        let mut literals = Vec::new();
        for entry in reader.mapping(key, self.diagnostics) {
            if let Some(text) = self.literal(&entry.value, &entry.key) {
                literals.push((entry.key.clone(), text));
            }
        }
        literals
    }

    fn literal(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what);
        let literal = text.as_literal().map(str::to_owned);
        if literal.is_none() {
            self.no_placeholders(node.span, what);
        }
        literal
    }

    fn no_placeholders(&mut self, span: Span, what: &str) {
        self.error(
            codes::WRONG_TYPE,
            span,
            format!("`{what}` is the same for every connection: it takes no placeholders"),
        );
    }
}

/// RFC 9110 §5.6.2
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
