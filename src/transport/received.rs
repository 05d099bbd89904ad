//! A request as whoever receives it sees it: what the test script compares and the sandbox answers.

use indexmap::IndexMap;
use serde_json::Value as Json;
use url::form_urlencoded;

/// Pairs as one mapping, because the order of different names carries no meaning. A repeated name becomes a list.
pub(crate) fn grouped(pairs: impl Iterator<Item = (String, String)>) -> Json {
    let mut groups = IndexMap::<String, Vec<Json>>::new();
    for (name, value) in pairs {
        groups.entry(name).or_default().push(value.into());
    }
    let single = |mut values: Vec<Json>| match values.len() {
        1 => values.swap_remove(0),
        _ => Json::Array(values),
    };
    groups.into_iter().map(|(name, values)| (name, single(values))).collect()
}

/// A form's fields, by the names as they are sent (`customer[email]`).
pub(crate) fn form(body: &[u8]) -> Json {
    grouped(form_urlencoded::parse(body).into_owned())
}

/// A body by its content type: JSON, a form, or else text. An empty one is null.
pub(crate) fn body(content_type: &str, body: &[u8]) -> Json {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if body.is_empty() {
        return Json::Null;
    }
    if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return form(body);
    }
    let json = media_type.ends_with("json").then(|| serde_json::from_slice(body).ok()).flatten();
    json.unwrap_or_else(|| String::from_utf8_lossy(body).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bodies_are_read_by_their_type() {
        let check =
            |content_type, text: &str, expected: Json| assert_eq!(body(content_type, text.as_bytes()), expected);
        check("application/json", r#"{"a":1}"#, json!({"a": 1}));
        check("application/vnd.api+json; v=1", "[1]", json!([1]));
        check("application/json", "{", json!("{"));
        check("application/x-www-form-urlencoded", "a%5Bb%5D=1+2&c=3&c=4", json!({"a[b]": "1 2", "c": ["3", "4"]}));
        check("text/calendar; charset=utf-8", "BEGIN:VCALENDAR", json!("BEGIN:VCALENDAR"));
        check("application/json", "", json!(null));
    }
}
