//! Takes back what was done before a failure.

use super::{
    Context, Failure,
    exchange::{self, Exchange, Trouble},
};
use crate::{
    base::{Code, Effect},
    expr::Scope,
    spec,
    transport::render,
};

/// How to take back one step (one round of it) that has been done.
pub(super) struct Undo<'r> {
    pub(super) name: String,
    pub(super) request: &'r spec::Request,
    /// The step's, with its own output.
    pub(super) scope: Scope,
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
    let exchange = Exchange {
        name: &name,
        spec: undo.request,
        request: render(undo.request, &context.connector.http, &undo.scope).map_err(Failure::unsent)?,
        effect: Effect::Write,
        // By RFC 9110 §9.2.2; taking back what is gone already is a success.
        idempotent: matches!(undo.request.method.as_str(), "DELETE" | "PUT"),
        rules: &[],
        scope: &undo.scope,
        // The plan's own deadline may be what failed.
        deadline: context.after(context.connector.http.timeout),
    };
    match exchange::send(context, &exchange).await {
        Ok(_) => Ok(()),
        Err(Trouble { failure, .. }) if failure.code == Code::NotFound => Ok(()),
        Err(Trouble { failure, .. }) => Err(failure),
    }
}
