//! Body and answer formats that aren't JSON: XML, multistatus, iCalendar, forms. Pure functions over text: no I/O, no
//! clock, no panic on input, and every size bounded.
//!
//! | module | direction |
//! | --- | --- |
//! | [`answer`], [`Parts`] | what came back → JSON, by kind, content type and first character; only what is looked at |
//! | [`body`] | rendered text or JSON → the bytes that are sent, with their content type |
//! | [`xml`], [`multistatus`] | XML → JSON, by namespace URI |
//! | [`csv`] | comma-separated values ↔ rows |
//! | [`mail`] | the parts of a message → MIME |
//! | [`multipart`] | parts ↔ a multipart body |
//! | [`ics`] | iCalendar → events in a window, and lines as calendars want them |
//! | [`form`], [`query`] | JSON → `application/x-www-form-urlencoded`, JSON → a URL's query |

pub mod answer;
pub mod body;
pub mod csv;
pub mod form;
pub mod ics;
pub mod mail;
pub mod multipart;
pub mod multistatus;
mod parts;
pub mod query;
pub mod xml;

pub use answer::AnswerKind;
pub use parts::Parts;

/// Text that is not what it should be, or a value that can't be written in a format.
///
/// Its message says what and where; it holds nothing of the text beyond the names of elements and keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{format}: {why}")]
pub struct FormatError {
    /// `XML`, `JSON`, `iCalendar`, `form` …
    pub format: &'static str,
    /// What is wrong, as the rest of a sentence.
    pub why: String,
}

impl FormatError {
    pub(crate) fn new(format: &'static str, why: impl Into<String>) -> Self {
        Self { format, why: why.into() }
    }
}
