//! The small language inside connectors: expressions, text with placeholders, JSONPath, and trees of them.
//!
//! Everything is compiled once at load; evaluating parses nothing. No I/O, no clock. The syntax of expressions is
//! minijinja's and that of paths RFC 9535's; the rules about values are those of `docs/connector-reference.md` §1.

mod adapter;
mod engine;
mod escape;
pub mod library;
mod names;
mod path;
mod scope;
mod shape;
mod template;
#[cfg(test)]
mod tests;

use std::{fmt, ops::Range, sync::Arc};

use serde_json::Value as Json;

pub use scope::Scope;

use crate::diag::Span;

/// Says where in the file a byte range of a scalar's value stands.
pub type Locate<'a> = &'a dyn Fn(Range<usize>) -> Span;

/// One `{{ … }}`, compiled.
pub struct Expr {
    /// The expression's place in the file (without the braces).
    pub span: Span,
    /// As written.
    pub source: String,
    /// Every dotted name it reads, with its place: `input.email`, `steps.busy.conflicts`.
    pub names: Vec<Name>,
    /// Whether it ends in `| raw`: in XML and iCalendar it is put in as it is.
    pub raw: bool,
    compiled: engine::Compiled,
}

/// A name that an expression reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// `["input", "email"]`; stops at the first part that isn't a constant.
    pub path: Vec<String>,
    /// The place of each part.
    pub spans: Vec<Span>,
}

/// Text with placeholders, as written in a path, a header or an XML body.
#[derive(Debug)]
pub struct Text {
    /// The whole scalar.
    pub span: Span,
    /// In order.
    pub pieces: Vec<Piece>,
}

/// A part of a [`Text`].
#[derive(Debug)]
pub enum Piece {
    /// As it is.
    Literal(String),
    /// Evaluated, then escaped for the place.
    Expr(Arc<Expr>),
}

/// A JSON tree whose leaves are literals, expressions, text or paths.
#[derive(Debug)]
pub enum Shape {
    /// As it is.
    Literal(Json),
    /// Keeps the expression's own type; may be undefined.
    Expr(Arc<Expr>),
    /// A string.
    Text(Text),
    /// JSONPath over the current document.
    Path(Arc<Path>),
    /// Undefined entries are dropped.
    List(Vec<Shape>),
    /// Undefined values are dropped.
    Map(Vec<(String, Shape)>),
    /// Undefined unless the test is true.
    When(Arc<Expr>, Box<Shape>),
    /// A list made from a list.
    Each(Box<Each>),
}

/// `{each: …, when: …, as: …}`
#[derive(Debug)]
pub struct Each {
    /// The place of what is gone through.
    pub span: Span,
    /// The entries: a list, or undefined for none.
    pub over: Shape,
    /// Which of them.
    pub when: Option<Arc<Expr>>,
    /// What each becomes; `$`, `item` and `index` are the entry.
    pub shape: Shape,
}

/// A JSONPath (RFC 9535), compiled.
pub struct Path {
    /// Its place in the file.
    pub span: Span,
    /// As written.
    pub source: String,
    /// Gives one value rather than a list.
    pub singular: bool,
    query: path::Query,
}

/// Where text is going, which decides how placeholders are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// As it is: JSON strings, text bodies, messages.
    Plain,
    /// A URL's path: each placeholder is one percent-encoded segment, or a part of one. Empty ones are refused, and so
    /// are the segments `.` and `..`.
    Segment,
    /// A URL: a placeholder at its very start is an address that the provider gave and stays as it is; any other is as
    /// in [`Sink::Segment`].
    Url,
    /// A header value: line breaks and control characters are refused.
    Header,
    /// XML text and attribute values.
    Xml,
    /// iCalendar TEXT (RFC 5545 §3.3.11).
    Ics,
}

/// Why an evaluation failed: a place in the connector and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalError {
    /// The expression or path.
    pub span: Span,
    /// What went wrong; never holds a value.
    pub message: String,
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvalError {}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{ {} }}}}", self.source)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
