//! Values of a command as inputs: what kind each is, what it is called, and a sample that gives nothing away.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::secrets;
use crate::import::{
    call,
    emit::{Map, Yaml},
    name,
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

/// What a case shows in its place: the value itself, unless it could be a credential.
fn sample(called: &str, value: &Json) -> Json {
    match value {
        Json::String(text)
            if secrets::is_secret(called) || is_opaque(text) || text.contains("{{") || text.is_empty() =>
        {
            json!(format!("{}-1", name::kebab(called, "text")))
        }
        Json::Array(items) => items.iter().map(|it| sample(called, it)).collect(),
        Json::Object(entries) => {
            entries.iter().map(|(name, it)| (name.clone(), sample(name, it))).collect::<JsonMap<_, _>>().into()
        }
        value => value.clone(),
    }
}

/// Long, and neither words nor anything that people would read: perhaps a token.
fn is_opaque(text: &str) -> bool {
    let has = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
    let one_word = !text.contains(|it: char| it.is_whitespace() || "@/:".contains(it));
    text.len() >= 24
        && one_word
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
        && !is_uuid(text)
        && !text.starts_with("20")
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

fn is_uuid(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok() && text.len() == 36
}

fn is_email(text: &str) -> bool {
    let plain = |it: char| it.is_ascii_alphanumeric() || "._+-".contains(it);
    text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && user.chars().all(plain) && host.contains('.') && host.chars().all(plain)
    })
}

/// The path with placeholders, as a case sends it, and with names in braces.
pub(super) fn path(path: &str, inputs: &mut Inputs) -> (String, String, String) {
    let (mut written, mut sent, mut plain) = (String::new(), String::new(), String::new());
    let mut before = "";
    for segment in path.split('/').filter(|it| !it.is_empty()) {
        let decoded = percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
        if is_id(&decoded) {
            let called = if before.is_empty() {
                "id".to_owned()
            } else {
                format!("{}_id", singular(&name::snake(before, "thing")))
            };
            let (slot, sample) = inputs.add(&called, &read(&decoded), true);
            written.push_str(&format!("/{slot}"));
            sent.push_str(&format!("/{}", call::segment(&sample)));
            plain.push_str(&format!("/{{{}}}", slot.trim_start_matches("{{ input.").trim_end_matches(" }}")));
        } else {
            for text in [&mut written, &mut sent, &mut plain] {
                text.push('/');
                text.push_str(segment);
            }
        }
        before = segment;
    }
    if written.is_empty() {
        return ("/".to_owned(), "/".to_owned(), "/".to_owned());
    }
    (written, sent, plain)
}

/// A number, a UUID, an address, or a word with digits in it that is no version.
fn is_id(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let is_version = segment.starts_with('v') && segment.len() <= 4;
    let all_digits = digits == segment.len();
    !segment.is_empty()
        && (all_digits || is_uuid(segment) || is_email(segment) || (digits > 0 && segment.len() >= 6 && !is_version))
}

/// `orders` → `order`, `companies` → `company`
pub(super) fn singular(word: &str) -> String {
    match word {
        it if it.ends_with("ies") => format!("{}y", &it[..it.len() - 3]),
        it if it.ends_with("sses") || it.ends_with("xes") => it[..it.len() - 2].to_owned(),
        it if it.ends_with('s') && !it.ends_with("ss") && it.len() > 3 => it[..it.len() - 1].to_owned(),
        it => it.to_owned(),
    }
}

/// `POST /orders` → `create_order`
pub(super) fn named(method: &str, path: &str) -> String {
    let segments: Vec<_> = path.split('/').filter(|it| !it.is_empty()).collect();
    let noun = segments.iter().rev().find(|it| !it.contains('{')).copied().unwrap_or("thing");
    let noun = name::snake(noun.split('.').next().unwrap_or_default(), "thing");
    let one = segments.last().is_some_and(|it| it.contains('{'));
    let verb = match method {
        "GET" | "HEAD" if one => "get",
        "GET" | "HEAD" if noun.ends_with('s') => return format!("list_{noun}"),
        "GET" | "HEAD" => "get",
        "POST" => "create",
        "DELETE" => "delete",
        _ => "update",
    };
    format!("{verb}_{}", singular(&noun))
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
            Json::Object(_) => self.inside(value, "", 0),
            value => {
                let (slot, sample) = self.inputs.add("items", value, true);
                (slot.into(), sample)
            }
        }
    }

    fn inside(&mut self, value: &Json, before: &str, depth: usize) -> (Yaml, Json) {
        let (mut written, mut sent) = (Map::default(), JsonMap::new());
        for (name, value) in value.as_object().into_iter().flatten() {
            let called = if before.is_empty() { name.clone() } else { format!("{before}_{name}") };
            let (slot, value) = match value {
                Json::Object(entries) if depth < 3 && !entries.is_empty() => self.inside(value, &called, depth + 1),
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
        if name::words(called).join("").contains("idempoten") {
            *self.has_key = true;
            return ("{{ execution.key }}".into(), call::KEY.into());
        }
        if secrets::is_secret(called) {
            self.todos.push(format!(
                "`{called}` looks like a credential. Credentials belong into `auth`, which puts them into headers and queries; no model should be asked for one"
            ));
        }
        let (slot, sample) = self.inputs.add(called, value, true);
        (slot.into(), sample)
    }
}
