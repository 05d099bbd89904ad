//! A schema with its references and `allOf` in one: what its words say, in our dialect.

use indexmap::{IndexMap, IndexSet};
use serde_json::{Map, Value as Json, json};

use super::document::At;
use crate::import::name;

/// A schema with its references and `allOf` in one.
#[derive(Debug, Default)]
pub(super) struct Flat<'d> {
    pub(super) words: IndexMap<&'d str, &'d Json>,
    /// The last one said of each.
    pub(super) properties: IndexMap<&'d str, At<'d>>,
    pub(super) required: IndexSet<&'d str>,
    pub(super) items: Option<At<'d>>,
    pub(super) alternatives: Vec<At<'d>>,
    pub(super) discriminator: Option<At<'d>>,
    /// The references that led here.
    pub(super) trail: Vec<String>,
    /// It contains itself, or there was too much: nothing more is known of it.
    pub(super) cut: bool,
}

impl<'d> Flat<'d> {
    fn word(&self, key: &str) -> Option<&'d Json> {
        self.words.get(key).copied()
    }

    /// The text at a key.
    pub(super) fn text(&self, key: &str) -> Option<&'d str> {
        self.word(key)?.as_str()
    }

    /// A word of its `xml`.
    pub(super) fn xml(&self, key: &str) -> Option<&'d str> {
        self.word("xml")?.get(key)?.as_str()
    }

    /// Whether a word of its `xml` is `true`.
    pub(super) fn xml_is(&self, key: &str) -> bool {
        self.word("xml").is_some_and(|it| it[key] == true)
    }

    /// Whether it may be one of several things.
    pub(super) fn has_alternatives(&self) -> bool {
        !self.alternatives.is_empty()
    }

    /// The values of `enum`, or the one of `const`.
    pub(super) fn listed(&self) -> Vec<&'d Json> {
        match (self.word("enum"), self.word("const")) {
            (Some(Json::Array(values)), _) => values.iter().collect(),
            (_, Some(value)) => vec![value],
            _ => Vec::new(),
        }
    }

    /// The types without null, as far as they are told or can be; and whether null is among them.
    pub(super) fn kinds(&self) -> (Vec<&'d str>, bool) {
        let mut kinds: Vec<&str> = match self.word("type") {
            Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect(),
            Some(Json::String(kind)) => vec![kind],
            _ => Vec::new(),
        };
        let known = ["string", "integer", "number", "boolean", "array", "object", "null"];
        kinds.retain(|it| known.contains(it));
        let has_null = kinds.contains(&"null") || self.word("nullable") == Some(&Json::Bool(true));
        if kinds == ["null"] {
            return (kinds, false);
        }
        kinds.retain(|it| *it != "null");
        if kinds.is_empty() {
            kinds.extend(self.guess());
        }
        (kinds, has_null)
    }

    fn guess(&self) -> Option<&'static str> {
        let has = |keys: &[&str]| keys.iter().any(|it| self.words.contains_key(it));
        let listed = self.listed();
        let all = |test: fn(&Json) -> bool| !listed.is_empty() && listed.iter().all(|it| test(it) || it.is_null());
        Some(match () {
            () if !self.properties.is_empty() || has(&["additionalProperties"]) => "object",
            () if self.items.is_some() => "array",
            () if all(Json::is_string) || has(&["pattern", "minLength", "maxLength", "format"]) => "string",
            () if all(|it| it.is_i64() || it.is_u64()) => "integer",
            () if all(Json::is_number) || has(&["minimum", "maximum"]) => "number",
            () if all(Json::is_boolean) => "boolean",
            () => return None,
        })
    }

    /// Whether it is a file where files can be.
    pub(super) fn is_bytes(&self) -> bool {
        self.text("format") == Some("binary")
            || self.text("contentMediaType").is_some() && self.text("contentEncoding").is_none()
    }

    pub(super) fn texts(&self, out: &mut Map<String, Json>) {
        let format = match self.text("format").unwrap_or_default() {
            "byte" => "base64",
            "url" | "iri" => "uri",
            "guid" => "uuid",
            it @ ("date-time" | "date" | "email" | "uri" | "uuid") => it,
            _ if self.text("contentEncoding") == Some("base64") => "base64",
            _ => "",
        };
        if !format.is_empty() {
            out.insert("format".to_owned(), json!(format));
        }
        for key in ["minLength", "maxLength"] {
            out.extend(self.count(key));
        }
        if let Some(pattern) = self.text("pattern").filter(|it| regex::Regex::new(it).is_ok()) {
            out.insert("pattern".to_owned(), json!(pattern));
        }
    }

    pub(super) fn counts(&self, out: &mut Map<String, Json>) {
        for key in ["minItems", "maxItems"] {
            out.extend(self.count(key));
        }
        if self.word("uniqueItems") == Some(&Json::Bool(true)) {
            out.insert("uniqueItems".to_owned(), json!(true));
        }
    }

    fn count(&self, key: &str) -> Option<(String, Json)> {
        let count = self.word(key)?.as_u64().filter(|it| *it <= 1_000_000)?;
        Some((key.to_owned(), json!(count)))
    }

    /// In OpenAPI 3.0 an exclusive bound is a boolean beside the bound.
    pub(super) fn numbers(&self, out: &mut Map<String, Json>) {
        for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
            let is_exclusive = self.word(exclusive) == Some(&Json::Bool(true));
            if let Some(value) = self.word(bound).filter(|it| it.is_number()) {
                out.insert(if is_exclusive { exclusive } else { bound }.to_owned(), value.clone());
            }
            if let Some(value) = self.word(exclusive).filter(|it| it.is_number()) {
                out.insert(exclusive.to_owned(), value.clone());
            }
        }
        // steps of hundredths are not exact in binary
        if let Some(step) = self.word("multipleOf").filter(|it| it.as_u64().is_some_and(|it| it > 0)) {
            out.insert("multipleOf".to_owned(), step.clone());
        }
    }

    /// `enum`, `default` and an example, as far as they are of the type.
    pub(super) fn values(&self, out: &mut Map<String, Json>, kinds: &[&str], nullable: bool) {
        let of_kind = |value: &Json| {
            kinds.is_empty()
                || kinds.iter().any(|kind| match *kind {
                    "string" => value.is_string(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    "array" => value.is_array(),
                    _ => value.is_object(),
                })
        };
        let mut listed: Vec<Json> = Vec::new();
        for value in self.listed().into_iter().filter(|it| of_kind(it)) {
            if !listed.contains(value) {
                listed.push(value.clone());
            }
        }
        if !listed.is_empty() {
            listed.extend(nullable.then_some(Json::Null));
            out.insert("enum".to_owned(), listed.into());
        }
        if let Some(default) = self.word("default").filter(|it| of_kind(it)) {
            out.insert("default".to_owned(), default.clone());
        }
        let example = self.word("example").or_else(|| self.word("examples")?.get(0));
        let is_short =
            |it: &&Json| it.is_number() || it.as_str().is_some_and(|it| it.len() <= 100 && !it.contains("{{"));
        if let Some(example) = example.filter(|it| of_kind(it)).filter(is_short) {
            out.insert("examples".to_owned(), json!([example]));
        }
    }

    /// The description, last.
    pub(super) fn describe(&self, out: &mut Map<String, Json>) {
        let text = self.text("description").or_else(|| self.text("title")).map(|it| name::plain(it, 200));
        if let Some(text) = text.filter(|it| !it.is_empty()) {
            out.remove("description");
            out.insert("description".to_owned(), json!(text));
        }
    }

    /// The property by which an alternative is known has the value of this one.
    pub(super) fn tell_apart(&self, at: &At<'d>, schema: &mut Map<String, Json>) {
        let Some(discriminator) = &self.discriminator else { return };
        let Some(property) = discriminator.text("propertyName") else { return };
        let Some(reference) = at.node.get("$ref").and_then(Json::as_str) else { return };
        let mapped = discriminator
            .get("mapping")
            .and_then(|it| it.entries().find(|(_, at)| at.node.as_str() == Some(reference)));
        let value = mapped.map_or_else(|| reference.rsplit('/').next().unwrap_or_default(), |it| it.0);
        if let Some(Json::Object(properties)) = schema.get_mut("properties") {
            properties.insert(property.to_owned(), json!({"type": "string", "enum": [value]}));
            if let Json::Array(names) = schema.entry("required").or_insert_with(|| json!([]))
                && !names.iter().any(|it| it == property)
            {
                names.push(json!(property));
            }
        }
    }
}
