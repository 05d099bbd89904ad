//! What an answer says: its texts and numbers, each with the name that it stands under.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value as Json;

use crate::wire::Answer;

/// A text or a number, and its name.
pub(super) type Leaf = (Option<String>, Json);

/// `<a:Name>value</`
static ELEMENT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<(?:[\w.-]+:)?([\w.-]+)(?:\s[^<>]*)?>([^<>]+)</").expect("it is a pattern"));

/// `?name=value`, and `name=value` where a text begins with it.
pub(super) static PARAMETER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?:^|[?&;])([\w.-]+)=([^&;#\s"'<>]+)"#).expect("it is a pattern"));

/// A body that is a JSON object or list.
pub(super) fn json(answer: &Answer) -> Option<Json> {
    serde_json::from_slice::<Json>(&answer.body).ok().filter(|it| it.is_object() || it.is_array())
}

/// All of an answer. Of one that is no JSON, its elements or parameters, and the whole text without a name.
pub(super) fn of_answer(answer: &Answer) -> Vec<Leaf> {
    let mut all = Vec::new();
    match (json(answer), std::str::from_utf8(&answer.body)) {
        (Some(json), _) => of_json(None, &json, &mut all),
        (None, Ok(text)) => {
            let named = ELEMENT.captures_iter(text).chain(PARAMETER.captures_iter(text));
            all.extend(named.map(|it| (Some(it[1].to_owned()), Json::from(&it[2]))));
            all.push((None, Json::from(text)));
        }
        (None, Err(_)) => {}
    }
    let headers = answer.headers.iter().filter(|(name, _)| matches!(name.as_str(), "location" | "link"));
    all.extend(headers.map(|(_, value)| (None, Json::from(value.as_str()))));
    all
}

/// All of a value, under `name` until a key of it says another.
pub(super) fn of_json(name: Option<&str>, value: &Json, all: &mut Vec<Leaf>) {
    match value {
        Json::Array(list) => list.iter().for_each(|it| of_json(name, it, all)),
        Json::Object(map) => map.iter().for_each(|(key, it)| of_json(Some(key), it, all)),
        Json::String(_) | Json::Number(_) => all.push((name.map(str::to_owned), value.clone())),
        Json::Null | Json::Bool(_) => {}
    }
}

/// `Bearer`, `success`, `read write`, an instant, an address: what a sign-in says beside its secrets.
pub(super) fn is_words(text: &str) -> bool {
    let mut words = text.split(|it: char| !it.is_alphanumeric());
    text.len() < 8
        || text.starts_with("https://")
        || text.parse::<jiff::Timestamp>().is_ok()
        || text.parse::<jiff::civil::Date>().is_ok()
        || words.all(|it| it.len() < 16 && it.chars().all(char::is_alphabetic))
}

/// Whether only telephone numbers are called so.
pub(super) fn is_phone(name: &str) -> bool {
    let name = name.to_lowercase();
    let has = ["phone", "mobile", "msisdn", "whatsapp"].iter().any(|it| name.contains(it));
    has || matches!(&*name, "tel" | "fax" | "cell")
}
