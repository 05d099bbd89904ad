//! Where two JSON documents differ, said so that a person finds the place.

use std::fmt;

use serde_json::Value as Json;

use crate::base::{pointer, shortened};

/// Longer values are cut in the text.
const SHOWN_CHARS: usize = 200;

/// One place at which what came isn't what was expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What was compared and, in a document, the JSON pointer (RFC 6901): `method`, `body /start/dateTime`.
    pub place: String,
    /// `None`: there should have been nothing.
    pub expected: Option<Json>,
    /// `None`: there was nothing.
    pub got: Option<Json>,
}

impl Difference {
    pub(crate) fn new(place: impl Into<String>, expected: Option<Json>, got: Option<Json>) -> Self {
        Self { place: place.into(), expected, got }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, expected, got } = self;
        match (expected, got) {
            (Some(expected), Some(got)) => write!(f, "{place}: expected {}, got {}", shown(expected), shown(got)),
            (Some(expected), None) => write!(f, "{place}: expected {}, got nothing", shown(expected)),
            (None, Some(got)) => write!(f, "{place}: expected nothing, got {}", shown(got)),
            (None, None) => write!(f, "{place}: differs"),
        }
    }
}

fn shown(value: &Json) -> String {
    shortened(&value.to_string(), SHOWN_CHARS)
}

/// Every leaf at which `got` isn't `expected`. Mappings may be in any order; `1` is not `1.0`.
pub fn differences(what: &str, expected: &Json, got: &Json) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(what, "", Some(expected), Some(got), &mut found);
    found
}

fn compare(what: &str, pointer: &str, expected: Option<&Json>, got: Option<&Json>, found: &mut Vec<Difference>) {
    match (expected, got) {
        (Some(Json::Object(left)), Some(Json::Object(right))) => {
            let added = right.keys().filter(|&key| !left.contains_key(key));
            for key in left.keys().chain(added) {
                compare(what, &format!("{pointer}/{}", pointer::token(key)), left.get(key), right.get(key), found);
            }
        }
        (Some(Json::Array(left)), Some(Json::Array(right))) => {
            for index in 0..left.len().max(right.len()) {
                compare(what, &format!("{pointer}/{index}"), left.get(index), right.get(index), found);
            }
        }
        (left, right) if left == right => {}
        (left, right) => {
            let place = if pointer.is_empty() { what.to_owned() } else { format!("{what} {pointer}") };
            found.push(Difference::new(place, left.cloned(), right.cloned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(expected: &Json, got: &Json, lines: &[&str]) {
        let found: Vec<String> = differences("body", expected, got).iter().map(Difference::to_string).collect();
        assert_eq!(found, lines);
    }

    #[test]
    fn equal_documents_do_not_differ() {
        check(&json!({"a": [1, null], "b": "x"}), &json!({"b": "x", "a": [1, null]}), &[]);
    }

    #[test]
    fn each_leaf_is_named_by_its_pointer() {
        check(
            &json!({"start": {"at": "09:00"}, "gone": 1, "list": [1, 2]}),
            &json!({"start": {"at": "10:00"}, "list": [1], "new/~key": true}),
            &[
                r#"body /start/at: expected "09:00", got "10:00""#,
                "body /gone: expected 1, got nothing",
                "body /list/1: expected 2, got nothing",
                "body /new~1~0key: expected nothing, got true",
            ],
        );
    }

    #[test]
    fn types_and_number_forms_count() {
        check(&json!(1), &json!("1"), &[r#"body: expected 1, got "1""#]);
        check(&json!({"n": 1}), &json!({"n": 1.0}), &["body /n: expected 1, got 1.0"]);
        check(&json!({"n": null}), &json!({}), &["body /n: expected null, got nothing"]);
    }

    #[test]
    fn long_values_are_cut() {
        let line = differences("body", &json!("é".repeat(500)), &json!(""))[0].to_string();
        assert!(line.chars().count() < 250 && line.contains('…'), "{line}");
    }
}
