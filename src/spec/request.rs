//! One request, compiled.

use super::AnswerKind;
use crate::{
    diag::Span,
    expr::{Shape, Text},
};

/// A request, compiled.
#[derive(Debug)]
pub struct Request {
    /// Its place.
    pub span: Span,
    /// Upper case.
    pub method: String,
    /// Where to.
    pub target: Target,
    /// Scheme name; `None` is the default, `Some("none")` no sign-in.
    pub auth: Option<String>,
    /// A list repeats the key.
    pub query: Vec<(String, Shape)>,
    /// Names in lower case.
    pub headers: Vec<(String, Text)>,
    /// What is sent.
    pub body: Body,
    /// Overrides the body's own.
    pub content_type: Option<String>,
    /// How the answer is read.
    pub answer: AnswerKind,
}

/// Where a request goes.
#[derive(Debug)]
pub enum Target {
    /// Under a server's base URL.
    Path {
        /// Which; `None` is the default.
        server: Option<String>,
        /// Each placeholder is one segment.
        path: Text,
    },
    /// An address that the provider gave, then segments.
    Url(Text),
}

/// A request's body.
#[derive(Debug)]
pub enum Body {
    /// Nothing.
    None,
    /// `application/json`
    Json(Shape),
    /// `application/x-www-form-urlencoded`
    Form(Shape),
    /// `application/xml; charset=utf-8`
    Xml(Text),
    /// `text/calendar; charset=utf-8`
    Ics(Text),
    /// `text/plain; charset=utf-8`
    Text(Text),
}
