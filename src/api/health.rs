//! Is it alive, and can it serve?

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use serde_json::{Value, json};

use super::problem::{Kind, Problem};
use crate::{coordination::Reach, runtime::Engine};

pub(super) fn routes() -> Router<Arc<Engine>> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready))
}

/// The process answers.
async fn alive() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// The store answers, what changes something may be sent, and no stop has begun.
async fn ready(State(engine): State<Arc<Engine>>) -> Result<Json<Value>, Problem> {
    if engine.is_stopping() {
        return Err(Problem::new(Kind::Unavailable, "The engine is stopping."));
    }
    if let Err(error) = engine.store().ping().await {
        tracing::warn!(error = format!("{error:#}"), "the store does not answer");
        return Err(Problem::new(Kind::Unavailable, "The store does not answer."));
    }
    if !engine.may_send() {
        return Err(Problem::new(Kind::Unavailable, "The other replicas don't know yet that this one lives."));
    }
    let mut ready = json!({"status": "ready", "connectors": engine.catalog().snapshot().count()});
    // Without Redis the engine is slower and not wrong: no reason to send traffic elsewhere, where it would be away too.
    match engine.coordination().reach() {
        Reach::Unset => {}
        Reach::There => ready["redis"] = json!("there"),
        Reach::Away => ready["redis"] = json!("away"),
    }
    Ok(Json(ready))
}
