//! Values that a schema would accept, for cases: those that the description gives where they fit, else made ones.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Value as Json, json};

use crate::{import::name, spec::Fields};

/// Whether the schema, in our dialect, accepts the value.
pub(super) fn fits(schema: &Json, value: &Json) -> bool {
    let properties = Map::from_iter([("x".to_owned(), schema.clone())]);
    Fields::new(properties, &["x".to_owned()], indexmap::IndexMap::new())
        .is_ok_and(|fields| fields.check(&json!({"x": value})).is_empty())
}

/// Whether the schema can be used at all.
pub(super) fn is_usable(schema: &Json) -> bool {
    Fields::new(Map::from_iter([("x".to_owned(), schema.clone())]), &[], indexmap::IndexMap::new()).is_ok()
}

/// A value that the schema, in our dialect, accepts; `called` is the name of what it is a value of.
pub(super) fn of(schema: &Json, called: &str) -> Json {
    let given = schema["examples"].get(0).or_else(|| schema.get("default")).or_else(|| schema.get("const"));
    if let Some(given) = given.or_else(|| schema["enum"].get(0)) {
        return given.clone();
    }
    if let Some(first) = schema["anyOf"].get(0) {
        return of(first, called);
    }
    match kind(schema) {
        "string" => text(schema, called),
        "integer" => number(schema, 1.0),
        "number" => number(schema, 1.5),
        "boolean" => Json::Bool(true),
        "array" => {
            let entries = schema["minItems"].as_u64().unwrap_or(1).clamp(1, 20);
            if let Some(alternatives) = schema["items"]["anyOf"].as_array() {
                // one of each
                let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX).clamp(1, 20);
                let wanted = (alternatives.len() as u64).max(entries).min(most);
                let all = alternatives.iter().cycle().take(usize::try_from(wanted).unwrap_or(1));
                return all.map(|it| of(it, called)).collect();
            }
            (1..=entries).map(|at| entry(&schema["items"], called, at)).collect()
        }
        "null" => Json::Null,
        _ if schema["format"] == "file" => {
            json!({"name": "note.txt", "content_type": "text/plain", "text": "hello"})
        }
        _ => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            Json::Object(properties.map(|(name, schema)| (name.clone(), of(schema, name))).collect())
        }
    }
}

/// The entries of a list differ, as far as they can.
fn entry(schema: &Json, called: &str, at: u64) -> Json {
    if schema.is_null() {
        return Json::from("text");
    }
    let value = of(schema, called);
    match (&value, at) {
        (_, 1) => value,
        (Json::Number(number), _) if number.is_u64() => Json::from(number.as_u64().unwrap_or(0) + at - 1),
        (Json::String(text), _) => match schema["enum"].get(usize::try_from(at - 1).unwrap_or(0)) {
            Some(other) => other.clone(),
            None if schema.get("format").is_some() || schema.get("pattern").is_some() => value,
            None => Json::from(format!("{text}{at}")),
        },
        _ => value,
    }
}

fn kind(schema: &Json) -> &str {
    let first = match &schema["type"] {
        Json::Array(kinds) => kinds.iter().find_map(Json::as_str),
        kind => kind.as_str(),
    };
    first.unwrap_or("object")
}

fn text(schema: &Json, called: &str) -> Json {
    let text = match schema["format"].as_str() {
        Some("date-time") => "2026-12-01T10:00:00Z",
        Some("date") => "2026-12-01",
        Some("time") => "14:30",
        Some("time-range") => "09:00-17:00",
        Some("email") => "ana@example.com",
        Some("uri") => "https://example.com/page",
        Some("timezone") => "Asia/Jakarta",
        Some("uuid") => "2ad69d57-6808-5f9e-b7c4-5ba57a55e120",
        Some("base64") => "aGVsbG8=",
        _ => "",
    };
    if !text.is_empty() {
        return text.into();
    }
    if let Some(made) = schema["pattern"].as_str().and_then(by_pattern) {
        return made.into();
    }
    let mut text = format!("{}-1", name::kebab(called, "text"));
    let (least, most) = (length(schema, "minLength"), length(schema, "maxLength"));
    while text.chars().count() < least.unwrap_or(0).min(1000) {
        text.push('x');
    }
    text.chars().take(most.unwrap_or(usize::MAX)).collect::<String>().into()
}

fn length(schema: &Json, key: &str) -> Option<usize> {
    schema[key].as_u64().and_then(|it| usize::try_from(it).ok())
}

fn number(schema: &Json, wanted: f64) -> Json {
    let bound = |key: &str| schema[key].as_f64();
    let step = bound("multipleOf").filter(|it| *it > 0.0);
    let mut value = wanted;
    let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|it| it + 1.0));
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|it| it - 1.0));
    if let Some(most) = most {
        value = value.min(most);
    }
    if let Some(least) = least {
        value = value.max(least);
    }
    if let Some(step) = step {
        value = (value / step).ceil() * step;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number that is written as one")]
    if value.fract() == 0.0 && value.abs() < 9e15 { Json::from(value as i64) } else { json!(value) }
}

/// A text that a pattern matches, where one is easily made.
fn by_pattern(pattern: &str) -> Option<String> {
    let tree = regex_syntax::Parser::new().parse(pattern).ok()?;
    let mut text = String::new();
    walk(&tree, &mut text);
    let pattern = regex::Regex::new(pattern).ok()?;
    // A pattern is found anywhere in the text: alone it may be shorter than other keywords want, but it fits itself.
    pattern.is_match(&text).then_some(text)
}

fn walk(tree: &Hir, text: &mut String) {
    if text.len() > 2000 {
        return;
    }
    match tree.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.extend(one_of(class)),
        HirKind::Repetition(it) => {
            let times = if it.min == 0 { u32::from(it.max != Some(0)) } else { it.min };
            (0..times.min(200)).for_each(|_| walk(&it.sub, text));
        }
        HirKind::Capture(it) => walk(&it.sub, text),
        HirKind::Concat(parts) => parts.iter().for_each(|it| walk(it, text)),
        HirKind::Alternation(parts) => parts.iter().take(1).for_each(|it| walk(it, text)),
    }
}

/// A letter or a digit, where the class has one.
fn one_of(class: &Class) -> Option<char> {
    let wanted = ['1', 'a', 'A', '2', 'b', 'B', '-', '_', ' '];
    match class {
        Class::Unicode(class) => {
            let has = |it: &char| class.iter().any(|range| (range.start()..=range.end()).contains(it));
            wanted.into_iter().find(has).or_else(|| class.iter().next().map(|it| it.start()))
        }
        Class::Bytes(class) => class.iter().next().map(|it| char::from(it.start())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_fits() {
        for schema in [
            json!({"type": "string"}),
            json!({"type": "string", "minLength": 12}),
            json!({"type": "string", "maxLength": 3}),
            json!({"type": "string", "pattern": "^[A-Z]{2}[0-9]{4,}$"}),
            json!({"type": "string", "pattern": "^(\\+\\d{1,3})? ?\\d{6,12}$"}),
            json!({"type": "string", "format": "uuid"}),
            json!({"type": ["string", "null"], "format": "date"}),
            json!({"type": "integer", "minimum": 5, "multipleOf": 4}),
            json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
            json!({"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": true}),
            json!({"type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": true}),
            json!({"anyOf": [{"type": "boolean"}, {"type": "null"}]}),
            json!({"type": "object", "properties": {"a": {"type": "string", "enum": ["x"]}}, "required": ["a"], "additionalProperties": false}),
        ] {
            let value = of(&schema, "thing");
            assert!(fits(&schema, &value), "{schema} {value}");
        }
    }
}
