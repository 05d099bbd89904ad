//! Servers, sign-ins, lookups and actions that are named must exist.

use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    spec::facts::{Facts, Part},
};

/// Reports each name that refers to nothing.
pub(super) fn check(facts: &Facts, diagnostics: &mut Diagnostics) {
    for it in &facts.uses {
        let names: Vec<_> = facts.names(it.part).collect();
        if names.contains(&it.name.as_str()) {
            continue;
        }
        let message = format!("there is no {} `{}`", it.part.word(), it.name);
        let diagnostic = Diagnostic::error(codes::UNKNOWN_REFERENCE, it.span, message);
        let diagnostic = diagnostic.did_you_mean(&it.name, names.iter().copied());
        diagnostics.push(diagnostic.or_help(|| help(it.part, &names)));
    }
}

fn help(part: Part, names: &[&str]) -> String {
    let place = match part {
        Part::Action => "actions",
        Part::Field => "fields",
        Part::Event => "types` of `events",
        Part::Lookup => "lookups",
        Part::Object => "objects",
        Part::Scheme => "schemes` of `auth",
        Part::Server => "servers` of `http",
    };
    if names.is_empty() {
        return format!("declare it in `{place}`");
    }
    format!("there are {}", names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", "))
}
