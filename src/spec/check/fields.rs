//! Fields: names that mean something already, fields that nobody reads, lookups that need others.

use super::{calls::missing, view::Seen};
use crate::{
    diag::{Diagnostic, Diagnostics, Span, codes},
    spec::{
        Account, Connector, Scheme, StepKind,
        facts::{Facts, Owner, Part},
    },
};

/// Sign-in fields stand in `auth` beside `token`, and in `connection` beside what every connection has.
pub(super) fn reserved(account: &Account, facts: &Facts, diagnostics: &mut Diagnostics) {
    let has_token = account.schemes.values().any(Scheme::gets_token);
    let consent = account.consent();
    let has_code = consent.is_some_and(|it| it.code.is_some());
    let found = account.introduction().map_or(&[][..], |(_, it)| it.found());
    for field in facts.fields.iter().filter(|it| it.owner == Owner::SignIn) {
        let taken = match field.name.as_str() {
            // an address may well be asked for
            name if found.contains(&name) && !matches!(name, "issuer" | "resource") => {
                Some("in `auth` it is what is found of the provider")
            }
            "id" | "label" | "webhook_url" => Some("every connection has one already"),
            "token" if has_token => Some("`auth.token` is the token that the scheme gets"),
            "nonce" => Some("`auth.nonce` is made for each request"),
            "state" | "scope" | "redirect_uri" | "code_challenge" if consent.is_some() => {
                Some("in `auth` it is a part of the consent")
            }
            "code" | "code_verifier" | "refresh_token" if has_code => Some("in `auth` it is what the consent gives"),
            _ => None,
        };
        if let Some(why) = taken {
            let message = format!("a sign-in field can't be called `{}`: {why}", field.name);
            diagnostics.push(Diagnostic::error(codes::RESERVED_NAME, field.span, message).help("give it another name"));
        }
    }
}

/// A lookup works with the config of the action whose field it fills.
pub(super) fn lookups(connector: &Connector, facts: &Facts, diagnostics: &mut Diagnostics) {
    let of_actions = connector.actions.values().map(|it| (Owner::Config(it.name.clone()), &it.config, "action"));
    let of_objects = connector.objects.values().map(|it| (Owner::Object(it.name.clone()), &it.config, "object"));
    for (owner, config, what) in of_actions.chain(of_objects) {
        for (field, name) in &config.lookups {
            let Some(lookup) = connector.lookup(name) else { continue };
            for needed in missing(&lookup.config, config) {
                let Some(span) = place(facts, &owner, field) else { continue };
                let message =
                    format!("the lookup `{name}` needs `config.{needed}`, which this {what} does not declare");
                let diagnostic = Diagnostic::error(codes::MISSING_CONFIG, span, message);
                diagnostics.push(diagnostic.help(format!("add `{needed}` to `config` before `{field}`")));
            }
        }
    }
}

fn place(facts: &Facts, owner: &Owner, name: &str) -> Option<Span> {
    facts.fields.iter().find(|it| it.owner == *owner && it.name == name).map(|it| it.span)
}

/// Fields of an action or lookup that nobody reads; `seen` is what its own expressions read.
pub(super) fn unused(connector: &Connector, owner: &Owner, seen: &Seen, facts: &Facts, diagnostics: &mut Diagnostics) {
    for field in facts.fields.iter().filter(|it| it.owner == *owner) {
        let is_read = match owner {
            Owner::Input(_) => seen.input.contains(&field.name),
            Owner::Config(action) => seen.config.contains(&field.name) || is_needed(connector, action, &field.name),
            Owner::Lookup(_) => seen.config.contains(&field.name),
            // Actions that write the object read them.
            Owner::Object(_) | Owner::ObjectField(_) => true,
            Owner::Shared => facts.uses.iter().any(|it| it.part == Part::Field && it.name == field.name),
            Owner::SignIn => seen.auth.contains(&field.name) || seen.connection.contains(&field.name),
        };
        if !is_read {
            if *owner == Owner::Shared {
                let message = format!("nobody shares `{}`", field.name);
                let help = format!("use it by `{}: shared` in `config` or `input`, or remove it", field.name);
                diagnostics.push(Diagnostic::warning(codes::UNUSED_FIELD, field.span, message).help(help));
                continue;
            }
            let message = format!("nobody reads `{}`", field.name);
            let root = match owner {
                Owner::Input(_) | Owner::ObjectField(_) => "input",
                Owner::Config(_) | Owner::Lookup(_) | Owner::Object(_) | Owner::Shared => "config",
                Owner::SignIn if connector.account.secret_fields.contains(&field.name) => "auth",
                Owner::SignIn => "connection",
            };
            diagnostics.push(
                Diagnostic::warning(codes::UNUSED_FIELD, field.span, message)
                    .help(format!("use it as `{root}.{}`, or remove it", field.name)),
            );
        }
    }
}

/// Whether a lookup of the action's other fields, or an action that it calls, works with the field.
fn is_needed(connector: &Connector, action: &str, name: &str) -> bool {
    let Some(action) = connector.action(action) else { return true };
    let by_lookup = action.config.lookups.values().filter_map(|it| connector.lookup(it));
    let by_call = action.plan.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Call { action, .. } => connector.action(action),
        _ => None,
    });
    by_lookup.map(|it| &it.config).chain(by_call.map(|it| &it.config)).any(|it| it.get(name).is_some())
}
