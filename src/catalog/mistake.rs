//! Diagnostics as a program takes them: with the place as a JSON Pointer, and as line and column.

use std::collections::HashMap;

use crate::{
    diag::{Diagnostic, Diagnostics, Severity, Sources, Span},
    yaml::{self, Node},
};

/// Something that is wrong with a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Stable, such as `C101`.
    pub code: &'static str,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// One sentence.
    pub message: String,
    /// What to do instead, where that is known.
    pub help: Option<String>,
    /// The part of the file, or of the form that it was made from, as a JSON Pointer.
    pub pointer: String,
    /// Where in a file; `None` if nobody wrote one.
    pub place: Option<Place>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `connector.yaml` or `tests.yaml`.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Mistake {
    /// An error at a place that was found otherwise than by checking.
    pub fn at(sources: &Sources, span: Span, code: &'static str, message: String) -> Self {
        let tree = yaml::parse(sources, span.file, &mut Diagnostics::default());
        mistake(sources, tree.as_ref(), Diagnostic::error(code, span, message))
    }

    /// An error in a form.
    pub fn of_form(code: &'static str, pointer: &str, message: String) -> Self {
        let (severity, pointer) = (Severity::Error.as_str(), pointer.to_owned());
        Self { code, severity, message, help: None, pointer, place: None }
    }
}

/// The diagnostics in order of file and place.
pub fn mistakes(sources: &Sources, diagnostics: Diagnostics) -> Vec<Mistake> {
    let mut trees = HashMap::new();
    let mut all = Vec::new();
    for it in diagnostics.sorted() {
        let file = it.span.file;
        let tree: &Option<Node> =
            trees.entry(file).or_insert_with(|| yaml::parse(sources, file, &mut Diagnostics::default()));
        all.push(mistake(sources, tree.as_ref(), it));
    }
    all
}

/// Whether anything in the list forbids running.
pub fn has_errors(mistakes: &[Mistake]) -> bool {
    mistakes.iter().any(|it| it.severity == Severity::Error.as_str())
}

fn mistake(sources: &Sources, tree: Option<&Node>, it: Diagnostic) -> Mistake {
    let (line, column) = sources.position(it.span.file, it.span.start);
    Mistake {
        code: it.code,
        severity: it.severity.as_str(),
        message: it.message,
        help: it.help,
        pointer: tree.map(|tree| yaml::pointer(tree, it.span.start)).unwrap_or_default(),
        place: Some(Place { file: sources.get(it.span.file).name.clone(), line, column }),
    }
}
