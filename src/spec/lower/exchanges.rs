//! `tests.yaml`: requests that must come and what is answered.

use url::Url;

use super::Lower;
use crate::{
    diag::{Diagnostic, codes},
    format::{body::from_base64, query},
    spec::{CannedAnswer, CaseDelivery, CaseEvent, Exchange, Expect, ExpectedRequest, facts::Part, keys},
    yaml::{Entry, Reader},
};

impl Lower<'_> {
    /// `exchanges`: the requests, and between them what is delivered.
    pub(super) fn exchanges(&mut self, reader: &Reader<'_>) -> (Vec<Exchange>, Vec<CaseEvent>) {
        let (mut exchanges, mut deliveries) = (Vec::new(), Vec::new());
        for node in reader.list("exchanges", self.diagnostics) {
            let Some(reader) = Reader::open(node, &keys::EXCHANGE, self.diagnostics) else { continue };
            match reader.exactly_one(&["request", "event"], self.diagnostics) {
                Some(entry) if entry.key == "event" => {
                    let of_request = "an event has a `delivery`, and no answer";
                    self.refuse_key(&reader, "answer", of_request);
                    let event = self.reference(&reader, "event", Part::Event);
                    let delivery = self.delivered(&reader, entry);
                    if let (Some(event), Some(delivery)) = (event, delivery) {
                        deliveries.push(CaseEvent { span: reader.at(), after: exchanges.len(), event, delivery });
                    }
                }
                Some(_) => {
                    self.refuse_key(&reader, "delivery", "only an `event` is delivered");
                    exchanges.extend(self.exchange(&reader));
                }
                None => {}
            }
        }
        (exchanges, deliveries)
    }

    /// The `delivery` beside `entry`.
    pub(super) fn delivered(&mut self, reader: &Reader<'_>, entry: &Entry) -> Option<CaseDelivery> {
        let Some(delivery) = reader.entry("delivery") else {
            let message = format!("`{}` needs `delivery` beside it: what the provider sends", entry.key);
            let diagnostic = Diagnostic::error(codes::MISSING_KEY, entry.key_span, message);
            self.report(diagnostic.help("for example `delivery: {body: {id: \"1\"}}`"));
            return None;
        };
        let reader = Reader::open_entry(delivery, &keys::DELIVERY, self.diagnostics)?;
        reader.at_most_one(&["body", "form", "text"], self.diagnostics);
        let mut headers = self.lower_case_headers(&reader);
        let mut typed = |content_type: &str| {
            if !headers.iter().any(|(name, _)| name == "content-type") {
                headers.push(("content-type".to_owned(), content_type.to_owned()));
            }
        };
        let body = if let Some(node) = reader.node("body") {
            typed("application/json");
            self.json(node).to_string()
        } else if let Some(fields) = self.pairs(&reader, "form") {
            typed("application/x-www-form-urlencoded");
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
        } else {
            reader.text("text", self.diagnostics).unwrap_or_default().to_owned()
        };
        let method = if reader.has("method") { self.method(&reader)? } else { "POST".to_owned() };
        let path = reader.text("path", self.diagnostics).unwrap_or("/").to_owned();
        Some(CaseDelivery { method, path, query: self.pairs(&reader, "query").unwrap_or_default(), headers, body })
    }

    /// What a delivery must be answered.
    pub(super) fn expected_reply(&mut self, reader: &Reader<'_>) -> Option<Expect> {
        let reader = reader.section("answer", &keys::EXPECTED_REPLY, self.diagnostics)?;
        reader.at_most_one(&["body", "text"], self.diagnostics);
        let text = match reader.node("body") {
            Some(node) => self.json(node).to_string(),
            None => reader.text("text", self.diagnostics).unwrap_or_default().to_owned(),
        };
        Some(Expect::Answered(self.answer_status(&reader)?, text))
    }

    fn exchange(&mut self, reader: &Reader<'_>) -> Option<Exchange> {
        if !reader.has("answer") {
            let message = "`request` needs `answer` beside it: what comes back";
            let diagnostic = Diagnostic::error(codes::MISSING_KEY, reader.at(), message);
            self.report(diagnostic.help("add `answer: {status: 200}`"));
        }
        let request = reader.section("request", &keys::EXPECTED_REQUEST, self.diagnostics);
        let request = request.map(|it| self.expected_request(&it));
        let answer = reader.section("answer", &keys::CANNED_ANSWER, self.diagnostics);
        let answer = answer.and_then(|it| self.canned_answer(&it));
        Some(Exchange { span: reader.at(), request: request?, answer: answer? })
    }

    fn expected_request(&mut self, reader: &Reader<'_>) -> ExpectedRequest {
        reader.at_most_one(&["url", "path"], self.diagnostics);
        reader.at_most_one(&["body", "form", "parts", "base64", "text"], self.diagnostics);
        ExpectedRequest {
            method: self.method(reader),
            url: self.expected_url(reader),
            path: self.expected_path(reader, "for example `path: /v1/items`").map(str::to_owned),
            query: self.pairs(reader, "query"),
            headers: self.lower_case_headers(reader),
            body: reader.node("body").map(|it| self.json(it)),
            form: self.pairs(reader, "form"),
            parts: reader.node("parts").map(|it| self.json(it)),
            base64: self.base64(reader).map(|(text, _)| text.to_owned()),
            text: reader.text("text", self.diagnostics).map(str::to_owned),
        }
    }

    /// Base64 text and what it means.
    fn base64<'n>(&mut self, reader: &Reader<'n>) -> Option<(&'n str, Vec<u8>)> {
        let text = reader.text("base64", self.diagnostics)?;
        let bytes = from_base64(text);
        if bytes.is_none() {
            self.error(codes::BAD_VALUE, reader.node("base64")?.span, "this is not base64");
        }
        Some((text, bytes?))
    }

    /// As a URL is sent: with a path, and with everything percent-encoded that has to be.
    fn expected_url(&mut self, reader: &Reader<'_>) -> Option<String> {
        let text = reader.text("url", self.diagnostics)?;
        let span = reader.node("url")?.span;
        match Url::parse(text) {
            Ok(url) if url.query().is_none() && url.fragment().is_none() && url.has_host() => Some(url.into()),
            Ok(url) if url.query().is_some() => {
                self.report(
                    Diagnostic::error(codes::NEVER_MATCHES, span, "`url` is compared without the query")
                        .help("give the query by the key `query`"),
                );
                None
            }
            _ => {
                self.report(
                    Diagnostic::error(codes::NEVER_MATCHES, span, format!("`{text}` is not an absolute URL"))
                        .help("for example `url: https://api.example.com/v1/items`, or only `path: /v1/items`"),
                );
                None
            }
        }
    }

    /// A path that a request may have.
    pub(super) fn expected_path<'n>(&mut self, reader: &Reader<'n>, help: &str) -> Option<&'n str> {
        let path = reader.text("path", self.diagnostics)?;
        if path.starts_with('/') && !path.contains(['?', '#']) {
            return Some(path);
        }
        let message = match path.contains(['?', '#']) {
            true => "`path` is compared without the query",
            false => "a path begins with `/`",
        };
        self.report(Diagnostic::error(codes::NEVER_MATCHES, reader.node("path")?.span, message).help(help));
        None
    }

    /// The parameters or fields that a mapping becomes when it is sent.
    fn pairs(&mut self, reader: &Reader<'_>, key: &str) -> Option<Vec<(String, String)>> {
        reader.node(key)?;
        let mut all = Vec::new();
        for entry in reader.mapping(key, self.diagnostics) {
            match query::pairs(&entry.key, &self.json(&entry.value)) {
                Ok(pairs) => all.extend(pairs),
                Err(error) => self.error(codes::BAD_VALUE, entry.value.span, error.why),
            }
        }
        Some(all)
    }

    fn lower_case_headers(&mut self, reader: &Reader<'_>) -> Vec<(String, String)> {
        let pairs = self.plain_texts(reader, "headers");
        pairs.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()
    }

    fn canned_answer(&mut self, reader: &Reader<'_>) -> Option<CannedAnswer> {
        let kind = reader.at_most_one(&["lost", "timeout", "refused", "body", "text", "base64"], self.diagnostics);
        let fault = match kind.map(|it| it.key.as_str()) {
            Some("lost") => CannedAnswer::Lost,
            Some("timeout") => CannedAnswer::Timeout,
            Some("refused") => CannedAnswer::Refused,
            _ => return self.answered(reader),
        };
        for key in ["status", "headers"] {
            self.refuse_key(reader, key, &format!("without an answer there is no `{key}`"));
        }
        self.is_true(reader, &kind?.key)?;
        Some(fault)
    }

    fn answered(&mut self, reader: &Reader<'_>) -> Option<CannedAnswer> {
        let mut headers = self.lower_case_headers(reader);
        let body = match reader.node("body") {
            Some(node) => {
                if !headers.iter().any(|(name, _)| name == "content-type") {
                    headers.push(("content-type".to_owned(), "application/json".to_owned()));
                }
                self.json(node).to_string().into_bytes()
            }
            None if reader.has("base64") => self.base64(reader)?.1,
            None => reader.text("text", self.diagnostics).unwrap_or_default().into(),
        };
        let status = self.answer_status(reader)?;
        Some(CannedAnswer::Answer { status, headers, body })
    }

    /// `status`, or 200.
    pub(super) fn answer_status(&mut self, reader: &Reader<'_>) -> Option<u16> {
        match reader.has("status") {
            true => reader.integer("status", self.diagnostics),
            false => Some(200),
        }
    }
}
