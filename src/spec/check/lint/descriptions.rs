//! A model knows an action by its words only.

use crate::{
    diag::{Diagnostic, Diagnostics, Span, codes},
    spec::{
        Connector,
        facts::{Facts, Owner},
        lower::SHORT,
    },
};

/// Words that say nothing of what something is.
const EMPTY_WORDS: &[&str] = &[
    "a", "an", "the", "of", "for", "to", "this", "that", "is", "it", "its", "given", "some", "please", "enter", "value",
];

/// What stands where somebody meant to write something.
const PLACEHOLDERS: &[&str] =
    &["todo", "tbd", "fixme", "lorem ipsum", "xxx", "description", "description here", "n/a", "..."];

/// Whoever writes more words than these says something, even if the title says it too.
const MOST_REPEATED: usize = 2;

/// Names that don't say what they are of.
const VAGUE_NAMES: &[&str] =
    &["arg", "args", "data", "field", "info", "input", "misc", "param", "params", "payload", "value", "values"];

/// Reports what a model could not tell apart from anything else.
pub(super) fn check(connector: &Connector, facts: &Facts, found: &mut Diagnostics) {
    for action in connector.actions.values() {
        let known = [action.title.as_str(), action.name.as_str()];
        if let Some((_, span)) = facts.describes.iter().find(|(name, _)| *name == action.name) {
            // What is only short is told already.
            let is_short = action.describe.chars().count() < SHORT;
            found.extend(
                vague(&action.describe, &known, *span, "say what it does, when to call it, and what to do before")
                    .filter(|_| !is_short),
            );
        }
        let owner = Owner::Input(action.name.clone());
        let declared: Vec<_> = facts.fields.iter().filter(|it| it.owner == owner).collect();
        for (name, schema) in action.input.iter() {
            let Some(declared) = declared.iter().find(|it| it.name == name) else { continue };
            match schema["description"].as_str() {
                Some(text) => {
                    let known = [name, schema["title"].as_str().unwrap_or_default()];
                    found.extend(vague(text, &known, declared.span, "say what it is for, and what it looks like"));
                }
                None if is_vague(name) && schema.get("enum").is_none() && schema.get("const").is_none() => {
                    let message = format!("the name `{name}` doesn't say what it is, and nothing else does");
                    let diagnostic = Diagnostic::warning(codes::VAGUE, declared.span, message);
                    found.push(diagnostic.help("give it a `description`, or a name that says it"));
                }
                None => {}
            }
        }
    }
}

fn is_vague(name: &str) -> bool {
    let letters = name.trim_end_matches(|it: char| it.is_ascii_digit() || it == '_');
    VAGUE_NAMES.contains(&letters)
}

/// What is said of a text that says nothing; `known` is what its reader knows already.
fn vague(text: &str, known: &[&str], span: Span, help: &str) -> Option<Diagnostic> {
    let mut words = words(text);
    words.sort();
    words.dedup_by(|a, b| alike(a, b));
    let known: Vec<String> = known.iter().flat_map(|it| self::words(it)).collect();
    let bare = text.trim().trim_end_matches('.').to_lowercase();
    let is_placeholder = PLACEHOLDERS.iter().any(|it| {
        bare == *it
            || bare.starts_with(&format!("{it}:"))
            || bare.starts_with(&format!("{it} ")) && it.len() > 3 && *it != "description"
    });
    let message = if is_placeholder {
        "this stands for a description that nobody has written".to_owned()
    } else if words.len() <= MOST_REPEATED && words.iter().all(|it| known.iter().any(|known| alike(known, it))) {
        "this says no more than the name does".to_owned()
    } else {
        return None;
    };
    Some(Diagnostic::warning(codes::VAGUE, span, message).help(help))
}

/// `finds` and `find`, `items` and `item`.
fn alike(a: &str, b: &str) -> bool {
    let stem = |it: &str| it.trim_end_matches("es").trim_end_matches('s').to_owned();
    stem(a) == stem(b)
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|it: char| !it.is_alphanumeric()).map(str::to_lowercase);
    words.filter(|it| !it.is_empty() && !EMPTY_WORDS.contains(&it.as_str())).collect()
}
