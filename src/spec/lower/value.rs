//! Scalars with placeholders, paths, and trees of them.

use std::{ops::Range, sync::Arc};

use serde_json::Value as Json;

use super::Lower;
use crate::{
    diag::{Diagnostic, Fix, Span, codes},
    expr::{self, Each, Expr, Language, Marker, Path, Piece, ROOTS, Shape, Text},
    spec::keys,
    yaml::{Entry, Kind, Node, Places, Reader, Section, Type, span_in, typed},
};

/// What a text that begins with `$` means at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paths {
    /// A path into an answer, or into an entry.
    Allowed,
    /// Itself: what is sent may begin with anything.
    Literal,
    /// A mistake: values are taken from somewhere here, and there is nothing to look into.
    Refused,
}

/// The expression that somebody meant who left its braces out, or put them around its parts.
fn unwrapped(text: &str) -> Option<String> {
    let starts = text.match_indices("{{").count();
    let is_in_parts = starts > 1 && text.match_indices("}}").count() == starts;
    let bare = text.replace("{{", " ").replace("}}", " ");
    let meant = bare.split_whitespace().collect::<Vec<_>>().join(" ");
    let begins =
        meant.trim_start_matches("not ").split(|it: char| !it.is_ascii_alphanumeric()).next().unwrap_or_default();
    let is_one = !text.contains('\n') && (starts == 0 || is_in_parts) && ROOTS.contains(&begins);
    (is_one && expr::is_expression(&meant)).then_some(meant)
}

/// `{input.name}` and `${input.name}`: what is no placeholder, and was to be one.
fn single_braces(text: &str) -> Option<(Range<usize>, String)> {
    text.match_indices('{').find_map(|(at, _)| {
        let inner = text[at + 1..].split('}').next()?;
        let end = at + 1 + inner.len() + 1;
        let is_double = text[..at].ends_with('{') || text[end.min(text.len())..].starts_with('}');
        let name = inner.trim();
        let mut parts = name.split('.');
        let is_part = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
        let is_name = parts.next().is_some_and(|it| ROOTS.contains(&it)) && name.contains('.') && parts.all(is_part);
        let start = if text[..at].ends_with('$') { at - 1 } else { at };
        (end <= text.len() && !is_double && is_name).then(|| (start..end, format!("{{{{ {name} }}}}")))
    })
}

impl Lower<'_> {
    /// Reports what was to be a placeholder; in a path it is a mistake whatever was meant.
    pub(super) fn single_braces(&mut self, node: &Node, text: &str, in_path: bool) -> bool {
        let Some((at, meant)) = single_braces(text) else { return false };
        let span = span_in(&self.sources.get(node.span.file).text, node, at);
        let message = "this is sent as it is written: a placeholder has two braces";
        let diagnostic = match in_path {
            true => Diagnostic::error(codes::SINGLE_BRACES, span, "a placeholder has two braces"),
            false => Diagnostic::warning(codes::SINGLE_BRACES, span, message),
        };
        let fix = Fix::replace(span, &meant, format!("write `{meant}`")).guess();
        self.report(diagnostic.help(format!("did you mean `{meant}`?")).fix(fix));
        true
    }

    /// Compiles a scalar's text with `compile`, which is told where its parts stand in the file.
    fn scalar<T>(
        &mut self,
        node: &Node,
        compile: impl FnOnce(&dyn Fn(Range<usize>) -> Span, &mut crate::diag::Diagnostics) -> Option<T>,
    ) -> Option<T> {
        let places = Places::new(&self.sources.get(node.span.file).text, node);
        let locate = |range: Range<usize>| places.span(range);
        compile(&locate, self.diagnostics)
    }

    fn wanted_scalar<'n>(&mut self, node: &'n Node, what: &str, kind: &Type) -> Option<&'n str> {
        let text = node.as_text();
        if text.is_none() {
            typed::refuse(node, &format!("`{what}`"), kind, kind.example().as_deref(), self.diagnostics);
        }
        text
    }

    /// One `{{ … }}`; `what` is the key that it stands at.
    pub(super) fn expr(&mut self, node: &Node, what: &str) -> Option<Arc<Expr>> {
        let text = self.wanted_scalar(node, what, &Type::Expression)?;
        if let Some(meant) = unwrapped(text) {
            let whole = format!("{{{{ {meant} }}}}");
            let whole = if whole.contains(['"', '\\']) {
                format!("'{}'", whole.replace('\'', "''"))
            } else {
                format!("\"{whole}\"")
            };
            let diagnostic = Diagnostic::error(codes::EXPRESSION, node.span, "this must be one expression: `{{ … }}`");
            let fix = Fix::replace(node.span, &whole, "put it into one placeholder").guess();
            self.report(diagnostic.help(format!("write `{what}: {whole}`")).fix(fix));
            return None;
        }
        self.scalar(node, |locate, diagnostics| Expr::compile_scalar(text, locate, diagnostics)).map(Arc::new)
    }

    /// The expression at a key.
    pub(super) fn expr_at(&mut self, reader: &Reader<'_>, key: &str) -> Option<Arc<Expr>> {
        self.expr(reader.node(key)?, key)
    }

    /// Text with placeholders; empty if it can't be compiled.
    pub(super) fn text(&mut self, node: &Node, what: &str) -> Text {
        if let Some(text) = node.as_text().filter(|_| what != "path") {
            self.single_braces(node, text, false);
        }
        let compiled = self
            .wanted_scalar(node, what, &Type::Template)
            .and_then(|text| self.scalar(node, |locate, diagnostics| Text::compile(text, locate, diagnostics)));
        compiled.unwrap_or_else(|| Text::literal(node.span, ""))
    }

    /// The text at a key.
    pub(super) fn text_at(&mut self, reader: &Reader<'_>, key: &str) -> Option<Text> {
        Some(self.text(reader.node(key)?, key))
    }

    /// A JSONPath.
    pub(super) fn path(&mut self, node: &Node, what: &str) -> Option<Arc<Path>> {
        let text = self.wanted_scalar(node, what, &Type::Path)?;
        if !Path::is_one(text) {
            typed::refuse(node, &format!("`{what}`"), &Type::Path, Type::Path.example().as_deref(), self.diagnostics);
            return None;
        }
        self.scalar(node, |locate, diagnostics| Path::compile(text, locate, diagnostics)).map(Arc::new)
    }

    /// The path at a key.
    pub(super) fn path_at(&mut self, reader: &Reader<'_>, key: &str) -> Option<Arc<Path>> {
        self.path(reader.node(key)?, key)
    }

    /// A path of ours, at the place of what it stands for.
    pub(super) fn own_path(&mut self, source: &str, span: Span) -> Arc<Path> {
        let path = Path::compile(source, &|_| span, self.diagnostics);
        Arc::new(path.expect("the paths that the language itself uses are right"))
    }

    /// A tree of literals, expressions, text and paths; null where it can't be compiled.
    pub(super) fn shape(&mut self, node: &Node, paths: Paths) -> Shape {
        match &node.kind {
            Kind::Scalar(text, style) => {
                self.stray_path(node, text, paths);
                self.single_braces(node, text, false);
                let allowed = paths == Paths::Allowed;
                self.scalar(node, |locate, diagnostics| {
                    Shape::compile_scalar(text, *style, allowed, locate, diagnostics)
                })
                .unwrap_or(Shape::Literal(Json::Null))
            }
            Kind::List(items) => Shape::List(items.iter().map(|it| self.shape(it, paths)).collect()),
            Kind::Map(entries) => self.mapping(node, entries, paths),
        }
    }

    /// A path where there is nothing to look into.
    fn stray_path(&mut self, node: &Node, text: &str, paths: Paths) {
        if paths == Paths::Allowed {
            return self.broken_path(node, text);
        }
        if !Path::is_one(text) || text.len() == 1 {
            return;
        }
        let diagnostic = match paths {
            Paths::Refused => {
                Diagnostic::error(codes::PATH_NOT_HERE, node.span, "there is no answer here for a path to look into")
            }
            _ => Diagnostic::warning(codes::LOOKS_LIKE_PATH, node.span, "this is sent as text, not as what it finds"),
        };
        self.report(diagnostic.help("take the value from the step that got the answer: `{{ steps.<id>.<name> }}`"));
    }

    /// A text that was to be a path.
    fn broken_path(&mut self, node: &Node, text: &str) {
        let letter = |it: &str| it.starts_with(|it: char| it.is_ascii_alphabetic());
        let is_word = text.bytes().all(|it| it.is_ascii_alphanumeric() || b"_.[]*".contains(&it));
        if text.strip_prefix('.').is_some_and(letter) && is_word {
            let diagnostic =
                Diagnostic::warning(codes::LOOKS_LIKE_PATH, node.span, "this is the text as it is written");
            let fix = Fix::respell(node.span, text, &format!("${text}")).guess();
            self.report(diagnostic.help(format!("a path begins with `$`: write `${text}`")).fix(fix));
        } else if !Path::is_one(text) && text.match_indices("$.").any(|(at, _)| letter(&text[at + 2..])) {
            let message = "a path inside a text is part of the text";
            let diagnostic = Diagnostic::warning(codes::LOOKS_LIKE_PATH, node.span, message);
            self.report(diagnostic.help("inside a text write a placeholder, such as `{{ answer.body.id }}`"));
        }
    }

    /// The tree at a key.
    pub(super) fn shape_at(&mut self, reader: &Reader<'_>, key: &str, paths: Paths) -> Option<Shape> {
        Some(self.shape(reader.node(key)?, paths))
    }

    fn mapping(&mut self, node: &Node, entries: &[Entry], paths: Paths) -> Shape {
        let keyword = |name: &str| entries.iter().find(|it| it.key == name && !it.key_quoted);
        if let Some(entry) = keyword("each").or(keyword("as")) {
            return self.each(node, entry, paths);
        }
        if let Some(entry) = keyword("literals") {
            return self.query(node, entry);
        }
        let when = keyword("when");
        let rest = entries.iter().filter(|it| !when.is_some_and(|when| std::ptr::eq(*it, when)));
        let map = Shape::Map(rest.map(|it| (it.key.clone(), self.shape(&it.value, paths))).collect());
        match when.and_then(|it| self.expr(&it.value, "when")) {
            Some(test) => Shape::When(test, Box::new(map)),
            None => map,
        }
    }

    /// A mapping that a keyword makes something else. Where its keys are wrong, the keyword may have been a key.
    fn keyword_mapping<'n>(
        &mut self,
        node: &'n Node,
        section: &'static Section,
        keyword: &Entry,
        makes: &str,
    ) -> Option<Reader<'n>> {
        let before = self.diagnostics.iter().count();
        let reader = Reader::open(node, section, self.diagnostics);
        if self.diagnostics.iter().count() > before {
            let word = &keyword.key;
            self.report(
                Diagnostic::error(codes::MISPLACED_KEY, keyword.key_span, format!("`{word}` makes this {makes}"))
                    .help(format!("if the provider calls a key so, put it in quotes: `\"{word}\": …`")),
            );
        }
        reader
    }

    /// `{literals: …, text: …}`
    fn query(&mut self, node: &Node, keyword: &Entry) -> Shape {
        let Some(reader) = self.keyword_mapping(node, &keys::LITERALS, keyword, "a query") else {
            return Shape::Literal(Json::Null);
        };
        let language = reader.word("literals", self.diagnostics).and_then(Language::of);
        let text = self.text_at(&reader, "text");
        let when = self.expr_at(&reader, "when");
        let (Some(language), Some(text)) = (language, text) else { return Shape::Literal(Json::Null) };
        self.quoted_placeholders(&text, language);
        let query = Shape::Query(text, language);
        match when {
            Some(test) => Shape::When(test, Box::new(query)),
            None => query,
        }
    }

    /// A placeholder brings its own quotes: inside others it would end them.
    fn quoted_placeholders(&mut self, text: &Text, language: Language) {
        let mut open = None;
        for piece in &text.pieces {
            match piece {
                Piece::Literal(literal) => {
                    for char in literal.chars().filter(|it| language.quotes().contains(it)) {
                        open = match open {
                            None => Some(char),
                            Some(quote) if quote == char => None,
                            other => other,
                        };
                    }
                }
                Piece::Expr(expr) if open.is_some() && expr.marker != Some(Marker::Raw) => {
                    let message = "this placeholder stands inside quotes, and brings its own";
                    self.report(
                        Diagnostic::error(codes::QUOTED_LITERAL, expr.span, message)
                            .help("leave the quotes out; join text inside: `{{ '%' ~ input.name ~ '%' }}`"),
                    );
                }
                Piece::Expr(_) => {}
            }
        }
    }

    /// `{each: …, when: …, as: …}`
    fn each(&mut self, node: &Node, keyword: &Entry, paths: Paths) -> Shape {
        let Some(reader) = self.keyword_mapping(node, &keys::EACH, keyword, "a list of entries") else {
            return Shape::Literal(Json::Null);
        };
        let (Some(over), Some(shape)) = (reader.node("each"), reader.node("as")) else {
            return Shape::Literal(Json::Null);
        };
        Shape::Each(Box::new(Each {
            span: over.span,
            over: self.shape(over, paths),
            when: self.expr_at(&reader, "when"),
            shape: self.shape(shape, Paths::Allowed),
        }))
    }
}
