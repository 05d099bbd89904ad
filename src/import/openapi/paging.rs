//! `pages` as they are written, and as they are played in a case.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::{
    answers::{self, Success},
    pages::{By, Paging},
};
use crate::import::{
    call::Call,
    emit::Map,
    output::{Out, Path},
    scheme::Scheme,
};

/// How many pages are asked for.
const MOST: u8 = 5;

impl Paging {
    /// The request with the size of a page, where that may be chosen.
    pub(super) fn sized(&self, mut call: Call) -> Call {
        match (&self.size, &self.by) {
            (Some((name, size)), By::BodyToken(..)) => call.with_member(name, &json!(size)),
            (Some((name, size)), _) => {
                call.query.push((name.clone(), (*size).into(), Some((*size).into())));
                call
            }
            (None, _) => call,
        }
    }

    /// Whether a token in the query leads on.
    pub(super) fn has_token(&self) -> bool {
        matches!(self.by, By::Token(..))
    }

    /// Whether the body takes the token.
    pub(super) fn is_in_body(&self) -> bool {
        matches!(self.by, By::BodyToken(..))
    }

    /// `pages`
    pub(super) fn yaml(&self) -> Map {
        let map = Map::default().set("items", self.items.written());
        let map = match &self.by {
            By::Token(path, query) => map.set("token", path.written()).set("query", query.as_str()),
            By::BodyToken(path, member) => map.set("token", path.written()).set("body", member.as_str()),
            By::Next(path) => map.set("next", path.written()),
            By::Link => map.set("link", "next"),
            By::Offset(query, size) => map.set("offset", query.as_str()).set("size", *size),
            By::Page(query, first) => map.set("page", query.as_str()).set("start", *first),
        };
        map.set("max", MOST)
    }

    /// What comes out of all pages.
    pub(super) fn output(&self) -> Out {
        let all = answers::list(&self.item, &Path::default().then("items"));
        Out::Map(vec![("items".to_owned(), all), ("truncated".to_owned(), Out::At(Path::default().then("truncated")))])
    }

    /// The exchanges of two pages, and what they come to. `body` is an answer, `query` what else is in the query.
    pub(super) fn played(
        &self,
        call: &Call,
        success: &Success<'_>,
        scheme: Option<&Scheme>,
    ) -> (Vec<(Map, Map)>, Json) {
        let body = &success.body;
        let found =
            if self.items.0.is_empty() { body.as_array() } else { self.items.find(body).and_then(Json::as_array) };
        let entries: Vec<Json> = found.cloned().unwrap_or_default();
        let with = |items: &[Json], next: Option<Json>| {
            let mut page = body.clone();
            if self.items.0.is_empty() {
                page = items.to_vec().into();
            } else {
                self.items.set(&mut page, Some(items.to_vec().into()));
            }
            if let By::Token(path, _) | By::BodyToken(path, _) | By::Next(path) = &self.by {
                path.set(&mut page, next);
            }
            page
        };
        let first = |more: &[(&str, String)]| {
            let more: Vec<_> = more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            call.expected(scheme, &more)
        };
        let address = format!("{}?cursor=page-2", call.url());
        let exchanges = match &self.by {
            By::Token(_, query) => vec![
                (first(&[]), success.canned(&with(&entries, Some(json!("page-2"))))),
                (first(&[(query, "page-2".to_owned())]), success.canned(&with(&entries, None))),
            ],
            By::BodyToken(_, member) => vec![
                (first(&[]), success.canned(&with(&entries, Some(json!("page-2"))))),
                (
                    call.clone().with_member(member, &json!("page-2")).expected(scheme, &[]),
                    success.canned(&with(&entries, None)),
                ),
            ],
            By::Next(_) => vec![
                (first(&[]), success.canned(&with(&entries, Some(address.into())))),
                (call.line(), success.canned(&with(&entries, None))),
            ],
            By::Link => {
                let link = json!({"link": format!("<{address}>; rel=\"next\"")});
                vec![(first(&[]), success.canned(body).set("headers", link)), (call.line(), success.canned(body))]
            }
            By::Offset(query, _) => vec![(first(&[(query, "0".to_owned())]), success.canned(body))],
            By::Page(query, start) => vec![
                (first(&[(query, start.to_string())]), success.canned(body)),
                (first(&[(query, (start + 1).to_string())]), success.canned(&with(&[], None))),
            ],
        };
        let pages = if matches!(self.by, By::Offset(..) | By::Page(..)) { 1 } else { 2 };
        let all: Vec<Json> = (0..pages).flat_map(|_| entries.clone()).collect();
        let joined = JsonMap::from_iter([("items".to_owned(), all.into()), ("truncated".to_owned(), json!(false))]);
        (exchanges, self.output().of(&joined.into()).unwrap_or_default())
    }

    /// The last page, for the sandbox.
    pub(super) fn last(&self, body: &Json) -> Json {
        let mut page = body.clone();
        match &self.by {
            By::Token(path, _) | By::BodyToken(path, _) | By::Next(path) => path.set(&mut page, None),
            By::Link | By::Offset(..) => {}
            // a page number ends with an empty page, which an answer that is always the same has not
            By::Page(..) if self.items.0.is_empty() => page = json!([]),
            By::Page(..) => self.items.set(&mut page, Some(json!([]))),
        }
        page
    }
}
