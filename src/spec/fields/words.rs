//! A schema in words: what would be accepted.

use serde_json::Value as Json;

use super::format;
use crate::base::shortened;

/// As in "must be …": `a whole number from 5 to 60`.
pub(super) fn accepted(schema: &Json) -> String {
    if let Some(value) = schema.get("const") {
        return shown(value);
    }
    if let Some(values) = schema["enum"].as_array() {
        return one_of(&values.iter().collect::<Vec<_>>());
    }
    if schema["type"] == "object"
        && let Some(words) = schema["format"].as_str().and_then(format::words)
    {
        return words.to_owned();
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(branches) = schema[key].as_array() {
            return branches.iter().map(accepted).collect::<Vec<_>>().join(", or ");
        }
    }
    match &schema["type"] {
        Json::Array(types) => {
            let each = types.iter().filter_map(Json::as_str).map(|it| of_type(it, schema));
            each.collect::<Vec<_>>().join(", or ")
        }
        Json::String(one) => of_type(one, schema),
        _ => "another value".to_owned(),
    }
}

fn of_type(name: &str, schema: &Json) -> String {
    match name {
        "string" => text(schema),
        "integer" => number("a whole number", schema),
        "number" => number("a number", schema),
        "boolean" => "true or false".to_owned(),
        "null" => "null".to_owned(),
        "array" => {
            let counted = bounded("a list", " of", "entries", bounds(schema, "minItems", "maxItems"));
            match schema.get("items") {
                Some(items) => format!("{counted}, each {}", accepted(items)),
                None => counted,
            }
        }
        _ => match schema["required"].as_array() {
            Some(names) if !names.is_empty() => {
                let names: Vec<_> = names.iter().filter_map(Json::as_str).map(|it| format!("`{it}`")).collect();
                format!("an object with {}", names.join(", "))
            }
            _ => "an object".to_owned(),
        },
    }
}

fn text(schema: &Json) -> String {
    if let Some(words) = schema["format"].as_str().and_then(format::words) {
        return words.to_owned();
    }
    let counted = bounded("text", " of", "characters", bounds(schema, "minLength", "maxLength"));
    match schema["pattern"].as_str() {
        Some(pattern) => format!("{counted} matching `{pattern}`"),
        None => counted,
    }
}

fn number(kind: &str, schema: &Json) -> String {
    let limit = |key: &str| schema.get(key).map(ToString::to_string);
    let mut words = match (limit("minimum"), limit("maximum")) {
        (Some(min), Some(max)) => format!("{kind} from {min} to {max}"),
        (Some(min), None) => format!("{kind} of at least {min}"),
        (None, Some(max)) => format!("{kind} of at most {max}"),
        (None, None) => kind.to_owned(),
    };
    for (key, word) in
        [("exclusiveMinimum", "above"), ("exclusiveMaximum", "below"), ("multipleOf", "that is a multiple of")]
    {
        if let Some(limit) = limit(key) {
            words.push_str(&format!(" {word} {limit}"));
        }
    }
    words
}

fn bounds(schema: &Json, min: &str, max: &str) -> (Option<u64>, Option<u64>) {
    (schema[min].as_u64().filter(|it| *it > 0), schema[max].as_u64())
}

fn bounded(noun: &str, of: &str, unit: &str, bounds: (Option<u64>, Option<u64>)) -> String {
    match bounds {
        (None, None) => noun.to_owned(),
        (Some(1), None) if noun == "text" => "text that is not empty".to_owned(),
        (Some(min), None) => format!("{noun}{of} at least {min} {unit}"),
        (None, Some(max)) => format!("{noun}{of} at most {max} {unit}"),
        (Some(min), Some(max)) => format!("{noun}{of} {min} to {max} {unit}"),
    }
}

/// `"a"`, `"b"` or `"c"`.
pub(in crate::spec) fn one_of(values: &[&Json]) -> String {
    const MOST: usize = 20;
    let mut words: Vec<_> = values.iter().take(MOST).map(|it| shown(it)).collect();
    if values.len() > MOST {
        return format!("one of {} and {} more", words.join(", "), values.len() - MOST);
    }
    match words.pop() {
        None => "nothing".to_owned(),
        Some(only) if words.is_empty() => only,
        Some(last) => format!("one of {} or {last}", words.join(", ")),
    }
}

/// A value as JSON, shortened.
pub(super) fn shown(value: &Json) -> String {
    const MOST: usize = 80;
    shortened(&value.to_string(), MOST)
}

/// What kind of value it is, without showing it.
pub(super) fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(text) if text.is_empty() => "empty text",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
