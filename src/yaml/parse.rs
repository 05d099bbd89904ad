//! Parser events → tree, refusing what connectors don't use.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle, options};

use super::{Entry, Kind, Node, Style, syntax, todo};
use crate::diag::{Diagnostic, Diagnostics, FileId, Sources, Span, codes};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// How deep lists and mappings may be nested.
pub(super) const MAX_DEPTH: usize = 64;
/// A mapping with more keys is not a small one.
const FEW_KEYS: usize = 24;
/// After so many mistakes in the text of one file nothing more is said.
const MAX_MISTAKES: usize = 50;
/// How many values and keys a file may hold.
pub(super) const MAX_NODES: usize = 200_000;

/// Takes a file's bytes in, unless they are too many. Bytes that aren't UTF-8 are reported at the first of them.
///
/// Only `MAX_BYTES + 1` bytes ever need to be read from a disk or a network for this to tell.
pub fn read(sources: &mut Sources, name: &str, bytes: &[u8], diagnostics: &mut Diagnostics) -> Option<FileId> {
    if bytes.len() > MAX_BYTES {
        let file = sources.add(name, "");
        diagnostics.push(
            Diagnostic::error(codes::FILE_TOO_LARGE, Span::new(file, 0, 0), "the file is larger than 1 MiB")
                .help("keep connectors small: move what is not part of the connector out of the file"),
        );
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(sources.add(name, text)),
        Err(error) => {
            let start = error.valid_up_to();
            let file = sources.add(name, String::from_utf8_lossy(bytes));
            let span = Span::new(file, start, start + char::REPLACEMENT_CHARACTER.len_utf8());
            diagnostics.push(
                Diagnostic::error(codes::NOT_UTF8, span, format!("byte {:#04X} is not UTF-8", bytes[start]))
                    .label("the first byte that can't be read")
                    .help("save the file as UTF-8"),
            );
            None
        }
    }
}

/// The tree of a file. `None` if there is none, or none worth looking at; then the reason is among `diagnostics`.
pub fn parse(sources: &Sources, file: FileId, diagnostics: &mut Diagnostics) -> Option<Node> {
    let text = &sources.get(file).text;
    let mut builder = Builder::new(file, text, diagnostics);
    builder.run();
    todo::report(file, text, &builder.todos, builder.diagnostics);
    builder.finish()
}

/// A list or mapping that is still open.
struct Open {
    span: Span,
    flow: bool,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, seen: Seen, key: Option<Key> },
}

/// The keys of a mapping: of a small one they are compared one by one, which is quicker than to remember them.
#[derive(Default)]
struct Seen(HashMap<String, Span>);

impl Seen {
    /// Where `key` is among the entries so far.
    fn first(&mut self, key: &str, entries: &[Entry]) -> Option<Span> {
        if entries.len() <= FEW_KEYS {
            return entries.iter().find(|it| it.key == key).map(|it| it.key_span);
        }
        for it in &entries[self.0.len()..] {
            self.0.insert(it.key.clone(), it.key_span);
        }
        self.0.get(key).copied()
    }
}

/// A key whose value is still to come.
struct Key {
    text: String,
    span: Span,
    quoted: bool,
    /// Not a key that the tree can hold: reported already, its value is dropped.
    refused: bool,
}

struct Builder<'a> {
    file: FileId,
    text: &'a str,
    diagnostics: &'a mut Diagnostics,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    /// Something was refused that leaves a hole in the tree: going on would only report what follows from it.
    spoilt: bool,
    /// A placeholder without quotes was met.
    placeholder: bool,
    /// Where comments say that something is left to do.
    todos: Vec<usize>,
}

impl<'a> Builder<'a> {
    fn new(file: FileId, text: &'a str, diagnostics: &'a mut Diagnostics) -> Self {
        Self {
            file,
            text,
            diagnostics,
            open: Vec::new(),
            root: None,
            documents: 0,
            nodes: 0,
            spoilt: false,
            placeholder: false,
            todos: todo::candidates(text),
        }
    }

    fn run(&mut self) {
        let before = self.diagnostics.iter().count();
        // Our own limits come first; the parser's only have to be out of the way.
        let options = options! {
            emit_anchor_events: true,
            emit_unresolved_aliases: true,
            disallow_directives: true,
            emit_comments: false,
            flow_nesting_limit: MAX_DEPTH + 2,
            block_nesting_limit: MAX_DEPTH + 2,
        };
        for event in Parser::new_from_str_with_options(self.text, options) {
            match event {
                Ok((event, span)) => {
                    let place = self.span(&span);
                    let goes_on = self.event(event, place, span.tag_span().map(|it| self.span(&it)));
                    if !goes_on || self.diagnostics.iter().count() >= before + MAX_MISTAKES {
                        self.spoilt = true;
                        return;
                    }
                }
                Err(error) => {
                    // What an unquoted placeholder does to the rest of its line has been said.
                    if !self.placeholder {
                        let at = error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
                        let open: Vec<_> = self.open.iter().filter(|it| it.flow).map(|it| it.span).collect();
                        self.diagnostics.push(syntax::explain(self.file, self.text, error.kind(), at, &open));
                    }
                    self.spoilt = true;
                    return;
                }
            }
        }
    }

    fn finish(self) -> Option<Node> {
        if self.spoilt {
            return None;
        }
        if self.root.as_ref().is_none_or(|it| it.is_nothing()) {
            self.diagnostics.push(
                Diagnostic::error(codes::EMPTY_FILE, Span::new(self.file, 0, 0), "the file is empty")
                    .help("write the sections of a connector here, or remove the file"),
            );
            return None;
        }
        self.root
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let place = |mark: granit_parser::Marker| mark.byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        Span::new(self.file, place(span.start), place(span.end))
    }

    /// The parser lets a block run on to the next token, and puts a value that is left out onto its `:` or `-`.
    fn scalar_span(&self, span: Span, style: Style) -> Span {
        let source = &self.text[span.start..span.end];
        match style {
            Style::Block => Span::new(self.file, span.start, span.start + source.trim_end().len()),
            Style::Plain if source.is_empty() && self.text[span.start..].starts_with([':', '-']) => {
                Span::new(self.file, span.start + 1, span.start + 1)
            }
            Style::Plain | Style::Quoted => span,
        }
    }

    /// Takes an event in; false if parsing must stop.
    fn event(&mut self, event: Event<'_>, span: Span, tag: Option<Span>) -> bool {
        match event {
            Event::DocumentStart(..) => return self.document(span),
            Event::Anchor(_, name) => self.refuse_anchor(span, &format!("the anchor `&{name}`")),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let name = &self.text[span.start..span.end];
                self.refuse_anchor(span, &format!("the alias `{name}`"));
                self.spoilt = true;
                return self.scalar(Node::nothing(span), false);
            }
            Event::Scalar(value, style, _, _) => {
                self.refuse_tag(tag);
                let (style, quoted) = match style {
                    ScalarStyle::Plain => (Style::Plain, false),
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => (Style::Quoted, true),
                    ScalarStyle::Literal | ScalarStyle::Folded => (Style::Block, true),
                };
                let span = self.scalar_span(span, style);
                todo::forget_inside(&mut self.todos, self.text, span, style, &value);
                let node = Node { span, kind: Kind::Scalar(value.into_owned(), style) };
                return self.scalar(node, quoted);
            }
            Event::SequenceStart(style, ..) => {
                self.refuse_tag(tag);
                return self.push(span, style, OpenKind::List(Vec::new()));
            }
            Event::MappingStart(style, ..) => {
                self.refuse_tag(tag);
                return self.push(span, style, OpenKind::Map { entries: Vec::new(), seen: Seen::default(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => self.pop(span),
            _ => {}
        }
        true
    }

    fn document(&mut self, span: Span) -> bool {
        self.documents += 1;
        if self.documents > 1 {
            self.diagnostics.push(
                Diagnostic::error(codes::SEVERAL_DOCUMENTS, span, "the file holds more than one YAML document")
                    .label("a second document begins here")
                    .help("remove this `---` and what follows it, or put it into a file of its own"),
            );
            return false;
        }
        true
    }

    fn refuse_anchor(&mut self, span: Span, what: &str) {
        self.diagnostics.push(
            Diagnostic::error(
                codes::ANCHOR,
                span,
                format!("{what} is not allowed: connectors have no anchors and aliases"),
            )
            .help("write the value out; if it is meant as text, put it in quotes"),
        );
    }

    fn refuse_tag(&mut self, tag: Option<Span>) {
        if let Some(span) = tag {
            let name = &self.text[span.start..span.end];
            self.diagnostics.push(
                Diagnostic::error(
                    codes::TAG,
                    span,
                    format!("the tag `{name}` is not allowed: connectors have no tags"),
                )
                .help("remove it; if it is meant as text, put the whole value in quotes"),
            );
        }
    }

    fn count(&mut self, span: Span) -> bool {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.diagnostics.push(Diagnostic::error(
                codes::TOO_MANY_NODES,
                span,
                "the file holds more than 200,000 values",
            ));
            return false;
        }
        true
    }

    fn push(&mut self, span: Span, style: StructureStyle, kind: OpenKind) -> bool {
        if !self.count(span) {
            return false;
        }
        let flow = style == StructureStyle::Flow;
        if let Some(Open { kind: OpenKind::Map { key: None, .. }, flow, span: outer }) = self.open.last() {
            let outer = flow.then_some(*outer);
            self.refuse_key(span, outer);
        }
        if self.open.len() == MAX_DEPTH {
            self.diagnostics.push(syntax::too_deep(span));
            return false;
        }
        self.open.push(Open { span, flow, kind });
        true
    }

    /// A list or mapping stands where a key should: nearly always `{{ … }}` without quotes.
    fn refuse_key(&mut self, span: Span, outer: Option<Span>) {
        let placeholder =
            outer.filter(|outer| outer.start + 1 == span.start && self.text[outer.start..].starts_with("{{"));
        let diagnostic = match placeholder {
            Some(outer) => {
                let is_inside = self.open.iter().any(|it| it.flow && it.span.start < outer.start);
                syntax::unquoted_placeholder(self.file, self.text, outer.start, is_inside)
            }
            None => Diagnostic::error(codes::KEY_NOT_TEXT, span, "a key must be text, not a list or mapping")
                .help("if it is meant as text, put it in quotes"),
        };
        self.placeholder |= placeholder.is_some();
        self.diagnostics.push(diagnostic);
        self.spoilt = true;
    }

    fn pop(&mut self, end: Span) {
        let Some(open) = self.open.pop() else { return };
        let last = match &open.kind {
            OpenKind::List(items) => items.last().map(|it| it.span.end),
            OpenKind::Map { entries, .. } => entries.last().map(|it| it.value.span.end.max(it.key_span.end)),
        };
        // A block ends with its last entry; the parser says where the next thing begins.
        let end = if open.flow { end.end } else { last.unwrap_or(open.span.end) };
        let span = Span::new(self.file, open.span.start, end);
        let kind = match open.kind {
            OpenKind::List(items) => Kind::List(items),
            OpenKind::Map { entries, .. } => Kind::Map(entries),
        };
        self.value(Node { span, kind });
    }

    /// A key, or a value.
    fn scalar(&mut self, node: Node, quoted: bool) -> bool {
        if !self.count(node.span) {
            return false;
        }
        if let Some(Open { kind: OpenKind::Map { key: key @ None, seen, entries }, .. }) = self.open.last_mut() {
            let Kind::Scalar(text, _) = node.kind else { return true };
            let span = node.span;
            let mut refused = false;
            if text == "<<" && !quoted {
                refused = true;
                self.spoilt = true;
                self.diagnostics.push(
                    Diagnostic::error(codes::MERGE_KEY, span, "the merge key `<<` is not allowed")
                        .help("write the keys out"),
                );
            } else if let Some(first) = seen.first(&text, entries) {
                refused = true;
                self.diagnostics.push(
                    Diagnostic::error(codes::DUPLICATE_KEY, span, format!("the key `{text}` is given twice"))
                        .label("ignored")
                        .note(first, "first given here"),
                );
            }
            *key = Some(Key { text, span, quoted, refused });
            return true;
        }
        self.value(node);
        true
    }

    /// A finished node lands in what is open, or is the root.
    fn value(&mut self, node: Node) {
        match self.open.last_mut().map(|it| &mut it.kind) {
            None => self.root = Some(node),
            Some(OpenKind::List(items)) => items.push(node),
            Some(OpenKind::Map { entries, key, .. }) => {
                match key.take() {
                    // A list or mapping as key: refused when it began.
                    None => *key = Some(Key { text: String::new(), span: node.span, quoted: true, refused: true }),
                    Some(Key { refused: true, .. }) => {}
                    Some(Key { text, span, quoted, .. }) => {
                        entries.push(Entry { key: text, key_span: span, key_quoted: quoted, value: node });
                    }
                }
            }
        }
    }
}
