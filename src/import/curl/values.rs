//! Values of a command as inputs: what kind each is, what it is called, and a sample in its place. No value is written anywhere.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::secrets;
use crate::{
    base::is_uuid,
    import::{
        call,
        emit::{Map, Yaml},
        name,
    },
};

/// The inputs that were found.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    pub(super) fields: Vec<(String, Json)>,
    pub(super) values: JsonMap<String, Json>,
}

impl Inputs {
    /// An input: what is written for it, and what a case sends.
    pub(super) fn add(&mut self, called: &str, value: &Json, required: bool) -> (String, Json) {
        let wanted = name::snake(called, "value");
        let name = name::free(&wanted, |name| self.fields.iter().any(|(it, _)| it == name));
        let sample = sample(called, value);
        let mut schema = schema(&sample);
        if !required {
            schema["required"] = Json::Bool(false);
        }
        self.fields.push((name.clone(), schema));
        self.values.insert(name.clone(), sample.clone());
        (call::input(&name), sample)
    }

    /// An input that is a file.
    pub(super) fn file(&mut self, called: &str) -> (String, Json) {
        let name = name::free(&name::snake(called, "file"), |name| self.fields.iter().any(|(it, _)| it == name));
        let sample = json!({"name": "note.txt", "content_type": "text/plain", "text": "hello"});
        self.fields.push((name.clone(), json!({"type": "object", "format": "file"})));
        self.values.insert(name.clone(), sample.clone());
        (call::input(&name), sample)
    }
}

/// A text as what it says: a number or a boolean where it is one and nothing else could be meant.
pub(super) fn read(text: &str) -> Json {
    let is_number = !text.starts_with('+') && (text == "0" || !text.starts_with('0')) && text.len() < 16;
    match text {
        "true" => json!(true),
        "false" => json!(false),
        text if is_number => text.parse::<i64>().map_or_else(|_| json!(text), |it| json!(it)),
        text => json!(text),
    }
}

/// What a case shows in its place: another of its kind, since nobody knows what a value gives away.
fn sample(called: &str, value: &Json) -> Json {
    match value {
        Json::String(text) => match format(text) {
            Some("date") => json!("2026-12-01"),
            Some("date-time") => json!("2026-12-01T10:00:00Z"),
            Some("uuid") => json!("2ad69d57-6808-5f9e-b7c4-5ba57a55e120"),
            Some("uri") => json!("https://example.com/"),
            Some("email") => json!("ana@example.com"),
            _ => json!(format!("{}-1", name::kebab(called, "text"))),
        },
        Json::Number(number) if number.is_f64() => json!(1.5),
        Json::Number(_) => json!(1),
        Json::Array(items) => items.iter().map(|it| sample(called, it)).collect(),
        Json::Object(entries) => {
            let named = entries.iter().enumerate().map(|(at, (name, it))| match secrets::is_random(name) {
                true => (format!("key_{}", at + 1), sample("text", it)),
                false => (name.clone(), sample(name, it)),
            });
            named.collect::<JsonMap<_, _>>().into()
        }
        value => value.clone(),
    }
}

/// The schema of a value.
fn schema(value: &Json) -> Json {
    match value {
        Json::String(text) => match format(text) {
            Some(format) => json!({"type": "string", "format": format}),
            None => json!({"type": "string"}),
        },
        Json::Number(number) if number.is_f64() => json!({"type": "number"}),
        Json::Number(_) => json!({"type": "integer"}),
        Json::Bool(_) => json!({"type": "boolean"}),
        Json::Null => json!({"type": ["string", "null"]}),
        Json::Array(items) => {
            let first = items.first().map_or_else(|| json!({"type": "string"}), schema);
            match () {
                () if items.iter().all(|it| schema(it) == first) => json!({"type": "array", "items": first}),
                () if items.iter().all(Json::is_string) => json!({"type": "array", "items": {"type": "string"}}),
                () => json!({"type": "array"}),
            }
        }
        Json::Object(entries) => {
            let properties: JsonMap<_, _> = entries.iter().map(|(name, it)| (name.clone(), schema(it))).collect();
            if properties.is_empty() {
                json!({"type": "object"})
            } else {
                json!({"type": "object", "properties": properties})
            }
        }
    }
}

fn format(text: &str) -> Option<&'static str> {
    let digits =
        |range: std::ops::Range<usize>| text.get(range).is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()));
    let is_date =
        digits(0..4) && digits(5..7) && digits(8..10) && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    match text {
        _ if is_date && text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok() => Some("date"),
        _ if is_date && text.len() > 10 && text.parse::<jiff::Timestamp>().is_ok() => Some("date-time"),
        _ if is_uuid(text) => Some("uuid"),
        _ if text.starts_with("https://") => url::Url::parse(text).ok().map(|_| "uri"),
        _ if is_email(text) => Some("email"),
        _ => None,
    }
}

fn is_email(text: &str) -> bool {
    let plain = |it: char| it.is_ascii_alphanumeric() || "._+-".contains(it);
    text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && user.chars().all(plain) && host.contains('.') && host.chars().all(plain)
    })
}

/// The path with placeholders, as a case sends it, and with names in braces.
pub(super) fn path(path: &str, inputs: &mut Inputs, todos: &mut Vec<String>) -> (String, String, String) {
    let (mut written, mut sent, mut plain) = (String::new(), String::new(), String::new());
    let mut before = String::new();
    for segment in path.split('/').filter(|it| !it.is_empty()) {
        let decoded = percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let placeholder = placeholder(&decoded);
        if placeholder.is_some() || is_id(&decoded) || secrets::is_random(&decoded) {
            let called = match placeholder {
                Some(name) => name.to_owned(),
                None if before.is_empty() => "id".to_owned(),
                None => format!("{}_id", name::singular(&name::snake(&before, "thing"))),
            };
            if decoded.len() >= 20 && secrets::is_random(&decoded) {
                todos.push(credential(&called));
            }
            let (slot, sample) = inputs.add(&called, &read(&decoded), true);
            written.push_str(&format!("/{slot}"));
            sent.push_str(&format!("/{}", call::segment(&sample)));
            plain.push_str(&format!("/{{{}}}", slot.trim_start_matches("{{ input.").trim_end_matches(" }}")));
        } else {
            let segment = if can_be_sent(segment) { segment.to_owned() } else { call::segment(&json!(decoded)) };
            for text in [&mut written, &mut sent, &mut plain] {
                text.push_str(&format!("/{segment}"));
            }
            before = decoded;
        }
    }
    if written.is_empty() {
        return ("/".to_owned(), "/".to_owned(), "/".to_owned());
    }
    (written, sent, plain)
}

/// What is said of an input that perhaps nobody should be asked for.
fn credential(called: &str) -> String {
    format!(
        "`{called}` looks like a credential. Credentials belong into `auth`, which puts them into headers and queries; no model should be asked for one"
    )
}

/// `{id}`, `{{id}}`, `:id` or `<id>`: what somebody put where an id goes.
fn placeholder(segment: &str) -> Option<&str> {
    let inside = |open: &str, close: &str| segment.strip_prefix(open)?.strip_suffix(close);
    let name =
        inside("{{", "}}").or_else(|| inside("{", "}")).or_else(|| inside("<", ">")).or_else(|| inside(":", ""))?;
    let name = name.trim();
    (!name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it))).then_some(name)
}

/// Whether a segment may stand in a path as it is (RFC 3986 §3.3).
fn can_be_sent(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let is_escape = |at: usize| bytes.get(at + 1..at + 3).is_some_and(|it| it.iter().all(u8::is_ascii_hexdigit));
    let allowed = |(at, it): (usize, &u8)| {
        it.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(it) || (*it == b'%' && is_escape(at))
    };
    bytes.iter().enumerate().all(allowed)
}

/// A number, a UUID, an address, or a word with digits in it that is no version.
fn is_id(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let is_version = segment.starts_with('v') && segment.len() <= 4;
    let all_digits = digits == segment.len();
    !segment.is_empty()
        && (all_digits || is_uuid(segment) || is_email(segment) || (digits > 0 && segment.len() >= 6 && !is_version))
}

/// `POST /orders` → `create_order`
pub(super) fn named(method: &str, path: &str) -> String {
    let segments: Vec<_> = path.split('/').filter(|it| !it.is_empty()).collect();
    let noun = segments.iter().rev().find(|it| !it.contains('{')).copied().unwrap_or("thing");
    let noun = name::snake(noun.split('.').next().unwrap_or_default(), "thing");
    let one = segments.last().is_some_and(|it| it.contains('{'));
    let verb = match method {
        "GET" | "HEAD" if one => "get",
        "GET" | "HEAD" if noun.ends_with('s') => return name::snake(&format!("list_{noun}"), "list"),
        "GET" | "HEAD" => "get",
        "POST" => "create",
        "DELETE" => "delete",
        _ => "update",
    };
    name::snake(&format!("{verb}_{}", name::singular(&noun)), verb)
}

/// Whether the names of an object are the API's, which can be written out: not ids, nor keys of whoever sent it.
fn can_be_written(entries: &JsonMap<String, Json>) -> bool {
    !entries.is_empty() && !entries.keys().any(|it| secrets::is_random(it) || it.contains("{{"))
}

/// The values of a JSON body, one input each, as deep as they stand.
pub(super) struct Tree<'a> {
    pub(super) inputs: &'a mut Inputs,
    pub(super) has_key: &'a mut bool,
    pub(super) todos: &'a mut Vec<String>,
}

impl Tree<'_> {
    /// An object's or a list's own values: what is written, and what a case sends.
    pub(super) fn object(&mut self, value: &Json) -> (Yaml, Json) {
        match value {
            Json::Object(entries) if can_be_written(entries) => self.inside(value, "", 0),
            value => {
                let (slot, sample) = self.inputs.add(if value.is_array() { "items" } else { "body" }, value, true);
                (slot.into(), sample)
            }
        }
    }

    fn inside(&mut self, value: &Json, before: &str, depth: usize) -> (Yaml, Json) {
        let (mut written, mut sent) = (Map::default(), JsonMap::new());
        for (name, value) in value.as_object().into_iter().flatten() {
            let called = if before.is_empty() { name.clone() } else { format!("{before}_{name}") };
            let (slot, value) = match value {
                Json::Object(entries) if depth < 3 && can_be_written(entries) => self.inside(value, &called, depth + 1),
                Json::Null => (Yaml::Scalar(Json::Null), Json::Null),
                value => self.leaf(&called, value),
            };
            written = written.own(name, slot);
            sent.insert(name.clone(), value);
        }
        (written.into(), sent.into())
    }

    /// One value.
    pub(super) fn leaf(&mut self, called: &str, value: &Json) -> (Yaml, Json) {
        if name::is_idempotency(called) {
            *self.has_key = true;
            return ("{{ execution.key }}".into(), call::KEY.into());
        }
        if secrets::is_secret(called) {
            self.todos.push(credential(called));
        }
        let (slot, sample) = self.inputs.add(called, value, true);
        (slot.into(), sample)
    }
}
