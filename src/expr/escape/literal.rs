//! Literals of query languages: a value as it is written in one, so that it can never become a part of the query.

use std::fmt::Write as _;

use minijinja::{Value, value::ValueKind};

use super::super::{Language, Marker, adapter};
use crate::expr::library::list;

/// Appends `value` as a literal. The error is a sentence without the value.
pub(in crate::expr) fn append(
    out: &mut String,
    value: &Value,
    language: Language,
    marker: Option<Marker>,
) -> Result<(), String> {
    match value.kind() {
        ValueKind::Undefined => Err("it has no value, and a query needs one".into()),
        ValueKind::Seq | ValueKind::Iterable => entries(out, value, language, marker),
        _ => one(out, value, language, marker),
    }
}

/// In brackets and apart by commas, as `IN` wants them; names are apart by commas only.
fn entries(out: &mut String, value: &Value, language: Language, marker: Option<Marker>) -> Result<(), String> {
    let entries = list(value).unwrap_or_default();
    let names = matches!(marker, Some(Marker::Identifier | Marker::Raw));
    if !names && !language.has_lists() {
        return Err(format!("it gives a list, which `{}` has no literal for", language.word()));
    }
    if entries.is_empty() {
        return Err("it gives an empty list, and a query needs at least one entry".into());
    }
    if !names {
        out.push('(');
    }
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        match entry.kind() {
            ValueKind::Seq | ValueKind::Iterable => return Err("it gives a list of lists".into()),
            _ => one(out, entry, language, marker)?,
        }
    }
    if !names {
        out.push(')');
    }
    Ok(())
}

fn one(out: &mut String, value: &Value, language: Language, marker: Option<Marker>) -> Result<(), String> {
    let text = adapter::text(value)?;
    match (text, value.kind()) {
        (None, _) if language.has_null() => out.push_str("null"),
        (None, _) => return Err(format!("it gives null, which `{}` has no literal for", language.word())),
        (Some(text), ValueKind::Number | ValueKind::Bool) => out.push_str(&text),
        (Some(text), _) => match marker {
            // Both were checked by the filter that gave them.
            Some(Marker::Raw | Marker::Identifier) => out.push_str(&text),
            Some(Marker::Time) if language.has_bare_times() => out.push_str(&text),
            _ => string(out, &text, language)?,
        },
    }
    Ok(())
}

fn string(out: &mut String, text: &str, language: Language) -> Result<(), String> {
    match language {
        Language::Soql => soql(out, text),
        Language::Sosl => return sosl(out, text),
        Language::Coql if text.contains('\\') => return refused(language, "a backslash"),
        Language::Coql | Language::Odata => quoted(out, text, |it| (it == '\'').then_some('\'')),
        Language::Search => quoted(out, text, |it| matches!(it, '\'' | '\\').then_some('\\')),
        Language::Kql => return words(out, text, language),
        Language::Phrases => return phrase(out, text, language),
    }
    Ok(())
}

/// In single quotes; what has a meaning there has another character put before it.
fn quoted(out: &mut String, text: &str, before: fn(char) -> Option<char>) {
    out.push('\'');
    for char in text.chars() {
        out.extend(before(char));
        out.push(char);
    }
    out.push('\'');
}

fn soql(out: &mut String, text: &str) {
    out.push('\'');
    for char in text.chars() {
        match char {
            '\\' | '\'' | '"' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if control.is_control() => {
                // Writing to a String doesn't fail.
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('\'');
}

/// A search term in braces. Where one of its words would be an operator, it is looked for as a phrase.
fn sosl(out: &mut String, text: &str) -> Result<(), String> {
    const RESERVED: &str = "?&|!{}[]()^~*:\\\"'+-";
    if text.chars().filter(|it| it.is_alphanumeric()).take(2).count() < 2 {
        return Err("it gives fewer than two letters or digits, and a search needs two".into());
    }
    refuse_controls(text, Language::Sosl)?;
    let is_phrase = text.split_whitespace().any(|it| matches!(it, "AND" | "OR" | "NOT"));
    let quote = if is_phrase { "\"" } else { "" };
    out.push('{');
    out.push_str(quote);
    for char in text.chars() {
        if RESERVED.contains(char) {
            out.push('\\');
        }
        out.push(char);
    }
    out.push_str(quote);
    out.push('}');
    Ok(())
}

/// Words, which stand inside the double quotes of the whole search: several are kept together by brackets.
fn words(out: &mut String, text: &str, language: Language) -> Result<(), String> {
    const OPERATORS: &[&str] = &["AND", "OR", "NOT", "NEAR", "ONEAR", "XRANK", "WORDS", "ALL", "ANY"];
    refuse_controls(text, language)?;
    let is_joint = |it: char| it.is_alphanumeric() || !it.is_ascii() || "@._-+'/&#!$%,;".contains(it);
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() {
        return Err("it gives no words, and a search needs some".into());
    }
    for word in &words {
        let wrong = !word.chars().all(is_joint) || word.starts_with(['-', '+', '!']) || OPERATORS.contains(word);
        if wrong {
            return refused(language, "quotes, colons, brackets and other signs of the language");
        }
    }
    match words.as_slice() {
        [word] => out.push_str(word),
        words => {
            let _ = write!(out, "({})", words.join(" "));
        }
    }
    Ok(())
}

/// In double quotes, which have no escape there; a plain word or date needs none.
fn phrase(out: &mut String, text: &str, language: Language) -> Result<(), String> {
    refuse_controls(text, language)?;
    if text.contains('"') {
        return refused(language, "a double quote");
    }
    if text.trim().is_empty() {
        return Err("it gives no words, and a search needs some".into());
    }
    let is_plain = text.bytes().all(|it| it.is_ascii_alphanumeric() || b"@._/".contains(&it))
        && !matches!(text, "AND" | "OR" | "NOT" | "AROUND");
    let quote = if is_plain { "" } else { "\"" };
    let _ = write!(out, "{quote}{text}{quote}");
    Ok(())
}

fn refuse_controls(text: &str, language: Language) -> Result<(), String> {
    if text.chars().any(char::is_control) { refused(language, "line breaks and control characters") } else { Ok(()) }
}

fn refused(language: Language, what: &str) -> Result<(), String> {
    Err(format!("it gives text with what `{}` can't hold ({what}); `| words` leaves it out", language.word()))
}

#[cfg(test)]
#[path = "literal_tests.rs"]
mod tests;
