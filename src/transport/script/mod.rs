//! The provider of a connector test: a list of requests that must come, in order, each with its answer. No network.

mod compare;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use url::Url;

use crate::{
    base::{BoxFuture, Code, lock},
    diag::Span,
    spec::{CannedAnswer, Exchange, Http},
    transport::{Difference, SendError, Sender, Signed, check_host},
    wire::Answer,
};

/// Plays a case's exchanges.
pub struct Script<'a> {
    exchanges: &'a [Exchange],
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of the next exchange.
    next: usize,
    mismatch: Option<Mismatch>,
}

/// The first request that wasn't the one expected.
#[derive(Debug, Clone)]
pub struct Mismatch {
    /// Counted from 1.
    pub number: usize,
    /// `POST https://api.example.com/orders`
    pub sent: String,
    /// The exchange that it was compared with; `None` when the case expects no more requests.
    pub span: Option<Span>,
    /// What differs; empty when no request was expected.
    pub differences: Vec<Difference>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, sent, .. } = self;
        if self.span.is_none() {
            return write!(f, "request {number} was not expected: {sent}");
        }
        write!(f, "request {number} is not the one expected: {sent}")?;
        self.differences.iter().try_for_each(|it| write!(f, "\n  {it}"))
    }
}

impl<'a> Script<'a> {
    /// Starts at the first exchange.
    pub fn new(exchanges: &'a [Exchange]) -> Self {
        Self { exchanges, state: Mutex::default() }
    }

    /// The first request that differed, if one did. All later requests were refused without looking at them.
    pub fn mismatch(&self) -> Option<Mismatch> {
        self.state().mismatch.clone()
    }

    /// The exchanges that no request asked for.
    pub fn unused(&self) -> &'a [Exchange] {
        &self.exchanges[self.state().next..]
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Takes the next exchange, if `signed` is the request that it expects.
    fn take(&self, signed: &Signed) -> Result<&'a CannedAnswer, SendError> {
        let mut state = self.state();
        if state.mismatch.is_some() {
            return Err(refused());
        }
        let exchange = self.exchanges.get(state.next);
        let differences = exchange.map(|it| compare::differences(&it.request, signed)).unwrap_or_default();
        match exchange {
            Some(exchange) if differences.is_empty() => {
                state.next += 1;
                Ok(&exchange.answer)
            }
            _ => {
                state.mismatch = Some(Mismatch {
                    number: state.next + 1,
                    sent: format!("{} {}", signed.request.method, signed.request.url),
                    span: exchange.map(|it| it.span),
                    differences,
                });
                Err(refused())
            }
        }
    }

    /// Follows redirects as the HTTP client does.
    fn play(&self, mut signed: Signed, http: &Http) -> Result<Answer, SendError> {
        for _ in 0..=http.redirects {
            check_host(http, &signed.request.url)?;
            let answer = answer(self.take(&signed)?, &signed.request.url)?;
            let Some(target) = redirect(&answer).filter(|_| http.redirects > 0) else { return Ok(answer) };
            let request = Arc::make_mut(&mut signed.request);
            request.url = target;
            if answer.status == 303 {
                "GET".clone_into(&mut request.method);
                request.body.clear();
            }
        }
        Err(SendError::maybe_sent(Code::ProviderError, format!("there are more than {} redirects", http.redirects)))
    }
}

impl Sender for Script<'_> {
    fn send_signed<'s>(
        &'s self,
        signed: Signed,
        http: &'s Http,
        _timeout: Duration,
    ) -> BoxFuture<'s, Result<Answer, SendError>> {
        Box::pin(std::future::ready(self.play(signed, http)))
    }
}

/// What a request gets that the case doesn't expect: definite, so that it is neither repeated nor verified.
fn refused() -> SendError {
    SendError::not_sent(Code::ProviderError, "the request is not the one that the case expects")
}

fn answer(canned: &CannedAnswer, url: &Url) -> Result<Answer, SendError> {
    match canned {
        CannedAnswer::Answer { status, headers, body } => {
            Ok(Answer { status: *status, headers: headers.clone(), body: body.clone().into(), url: url.clone() })
        }
        CannedAnswer::Lost => {
            Err(SendError::maybe_sent(Code::Unavailable, "the connection broke before an answer came"))
        }
        CannedAnswer::Timeout => Err(SendError::maybe_sent(Code::Timeout, "no answer came in time")),
        CannedAnswer::Refused => Err(SendError::not_sent(Code::Unavailable, "the connection was refused")),
    }
}

/// Where a redirect (RFC 9110 §15.4) leads.
fn redirect(answer: &Answer) -> Option<Url> {
    match answer.status {
        301 | 302 | 303 | 307 | 308 => answer.url.join(answer.header("location")?).ok(),
        _ => None,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
