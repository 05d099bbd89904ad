//! The parser's complaints in an author's words.

use granit_parser::ErrorKind;

use crate::diag::{Diagnostic, FileId, Span, codes};

/// The diagnostic for a syntax error at byte `at`; `open` is the innermost bracket that is still open.
pub(super) fn explain(file: FileId, text: &str, kind: &ErrorKind, at: usize, open: Option<Span>) -> Diagnostic {
    let _ = open;
    let here = Span::new(file, at, at + text[at..].chars().next().map_or(0, char::len_utf8));
    Diagnostic::error(codes::SYNTAX, here, kind.to_string())
}

/// `{{ … }}` without quotes, beginning at byte `start`.
pub(super) fn unquoted_placeholder(file: FileId, text: &str, start: usize) -> Diagnostic {
    let line = text[start..].lines().next().unwrap_or_default();
    let end = line.find("}}").map_or(line.len(), |it| it + 2);
    let value = line.trim_end();
    Diagnostic::error(
        codes::UNQUOTED_PLACEHOLDER,
        Span::new(file, start, start + end),
        "a value that begins with `{{` must be quoted",
    )
    .label("YAML reads this as a mapping")
    .help(format!("write \"{}\"", value.replace('"', "'")))
}
