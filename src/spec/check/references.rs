//! Servers, sign-ins, lookups and actions that are named must exist.

use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    spec::facts::{Facts, Part},
    yaml::typed::is_name,
};

/// Reports each name that refers to nothing.
pub(super) fn check(facts: &Facts, diagnostics: &mut Diagnostics) {
    for it in &facts.uses {
        let names: Vec<_> = facts.names(it.part).collect();
        // A name that can't be one is told where it is declared; what refers to it as it is to be called is no second mistake.
        let is_declared = |name: &&str| *name == it.name || !is_name(name) && called(name) == called(&it.name);
        if names.iter().any(is_declared) {
            continue;
        }
        let names: Vec<_> = names.into_iter().filter(|it| is_name(it)).collect();
        let message = format!("there is no {} `{}`", it.part.word(), it.name);
        let diagnostic = Diagnostic::error(codes::UNKNOWN_REFERENCE, it.span, message);
        let diagnostic = diagnostic.did_you_mean(&it.name, names.iter().copied());
        let mut diagnostic = diagnostic.or_help(|| help(it.part, &names));
        // Which action is called decides what is done: that is the author's to say.
        if it.part == Part::Action {
            diagnostic.fix = diagnostic.fix.map(crate::diag::Fix::guess);
        }
        diagnostics.push(diagnostic);
    }
}

/// `createOrder` and `create-order` are `create_order`.
fn called(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
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
