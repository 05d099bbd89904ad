//! Diagnostics as people and programs read them.

use std::collections::HashSet;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value as Json, json};

use super::{Diagnostic, FileId, Fix, Severity, Sources, Span};

/// Lines longer than this are cut around the place that matters.
const WIDTH: usize = 120;

/// With the source and a caret, as rustc does it; an empty line between two. With colours if `styled`.
pub fn text(sources: &Sources, diagnostics: &[Diagnostic], styled: bool) -> String {
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() }.term_width(WIDTH);
    let mut all = String::new();
    for diagnostic in diagnostics {
        all.push_str(&renderer.render(&[group(sources, diagnostic)]));
        all.push_str("\n\n");
    }
    all
}

/// One diagnostic as an object: `file`, `start` and `end` (each with `line` and `column` from 1 and `byte` from 0),
/// `code`, `severity`, `message`, `label`, `notes`, `help` and `fix`: the edit with its `title`, its own `start` and `end`, the
/// `text` that is to stand there, and whether it is `certain`. Columns count characters.
pub fn json(sources: &Sources, diagnostic: &Diagnostic) -> Json {
    let mut object = place(sources, diagnostic.span);
    let notes: Vec<_> = diagnostic
        .notes
        .iter()
        .map(|(span, message)| {
            let mut note = place(sources, *span);
            note["message"] = json!(message);
            note
        })
        .collect();
    object["code"] = json!(diagnostic.code);
    object["severity"] = json!(diagnostic.severity.as_str());
    object["message"] = json!(diagnostic.message);
    object["label"] = json!(diagnostic.label);
    object["notes"] = json!(notes);
    object["help"] = json!(diagnostic.help);
    object["fix"] = diagnostic.fix.as_ref().and_then(|it| fix(sources, it)).unwrap_or_default();
    object
}

fn fix(sources: &Sources, fix: &Fix) -> Option<Json> {
    let range = fix.range(sources)?;
    let mut object = place(sources, Span::new(fix.span.file, range.start, range.end));
    object["title"] = json!(fix.title);
    object["text"] = json!(fix.text);
    object["certain"] = json!(fix.certain);
    Some(object)
}

/// `3 errors, 1 warning in 2 files`; nothing if there are none.
pub fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let count = |severity| diagnostics.iter().filter(|it| it.severity == severity).count();
    let files: HashSet<FileId> = diagnostics.iter().map(|it| it.span.file).collect();
    let counts: Vec<_> = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| plural(count, word))
        .collect();
    (!counts.is_empty()).then(|| format!("{} in {}", counts.join(", "), plural(files.len(), "file")))
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn place(sources: &Sources, span: Span) -> Json {
    let position = |byte| {
        let (line, column) = sources.position(span.file, byte);
        json!({"line": line, "column": column, "byte": byte})
    };
    json!({"file": sources.get(span.file).name, "start": position(span.start), "end": position(span.end)})
}

fn group<'a>(sources: &'a Sources, diagnostic: &'a Diagnostic) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(&diagnostic.message).id(diagnostic.code));
    for (file, marks) in by_file(diagnostic) {
        let source = sources.get(file);
        group = match source.text.is_empty() {
            true => group.element(Origin::path(&source.name)),
            false => group.element(snippet(sources, file, &marks)),
        };
    }
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    }
}

/// A span to underline, and the words beside it.
#[derive(Clone, Copy)]
struct Mark<'a> {
    span: Span,
    label: &'a str,
    primary: bool,
}

/// The places of a diagnostic, those of its own file first.
fn by_file(diagnostic: &Diagnostic) -> Vec<(FileId, Vec<Mark<'_>>)> {
    let primary = Mark { span: diagnostic.span, label: &diagnostic.label, primary: true };
    let mut files = vec![(diagnostic.span.file, vec![primary])];
    for (span, label) in &diagnostic.notes {
        let mark = Mark { span: *span, label, primary: false };
        match files.iter_mut().find(|(file, _)| *file == span.file) {
            Some((_, marks)) => marks.push(mark),
            None => files.push((span.file, vec![mark])),
        }
    }
    files
}

/// Only the lines from the first to the last mark are handed on: a file may be large.
fn snippet<'a>(sources: &'a Sources, file: FileId, marks: &[Mark<'a>]) -> Snippet<'a, Annotation<'a>> {
    let source = sources.get(file);
    let text = source.text.as_str();
    let spans: Vec<_> = marks.iter().map(|it| on_one_line(text, it.span)).collect();
    let first = spans.iter().map(|it| it.0).min().unwrap_or(0);
    let last = spans.iter().map(|it| it.1).max().unwrap_or(0);
    let start = text[..first].rfind('\n').map_or(0, |it| it + 1);
    let end = text[last..].find('\n').map_or(text.len(), |it| last + it);
    let line = sources.position(file, start).0;
    let annotations = marks.iter().zip(spans).map(|(mark, (from, to))| {
        let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let label = (!mark.label.is_empty()).then_some(mark.label);
        kind.span(from - start..to - start).label(label)
    });
    Snippet::source(&text[start..end]).path(&source.name).line_start(line).annotations(annotations)
}

/// The part of a span on its first line, on character boundaries: a caret under many lines says nothing.
fn on_one_line(text: &str, span: Span) -> (usize, usize) {
    let start = text.floor_char_boundary(span.start);
    let end = text.ceil_char_boundary(span.end.max(start));
    let line = text[start..end].lines().next().unwrap_or_default();
    (start, start + line.trim_end().len())
}
