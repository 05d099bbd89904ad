//! What an author did wrong, as a value: a code, a place, a sentence and, where there is one, the way out.
//!
//! Checking never stops at the first mistake: it fills a [`Diagnostics`] and goes on.

pub mod codes;
pub mod fix;
pub mod render;
#[cfg(test)]
mod render_tests;
pub mod sarif;
mod source;
mod suggest;

pub use fix::Fix;
pub use source::{FileId, Source, Sources};
pub use suggest::{Near, closest_first, did_you_mean, nearest};

/// A range of bytes in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Which file.
    pub file: FileId,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// From `start` up to `end` in `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        Self { file, start, end: end.max(start) }
    }
}

/// Whether the connector may run all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may, but somebody should look.
    Warning,
    /// It may not.
    Error,
}

impl Severity {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One mistake.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Stable, such as `C101`; the table is in `codes`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// One sentence in plain words.
    pub message: String,
    /// Where the caret goes.
    pub span: Span,
    /// A few words beside the caret; may be empty.
    pub label: String,
    /// Other places that explain it, such as "first defined here".
    pub notes: Vec<(Span, String)>,
    /// What to do instead: "did you mean `path`?", the allowed values, an example.
    pub help: Option<String>,
    /// The edit that does it, where a machine can.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// An error at `span`.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span,
            label: String::new(),
            notes: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// A warning at `span`.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Words beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Another place.
    #[must_use]
    pub fn note(mut self, span: Span, text: impl Into<String>) -> Self {
        self.notes.push((span, text.into()));
        self
    }

    /// The way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The way out, if none has been given yet.
    #[must_use]
    pub fn or_help<H: Into<String>>(self, help: impl FnOnce() -> H) -> Self {
        if self.help.is_some() { self } else { self.help(help()) }
    }

    /// The edit that takes the mistake away.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// Asks whether the nearest of `candidates` was meant by `word`, which stands in the span; with the edit that writes
    /// it. Leaves the diagnostic as it is if none is near.
    #[must_use]
    pub fn did_you_mean<'a>(self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(word, candidates) {
            Some(near) => self.meant(word, near),
            None => self,
        }
    }

    /// Asks whether `near` was meant by `word`, which stands in the span; with the edit that writes it.
    #[must_use]
    pub fn meant(self, word: &str, near: Near<'_>) -> Self {
        let fix = Fix::respell(self.span, word, near.word);
        let fix = if near.certain { fix } else { fix.guess() };
        self.help(format!("did you mean `{}`?", near.word)).fix(fix)
    }
}

/// Everything found so far.
#[derive(Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all of them.
    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.0.extend(diagnostics);
    }

    /// Takes over all of `other`.
    pub fn append(&mut self, other: Diagnostics) {
        self.0.extend(other.0);
    }

    /// Whether anything forbids running.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|it| it.severity == Severity::Error)
    }

    /// All of them, in order of file and place.
    pub fn sorted(mut self) -> Vec<Diagnostic> {
        self.0.sort_by_key(|it| (it.span.file, it.span.start, it.span.end, it.code));
        self.0
    }

    /// As found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
