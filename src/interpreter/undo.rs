//! Takes back what was done before a failure.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    Context, Failure,
    exchange::{self, Exchange, Trouble},
};
use crate::{
    base::{Code, Effect},
    expr::Scope,
    format::AnswerKind,
    spec,
    transport::{SendError, render},
    wire,
};

/// How to take back one step (one round of it) that has been done.
pub(super) struct Undo<'r> {
    name: String,
    by: By<'r>,
}

enum By<'r> {
    /// The step's own request.
    Step {
        request: &'r spec::Request,
        /// The step's, with its own output.
        scope: Scope,
    },
    /// One that was kept while the execution was parked.
    Kept(KeptUndo),
}

/// How to take back a step while its execution is parked: the very request, so that it stays what it is whatever becomes of
/// the connector meanwhile. It is not signed yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeptUndo {
    name: String,
    auth: Option<String>,
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

impl<'r> Undo<'r> {
    pub(super) fn of_step(name: String, request: &'r spec::Request, scope: Scope) -> Self {
        Self { name, by: By::Step { request, scope } }
    }

    pub(super) fn of_kept(kept: KeptUndo) -> Self {
        Self { name: kept.name.clone(), by: By::Kept(kept) }
    }

    /// As it is kept while its execution is parked.
    pub(super) fn kept(&self, http: &spec::Http) -> KeptUndo {
        match &self.by {
            By::Kept(kept) => kept.clone(),
            By::Step { request, scope } => KeptUndo {
                name: self.name.clone(),
                auth: request.auth.clone(),
                request: render(request, http, scope).map(KeptRequest::from).map_err(|error| error.message),
            },
        }
    }

    fn request(&self, http: &spec::Http) -> Result<wire::Request, SendError> {
        match &self.by {
            By::Step { request, scope } => render(request, http, scope),
            By::Kept(kept) => kept
                .request
                .clone()
                .and_then(KeptRequest::into_wire)
                .map_err(|why| SendError::not_sent(Code::ProviderError, why)),
        }
    }

    fn auth(&self) -> Option<&str> {
        match &self.by {
            By::Step { request, .. } => request.auth.as_deref(),
            By::Kept(kept) => kept.auth.as_deref(),
        }
    }

    fn answer(&self) -> AnswerKind {
        match &self.by {
            By::Step { request, .. } => request.answer,
            By::Kept(_) => AnswerKind::Auto,
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
    let undos = std::mem::take(&mut *context.undos());
    if undos.is_empty() {
        return failure;
    }
    if failure.code == Code::UnknownOutcome {
        let names: Vec<_> = undos.iter().map(|it| it.name.as_str()).collect();
        failure.add_detail(&format!("left in place: {}", names.join(", ")));
        return failure;
    }
    for undo in undos.iter().rev() {
        match one(context, undo).await {
            Ok(()) => failure.add_detail(&format!("{} was undone", undo.name)),
            Err(why) => {
                failure.add_detail(&format!("{} could NOT be undone: {}", undo.name, why.detail));
                failure = failure.turned_into(Code::UnknownOutcome);
            }
        }
    }
    failure
}

async fn one(context: &Context<'_>, undo: &Undo<'_>) -> Result<(), Failure> {
    let name = format!("{} (undo)", undo.name);
    let request = undo.request(&context.connector.http).map_err(Failure::unsent)?;
    let nothing = Scope::new();
    let exchange = Exchange {
        name: &name,
        auth: undo.auth(),
        answer: undo.answer(),
        // By RFC 9110 §9.2.2; taking back what is gone already is a success.
        idempotent: matches!(request.method.as_str(), "DELETE" | "PUT"),
        request,
        effect: Effect::Write,
        rules: &[],
        scope: match &undo.by {
            By::Step { scope, .. } => scope,
            By::Kept(_) => &nothing,
        },
        // The plan's own deadline may be what failed.
        deadline: context.after(context.connector.http.timeout),
    };
    match exchange::send(context, &exchange).await {
        Ok(_) => Ok(()),
        Err(Trouble { failure, .. }) if failure.code == Code::NotFound => Ok(()),
        Err(Trouble { failure, .. }) => Err(failure),
    }
}
