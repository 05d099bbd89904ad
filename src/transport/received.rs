//! A request as whoever receives it sees it: what the test script compares and the sandbox answers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use url::form_urlencoded;

use crate::format::multipart;

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
    if let Some(parts) = parts(content_type, body) {
        return parts;
    }
    let json = media_type.ends_with("json").then(|| serde_json::from_slice(body).ok()).flatten();
    json.unwrap_or_else(|| String::from_utf8_lossy(body).into())
}

/// The parts of a multipart body: `[{name, filename, content_type, body}]`, each body by its own type, or in base64 where
/// it is no text. `None` if it is not one.
pub(crate) fn parts(content_type: &str, body: &[u8]) -> Option<Json> {
    let (media_type, parameters) = content_type.split_once(';')?;
    if !media_type.trim().to_ascii_lowercase().starts_with("multipart/") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|it| it.trim().strip_prefix("boundary="))?;
    let parts = multipart::read(body, boundary.trim_matches('"'))?;
    Some(parts.iter().map(part).collect())
}

fn part(part: &multipart::Part) -> Json {
    let mut seen = Map::new();
    let mut content_type = "";
    for (name, value) in &part.headers {
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" => {
                for key in ["name", "filename"] {
                    let quoted = value.split_once(&format!("; {key}=\"")).and_then(|(_, rest)| rest.split_once('"'));
                    seen.extend(quoted.map(|(value, _)| (key.to_owned(), Json::from(value.replace("%22", "\"")))));
                }
            }
            "content-type" => {
                content_type = value;
                seen.insert("content_type".to_owned(), Json::from(value.as_str()));
            }
            name => drop(seen.insert(name.to_owned(), Json::from(value.as_str()))),
        }
    }
    match std::str::from_utf8(&part.content) {
        Ok(_) => seen.insert("body".to_owned(), body(content_type, &part.content)),
        Err(_) => seen.insert("base64".to_owned(), Json::from(STANDARD.encode(&part.content))),
    };
    Json::Object(seen)
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
