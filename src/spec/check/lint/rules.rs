//! Rules about answers that never come to be, and those that make a failure of every success.

use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    spec::{Connector, ErrorRule, StepKind},
};

/// Reports them.
pub(super) fn check(connector: &Connector, own_account: bool, found: &mut Diagnostics) {
    in_order(&connector.http.errors, found);
    if own_account {
        in_order(&connector.account.errors, found);
    }
    let plans = connector.plans();
    for step in plans.flat_map(|it| &it.steps) {
        match &step.kind {
            StepKind::Request(request) => in_order(&request.errors, found),
            StepKind::Wait(wait) => wait.poll.iter().for_each(|it| in_order(&it.step.errors, found)),
            _ => {}
        }
    }
}

fn in_order(rules: &[ErrorRule], found: &mut Diagnostics) {
    for (at, rule) in rules.iter().enumerate() {
        if let Some(before) = rules[..at].iter().find(|it| takes_all_of(it, rule)) {
            found.push(
                Diagnostic::warning(
                    codes::UNREACHABLE,
                    rule.span,
                    "this rule never matches: one before it takes its answers",
                )
                .note(before.span, "this one")
                .help("put what is more special first, or give the first one a `when`"),
            );
        }
        let is_success = rule.status.iter().any(|(first, last)| *first <= 200 && *last >= 200);
        if is_success && rule.is.is_some() && rule.when.is_none() && rule.reason.is_empty() {
            let message = "this makes a failure of every answer that succeeds";
            let diagnostic = Diagnostic::warning(codes::UNREACHABLE, rule.span, message);
            found.push(diagnostic.help("give it a `when` or a `reason`, by which such an answer is known"));
        }
    }
}

/// Whether every answer of `rule` is one of `before`.
fn takes_all_of(before: &ErrorRule, rule: &ErrorRule) -> bool {
    let same_test = match (&before.when, &rule.when) {
        (None, _) => true,
        (Some(before), Some(rule)) => before.source == rule.source,
        (Some(_), None) => false,
    };
    let covers = |it: &(u16, u16)| before.status.iter().any(|(first, last)| *first <= it.0 && it.1 <= *last);
    let all_status = before.status.is_empty() || !rule.status.is_empty() && rule.status.iter().all(covers);
    let all_reasons =
        before.reason.is_empty() || !rule.reason.is_empty() && rule.reason.iter().all(|it| before.reason.contains(it));
    same_test && all_status && all_reasons
}
