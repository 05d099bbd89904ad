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
mod quotes;
mod scope;
mod shape;
mod template;
#[cfg(test)]
mod tests;
pub mod types;

use std::{fmt, ops::Range, sync::Arc};

use serde_json::Value as Json;

pub use scope::{Lazy, Scope};

use crate::diag::Span;

/// Says where in the file a byte range of a scalar's value stands.
pub type Locate<'a> = &'a dyn Fn(Range<usize>) -> Span;

/// What every name begins with, at one place or another.
pub const ROOTS: &[&str] = &[
    "input",
    "config",
    "connection",
    "steps",
    "item",
    "index",
    "answer",
    "execution",
    "now",
    "auth",
    "request",
    "record",
    "value",
    "subscription",
    "event",
];

/// Whether a text could stand between the braces of a placeholder, as far as its grammar goes.
pub fn is_expression(text: &str) -> bool {
    template::is_small(text) && names::parses(text)
}

/// One `{{ … }}`, compiled.
pub struct Expr {
    /// The expression's place in the file (without the braces).
    pub span: Span,
    /// As written.
    pub source: String,
    /// Every dotted name it reads, with its place: `input.email`, `steps.busy.conflicts`.
    pub names: Vec<Name>,
    /// What its last filter says about how it is put into a text.
    pub marker: Option<Marker>,
    compiled: engine::Compiled,
}

/// A last filter that says how an expression is put into a text, where that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// `| raw`: as it is, in XML, iCalendar and queries.
    Raw,
    /// `| identifier`: a name in a query, without quotes.
    Identifier,
    /// `| time_literal`: a date or a date-time in a query.
    Time,
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
#[derive(Debug, Clone)]
pub struct Text {
    /// The whole scalar.
    pub span: Span,
    /// In order.
    pub pieces: Vec<Piece>,
}

/// A part of a [`Text`].
#[derive(Debug, Clone)]
pub enum Piece {
    /// As it is.
    Literal(String),
    /// Evaluated, then escaped for the place.
    Expr(Arc<Expr>),
}

/// A JSON tree whose leaves are literals, expressions, text or paths.
#[derive(Debug, Clone)]
pub enum Shape {
    /// As it is.
    Literal(Json),
    /// Keeps the expression's own type; may be undefined.
    Expr(Arc<Expr>),
    /// A string.
    Text(Text),
    /// A query: each placeholder becomes a literal of the language.
    Query(Text, Language),
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
#[derive(Debug, Clone)]
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

/// A query language, which says how literals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Text in single quotes, with the escapes of a backslash.
    Soql,
    /// A search term in braces.
    Sosl,
    /// Text in single quotes, a quote doubled.
    Coql,
    /// OData: text in single quotes, a quote doubled.
    Odata,
    /// Keyword query language: words.
    Kql,
    /// Text in single quotes, a backslash before quotes and backslashes.
    Search,
    /// Search operators: text in double quotes.
    Phrases,
}

/// Why an evaluation failed: a place in the connector and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalError {
    /// The expression or path.
    pub span: Span,
    /// What went wrong; never holds a value.
    pub message: String,
}

impl Marker {
    /// The marker that a filter is.
    fn of(filter: &str) -> Option<Self> {
        Some(match filter {
            "raw" => Self::Raw,
            "identifier" => Self::Identifier,
            "time_literal" => Self::Time,
            _ => return None,
        })
    }
}

impl Language {
    /// How connectors call them.
    pub const WORDS: &[&str] = &["soql", "sosl", "coql", "odata", "kql", "search", "phrases"];

    const ALL: &[Self] = &[Self::Soql, Self::Sosl, Self::Coql, Self::Odata, Self::Kql, Self::Search, Self::Phrases];

    /// The language of that name.
    pub fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().position(|it| *it == word).and_then(|at| Self::ALL.get(at)).copied()
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().position(|it| *it == self).map_or("", |at| Self::WORDS[at])
    }

    /// The quotes that it puts around text: the connector doesn't write them.
    pub fn quotes(self) -> &'static [char] {
        match self {
            Self::Soql | Self::Coql | Self::Odata | Self::Search => &['\''],
            Self::Sosl => &['\'', '"', '{'],
            Self::Kql => &[],
            Self::Phrases => &['"'],
        }
    }

    /// Whether it has literals for lists.
    pub fn has_lists(self) -> bool {
        matches!(self, Self::Soql | Self::Coql | Self::Odata)
    }

    fn has_null(self) -> bool {
        matches!(self, Self::Soql | Self::Coql | Self::Odata)
    }

    /// Dates stand without quotes.
    fn has_bare_times(self) -> bool {
        matches!(self, Self::Soql | Self::Odata | Self::Kql | Self::Phrases)
    }
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
