//! Schemas of a description → schemas of our fields: with references written out, parts merged, circles cut.

use std::cell::Cell;

use serde_json::{Map, Value as Json, json};

use super::{
    document::{At, Document},
    flat::Flat,
    sample,
};
use crate::import::Refusal;

/// How deep a field may be nested.
const MAX_DEPTH: usize = 6;
/// How many parts of schemas are looked at for one operation.
const MAX_PARTS: usize = 3_000;
/// How many references may lead on from each other.
const MAX_TRAIL: usize = 50;
/// How many properties an object keeps.
const MAX_PROPERTIES: usize = 60;
/// How many alternatives a field keeps.
const MAX_ALTERNATIVES: usize = 8;

/// Which way the values go: what is read-only is not sent, what is write-only not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Sent,
    /// As a part of a form, in which bytes are files.
    Uploaded,
    Answered,
}

/// Reads the schemas of one operation.
pub(super) struct Schemas<'d> {
    pub(super) document: &'d Document,
    left: Cell<usize>,
}

impl<'d> Schemas<'d> {
    pub(super) fn new(document: &'d Document) -> Self {
        Self { document, left: Cell::new(MAX_PARTS) }
    }

    /// The schema in our dialect; it can be used as that of a field.
    pub(super) fn convert(&self, at: &At<'d>, way: Way) -> Result<Json, Refusal> {
        self.converted(at, way, &[], 0).map(Json::Object)
    }

    /// The same of a part of another, by the references that led there.
    pub(super) fn convert_in(&self, at: &At<'d>, way: Way, trail: &[String]) -> Result<Json, Refusal> {
        self.converted(at, way, trail, 0).map(Json::Object)
    }

    /// The schema with its references and parts in one; `trail` are the references that it stands in.
    pub(super) fn flat(&self, at: &At<'d>, trail: &[String]) -> Result<Flat<'d>, Refusal> {
        let mut flat = Flat { trail: trail.to_vec(), ..Flat::default() };
        self.gather(at, &mut flat)?;
        Ok(flat)
    }

    fn gather(&self, at: &At<'d>, flat: &mut Flat<'d>) -> Result<(), Refusal> {
        let left = self.left.get();
        if left == 0 {
            flat.cut = true;
            return Ok(());
        }
        self.left.set(left - 1);
        if let Some(reference) = at.node.get("$ref").and_then(Json::as_str) {
            let target = self.document.pointed(reference, at)?;
            if flat.trail.contains(&target.place) || flat.trail.len() >= MAX_TRAIL {
                flat.cut = true;
                return Ok(());
            }
            flat.trail.push(target.place.clone());
            self.gather(&target, flat)?;
        }
        for part in at.get("allOf").iter().flat_map(At::items) {
            self.gather(&part, flat)?;
        }
        for (key, value) in at.entries() {
            match key {
                "$ref" | "allOf" => {}
                "properties" => flat.properties.extend(value.entries()),
                "required" => {
                    flat.required.extend(value.node.as_array().into_iter().flatten().filter_map(Json::as_str));
                }
                "items" => flat.items = Some(value),
                "oneOf" | "anyOf" => flat.alternatives = value.items().collect(),
                "discriminator" => flat.discriminator = Some(value),
                key => {
                    flat.words.insert(key, value.node);
                }
            }
        }
        Ok(())
    }

    fn converted(&self, at: &At<'d>, way: Way, trail: &[String], depth: usize) -> Result<Map<String, Json>, Refusal> {
        let flat = self.flat(at, trail)?;
        let (mut kinds, nullable) = flat.kinds();
        let is_file = way == Way::Uploaded && flat.is_bytes();
        let mut out = Map::new();
        if is_file {
            out.insert("type".to_owned(), json!("object"));
            out.insert("format".to_owned(), json!("file"));
            flat.describe(&mut out);
            return Ok(out);
        }
        if flat.cut || depth > MAX_DEPTH {
            kinds.retain(|it| *it != "array");
            out.insert("type".to_owned(), typed(if kinds.is_empty() { vec!["object"] } else { kinds }, nullable));
            flat.describe(&mut out);
            return Ok(out);
        }
        let (mut alternatives, has_null) = self.alternatives(&flat, way, depth)?;
        let nullable = nullable || has_null;
        if let [one] = alternatives.as_mut_slice() {
            out = std::mem::take(one);
            flat.describe(&mut out);
            if nullable {
                make_nullable(&mut out);
            }
            return Ok(out);
        }
        if !alternatives.is_empty() {
            if nullable {
                alternatives.push(Map::from_iter([("type".to_owned(), json!("null"))]));
            }
            out.insert("anyOf".to_owned(), alternatives.into());
            flat.describe(&mut out);
            return Ok(out);
        }
        let known =
            if kinds.is_empty() { vec!["string", "number", "boolean", "object", "array"] } else { kinds.clone() };
        out.insert("type".to_owned(), typed(known, nullable));
        let is = |kind: &str| kinds.contains(&kind);
        if is("string") {
            flat.texts(&mut out);
        }
        if is("integer") || is("number") {
            flat.numbers(&mut out);
        }
        flat.values(&mut out, &kinds, nullable);
        if is("array") {
            flat.counts(&mut out);
            if let Some(items) = &flat.items {
                out.insert("items".to_owned(), self.converted(items, way, &flat.trail, depth + 1)?.into());
            }
        }
        if is("object") {
            self.object(&flat, &mut out, way, depth)?;
        }
        flat.describe(&mut out);
        Ok(tidied(out))
    }

    fn object(&self, flat: &Flat<'d>, out: &mut Map<String, Json>, way: Way, depth: usize) -> Result<(), Refusal> {
        let mut properties = Map::new();
        for (name, at) in self.kept(flat, way)?.into_iter().take(MAX_PROPERTIES) {
            properties.insert(name.to_owned(), self.converted(&at, way, &flat.trail, depth + 1)?.into());
        }
        let required: Vec<_> = flat.required.iter().filter(|it| properties.contains_key(**it)).copied().collect();
        if properties.is_empty() {
            return Ok(());
        }
        let is_open = flat.words.get("additionalProperties").is_some_and(|it| it.is_object() || **it == true);
        out.insert("properties".to_owned(), properties.into());
        if !required.is_empty() {
            out.insert("required".to_owned(), json!(required));
        }
        if is_open {
            out.insert("additionalProperties".to_owned(), json!(true));
        }
        Ok(())
    }

    /// The properties that go this way.
    pub(super) fn kept(&self, flat: &Flat<'d>, way: Way) -> Result<Vec<(&'d str, At<'d>)>, Refusal> {
        let dropped = if way == Way::Answered { "writeOnly" } else { "readOnly" };
        let mut kept = Vec::new();
        for (name, at) in &flat.properties {
            // said beside a reference, or where it leads
            let said = at.is(dropped) || self.document.follow(at.clone())?.is(dropped);
            if !said {
                kept.push((*name, at.clone()));
            }
        }
        Ok(kept)
    }

    /// What `oneOf` or `anyOf` leaves, each with what stands beside it; and whether null is among it.
    #[allow(clippy::type_complexity, reason = "said in the line above")]
    fn alternatives(&self, flat: &Flat<'d>, way: Way, depth: usize) -> Result<(Vec<Map<String, Json>>, bool), Refusal> {
        let (mut kept, mut has_null): (Vec<Map<String, Json>>, _) = (Vec::new(), false);
        let mut beside = Map::new();
        if !flat.alternatives.is_empty() && !flat.properties.is_empty() {
            self.object(flat, &mut beside, way, depth)?;
        }
        for at in flat.alternatives.iter().take(MAX_ALTERNATIVES) {
            let mut schema = self.converted(at, way, &flat.trail, depth + 1)?;
            if schema.get("type").is_some_and(|it| it == "null") {
                has_null = true;
                continue;
            }
            join(&mut schema, &beside);
            flat.tell_apart(at, &mut schema);
            if let Some(same) = kept.iter_mut().find(|it| mergeable(it, &schema)) {
                // the words were about one of the values
                same.remove("description");
                let more = schema.remove("enum").and_then(|it| it.as_array().cloned()).unwrap_or_default();
                if let Some(values) = same.get_mut("enum").and_then(Json::as_array_mut) {
                    more.into_iter().for_each(|it| {
                        if !values.contains(&it) {
                            values.push(it);
                        }
                    });
                }
            } else if !kept.contains(&schema) {
                kept.push(schema);
            }
        }
        Ok((kept, has_null))
    }
}

/// Two enumerations of texts are one.
fn mergeable(one: &Map<String, Json>, other: &Map<String, Json>) -> bool {
    let texts = |it: &Map<String, Json>| it.get("enum").is_some() && it.get("type").is_some_and(|it| it == "string");
    texts(one) && texts(other)
}

/// What stands beside alternatives holds for each.
fn join(schema: &mut Map<String, Json>, beside: &Map<String, Json>) {
    let Some(more) = beside.get("properties").and_then(Json::as_object) else { return };
    if let Json::Object(properties) = schema.entry("properties").or_insert_with(|| json!({})) {
        for (name, it) in more {
            properties.entry(name.clone()).or_insert_with(|| it.clone());
        }
    }
    let required = beside.get("required").and_then(Json::as_array).cloned().unwrap_or_default();
    if let Json::Array(names) = schema.entry("required").or_insert_with(|| json!([])) {
        required.into_iter().for_each(|it| {
            if !names.contains(&it) {
                names.push(it);
            }
        });
    }
    if schema.get("required").is_some_and(|it| *it == json!([])) {
        schema.remove("required");
    }
    schema.insert("type".to_owned(), json!("object"));
}

fn typed(mut kinds: Vec<&str>, nullable: bool) -> Json {
    if nullable {
        kinds.push("null");
    }
    if let [one] = kinds.as_slice() { json!(one) } else { json!(kinds) }
}

fn make_nullable(schema: &mut Map<String, Json>) {
    let kinds = match schema.get("type") {
        Some(Json::Array(kinds)) => kinds.clone(),
        Some(kind) => vec![kind.clone()],
        None => return,
    };
    if !kinds.iter().any(|it| it == "null") {
        schema.insert("type".to_owned(), kinds.into_iter().chain([json!("null")]).collect());
        if let Some(values) = schema.get_mut("enum").and_then(Json::as_array_mut) {
            values.push(Json::Null);
        }
    }
}

/// Without what would keep it from being used, and with its keys in the order in which people write them.
fn tidied(mut schema: Map<String, Json>) -> Map<String, Json> {
    for (low, high) in [("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")] {
        let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
        if bound(low).zip(bound(high)).is_some_and(|(low, high)| low > high) {
            schema.remove(low);
            schema.remove(high);
        }
    }
    if schema.contains_key("pattern") && !sample::is_usable(&schema.clone().into()) {
        schema.remove("pattern");
    }
    let given: Vec<_> = ["default", "examples"].into_iter().filter_map(|it| schema.remove_entry(it)).collect();
    let bare = Json::Object(schema.clone());
    for (key, value) in given {
        let tried = if key == "examples" { value[0].clone() } else { value.clone() };
        if sample::fits(&bare, &tried) {
            schema.insert(key, value);
        }
    }
    // What nobody can be shown a value of is wider than it says.
    if schema.contains_key("pattern") && !sample::fits(&bare, &sample::of(&bare, "text")) {
        schema.remove("pattern");
    }
    schema
}
