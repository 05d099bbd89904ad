//! Scalars: finds the placeholders and compiles what stands in them.

use std::{ops::Range, sync::Arc};

use serde_json::{Number, Value as Json};

use super::{
    Expr, Locate, Path, Piece, Shape, Text,
    engine::{self, Compiled},
    names, quotes,
};
use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    yaml::Style,
};

/// Longer expressions are refused.
const MAX_EXPRESSION: usize = 2_000;
/// So are those with more operators: the parser, what walks its tree and what compiles it recurse for each.
const MAX_OPERATORS: usize = 300;

impl Expr {
    /// Compiles an expression, without braces. Everything wrong goes to `diagnostics`, and then there is no result.
    pub fn compile(source: &str, locate: Locate<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let start = source.len() - source.trim_start().len();
        let source = source.trim();
        let locate = |at: Range<usize>| locate(at.start + start..at.end + start);
        let span = locate(0..source.len());
        if source.is_empty() {
            diagnostics.push(Diagnostic::error(codes::EXPRESSION, span, "there is no expression here"));
            return None;
        }
        if source.len() > MAX_EXPRESSION {
            let message = format!("this expression is longer than {MAX_EXPRESSION} bytes");
            let diagnostic = Diagnostic::error(codes::EXPRESSION, span, message);
            diagnostics.push(diagnostic.help("compute it in several `set` steps"));
            return None;
        }
        if operators(source) > MAX_OPERATORS {
            let message = format!("this expression has more than {MAX_OPERATORS} operators, dots and brackets");
            let diagnostic = Diagnostic::error(codes::EXPRESSION, span, message);
            diagnostics.push(diagnostic.help("compute it in several `set` steps"));
            return None;
        }
        let found = names::check(source, &locate, diagnostics)?;
        let compiled = if found.is_name { Ok(Compiled::Name) } else { engine::compile(source, &found.factors) };
        let compiled = compiled.map_err(|error| {
            let detail = error.detail().unwrap_or("it breaks off");
            let message = format!("this is not an expression: {detail}");
            diagnostics.push(Diagnostic::error(codes::EXPRESSION, span, message));
        });
        Some(Self {
            span,
            source: source.to_owned(),
            names: found.names,
            marker: found.marker,
            compiled: compiled.ok()?,
        })
    }

    /// Compiles a scalar that must be one placeholder, as `when` and `holds` are.
    pub fn compile_scalar(text: &str, locate: Locate<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let pieces = scan(text, locate, diagnostics)?;
        if let Some(inner) = whole(text, &pieces) {
            return inside(text, inner, locate, diagnostics);
        }
        let message = "this must be one expression: `{{ … }}`";
        diagnostics.push(Diagnostic::error(codes::EXPRESSION, locate(0..text.len()), message));
        None
    }
}

/// Whether an expression is one that is read at all.
pub(super) fn is_small(source: &str) -> bool {
    source.len() <= MAX_EXPRESSION && operators(source) <= MAX_OPERATORS
}

/// How many operators, dots and brackets there are outside of quotes: at least as many as the expression is deep.
fn operators(source: &str) -> usize {
    let is_operator = |it: &char| it.is_ascii_punctuation() && !matches!(it, '_' | '\'' | '"');
    let is_word = |it: &&str| matches!(*it, "not" | "and" | "or" | "if");
    let words = source.split(|it: char| !it.is_alphanumeric()).filter(is_word).count();
    words + quotes::outside(source).filter(|(_, it)| is_operator(it)).count()
}

impl Text {
    /// Text without placeholders.
    pub fn literal(span: crate::diag::Span, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { span, pieces: if text.is_empty() { Vec::new() } else { vec![Piece::Literal(text)] } }
    }

    /// Compiles text with placeholders. Everything wrong goes to `diagnostics`, and then there is no result.
    pub fn compile(text: &str, locate: Locate<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let found = scan(text, locate, diagnostics)?;
        let mut pieces = Some(Vec::with_capacity(found.len()));
        for piece in found {
            let compiled = match piece {
                Found::Literal(at) => Some(Piece::Literal(text[at].to_owned())),
                Found::Placeholder(inner) => {
                    inside(text, inner, locate, diagnostics).map(|it| Piece::Expr(Arc::new(it)))
                }
            };
            // Goes on after a mistake, to find the others.
            match (&mut pieces, compiled) {
                (Some(pieces), Some(piece)) => pieces.push(piece),
                (pieces, _) => *pieces = None,
            }
        }
        Some(Self { span: locate(0..text.len()), pieces: pieces? })
    }

    /// The whole text, if there are no placeholders.
    pub fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

impl Shape {
    /// Compiles a scalar of a *value*: one placeholder, text with placeholders, a path (where `paths` allows them), or a
    /// literal, which in plain style may be a number, a boolean or null (YAML 1.2 core schema).
    pub fn compile_scalar(
        text: &str,
        style: Style,
        paths: bool,
        locate: Locate<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        if paths && Path::is_one(text) {
            return Path::compile(text, locate, diagnostics).map(|it| Self::Path(Arc::new(it)));
        }
        // The line end of a block scalar isn't part of a lone placeholder.
        let trimmed = if style == Style::Block { text.trim_end_matches('\n') } else { text };
        let pieces = scan(trimmed, locate, diagnostics)?;
        if whole(trimmed, &pieces).is_some() {
            return Expr::compile_scalar(trimmed, locate, diagnostics).map(|it| Self::Expr(Arc::new(it)));
        }
        if pieces.iter().any(|it| matches!(it, Found::Placeholder(_))) {
            return Text::compile(text, locate, diagnostics).map(Self::Text);
        }
        if style == Style::Plain {
            return plain(text, locate, diagnostics).map(Self::Literal);
        }
        Some(Self::Literal(Json::String(text.to_owned())))
    }
}

/// Compiles the part of a scalar that is an expression.
fn inside(text: &str, inner: Range<usize>, locate: Locate<'_>, diagnostics: &mut Diagnostics) -> Option<Expr> {
    let start = inner.start;
    Expr::compile(&text[inner], &|at| locate(at.start + start..at.end + start), diagnostics)
}

/// A part of a scalar, as byte ranges; a placeholder without its braces.
#[derive(Debug, PartialEq)]
enum Found {
    Literal(Range<usize>),
    Placeholder(Range<usize>),
}

/// The inside of the placeholder, if the scalar is nothing else.
fn whole(text: &str, pieces: &[Found]) -> Option<Range<usize>> {
    match pieces {
        [Found::Placeholder(inner)] if inner.start == 2 && inner.end + 2 == text.len() => Some(inner.clone()),
        _ => None,
    }
}

fn scan(text: &str, locate: Locate<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Found>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut wrong = false;
    while let Some(open) = text[at..].find('{').map(|it| it + at) {
        match text.as_bytes().get(open + 1) {
            Some(b'{') => {}
            Some(kind @ (b'%' | b'#')) => {
                let message = match kind {
                    b'%' => "there are no statements in the language",
                    _ => "there are no template comments in the language",
                };
                let help = match kind {
                    b'%' => "use `when`, `each`, or an expression such as `{{ a if test else b }}`",
                    _ => "use a YAML comment",
                };
                diagnostics.push(Diagnostic::error(codes::NOT_IN_LANGUAGE, locate(open..open + 2), message).help(help));
                wrong = true;
                pieces.push(Found::Literal(at..open + 2));
                at = open + 2;
                continue;
            }
            _ => {
                pieces.push(Found::Literal(at..open + 1));
                at = open + 1;
                continue;
            }
        }
        if open > at {
            pieces.push(Found::Literal(at..open));
        }
        let Some(close) = closing(text, open + 2) else {
            let diagnostic =
                Diagnostic::error(codes::UNCLOSED_PLACEHOLDER, locate(open..open + 2), "this `{{` is never closed");
            diagnostics.push(diagnostic.help("every `{{` needs a `}}` after its expression"));
            return None;
        };
        let inner = open + 2..close;
        if text[inner.clone()].starts_with('-') || text[inner.clone()].ends_with('-') {
            let message = "`{{-` and `-}}` are not part of the language: white space stays as it is";
            diagnostics.push(
                Diagnostic::error(codes::NOT_IN_LANGUAGE, locate(open..close + 2), message).help("write `{{ … }}`"),
            );
            wrong = true;
        }
        pieces.push(Found::Placeholder(inner));
        at = close + 2;
    }
    if at < text.len() {
        pieces.push(Found::Literal(at..text.len()));
    }
    (!wrong).then(|| merge(pieces))
}

/// Neighbouring literals as one.
fn merge(pieces: Vec<Found>) -> Vec<Found> {
    let mut merged: Vec<Found> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match (merged.last_mut(), &piece) {
            (Some(Found::Literal(last)), Found::Literal(next)) if last.end == next.start => last.end = next.end,
            _ => merged.push(piece),
        }
    }
    merged
}

/// Where the `}}` of a placeholder begins: not inside quotes, nor where it closes braces of the expression itself.
fn closing(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut quote = None;
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth == 0 && bytes.get(at + 1) == Some(&b'}') => return Some(at),
            (None, b'}') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
        at += 1;
    }
    None
}

/// A plain scalar by YAML's core schema, with the traps reported instead of sprung.
fn plain(text: &str, locate: Locate<'_>, diagnostics: &mut Diagnostics) -> Option<Json> {
    let mut refuse = |message: &str| {
        let diagnostic = Diagnostic::error(codes::UNCLEAR_NUMBER, locate(0..text.len()), message);
        diagnostics.push(diagnostic.help("put it in quotes if it is text"));
        None
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Json::Null),
        "true" | "True" | "TRUE" => return Some(Json::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Json::Bool(false)),
        _ => {}
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return refuse("JSON has no such number");
    }
    if !digits.starts_with(|it: char| it.is_ascii_digit() || it == '.') {
        return Some(Json::String(text.to_owned()));
    }
    if digits.bytes().all(|it| it.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') {
            return refuse("a number cannot begin with 0");
        }
        let text = text.strip_prefix('+').unwrap_or(text);
        let number = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
        return match number {
            Ok(number) => Some(Json::Number(number)),
            Err(_) => refuse("this number has more than 64 bits"),
        };
    }
    if digits.starts_with("0x") || digits.starts_with("0o") {
        return refuse("numbers are written with decimal digits");
    }
    if digits.bytes().all(|it| it.is_ascii_digit() || matches!(it, b'.' | b'e' | b'E' | b'+' | b'-'))
        && let Ok(number) = text.parse::<f64>()
    {
        return Number::from_f64(number)
            .map_or_else(|| refuse("this number is too large"), |it| Some(Json::Number(it)));
    }
    Some(Json::String(text.to_owned()))
}
