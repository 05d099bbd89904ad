//! A step that runs another action of the connector.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{
    Context, Failure, record,
    step::{self, Frame},
};
use crate::{
    base::Code,
    spec::{Action, Plan},
};

/// Actions that call each other are refused beyond this depth. Loading refuses circles already.
const DEEPEST: usize = 8;

/// Runs the action called `name` with the caller's connection and config, within the caller's deadline.
///
/// What the called action did is taken back like the caller's own steps when a later step fails.
pub(super) async fn action(
    context: &Context<'_>,
    frame: &Frame,
    name: &str,
    input: Json,
    step: &str,
) -> Result<Json, Failure> {
    let (plan, called) = frame_of(context, frame, name, input, step)?;
    step::plan(context, plan, &called).await
}

/// The plan of the action called `name`, and what it sees when the step called `step` runs it.
pub(super) fn frame_of<'r>(
    context: &Context<'r>,
    frame: &Frame,
    name: &str,
    input: Json,
    step: &str,
) -> Result<(&'r Plan, Frame), Failure> {
    let Some(action) = context.connector.actions.get(name) else {
        return Err(Failure::new(Code::Unsupported, format!("there is no action `{name}`")));
    };
    if frame.depth == DEEPEST {
        return Err(Failure::new(Code::Unsupported, format!("actions call each other more than {DEEPEST} deep")));
    }
    let mut scope = frame.scope.clone();
    let input = accepted(context, action, input)?;
    record::set(context, &action.plan, &input, &mut scope)?;
    scope.set("input", input);
    let execution = Arc::new(frame.execution.inside(step));
    execution.set(&mut scope);
    let called = Frame {
        scope,
        execution,
        deadline: frame.deadline.min(context.after(action.plan.timeout)),
        within: format!("{step}/"),
        depth: frame.depth + 1,
    };
    Ok((&action.plan, called))
}

/// The input with its defaults, if it fits the called action.
fn accepted(context: &Context<'_>, action: &Action, input: Json) -> Result<Json, Failure> {
    let of_org = record::input(context, action)?;
    of_org.as_ref().unwrap_or(&action.input).accept(input).map_err(|errors| {
        let first = errors.first().map(|it| it.message.as_str()).unwrap_or_default();
        Failure::new(Code::InvalidInput, format!("the input of `{}`: {first}", action.name))
    })
}
