//! One request.

use super::{Lower, http::HeadersOf, value::Paths};
use crate::{
    diag::{Diagnostic, Fix, codes, nearest},
    expr::{Shape, Text},
    spec::{
        AnswerKind, Body, Multipart, Part, PartContent, Request, Target, facts,
        keys::{MULTIPART, PART, REQUEST},
    },
    yaml::{Entry, Node, Reader},
};

/// Methods in use (RFC 9110, RFC 5789, RFC 4918, RFC 3253, RFC 4791).
pub const METHODS: &[&str] = &[
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "PROPFIND",
    "PROPPATCH",
    "REPORT",
    "MKCOL",
    "MKCALENDAR",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "SEARCH",
    "QUERY",
];

impl Lower<'_> {
    /// The request at a key.
    pub(super) fn request_at(&mut self, reader: &Reader<'_>, key: &str) -> Option<Request> {
        let reader = reader.section(key, &REQUEST, self.diagnostics)?;
        self.request(&reader)
    }

    /// A request, from any section that has its keys.
    pub(super) fn request(&mut self, reader: &Reader<'_>) -> Option<Request> {
        let method = self.method(reader);
        let target = self.target(reader);
        let auth = self.reference(reader, "auth", facts::Part::Scheme);
        let query = reader.mapping("query", self.diagnostics);
        let query = query.iter().map(|it| (it.key.clone(), self.shape(&it.value, Paths::Literal))).collect();
        let headers = self.headers(reader, if self.signs_in { HeadersOf::SignIn } else { HeadersOf::Requests });
        let body = self.body(reader);
        let content_type = reader.text("content_type", self.diagnostics).map(str::to_owned);
        if matches!(body, Body::None | Body::Multipart(_))
            && !(matches!(body, Body::None) && reader.has("multipart"))
            && let Some(entry) = reader.entry("content_type")
        {
            let (message, help) = match body {
                Body::None => {
                    let help = "remove it, or give a body; `headers` may say what is accepted";
                    ("a request without a body has no type", help)
                }
                _ => ("the type of a multipart body says how its parts are told apart", "give `type` in `multipart`"),
            };
            self.report(Diagnostic::error(codes::MISPLACED_KEY, entry.key_span, message).help(help));
        }
        let answer = reader.word("answer", self.diagnostics).map_or(AnswerKind::Auto, answer_kind);
        Some(Request {
            span: reader.at(),
            method: method?,
            target: target?,
            auth,
            query,
            headers,
            body,
            content_type,
            answer,
        })
    }

    pub(super) fn method(&mut self, reader: &Reader<'_>) -> Option<String> {
        let method = reader.text("method", self.diagnostics)?;
        let span = reader.node("method")?.span;
        if !method.is_empty() && method.bytes().all(|it| it.is_ascii_uppercase() || it == b'-') {
            // any method may be sent, but most that nobody registered are mistyped
            let is_known = METHODS.contains(&method);
            let meant = if is_known { None } else { nearest(method, METHODS.iter().copied()) };
            let Some(meant) = meant else { return Some(method.to_owned()) };
            let message = format!("`{method}` is not an HTTP method");
            self.report(Diagnostic::error(codes::BAD_METHOD, span, message).meant(method, meant));
            return None;
        }
        let upper = method.to_ascii_uppercase();
        let mut diagnostic = Diagnostic::error(codes::BAD_METHOD, span, format!("`{method}` is not an HTTP method"));
        if upper.bytes().all(|it| it.is_ascii_uppercase() || it == b'-') {
            let fix = Fix::respell(span, method, &upper);
            diagnostic = diagnostic.help(format!("write `method: {upper}`")).fix(fix);
        }
        self.report(diagnostic);
        None
    }

    fn target(&mut self, reader: &Reader<'_>) -> Option<Target> {
        let server = self.reference(reader, "server", facts::Part::Server);
        let entry = reader.exactly_one(&["path", "url"], self.diagnostics)?;
        if entry.key == "path" {
            self.facts.paths.push(entry.value.span);
            return Some(Target::Path { server, path: self.path_text(&entry.value) });
        }
        if let Some(entry) = reader.entry("server") {
            let message = "`url` is a whole address: it has no server";
            self.error(codes::MISPLACED_KEY, entry.key_span, message);
        }
        Some(Target::Url(self.url_text(&entry.value)))
    }

    pub(super) fn reference(&mut self, reader: &Reader<'_>, key: &str, part: facts::Part) -> Option<String> {
        let name = reader.formed(key, self.diagnostics)?;
        let node = reader.node(key)?;
        if !(part == facts::Part::Scheme && name == "none") {
            self.refer(part, node, name);
        }
        Some(name.to_owned())
    }

    fn body(&mut self, reader: &Reader<'_>) -> Body {
        const BODIES: &[&str] = &["body", "form", "xml", "ics", "text", "base64", "multipart"];
        let Some(entry) = reader.at_most_one(BODIES, self.diagnostics) else { return Body::None };
        match entry.key.as_str() {
            "body" => Body::Json(self.shape(&entry.value, Paths::Literal)),
            "form" => Body::Form(self.form(&entry.value)),
            "xml" => Body::Xml(self.document(entry)),
            "ics" => Body::Ics(self.document(entry)),
            "base64" => Body::Base64(self.document(entry)),
            "multipart" => self.multipart(entry).map_or(Body::None, Body::Multipart),
            _ => Body::Text(self.document(entry)),
        }
    }

    fn form(&mut self, node: &Node) -> Shape {
        let shape = self.shape(node, Paths::Literal);
        if matches!(shape, Shape::Literal(_) | Shape::List(_) | Shape::Text(_) | Shape::Query(..)) {
            let diagnostic = Diagnostic::error(codes::WRONG_TYPE, node.span, "a form is a mapping from name to value");
            self.report(diagnostic.help("for example `form: {grant: code}`"));
        }
        shape
    }

    fn multipart(&mut self, entry: &Entry) -> Option<Multipart> {
        let reader = Reader::open_entry(entry, &MULTIPART, self.diagnostics)?;
        let kind = reader.word("type", self.diagnostics).unwrap_or("form-data");
        let mut parts = Vec::new();
        for node in reader.list("parts", self.diagnostics) {
            let Some(reader) = Reader::open(node, &PART, self.diagnostics) else { continue };
            parts.extend(self.part(&reader, kind == "form-data"));
        }
        Some(Multipart { kind: kind.to_owned(), parts })
    }

    fn part(&mut self, reader: &Reader<'_>, in_form: bool) -> Option<Part> {
        if in_form && !reader.has("name") {
            let message = "a part of a form needs a `name`";
            let diagnostic = Diagnostic::error(codes::MISSING_KEY, reader.at(), message);
            self.report(diagnostic.help("for example `name: file`; other bodies have `type: related`"));
        }
        if !in_form {
            self.misplaced(reader, &["name", "filename"], "means nothing outside of a form");
        }
        let entry = reader.exactly_one(&["value", "json", "text", "base64", "file"], self.diagnostics)?;
        let content = match entry.key.as_str() {
            "value" => PartContent::Value(self.shape(&entry.value, Paths::Literal)),
            "json" => PartContent::Json(self.shape(&entry.value, Paths::Literal)),
            "text" => PartContent::Text(self.document(entry)),
            "base64" => PartContent::Base64(self.document(entry)),
            _ => PartContent::File(self.shape(&entry.value, Paths::Literal)),
        };
        Some(Part {
            in_form,
            name: self.text_at(reader, "name"),
            filename: self.text_at(reader, "filename"),
            content_type: self.text_at(reader, "content_type"),
            headers: self.headers(reader, HeadersOf::Requests),
            when: self.expr_at(reader, "when"),
            each: reader.node("each").map(|it| self.shape(it, Paths::Refused)),
            content,
        })
    }

    fn document(&mut self, entry: &Entry) -> Text {
        self.text(&entry.value, &entry.key)
    }
}

fn answer_kind(word: &str) -> AnswerKind {
    match word {
        "json" => AnswerKind::Json,
        "xml" => AnswerKind::Xml,
        "multistatus" => AnswerKind::Multistatus,
        "text" => AnswerKind::Text,
        "bytes" => AnswerKind::Bytes,
        "csv" => AnswerKind::Csv,
        "empty" => AnswerKind::Empty,
        _ => AnswerKind::Auto,
    }
}
