//! One node as one type, with the reason when it isn't.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Entry, Kind, Node,
    section::{Type, all_of},
};
use crate::diag::{Diagnostic, Diagnostics, Fix, Span, codes};

/// What is wanted of a node.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The key it stands at.
    pub what: &'a str,
    /// Its type.
    pub kind: Type,
    /// A better example than the type's own.
    pub example: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// A value of that type at the key `what`.
    pub fn new(what: &'a str, kind: Type) -> Self {
        Self { what, kind, example: None }
    }

    fn refuse(&self, node: &Node, diagnostics: &mut Diagnostics) {
        let example = self.example.map(str::to_owned).or_else(|| self.kind.example());
        let example = example.map(|it| format!("{}: {it}", self.what));
        refuse(node, &format!("`{}`", self.what), &self.kind, example.as_deref(), diagnostics);
    }
}

fn bad_value(node: &Node, message: String, diagnostics: &mut Diagnostics) {
    diagnostics.push(Diagnostic::error(codes::BAD_VALUE, node.span, message));
}

/// Reports that `node`, which stands for `what`, is not of type `kind`.
pub fn refuse(node: &Node, what: &str, kind: &Type, example: Option<&str>, diagnostics: &mut Diagnostics) {
    let expected = kind.expected();
    let message = format!("expected {expected} for {what}, found {}", found(node));
    // A caret under many lines says nothing: only the first is marked.
    let mut diagnostic = Diagnostic::error(codes::WRONG_TYPE, node.span, message);
    diagnostic.help = example.map(|it| format!("for example `{it}`"));
    diagnostics.push(diagnostic);
}

/// What a node is, for "expected …, found …".
pub fn found(node: &Node) -> String {
    match &node.kind {
        Kind::List(_) => "a list".to_owned(),
        Kind::Map(_) => "a mapping".to_owned(),
        Kind::Scalar(..) if node.is_nothing() => "nothing".to_owned(),
        Kind::Scalar(text, _) if text.contains("{{") => "an expression".to_owned(),
        Kind::Scalar(text, _) if node.as_bool().is_some() => format!("`{text}`"),
        Kind::Scalar(text, _) if node.as_number().is_some() => format!("the number {text}"),
        Kind::Scalar(text, _) => format!("the text `{}`", shortened(text)),
    }
}

/// The first words of a text, on one line.
fn shortened(text: &str) -> String {
    const LIMIT: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    if line.len() == text.len() && line.chars().count() <= LIMIT {
        return line.to_owned();
    }
    line.chars().take(LIMIT).chain(['…']).collect()
}

/// Literal text, not empty.
pub fn text<'a>(node: &'a Node, wanted: &Wanted<'_>, diagnostics: &mut Diagnostics) -> Option<&'a str> {
    match node.as_text() {
        Some("") if !node.is_nothing() => {
            bad_value(node, format!("`{}` is empty", wanted.what), diagnostics);
            None
        }
        Some(text) if !node.is_nothing() => Some(text),
        _ => {
            wanted.refuse(node, diagnostics);
            None
        }
    }
}

/// `true` or `false`.
pub fn bool(node: &Node, wanted: &Wanted<'_>, diagnostics: &mut Diagnostics) -> Option<bool> {
    let value = node.as_bool();
    if value.is_none() {
        let means_false =
            matches!(node.as_text().map(str::to_ascii_lowercase).as_deref(), Some("no" | "off" | "n" | "0"));
        Wanted { example: if means_false { Some("false") } else { wanted.example }, ..*wanted }
            .refuse(node, diagnostics);
    }
    value
}

/// A whole number in the range of the wanted type.
pub fn integer(node: &Node, wanted: &Wanted<'_>, diagnostics: &mut Diagnostics) -> Option<i64> {
    let Some(value) = node.as_i64() else {
        wanted.refuse(node, diagnostics);
        return None;
    };
    match wanted.kind {
        Type::Integer { min, max } if !(min..=max).contains(&value) => {
            let message = format!("`{}` must be {}, not {value}", wanted.what, wanted.kind.expected());
            bad_value(node, message, diagnostics);
            None
        }
        _ => Some(value),
    }
}

/// A duration above zero.
pub fn duration(node: &Node, wanted: &Wanted<'_>, diagnostics: &mut Diagnostics) -> Option<Duration> {
    match node.as_text().and_then(parse_duration) {
        Some(Duration::ZERO) => {
            let message = format!("`{}` must be longer than nothing", wanted.what);
            bad_value(node, message, diagnostics);
            None
        }
        Some(duration) => Some(duration),
        None => {
            wanted.refuse(node, diagnostics);
            None
        }
    }
}

/// `500ms`, `10s`, `5m`, `1h`, `7d`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// An instant, RFC 3339.
pub fn instant(node: &Node, wanted: &Wanted<'_>, diagnostics: &mut Diagnostics) -> Option<Timestamp> {
    let value = node.as_text().and_then(|it| it.parse().ok());
    if value.is_none() {
        wanted.refuse(node, diagnostics);
    }
    value
}

/// One of the wanted type's words.
pub fn word(node: &Node, wanted: &Wanted<'_>, diagnostics: &mut Diagnostics) -> Option<&'static str> {
    let Type::Word(words) = wanted.kind else { return None };
    let text = text(node, wanted, diagnostics)?;
    let word = words.iter().find(|it| **it == text).copied();
    if word.is_none() {
        let message = format!("`{}` is not a value of `{}`", shortened(text), wanted.what);
        diagnostics.push(
            Diagnostic::error(codes::BAD_VALUE, node.span, message)
                .did_you_mean(text, words.iter().copied())
                .or_help(|| format!("allowed are {}", all_of(words))),
        );
    }
    word
}

/// Text of the form that the wanted type asks for.
pub fn formed<'a>(node: &'a Node, wanted: &Wanted<'_>, diagnostics: &mut Diagnostics) -> Option<&'a str> {
    let text = text(node, wanted, diagnostics)?;
    let (holds, code) = match wanted.kind {
        Type::Id => (is_id(text), codes::BAD_NAME),
        Type::Name => (is_name(text), codes::BAD_NAME),
        Type::Version => (is_version(text), codes::BAD_VALUE),
        Type::Color => (is_color(text), codes::BAD_VALUE),
        _ => (true, codes::BAD_VALUE),
    };
    if !holds {
        let message = format!("`{}` must be {}, not `{}`", wanted.what, wanted.kind.expected(), shortened(text));
        let mut diagnostic = Diagnostic::error(code, node.span, message);
        diagnostic.help = match wanted.kind {
            Type::Id => Some(format!("for example `{}: {}`", wanted.what, respell(text, '-'))),
            Type::Name => Some(format!("for example `{}: {}`", wanted.what, respell(text, '_'))),
            _ => wanted.kind.example().map(|it| format!("for example `{}: {it}`", wanted.what)),
        };
        // What it is called is the author's to say, and others may refer to it.
        diagnostic.fix = match wanted.kind {
            Type::Id => Some(Fix::respell(node.span, text, &respell(text, '-')).guess()),
            Type::Name => Some(Fix::respell(node.span, text, &respell(text, '_')).guess()),
            _ => None,
        };
        diagnostics.push(diagnostic);
    }
    holds.then_some(text)
}

/// A list's entries.
pub fn list<'a>(node: &'a Node, wanted: &Wanted<'_>, diagnostics: &mut Diagnostics) -> Option<&'a [Node]> {
    let items = node.as_list();
    if items.is_none() {
        // One entry is most often meant as a list of it.
        match node.as_text().filter(|it| !it.is_empty() && !it.contains('\n')) {
            Some(one) if wanted.example.is_none() => {
                Wanted { example: Some(&format!("[{one}]")), ..*wanted }.refuse(node, diagnostics);
            }
            _ => wanted.refuse(node, diagnostics),
        }
    }
    items
}

/// Literal texts: a list of them, or one instead where the wanted type allows it.
pub fn texts<'a>(node: &'a Node, wanted: &Wanted<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<(&'a str, Span)>> {
    let items = match (&node.kind, wanted.kind) {
        (Kind::Scalar(..), Type::OneOrMany(_)) => std::slice::from_ref(node),
        _ => list(node, wanted, diagnostics)?,
    };
    let one = Wanted::new(wanted.what, Type::Text);
    Some(items.iter().filter_map(|it| text(it, &one, diagnostics).map(|text| (text, it.span))).collect())
}

/// The entries of a mapping.
pub fn mapping<'a>(node: &'a Node, wanted: &Wanted<'_>, diagnostics: &mut Diagnostics) -> Option<&'a [Entry]> {
    let entries = node.as_map();
    if entries.is_none() {
        wanted.refuse(node, diagnostics);
    }
    entries
}

/// The entries of a mapping whose keys are to be names. Those that aren't are reported and kept: what refers to them is
/// no second mistake.
pub fn named<'a>(node: &'a Node, wanted: &Wanted<'_>, diagnostics: &mut Diagnostics) -> Option<&'a [Entry]> {
    let entries = mapping(node, wanted, diagnostics)?;
    for entry in entries.iter().filter(|it| !is_name(&it.key)) {
        let message = format!(
            "names in `{}` are written in lower_case_with_underscores, not `{}`",
            wanted.what,
            shortened(&entry.key)
        );
        diagnostics.push(
            Diagnostic::error(codes::BAD_NAME, entry.key_span, message)
                .help(format!("for example `{}`", respell(&entry.key, '_')))
                .fix(Fix::respell(entry.key_span, &entry.key, &respell(&entry.key, '_')).guess()),
        );
    }
    Some(entries)
}

/// `lower-case-with-dashes`, beginning with a letter, at most 64 characters.
pub fn is_id(text: &str) -> bool {
    is_word(text, b'-')
}

/// `lower_case_with_underscores`, beginning with a letter, at most 64 characters.
pub fn is_name(text: &str) -> bool {
    is_word(text, b'_')
}

fn is_word(text: &str, between: u8) -> bool {
    text.len() <= 64
        && text.starts_with(|it: char| it.is_ascii_lowercase())
        && !text.ends_with(char::from(between))
        && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == between)
}

/// Semantic Versioning 2.0.0: `1.2.3`, `1.2.3-beta.1`.
pub fn is_version(text: &str) -> bool {
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
    let is_number = |it: &str| {
        !it.is_empty()
            && it.len() < 10
            && it.bytes().all(|it| it.is_ascii_digit())
            && (it == "0" || !it.starts_with('0'))
    };
    let are_labels = |it: &str| {
        it.split('.').all(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-'))
    };
    core.split('.').count() == 3
        && core.split('.').all(is_number)
        && pre.is_none_or(are_labels)
        && build.is_none_or(are_labels)
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|it| it.len() == 6 && it.bytes().all(|it| it.is_ascii_hexdigit()))
}

/// The nearest well-formed name: `bookAppointment` → `book_appointment`.
fn respell(text: &str, between: char) -> String {
    let mut name = String::new();
    let mut previous_is_lower = false;
    for it in text.chars() {
        if it.is_ascii_alphanumeric() {
            if it.is_ascii_uppercase() && previous_is_lower {
                name.push(between);
            }
            name.push(it.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with(between) {
            name.push(between);
        }
        previous_is_lower = it.is_ascii_lowercase() || it.is_ascii_digit();
    }
    let name = name.trim_matches(between).trim_start_matches(|it: char| it.is_ascii_digit()).trim_matches(between);
    if name.is_empty() { "name".to_owned() } else { name.to_owned() }
}
