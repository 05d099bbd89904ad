//! Mail: messages, conversations, drafts, labels.

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mail_parser::{MessageParser, MimeHeaders};
use serde_json::{Value as Json, json};

use super::{
    Shared,
    wire::{self, Refusal, platform},
    world::World,
};
use crate::fakes::{self, param};

const SEND: [&str; 3] = ["gmail.send", "gmail.compose", "gmail.modify"];
const DRAFT: [&str; 2] = ["gmail.compose", "gmail.modify"];
const READ: [&str; 2] = ["gmail.readonly", "gmail.modify"];

/// A message as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) thread: String,
    pub(crate) labels: Vec<String>,
    /// The whole of it.
    pub(crate) text: String,
}

impl Message {
    fn header(&self, name: &str) -> Option<String> {
        let message = MessageParser::new().parse(self.text.as_bytes())?;
        Some(message.header_raw(name.to_owned())?.trim().replace("\r\n ", " "))
    }

    fn show(&self, format: &str, names: &[&str]) -> Json {
        let parsed = MessageParser::new().parse(self.text.as_bytes()).expect("what is stored is a message");
        let body = parsed.body_text(0).unwrap_or_default().into_owned();
        let mut shown = json!({
            "id": self.id, "threadId": self.thread, "labelIds": self.labels, "historyId": "1234",
            "snippet": body.lines().next().unwrap_or_default(), "internalDate": "1795252200000",
        });
        if format == "minimal" {
            return shown;
        }
        let all = ["From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References"];
        let wanted =
            all.into_iter().filter(|it| names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(it)));
        let headers = wanted.filter_map(|it| Some(json!({"name": it, "value": self.header(it)?})));
        shown["payload"] = json!({"mimeType": "text/plain", "headers": headers.collect::<Vec<Json>>()});
        if format == "full" {
            let html = parsed.content_type().is_some_and(|it| it.subtype() == Some("html"));
            shown["payload"]["mimeType"] = if html { "text/html" } else { "text/plain" }.into();
            shown["payload"]["body"] = json!({"size": body.len(), "data": URL_SAFE_NO_PAD.encode(&body)});
        }
        shown
    }

    /// One term of a search.
    fn matches(&self, term: &str) -> bool {
        let (key, value) = term.split_once(':').unwrap_or(("", term));
        let has = |name: &str| {
            let header = self.header(name).unwrap_or_default().to_lowercase();
            header.contains(&value.to_lowercase())
        };
        match key {
            "rfc822msgid" => self.header("Message-ID").is_some_and(|it| it.trim_matches(['<', '>']) == value),
            "from" => has("From"),
            "to" => has("To"),
            "subject" => has("Subject"),
            "is" => value != "unread" || self.labels.iter().any(|it| it == "UNREAD"),
            "after" => value.parse::<i64>().is_ok_and(|it| it < 1_795_252_200),
            _ => self.text.to_lowercase().contains(&term.to_lowercase()),
        }
    }
}

/// The terms of a search; what stands in quotes is one.
fn terms(query: &str) -> Vec<String> {
    let (mut terms, mut quoted) = (vec![String::new()], false);
    for char in query.chars() {
        match char {
            '"' => quoted = !quoted,
            ' ' if !quoted => terms.push(String::new()),
            other => terms.last_mut().expect("there is one").push(other),
        }
    }
    terms.retain(|it| !it.is_empty());
    terms
}

/// `messages.send`
pub(super) async fn send(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    let outcome = wire::authorise(&world, &headers, &SEND).and_then(|()| {
        let body: Json = serde_json::from_str(&body).unwrap_or_default();
        let message = accept(&mut world, &body, "SENT")?;
        Ok(json!({"id": message.id, "threadId": message.thread, "labelIds": message.labels}))
    });
    wire::answered(outcome)
}

/// `drafts.create`
pub(super) async fn draft(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    let outcome = wire::authorise(&world, &headers, &DRAFT).and_then(|()| {
        let body: Json = serde_json::from_str(&body).unwrap_or_default();
        let message = accept(&mut world, &body["message"], "DRAFT")?;
        let id = format!("r-{}", world.next());
        Ok(json!({"id": id, "message": {"id": message.id, "threadId": message.thread, "labelIds": message.labels}}))
    });
    wire::answered(outcome)
}

/// What is sent must be base64url without padding, a message with CRLF, and go to somebody.
fn accept(world: &mut World, body: &Json, label: &str) -> Result<Message, Refusal> {
    let invalid = |message: &str| platform(400, "INVALID_ARGUMENT", message);
    let raw =
        URL_SAFE_NO_PAD.decode(body["raw"].as_str().unwrap_or_default()).ok().and_then(|it| String::from_utf8(it).ok());
    let text = raw.filter(|it| !it.is_empty()).ok_or_else(|| invalid("Invalid value for ByteString"))?;
    if text.replace("\r\n", "").contains(['\r', '\n']) || !text.contains("\r\n\r\n") {
        return Err(invalid("Invalid message"));
    }
    let parsed = MessageParser::new().parse(text.as_bytes()).ok_or_else(|| invalid("Invalid message"))?;
    if parsed.to().is_none_or(|it| it.first().is_none()) {
        return Err(invalid("Recipient address required"));
    }
    let id = format!("19a2c3d4e5f6{:04x}", world.next());
    let thread = match body["threadId"].as_str() {
        Some(thread) if world.mailbox.iter().any(|it| it.thread == thread) => thread.to_owned(),
        Some(_) => return Err(platform(404, "NOT_FOUND", "Requested entity was not found.")),
        None => id.clone(),
    };
    let message = Message { id, thread, labels: vec![label.to_owned()], text };
    world.mailbox.push(message.clone());
    Ok(message)
}

/// `messages.list`: no `messages` at all where there are none.
pub(super) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let world = shared.world();
    if let Err(refusal) = wire::authorise(&world, &headers, &READ) {
        return *refusal;
    }
    let terms = terms(param(&asked, "q").unwrap_or_default());
    let labels: Vec<&str> = asked.iter().filter(|(name, _)| name == "labelIds").map(|(_, it)| it.as_str()).collect();
    let most = param(&asked, "maxResults").and_then(|it| it.parse().ok()).unwrap_or(100);
    let found = world.mailbox.iter().rev().filter(|it| terms.iter().all(|term| it.matches(term)));
    let found = found.filter(|it| labels.iter().all(|label| it.labels.iter().any(|has| has == label)));
    let found: Vec<Json> = found.map(|it| json!({"id": it.id, "threadId": it.thread})).collect();
    let mut answer = json!({"resultSizeEstimate": found.len()});
    if found.len() > most {
        answer["nextPageToken"] = "0987".into();
    }
    if !found.is_empty() {
        answer["messages"] = found.into_iter().take(most).collect();
    }
    fakes::json(200, &answer)
}

/// `messages.get`
pub(super) async fn get(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let world = shared.world();
    let outcome = wire::authorise(&world, &headers, &READ).and_then(|()| {
        let message = world.mailbox.iter().find(|it| it.id == id);
        Ok(shown(message.ok_or_else(|| platform(404, "NOT_FOUND", "Requested entity was not found."))?, &asked))
    });
    wire::answered(outcome)
}

/// `threads.get`
pub(super) async fn thread(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let world = shared.world();
    let outcome = wire::authorise(&world, &headers, &READ).and_then(|()| {
        let messages: Vec<Json> =
            world.mailbox.iter().filter(|it| it.thread == id).map(|it| shown(it, &asked)).collect();
        if messages.is_empty() {
            return Err(platform(404, "NOT_FOUND", "Requested entity was not found."));
        }
        Ok(json!({"id": id, "historyId": "1234", "messages": messages}))
    });
    wire::answered(outcome)
}

fn shown(message: &Message, asked: &[(String, String)]) -> Json {
    let names: Vec<&str> = asked.iter().filter(|(it, _)| it == "metadataHeaders").map(|(_, it)| it.as_str()).collect();
    message.show(param(asked, "format").unwrap_or("full"), &names)
}

/// `labels.list`
pub(super) async fn labels(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    if let Err(refusal) = wire::authorise(&world, &headers, &READ) {
        return *refusal;
    }
    let labels = json!([{"id": "INBOX", "name": "INBOX", "type": "system"}, {"id": "Label_12", "name": "Leads", "type": "user"}]);
    fakes::json(200, &json!({"labels": labels}))
}
