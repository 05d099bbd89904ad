//! `record`: what the org's mapping makes of the inputs.

use serde_json::Value as Json;

use super::{Context, Failure};
use crate::{
    base::Code,
    expr::Scope,
    spec::{Action, Fields, Mapped, Object, ObjectUse, Plan},
};

/// Makes `record` known to a plan that writes an object; nothing has been sent yet.
pub(super) fn set(context: &Context<'_>, plan: &Plan, input: &Json, scope: &mut Scope) -> Result<(), Failure> {
    let Some(of) = &plan.object else { return Ok(()) };
    let (object, mapped) = mapped(context, of)?;
    scope.set("record", mapped.record(object, of.partial, input)?);
    Ok(())
}

/// The inputs that a called action takes, if the org's mapping has a say in them.
pub(super) fn input(context: &Context<'_>, action: &Action) -> Result<Option<Fields>, Failure> {
    let Some(of) = &action.plan.object else { return Ok(None) };
    let (object, mapped) = mapped(context, of)?;
    Ok(Some(mapped.input(object, of, &action.input)))
}

fn mapped<'c>(context: &Context<'c>, of: &ObjectUse) -> Result<(&'c Object, Mapped), Failure> {
    let object = context.connector.objects.get(&of.object);
    let object =
        object.ok_or_else(|| Failure::new(Code::Unsupported, format!("there is no object `{}`", of.object)))?;
    Ok((object, context.mappings.get(&of.object, &object.default)))
}
