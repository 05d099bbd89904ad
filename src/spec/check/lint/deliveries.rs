//! Deliveries that are believed for less than it seems, and events that are told apart by nothing.

use super::requests;
use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    expr::{Name, Piece, Shape, Text},
    spec::{Connector, Events, ProviderEvent, StepKind, Verification},
};

/// Reports them.
pub(super) fn check(connector: &Connector, found: &mut Diagnostics) {
    let Some(events) = &connector.events else { return };
    for verify in &events.receive.verify {
        unsigned_time(verify, found);
        parsed_body(verify, found);
    }
    types(events, found);
    for action in connector.actions.values() {
        for (_, step) in requests(&action.plan) {
            step.told_by.iter().for_each(|it| constant(&it.of, "`for`", "every one that is told of", found));
        }
        for step in &action.plan.steps {
            let StepKind::Wait(wait) = &step.kind else { continue };
            wait.event.iter().for_each(|it| constant(&it.of, "`for`", "every event", found));
        }
    }
}

fn types(events: &Events, found: &mut Diagnostics) {
    for (at, event) in events.types.values().enumerate() {
        constant(
            &event.id,
            "`id`",
            "after the first one every event is one that was told before, and is dropped",
            found,
        );
        if let Shape::Map(entries) = &event.plan.output {
            for (_, shape) in entries.iter().filter(|(key, _)| key == "correlate") {
                if let Shape::Text(text) = shape {
                    constant(text, "`correlate`", "every event is of the same", found);
                }
            }
        }
        let source = |it: &ProviderEvent| it.when.as_ref().map(|it| it.source.clone());
        let takes = events.types.values().take(at).find(|it| it.when.is_none() || source(it) == source(event));
        if let Some(takes) = takes {
            let message = format!("`{}` never happens: `{}` takes its deliveries", event.name, takes.name);
            found.push(
                Diagnostic::warning(codes::UNREACHABLE, event.span, message)
                    .note(takes.span, "the first whose `when` holds is it")
                    .help("give each event a `when` that holds for its own deliveries only"),
            );
        }
    }
}

/// What is to tell things apart, and is always the same.
fn constant(text: &Text, key: &str, consequence: &str, found: &mut Diagnostics) {
    if text.pieces.is_empty() || text.pieces.iter().any(|it| matches!(it, Piece::Expr(_))) {
        return;
    }
    let message = format!("{key} is always the same: {consequence}");
    let diagnostic = Diagnostic::warning(codes::BLIND_VERIFY, text.span, message);
    found.push(diagnostic.help("take it from what is told, such as `{{ request.body.id }}`"));
}

/// A time that is no part of what is signed: whoever sends a delivery again writes a new one.
fn unsigned_time(verify: &Verification, found: &mut Diagnostics) {
    let Some(timestamp) = &verify.timestamp else { return };
    let mut signed: Vec<&Name> = Vec::new();
    let expected = verify.compared.iter().map(|it| &it.expected);
    let over = verify.signature.iter().map(|it| &it.over);
    expected.chain(over).for_each(|it| it.for_each_expr(&mut |it| signed.extend(&it.names)));
    let jwt = verify.jwt.iter().map(|it| &it.given);
    jwt.for_each(|it| it.for_each_expr(&mut |it| signed.extend(&it.names)));
    let is_signed = |name: &Name| {
        let path = &name.path;
        signed.iter().any(|it| {
            let is_part = path.starts_with(&it.path) || it.path.starts_with(path);
            let is_body = path.get(1).is_some_and(|it| it == "body") && it.path.get(1).is_some_and(|it| it == "raw");
            is_part || is_body
        })
    };
    let mut read = timestamp.names.iter().filter(|it| it.path[0] == "request");
    if read.clone().next().is_some() && !read.any(is_signed) {
        let message = "this time is no part of what is signed: whoever sends a delivery again writes a new one";
        let diagnostic = Diagnostic::warning(codes::FORGEABLE, timestamp.span, message);
        found.push(diagnostic.help("sign over it as the provider does, or leave `timestamp` out"));
    }
}

/// A signature over the body as it was read: that has other bytes than what was sent.
fn parsed_body(verify: &Verification, found: &mut Diagnostics) {
    let expected = verify.compared.iter().map(|it| &it.expected);
    for text in expected.chain(verify.signature.iter().map(|it| &it.over)) {
        text.for_each_expr(&mut |it| {
            if it.names.iter().any(|it| it.path == ["request", "body"]) && !it.source.contains("form") {
                let message = "`request.body` is what was read from the delivery, and its bytes are what is signed";
                let diagnostic = Diagnostic::warning(codes::SIGNED_AS_READ, it.span, message);
                found.push(diagnostic.help("sign over `request.raw`"));
            }
        });
    }
}
