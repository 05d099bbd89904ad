//! Erasing and exporting what a conversation or a customer left behind.

use std::sync::Arc;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::{
    calls::named,
    events::EventView,
    executions::shown,
    page::{Page, Paging},
};
use crate::{
    api::{
        caller::Caller,
        json::Parameters,
        problem::{Kind, Problem},
    },
    base::{ErasureId, OrgId},
    runtime::{Engine, Erasing, Exported, Place},
    store::{Erasure, Subject},
};

/// An erasure that was asked for. It holds nothing of what was erased.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Erasure)]
pub(super) struct ErasureView {
    #[schema(example = "era_01jdg3k8m2e1vbnv6q4v9q8x7t")]
    id: String,
    /// `conversation` or `customer`.
    of: String,
    /// Of the org and the id that was given, by SHA-256: the same whenever the same is erased.
    digest: String,
    /// What began until then is erased.
    asked_at: String,
    /// When nothing was left and nothing could come any more: an hour after it was asked for, or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    done_at: Option<String>,
    /// Executions that were erased: their arguments, outputs and traces.
    executions: u64,
    /// Events whose data was erased.
    events: u64,
    /// What providers told that was erased.
    received_events: u64,
    /// Executions that run, wait or are in doubt: they are erased when they are over. Only when it was just asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<u64>,
}

impl From<Erasure> for ErasureView {
    fn from(it: Erasure) -> Self {
        Self {
            id: it.id.to_string(),
            of: it.kind,
            digest: it.digest,
            asked_at: it.asked_at.to_string(),
            done_at: it.done_at.map(|at| at.to_string()),
            executions: it.erased.executions,
            events: it.erased.events,
            received_events: it.erased.received,
            left: None,
        }
    }
}

/// Erase a conversation
///
/// Arguments, outputs and traces of its executions, the data of events that tell of them, and what providers told that they waited
/// for. What still runs, waits or is in doubt is erased when it is over. Asking again tells the same.
#[utoipa::path(
    delete, path = "/v1/conversations/{conversation}", operation_id = "erase_conversation", tag = "data",
    params(("conversation" = String, Path, description = "By your own id")),
    responses((status = 200, body = ErasureView)),
)]
pub(super) async fn conversation(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(id): Path<String>,
) -> Result<Json<ErasureView>, Problem> {
    named("conversation", Some(id.clone()))?;
    erase(&engine, org, &Subject::Conversation(id)).await
}

/// Erase a customer
///
/// As for a conversation: what was run for this customer, in whichever conversation.
#[utoipa::path(
    delete, path = "/v1/customers/{customer}", operation_id = "erase_customer", tag = "data",
    params(("customer" = String, Path, description = "By your own id")),
    responses((status = 200, body = ErasureView)),
)]
pub(super) async fn customer(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(id): Path<String>,
) -> Result<Json<ErasureView>, Problem> {
    named("customer", Some(id.clone()))?;
    erase(&engine, org, &Subject::Customer(id)).await
}

async fn erase(engine: &Engine, org: OrgId, subject: &Subject) -> Result<Json<ErasureView>, Problem> {
    let Erasing { erasure, left } = engine.erase(org, subject).await?;
    Ok(Json(ErasureView { left: Some(left), ..erasure.into() }))
}

/// List erasures
///
/// That they happened, newest first; kept for three years.
#[utoipa::path(
    get, path = "/v1/erasures", operation_id = "list_erasures", tag = "data", params(Paging),
    responses((status = 200, body = Page<ErasureView>)),
)]
pub(super) async fn list(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Page<ErasureView>>, Problem> {
    let before = match paging.cursor.as_deref().map(str::parse::<ErasureId>) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => return Err(Problem::new(Kind::InvalidRequest, "cursor is not one that a list gave")),
    };
    let limit = paging.limit();
    let found = engine.erasures(org, before, limit).await?;
    let more = found.len() == limit as usize;
    let next_cursor = found.last().filter(|_| more).map(|it| it.id.to_string());
    Ok(Json(Page { data: found.into_iter().map(ErasureView::from).collect(), next_cursor }))
}

/// What to export.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct ExportParameters {
    /// Only what is of this conversation.
    conversation: Option<String>,
    /// Only what is of this customer.
    customer: Option<String>,
    /// Only what follows: the `cursor` of the last line that came, if the export broke off.
    after: Option<String>,
}

/// Export
///
/// All that is kept of the org, or of a conversation or customer, as one JSON object a line (NDJSON): `execution`, with its
/// arguments, trace, writes and `events`; `event`, of no execution; in the end `{"end": true}`, without which it broke off. Each
/// line has a `cursor` to go on after.
#[utoipa::path(
    get, path = "/v1/export", operation_id = "export", tag = "data", params(ExportParameters),
    responses((status = 200, content_type = "application/x-ndjson", body = String)),
)]
pub(super) async fn export(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Parameters(parameters): Parameters<ExportParameters>,
) -> Result<Response, Problem> {
    let ExportParameters { conversation, customer, after } = parameters;
    let subject = match (named("conversation", conversation)?, named("customer", customer)?) {
        (Some(_), Some(_)) => {
            return Err(Problem::new(Kind::InvalidRequest, "give `conversation` or `customer`, not both"));
        }
        (Some(id), None) => Some(Subject::Conversation(id)),
        (None, Some(id)) => Some(Subject::Customer(id)),
        (None, None) => None,
    };
    let from = place(after.as_deref())?;
    // a piece at a time, when the reader has taken the one before
    let pieces = stream::try_unfold(Some(from), move |from| {
        let (engine, subject) = (Arc::clone(&engine), subject.clone());
        async move {
            let Some(from) = from else { return Ok(None) };
            let piece = engine.export(org, subject.as_ref(), from).await?;
            let next = piece.last().map(|(place, _)| *place);
            let lines = if next.is_some() { lines(piece) } else { "{\"end\":true}\n".to_owned() };
            Ok::<_, crate::runtime::Error>(Some((Bytes::from(lines), next)))
        }
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(pieces)).into_response())
}

fn lines(piece: Vec<(Place, Exported)>) -> String {
    let mut lines = String::new();
    for (place, it) in piece {
        let line = match it {
            Exported::Execution(execution, events) => {
                let events: Vec<EventView> = events.into_iter().map(EventView::from).collect();
                json!({"cursor": cursor(place), "execution": shown(*execution), "events": events})
            }
            Exported::Event(event) => json!({"cursor": cursor(place), "event": EventView::from(*event)}),
        };
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    lines
}

fn cursor(place: Place) -> String {
    match place {
        Place::Executions(id) => id.map(|it| it.to_string()).unwrap_or_default(),
        Place::Events(number) => format!("event_{number}"),
    }
}

fn place(cursor: Option<&str>) -> Result<Place, Problem> {
    let Some(cursor) = cursor else { return Ok(Place::Executions(None)) };
    let event = cursor.strip_prefix("event_").and_then(|number| number.parse().ok()).map(Place::Events);
    event
        .or_else(|| cursor.parse().ok().map(|id| Place::Executions(Some(id))))
        .ok_or_else(|| Problem::new(Kind::InvalidRequest, "after is not a cursor that an export gave"))
}
