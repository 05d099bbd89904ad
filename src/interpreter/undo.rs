//! Takes back what was done before a failure.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    Context, Failure, again,
    exchange::{self, Exchange, Trouble},
    retry,
};
use crate::{
    base::{Code, Effect},
    expr::Scope,
    format::{AnswerKind, Parts},
    spec,
    transport::{SendError, render},
    wire,
};

/// How to take back one step (one round of it) that has been done: the very request, so that it stays what it is whatever
/// becomes of the connector meanwhile. It is not signed yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Undo {
    name: String,
    auth: Option<String>,
    answer: AnswerKind,
    /// Or why it can't be made.
    request: Result<KeptRequest, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct KeptRequest {
    method: String,
    url: Url,
    headers: Vec<(String, String)>,
    /// Base 64.
    body: String,
}

impl Undo {
    /// Of a step that is done; `scope` knows its own output.
    pub(super) fn new(name: &str, request: &spec::Request, http: &spec::Http, scope: &Scope) -> Self {
        Self {
            name: name.to_owned(),
            auth: request.auth.clone(),
            answer: request.answer,
            request: render(request, http, scope).map(KeptRequest::from).map_err(|error| error.message),
        }
    }
}

impl From<wire::Request> for KeptRequest {
    fn from(it: wire::Request) -> Self {
        Self { method: it.method, url: it.url, headers: it.headers, body: STANDARD.encode(&it.body) }
    }
}

impl KeptRequest {
    fn into_wire(self) -> Result<wire::Request, String> {
        let body = STANDARD.decode(&self.body).map_err(|_| "what was kept of it can't be read".to_owned())?;
        Ok(wire::Request { method: self.method, url: self.url, headers: self.headers, body: body.into() })
    }
}

/// Takes back all that was done, the last first, and gives the failure with what came of it.
///
/// * After `unknown_outcome` nothing is taken back: the step that failed may have happened, and then it needs the others (a
///   paid booking must not vanish). A person decides.
/// * Where taking back fails, the failure becomes `unknown_outcome`: half of it is still there, so nobody may simply call
///   again.
pub(super) async fn all(context: &Context<'_>, mut failure: Failure) -> Failure {
    let names: Vec<_> = context.state().undos.iter().map(|it| it.name.clone()).collect();
    if names.is_empty() {
        return failure;
    }
    if failure.code == Code::UnknownOutcome {
        failure.add_detail(&format!("left in place: {}", names.join(", ")));
        return failure;
    }
    context.state().failure = Some(failure);
    rest(context).await
}

/// Goes on taking back, from the last that is left.
pub(super) async fn rest(context: &Context<'_>) -> Failure {
    loop {
        let Some(undo) = context.state().undos.last().cloned() else { break };
        let done = one(context, &undo).await;
        if context.is_lost() {
            break;
        }
        let mut state = context.state();
        state.undos.pop();
        let Some(mut failure) = state.failure.take() else { break };
        match done {
            Ok(()) => failure.add_detail(&format!("{} was undone", undo.name)),
            Err(why) => {
                failure.add_detail(&format!("{} could NOT be undone: {}", undo.name, why.detail));
                failure = failure.turned_into(Code::UnknownOutcome);
            }
        }
        state.failure = Some(failure);
    }
    let failure = context.state().failure.take();
    failure.unwrap_or_else(|| Failure::new(Code::UnknownOutcome, "what was taken back is not known any more"))
}

async fn one(context: &Context<'_>, undo: &Undo) -> Result<(), Failure> {
    let name = format!("{} (undo)", undo.name);
    let request = undo.request.clone().and_then(KeptRequest::into_wire);
    let request = request.map_err(|why| Failure::unsent(SendError::not_sent(Code::ProviderError, why)))?;
    let exchange = Exchange {
        name: &name,
        auth: undo.auth.as_deref(),
        answer: undo.answer,
        looked_at: &Parts::All,
        // By RFC 9110 §9.2.2; taking back what is gone already is a success.
        idempotent: matches!(request.method.as_str(), "DELETE" | "PUT"),
        request: request.into(),
        effect: Effect::Write,
        rules: &[],
        scope: &context.base,
        // The plan's own deadline may be what failed. Time for every attempt: what can't be taken back stays.
        deadline: context.after(context.connector.http.timeout * (retry::REPETITIONS + 1)),
        settles: true,
    };
    let was_sent = context.state().sent(&name).is_some();
    let undone = match was_sent {
        true => again::undo(context, &exchange).await,
        false => exchange::send(context, &exchange).await,
    };
    match undone {
        Ok(_) => Ok(()),
        Err(Trouble { failure, .. }) if failure.code == Code::NotFound => Ok(()),
        Err(Trouble { failure, .. }) => Err(failure),
    }
}
