//! Documents: their text, and changes that happen together or not at all.

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Response},
};
use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use super::{
    Shared, mask,
    wire::{self, Refusal, platform},
    world::World,
};
use crate::fakes::{self, param};

const READ: [&str; 4] = ["documents.readonly", "documents", "drive.readonly", "drive"];
const WRITE: [&str; 2] = ["documents", "drive"];

/// The documents by their ids, each of which is a file as well.
pub(super) type Documents = IndexMap<String, Document>;

/// A document: its text, of which the last character is always a line break.
#[derive(Clone, Default)]
pub(crate) struct Document {
    pub(crate) text: String,
    pub(crate) read_only: bool,
    revision: u64,
}

impl Document {
    /// With this text.
    pub(crate) fn of(text: &str) -> Self {
        Self { text: format!("{text}\n"), ..Self::default() }
    }

    /// What somebody owns who copies it.
    pub(super) fn copy(&self) -> Self {
        Self { read_only: false, ..self.clone() }
    }

    fn revision(&self) -> String {
        format!("ALBJ{}", self.revision)
    }

    fn body(&self) -> Json {
        let runs = self
            .text
            .split_inclusive('\n')
            .map(|it| json!({"paragraph": {"elements": [{"textRun": {"content": it}}]}}));
        json!({"content": runs.collect::<Vec<Json>>()})
    }

    /// One request of a batch, and its reply.
    fn change(&mut self, request: &Json) -> Option<Json> {
        if let Some(insert) = request.get("insertText") {
            insert.get("endOfSegmentLocation")?;
            let at = self.text.len() - 1;
            self.text.insert_str(at, insert["text"].as_str()?);
            return Some(json!({}));
        }
        let replace = request.get("replaceAllText")?;
        let wanted = replace["containsText"]["text"].as_str().filter(|it| !it.is_empty())?;
        let count = self.text.matches(wanted).count();
        self.text = self.text.replace(wanted, replace["replaceText"].as_str().unwrap_or_default());
        Some(if count == 0 {
            json!({"replaceAllText": {}})
        } else {
            json!({"replaceAllText": {"occurrencesChanged": count}})
        })
    }
}

/// `documents.get`: the first tab, or all of them below `tabs`.
pub(super) async fn get(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let world = shared.world();
    let outcome = open(&world, &headers, &READ, &id).and_then(|document| {
        let title = world.files.get(&id).map_or("Untitled", |it| &it.name);
        let mut whole = json!({"documentId": id, "title": title, "revisionId": document.revision()});
        if param(&asked, "includeTabsContent") == Some("true") {
            whole["tabs"] = json!([{"tabProperties": {"tabId": "t.0"}, "documentTab": {"body": document.body()}}]);
        } else {
            whole["body"] = document.body();
        }
        mask::apply(whole, param(&asked, "fields"))
            .ok_or_else(|| platform(400, "INVALID_ARGUMENT", "Invalid field mask"))
    });
    outcome.map_or_else(|it| *it, |it| fakes::json(200, &it))
}

/// `documents.batchUpdate`
pub(super) async fn update(
    State(shared): State<Shared>,
    Path(target): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    let outcome = (|| {
        let id = target.strip_suffix(":batchUpdate").ok_or_else(|| platform(404, "NOT_FOUND", "Not found."))?;
        // What came from this project may be changed with the narrow scope too.
        let ours = world.files.get(id).is_some_and(|it| it.ours);
        let scopes: &[&str] = if ours { &["drive.file", "documents", "drive"] } else { &WRITE };
        let mut changed = open(&world, &headers, scopes, id)?.clone();
        if changed.read_only {
            return Err(platform(403, "PERMISSION_DENIED", "The caller does not have permission"));
        }
        let invalid = |message: &str| platform(400, "INVALID_ARGUMENT", message);
        let body: Json = serde_json::from_str(&body).map_err(|_| invalid("Invalid JSON payload received."))?;
        if body["writeControl"]["requiredRevisionId"].as_str().is_some_and(|it| it != changed.revision()) {
            return Err(invalid("The required revision ID does not match the latest revision."));
        }
        let requests = body["requests"].as_array().filter(|it| !it.is_empty());
        let requests = requests.ok_or_else(|| invalid("Must specify at least one request."))?;
        let replies: Option<Vec<Json>> = requests.iter().map(|it| changed.change(it)).collect();
        let replies = replies.ok_or_else(|| invalid("Invalid requests[0]"))?;
        changed.revision += 1;
        let answer =
            json!({"documentId": id, "replies": replies, "writeControl": {"requiredRevisionId": changed.revision()}});
        world.documents.insert(id.to_owned(), changed);
        Ok(answer)
    })();
    wire::answered(outcome)
}

fn open<'w>(world: &'w World, headers: &HeaderMap, scopes: &[&str], id: &str) -> Result<&'w Document, Refusal> {
    wire::authorise(world, headers, scopes)?;
    world.documents.get(id).ok_or_else(|| platform(404, "NOT_FOUND", "Requested entity was not found."))
}
