//! Makes a case of what a provider really answered.
//!
//! Only the answers are taken from it. What is secret or somebody's in them is replaced, and so is what the case gives; the requests
//! and the outcome are then those of a run with these, without a network. So whatever is computed from a secret (a signature, say)
//! fits the replacement.
//!
//! | module | does |
//! | --- | --- |
//! | `leaves` | what an answer says, text by text |
//! | `found` | what texts hold that is secret or somebody's, by its form |
//! | `replacements` | all that is secret or somebody's, and what stands in its place |
//! | `places` | texts in which some others are replaced |
//! | `written` | the case as it stands in `tests.yaml` |

mod found;
mod leaves;
mod places;
mod replacements;
mod written;

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use jiff::Timestamp;
use serde_json::{Map as JsonMap, Value as Json};
use url::Url;

pub use replacements::Replacements;
pub use written::case;

use super::{
    Problem,
    coverage::Seen,
    prepared, signing,
    stage::{Doubts, Stage},
    tokens::CaseTokens,
};
use crate::{
    auth::Used,
    base::{BoxFuture, Code, Failure, Secret, clock::FixedClock, lock, redact},
    interpreter::{self, Run},
    spec::{Case, Connector, Http},
    transport::{SendError, Sender, Signed, script::Script},
    wire::{Answer, Request},
};

/// What is run, and with what.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What the case shows.
    pub name: String,
    /// `action` or `lookup`.
    pub kind: &'static str,
    /// Which.
    pub of: String,
    /// When.
    pub now: Timestamp,
    /// `execution.key`: a new one each time, since a provider that keeps keys answers what it answered before.
    pub execution_key: String,
    /// What `connection` holds beside the public fields of `auth`.
    pub connection: JsonMap<String, Json>,
    /// The fields of `auth`, and `token`.
    pub credentials: JsonMap<String, Json>,
    /// What the builder fixed.
    pub config: JsonMap<String, Json>,
    /// What the agent gave.
    pub input: JsonMap<String, Json>,
}

/// What happened in a run.
#[derive(Debug)]
pub struct Observed {
    /// In order.
    pub exchanges: Vec<Exchanged>,
    /// What came of it.
    pub outcome: Result<Json, Failure>,
    /// What was signed with, and the tokens that were got.
    used: Vec<Secret>,
}

/// A request, and what was answered.
#[derive(Debug, Clone)]
pub struct Exchanged {
    /// As it was sent, with the credential on it.
    pub request: Request,
    /// Or why there is none.
    pub answer: Result<Answer, SendError>,
    /// It asked for a token.
    pub is_sign_in: bool,
}

/// Ends that tell more of the sign-in, or of the provider's bad day, than of the action.
const NO_END: [Code; 6] =
    [Code::Reauthorize, Code::RateLimited, Code::Unavailable, Code::Timeout, Code::UnknownOutcome, Code::ProviderError];

impl Observed {
    /// The first request that got no answer.
    pub fn unanswered(&self) -> Option<(&Url, &SendError)> {
        self.exchanges.iter().find_map(|it| Some((&it.request.url, it.answer.as_ref().err()?)))
    }

    /// How it ended, if that is no end of which anybody wants a case unasked.
    pub fn failed(&self) -> Option<String> {
        let failure = self.outcome.as_ref().err().filter(|it| NO_END.contains(&it.code))?;
        Some(self.told(failure))
    }

    /// How it ended, if it did so with nothing sent.
    pub fn asked_nothing(&self) -> Option<String> {
        let told = || self.outcome.as_ref().err().map(|it| self.told(it)).unwrap_or_default();
        self.exchanges.is_empty().then(told)
    }

    /// How a run with replacements ended, if that is another end.
    pub fn ended_otherwise(&self, again: &Observed) -> Option<String> {
        let code = |it: &Observed| it.outcome.as_ref().err().map(|it| it.code);
        let end = || again.outcome.as_ref().err().map_or_else(|| "it succeeds".to_owned(), |it| again.told(it));
        (code(self) != code(again)).then(end)
    }

    /// ``it ended with `conflict`: POST … answered 409``, without what was signed with.
    fn told(&self, failure: &Failure) -> String {
        format!("it ended with `{}`: {}", failure.code, redact::text(failure.detail.as_str(), &self.used))
    }

    fn answers(&self) -> impl Iterator<Item = (&Answer, bool)> {
        self.exchanges.iter().filter_map(|it| Some((it.answer.as_ref().ok()?, it.is_sign_in)))
    }
}

/// Runs a case against `sender`, and tells what happened.
///
/// # Errors
/// Why it can't be run: arguments that don't fit, or an action that waits, of which a recording would take as long.
pub async fn observe(connector: &Connector, case: &Case, sender: &dyn Sender) -> Result<Observed, Problem> {
    let prepared = prepared(connector, case)?;
    if prepared.plan.waits() {
        return Err(Problem::Setup("it waits for something, and so can't be recorded".to_owned()));
    }
    let input = prepared.input.map_err(|refused| Problem::Setup(refused.detail))?;
    let exchanges = Mutex::default();
    let [taken, of_sign_in] = [false, true].map(|is_sign_in| Taken { sender, is_sign_in, exchanges: &exchanges });
    let (clock, used) = (FixedClock(case.now), Used::default());
    let tokens = CaseTokens::new(connector, case, &of_sign_in, &used);
    let transport = signing(connector, case, &taken, &tokens, &clock, &used);
    let (nothing, seen) = (Script::new(&[]), Seen::default());
    let doubts = Doubts::beside(&seen);
    let stage = Stage { connector, case, script: &nothing, transport: &transport, clock: &clock, doubts: &doubts };
    let run = Run { mappings: prepared.mappings, ..stage.run(prepared.plan, input, prepared.config) };
    let outcome = Box::pin(interpreter::run(run)).await;
    let exchanges = std::mem::take(&mut *lock(&exchanges));
    Ok(Observed { exchanges, outcome, used: used.secrets() })
}

/// Passes requests on, and keeps them with their answers.
struct Taken<'a> {
    sender: &'a dyn Sender,
    is_sign_in: bool,
    exchanges: &'a Mutex<Vec<Exchanged>>,
}

impl Sender for Taken<'_> {
    fn send_signed<'s>(
        &'s self,
        signed: Signed,
        http: &'s Http,
        timeout: Duration,
    ) -> BoxFuture<'s, Result<Answer, SendError>> {
        Box::pin(async move {
            let (request, is_sign_in) = (as_sent(&signed), self.is_sign_in);
            let answer = self.sender.send_signed(signed, http, timeout).await;
            lock(self.exchanges).push(Exchanged { request, answer: answer.clone(), is_sign_in });
            answer
        })
    }
}

/// The request with the credential on it: a case is compared with what is sent. What stands before the path is left out, as there.
fn as_sent(signed: &Signed) -> Request {
    let mut request = Request::clone(&signed.request);
    signed.put_query(&mut request.url);
    request.headers.retain(|(name, _)| !signed.headers.iter().any(|(own, _)| own == name));
    request.headers.extend(signed.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())));
    request.body = signed.body();
    request
}

/// Gives the same answers again, in the same order, to whatever is asked.
pub struct Again(Mutex<VecDeque<Result<Answer, SendError>>>);

impl Again {
    /// The answers of a run.
    pub fn of(observed: &Observed) -> Self {
        Self(Mutex::new(observed.exchanges.iter().map(|it| it.answer.clone()).collect()))
    }
}

impl Sender for Again {
    fn send_signed<'s>(&'s self, signed: Signed, _: &'s Http, _: Duration) -> BoxFuture<'s, Result<Answer, SendError>> {
        let next = lock(&self.0).pop_front();
        let more =
            || Err(SendError::not_sent(Code::ProviderError, "it asks for more than it did when it was recorded"));
        let here = |answer: Answer| Answer { url: signed.request.url.clone(), ..answer };
        Box::pin(std::future::ready(next.unwrap_or_else(more).map(here)))
    }
}
