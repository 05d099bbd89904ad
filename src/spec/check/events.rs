//! Events and waiting: believed only for a secret's sake; only where an execution can be parked, and only for what can be told apart.

use crate::{
    diag::{Diagnostic, Diagnostics, Span, codes},
    spec::{Connector, StepKind},
};

/// Checks every step that waits, and what makes a delivery believable.
pub(super) fn check(connector: &Connector, diagnostics: &mut Diagnostics) {
    if let Some(verify) = connector.events.as_ref().and_then(|it| it.receive.verify.as_ref()) {
        let is_secret = |(root, name): &(String, String)| {
            root == "subscription" || connector.account.secret_fields.iter().any(|it| it == name)
        };
        if !verify.secrets.iter().any(is_secret) {
            let message = "what is expected is made of nothing that only the provider knows";
            diagnostics.push(
                Diagnostic::error(codes::FORGEABLE, verify.expected.span, message)
                    .help("use a secret field, `auth.<field>`, or `subscription.secret`"),
            );
        }
    }
    for action in connector.actions.values() {
        for step in &action.plan.steps {
            match &step.kind {
                StepKind::Wait(wait) => {
                    let event = wait.event.as_ref().map(|it| it.name.as_str());
                    correlates(connector, step.span, event, diagnostics);
                }
                StepKind::Request(request) => {
                    let event = request.told_by.as_ref().map(|it| it.event.as_str());
                    correlates(connector, step.span, event, diagnostics);
                }
                StepKind::Call { action: called, .. } => {
                    let Some(called) = connector.action(called) else { continue };
                    if called.plan.waits() {
                        let message = format!("`{}` waits, and an action that is called can't be parked", called.name);
                        let diagnostic = Diagnostic::error(codes::WAIT_NOT_HERE, step.span, message);
                        diagnostics.push(diagnostic.help("call what comes before its `wait`, and wait in this action"));
                    }
                }
                _ => {}
            }
        }
    }
    let looking = connector.lookups.values().map(|it| &it.plan);
    for plan in looking.chain(connector.after_connect.iter().map(|it| &it.plan)) {
        for step in plan.steps.iter().filter(|it| matches!(it.kind, StepKind::Wait(_))) {
            let message = "only actions wait: here somebody looks at the screen";
            diagnostics.push(Diagnostic::error(codes::WAIT_NOT_HERE, step.span, message).help("remove the step"));
        }
    }
}

fn correlates(connector: &Connector, span: Span, event: Option<&str>, diagnostics: &mut Diagnostics) {
    let event = event.and_then(|it| connector.events.as_ref()?.types.get(it));
    if let Some(event) = event.filter(|it| !it.correlates) {
        let message = format!("the event `{}` does not say what it is of", event.name);
        diagnostics.push(
            Diagnostic::error(codes::MISSING_KEY, span, message)
                .note(event.span, "the event")
                .help("give the event `correlate`, which `for` is compared with"),
        );
    }
}
