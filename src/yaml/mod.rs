//! YAML text → a tree in which every node knows its place.
//!
//! Untyped: scalars stay text with their style; the reader that wants a number says so.

mod parse;
mod pointer;
pub mod position;
mod reader;
mod scalar;
pub mod section;
mod syntax;
mod todo;
pub mod typed;

pub use parse::{MAX_BYTES, parse, read};
pub use pointer::pointer;
pub use position::{Places, span_in};
pub use reader::Reader;
pub use scalar::to_json;
pub use section::{Key, Section, Type};

use crate::diag::Span;

/// The place to which keys lead from a node, as far as they do; of a mapping its key.
pub fn at_pointer(node: &Node, keys: impl Iterator<Item = String>) -> Span {
    let (mut node, mut span) = (node, node.span);
    for key in keys {
        let Some(entry) = node.as_map().and_then(|it| it.iter().find(|it| it.key == key)) else { break };
        span = if entry.value.as_map().is_some() { entry.key_span } else { entry.value.span };
        node = &entry.value;
    }
    span
}

/// How a scalar was written; only plain ones may be numbers, booleans or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `text`
    Plain,
    /// `'text'` or `"text"`
    Quoted,
    /// `|` or `>`
    Block,
}

/// A node and its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// The whole node, quotes included.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Text and how it was written.
    Scalar(String, Style),
    /// `- a` or `[a]`
    List(Vec<Node>),
    /// `key: value`, in file order; keys are unique (a repeated key is reported and dropped).
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key's text.
    pub key: String,
    /// The key's place.
    pub key_span: Span,
    /// Whether the key was quoted: then it is never a keyword of the language.
    pub key_quoted: bool,
    /// The value; a missing one is an empty plain scalar.
    pub value: Node,
}

#[cfg(test)]
mod position_tests;
#[cfg(test)]
mod reader_tests;
#[cfg(test)]
mod tests;
