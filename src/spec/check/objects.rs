//! Objects that nobody writes.

use super::view::Seen;
use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    spec::{
        Action, Connector,
        facts::{Facts, Owner},
    },
};

/// Objects that no action has.
pub(super) fn unused(connector: &Connector, facts: &Facts, diagnostics: &mut Diagnostics) {
    let is_used =
        |name: &str| connector.actions.values().filter_map(|it| it.plan.object.as_ref()).any(|it| it.object == name);
    for object in connector.objects.values().filter(|it| !is_used(&it.name)) {
        let owner = Owner::ObjectField(object.name.clone());
        let Some(field) = facts.fields.iter().find(|it| it.owner == owner) else { continue };
        let message = format!("no action writes the object `{}`", object.name);
        let help = format!("give an action `object: {}`, or remove it", object.name);
        diagnostics.push(Diagnostic::warning(codes::UNUSED_OBJECT, field.span, message).help(help));
    }
}

/// An action that asks for the fields of an object and sends no record.
pub(super) fn unread(action: &Action, seen: &Seen, facts: &Facts, diagnostics: &mut Diagnostics) {
    if seen.record || action.plan.object.is_none() {
        return;
    }
    if let Some((_, span)) = facts.objects.iter().find(|(name, _)| *name == action.name) {
        let message = "nobody reads `record`: what the mapping makes of the fields goes nowhere";
        diagnostics.push(
            Diagnostic::warning(codes::UNUSED_OBJECT, *span, message)
                .help("send it, for example as `body: \"{{ record }}\"`"),
        );
    }
}
