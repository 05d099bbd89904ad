//! What the chatbot is told without asking.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{
    api::{
        caller::Caller,
        json::Parameters,
        prefer::Patience,
        problem::{Kind, Problem},
    },
    runtime::Engine,
    store::{Event, EventType},
};

/// Something that happened without a call.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventView {
    #[schema(example = "evt_01jdg3k8m2e1vbnv6q4v9q8x7t")]
    id: String,
    /// `execution.succeeded`, `execution.failed` (of those whose call was not answered with their end), `connection.reauthorize`, `action.needs_attention` or
    /// `provider.event`. There may be more one day: ignore those that you don't know.
    #[serde(rename = "type")]
    kind: &'static str,
    at: String,
    /// Which connection it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    /// Which execution it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<String>,
    /// The rest, by type.
    data: Value,
}

impl From<Event> for EventView {
    fn from(it: Event) -> Self {
        Self {
            id: it.id.to_string(),
            kind: it.kind.as_str(),
            at: it.at.to_string(),
            connection: it.connection.map(|it| it.to_string()),
            execution: it.execution.map(|it| it.to_string()),
            data: it.data,
        }
    }
}

/// A part of the events.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventPage {
    /// Oldest first.
    data: Vec<EventView>,
    /// Give it as `after` to read on, now or when there may be more.
    next_cursor: String,
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct EventParameters {
    /// Only what follows: `next_cursor` of the part before. Without it, from the oldest that is kept.
    after: Option<String>,
    /// Only this type.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// At most so many, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// List events
///
/// Oldest first, each once for whoever reads on from `next_cursor`. With `Prefer: wait=30`, and none there, it is answered once
/// there is one, or just before 30 seconds are over. They are kept for 30 days, unless the org's retention says otherwise.
#[utoipa::path(
    get, path = "/v1/events", operation_id = "list_events", tag = "events",
    params(
        EventParameters,
        ("Prefer" = Option<String>, Header, description = "`wait=30`: wait for the next, but answer within 30 seconds (RFC 7240)"),
    ),
    responses((status = 200, body = EventPage)),
)]
pub(super) async fn list(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Parameters(parameters): Parameters<EventParameters>,
    patience: Patience,
) -> Result<(HeaderMap, Json<EventPage>), Problem> {
    let refused = |detail: &str| Problem::new(Kind::InvalidRequest, detail);
    let after = match parameters.after.as_deref() {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| refused("after is not a cursor that a list gave"))?,
    };
    let kind = match parameters.kind.as_deref().map(str::parse::<EventType>) {
        None => None,
        Some(Ok(kind)) => Some(kind),
        Some(Err(())) => {
            let all = EventType::ALL.map(|it| format!("`{it}`")).join(", ");
            return Err(refused(&format!("type can be {all}")));
        }
    };
    let limit = parameters.limit.unwrap_or(50).clamp(1, 100);
    let found = engine.events(org, kind, after, limit, patience.0).await?;
    let next_cursor = found.last().map_or(after, |(number, _)| *number).to_string();
    let data = found.into_iter().map(|(_, it)| it.into()).collect();
    let mut headers = HeaderMap::new();
    patience.applied(&mut headers);
    Ok((headers, Json(EventPage { data, next_cursor })))
}
