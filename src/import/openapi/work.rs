//! Work that goes on after the answer: a 202 whose links (OpenAPI 3, Link Object) say which operation tells how it ends.

use serde_json::{Value as Json, json};

use super::{
    answers::{self, Success},
    document::At,
    operation::Operation,
    schema::Schemas,
};
use crate::import::{
    Refusal, call,
    emit::{Map, Yaml},
    name,
    output::{Out, Path},
};

/// How often it is asked, and for how long.
const EVERY: &str = "5s";
const PATIENCE: &str = "15m";

/// States in which nothing is decided yet.
const OPEN: &[&str] = &[
    "queued",
    "pending",
    "running",
    "processing",
    "progress",
    "started",
    "created",
    "accepted",
    "waiting",
    "scheduled",
    "new",
    "open",
    "working",
    "active",
];
/// States in which it has gone wrong.
const WRONG: &[&str] =
    &["failed", "failure", "error", "errored", "cancelled", "canceled", "rejected", "aborted", "expired"];

/// What tells how the work ends.
#[derive(Debug)]
pub(super) struct Work {
    /// Of the request that asks, with placeholders, and as it is sent in a case.
    path: (String, String),
    state: String,
    open: Vec<String>,
    wrong: Vec<String>,
    out: Out,
    /// What is answered at the end, in a case.
    answer: Json,
}

/// The work that an answer begins, if the description says where to ask.
pub(super) fn begun<'d>(
    success: &Success<'d>,
    all: &[Operation<'d>],
    schemas: &Schemas<'d>,
) -> Result<Option<Work>, Refusal> {
    if success.status != 202 {
        return Ok(None);
    }
    let links = success.at.as_ref().and_then(|it| it.get("links"));
    for (_, link) in links.into_iter().flat_map(|it| it.entries().collect::<Vec<_>>()) {
        let link = schemas.document.follow(link)?;
        let named = link.text("operationId");
        let asked = all.iter().find(|it| it.method == "GET" && it.at.text("operationId") == named && named.is_some());
        if let Some(work) = asked.map(|it| work(&link, it, success, schemas)).transpose()?.flatten() {
            return Ok(Some(work));
        }
    }
    Ok(None)
}

fn work<'d>(
    link: &At<'d>,
    asked: &Operation<'d>,
    begun: &Success<'d>,
    schemas: &Schemas<'d>,
) -> Result<Option<Work>, Refusal> {
    let (mut written, mut sent) = (asked.path.to_owned(), asked.path.to_owned());
    for (parameter, at) in link.get("parameters").into_iter().flat_map(|it| it.entries().collect::<Vec<_>>()) {
        let pointer = at.node.as_str().and_then(|it| it.strip_prefix("$response.body#"));
        let Some((pointer, value)) = pointer.and_then(|it| Some((it, begun.body.pointer(it)?))) else {
            return Ok(None);
        };
        let path = pointer.split('/').skip(1).map(|it| format!("['{it}']"));
        let dotted = pointer.split('/').skip(1).all(|it| name::snake(it, "") == it);
        let read = if dotted { pointer.replace('/', ".") } else { path.collect() };
        written = written.replace(&format!("{{{parameter}}}"), &format!("{{{{ steps.begun{read} }}}}"));
        sent = sent.replace(&format!("{{{parameter}}}"), &call::segment(value));
    }
    if sent.contains('{') {
        return Ok(None);
    }
    let success = answers::success(&asked.at, schemas)?;
    let properties = success.schema["properties"].as_object().into_iter().flatten();
    let state =
        properties.into_iter().find(|(name, it)| matches!(name.as_str(), "status" | "state") && it["enum"].is_array());
    let Some((state, schema)) = state else { return Ok(None) };
    let states: Vec<&str> = schema["enum"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let of = |words: &[&str]| -> Vec<String> {
        let is = |state: &str| name::words(state).iter().any(|it| words.contains(&it.as_str()));
        states.iter().filter(|it| is(it)).map(|it| (*it).to_owned()).collect()
    };
    let (open, wrong) = (of(OPEN), of(WRONG));
    let good = states.iter().find(|it| !open.iter().chain(&wrong).any(|other| other == *it));
    let (Some(good), false) = (good, open.is_empty()) else { return Ok(None) };
    let mut answer = success.body.clone();
    Path::default().then(state).set(&mut answer, Some(json!(good)));
    let (out, _) = success.output();
    let out = out.filter(|it| matches!(it, Out::Map(entries) if entries.iter().any(|(name, _)| name == state)));
    let Some(out) = out else { return Ok(None) };
    Ok(Some(Work { path: (written, sent), state: state.clone(), open, wrong, out, answer }))
}

impl Work {
    /// `steps` and `output`: the request that begins it, the wait for its end, and what is said when that is none.
    pub(super) fn plan(&self, begins: Map) -> Map {
        let list = |states: &[String]| states.iter().map(|it| format!("'{it}'")).collect::<Vec<_>>().join(", ");
        let poll = Map::default()
            .set("method", "GET")
            .set("path", self.path.0.as_str())
            .set("every", EVERY)
            .set("until", format!("{{{{ answer.body.{} not in [{}] }}}}", self.state, list(&self.open)))
            .set("output", self.out.yaml());
        let wait = Map::default().set("poll", poll).set("timeout", PATIENCE);
        let mut steps: Vec<Yaml> = vec![
            Map::default().set("id", "begun").and(begins).into(),
            Map::default().set("id", "finished").set("wait", wait).into(),
        ];
        if !self.wrong.is_empty() {
            let when = format!("{{{{ steps.finished.{} in [{}] }}}}", self.state, list(&self.wrong));
            let fail = Map::default().set("as", "provider_error").set("say", "It was begun, and it went wrong.");
            steps.push(Map::default().set("id", "went_wrong").set("when", when).set("fail", fail).into());
        }
        Map::default().set("steps", Yaml::List(steps)).set("output", "{{ steps.finished }}")
    }

    /// The exchange in which the end is told, and the output.
    pub(super) fn end(&self, base: &str) -> ((Map, Map), Json) {
        let request = Map::default().set("method", "GET").set("url", format!("{base}{}", self.path.1));
        let answer = Map::default().set("body", self.answer.clone());
        ((request, answer), self.out.of(&self.answer).unwrap_or_default())
    }
}
