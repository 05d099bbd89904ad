//! The inputs of an action, as they are found one by one, and what a case gives them.

use serde_json::{Map, Value as Json, json};

use super::sample;
use crate::import::{call, name};

/// An action with more inputs than this is too much for a model: the rest of those that may be left out are.
const MOST: usize = 40;

/// What is found.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    pub(super) fields: Vec<(String, Json)>,
    /// In the good case.
    pub(super) values: Map<String, Json>,
    /// Those that may be left out and were one too many.
    pub(super) left_out: Vec<String>,
}

/// Where a value comes from, and what it is in the good case.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// What is written.
    pub(super) written: Json,
    /// The name of the input, where it is one.
    pub(super) input: Option<String>,
    /// What is sent.
    pub(super) sent: Option<Json>,
}

impl Inputs {
    /// An input for a value that the provider calls `called`, at a place that tells it from others of that name. One that
    /// can only have one value is that value; nothing, if there is no room for it.
    pub(super) fn slot(&mut self, called: &str, place: &str, schema: Json, required: bool) -> Option<Slot> {
        let only = schema["enum"].as_array().filter(|it| it.len() == 1).and_then(|it| it.first());
        if let Some(only) =
            only.filter(|it| required && !it.as_str().is_some_and(|it| it.contains("{{") || it.starts_with('$')))
        {
            return Some(Slot { written: only.clone(), input: None, sent: Some(only.clone()) });
        }
        let taken = |fields: &[(String, Json)], name: &str| fields.iter().any(|(it, _)| it == name);
        let mut name = name::snake(called, place);
        if taken(&self.fields, &name) {
            name = name::free(&name::snake(&format!("{place}_{name}"), place), |it| taken(&self.fields, it));
        }
        let optional = !required && schema.get("default").is_none();
        if optional && self.fields.len() >= MOST {
            self.left_out.push(called.to_owned());
            return None;
        }
        let value = sample::of(&schema, called);
        let sent = sample::fits(&schema, &value).then_some(value);
        if let Some(value) = &sent {
            self.values.insert(name.clone(), value.clone());
        }
        let written = call::input(&name).into();
        self.fields.push((name.clone(), field(schema, required)));
        Some(Slot { written, input: Some(name), sent })
    }

    /// The inputs that have to be given.
    pub(super) fn required(&self) -> Map<String, Json> {
        let is_required = |name: &str| {
            self.fields
                .iter()
                .any(|(it, schema)| it == name && schema.get("default").is_none() && schema["required"] != false)
        };
        self.values
            .iter()
            .filter(|(name, _)| is_required(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

/// A schema as that of a field: the description last, behind what we add.
fn field(schema: Json, required: bool) -> Json {
    let mut words = match schema {
        Json::Object(words) => words,
        other => return other,
    };
    let description = words.shift_remove("description");
    if !required && words.get("required").is_some_and(Json::is_array) {
        // That it may be left out takes the place in which its properties would be named: those stand a level deeper.
        words = Map::from_iter([("anyOf".to_owned(), json!([words]))]);
    }
    if !required && !words.contains_key("default") {
        words.insert("required".to_owned(), json!(false));
    }
    words.extend(description.map(|it| ("description".to_owned(), it)));
    words.into()
}
