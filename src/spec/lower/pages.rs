//! `pages`: how a list goes on.

use super::Lower;
use crate::{
    diag::{Diagnostic, codes},
    expr::Shape,
    spec::{Body, PageBy, Pages, TokenPlace},
    yaml::{Entry, Reader},
};

impl Lower<'_> {
    /// `pages` of a request with this `body`.
    pub(super) fn pages(&mut self, reader: &Reader<'_>, body: Option<&Body>) -> Option<Pages> {
        let items = self.path_at(reader, "items");
        let entry = reader.exactly_one(&["token", "next", "link", "offset", "page"], self.diagnostics)?;
        let own: &[&str] = match entry.key.as_str() {
            "token" => &["query", "body"],
            "offset" => &["size"],
            "page" => &["start"],
            _ => &[],
        };
        for key in ["query", "body", "size", "start"].iter().filter(|it| !own.contains(it)) {
            self.misplaced(reader, &[key], &format!("means nothing beside `{}`", entry.key));
        }
        let by = match entry.key.as_str() {
            "token" => {
                let token = self.path(&entry.value, "token");
                PageBy::Token { into: self.token_place(reader, entry, body)?, token: token? }
            }
            "next" => PageBy::Next(self.path(&entry.value, "next")?),
            "link" => {
                reader.word("link", self.diagnostics)?;
                PageBy::Link
            }
            "offset" => {
                let size = self.beside(reader, entry, "size", "size: 100");
                let query = reader.text("offset", self.diagnostics)?.to_owned();
                PageBy::Offset { query, size: reader.integer(size?, self.diagnostics)? }
            }
            _ => PageBy::Page {
                query: reader.text("page", self.diagnostics)?.to_owned(),
                start: reader.integer("start", self.diagnostics).unwrap_or(1),
            },
        };
        Some(Pages { items: items?, max: reader.integer("max", self.diagnostics).unwrap_or(10), by })
    }

    /// What takes the token: a parameter of the query, or a member of the body that there is.
    fn token_place(&mut self, reader: &Reader<'_>, token: &Entry, body: Option<&Body>) -> Option<TokenPlace> {
        let Some(entry) = reader.entry("body") else {
            let query = self.beside(reader, token, "query", "query: pageToken` or `body: page_token")?;
            return Some(TokenPlace::Query(reader.text(query, self.diagnostics)?.to_owned()));
        };
        self.misplaced(reader, &["query"], "can't stand beside `body`: one of them takes the token");
        if !matches!(body, None | Some(Body::Json(Shape::Map(_)))) {
            let message = "the request has no JSON object as its body, which could take the token";
            self.report(
                Diagnostic::error(codes::MISPLACED_KEY, entry.key_span, message)
                    .help("give the request a `body`, or say by `query` which parameter takes the token"),
            );
            return None;
        }
        let names = reader.text("body", self.diagnostics)?.split('.').map(str::to_owned);
        Some(TokenPlace::Body(names.collect()))
    }

    /// Reports that `key` is missing beside `entry`.
    fn beside<'k>(&mut self, reader: &Reader<'_>, entry: &Entry, key: &'k str, example: &str) -> Option<&'k str> {
        if !reader.has(key) {
            let message = format!("`{}` needs `{key}` beside it", entry.key);
            self.report(
                Diagnostic::error(codes::MISSING_KEY, entry.key_span, message).help(format!("for example `{example}`")),
            );
            return None;
        }
        Some(key)
    }
}
