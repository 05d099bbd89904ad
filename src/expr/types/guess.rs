//! Types of constants, of schemas, and of sample answers.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{Kinds, Members, Text, Type};

/// Of a constant: exactly that.
pub fn of_json(json: &Json) -> Type {
    match json {
        Json::Null => Type::of(Kinds::NULL),
        Json::Bool(true) => Type::of(Kinds::TRUE),
        Json::Bool(false) => Type::of(Kinds::FALSE),
        Json::Number(it) if it.is_f64() => Type::NUMBER,
        Json::Number(_) => Type::INTEGER,
        Json::String(text) => Type::text(Text::words([text.as_str()])),
        Json::Array(entries) => Type::list(entries.iter().map(of_json).fold(Type::NEVER, Type::or)),
        Json::Object(members) => {
            Type::mapping(members.iter().map(|(name, it)| (name.as_str(), of_json(it))).collect::<Vec<_>>())
        }
    }
}

/// Of an answer that a provider once gave: others have other words and numbers in the same places.
pub fn of_sample(json: &Json) -> Type {
    let known = match json {
        Json::Null => Type::of(Kinds::NULL),
        Json::Bool(_) => Type::BOOLEAN,
        Json::Number(_) => Type::NUMBER,
        Json::String(_) => Type::TEXT,
        Json::Array(entries) => Type::list(entries.iter().map(of_sample).fold(Type::NEVER, Type::or)),
        Json::Object(members) => {
            let known = members.iter().map(|(name, it)| (Arc::from(name.as_str()), of_sample(it))).collect();
            Type::with_members(Members::new(known, false))
        }
    };
    known.as_sampled(true)
}

/// Of what fits a JSON Schema, as far as fields have them.
pub fn of_schema(schema: &Json) -> Type {
    if let Some(value) = schema.get("const") {
        return of_json(value);
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(of_json).fold(Type::NEVER, Type::or);
    }
    match &schema["type"] {
        Json::String(kind) => of_kind(kind, schema),
        Json::Array(kinds) => {
            kinds.iter().filter_map(Json::as_str).map(|it| of_kind(it, schema)).fold(Type::NEVER, Type::or)
        }
        _ => match schema["anyOf"].as_array() {
            Some(branches) => branches.iter().map(of_schema).fold(Type::NEVER, Type::or),
            None => Type::ANY,
        },
    }
}

fn of_kind(kind: &str, schema: &Json) -> Type {
    match kind {
        "string" => Type::text(match (schema["format"].as_str(), schema.get("pattern")) {
            (Some(format), _) => Text::format(format),
            (None, Some(_)) => Text::format("pattern"),
            (None, None) if schema["minLength"].as_u64().is_some_and(|it| it > 0) => Text::Filled,
            (None, None) => Text::Any,
        }),
        "integer" => Type::INTEGER,
        "number" => Type::NUMBER,
        "boolean" => Type::BOOLEAN,
        "null" => Type::of(Kinds::NULL),
        "array" => schema.get("items").map_or(Type::LIST, |it| Type::list(of_schema(it))),
        "object" => match schema["properties"].as_object() {
            Some(properties) => of_properties(properties, schema),
            None => Type::MAPPING,
        },
        _ => Type::ANY,
    }
}

/// What is neither required nor has a default may be missing.
fn of_properties(properties: &Map<String, Json>, schema: &Json) -> Type {
    let is_required = |name: &str| schema["required"].as_array().is_some_and(|it| it.iter().any(|it| it == name));
    let known = properties.iter().map(|(name, property)| {
        let member = of_schema(property);
        let is_there = is_required(name) || property.get("default").is_some();
        (Arc::from(name.as_str()), if is_there { member } else { member.or_undefined() })
    });
    Type::with_members(Members::new(known.collect(), schema["additionalProperties"] != false))
}
