//! The least that somebody could write by hand: it sends the request and maps the answer. It asks for no API key, checks no
//! argument, keeps nothing, and waits for ever.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};

struct Shared {
    client: reqwest::Client,
    provider: String,
}

pub async fn run(provider: String) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let shared = Arc::new(Shared { client, provider });
    super::serve(Router::new().route("/v1/agents/a/calls", post(call)).with_state(shared), "none").await;
}

async fn call(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Json<Value> {
    let id = body["arguments"]["id"].as_str().expect("an id");
    let request = match body["function"].as_str() {
        Some("event") => shared.client.get(format!("{}/v1/events/{id}", shared.provider)),
        _ => shared
            .client
            .post(format!("{}/v1/events", shared.provider))
            .header("content-type", "application/json")
            .body(json!({"id": id}).to_string()),
    };
    let answer = request.bearer_auth("k").send().await.expect("an answer");
    let it: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
    let guest = &it["attendees"][0]["email"];
    let output = json!({"id": it["id"], "title": it["summary"], "start": it["start"]["dateTime"], "guest": guest});
    Json(json!({"status": "succeeded", "output": output}))
}
