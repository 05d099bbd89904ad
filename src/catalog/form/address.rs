//! The URL of a form, as one would paste it, taken apart: the origin, the path, and the query.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value as Json};

use crate::{base::pointer::token, spec::FieldError};

const URL: &str = "an https URL whose host is written out, such as https://api.example.com/v1/items/{{ input.item }}";

/// A URL, taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct Address {
    /// `https://api.example.com`
    pub(super) origin: String,
    /// With its placeholders; at least `/`.
    pub(super) path: String,
    /// What stood in the URL, decoded but for the placeholders, and what was given beside it.
    pub(super) query: Map<String, Json>,
}

impl Address {
    /// Takes `url` apart, and adds the parameters in `more`, which must have other names.
    pub(super) fn read(url: &str, more: &Map<String, Json>) -> Result<Self, FieldError> {
        let refused = || FieldError::of("/request/url", URL, &format!("{url:?}"));
        let rest = url.strip_prefix("https://").ok_or_else(refused)?;
        let end = rest.find(['/', '?', '#', '{']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if authority.is_empty() || rest.starts_with('{') {
            return Err(refused());
        }
        let (path, pairs) = match outside(rest, '?') {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, ""),
        };
        let mut query = Map::new();
        for pair in split(pairs, '&').into_iter().filter(|it| !it.is_empty()) {
            let (name, value) = match outside(pair, '=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, ""),
            };
            add(&mut query, decoded(name), decoded(value).into());
        }
        for (name, value) in more {
            if query.insert(name.clone(), value.clone()).is_some() {
                let path = format!("/request/query/{}", token(name));
                return Err(FieldError::of(
                    &path,
                    "a parameter that the URL does not give already",
                    &format!("`{name}`"),
                ));
            }
        }
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self { origin: format!("https://{authority}"), path: path.to_owned(), query })
    }

    /// The path as a sandbox answer names it: a segment with a placeholder may be anything.
    pub(super) fn pattern(&self) -> String {
        let segments = split(&self.path, '/').into_iter().enumerate();
        let pattern = segments.map(|(at, it)| if it.contains("{{") { format!("{{part_{at}}}") } else { it.to_owned() });
        pattern.collect::<Vec<_>>().join("/")
    }
}

/// A name that comes again makes a list.
fn add(query: &mut Map<String, Json>, name: String, value: Json) {
    match query.get_mut(&name) {
        None => {
            query.insert(name, value);
        }
        Some(Json::Array(all)) => all.push(value),
        Some(first) => *first = Json::Array(vec![first.take(), value]),
    }
}

/// Where `wanted` stands outside of placeholders.
fn outside(text: &str, wanted: char) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let hole = rest.find("{{").unwrap_or(rest.len());
        if let Some(found) = rest[..hole].find(wanted) {
            return Some(at + found);
        }
        at += hole + rest[hole..].find("}}")? + 2;
    }
}

fn split(text: &str, by: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = outside(rest, by) {
        parts.push(&rest[..at]);
        rest = &rest[at + by.len_utf8()..];
    }
    parts.push(rest);
    parts
}

/// What percent-encoding and `+` mean, outside of placeholders.
fn decoded(text: &str) -> String {
    let mut all = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let hole = rest.find("{{").unwrap_or(rest.len());
        let literal = rest[..hole].replace('+', " ");
        all.push_str(&percent_decode_str(&literal).decode_utf8_lossy());
        let end = rest[hole..].find("}}").map_or(rest.len(), |it| hole + it + 2);
        all.push_str(&rest[hole..end]);
        rest = &rest[end..];
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(url: &str, more: &Json) -> Result<Address, String> {
        Address::read(url, more.as_object().unwrap()).map_err(|it| it.path)
    }

    #[test]
    fn an_address_is_taken_apart_as_it_was_pasted() {
        let url = "https://api.example.com:8443/v1/{{ input.a ~ '?&=/' }}/b?q=a%20b+c&tag=1&tag={{ input.b }}&empty";
        let address = read(url, &json!({"more": "{{ input.c }}"})).unwrap();
        assert_eq!(address.origin, "https://api.example.com:8443");
        assert_eq!(address.path, "/v1/{{ input.a ~ '?&=/' }}/b");
        assert_eq!(address.pattern(), "/v1/{part_2}/b");
        assert_eq!(
            json!(address.query),
            json!({"q": "a b c", "tag": ["1", "{{ input.b }}"], "empty": "", "more": "{{ input.c }}"})
        );
        assert_eq!(read("https://api.example.com", &json!({})).unwrap().path, "/");
        assert_eq!(read("https://api.example.com?a=1", &json!({})).unwrap().path, "/");
    }

    #[test]
    fn what_is_no_address_is_refused_at_its_place() {
        for url in [
            "http://api.example.com/",
            "api.example.com",
            "https://{{ input.host }}/",
            "https://api.{{ input.x }}.com/",
            "https:///x",
            "",
        ] {
            assert_eq!(read(url, &json!({})), Err("/request/url".to_owned()), "{url}");
        }
        assert_eq!(read("https://api.example.com?a=1", &json!({"a": 2})), Err("/request/query/a".to_owned()));
        // a placeholder that is never closed is for the checker to tell
        assert!(read("https://api.example.com/{{ a?b=c", &json!({})).is_ok());
    }
}
