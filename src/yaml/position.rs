//! From a place inside a scalar's value to the place in the file.
//!
//! A scalar's value is not its source: quotes, escapes, folded lines and indentation are gone. So the two are walked side
//! by side, each character of the value with the source that it came from. Where they don't agree, nothing is guessed.

use std::{cell::OnceCell, ops::Range};

use super::{Kind, Node, Style};
use crate::diag::Span;

/// The places of a scalar's parts. Walked at most once, however many places are asked for.
pub struct Places<'a> {
    source: &'a str,
    node: &'a Node,
    walked: OnceCell<Option<Vec<(usize, usize)>>>,
}

impl<'a> Places<'a> {
    /// Of `node`, in the file whose whole text is `source`.
    pub fn new(source: &'a str, node: &'a Node) -> Self {
        Self { source, node, walked: OnceCell::new() }
    }

    /// Where the bytes `range` of the scalar's value stand in the file; the whole node where that can't be told.
    pub fn span(&self, range: Range<usize>) -> Span {
        let node = self.node;
        let Kind::Scalar(value, style) = &node.kind else { return node.span };
        let place = |range: Range<usize>| Span::new(node.span.file, range.start, range.end);
        let Some(raw) = self.source.get(node.span.start..node.span.end) else { return node.span };
        if value.get(range.clone()).is_none() {
            return node.span;
        }
        // Most scalars stand on one line and mean what they say.
        let quote = usize::from(*style == Style::Quoted);
        if *style != Style::Block && raw.get(quote..raw.len() - quote) == Some(value) {
            let start = node.span.start + quote;
            return place(start + range.start..start + range.end);
        }
        let walked = self.walked.get_or_init(|| self.walk(value, *style, raw));
        walked.as_ref().and_then(|it| part(it, range)).map_or(node.span, place)
    }

    fn walk(&self, value: &str, style: Style, raw: &str) -> Option<Vec<(usize, usize)>> {
        let (source, span) = (self.source, self.node.span);
        let mut walk = Walk::new(value);
        match (style, raw.as_bytes().first()) {
            (Style::Plain, _) => flow(&mut walk, source, span.start..span.end, Quotes::None),
            (Style::Quoted, Some(b'\'')) => flow(&mut walk, source, span.start + 1..span.end - 1, Quotes::Single),
            (Style::Quoted, _) => flow(&mut walk, source, span.start + 1..span.end - 1, Quotes::Double),
            (Style::Block, _) => block(&mut walk, source, span.start),
        }?;
        Some(walk.places)
    }
}

/// One place of [`Places`].
pub fn span_in(source: &str, node: &Node, range: Range<usize>) -> Span {
    Places::new(source, node).span(range)
}

fn part(places: &[(usize, usize)], range: Range<usize>) -> Option<Range<usize>> {
    let last = places.last()?.1;
    let start = places.get(range.start).map_or(last, |it| it.0);
    let end = if range.is_empty() { start } else { places.get(range.end - 1)?.1 };
    Some(start..end.max(start))
}

/// For each byte of the value the source that its character came from.
struct Walk<'a> {
    value: &'a str,
    places: Vec<(usize, usize)>,
}

impl<'a> Walk<'a> {
    fn new(value: &'a str) -> Self {
        Self { value, places: Vec::with_capacity(value.len()) }
    }

    /// What of the value has not been met yet.
    fn rest(&self) -> &'a str {
        &self.value[self.places.len()..]
    }

    /// The next character of the value is `it`, from `source`.
    fn step(&mut self, it: char, source: Range<usize>) -> Option<()> {
        self.rest()
            .starts_with(it)
            .then(|| self.places.extend(std::iter::repeat_n((source.start, source.end), it.len_utf8())))
    }

    /// The next characters of the value are those at `source`.
    fn same(&mut self, text: &str, start: usize) -> Option<()> {
        text.char_indices().try_for_each(|(at, it)| self.step(it, start + at..start + at + it.len_utf8()))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    None,
    Single,
    Double,
}

/// Plain and quoted scalars (YAML 1.2.2 §7.3): line breaks fold, quotes escape.
fn flow(walk: &mut Walk<'_>, source: &str, range: Range<usize>, quotes: Quotes) -> Option<()> {
    let text = source.get(range.clone())?;
    let mut at = 0;
    while let Some(it) = text[at..].chars().next() {
        let here = range.start + at;
        let blank = text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len();
        if text[at + blank..].starts_with(['\n', '\r']) {
            at += fold(walk, &text[at..], here)?;
        } else if quotes == Quotes::Double && it == '\\' {
            at += escape(walk, &text[at..], here)?;
        } else if quotes == Quotes::Single && it == '\'' {
            walk.step('\'', here..here + 2)?;
            at += 2;
        } else {
            walk.step(it, here..here + it.len_utf8())?;
            at += it.len_utf8();
        }
    }
    walk.rest().is_empty().then_some(())
}

/// A line break with the blanks around it: a space, or as many breaks as there are empty lines. Gives its length.
fn fold(walk: &mut Walk<'_>, text: &str, here: usize) -> Option<usize> {
    let length = text.len() - text.trim_start().len();
    let breaks = line_breaks(&text[..length]);
    if breaks == 1 {
        walk.step(' ', here..here + length)?;
    } else {
        (1..breaks).try_for_each(|_| walk.step('\n', here..here + length))?;
    }
    Some(length)
}

fn line_breaks(text: &str) -> usize {
    text.replace("\r\n", "\n").matches(['\n', '\r']).count()
}

/// An escape of a double-quoted scalar (YAML 1.2.2 §5.7). Gives its length.
fn escape(walk: &mut Walk<'_>, text: &str, here: usize) -> Option<usize> {
    let code = text[1..].chars().next()?;
    if matches!(code, '\n' | '\r') {
        // An escaped break joins the lines; empty lines after it stay.
        let length = 1 + text[1..].len() - text[1..].trim_start().len();
        (1..line_breaks(&text[..length])).try_for_each(|_| walk.step('\n', here..here + length))?;
        return Some(length);
    }
    // What it means is the value's to say: here only its length matters.
    let length = match code {
        'x' => 4,
        'u' => 6,
        'U' => 10,
        _ => 1 + code.len_utf8(),
    };
    let meant = walk.rest().chars().next()?;
    // A character beyond the basic plane may be written as two surrogates.
    let length = if code == 'u' && meant.len_utf8() == 4 && text[6..].starts_with("\\u") { 12 } else { length };
    text.get(..length)?;
    walk.step(meant, here..here + length)?;
    Some(length)
}

/// `|` and `>` (YAML 1.2.2 §8.1), from the first character of content at `start`.
fn block(walk: &mut Walk<'_>, source: &str, start: usize) -> Option<()> {
    let value = walk.value;
    let line_start = source[..start].rfind('\n').map_or(0, |it| it + 1);
    let mut lines = source[line_start..].split_inclusive('\n').scan(line_start, |at, line| {
        let here = *at;
        *at += line.len();
        Some((here, line.trim_end_matches(['\n', '\r'])))
    });
    // Leading empty lines of the value may stand before the first character of content.
    let first = value.trim_start_matches('\n');
    while walk.rest().len() > first.len() {
        walk.step('\n', line_start..line_start)?;
    }
    let spaces = |it: &str| it.len() - it.trim_start_matches(' ').len();
    let mut indentation = None;
    loop {
        let content = loop {
            let Some((here, line)) = lines.next() else { break None };
            if !line.trim_matches(' ').is_empty() {
                break Some((here, line));
            }
        };
        let Some((here, line)) = content else { break };
        let indentation = *indentation.get_or_insert_with(|| spaces(line).saturating_sub(spaces(first)));
        if walk.rest().is_empty() || spaces(line) < indentation {
            break;
        }
        walk.same(&line[indentation..], here + indentation)?;
        // A break, or the space that it was folded to, belongs to the end of its line.
        let end = here + line.len();
        if walk.rest().starts_with(' ') {
            walk.step(' ', end..end)?;
        }
        while walk.rest().starts_with('\n') {
            walk.step('\n', end..end)?;
        }
    }
    walk.rest().is_empty().then_some(())
}
