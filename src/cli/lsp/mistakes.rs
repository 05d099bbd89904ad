//! What is wrong with the files of a connector, as an editor shows it, and the edits that take it away.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use lsp_types::{DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, TextEdit};

use super::{convert, texts::Texts};
use crate::{
    catalog::folder::{self, Loaded},
    diag::{Diagnostic, FileId, Severity, Sources, Span, codes},
    editor::{FileKind, Lines},
};

/// One mistake, and what takes it away.
#[derive(Debug, Clone)]
pub(super) struct Mistake {
    pub(super) shown: lsp_types::Diagnostic,
    pub(super) fix: Option<Change>,
}

/// An edit that is offered.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) title: String,
    pub(super) edit: TextEdit,
    /// Nothing else can be meant.
    pub(super) certain: bool,
}

/// What is checked together: the directory of a connector, or of accounts.
pub(super) fn unit(path: &Path) -> Option<PathBuf> {
    FileKind::of(path)?;
    path.parent().map(Path::to_path_buf)
}

/// What is wrong with each file of a unit. Files without mistakes are there as well.
pub(super) fn check(unit: &Path, texts: &Texts) -> io::Result<BTreeMap<PathBuf, Vec<Mistake>>> {
    let unsaved = texts.unsaved();
    let Loaded { sources, diagnostics, files, accounts, .. } = match unit.file_name() {
        Some(name) if name == "_accounts" => folder::load_accounts_with(unit, &unsaved)?,
        _ => folder::load_one_with(unit, &unsaved)?,
    };
    let mut all = BTreeMap::new();
    let of = |file: FileId| PathBuf::from(&sources.get(file).name);
    let known = files.iter().flat_map(|it| [Some(it.connector), it.tests]).flatten();
    for file in known.chain(accounts.iter().map(|it| it.file)) {
        all.insert(of(file), Vec::new());
    }
    let mut lines = BTreeMap::new();
    for it in diagnostics.sorted() {
        lines.entry(it.span.file).or_insert_with(|| Lines::of(&sources.get(it.span.file).text));
        all.entry(of(it.span.file)).or_default().push(mistake(&sources, &lines[&it.span.file], &it));
    }
    Ok(all)
}

fn mistake(sources: &Sources, lines: &Lines, it: &Diagnostic) -> Mistake {
    let text = &sources.get(it.span.file).text;
    let message = match &it.help {
        Some(help) => format!("{}\n{help}", it.message),
        None => it.message.clone(),
    };
    let related: Vec<_> = it.notes.iter().filter_map(|(span, text)| related(sources, *span, text)).collect();
    let shown = lsp_types::Diagnostic {
        range: convert::range(lines, text, marked(text, it.span)),
        severity: Some(match it.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        }),
        code: Some(NumberOrString::String(it.code.to_owned())),
        source: Some("closeloop".to_owned()),
        message,
        related_information: (!related.is_empty()).then_some(related),
        ..lsp_types::Diagnostic::default()
    };
    let fix = it.fix.as_ref().and_then(|fix| {
        let range = fix.range(sources).filter(|_| fix.span.file == it.span.file)?;
        let edit = TextEdit { range: convert::range(lines, text, range), new_text: fix.text.clone() };
        Some(Change { title: fix.title.clone(), edit, certain: fix.certain })
    });
    Mistake { shown, fix }
}

/// The first line of a place: many lines underlined say nothing.
fn marked(text: &str, span: Span) -> std::ops::Range<usize> {
    let start = text.floor_char_boundary(span.start);
    let line = text[start..].split('\n').next().unwrap_or_default();
    start..span.end.min(start + line.trim_end().len()).max(start)
}

fn related(sources: &Sources, span: Span, message: &str) -> Option<DiagnosticRelatedInformation> {
    let source = sources.get(span.file);
    let range = convert::range(&Lines::of(&source.text), &source.text, marked(&source.text, span));
    let location = Location { uri: convert::uri(Path::new(&source.name))?, range };
    Some(DiagnosticRelatedInformation { location, message: message.to_owned() })
}

/// What a code means, for whoever points at a mistake.
pub(super) fn explained(mistakes: &[Mistake], at: lsp_types::Position) -> Vec<String> {
    let here = mistakes.iter().filter(|it| (it.shown.range.start..=it.shown.range.end).contains(&at));
    let mut said = Vec::new();
    for it in here {
        let Some(NumberOrString::String(code)) = &it.shown.code else { continue };
        let text = codes::explain(code).map(|it| format!("**{}**: {}\n\n{}", it.code, it.title, it.explanation));
        if let Some(text) = text.filter(|it| !said.contains(it)) {
            said.push(text);
        }
    }
    said
}
