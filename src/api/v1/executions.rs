//! What ran, and how it went.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, Paging};
use crate::{
    api::{
        caller::Caller,
        json::{Body, Id, Parameters, Written},
        prefer::Patience,
        problem::{Kind, Problem},
    },
    base::{ConnectionId, EnabledActionId, ExecutionId, Failure},
    runtime::{Doubt, Engine, Found, Shown},
    store::{Execution, ExecutionStatus, Filter, Write},
};

/// When it is worth while to ask again for an execution that runs, and for one that waits.
const ASK_RUNNING_AFTER_SECONDS: u64 = 2;
const ASK_WAITING_AFTER_SECONDS: u64 = 30;

/// Of what somebody found, in characters.
const LONGEST_NOTE: usize = 1000;

/// One run of an action.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExecutionView {
    #[schema(value_type = String, example = "exe_01jdg3k8m2e1vbnv6q4v9q8x7t")]
    id: ExecutionId,
    agent: String,
    /// What was called.
    #[schema(value_type = String)]
    enabled_action: EnabledActionId,
    connector: String,
    /// The connector's version that ran.
    connector_version: String,
    action: String,
    #[schema(value_type = String)]
    connection: ConnectionId,
    /// The conversation that it is part of, as the call said.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<String>,
    /// The customer that it is for, as the call said.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    /// `running`, `waiting` (for something that it will be woken by), `succeeded` or `failed`.
    status: &'static str,
    /// The arguments that it was called with. Only when one execution is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Value>,
    /// What the action gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ExecutionError>,
    /// Nobody knows whether it happened, and nobody has looked yet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    in_doubt: bool,
    /// What somebody found at the provider, after it had been in doubt.
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<ResolutionView>,
    /// `execution.key` of a call that may change something: many connectors make it known to the provider, so it can be
    /// searched for there.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_key: Option<String>,
    started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    /// What of it is no longer kept: `input`, `output` (and what a failure said), `trace` (and `writes`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expired: Vec<&'static str>,
    /// When it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_at: Option<String>,
    /// Steps, requests and answers without secrets. Only when one execution is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Value>,
    /// The requests that could change something at the provider, in order, each noted before it was sent. Only when one
    /// execution is shown, and there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    writes: Vec<WriteView>,
    /// The requests that may have changed something without that being known, the last one first. Only in the list of those in
    /// doubt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    check: Vec<WriteView>,
}

/// What somebody found.
#[derive(Debug, Serialize, ToSchema)]
struct ResolutionView {
    /// `succeeded` or `failed`.
    outcome: &'static str,
    note: String,
    at: String,
}

/// A request that could change something.
#[derive(Debug, Serialize, ToSchema)]
struct WriteView {
    /// The step that sent it.
    step: String,
    #[schema(example = "POST https://api.example.com/orders")]
    request: String,
    sent_at: String,
    /// `answered 201`, `lost` (it may have arrived) or `not_sent`. Absent: the engine stopped meanwhile, it may have arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
}

impl From<Write> for WriteView {
    fn from(it: Write) -> Self {
        Self {
            step: it.step,
            request: it.request,
            sent_at: it.sent_at.to_string(),
            outcome: it.outcome.map(|it| it.to_string()),
        }
    }
}

/// Why an action failed: for the agent to act on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExecutionError {
    /// Canonical, such as `conflict`.
    code: &'static str,
    /// A sentence for the customer.
    say: String,
    /// `never`, `later`, `changed` (with other arguments) or `after_reconnect`.
    retry: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
    /// What happened, for people who look into it.
    detail: String,
    /// The step that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
}

impl From<Failure> for ExecutionError {
    fn from(it: Failure) -> Self {
        Self {
            code: it.code.as_str(),
            say: it.say,
            retry: it.code.retry().as_str(),
            retry_after_seconds: it.retry_after_seconds,
            detail: it.detail,
            step: it.step,
        }
    }
}

impl From<Execution> for ExecutionView {
    fn from(it: Execution) -> Self {
        Self {
            id: it.id,
            agent: it.agent,
            enabled_action: it.enabled_action,
            connector: it.connector,
            connector_version: it.connector_version,
            action: it.action,
            connection: it.connection,
            conversation: it.conversation,
            customer: it.customer,
            status: it.status.as_str(),
            input: None,
            output: it.output,
            error: it.failure.map(ExecutionError::from),
            in_doubt: it.in_doubt,
            resolution: it.resolution.map(|it| ResolutionView {
                outcome: if it.happened { "succeeded" } else { "failed" },
                note: it.note,
                at: it.at.to_string(),
            }),
            provider_key: it.provider_key,
            started_at: it.started_at.to_string(),
            ended_at: it.ended_at.map(|at| at.to_string()),
            expired: [("input", it.expired.input), ("output", it.expired.output), ("trace", it.expired.trace)]
                .into_iter()
                .filter_map(|(part, expired)| expired.then_some(part))
                .collect(),
            erased_at: it.erased_at.map(|at| at.to_string()),
            trace: None,
            writes: Vec::new(),
            check: Vec::new(),
        }
    }
}

impl From<Doubt> for ExecutionView {
    fn from(it: Doubt) -> Self {
        Self { check: it.check.into_iter().map(WriteView::from).collect(), ..it.execution.into() }
    }
}

/// Which executions.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct ExecutionParameters {
    /// Only this agent's.
    agent: Option<String>,
    /// Only those of this conversation.
    conversation: Option<String>,
    /// Only those for this customer.
    customer: Option<String>,
    /// Only `running`, `waiting`, `succeeded` or `failed` ones.
    status: Option<String>,
    /// Only those of which nobody knows whether they happened; with what to look for at the provider.
    #[serde(default)]
    in_doubt: bool,
}

/// List executions
///
/// Newest first.
#[utoipa::path(
    get, path = "/v1/executions", operation_id = "list_executions", tag = "executions", params(ExecutionParameters, Paging),
    responses((status = 200, body = Page<ExecutionView>)),
)]
pub(super) async fn list(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Parameters(parameters): Parameters<ExecutionParameters>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Page<ExecutionView>>, Problem> {
    let status = match parameters.status.as_deref().map(str::parse) {
        None => None,
        Some(Ok(status)) => Some(status),
        Some(Err(())) => {
            return Err(Problem::new(
                Kind::InvalidRequest,
                "status can be `running`, `waiting`, `succeeded` or `failed`",
            ));
        }
    };
    let before = match paging.cursor.as_deref().map(str::parse::<ExecutionId>) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => return Err(Problem::new(Kind::InvalidRequest, "cursor is not one that a list gave")),
    };
    let limit = paging.limit();
    let ExecutionParameters { agent, conversation, customer, in_doubt, .. } = parameters;
    let filter = Filter { agent, conversation, customer, status, in_doubt, before };
    let data: Vec<ExecutionView> = match in_doubt {
        false => engine.executions(org, &filter, limit).await?.into_iter().map(ExecutionView::from).collect(),
        true => engine.doubts(org, filter, limit).await?.into_iter().map(ExecutionView::from).collect(),
    };
    let more = data.len() == limit as usize;
    let next_cursor = data.last().filter(|_| more).map(|it| it.id.text());
    Ok(Json(Page { data, next_cursor }))
}

/// Show an execution
///
/// With its trace, and with what it sent to change something. With `Prefer: wait=30` it is answered once it has ended, or just
/// before 30 seconds are over.
#[utoipa::path(
    get, path = "/v1/executions/{execution}", operation_id = "show_execution", tag = "executions",
    params(
        ("execution" = String, Path),
        ("Prefer" = Option<String>, Header, description = "`wait=30`: wait for its end, but answer within 30 seconds (RFC 7240)"),
    ),
    responses((status = 200, body = ExecutionView), (status = 404, body = Problem)),
)]
pub(super) async fn show(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Id(id): Id<ExecutionId>,
    patience: Patience,
) -> Result<Response, Problem> {
    let execution = engine.execution(org, id, patience.0).await?;
    Ok(answer(StatusCode::OK, shown(execution), patience))
}

/// An execution with all that is known of it.
pub(super) fn shown(it: Shown) -> ExecutionView {
    let Shown { mut execution, trace, writes } = it;
    let input = (!execution.expired.input).then(|| std::mem::take(&mut execution.input));
    let writes = writes.into_iter().map(WriteView::from).collect();
    ExecutionView { input, trace, writes, ..execution.into() }
}

/// What somebody found at the provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResolveBody {
    /// `succeeded`: it happened. `failed`: it did not, and may be called again.
    #[schema(example = "succeeded")]
    outcome: String,
    /// What the action would have given, if it happened.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    output: Option<Value>,
    /// How you know, at most 1000 characters.
    #[schema(example = "The payment is in the dashboard as paid.")]
    note: String,
}

/// Resolve an execution
///
/// Ends the doubt about an execution that failed with `unknown_outcome`, by what was found at the provider. The chatbot is told by
/// an event. Saying the same again changes nothing; the contrary is refused. What it did before is left as it is.
#[utoipa::path(
    post, path = "/v1/executions/{execution}/resolve", operation_id = "resolve_execution", tag = "executions", request_body = ResolveBody,
    params(("execution" = String, Path)),
    responses(
        (status = 200, body = ExecutionView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem),
    ),
)]
pub(super) async fn resolve(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Id(id): Id<ExecutionId>,
    Body(body): Body<ResolveBody>,
) -> Result<Json<ExecutionView>, Problem> {
    let refused = |why: &str| Problem::new(Kind::InvalidRequest, why);
    let ResolveBody { outcome, output, note } = body;
    let happened = match outcome.as_str() {
        "succeeded" => true,
        "failed" if output.is_some() => return Err(refused("what failed has no output")),
        "failed" => false,
        _ => return Err(refused("outcome can be `succeeded` or `failed`")),
    };
    if note.trim().is_empty() || note.chars().count() > LONGEST_NOTE {
        return Err(refused("note must say in 1 to 1000 characters how you know"));
    }
    Ok(Json(engine.resolve(org, id, Found { happened, output, note }).await?.into()))
}

/// An execution with what its asker needs to come back for it.
pub(super) fn answer(status: StatusCode, view: ExecutionView, patience: Patience) -> Response {
    let come_back = match view.status.parse() {
        Ok(ExecutionStatus::Running) => Some(ASK_RUNNING_AFTER_SECONDS),
        Ok(ExecutionStatus::Waiting) => Some(ASK_WAITING_AFTER_SECONDS),
        _ => None,
    };
    let come_back = come_back.map(|seconds| (seconds, format!("/v1/executions/{}", view.id)));
    let mut answer = (status, Written(view)).into_response();
    let headers = answer.headers_mut();
    if let Some((seconds, location)) = come_back
        && let Ok(location) = HeaderValue::try_from(location)
    {
        headers.insert(header::LOCATION, location);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    patience.applied(headers);
    answer
}
