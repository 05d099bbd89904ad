//! `application/x-www-form-urlencoded` (WHATWG URL §5).
//!
//! HTML has no nesting; this is the usual way to write it:
//!
//! | JSON | form |
//! | --- | --- |
//! | `{"a": {"b": 1}}` | `a[b]=1` |
//! | `{"a": [1, 2]}` | `a=1&a=2` |
//! | `{"a[]": [1, 2]}` | `a[]=1&a[]=2`, for providers that want it so |
//! | `{"a": {"b[]": [1]}}` | `a[b][]=1` |
//! | `{"a": [{"b": 1}, {"b": 2}]}` | `a[0][b]=1&a[1][b]=2` |
//! | `true`, `null` | `true`, nothing |

use serde_json::Value as Json;
use url::form_urlencoded::Serializer;

use super::FormatError;

/// Mappings and lists inside one another.
const MAX_DEPTH: usize = 16;

/// Encodes a mapping.
///
/// # Errors
/// When `value` is not a mapping, or nested more than 16 deep.
pub fn encode(value: &Json) -> Result<String, FormatError> {
    let Json::Object(map) = value else { return Err(FormatError::new("form", "only a mapping can be a form")) };
    let mut pairs = Vec::new();
    for (name, value) in map {
        flatten(name, value, &mut pairs)?;
    }
    Ok(Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// Adds the pairs that a named value becomes.
pub(super) fn flatten(name: &str, value: &Json, pairs: &mut Vec<(String, String)>) -> Result<(), FormatError> {
    flatten_at(name, value, pairs, 0)
}

fn flatten_at(name: &str, value: &Json, pairs: &mut Vec<(String, String)>, depth: usize) -> Result<(), FormatError> {
    if depth > MAX_DEPTH {
        return Err(FormatError::new("form", format!("the value is nested more than {MAX_DEPTH} deep")));
    }
    match value {
        Json::Null => {}
        Json::String(text) => pairs.push((name.to_owned(), text.clone())),
        Json::Bool(_) | Json::Number(_) => pairs.push((name.to_owned(), value.to_string())),
        Json::Array(list) => {
            // entries that are mappings need their number, or their keys would run into one another
            let numbered = list.iter().any(|it| it.is_object() || it.is_array());
            for (index, entry) in list.iter().enumerate() {
                let name = if numbered { nested(name, &index.to_string()) } else { name.to_owned() };
                flatten_at(&name, entry, pairs, depth + 1)?;
            }
        }
        Json::Object(map) => {
            for (key, entry) in map {
                flatten_at(&nested(name, key), entry, pairs, depth + 1)?;
            }
        }
    }
    Ok(())
}

/// `a` and `b` → `a[b]`; `a` and `b[]` → `a[b][]`; `a[]` and `0` → `a[0]`.
fn nested(name: &str, key: &str) -> String {
    let name = name.strip_suffix("[]").unwrap_or(name);
    match key.strip_suffix("[]") {
        Some(key) => format!("{name}[{key}][]"),
        None => format!("{name}[{key}]"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use url::form_urlencoded;

    use super::*;

    #[track_caller]
    fn check(value: &Json, expected: &str) {
        let encoded = encode(value).expect("a form");
        let pairs = form_urlencoded::parse(encoded.as_bytes()).map(|(name, value)| format!("{name}={value}"));
        assert_eq!(pairs.collect::<Vec<_>>().join("&"), expected);
    }

    #[test]
    fn values_become_text() {
        assert_eq!(encode(&json!({"a b": "ü &=+"})).expect("a form"), "a+b=%C3%BC+%26%3D%2B");
        check(&json!({"a": "x", "b": true, "c": 10, "d": 1.5, "e": null, "f": ""}), "a=x&b=true&c=10&d=1.5&f=");
        check(&json!({}), "");
    }

    #[test]
    fn nesting_is_written_in_brackets() {
        check(&json!({"a": {"b": {"c": 1}, "d": null}}), "a[b][c]=1");
        check(&json!({"a": [1, null, 2]}), "a=1&a=2");
        check(&json!({"a[]": [1, 2]}), "a[]=1&a[]=2");
        check(&json!({"a": {"b[]": [1, 2]}}), "a[b][]=1&a[b][]=2");
        check(&json!({"a": [{"b": 1, "c": 2}, {"b": 3}]}), "a[0][b]=1&a[0][c]=2&a[1][b]=3");
        check(&json!({"a[]": [{"b": 1}]}), "a[0][b]=1");
        check(&json!({"a": [[1, 2], 3]}), "a[0]=1&a[0]=2&a[1]=3");
        check(&json!({"a": [], "b": {}}), "");
    }

    #[test]
    fn what_is_no_mapping_or_too_deep_is_refused() {
        assert!(encode(&json!([1])).is_err());
        assert!(encode(&json!("a=1")).is_err());
        let deep = (0..40).fold(json!(1), |inner, _| json!({"a": inner}));
        assert!(encode(&deep).expect_err("a fault").why.contains("16 deep"));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(pairs in prop::collection::btree_map("[^\\[\\]]+", any::<String>(), 0..8)) {
            let encoded = encode(&json!(pairs)).expect("a form");
            let read = form_urlencoded::parse(encoded.as_bytes()).into_owned().collect();
            prop_assert_eq!(pairs, read);
        }
    }
}
