//! Rules that compare a reason need to know where the reason is.

use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    spec::{Connector, ErrorRule, Plan, StepKind},
};

/// Reports rules of the connector that can never match.
pub(super) fn check(connector: &Connector, own_account: bool, diagnostics: &mut Diagnostics) {
    if !connector.http.reason.is_empty() {
        return;
    }
    let mut rules: Vec<&ErrorRule> = connector.http.errors.iter().collect();
    let plans = connector.plans();
    let plans = plans.chain(connector.objects.values().filter_map(|it| it.describe.as_ref()));
    rules.extend(plans.flat_map(of_plan));
    let events = connector.events.iter();
    rules.extend(events.flat_map(|it| it.types.values()).flat_map(|it| of_plan(&it.plan)));
    if own_account {
        rules.extend(connector.account.schemes.values().flat_map(|it| &it.expired));
    }
    for rule in rules.into_iter().filter(|it| !it.reason.is_empty()) {
        let message = "this rule compares a `reason`, and `http.reason` does not say where an answer holds it";
        let diagnostic = Diagnostic::error(codes::UNREACHABLE, rule.span, message);
        diagnostics.push(diagnostic.help("for example `reason: $.error.code` in `http`"));
    }
}

pub(super) fn of_plan(plan: &Plan) -> impl Iterator<Item = &ErrorRule> {
    plan.steps.iter().flat_map(|step| match &step.kind {
        StepKind::Request(request) => request.errors.as_slice(),
        StepKind::Wait(wait) => wait.poll.as_ref().map_or(&[][..], |it| it.step.errors.as_slice()),
        _ => &[],
    })
}
