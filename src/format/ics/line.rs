//! Content lines (RFC 5545 §3.1): unfolding, and `NAME;PARAM=value:value`.

use std::{borrow::Cow, ops::Range};

/// A content line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Upper case.
    pub(super) name: String,
    /// Names in upper case; quotes and RFC 6868 escapes undone.
    params: Vec<(String, String)>,
    /// As written: what has to be unescaped depends on its type.
    pub(super) value: String,
}

impl Line {
    /// The first value of a parameter.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// Reads an unfolded line; none if it has no name or no colon.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let end = text.find([';', ':'])?;
        let name = text[..end].trim().to_ascii_uppercase();
        if name.is_empty() {
            return None;
        }
        let mut params = Vec::new();
        let mut rest = &text[end..];
        while let Some(param) = rest.strip_prefix(';') {
            let (name, after) = param.split_once('=')?;
            let end = end_of_param(after)?;
            params.push((name.trim().to_ascii_uppercase(), param_value(&after[..end])));
            rest = &after[end..];
        }
        Some(Self { name, params, value: rest.strip_prefix(':')?.to_owned() })
    }
}

/// Where a parameter's values end: at the first `;` or `:` outside quotes.
fn end_of_param(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.bytes().position(|byte| {
        quoted ^= byte == b'"';
        !quoted && matches!(byte, b';' | b':')
    })
}

/// Without quotes, and with `^n`, `^^` and `^'` undone (RFC 6868).
fn param_value(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut chars = text.chars().filter(|it| *it != '"').peekable();
    while let Some(char) = chars.next() {
        let undone = match (char, chars.peek()) {
            ('^', Some('n')) => Some('\n'),
            ('^', Some('^')) => Some('^'),
            ('^', Some('\'')) => Some('"'),
            _ => None,
        };
        if undone.is_some() {
            chars.next();
        }
        value.push(undone.unwrap_or(char));
    }
    value
}

/// A line unfolded, and where it stands in the text with all its folds and its line end.
pub(super) struct Unfolded<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) place: Range<usize>,
}

/// The content lines of a text, whatever its line ends; blank ones are left out.
pub(super) fn unfold(text: &str) -> impl Iterator<Item = Unfolded<'_>> {
    let mut next = 0;
    std::iter::from_fn(move || {
        while next < text.len() {
            let start = next;
            let mut line = physical(text, start);
            next = line.end;
            let mut unfolded = Cow::Borrowed(without_end(&text[line]));
            while text[next..].starts_with([' ', '\t']) {
                line = physical(text, next);
                next = line.end;
                unfolded.to_mut().push_str(&without_end(&text[line])[1..]);
            }
            if !unfolded.trim().is_empty() {
                return Some(Unfolded { text: unfolded, place: start..next });
            }
        }
        None
    })
}

fn physical(text: &str, start: usize) -> Range<usize> {
    let end = text[start..].find('\n').map_or(text.len(), |it| start + it + 1);
    start..end
}

fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}
