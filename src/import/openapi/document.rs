//! A description as a tree, read within bounds, and its references.

use serde_json::Value as Json;
use url::Url;

use crate::{base::pointer, import::Refusal};

/// The largest description that is read, in bytes.
pub const MAX_BYTES: usize = 16 << 20;
/// How deep it may be nested.
const MAX_DEPTH: usize = 100;
/// How many values it may hold.
const MAX_NODES: usize = 2_000_000;
/// How often a reference may lead to another.
const MAX_HOPS: usize = 32;

/// An OpenAPI description, 3.0 or 3.1.
#[derive(Debug)]
pub struct Document {
    root: Json,
    /// Where it came from: relative addresses in it mean from here.
    pub(super) source: Option<Url>,
}

/// A value of the description, and where it stands, as a JSON Pointer.
#[derive(Debug, Clone)]
pub(super) struct At<'d> {
    pub(super) node: &'d Json,
    pub(super) place: String,
}

impl<'d> At<'d> {
    /// The value at a key.
    pub(super) fn get(&self, key: &str) -> Option<At<'d>> {
        let node = self.node.get(key)?;
        Some(At { node, place: format!("{}/{}", self.place, pointer::token(key)) })
    }

    /// The text at a key, if there is any in it.
    pub(super) fn text(&self, key: &str) -> Option<&'d str> {
        self.node.get(key)?.as_str().map(str::trim).filter(|it| !it.is_empty())
    }

    /// Whether the value at a key is `true`.
    pub(super) fn is(&self, key: &str) -> bool {
        self.node.get(key) == Some(&Json::Bool(true))
    }

    /// Keys and values of a mapping.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'d str, At<'d>)> + use<'d> {
        let place = self.place.clone();
        let entries = self.node.as_object().into_iter().flatten();
        entries.map(move |(key, node)| (key.as_str(), At { node, place: format!("{place}/{}", pointer::token(key)) }))
    }

    /// The entries of a list.
    pub(super) fn items(&self) -> impl Iterator<Item = At<'d>> + use<'d> {
        let place = self.place.clone();
        let items = self.node.as_array().into_iter().flatten().enumerate();
        items.map(move |(at, node)| At { node, place: format!("{place}/{at}") })
    }

    /// That this can't be used.
    pub(super) fn refuse(&self, message: impl Into<String>) -> Refusal {
        Refusal::at(self.place.clone(), message)
    }
}

impl Document {
    /// Reads JSON or YAML. `source` is the address it came from, if it came from one.
    ///
    /// # Errors
    /// If it is no description, or a larger one than is read: with line and column where the text is wrong.
    pub fn read(text: &str, source: Option<Url>) -> Result<Self, Refusal> {
        if text.len() > MAX_BYTES {
            return Err(Refusal::new(format!("the description has more than {} MiB", MAX_BYTES >> 20)));
        }
        let text = text.trim_start_matches('\u{feff}');
        let root = if text.trim_start().starts_with('{') { json(text) } else { yaml(text) }?;
        match root.get("openapi").and_then(Json::as_str) {
            Some(version) if version.starts_with("3.0") || version.starts_with("3.1") => {}
            Some(version) => {
                return Err(Refusal::at("#/openapi", format!("version {version} is not read; 3.0 and 3.1 are")));
            }
            None if root.get("swagger").is_some() => {
                return Err(Refusal::at("#/swagger", "this is Swagger 2.0; convert it to OpenAPI 3 first"));
            }
            None => return Err(Refusal::at("#/openapi", "there is no `openapi: 3.…`: this is no OpenAPI description")),
        }
        Ok(Self { root, source })
    }

    pub(super) fn root(&self) -> At<'_> {
        At { node: &self.root, place: "#".to_owned() }
    }

    /// The value itself, where it is a reference to one.
    pub(super) fn follow<'d>(&'d self, at: At<'d>) -> Result<At<'d>, Refusal> {
        let from = at.clone();
        let mut at = at;
        for _ in 0..MAX_HOPS {
            let Some(reference) = at.node.get("$ref").and_then(Json::as_str) else { return Ok(at) };
            at = self.pointed(reference, &at)?;
        }
        Err(from.refuse("its reference leads in a circle"))
    }

    /// What a reference at `from` means.
    pub(super) fn pointed<'d>(&'d self, reference: &str, from: &At<'d>) -> Result<At<'d>, Refusal> {
        let Some(path) = reference.strip_prefix('#') else {
            let message =
                format!("`{reference}` stands in another file, which is not followed; bundle the description into one");
            return Err(from.refuse(message));
        };
        let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
        match self.root.pointer(&path) {
            Some(node) => Ok(At { node, place: format!("#{path}") }),
            None => Err(from.refuse(format!("`{reference}` leads to nothing"))),
        }
    }
}

fn json(text: &str) -> Result<Json, Refusal> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let message = error.to_string();
        Refusal::at(place, message.split(" at line ").next().unwrap_or_default().to_owned())
    })
}

fn yaml(text: &str) -> Result<Json, Refusal> {
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! { max_depth: MAX_DEPTH, max_nodes: MAX_NODES, max_events: 2 * MAX_NODES, max_documents: 1 },
        with_snippet: false,
    };
    serde_yaml::from_str_with_options(text, options).map_err(|error| {
        let place = error.location().map(|it| format!("line {}, column {}", it.line(), it.column()));
        let message = error.to_string();
        let message = message.lines().next().unwrap_or_default();
        let message = message.split_once(" at line ").map_or(message, |it| it.0);
        Refusal::at(place.unwrap_or_default(), message.to_owned())
    })
}
