//! What came back, as JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize, de::DeserializeSeed as _};
use serde_json::Value as Json;

use super::{FormatError, Parts, csv, multistatus, xml};
use crate::wire::Answer;

/// An error page is kept to its beginning.
const MAX_FALLBACK: usize = 10_000;

/// How an answer's body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnswerKind {
    /// By content type, and by its first character.
    Auto,
    /// JSON.
    Json,
    /// XML to JSON.
    Xml,
    /// RFC 4918 multistatus.
    Multistatus,
    /// A string.
    Text,
    /// Base64 of whatever came.
    Bytes,
    /// A list of mappings by the names in the first row.
    Csv,
    /// Nothing is read.
    Empty,
}

/// Reads an answer's body. An empty one is null, whatever the kind.
///
/// The kind is that of a success. An answer of 400 and above is read as [`AnswerKind::Auto`], and what can't be read is
/// text, so that errors can be told apart even when they come as a proxy's web page.
///
/// # Errors
/// When a success is not what its kind says, or not what its content type says if the kind is `Auto`.
pub fn read(answer: &Answer, kind: AnswerKind, rules: &xml::Rules) -> Result<Json, FormatError> {
    read_parts(answer, kind, rules, &Parts::All)
}

/// The same; of a success that is JSON only these `parts`, since nobody looks at the others.
///
/// # Errors
/// As [`read`].
pub fn read_parts(answer: &Answer, kind: AnswerKind, rules: &xml::Rules, parts: &Parts) -> Result<Json, FormatError> {
    let is_bytes = kind == AnswerKind::Bytes && answer.status < 400;
    if answer.body.is_empty() || (!is_bytes && answer.body.iter().all(u8::is_ascii_whitespace)) {
        return Ok(Json::Null);
    }
    if answer.status >= 400 {
        return Ok(auto(answer, rules, &Parts::All).unwrap_or_else(|_| beginning(&answer.body)));
    }
    match kind {
        AnswerKind::Auto => auto(answer, rules, parts),
        AnswerKind::Json => json(&answer.body, parts),
        AnswerKind::Xml => xml::to_json(&answer.body, rules),
        AnswerKind::Multistatus => multistatus::read(&answer.body, rules, &answer.url),
        AnswerKind::Text => Ok(text(&answer.body)),
        AnswerKind::Bytes => Ok(Json::String(STANDARD.encode(&answer.body))),
        AnswerKind::Csv => csv::records(&answer.body),
        AnswerKind::Empty => Ok(Json::Null),
    }
}

/// By content type if it says JSON or XML; else by the first character, since both are also sent as `text/plain` or
/// `text/html`; else text. A web page in place of a success is some proxy's or sign-in's word, not the provider's.
fn auto(answer: &Answer, rules: &xml::Rules, parts: &Parts) -> Result<Json, FormatError> {
    let body = without_mark(&answer.body);
    let content_type = answer.header("content-type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media_type.ends_with("/json") || media_type.ends_with("+json") {
        return json(body, parts);
    }
    let html = matches!(media_type.as_str(), "text/html" | "application/xhtml+xml");
    if !html && (media_type.ends_with("/xml") || media_type.ends_with("+xml")) {
        return xml::to_json(body, rules);
    }
    let guess = match body.iter().find(|it| !it.is_ascii_whitespace()) {
        Some(b'{' | b'[') => json(body, parts).ok(),
        Some(b'<') if !html => xml::to_json(body, rules).ok(),
        _ => None,
    };
    match guess {
        Some(guess) => Ok(guess),
        None if html && (200..300).contains(&answer.status) => {
            Err(FormatError::new("HTML", "a web page stands where data was expected"))
        }
        None => Ok(if html { beginning(body) } else { text(body) }),
    }
}

/// At most 128 levels deep.
fn json(body: &[u8], parts: &Parts) -> Result<Json, FormatError> {
    let body = without_mark(body);
    // checked once as a whole, its texts need not be checked one by one
    let read = match std::str::from_utf8(body) {
        Ok(text) => whole(serde_json::Deserializer::from_str(text), parts),
        // what nobody looks at may be anything
        Err(_) => whole(serde_json::Deserializer::from_slice(body), parts),
    };
    // serde_json's messages have a place but no text of the document
    read.map_err(|error| FormatError::new("JSON", error.to_string()))
}

fn whole<'de, R: serde_json::de::Read<'de>>(
    mut reader: serde_json::Deserializer<R>,
    parts: &Parts,
) -> serde_json::Result<Json> {
    let value = parts.deserialize(&mut reader)?;
    reader.end().map(|()| value)
}

/// What is not UTF-8 is replaced: text is for people.
fn text(body: &[u8]) -> Json {
    Json::String(String::from_utf8_lossy(without_mark(body)).into_owned())
}

fn beginning(body: &[u8]) -> Json {
    if body.len() <= MAX_FALLBACK {
        return text(body);
    }
    // a character cut in two would come out as a replacement character
    let end = (MAX_FALLBACK - 3..=MAX_FALLBACK).rev().find(|&end| body[end] & 0xC0 != 0x80).unwrap_or(MAX_FALLBACK);
    text(&body[..end])
}

fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;
    use url::Url;

    use super::*;

    fn answer(status: u16, content_type: &str, body: impl Into<Bytes>) -> Answer {
        Answer {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
            url: Url::parse("https://api.example.com/a/").expect("a URL"),
        }
    }

    fn read_as(kind: AnswerKind, answer: &Answer) -> Result<Json, FormatError> {
        let rules = xml::Rules { namespaces: vec![("DAV:".to_owned(), "d".to_owned())], arrays: Vec::new() };
        read(answer, kind, &rules)
    }

    #[track_caller]
    fn check(status: u16, content_type: &str, body: &'static str, expected: &Json) {
        let read = read_as(AnswerKind::Auto, &answer(status, content_type, body)).expect(body);
        assert_eq!(&read, expected, "{content_type}: {body}");
    }

    #[test]
    fn auto_goes_by_content_type_then_by_first_character() {
        check(200, "application/json; charset=utf-8", "{\"a\":1}", &json!({"a": 1}));
        check(200, "application/vnd.api+json", " 1", &json!(1));
        check(200, "TEXT/JSON", "\u{FEFF}[]", &json!([]));
        check(200, "application/xml", "<a/>", &json!({"a": ""}));
        check(200, "application/atom+xml", "<a/>", &json!({"a": ""}));
        check(200, "text/plain", "<?xml version='1.0'?><a/>", &json!({"a": ""}));
        check(200, "text/html", " {\"a\":1}", &json!({"a": 1}));
        check(200, "", "[1]", &json!([1]));
        check(302, "text/html", "<p>1</p>", &json!("<p>1</p>"));
        check(200, "text/plain", "<3", &json!("<3"));
        check(200, "text/plain", "{not json", &json!("{not json"));
        check(200, "text/plain", "12", &json!("12"));
        check(200, "text/calendar", "BEGIN:VCALENDAR\r\n", &json!("BEGIN:VCALENDAR\r\n"));
    }

    #[test]
    fn an_empty_body_is_null_for_every_kind() {
        use AnswerKind::{Auto, Empty, Json, Multistatus, Text, Xml};
        for kind in [Auto, Json, Xml, Multistatus, Text, Empty] {
            assert_eq!(read_as(kind, &answer(204, "application/json", "")), Ok(json!(null)));
            assert_eq!(read_as(kind, &answer(503, "application/json", " \r\n")), Ok(json!(null)));
        }
    }

    #[test]
    fn a_success_is_what_its_kind_says() {
        let multistatus = "<multistatus xmlns='DAV:'><response><href>b</href></response></multistatus>";
        let multistatus = answer(207, "text/plain", multistatus);
        let expected = json!([{"href": "b", "url": "https://api.example.com/a/b", "props": {}}]);
        assert_eq!(read_as(AnswerKind::Multistatus, &multistatus), Ok(expected));
        assert_eq!(read_as(AnswerKind::Empty, &multistatus), Ok(json!(null)));
        let number = answer(200, "application/json", "12");
        assert_eq!(read_as(AnswerKind::Json, &number), Ok(json!(12)));
        assert_eq!(read_as(AnswerKind::Text, &number), Ok(json!("12")));
        assert_eq!(read_as(AnswerKind::Text, &answer(200, "", &b"a\xFFb"[..])), Ok(json!("a\u{FFFD}b")));
        assert_eq!(read_as(AnswerKind::Bytes, &answer(200, "text/plain", &b"\n\xFF"[..])), Ok(json!("Cv8=")));
        assert_eq!(read_as(AnswerKind::Bytes, &answer(404, "", "gone")), Ok(json!("gone")), "an error is read as ever");
        let csv = answer(200, "text/csv", "id;name\n1;Ana\n");
        assert_eq!(read_as(AnswerKind::Csv, &csv), Ok(json!([{"id": "1", "name": "Ana"}])));

        assert_eq!(read_as(AnswerKind::Xml, &number).expect_err("a fault").format, "XML");
        assert_eq!(read_as(AnswerKind::Multistatus, &number).expect_err("a fault").format, "XML");
        assert!(read_as(AnswerKind::Json, &answer(200, "application/json", "{")).is_err());
        assert!(read_as(AnswerKind::Auto, &answer(200, "application/json", "<html>")).is_err());
        assert!(read_as(AnswerKind::Auto, &answer(200, "text/html", "<html>")).is_err());
        assert_eq!(read_as(AnswerKind::Text, &answer(200, "text/html", "<html>")), Ok(json!("<html>")));
        assert!(read_as(AnswerKind::Json, &answer(200, "application/json", &b"\"\xFF\""[..])).is_err());
        assert!(read_as(AnswerKind::Json, &answer(200, "application/json", "[".repeat(200))).is_err());
    }

    #[test]
    fn an_error_is_read_as_far_as_it_can_be() {
        use AnswerKind::{Empty, Multistatus, Text, Xml};
        for kind in [Multistatus, Text, Empty, Xml] {
            let refused = answer(403, "application/json", "{\"error\":1}");
            assert_eq!(read_as(kind, &refused), Ok(json!({"error": 1})));
        }
        check(409, "text/xml", "<error xmlns='DAV:'><conflict/></error>", &json!({"d:error": {"d:conflict": ""}}));
        check(502, "application/json", "<html>Bad gateway", &json!("<html>Bad gateway"));
        check(502, "application/xml", "<error xmlns='urn:x'/>", &json!("<error xmlns='urn:x'/>"));
    }

    #[test]
    fn only_the_beginning_of_an_error_page_is_kept() {
        let page = answer(500, "text/html", format!("<p>{}", "ä".repeat(10_000)));
        let Ok(Json::String(kept)) = read_as(AnswerKind::Auto, &page) else { panic!("not text") };
        assert_eq!(kept.len(), 9_999);
        assert!(kept.ends_with('ä'));
    }

    #[test]
    fn of_a_success_only_the_parts_are_kept_that_somebody_looks_at() {
        let parts = Parts::of(&["$.b", "$.a", "$.none"]);
        let check = |status: u16, body: &'static str, expected: Result<Json, ()>| {
            let answer = answer(status, "application/json", body);
            let read = read_parts(&answer, AnswerKind::Auto, &xml::Rules::default(), &parts);
            assert_eq!(read.map_err(drop), expected, "{body}");
        };
        let whole = r#" {"a": {"c": [1]}, "c": {"a": "\u00e9"}, "\u0062": 2, "d": null} "#;
        check(200, whole, Ok(json!({"a": {"c": [1]}, "b": 2})));
        check(200, "{}", Ok(json!({})));
        check(200, r#"[{"c": 1}]"#, Ok(json!([{"c": 1}])));
        check(400, r#"{"c": 1}"#, Ok(json!({"c": 1})));
        for broken in [r#"{"c": 1"#, r#"{"c": 1} x"#, r#"{"c": [}"#, r#"{"c"}"#, r#"{c: 1}"#] {
            check(200, broken, Err(()));
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(status in 200u16..600, content_type in "(text/html|text/xml|.*)", body: Vec<u8>) {
            for kind in [AnswerKind::Auto, AnswerKind::Json, AnswerKind::Multistatus, AnswerKind::Text] {
                let _ = read_as(kind, &answer(status, &content_type, body.clone()));
            }
        }
    }
}
