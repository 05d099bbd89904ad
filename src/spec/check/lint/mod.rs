//! What runs, and is seldom meant: warnings, one file a concern.

mod budget;
mod deliveries;
mod descriptions;
mod encoding;
mod fills;
mod pages;
mod rules;
mod secrets;
mod writes;
mod written;

use super::context::Context;
use crate::{
    diag::Diagnostics,
    expr::{Expr, Path, Shape},
    spec::{Connector, Plan, RequestStep, Step, StepKind, facts::Facts},
};

/// Looks at a connector in which nothing is wrong.
pub(super) fn check(
    connector: &Connector,
    own_account: bool,
    facts: &Facts,
    context: &Context<'_>,
    found: &mut Diagnostics,
) {
    descriptions::check(connector, facts, found);
    secrets::check(connector, own_account, facts, context, found);
    written::check(connector, own_account, found);
    rules::check(connector, own_account, found);
    deliveries::check(connector, found);
    if own_account {
        fills::check(connector, found);
    }
    for action in connector.actions.values() {
        writes::check(connector, action, found);
        pages::check(action, context, found);
        budget::check(connector, action, found);
    }
    let plans = connector.plans();
    for plan in plans.chain(connector.objects.values().filter_map(|it| it.describe.as_ref())) {
        requests(plan).for_each(|(_, it)| encoding::check(it, found));
    }
}

/// The requests of a plan, with their steps.
fn requests(plan: &Plan) -> impl Iterator<Item = (&Step, &RequestStep)> {
    plan.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Request(request) => Some((step, &**request)),
        _ => None,
    })
}

/// Everything in a plan that reads something: its expressions, and its paths into answers.
fn for_each_read<'p>(plan: &'p Plan, expr: &mut dyn FnMut(&'p Expr), path: &mut dyn FnMut(&'p Path)) {
    let mut shape = |it: &'p Shape| {
        it.for_each_expr(&mut |it| expr(it));
        it.for_each_path(&mut |it| path(it));
    };
    for step in &plan.steps {
        step.output.iter().for_each(&mut shape);
        step.each.iter().for_each(|it| shape(&it.over));
        match &step.kind {
            StepKind::Set(it) | StepKind::Call { input: it, .. } => shape(it),
            _ => {}
        }
    }
    shape(&plan.output);
    for step in &plan.steps {
        step.when.iter().for_each(|it| expr(it));
        match &step.kind {
            StepKind::Request(request) => request.request.for_each_expr(&mut |it| expr(it)),
            StepKind::Fail { say: Some(say), .. } => say.for_each_expr(&mut |it| expr(it)),
            _ => {}
        }
    }
}
