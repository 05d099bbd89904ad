//! Answers like a provider.

use axum::{Json, Router, extract::Path, routing::get, routing::post};
use serde_json::{Value, json};

/// About what a calendar answers for one event.
fn event(id: &str) -> Value {
    json!({
        "kind": "event", "id": id, "status": "confirmed", "summary": "Intro call with Ana Ruiz",
        "description": "Booked in chat", "htmlLink": "https://calendar.example/event?eid=bTYwZ2IzZm90aWhhajFhcGc3",
        "created": "2026-11-22T09:30:01.000Z", "updated": "2026-11-22T09:30:01.123Z",
        "creator": {"email": "owner@example.com", "self": true},
        "organizer": {"email": "owner@example.com", "self": true},
        "start": {"dateTime": "2026-12-01T10:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-12-01T10:30:00+01:00", "timeZone": "Europe/Berlin"},
        "attendees": [{"email": "ana.ruiz@example.com", "responseStatus": "needsAction"}],
    })
}

pub async fn run() {
    let show = |Path(id): Path<String>| async move { Json(event(&id)) };
    let book = |Json(body): Json<Value>| async move { Json(event(body["id"].as_str().expect("an id"))) };
    super::serve(Router::new().route("/v1/events/{id}", get(show)).route("/v1/events", post(book)), "").await;
}
