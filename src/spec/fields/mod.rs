//! Fields that somebody fills in: the builder's config, the agent's input, the sign-in form.

mod error;
mod format;
pub(super) mod words;

use std::{
    collections::HashSet,
    sync::{LazyLock, OnceLock},
};

use indexmap::IndexMap;
use jsonschema::{Draft, PatternOptions, ValidationError, ValidationOptions, Validator};
use serde_json::{Map, Value as Json};

pub use error::FieldError;
#[cfg(test)]
pub(crate) use format::FORMATS;

/// An object schema and what our language adds to it.
#[derive(Debug)]
pub struct Fields {
    /// JSON Schema (2020-12) of the object. Secret fields are `writeOnly`.
    pub schema: Json,
    /// Field → the lookup that its values come from.
    pub lookups: IndexMap<String, String>,
    /// Whether anything in it has a default.
    has_defaults: bool,
    /// Compiled when first needed: most of a catalog's fields are never filled in, and a validator is large.
    validator: OnceLock<Validator>,
}

/// Formats on; patterns by an engine that takes linear time, whatever the pattern.
static OPTIONS: LazyLock<ValidationOptions<'static>> = LazyLock::new(|| {
    let options = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex())
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .offline();
    format::register(options)
});

/// The schemas of fields that are known to be right, as texts: many are used in several places.
#[derive(Debug, Default)]
pub(crate) struct Proven(HashSet<String>);

/// Where a schema is wrong, as a JSON Pointer into it, and why.
#[derive(Debug)]
pub(crate) struct SchemaError {
    pub(crate) pointer: String,
    pub(crate) message: String,
}

impl Fields {
    /// Fields by the schemas of each, whatever is in them; those in `required` must be given.
    pub(crate) fn new(
        properties: Map<String, Json>,
        required: &[String],
        lookups: IndexMap<String, String>,
    ) -> Result<Self, SchemaError> {
        prove(&object(properties.clone(), required))?;
        Ok(Self::assembled(properties, required, lookups))
    }

    /// Fields by schemas in which every keyword is known and of its type.
    pub(crate) fn lowered(
        properties: Map<String, Json>,
        required: &[String],
        lookups: IndexMap<String, String>,
        proven: &mut Proven,
    ) -> Result<Self, SchemaError> {
        for (name, schema) in properties.iter().filter(|(_, it)| needs_proof(it)) {
            let text = schema.to_string();
            if !proven.0.contains(&text) {
                prove(schema)
                    .map_err(|it| SchemaError { pointer: format!("/properties/{name}{}", it.pointer), ..it })?;
                proven.0.insert(text);
            }
        }
        Ok(Self::assembled(properties, required, lookups))
    }

    /// Fields whose schemas are known to be right, since they were made of such.
    pub(crate) fn assembled(
        properties: Map<String, Json>,
        required: &[String],
        lookups: IndexMap<String, String>,
    ) -> Self {
        let has_defaults = properties.values().any(has_defaults);
        Self { schema: object(properties, required), lookups, has_defaults, validator: OnceLock::new() }
    }

    /// These fields, and then those of `other` that aren't among them.
    #[must_use]
    pub(crate) fn and(&self, other: &Fields) -> Self {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        let mut lookups = IndexMap::new();
        for (fields, name, schema) in [self, other].into_iter().flat_map(|it| it.iter().map(move |(n, s)| (it, n, s))) {
            if properties.contains_key(name) {
                continue;
            }
            properties.insert(name.to_owned(), schema.clone());
            if fields.is_required(name) {
                required.push(name.to_owned());
            }
            lookups.extend(fields.lookups.get(name).map(|it| (name.to_owned(), it.clone())));
        }
        Self::assembled(properties, &required, lookups)
    }

    /// The same fields, each of which may be left out and then stays out: without defaults.
    #[must_use]
    pub(crate) fn optional(&self) -> Self {
        let without_default = |schema: &Json| {
            let mut schema = schema.clone();
            if let Some(schema) = schema.as_object_mut() {
                schema.shift_remove("default");
            }
            schema
        };
        let properties = self.iter().map(|(name, schema)| (name.to_owned(), without_default(schema))).collect();
        Self::assembled(properties, &[], self.lookups.clone())
    }

    /// No fields at all.
    pub fn none() -> Self {
        Self::assembled(Map::new(), &[], IndexMap::new())
    }

    /// Each field and its schema, in the author's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.schema["properties"].as_object().into_iter().flatten().map(|(name, schema)| (name.as_str(), schema))
    }

    /// The schema of one field.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.schema["properties"].get(name)
    }

    /// Whether a field has to be given.
    pub fn is_required(&self, name: &str) -> bool {
        self.schema["required"].as_array().is_some_and(|it| it.iter().any(|it| it == name))
    }

    /// The fields that have to be given.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        self.schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str)
    }

    /// The one way from what came to what is used: with defaults, if it fits.
    ///
    /// # Errors
    /// What can't be used, as [`Fields::check`] tells it.
    pub fn accept(&self, given: Json) -> Result<Json, Vec<FieldError>> {
        let value = self.with_defaults(given);
        let errors = self.check(&value);
        if errors.is_empty() { Ok(value) } else { Err(errors) }
    }

    /// What was given, with the defaults of what was not. Language models leave out empty arguments and fill in nulls: null
    /// in place of all fields counts as none, and a field that may be left out and is null counts as left out, unless its
    /// schema takes null.
    #[must_use]
    pub fn with_defaults(&self, mut given: Json) -> Json {
        if given.is_null() {
            given = Json::Object(Map::new());
        }
        if let Json::Object(object) = &mut given {
            if object.values().any(Json::is_null) {
                for (name, schema) in self.iter() {
                    if !self.is_required(name) && object.get(name).is_some_and(Json::is_null) && !takes_null(schema) {
                        object.shift_remove(name);
                    }
                }
            }
            if self.has_defaults {
                fill(&self.schema, object);
            }
        }
        given
    }

    /// What can't be used, each with what would be accepted. Nothing means that `given` fits.
    pub fn check(&self, given: &Json) -> Vec<FieldError> {
        let validator = self.validator.get_or_init(|| {
            OPTIONS
                .build(&self.schema)
                .expect("what could be wrong with it was looked at when the connector was loaded")
        });
        if validator.is_valid(given) {
            return Vec::new();
        }
        let errors: Vec<_> = validator.iter_errors(given).map(|it| error::explain(&self.schema, &it)).collect();
        error::in_order(&self.schema, errors)
    }
}

fn object(properties: Map<String, Json>, required: &[String]) -> Json {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), Json::from("object"));
    schema.insert("properties".to_owned(), Json::Object(properties));
    schema.insert("required".to_owned(), Json::from(required));
    schema.insert("additionalProperties".to_owned(), Json::Bool(false));
    Json::Object(schema)
}

/// Whether a field has a default, or one inside it has.
fn has_defaults(schema: &Json) -> bool {
    let inside = || schema["properties"].as_object().into_iter().flat_map(Map::values).any(has_defaults);
    schema.get("default").is_some() || inside()
}

/// Puts in the defaults of an object schema, and those of the objects inside that are given.
fn fill(schema: &Json, object: &mut Map<String, Json>) {
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        match object.get_mut(name) {
            Some(Json::Object(inner)) => fill(schema, inner),
            Some(_) => {}
            None => {
                if let Some(default) = schema.get("default") {
                    object.insert(name.clone(), default.clone());
                }
            }
        }
    }
}

/// Builds a validator, to know that there is one, and drops it again.
fn prove(schema: &Json) -> Result<(), SchemaError> {
    let wrong = |error: ValidationError<'_>| SchemaError {
        pointer: error.instance_path().to_string(),
        message: error.to_string(),
    };
    OPTIONS.build(schema).map(drop).map_err(wrong)
}

/// Whether a schema holds a keyword that can be wrong although it is of its type. Only then a validator is built to know: that
/// takes a thousand times as long as to look.
fn needs_proof(schema: &Json) -> bool {
    match schema {
        Json::Object(keywords) => keywords.iter().any(|(keyword, value)| match keyword.as_str() {
            "pattern" | "multipleOf" | "anyOf" | "required" => true,
            "type" => value.is_array(),
            "properties" => value.as_object().into_iter().flatten().any(|(_, it)| needs_proof(it)),
            "items" => needs_proof(value),
            _ => false,
        }),
        _ => false,
    }
}

fn takes_null(schema: &Json) -> bool {
    let is_null = |it: &Json| it == "null";
    match &schema["type"] {
        Json::Array(types) => types.iter().any(is_null),
        Json::String(_) => is_null(&schema["type"]),
        // Without a type, and with alternatives, null is for the validator to judge.
        _ => true,
    }
}

#[cfg(test)]
mod tests;
