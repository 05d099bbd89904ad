//! What an agent sees and does: its functions, and calls of them.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{executions::ExecutionView, page::Page};
use crate::{
    api::{
        caller::Caller,
        json::{Body, Parameters},
        problem::{Kind, Problem},
    },
    runtime::{Call, Engine, functions::Format},
    store::ExecutionStatus,
};

/// Whose form.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct FunctionParameters {
    /// `openai` (default), `anthropic` or `mcp`.
    format: Option<String>,
}

/// List an agent's functions
///
/// Its enabled actions in the form that a language model's API takes. Actions whose connection can't be used, or lacks
/// a scope, are left out.
#[utoipa::path(
    get, path = "/agents/{agent}/functions", operation_id = "list_functions", tag = "agents", params(("agent" = String, Path), FunctionParameters),
    responses((status = 200, body = Page<Value>)),
)]
pub(super) async fn functions(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(agent): Path<String>,
    Parameters(parameters): Parameters<FunctionParameters>,
) -> Result<Json<Page<Value>>, Problem> {
    let format: Format = parameters
        .format
        .as_deref()
        .unwrap_or("openai")
        .parse()
        .map_err(|allowed| Problem::new(Kind::InvalidRequest, format!("format can be {allowed}")))?;
    Ok(Json(Page::whole(engine.functions(org, &agent, format).await?)))
}

/// What the model wants done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CallBody {
    /// The function's name.
    #[schema(example = "book_appointment")]
    function: String,
    /// Its arguments, as the model gave them.
    #[serde(default)]
    #[schema(value_type = Object)]
    arguments: Value,
}

/// Call a function
///
/// Runs the action and answers its execution. A failure of the action is an execution with `status: failed` and an `error`
/// that tells whether to try again; a problem means that nothing ran. One that waits for something, such as a payment, is
/// answered 202 with `status: waiting`: ask for it, or wait for the event that tells how it ended. Repeating a call with the same
/// `Idempotency-Key` and arguments answers the first execution.
#[utoipa::path(
    post, path = "/agents/{agent}/calls", operation_id = "call_function", tag = "agents", request_body = CallBody,
    params(("agent" = String, Path), ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters")),
    responses(
        (status = 200, body = ExecutionView), (status = 202, body = ExecutionView),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    ),
)]
pub(super) async fn call(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(agent): Path<String>,
    headers: HeaderMap,
    Body(body): Body<CallBody>,
) -> Result<(StatusCode, Json<ExecutionView>), Problem> {
    let call = Call { agent, function: body.function, arguments: body.arguments, idempotency_key: key(&headers)? };
    let execution = engine.call(org, call).await?;
    let status = if execution.status == ExecutionStatus::Waiting { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(execution.into())))
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(text) if (1..=255).contains(&text.len()) => Ok(Some(text.to_owned())),
        _ => Err(Problem::new(Kind::InvalidRequest, "Idempotency-Key must be 1 to 255 printable ASCII characters")),
    }
}
