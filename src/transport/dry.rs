//! Sends nothing and keeps what would have been sent.

use std::sync::Mutex;

use bytes::Bytes;

use super::{Outgoing, SendError, Transport, check_host, sandbox::Sandbox};
use crate::{
    base::{BoxFuture, Effect, MASK, lock},
    spec::{Apply, Scheme},
    wire::Answer,
};

/// Records every request. The sandbox answers, so that plans of several steps go on; what it has no answer for gets an empty
/// 200.
pub struct Dry<'c> {
    sandbox: Sandbox<'c>,
    requests: Mutex<Vec<DryRequest>>,
}

/// A request that would have been sent.
#[derive(Debug, Clone)]
pub struct DryRequest {
    /// Which step sends it.
    pub step: String,
    /// What it would do.
    pub effect: Effect,
    /// Upper case.
    pub method: String,
    /// With its query, in which `•••` stands for what signing adds.
    pub url: String,
    /// With `•••` for what signing adds.
    pub headers: Vec<(String, String)>,
    /// The exact bytes.
    pub body: Bytes,
    /// Whether the sandbox had an answer.
    pub answered: bool,
}

impl<'c> Dry<'c> {
    /// Nothing sent yet.
    pub fn new(sandbox: Sandbox<'c>) -> Self {
        Self { sandbox, requests: Mutex::default() }
    }

    /// The requests so far, in order.
    pub fn requests(&self) -> Vec<DryRequest> {
        lock(&self.requests).clone()
    }

    fn exchange(&self, outgoing: &Outgoing<'_>) -> Result<Answer, SendError> {
        check_host(outgoing.http, &outgoing.request.url)?;
        let answer = self.sandbox.answer(outgoing.http, &outgoing.request)?;
        let request = recorded(outgoing, answer.is_some());
        lock(&self.requests).push(request);
        Ok(answer.unwrap_or_else(|| Answer {
            status: 200,
            headers: Vec::new(),
            body: Bytes::new(),
            url: outgoing.request.url.clone(),
        }))
    }
}

impl Transport for Dry<'_> {
    fn send<'a>(&'a self, outgoing: Outgoing<'a>) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(std::future::ready(self.exchange(&outgoing)))
    }
}

fn recorded(outgoing: &Outgoing<'_>, answered: bool) -> DryRequest {
    let Outgoing { request, scheme, step, effect, .. } = outgoing;
    let (signed_headers, signed_query) = scheme.map(added).unwrap_or_default();
    let mut url = request.url.to_string();
    for name in signed_query {
        let separator = if url.contains('?') { '&' } else { '?' };
        url.push_str(&format!("{separator}{name}={MASK}"));
    }
    let mut headers = request.headers.clone();
    headers.extend(signed_headers.into_iter().map(|name| (name.to_owned(), MASK.to_owned())));
    DryRequest {
        step: (*step).to_owned(),
        effect: *effect,
        method: request.method.clone(),
        url,
        headers,
        body: request.body.clone(),
        answered,
    }
}

/// The names of the headers and query parameters that a scheme adds.
fn added(scheme: &Scheme) -> (Vec<&str>, Vec<&str>) {
    fn names<T>(list: &[(String, T)]) -> Vec<&str> {
        list.iter().map(|(name, _)| name.as_str()).collect()
    }
    match &scheme.apply {
        Apply::None => Default::default(),
        Apply::Basic { .. } | Apply::OAuth1(_) => (vec!["authorization"], Vec::new()),
        Apply::SigV4(_) => (vec!["authorization", "x-amz-date"], Vec::new()),
        Apply::Fields(placed) => (names(&placed.headers), names(&placed.query)),
    }
}
