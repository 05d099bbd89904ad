//! Is it alive, and can it serve?

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use serde_json::{Value, json};

use super::problem::{Kind, Problem};
use crate::runtime::Engine;

pub(super) fn routes() -> Router<Arc<Engine>> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready))
}

/// The process answers.
async fn alive() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// The store answers, and no stop has begun.
async fn ready(State(engine): State<Arc<Engine>>) -> Result<Json<Value>, Problem> {
    if engine.is_stopping() {
        return Err(Problem::new(Kind::Unavailable, "The engine is stopping."));
    }
    if let Err(error) = engine.store().ping().await {
        tracing::warn!(error = format!("{error:#}"), "the store does not answer");
        return Err(Problem::new(Kind::Unavailable, "The store does not answer."));
    }
    Ok(Json(json!({"status": "ready", "connectors": engine.catalog().shipped().count()})))
}
