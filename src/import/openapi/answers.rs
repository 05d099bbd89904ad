//! What a success answers: how it is read, what comes out of it, and an example of it.

use serde_json::{Map, Value as Json, json};

use super::{
    bodies::{self, Kind},
    document::At,
    sample,
    schema::{Schemas, Way},
    xml,
};
use crate::import::{
    Refusal, name,
    output::{Out, Path},
};

/// How many values an output keeps of one object.
const MOST: usize = 30;

/// The answer that means success.
#[derive(Debug)]
pub(super) struct Success<'d> {
    pub(super) status: u16,
    /// Where its headers are declared.
    pub(super) at: Option<At<'d>>,
    pub(super) kind: Option<Kind>,
    /// What is asked for, where that is not what is asked for anyway.
    pub(super) accept: Option<String>,
    /// Its schema in our dialect; null where nothing is known.
    pub(super) schema: Json,
    /// An example of its body, as JSON.
    pub(super) body: Json,
    /// The root element, of XML.
    pub(super) root: String,
}

/// The success of an operation: the first of the 2xx that has a body, else the first at all.
pub(super) fn success<'d>(operation: &At<'d>, schemas: &Schemas<'d>) -> Result<Success<'d>, Refusal> {
    let responses = operation.get("responses").into_iter().flat_map(|it| it.entries().collect::<Vec<_>>());
    let mut successes = Vec::new();
    for (status, at) in responses.filter(|(status, _)| status.starts_with('2') || *status == "default") {
        let at = schemas.document.follow(at)?;
        let has_body = at.get("content").is_some_and(|it| it.entries().next().is_some());
        successes.push((status == "default", !has_body, status, at));
    }
    successes.sort_by(|one, other| (one.0, one.1, one.2).cmp(&(other.0, other.1, other.2)));
    let Some((.., status, at)) = successes.into_iter().next().filter(|it| !it.0) else {
        let nothing = Success {
            status: 200,
            at: None,
            kind: None,
            accept: None,
            schema: Json::Null,
            body: Json::Null,
            root: String::new(),
        };
        return Ok(nothing);
    };
    let status = status.parse().unwrap_or(200);
    let content = at.get("content");
    let Some((media_type, media)) = content.as_ref().and_then(bodies::preferred) else {
        return Ok(Success {
            status,
            at: Some(at),
            kind: None,
            accept: None,
            schema: Json::Null,
            body: Json::Null,
            root: String::new(),
        });
    };
    let kind = bodies::kind(media_type);
    let schema = match media.get("schema") {
        Some(at) => schemas.convert(&at, Way::Answered)?,
        None => Json::Null,
    };
    let root = match (&kind, media.get("schema")) {
        (Kind::Xml, Some(at)) => xml::root_name(&at, &schemas.flat(&at, &[])?),
        _ => String::new(),
    };
    let made = || if schema.is_null() { json!({}) } else { sample::of(&schema, "text") };
    let body = match bodies::example(schemas, &media).filter(|it| is_alike(it, &made())) {
        Some(example) => filled(example, made()),
        None => made(),
    };
    let accept = (kind == Kind::Json && !matches!(media_type, "application/json" | "*/*" | "application/*"))
        .then(|| media_type.to_owned());
    Ok(Success { status, at: Some(at), kind: Some(kind), accept, schema, body, root })
}

/// An example with what it leaves out: the cases show all that the connector reads.
fn filled(example: Json, made: Json) -> Json {
    match (example, made) {
        (Json::Object(mut example), Json::Object(made)) => {
            for (name, made) in made {
                match example.get_mut(&name) {
                    Some(it) => *it = filled(it.take(), made),
                    None => drop(example.insert(name, made)),
                }
            }
            example.into()
        }
        (Json::Array(mut example), Json::Array(mut made)) if !made.is_empty() => {
            match example.first_mut() {
                Some(first) => *first = filled(first.take(), made.swap_remove(0)),
                None => example = made,
            }
            example.into()
        }
        (example, _) => example,
    }
}

/// An example is one of the schema beside it, as far as can be seen.
fn is_alike(example: &Json, made: &Json) -> bool {
    match (example, made) {
        (Json::Array(_), Json::Array(_)) => true,
        (Json::Object(one), Json::Object(other)) => other.is_empty() || other.keys().any(|it| one.contains_key(it)),
        _ => false,
    }
}

impl Success<'_> {
    /// How the answer is read, where that isn't told by its type.
    pub(super) fn answer(&self) -> Option<&'static str> {
        match self.kind? {
            Kind::Csv => Some("csv"),
            Kind::Text => Some("text"),
            Kind::Bytes | Kind::Multipart | Kind::Form => Some("bytes"),
            Kind::Json => None,
            Kind::Xml => Some("xml"),
        }
    }

    /// What is answered in a case.
    pub(super) fn canned(&self, body: &Json) -> crate::import::emit::Map {
        let map = crate::import::emit::Map::default();
        let map = if self.status == 200 { map } else { map.set("status", self.status) };
        let typed = |map: crate::import::emit::Map, kind: &str| map.set("headers", json!({"content-type": kind}));
        match self.kind {
            None => map.and(if self.status == 200 {
                crate::import::emit::Map::default().set("status", 200)
            } else {
                crate::import::emit::Map::default()
            }),
            Some(Kind::Json) => map.set("body", body.clone()),
            Some(Kind::Xml) => typed(map, "application/xml").set("text", xml::document(&self.root, body)),
            Some(Kind::Csv) => typed(map, "text/csv").set("text", "id,name\n1,Ana\n"),
            Some(Kind::Text) => typed(map, "text/plain").set("text", "hello"),
            Some(_) => typed(map, "application/octet-stream").set("base64", bodies::base64("hello")),
        }
    }

    /// What comes out, and what that is in the case; without a mapping it is the answer itself.
    pub(super) fn output(&self) -> (Option<Out>, Json) {
        let (out, seen) = match self.kind {
            None => (Some(Out::Map(vec![("done".to_owned(), Out::Always(json!(true)))])), Json::Null),
            Some(Kind::Json) => (of_schema(&self.schema), self.body.clone()),
            Some(Kind::Xml) => {
                let root = Path(vec![self.root.clone()]);
                let entries: Vec<_> =
                    scalars(&self.schema).map(|it| (name::snake(it, "value"), Out::At(root.then(it)))).collect();
                let seen = json!({&self.root: as_texts(&self.body)});
                ((!entries.is_empty()).then_some(Out::Map(entries)), seen)
            }
            Some(Kind::Csv) => (Some(alone("rows")), json!([{"id": "1", "name": "Ana"}])),
            Some(Kind::Text) => (Some(alone("text")), json!("hello")),
            Some(_) => (Some(alone("data")), json!(bodies::base64("hello"))),
        };
        let output = out.as_ref().map_or_else(|| Some(seen.clone()), |it| it.of(&seen));
        (out, output.unwrap_or(Json::Null))
    }
}

fn alone(name: &str) -> Out {
    Out::Map(vec![(name.to_owned(), Out::At(Path::default()))])
}

/// What XML says of a JSON value: every scalar is a text.
fn as_texts(value: &Json) -> Json {
    match value {
        Json::Object(entries) => {
            entries.iter().map(|(name, it)| (name.clone(), as_texts(it))).collect::<Map<_, _>>().into()
        }
        Json::Array(items) => match items.as_slice() {
            [one] => as_texts(one),
            several => several.iter().map(as_texts).collect(),
        },
        scalar => crate::import::call::plain(scalar).into(),
    }
}

fn properties(schema: &Json) -> impl Iterator<Item = (&String, &Json)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn scalars(schema: &Json) -> impl Iterator<Item = &str> {
    properties(schema)
        .filter(|(_, it)| !matches!(it["type"].as_str(), Some("array" | "object")))
        .map(|it| it.0.as_str())
}

/// What comes out of an answer of that schema.
fn of_schema(schema: &Json) -> Option<Out> {
    match schema["type"].as_str() {
        Some("array") => {
            let out = list(&schema["items"], &Path::default());
            Some(Out::Map(vec![("items".to_owned(), out)]))
        }
        Some("object") if schema.get("properties").is_some() => {
            let (schema, base) = unwrapped(schema, &Path::default());
            match schema["type"].as_str() {
                Some("array") => Some(Out::Map(vec![("items".to_owned(), list(&schema["items"], &base))])),
                _ => Some(Out::Map(entries(schema, &base, 0))),
            }
        }
        Some("string" | "integer" | "number" | "boolean") => Some(alone("value")),
        _ => None,
    }
}

/// Envelopes that many APIs put around what they answer.
const ENVELOPES: &[&str] = &["data", "result", "response", "payload", "item", "resource", "object", "record"];
/// What stands beside it and tells nothing to an agent.
const BESIDE: &[&str] = &[
    "meta",
    "links",
    "success",
    "status",
    "request_id",
    "requestId",
    "code",
    "message",
    "ok",
    "error",
    "errors",
    "included",
    "jsonapi",
];

/// What stands in the envelope, and where.
fn unwrapped<'s>(schema: &'s Json, base: &Path) -> (&'s Json, Path) {
    let envelope = properties(schema).find(|(name, it)| {
        let known = ENVELOPES.contains(&name.as_str());
        let whole = it.get("properties").is_some() || it["items"].get("properties").is_some();
        known && whole
    });
    match envelope {
        Some((name, inner)) if properties(schema).all(|(it, _)| it == name || BESIDE.contains(&it.as_str())) => {
            (inner, base.then(name))
        }
        _ => (schema, base.clone()),
    }
}

/// Alternatives that are all objects: with what any of them has.
fn together(schema: &Json) -> Option<Json> {
    let alternatives = schema["anyOf"].as_array().filter(|it| !it.is_empty())?;
    let mut all = Map::new();
    for one in alternatives.iter().filter(|it| it["type"] != "null") {
        for (name, it) in one["properties"].as_object()? {
            all.entry(name.clone()).or_insert_with(|| it.clone());
        }
    }
    Some(json!({"type": "object", "properties": all}))
}

/// A list: of objects, their scalars; of anything else, itself.
pub(super) fn list(items: &Json, at: &Path) -> Out {
    let whole = together(items);
    let items = whole.as_ref().unwrap_or(items);
    let inner = if items.get("properties").is_some() { entries(items, &Path::default(), 1) } else { Vec::new() };
    if inner.is_empty() { Out::At(at.clone()) } else { Out::Each(at.clone(), inner) }
}

fn entries(schema: &Json, base: &Path, depth: usize) -> Vec<(String, Out)> {
    let mut found: Vec<(String, Out)> = Vec::new();
    for (called, inner) in properties(schema) {
        let name = name::free(&name::snake(called, "value"), |name| found.iter().any(|(it, _)| it == name));
        let at = base.then(called);
        let out = match inner["type"].as_str() {
            Some("array") if depth == 0 => list(&inner["items"], &at),
            _ => Out::At(at),
        };
        found.push((name, out));
    }
    found.truncate(MOST);
    found
}
