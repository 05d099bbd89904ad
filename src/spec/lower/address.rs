//! Paths and URLs: what is written out of them must be right, whatever the placeholders come to.

use std::ops::Range;

use super::Lower;
use crate::{
    diag::{Diagnostic, codes},
    expr::{Piece, Text},
    spec::facts::OpenHost,
    yaml::{Node, span_in},
};

/// Stands for each byte of a placeholder.
const HOLE: char = '\u{1}';

/// The scalar's text with its placeholders blotted out, byte for byte, so that places stay.
fn blotted(value: &str, text: &Text) -> String {
    let mut blotted = String::with_capacity(value.len());
    for piece in &text.pieces {
        match piece {
            Piece::Literal(literal) => blotted.push_str(literal),
            Piece::Expr(expr) => {
                let rest = value.get(blotted.len()..).unwrap_or_default();
                let inside = rest.find(&expr.source).map_or(0, |it| it + expr.source.len());
                let end = rest.get(inside..).and_then(|it| it.find("}}")).map_or(rest.len(), |it| inside + it + 2);
                blotted.extend(std::iter::repeat_n(HOLE, end));
            }
        }
    }
    blotted
}

/// `https://….example.com/v1` → `*.example.com`: as much of the host as is written out behind its first label.
fn pattern(blotted: &str) -> Option<String> {
    let host = blotted.strip_prefix("https://")?.split(['/', ':', '?']).next()?;
    let (first, rest) = host.split_once('.')?;
    (first.contains(HOLE) && !rest.contains(HOLE) && rest.contains('.')).then(|| format!("*.{rest}"))
}

/// A mistake in a scalar: where, what, and the way out.
type Mistake = (Range<usize>, &'static str, String, Option<String>);

impl Lower<'_> {
    /// The text of a request's `path`.
    pub(super) fn path_text(&mut self, node: &Node) -> Text {
        let text = self.text(node, "path");
        let value = node.as_text().unwrap_or_default();
        if self.single_braces(node, value, true) {
            return text;
        }
        let mistake = path_mistake(&blotted(value, &text));
        self.mistaken(node, mistake);
        text
    }

    /// The text of a base URL, or of a sign-in URL: absolute, and without query unless it is the `whole` address of a page.
    pub(super) fn address_text(&mut self, node: &Node, what: &str, whole: bool) -> Text {
        let text = self.text(node, what);
        let blotted = blotted(node.as_text().unwrap_or_default(), &text);
        let mistake = base_url_mistake(&blotted).or_else(|| query_mistake(&blotted).filter(|_| !whole));
        if mistake.is_none() && !text.pieces.is_empty() && crate::spec::hosts::literal(&text).is_none() {
            self.facts.open_hosts.push(OpenHost { span: node.span, pattern: pattern(&blotted) });
        }
        self.mistaken(node, mistake);
        text
    }

    /// The text of a request's `url`. A host that is written out may be called.
    pub(super) fn url_text(&mut self, node: &Node) -> Text {
        let text = self.text(node, "url");
        let blotted = blotted(node.as_text().unwrap_or_default(), &text);
        if blotted.starts_with(HOLE) {
            return text;
        }
        let mistake = base_url_mistake(&blotted);
        if mistake.is_none() {
            match crate::spec::hosts::literal(&text) {
                Some(host) => self.facts.hosts.push(host),
                None => self.facts.open_hosts.push(OpenHost { span: node.span, pattern: pattern(&blotted) }),
            }
        }
        self.mistaken(node, mistake);
        text
    }

    fn mistaken(&mut self, node: &Node, mistake: Option<Mistake>) {
        // Text that could not be compiled is empty, and reported already.
        let Some((at, code, message, help)) = mistake.filter(|_| node.as_text().is_some()) else { return };
        let span = span_in(&self.sources.get(node.span.file).text, node, at);
        let mut diagnostic = Diagnostic::error(code, span, message);
        diagnostic.help = help;
        self.report(diagnostic);
    }
}

fn mistake(at: Range<usize>, code: &'static str, message: &str, help: &str) -> Option<Mistake> {
    Some((at, code, message.to_owned(), Some(help.to_owned())))
}

fn path_mistake(path: &str) -> Option<Mistake> {
    let whole = 0..path.len();
    if path.is_empty() {
        return None;
    }
    if path.contains("://") {
        let help = "write what follows the base URL, or give the whole address as `url`";
        return mistake(whole, codes::BAD_PATH, "a path is no whole address", help);
    }
    if !path.starts_with('/') {
        let help = "write `/` before it; an address that the provider gave goes into `url`";
        return mistake(whole, codes::BAD_PATH, "a path begins with `/`", help);
    }
    if let Some(at) = path.find('?') {
        let help = "give each parameter under `query`, where it is encoded";
        return mistake(at..path.len(), codes::BAD_PATH, "a path has no query", help);
    }
    if let Some(at) = path.find("//") {
        let message = "`//` in a path is an empty segment, or another host";
        return mistake(at..at + 2, codes::BAD_PATH, message, "write a single `/`");
    }
    let mut start = 1;
    for segment in path[1..].split('/') {
        let at = start..start + segment.len();
        if matches!(segment, "." | "..") || segment.to_ascii_lowercase().replace("%2e", ".") == ".." {
            let message = "a path stays under the base URL";
            return mistake(at, codes::BAD_PATH, message, "write the path from the base URL on, without `.` and `..`");
        }
        start = at.end + 1;
    }
    unencoded(path)
}

/// RFC 3986 §3.3: what may stand in a path as it is.
fn unencoded(path: &str) -> Option<Mistake> {
    let bytes = path.as_bytes();
    for (at, it) in path.char_indices() {
        let is_escape = || bytes.get(at + 1..at + 3).is_some_and(|it| it.iter().all(u8::is_ascii_hexdigit));
        let allowed =
            it.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/".contains(it) || it == HOLE || (it == '%' && is_escape());
        if !allowed {
            let encoded: String = it.to_string().bytes().map(|it| format!("%{it:02X}")).collect();
            let help = format!("write `{encoded}`; placeholders are encoded by themselves");
            let message = format!("`{it}` can't stand in a path");
            return Some((at..at + it.len_utf8(), codes::BAD_PATH, message, Some(help)));
        }
    }
    None
}

fn base_url_mistake(url: &str) -> Option<Mistake> {
    let whole = 0..url.len();
    if url.is_empty() || url.starts_with(HOLE) {
        return None;
    }
    if url.starts_with("http://") {
        return mistake(0..4, codes::NOT_HTTPS, "providers are called by https only", "write `https://`");
    }
    let Some(rest) = url.strip_prefix("https://") else {
        let help = "for example `https://api.example.com/v1`";
        return mistake(whole, codes::BAD_URL, "this is not an absolute https URL", help);
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let at = 8..8 + authority.len();
    if authority.contains('@') {
        return mistake(
            at,
            codes::BAD_URL,
            "a URL has no user: credentials belong in `auth`",
            "remove what stands before `@`",
        );
    }
    if !authority.contains(HOLE) && url::Url::parse(&format!("https://{authority}/")).is_err() {
        return mistake(at, codes::BAD_URL, "this is not a host", "for example `https://api.example.com/v1`");
    }
    None
}

fn query_mistake(url: &str) -> Option<Mistake> {
    let at = url.find(['?', '#'])?;
    mistake(
        at..url.len(),
        codes::BAD_URL,
        "a base URL has no query and no fragment",
        "give parameters where they are used",
    )
}
