//! Steps that are never reached, and outputs that nobody reads.

use std::collections::HashSet;

use crate::{
    base::Effect,
    diag::{Diagnostic, Diagnostics, codes},
    expr::{Expr, Scope},
    spec::{Plan, Step, StepKind},
};

/// Reports steps that can't run.
pub(super) fn reached(plan: &Plan, diagnostics: &mut Diagnostics) {
    let mut ended: Option<&Step> = None;
    for step in &plan.steps {
        if let Some(end) = ended {
            diagnostics.push(
                Diagnostic::error(codes::UNREACHABLE, step.span, format!("the step `{}` is never reached", step.id))
                    .note(end.span, "this step always ends the execution")
                    .help(format!("give the step `{}` a `when`, or remove what follows", end.id)),
            );
            return;
        }
        let test = step.when.as_deref().and_then(constant);
        if let (Some(false), Some(when)) = (test, &step.when) {
            diagnostics.push(
                Diagnostic::error(
                    codes::UNREACHABLE,
                    when.span,
                    format!("this is never true: the step `{}` never runs", step.id),
                )
                .help("remove the step, or test a value"),
            );
        }
        let always = step.when.is_none() || test == Some(true);
        if always && step.each.is_none() && matches!(step.kind, StepKind::Fail { .. }) {
            ended = Some(step);
        }
    }
}

/// What an expression comes to that reads nothing.
fn constant(expr: &Expr) -> Option<bool> {
    if !expr.names.is_empty() {
        return None;
    }
    expr.test(&Scope::new()).ok()
}

/// Reports steps that change nothing and whose output nobody reads.
pub(super) fn read(plan: &Plan, seen: &HashSet<String>, diagnostics: &mut Diagnostics) {
    // The only request of an action is read by `$`.
    if let [step] = plan.steps.as_slice()
        && matches!(step.kind, StepKind::Request(_))
    {
        return;
    }
    for step in plan.steps.iter().filter(|it| !seen.contains(&it.id)) {
        let what = match &step.kind {
            StepKind::Request(request) if request.effect == Effect::Read => "what this request finds",
            StepKind::Set(_) => "what this step computes",
            _ => continue,
        };
        let message = format!("nobody reads {what}");
        let diagnostic = Diagnostic::warning(codes::UNUSED_OUTPUT, step.span, message);
        diagnostics.push(diagnostic.help(format!("use `steps.{}`, or remove the step", step.id)));
    }
}

/// Reports writes of which nobody could tell whether they happened.
pub(super) fn verified(plan: &Plan, diagnostics: &mut Diagnostics) {
    for step in &plan.steps {
        if let StepKind::Request(request) = &step.kind
            && request.effect != Effect::Read
            && !request.idempotent
            && request.verify.is_none()
            && request.told_by.is_none()
        {
            let message = "if the answer to this write is lost, nobody can tell whether it happened";
            diagnostics.push(
                Diagnostic::warning(codes::NO_VERIFY, request.request.span, message)
                    .help("add `verify`, or `idempotent: true` if sending it twice does no harm"),
            );
        }
    }
}
