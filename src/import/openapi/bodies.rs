//! Request bodies: JSON, forms, files, XML, text and bytes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map as JsonMap, Value as Json, json};

use super::{
    document::At,
    inputs::{Inputs, Slot},
    schema::{Schemas, Way},
};
use crate::import::{
    Refusal,
    call::{self, Body, Call},
    emit::{Map, Yaml},
    name::is_idempotency,
};

/// What kind of body a media type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Json,
    Form,
    Multipart,
    Xml,
    Csv,
    Text,
    Bytes,
}

/// The kind of a media type.
pub(super) fn kind(media_type: &str) -> Kind {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" | "text/json" | "*/*" | "application/*" => Kind::Json,
        it if it.ends_with("+json") => Kind::Json,
        "application/x-www-form-urlencoded" => Kind::Form,
        "multipart/form-data" => Kind::Multipart,
        "application/xml" | "text/xml" => Kind::Xml,
        it if it.ends_with("+xml") && !it.starts_with("image/") => Kind::Xml,
        "text/csv" => Kind::Csv,
        it if it.starts_with("text/") => Kind::Text,
        _ => Kind::Bytes,
    }
}

/// The media type that is used: the one that is written most easily.
pub(super) fn preferred<'d>(content: &At<'d>) -> Option<(&'d str, At<'d>)> {
    content.entries().min_by_key(|(name, _)| (kind(name), name.contains('*')))
}

/// What the body brought.
#[derive(Debug, Default)]
pub(super) struct Brought {
    /// A part of it tells a repetition apart.
    pub(super) has_key: bool,
    /// Inputs by which the provider may know a repetition, for whoever decides that.
    pub(super) references: Vec<String>,
    /// What could not be said.
    pub(super) todos: Vec<String>,
}

/// The members of a body that is a JSON object and is written out.
pub(super) fn members<'d>(body: &At<'d>, schemas: &Schemas<'d>) -> Result<Vec<(&'d str, At<'d>)>, Refusal> {
    let body = schemas.document.follow(body.clone())?;
    let Some((media_type, media)) = body.get("content").as_ref().and_then(preferred) else { return Ok(Vec::new()) };
    let Some(schema) = media.get("schema").filter(|_| kind(media_type) == Kind::Json) else { return Ok(Vec::new()) };
    let flat = schemas.flat(&schema, &[])?;
    if flat.has_alternatives() { Ok(Vec::new()) } else { schemas.kept(&flat, Way::Sent) }
}

/// Puts the body into the request, but for the members that `paging` gives.
pub(super) fn put(
    call: &mut Call,
    body: &At<'_>,
    paging: &[String],
    schemas: &Schemas<'_>,
    inputs: &mut Inputs,
) -> Result<Brought, Refusal> {
    let body = schemas.document.follow(body.clone())?;
    let mut brought = Brought::default();
    let Some((media_type, media)) = body.get("content").as_ref().and_then(preferred) else { return Ok(brought) };
    let required = body.is("required");
    let schema = media.get("schema");
    let kind = kind(media_type);
    let put = Put { schemas, schema: schema.as_ref(), media: &media, required, paging };
    match kind {
        Kind::Json => {
            let (written, sent) = put.whole(inputs, &mut brought, Way::Sent)?;
            call.body = Body::Json(written, sent);
            let own = !matches!(media_type, "application/json" | "*/*" | "application/*");
            call.content_type = own.then(|| media_type.to_owned());
        }
        Kind::Form => {
            let (written, sent) = put.whole(inputs, &mut brought, Way::Sent)?;
            call.body = Body::Form(written, sent);
        }
        Kind::Multipart => call.body = Body::Multipart(put.parts(inputs, &mut brought)?),
        Kind::Xml => {
            let (written, sent) = super::xml::template(schemas, schema.as_ref(), required, inputs, &mut brought)?;
            call.body = Body::Xml(written, sent);
            call.content_type = (media_type != "application/xml").then(|| media_type.to_owned());
        }
        Kind::Text | Kind::Csv => {
            let given = json!({"type": "string", "description": "The text that is sent."});
            if let Some(slot) = inputs.slot("text", "body", given, required) {
                let sent = slot.sent.map(|it| call::plain(&it)).unwrap_or_default();
                call.body = Body::Text(call::plain(&slot.written), sent);
                call.content_type = Some(media_type.to_owned());
            }
        }
        Kind::Bytes => {
            let given =
                json!({"type": "string", "format": "base64", "description": "The bytes that are sent, in base64."});
            if let Some(slot) = inputs.slot("data", "body", given, required) {
                let sent = slot.sent.map(|it| call::plain(&it)).unwrap_or_default();
                call.body = Body::Base64(call::plain(&slot.written), sent);
                call.content_type = Some(media_type.to_owned());
            }
        }
    }
    Ok(brought)
}

/// A body that is being put.
struct Put<'a, 'd> {
    schemas: &'a Schemas<'d>,
    schema: Option<&'a At<'d>>,
    media: &'a At<'d>,
    required: bool,
    /// Members that are given elsewhere.
    paging: &'a [String],
}

/// A property of the body: its name, its schema in our dialect, and where it comes from.
type Found = (String, Json, Slot);

impl Put<'_, '_> {
    /// The properties of an object as inputs of their own; anything else as one.
    fn whole(&self, inputs: &mut Inputs, brought: &mut Brought, way: Way) -> Result<(Yaml, Json), Refusal> {
        if let Some(found) = self.properties(inputs, brought, way)? {
            let (mut written, mut sent) = (Map::default(), JsonMap::new());
            for (name, _, slot) in found {
                written = written.own(&name, slot.written);
                sent.extend(slot.sent.map(|it| (name, it)));
            }
            return Ok((written.into(), sent.into()));
        }
        let schema = match self.schema {
            Some(at) => self.schemas.convert(at, way)?,
            None => json!({"type": "object"}),
        };
        let called = if schema["type"] == "array" { "items" } else { "body" };
        let slot = inputs.slot(called, "body", schema, self.required);
        Ok(slot.map_or((Yaml::from(json!({})), json!({})), |it| (it.written.into(), it.sent.unwrap_or(json!({})))))
    }

    /// None where the body is no object whose properties are known.
    fn properties(&self, inputs: &mut Inputs, brought: &mut Brought, way: Way) -> Result<Option<Vec<Found>>, Refusal> {
        let Some(at) = self.schema else { return Ok(None) };
        let flat = self.schemas.flat(at, &[])?;
        if flat.properties.is_empty() || flat.has_alternatives() {
            return Ok(None);
        }
        let example = self.example();
        let mut kept = self.schemas.kept(&flat, way)?;
        kept.retain(|(name, _)| !self.paging.iter().any(|it| it == name));
        kept.sort_by_key(|(name, _)| !flat.required.contains(name));
        let mut found = Vec::new();
        for (name, at) in kept {
            let must = self.required && flat.required.contains(name);
            if is_idempotency(name) {
                brought.has_key = true;
                let slot = Slot { written: "{{ execution.key }}".into(), input: None, sent: Some(call::KEY.into()) };
                found.push((name.to_owned(), json!({"type": "string"}), slot));
                continue;
            }
            let mut schema = self.schemas.convert_in(&at, way, &flat.trail)?;
            let given = example.as_ref().and_then(|it| it.get(name)).filter(|it| it.is_string() || it.is_number());
            if let Some(given) = given.filter(|it| super::sample::fits(&schema, it)) {
                schema["examples"] = json!([given]);
            }
            let Some(slot) = inputs.slot(name, "body", schema.clone(), must) else { continue };
            if is_reference(name) {
                brought.references.extend(slot.input.clone());
            }
            found.push((name.to_owned(), schema, slot));
        }
        Ok(Some(found))
    }

    /// The body that the description gives as an example.
    fn example(&self) -> Option<Json> {
        example(self.schemas, self.media)
    }

    fn parts(&self, inputs: &mut Inputs, brought: &mut Brought) -> Result<Vec<(Map, Option<Json>)>, Refusal> {
        let found = self.properties(inputs, brought, Way::Uploaded)?;
        let Some(found) = found else {
            brought.todos.push("the parts of the form are not described: add them to `parts`".to_owned());
            return Ok(Vec::new());
        };
        let encoding = self.media.get("encoding");
        let typed = |name: &str| {
            let given = encoding.as_ref()?.get(name)?.text("contentType")?;
            (!given.contains(['*', ','])).then(|| given.to_owned())
        };
        let mut parts = Vec::new();
        for (name, schema, slot) in found {
            let is_file = |it: &Json| it["format"] == "file";
            let own = Map::default().set("name", name.as_str());
            let (written, sent) = if is_file(&schema) || is_file(&schema["items"]) {
                let file = slot.sent.as_ref().map(|it| if it.is_array() { it[0].clone() } else { it.clone() });
                let sent = file.map(|it| {
                    let kind = typed(&name).map_or_else(|| it["content_type"].clone(), Json::from);
                    json!({"name": name, "filename": it["name"], "content_type": kind, "body": it["text"]})
                });
                (own.set("file", slot.written), sent)
            } else if matches!(schema["type"].as_str(), Some("object")) || schema["items"]["type"] == "object" {
                let kind = typed(&name).unwrap_or_else(|| "application/json".to_owned());
                let sent = slot.sent.map(|it| json!({"name": name, "content_type": kind, "body": it}));
                (own.set("json", slot.written), sent)
            } else {
                let sent = slot.sent.map(|it| {
                    let one = if it.is_array() { it[0].clone() } else { it };
                    match typed(&name) {
                        Some(kind) => json!({"name": name, "content_type": kind, "body": call::plain(&one)}),
                        None => json!({"name": name, "body": call::plain(&one)}),
                    }
                });
                (own.set("value", slot.written), sent)
            };
            parts.push((written.maybe("content_type", typed(&name)), sent));
        }
        Ok(parts)
    }
}

/// The first example of a media type.
pub(super) fn example(schemas: &Schemas<'_>, media: &At<'_>) -> Option<Json> {
    let value = media.get("example").map(|it| it.node.clone()).or_else(|| {
        let first = media.get("examples")?.entries().next()?.1;
        Some(schemas.document.follow(first).ok()?.get("value")?.node.clone())
    })?;
    let text = value.to_string();
    (text.len() < 20_000 && !text.contains("{{")).then_some(value)
}

/// Whether a name is one by which whoever asks numbers what is asked for.
fn is_reference(name: &str) -> bool {
    let words = crate::import::name::words(name);
    let joined = words.join("_");
    ["reference", "external_id", "client_id", "order_id", "request_id", "reference_id", "merchant_reference"]
        .iter()
        .any(|it| joined.ends_with(it))
}

/// Bytes of a case as base64.
pub(super) fn base64(text: &str) -> String {
    STANDARD.encode(text)
}
