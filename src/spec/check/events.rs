//! Events and waiting: believed only for what only the provider can have written; only where an execution can be parked, and only for what can be told apart.

use crate::{
    diag::{Diagnostic, Diagnostics, Span, codes},
    expr::{Expr, Text},
    spec::{Connector, Jwt, Keys, StepKind, Verification},
};

/// Checks every step that waits, and what makes a delivery believable.
pub(super) fn check(connector: &Connector, diagnostics: &mut Diagnostics) {
    for verify in connector.events.iter().flat_map(|it| &it.receive.verify) {
        believable(connector, verify, diagnostics);
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

/// What `verify` looks at must be such that only the provider can have written it.
fn believable(connector: &Connector, verify: &Verification, diagnostics: &mut Diagnostics) {
    let mut forgeable = |span: Span, message: &str, help: &str| {
        diagnostics.push(Diagnostic::error(codes::FORGEABLE, span, message).help(help));
    };
    let is_secret = |(root, name): &(String, String)| {
        root == "subscription" || connector.account.secret_fields.iter().any(|it| it == name)
    };
    let is_signed = verify.signature.is_some() || verify.jwt.is_some();
    if let Some(compared) = &verify.compared
        && !is_signed
        && !verify.secrets.iter().any(is_secret)
    {
        let message = "what is expected is made of nothing that only the provider knows";
        forgeable(compared.expected.span, message, "use a secret field, `auth.<field>`, or `subscription.secret`");
    }
    const DELIVERY: &[&str] = &["request", "item"];
    if let Some(compared) = verify.compared.as_ref().filter(|it| !reads(&it.given, DELIVERY)) {
        let message = "what is compared is nothing that the delivery brings: it holds of every delivery, or of none";
        forgeable(
            compared.given.span,
            message,
            "take it from the delivery, such as `{{ request.headers['x-signature'] }}`",
        );
    }
    for (key, _) in verify.given_keys().filter(|(key, _)| reads(key, DELIVERY)) {
        let message = "whoever forges a delivery would bring the key along that it is checked with";
        forgeable(key.span, message, "take the provider's key from a field, `auth.<field>`, or write it out");
    }
    if let Some(Jwt { keys: Keys::At(url), .. }) = &verify.jwt {
        // it is asked before anything is believed
        let mut read = Vec::new();
        url.for_each_expr(&mut |it| read.push(it));
        for expr in read.into_iter().filter(|it| names_one_of(it, DELIVERY)) {
            let message = "whoever forges a delivery would say where the keys are that it is checked with";
            forgeable(expr.span, message, "write the address out, or make it of `connection`");
        }
    }
    if let Some(signature) = verify.signature.as_ref().filter(|it| !reads(&it.over, DELIVERY)) {
        let message = "what is signed holds nothing of the delivery, so that one signature fits every delivery";
        forgeable(signature.over.span, message, "sign over what the provider does: most often `request.raw`");
    }
    if let Some(Jwt { keys: Keys::At(_), issuer, audience, given, .. }) = &verify.jwt
        && !issuer.iter().chain(audience).any(|it| reads(it, &["connection", "subscription", "auth"]))
    {
        let message = "the provider's keys sign for all of its customers, and this does not say for whom";
        let help = "give `audience` or `issuer` what is the connection's own, such as `{{ subscription.id }}`";
        forgeable(given.span, message, help);
    }
}

/// Whether a placeholder reads one of these names.
fn reads(text: &Text, roots: &[&str]) -> bool {
    let mut found = false;
    text.for_each_expr(&mut |it| found |= names_one_of(it, roots));
    found
}

fn names_one_of(expr: &Expr, roots: &[&str]) -> bool {
    expr.names.iter().any(|it| it.path.first().is_some_and(|it| roots.contains(&it.as_str())))
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
