//! Comments that say what is left to do.

use super::Style;
use crate::diag::{Diagnostic, Diagnostics, FileId, Fix, Span, codes};

const MARK: &str = "# TODO:";

/// Where there may be such a comment: at the beginning of a line, or after white space.
pub(super) fn candidates(text: &str) -> Vec<usize> {
    let begins = |at: usize| text[..at].ends_with([' ', '\t', '\n', '\r']) || at == 0;
    text.match_indices(MARK).map(|(at, _)| at).filter(|at| begins(*at)).collect()
}

/// What stands inside a text is no comment. The parser lets a block run on to what follows it, with the comments between:
/// only what is part of its value is inside.
pub(super) fn forget_inside(candidates: &mut Vec<usize>, text: &str, span: Span, style: Style, value: &str) {
    if candidates.is_empty() {
        return;
    }
    let is_inside =
        |at: usize| (span.start..span.end).contains(&at) && (style != Style::Block || value.contains(line(text, at)));
    candidates.retain(|at| !is_inside(*at));
}

/// A warning for each.
pub(super) fn report(file: FileId, text: &str, comments: &[usize], diagnostics: &mut Diagnostics) {
    for at in comments {
        let comment = line(text, *at);
        let what = comment[MARK.len()..].trim();
        let message =
            if what.is_empty() { "something is left to do here".to_owned() } else { format!("left to do: {what}") };
        diagnostics.push(
            Diagnostic::warning(codes::TODO, Span::new(file, *at, at + comment.len()), message)
                .help("do it, or decide that it is right as it is; then remove the comment")
                .fix(Fix::replace(whole(file, text, *at), "", "remove the comment: it is done").guess()),
        );
    }
}

/// The comment with the white space before it; the line that holds nothing else, with its end.
fn whole(file: FileId, text: &str, at: usize) -> Span {
    let before = text[..at].trim_end_matches([' ', '\t']).len();
    let end = at + line(text, at).len();
    match before == 0 || text[..before].ends_with('\n') {
        true => Span::new(file, before, text[end..].find('\n').map_or(text.len(), |it| end + it + 1)),
        false => Span::new(file, before, end),
    }
}

/// The rest of the line.
fn line(text: &str, at: usize) -> &str {
    text[at..].lines().next().unwrap_or_default().trim_end()
}
