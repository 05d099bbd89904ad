//! What stands at a place of an expression that may be half typed.

use std::ops::Range;

/// What the word at a place is, and what stands before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// A name, or a part of one: the parts before it.
    Name(Vec<&'a str>),
    /// What stands after `|`.
    Filter,
    /// What stands after `is`.
    Test,
}

/// The placeholder in which a byte of a scalar stands: what is between its brackets.
pub(super) fn placeholder(text: &str, scalar: &Range<usize>, byte: usize) -> Option<Range<usize>> {
    let before = text.get(scalar.start..byte)?;
    let start = scalar.start + before.rfind("{{")? + 2;
    if text.get(start..byte)?.contains("}}") {
        return None;
    }
    let rest = &text[start..scalar.end.max(start)];
    Some(start..start + rest.find("}}").unwrap_or(rest.len()))
}

/// The word around or before a byte: its range, and what it is. `None` inside a text of the expression.
pub(super) fn word<'t>(text: &'t str, expression: &Range<usize>, byte: usize) -> Option<(Range<usize>, Word<'t>)> {
    let source = text.get(expression.clone())?;
    let at = byte.checked_sub(expression.start).filter(|it| *it <= source.len())?;
    if in_text(&source[..at]) {
        return None;
    }
    let is_word = |it: char| it.is_alphanumeric() || it == '_';
    let start = source[..at]
        .rfind(|it| !is_word(it))
        .map_or(0, |it| it + source[it..].chars().next().map_or(1, char::len_utf8));
    let end = source[at..].find(|it| !is_word(it)).map_or(source.len(), |it| at + it);
    let before = source[..start].trim_end();
    let word = if before.ends_with('|') {
        Word::Filter
    } else if source[..start].ends_with('.') {
        Word::Name(chain(&source[..start - 1])?)
    } else if ends_with_word(before, "is")
        || before.strip_suffix("not").is_some_and(|it| ends_with_word(it.trim_end(), "is"))
    {
        Word::Test
    } else {
        Word::Name(Vec::new())
    };
    Some((expression.start + start..expression.start + end, word))
}

fn ends_with_word(text: &str, word: &str) -> bool {
    text.strip_suffix(word).is_some_and(|it| it.ends_with(char::is_whitespace))
}

/// Whether a quote is open at the end.
fn in_text(source: &str) -> bool {
    let mut open = None;
    let mut characters = source.chars();
    while let Some(it) = characters.next() {
        match (open, it) {
            (Some(_), '\\') => {
                characters.next();
            }
            (Some(quote), it) if it == quote => open = None,
            (None, '\'' | '"') => open = Some(it),
            _ => {}
        }
    }
    open.is_some()
}

/// The parts of the dotted name that the text ends with. `None` if it ends with something else.
fn chain(text: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        if let Some(inner) = rest.strip_suffix(']') {
            let open = inner.rfind('[')?;
            let key = inner[open + 1..].trim();
            // A number leads to an entry of a list: what is known of the list is known of it.
            if !key.bytes().all(|it| it.is_ascii_digit()) {
                parts.push(key.trim_matches(['\'', '"']));
            }
            rest = &inner[..open];
            continue;
        }
        let start = rest
            .rfind(|it: char| !it.is_alphanumeric() && it != '_')
            .map_or(0, |it| it + rest[it..].chars().next().map_or(1, char::len_utf8));
        if start == rest.len() {
            return None;
        }
        parts.push(&rest[start..]);
        match rest[..start].strip_suffix('.') {
            Some(before) => rest = before,
            None => break,
        }
    }
    parts.reverse();
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The word at `|`, and what it is.
    fn at(source: &str) -> Option<(String, Word<'static>)> {
        let byte = source.find('^').expect("a place");
        let text: &'static str = source.replace('^', "").leak();
        let (range, word) = word(text, &(0..text.len()), byte)?;
        Some((text[range].to_owned(), word))
    }

    fn name(parts: &[&'static str]) -> Word<'static> {
        Word::Name(parts.to_vec())
    }

    #[test]
    fn words_are_told_by_what_stands_before_them() {
        for (source, word, expected) in [
            ("^", "", name(&[])),
            (" inp^", "inp", name(&[])),
            ("input.^", "", name(&["input"])),
            ("a + steps.find.na^me ~ b", "name", name(&["steps", "find"])),
            ("steps.find.items[0].^", "", name(&["steps", "find", "items"])),
            ("answer.headers['x-a'].^", "", name(&["answer", "headers", "x-a"])),
            ("input.name | up^", "up", Word::Filter),
            ("input.name |^", "", Word::Filter),
            ("input.name is def^", "def", Word::Test),
            ("input.name is not def^", "def", Word::Test),
            ("this^", "this", name(&[])),
            ("'it is ' ~ in^", "in", name(&[])),
        ] {
            assert_eq!(at(source), Some((word.to_owned(), expected)), "{source}");
        }
        assert_eq!(at("'input.^"), None);
        assert_eq!(at("f(x).^"), None);
    }

    #[test]
    fn a_placeholder_may_lack_its_end() {
        let check = |source: &str, expected: Option<&str>| {
            let byte = source.find('^').expect("a place");
            let text = source.replace('^', "");
            let found = placeholder(&text, &(0..text.len()), byte);
            assert_eq!(found.map(|it| &text[it]), expected, "{source}");
        };
        check("/x/{{ in^put.a }}/{{ b }}", Some(" input.a "));
        check("/x/{{ a }}/{{ b^", Some(" b"));
        check("/x/{{ a }}/^b", None);
        check("^/x", None);
    }
}
