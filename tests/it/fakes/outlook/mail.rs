//! Mail: a draft, which is sent and then is another message in another folder.

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Response, StatusCode},
};
use serde_json::{Value as Json, json};

use super::{Refusal, Shared, answer, refuse};
use crate::fakes::{pairs, param};

fn nothing(status: StatusCode) -> Response<Body> {
    let mut done = Response::new(Body::empty());
    *done.status_mut() = status;
    done
}

fn not_found() -> Refusal {
    refuse(404, "ErrorItemNotFound", "The specified object was not found in the store.")
}

pub(super) async fn draft(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    if let Err(refusal) = world.allow(&headers, &["Mail.ReadWrite"]) {
        return *refusal;
    }
    let mut message: Json = serde_json::from_str(&body).unwrap_or_default();
    if !message.is_object() {
        return *refuse(400, "RequestBodyRead", "The body is no JSON object.");
    }
    let serial = world.next();
    let id = format!("AAMkDraft{serial}=");
    message["id"] = id.as_str().into();
    message["isDraft"] = true.into();
    message["internetMessageId"] = format!("<{serial}@contoso.example>").into();
    world.drafts.insert(id, message.clone());
    answer(201, &message)
}

/// 202, without a body: queued.
pub(super) async fn send(State(shared): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let mut world = shared.world();
    if let Err(refusal) = world.allow(&headers, &["Mail.Send"]) {
        return *refusal;
    }
    let Some(mut message) = world.drafts.shift_remove(&id) else { return *not_found() };
    message["id"] = format!("AAMkSent{}=", world.next()).into();
    message["isDraft"] = false.into();
    message["receivedDateTime"] = world.now().to_string().into();
    world.sent.push(message);
    nothing(StatusCode::ACCEPTED)
}

pub(super) async fn discard(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let mut world = shared.world();
    if let Err(refusal) = world.allow(&headers, &["Mail.ReadWrite"]) {
        return *refusal;
    }
    match world.drafts.shift_remove(&id) {
        Some(_) => nothing(StatusCode::NO_CONTENT),
        None => *not_found(),
    }
}

pub(super) async fn read(State(shared): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    let outcome = world.allow(&headers, &["Mail.Read", "Mail.ReadWrite"]).and_then(|()| {
        let message = world.sent.iter().chain(world.drafts.values()).find(|it| it["id"] == id.as_str());
        message.map(|it| answer(200, it)).ok_or_else(not_found)
    });
    outcome.unwrap_or_else(|it| *it)
}

/// What is sorted by has to be filtered by first.
pub(super) async fn list(
    State(shared): State<Shared>,
    Path(folder): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = pairs(&query.unwrap_or_default());
    let world = shared.world();
    if let Err(refusal) = world.allow(&headers, &["Mail.Read", "Mail.ReadWrite"]) {
        return *refusal;
    }
    let sorted = param(&query, "$orderby").is_some_and(|it| it.starts_with("receivedDateTime"));
    let filtered = param(&query, "$filter").is_some_and(|it| it.starts_with("receivedDateTime "));
    let searched = param(&query, "$search").is_some();
    let simple = if searched { !sorted && !filtered } else { filtered || !sorted };
    if !simple {
        let message = "The restriction or sort order is too complex for this operation.";
        return *refuse(400, "InefficientFilter", message);
    }
    let found: Vec<&Json> = if folder == "sentitems" { world.sent.iter().rev().collect() } else { Vec::new() };
    answer(200, &json!({"value": found}))
}
