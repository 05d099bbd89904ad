//! `fill`: the elements that a credential is to stand in.

use super::requests;
use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    expr::{Piece, Text},
    spec::{Body, Connector, Scheme},
};

/// Reports elements that no body of the connector has.
pub(super) fn check(connector: &Connector, found: &mut Diagnostics) {
    let plans = connector.plans();
    let plans = plans.chain(connector.objects.values().filter_map(|it| it.describe.as_ref()));
    let plans = plans.chain(connector.after_connect.iter().map(|it| &it.plan));
    let events = connector.events.iter();
    let plans = plans.chain(events.flat_map(|it| it.types.values()).map(|it| &it.plan));
    let mut bodies: Vec<&Text> = Vec::new();
    for (_, step) in plans.flat_map(requests) {
        let verify = step.verify.as_ref().map(|it| &it.request);
        for request in [Some(&step.request), verify, step.undo.as_ref()].into_iter().flatten() {
            bodies.extend(text(&request.body));
        }
    }
    let polls = connector.actions.values().flat_map(|it| &it.plan.steps).filter_map(|step| match &step.kind {
        crate::spec::StepKind::Wait(wait) => wait.poll.as_ref().map(|it| &it.step.request),
        _ => None,
    });
    bodies.extend(polls.filter_map(|it| text(&it.body)));
    let calls = connector.account.schemes.values().flat_map(Scheme::token_calls).flat_map(|it| &it.requests);
    bodies.extend(calls.filter_map(|it| text(&it.request.body)));
    for (element, value) in connector.account.schemes.values().flat_map(|it| &it.fill) {
        if bodies.iter().any(|it| has(it, element)) {
            continue;
        }
        let diagnostic =
            Diagnostic::warning(codes::FILLS_NOTHING, value.span, format!("no body of this connector has `{element}`"));
        let open = format!("{} ", element.trim_end_matches("/>"));
        found.push(match bodies.iter().any(|it| has(it, &open)) {
            true => diagnostic.help(format!(
                "the element has attributes where it stands: write it as `{element}`, and its namespace further out"
            )),
            false => diagnostic.help("write the empty element into the bodies, exactly so"),
        });
    }
}

fn text(body: &Body) -> Option<&Text> {
    match body {
        Body::Xml(text) | Body::Text(text) => Some(text),
        _ => None,
    }
}

fn has(text: &Text, part: &str) -> bool {
    text.pieces.iter().any(|it| matches!(it, Piece::Literal(it) if it.contains(part)))
}
