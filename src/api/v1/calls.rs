//! What an agent sees and does: its functions, and calls of them.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{
    executions::{ExecutionView, answer},
    page::Page,
};
use crate::{
    api::{
        caller::Caller,
        json::{Body, Parameters},
        prefer::Patience,
        problem::{Kind, Problem},
    },
    runtime::{Call, Engine, functions::Format},
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
    get, path = "/v1/agents/{agent}/functions", operation_id = "list_functions", tag = "agents", params(("agent" = String, Path), FunctionParameters),
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
    #[serde(default = "no_arguments")]
    #[schema(value_type = Object)]
    arguments: Value,
    /// Which conversation it is part of, by your own id: to find what was run for it, and to erase it.
    #[schema(example = "conversation-7", min_length = 1, max_length = 255)]
    conversation: Option<String>,
    /// Which turn of that conversation asks for it. Repeating the call of a turn answers the first execution, as with an
    /// `Idempotency-Key`, which it makes needless.
    turn: Option<Turn>,
    /// Which customer it is for, by your own id: to find what was run for them, and to erase it.
    #[schema(example = "customer-81", min_length = 1, max_length = 255)]
    customer: Option<String>,
}

/// A number or a name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum Turn {
    /// Such as 4.
    Number(u64),
    /// Such as a message's id.
    Name(String),
}

fn no_arguments() -> Value {
    json!({})
}

/// Call a function
///
/// Runs the action and answers its execution. A failure of the action is an execution with `status: failed` and an `error`
/// that tells whether to try again; a problem means that nothing ran. With `Prefer: wait=8` what has not ended just before 8
/// seconds are over is answered 202 with `status: running`, and goes on; one that waits for something, such as a payment, is
/// answered 202 with `status: waiting`. Then `Location` is where to ask for it, and its end is told by an event, once.
/// Repeating a call of the same `conversation` and `turn`, or with the same `Idempotency-Key`, and with the same arguments
/// answers the first execution.
#[utoipa::path(
    post, path = "/v1/agents/{agent}/calls", operation_id = "call_function", tag = "agents", request_body = CallBody,
    params(
        ("agent" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 characters"),
        ("Prefer" = Option<String>, Header, description = "`wait=8`: answer within 8 seconds (RFC 7240)"),
    ),
    responses(
        (status = 200, body = ExecutionView),
        (
            status = 202, body = ExecutionView, description = "It runs or waits, and goes on",
            headers(
                ("Location" = String, description = "Where to ask for it"),
                ("Retry-After" = u64, description = "When, in seconds, unless by `Prefer: wait`"),
            ),
        ),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    ),
)]
pub(super) async fn call(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(agent): Path<String>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    patience: Patience,
    Body(body): Body<CallBody>,
) -> Result<Response, Problem> {
    let turn = body.turn.map(|turn| match turn {
        Turn::Number(number) => number.to_string(),
        Turn::Name(name) => name,
    });
    let call = Call {
        agent,
        function: body.function,
        arguments: body.arguments,
        conversation: named("conversation", body.conversation)?,
        customer: named("customer", body.customer)?,
        turn: named("turn", turn)?,
        idempotency_key,
        patience: patience.0,
    };
    let execution = engine.call(org, call).await.map_err(|refusal| Problem::from(refusal).for_agent())?;
    let status = if execution.status.is_over() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(answer(status, execution.into(), patience))
}

/// An id of the chatbot's own.
pub(super) fn named(what: &str, id: Option<String>) -> Result<Option<String>, Problem> {
    let is_id = |id: &str| (1..=255).contains(&id.len()) && !id.chars().any(char::is_control);
    match id {
        Some(id) if !is_id(&id) => Err(Problem::new(
            Kind::InvalidRequest,
            format!("`{what}` has 1 to 255 characters, and none that is invisible"),
        )),
        id => Ok(id),
    }
}

/// The header of that name, if there is one.
pub(super) struct IdempotencyKey(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        match value.to_str() {
            Ok(text) if (1..=255).contains(&text.len()) => Ok(Self(Some(text.to_owned()))),
            _ => Err(Problem::new(Kind::InvalidRequest, "Idempotency-Key must be 1 to 255 printable ASCII characters")),
        }
    }
}
