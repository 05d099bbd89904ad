//! Texts in which some others are replaced.

use std::{collections::HashMap, sync::LazyLock};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use regex::{Captures, Regex};
use serde_json::{Map as JsonMap, Number, Value as Json};
use url::form_urlencoded;

use super::leaves;
use crate::{format::query::unreserved, signing, wire::Answer};

/// What is looked for in texts, and what stands there instead.
#[derive(Debug, Default)]
pub(super) struct Places {
    inside: HashMap<String, String>,
    /// Too short to be looked for inside of a text: a text that is nothing else is replaced.
    whole: HashMap<String, String>,
    /// Secrets of which a beginning is replaced too.
    begun: Vec<(String, String)>,
    /// Finds all of these, the longer ones first.
    pattern: Option<Regex>,
}

static TAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"</?[A-Za-z_][^<>]*>").expect("it is a pattern"));
static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""[^"]*"|'[^']*'"#).expect("it is a pattern"));

/// Shorter texts would be found in others by chance.
pub(super) const SHORTEST: usize = 4;
/// So much of a secret that is twice as long tells of it.
const BEGINNING: usize = 8;

impl Places {
    /// Whether this text has a replacement.
    pub(super) fn has(&self, value: &str) -> bool {
        self.inside.contains_key(value) || self.whole.contains_key(value)
    }

    /// Replaces a text, as it is and as it stands in an address.
    pub(super) fn plain(&mut self, value: &str, with: &str) {
        self.add(value, with);
        self.add(&unreserved(value.as_bytes()), &unreserved(with.as_bytes()));
    }

    /// Replaces a secret, and its usual encodings; of a long one its beginning as well.
    pub(super) fn secret(&mut self, value: &str, with: &str) {
        self.add(value, with);
        in_xml(value).iter().for_each(|it| self.add(it, with));
        if value.len() >= SHORTEST {
            encoded(value).iter().for_each(|it| self.add(it, with));
        }
        if value.len() >= 2 * BEGINNING {
            self.begun.push((value.to_owned(), with.to_owned()));
        }
    }

    fn add(&mut self, value: &str, with: &str) {
        let among = if value.len() < SHORTEST { &mut self.whole } else { &mut self.inside };
        among.entry(value.to_owned()).or_insert_with(|| with.to_owned());
    }

    /// Begins to find what was added.
    pub(super) fn compile(&mut self) {
        let mut all: Vec<&str> = self.inside.keys().map(String::as_str).collect();
        all.sort_by_key(|it| std::cmp::Reverse(it.len()));
        all.extend(self.begun.iter().filter_map(|(whole, _)| whole.get(..BEGINNING)));
        let any: Vec<String> = all.into_iter().map(regex::escape).collect();
        self.pattern = Regex::new(&any.join("|")).ok().filter(|_| !any.is_empty());
    }

    /// A text without them.
    pub(super) fn text(&self, text: &str) -> String {
        self.whole.get(text).cloned().unwrap_or_else(|| self.parts(text))
    }

    fn parts(&self, text: &str) -> String {
        let Some(pattern) = &self.pattern else { return text.to_owned() };
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        while let Some(found) = pattern.find_at(text, at) {
            out.push_str(&text[at..found.start()]);
            let (with, length) = match self.inside.get(found.as_str()) {
                Some(with) => (with.as_str(), found.len()),
                None => self.beginning(&text[found.start()..]),
            };
            out.push_str(with);
            at = found.start() + length;
        }
        out.push_str(&text[at..]);
        out
    }

    /// What stands for the secret with which a text begins farthest, and how far that is.
    fn beginning(&self, text: &str) -> (&str, usize) {
        let same = |whole: &str| -> usize {
            let same = whole.chars().zip(text.chars()).take_while(|(one, other)| one == other);
            same.map(|(it, _)| it.len_utf8()).sum()
        };
        let all = self.begun.iter().map(|(whole, with)| (with.as_str(), same(whole)));
        all.max_by_key(|(_, length)| *length).unwrap_or(("", text.len()))
    }

    /// A value without them.
    pub(super) fn json(&self, value: &Json) -> Json {
        match value {
            Json::String(text) => Json::String(self.text(text)),
            Json::Number(number) => {
                let with = self.inside.get(&number.to_string()).and_then(|it| it.parse::<Number>().ok());
                Json::Number(with.unwrap_or_else(|| number.clone()))
            }
            Json::Array(list) => list.iter().map(|it| self.json(it)).collect(),
            Json::Object(map) => map.iter().map(|(key, value)| (self.key(key), self.json(value))).collect(),
            other => other.clone(),
        }
    }

    /// The values of a mapping without them.
    pub(super) fn values(&self, map: &JsonMap<String, Json>) -> JsonMap<String, Json> {
        map.iter().map(|(name, value)| (name.clone(), self.json(value))).collect()
    }

    /// What connectors look for stays: a user called `admin` is no reason to change the key `admin`.
    fn key(&self, key: &str) -> String {
        if key.contains('@') || key.len() >= 2 * BEGINNING { self.parts(key) } else { key.to_owned() }
    }

    /// An answer without them. Bytes that are no text stay as they are.
    pub(super) fn answer(&self, answer: Answer) -> Answer {
        let body = match (leaves::json(&answer), std::str::from_utf8(&answer.body)) {
            (Some(json), _) => Bytes::from(self.json(&json).to_string()),
            (None, Ok(text)) => self.markup(text).into(),
            (None, Err(_)) => answer.body,
        };
        let headers = answer.headers.iter().map(|(name, value)| (name.clone(), self.text(value))).collect();
        Answer { headers, body, ..answer }
    }

    /// A text with elements: what they are called stays, as keys do.
    fn markup(&self, text: &str) -> String {
        if !text.trim_start().starts_with('<') {
            return self.text(text);
        }
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        for tag in TAG.find_iter(text) {
            out.push_str(&self.text(&text[at..tag.start()]));
            out.push_str(&ATTRIBUTE.replace_all(tag.as_str(), |it: &Captures<'_>| self.parts(&it[0])));
            at = tag.end();
        }
        out + &self.text(&text[at..])
    }
}

/// As a text stands in XML: in elements, and in attributes.
fn in_xml(text: &str) -> [String; 2] {
    let element = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let attribute = element.replace('"', "&quot;").replace('\'', "&apos;");
    [element, attribute]
}

/// As a secret may stand in texts beside itself.
fn encoded(secret: &str) -> [String; 8] {
    let hex = signing::hex(secret.as_bytes());
    [
        unreserved(secret.as_bytes()),
        form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        hex.to_uppercase(),
        hex,
    ]
}
