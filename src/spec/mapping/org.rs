//! An org's own fields, as its provider describes them.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json, json};

use crate::spec::OrgType;

/// More options are a table, not a list that a model could choose from.
const MOST_OPTIONS: usize = 2_000;

/// One of an org's fields.
#[derive(Debug, Clone, PartialEq)]
pub struct OrgField {
    /// The name that it is sent by.
    pub name: String,
    /// What the org calls it.
    pub label: String,
    /// What it holds.
    pub kind: OrgType,
    /// Characters at most.
    pub length: Option<u64>,
    /// Whether a new record needs it.
    pub required: bool,
    /// Whether it can be set.
    pub writable: bool,
    /// The allowed values; empty where any will do.
    pub options: Vec<OrgOption>,
}

/// A value that a field may have.
#[derive(Debug, Clone, PartialEq)]
pub struct OrgOption {
    /// What is sent.
    pub value: Json,
    /// What people see.
    pub label: String,
}

/// All fields of an org's object, by name.
#[derive(Debug, Default, PartialEq)]
pub struct OrgSchema(IndexMap<String, OrgField>);

impl OrgSchema {
    /// Reads what a `describe` gave, or what [`OrgSchema::to_json`] wrote. An entry without a name is passed over.
    pub fn read(fields: &Json) -> Self {
        let fields = fields.as_array().map(Vec::as_slice).unwrap_or_default();
        Self(fields.iter().filter_map(OrgField::read).map(|it| (it.name.clone(), it)).collect())
    }

    /// The field of that name.
    pub fn get(&self, name: &str) -> Option<&OrgField> {
        self.0.get(name)
    }

    /// Each field, in the provider's order.
    pub fn iter(&self) -> impl Iterator<Item = &OrgField> {
        self.0.values()
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a list of `{name, label, type, length, required, writable, options}`.
    pub fn to_json(&self) -> Json {
        self.iter().map(OrgField::to_json).collect()
    }
}

impl OrgField {
    fn read(it: &Json) -> Option<Self> {
        let name = scalar(&it["name"])?;
        let label = scalar(&it["label"]).unwrap_or_else(|| name.clone());
        let options = it["options"].as_array().map(Vec::as_slice).unwrap_or_default();
        Some(Self {
            label,
            kind: it["type"].as_str().map_or(OrgType::Other, OrgType::of_word),
            length: scalar(&it["length"]).and_then(|it| it.parse().ok()).filter(|it| *it > 0),
            required: is_true(&it["required"]),
            writable: it.get("writable").is_none_or(is_true),
            options: options.iter().filter_map(OrgOption::read).take(MOST_OPTIONS).collect(),
            name,
        })
    }

    fn to_json(&self) -> Json {
        let mut field = Map::new();
        field.insert("name".to_owned(), json!(self.name));
        field.insert("label".to_owned(), json!(self.label));
        field.insert("type".to_owned(), json!(self.kind.as_str()));
        if let Some(length) = self.length {
            field.insert("length".to_owned(), json!(length));
        }
        field.insert("required".to_owned(), json!(self.required));
        field.insert("writable".to_owned(), json!(self.writable));
        if !self.options.is_empty() {
            let options = self.options.iter().map(|it| json!({"value": it.value, "label": it.label}));
            field.insert("options".to_owned(), options.collect());
        }
        Json::Object(field)
    }

    /// `Budget__c (Budget)`, or the name alone where the org calls it the same.
    pub fn called(&self) -> String {
        if self.label == self.name { format!("`{}`", self.name) } else { format!("`{}` ({})", self.name, self.label) }
    }
}

impl OrgOption {
    /// A scalar, or `{value, label}`.
    fn read(it: &Json) -> Option<Self> {
        let value = if it.is_object() { &it["value"] } else { it };
        let text = scalar(value)?;
        Some(Self { label: scalar(&it["label"]).unwrap_or(text), value: value.clone() })
    }
}

/// A scalar as text; nothing for an empty one.
pub(super) fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn is_true(value: &Json) -> bool {
    match value {
        Json::Bool(flag) => *flag,
        Json::String(text) => text == "true",
        _ => false,
    }
}
