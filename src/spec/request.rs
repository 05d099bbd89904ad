//! One request, compiled.

use std::sync::Arc;

use super::{AnswerKind, Url};
use crate::{
    diag::Span,
    expr::{Expr, Shape, Text},
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

impl Request {
    /// Calls `visit` with each expression in what is sent.
    pub(crate) fn for_each_expr<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Expr>)) {
        match &self.target {
            Target::Path { path, .. } => path.for_each_expr(visit),
            Target::Url(url) => url.for_each_expr(visit),
            Target::SignIn(url) => url.for_each_expr(visit),
        }
        self.query.iter().for_each(|(_, it)| it.for_each_expr(visit));
        self.headers.iter().for_each(|(_, it)| it.for_each_expr(visit));
        match &self.body {
            Body::None => {}
            Body::Json(shape) | Body::Form(shape) => shape.for_each_expr(visit),
            Body::Text(text) | Body::Base64(text) | Body::Xml(text) | Body::Ics(text) => text.for_each_expr(visit),
            Body::Multipart(multipart) => multipart.parts.iter().for_each(|it| it.for_each_expr(visit)),
        }
    }
}

impl Part {
    fn for_each_expr<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Expr>)) {
        let texts = [&self.name, &self.filename, &self.content_type].into_iter().flatten();
        texts.chain(self.headers.iter().map(|(_, it)| it)).for_each(|it| it.for_each_expr(visit));
        match &self.content {
            PartContent::Value(shape) | PartContent::Json(shape) | PartContent::File(shape) => {
                shape.for_each_expr(visit);
            }
            PartContent::Text(text) | PartContent::Base64(text) => text.for_each_expr(visit),
        }
    }
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
    /// The address of a sign-in, of a request that the loader writes: to the account's hosts, without the connector's headers.
    SignIn(Url),
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
    /// The bytes that base64 text means.
    Base64(Text),
    /// Several parts.
    Multipart(Multipart),
}

/// A body of several parts.
#[derive(Debug)]
pub struct Multipart {
    /// `form-data`, `related` or `mixed`.
    pub kind: String,
    /// In order.
    pub parts: Vec<Part>,
}

/// A part of a multipart body.
#[derive(Debug)]
pub struct Part {
    /// Whether it is a field of a form, with a name.
    pub in_form: bool,
    /// Of the field.
    pub name: Option<Text>,
    /// Makes the field a file.
    pub filename: Option<Text>,
    /// Overrides the content's own.
    pub content_type: Option<Text>,
    /// As written.
    pub headers: Vec<(String, Text)>,
    /// Left out if false.
    pub when: Option<Arc<Expr>>,
    /// Once per entry.
    pub each: Option<Shape>,
    /// What it holds.
    pub content: PartContent,
}

/// What a part holds.
#[derive(Debug)]
pub enum PartContent {
    /// A field: text, a number or a boolean; a list repeats it.
    Value(Shape),
    /// JSON.
    Json(Shape),
    /// Text.
    Text(Text),
    /// The bytes that base64 text means.
    Base64(Text),
    /// `{name, content_type, data}`, or a list of them.
    File(Shape),
}
