//! What the model reads about an action.

use super::operation::Operation;
use crate::import::name;

/// A sentence of so many characters can say what an action does.
const ENOUGH: usize = 24;

/// What the description says, else a sentence that somebody should better write.
pub(super) fn text(operation: &Operation<'_>, todos: &mut Vec<String>) -> String {
    let (summary, description) = (operation.at.text("summary"), operation.at.text("description"));
    let sentences: Vec<_> = [summary, description.filter(|it| Some(*it) != summary)]
        .into_iter()
        .flatten()
        .map(|it| name::capital(name::plain(it, 300).trim_end_matches('.')))
        .filter(|it| !it.is_empty())
        .map(|it| if it.ends_with(['!', '?', '…']) { it } else { format!("{it}.") })
        .collect();
    let text = sentences.join(" ");
    if text.chars().count() >= ENOUGH {
        return text;
    }
    todos.push("say in `describe` what it does and when to call it: a model decides by that".to_owned());
    let made = format!("{} ({} {}).", made(&operation.method, operation.path), operation.method, operation.path);
    [text, name::plain(&made, 200)].iter().filter(|it| !it.is_empty()).cloned().collect::<Vec<_>>().join(" ")
}

/// What a method does at a path, as far as their words tell: `Gets one contact by its id`.
fn made(method: &str, path: &str) -> String {
    let segments: Vec<_> = path.split(['/', '.', '(', ')']).filter(|it| !it.is_empty()).collect();
    let words = |it: &str| name::words(it).join(" ");
    let mut nouns =
        segments.iter().rev().filter(|it| !it.contains('{')).map(|it| words(it)).filter(|it| !it.is_empty());
    let noun = nouns.next().unwrap_or_else(|| "thing".to_owned());
    let (one, has_many) = (name::singular(&noun), name::singular(&noun) != noun);
    let by = segments.last().filter(|it| it.contains('{')).map(|it| words(it));
    match (method, by, nouns.next()) {
        ("GET" | "HEAD", Some(by), _) => format!("Gets one {one} by its {by}"),
        ("GET" | "HEAD", None, _) if has_many => format!("Lists {noun}"),
        ("GET" | "HEAD", None, _) => format!("Gets {noun}"),
        ("DELETE", ..) => format!("Removes one {one}"),
        ("PUT" | "PATCH", ..) => format!("Changes one {one}"),
        (_, Some(_), _) => format!("Sends something to one {one}"),
        (_, None, _) if has_many => format!("Creates one {one}"),
        (_, None, Some(of)) => format!("Asks for {noun} of one {}", name::singular(&of)),
        (_, None, None) => format!("Asks for {noun}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_at_a_path_is_a_sentence() {
        for (method, path, expected) in [
            ("GET", "/contacts", "Lists contacts"),
            ("GET", "/contacts/{contactId}", "Gets one contact by its contact id"),
            ("GET", "/items/{sku}.json", "Gets json"),
            ("GET", "/me/balance", "Gets balance"),
            ("POST", "/companies", "Creates one company"),
            ("PATCH", "/contacts/{id}", "Changes one contact"),
            ("DELETE", "/contacts/{id}/notes/{note}", "Removes one note"),
            ("POST", "/orders/{id}/cancel", "Asks for cancel of one order"),
            ("POST", "/", "Asks for thing"),
        ] {
            assert_eq!(made(method, path), expected, "{method} {path}");
        }
    }
}
