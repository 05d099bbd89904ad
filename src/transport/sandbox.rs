//! A provider that isn't there: answers requests from the connector's own sandbox answers. No network, no sign-in.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value as Json, json};
use url::Url;
use uuid::Uuid;

use super::{Outgoing, SendError, Transport, check_host, received, render};
use crate::{
    base::{BoxFuture, Clock, Code},
    expr::{EvalError, Scope, Sink},
    spec::{self, Http, SandboxAnswer},
    wire::{Answer, Request},
};

/// Answers with the first of the connector's sandbox answers that matches.
pub struct Sandbox<'c> {
    answers: &'c [SandboxAnswer],
    clock: &'c dyn Clock,
    /// `connection`, in which a server's address may be chosen.
    scope: Scope,
    seed: String,
    answered: AtomicU64,
}

impl<'c> Sandbox<'c> {
    /// `seed` makes the `id`s of the answers differ from those of other runs: an execution's id.
    pub fn new(
        answers: &'c [SandboxAnswer],
        connection: impl Into<Arc<Json>>,
        clock: &'c dyn Clock,
        seed: impl Into<String>,
    ) -> Self {
        let mut scope = Scope::new();
        scope.set("connection", connection);
        Self { answers, clock, scope, seed: seed.into(), answered: AtomicU64::new(0) }
    }

    /// The answer to `request`; `None` if no sandbox answer matches.
    pub(super) fn answer(&self, http: &Http, request: &Request) -> Result<Option<Answer>, SendError> {
        for answer in self.answers {
            if let Some(scope) = self.matches(answer, http, request) {
                return self.render(answer, scope, request).map(Some).map_err(|error| {
                    SendError::not_sent(Code::ProviderError, format!("the sandbox's answer can't be made: {error}"))
                });
            }
        }
        Ok(None)
    }

    /// What the answer's templates see, if it is for this request.
    fn matches(&self, answer: &SandboxAnswer, http: &Http, request: &Request) -> Option<Scope> {
        if answer.method != request.method {
            return None;
        }
        let params = self.paths(answer, http, &request.url).iter().find_map(|it| captures(&answer.path, it))?;
        let mut scope = self.scope.clone();
        scope.set("request", as_seen(request, &params));
        scope.set_instant("now", self.clock.now());
        // A test that this request has no place for is not about it.
        answer.when.as_ref().is_none_or(|it| it.test(&scope).unwrap_or(false)).then_some(scope)
    }

    /// The paths by which an answer may name the request: under the base URL of its server (or of any), and the whole.
    fn paths<'u>(&self, answer: &SandboxAnswer, http: &Http, url: &'u Url) -> Vec<&'u str> {
        let named = |name: &str| answer.server.as_deref().is_none_or(|it| it == name);
        let servers = http.servers.iter().filter(|(name, _)| named(name)).filter_map(|(_, it)| self.base(&it.url));
        let mut paths: Vec<&str> = servers.filter_map(|base| under(&base, url)).collect();
        if answer.server.is_none() || !paths.is_empty() {
            paths.push(url.path());
        }
        paths
    }

    fn base(&self, server: &spec::Url) -> Option<Url> {
        Url::parse(&render::address(server, &self.scope).ok()?).ok()
    }

    fn render(&self, answer: &SandboxAnswer, mut scope: Scope, request: &Request) -> Result<Answer, EvalError> {
        scope.set("id", Json::from(self.new_id()));
        let mut headers = Vec::with_capacity(answer.headers.len() + 1);
        for (name, text) in &answer.headers {
            headers.push((name.clone(), text.render(&scope, Sink::Header)?));
        }
        let (body, content_type) = match (&answer.body, &answer.text) {
            (Some(shape), _) => (shape.eval(&scope)?.map(|it| it.to_string()), "application/json"),
            (None, Some(text)) => {
                let is_xml = matches!(text.pieces.first(), Some(crate::expr::Piece::Literal(it)) if it.trim_start().starts_with('<'));
                let sink = if is_xml { Sink::Xml } else { Sink::Plain };
                (Some(text.render(&scope, sink)?), "text/plain; charset=utf-8")
            }
            (None, None) => (None, ""),
        };
        if body.is_some() && !headers.iter().any(|(name, _)| name == "content-type") {
            headers.push(("content-type".to_owned(), content_type.to_owned()));
        }
        let body = body.unwrap_or_default().into();
        Ok(Answer { status: answer.status, headers, body, url: request.url.clone() })
    }

    fn new_id(&self) -> String {
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}/{number}", self.seed).as_bytes()).to_string()
    }
}

impl Transport for Sandbox<'_> {
    fn send<'a>(&'a self, outgoing: Outgoing<'a>) -> BoxFuture<'a, Result<Answer, SendError>> {
        let Outgoing { request, http, .. } = outgoing;
        let answer = check_host(http, &request.url).and_then(|()| self.answer(http, &request)).and_then(|answer| {
            answer.ok_or_else(|| {
                let message = format!("the sandbox has no answer for {} {}", request.method, request.url.path());
                SendError::not_sent(Code::Unsupported, message)
            })
        });
        Box::pin(std::future::ready(answer))
    }
}

/// The rest of the path if `url` lies under `base`, with its leading slash.
fn under<'u>(base: &Url, url: &'u Url) -> Option<&'u str> {
    let rest = url.path().strip_prefix(base.path().trim_end_matches('/'))?;
    (base.origin() == url.origin() && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
}

/// What the pattern's `{name}`s stand for, decoded, if `path` fits it.
fn captures(pattern: &[String], path: &str) -> Option<Map<String, Json>> {
    let mut params = Map::new();
    // A slash at the end, or two together, make no difference.
    let mut segments = path.split('/').filter(|it| !it.is_empty());
    for expected in pattern.iter().filter(|it| !it.is_empty()) {
        let segment = percent_decode_str(segments.next()?).decode_utf8_lossy();
        match expected.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
            Some(name) => drop(params.insert(name.to_owned(), Json::from(segment))),
            None if *expected == segment => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(params)
}

/// `request` in a sandbox answer's templates.
fn as_seen(request: &Request, params: &Map<String, Json>) -> Json {
    json!({
        "method": request.method,
        "path": request.url.path(),
        "params": params,
        "query": received::grouped(request.url.query_pairs().into_owned()),
        "body": received::body(request.header("content-type").unwrap_or_default(), &request.body),
    })
}

#[cfg(test)]
#[path = "sandbox_tests.rs"]
mod tests;
