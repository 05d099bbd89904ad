//! API integrations: a builder's form for one request to a program of their own.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{executions::ExecutionError, page::Page};
use crate::{
    api::{
        caller::Caller,
        json::Body,
        problem::{DiagnosticView, Kind, Problem},
    },
    base::Failure,
    catalog::form::{self, Form},
    runtime::{DryRun, Engine, Integration, LiveRun, Published},
    transport::dry::DryRequest,
};

/// An API integration.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IntegrationView {
    #[schema(example = "stock")]
    name: String,
    /// The connector that it became: connect and enable it like any other.
    #[schema(example = "api-stock")]
    connector: String,
    /// That connector's only action.
    #[schema(example = "stock")]
    action: String,
    /// Raised with every change.
    #[schema(example = "1.0.0")]
    version: String,
    updated_at: String,
    /// As it was given.
    form: Form,
    /// What was noticed and forbids nothing. Only in the answer that changes it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<DiagnosticView>,
}

impl From<Integration> for IntegrationView {
    fn from(it: Integration) -> Self {
        let Integration { name, version, form } = it;
        Self {
            action: form::action(&name),
            name,
            connector: version.id,
            version: version.version,
            updated_at: version.created_at.to_string(),
            form,
            warnings: Vec::new(),
        }
    }
}

/// List API integrations
#[utoipa::path(
    get, path = "/v1/api-integrations", operation_id = "list_api_integrations", tag = "api integrations",
    responses((status = 200, body = Page<IntegrationView>)),
)]
pub(super) async fn list(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
) -> Result<Json<Page<IntegrationView>>, Problem> {
    let all = engine.integrations(org).await?;
    Ok(Json(Page::whole(all.into_iter().map(IntegrationView::from).collect())))
}

/// Show an API integration
#[utoipa::path(
    get, path = "/v1/api-integrations/{name}", operation_id = "show_api_integration", tag = "api integrations",
    params(("name" = String, Path)),
    responses((status = 200, body = IntegrationView), (status = 404, body = Problem)),
)]
pub(super) async fn show(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(name): Path<String>,
) -> Result<Json<IntegrationView>, Problem> {
    Ok(Json(engine.integration(org, &name).await?.into()))
}

/// Make or change an API integration
///
/// The form becomes the connector `api-{name}` with one action. What is wrong is told with pointers into the form. Enabled
/// actions go on with the new version; one that they would not work with is refused.
#[utoipa::path(
    put, path = "/v1/api-integrations/{name}", operation_id = "put_api_integration", tag = "api integrations",
    params(("name" = String, Path, description = "lower-case-with-dashes")), request_body = Form,
    responses(
        (status = 200, body = IntegrationView), (status = 201, body = IntegrationView, description = "It is new"),
        (status = 400, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    ),
)]
pub(super) async fn put(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(name): Path<String>,
    Body(form): Body<Form>,
) -> Result<(StatusCode, Json<IntegrationView>), Problem> {
    let (integration, Published { warnings, is_first, .. }) = engine.put_integration(org, &name, form).await?;
    let status = if is_first { StatusCode::CREATED } else { StatusCode::OK };
    let warnings = warnings.into_iter().map(DiagnosticView::from).collect();
    Ok((status, Json(IntegrationView { warnings, ..integration.into() })))
}

/// Remove an API integration
///
/// One that is in use is not: disable its actions and disconnect its accounts first.
#[utoipa::path(
    delete, path = "/v1/api-integrations/{name}", operation_id = "remove_api_integration", tag = "api integrations",
    params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)),
)]
pub(super) async fn remove(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    engine.remove_integration(org, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How to try it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TestBody {
    /// `dry` (default): only shows the request; `live`: sends it through `connection`, as a call would.
    #[schema(example = "dry")]
    mode: Option<String>,
    /// What an agent would fill in; the form's own example if it is left out.
    input: Option<Map<String, Value>>,
    /// The connection whose credentials are used, for `live`.
    connection: Option<String>,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TriedView {
    /// `succeeded` or `failed`; of a dry run without an example of an answer nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// What the agent would get.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Value>,
    /// What the agent would be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ExecutionError>,
    /// What would be sent, with `•••` in place of credentials. Only of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<Vec<RequestView>>,
    /// What was sent, before it was signed, and what was answered. Only of a live run.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Value>,
}

/// A request that would be sent.
#[derive(Debug, Serialize, ToSchema)]
struct RequestView {
    method: String,
    url: String,
    #[schema(value_type = Object)]
    headers: Map<String, Value>,
    /// JSON if it is any, else text; nothing if there is none.
    #[serde(skip_serializing_if = "Value::is_null")]
    body: Value,
}

impl From<DryRequest> for RequestView {
    fn from(it: DryRequest) -> Self {
        let text = String::from_utf8_lossy(&it.body);
        let body = serde_json::from_slice(&it.body).unwrap_or_else(|_| match text.is_empty() {
            true => Value::Null,
            false => Value::from(text),
        });
        let headers = it.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
        Self { method: it.method, url: it.url, headers, body }
    }
}

/// Try an API integration
///
/// A dry run shows the request with its credentials masked, and what the form's example of an answer comes to. A live run sends
/// it: whatever it changes is changed.
#[utoipa::path(
    post, path = "/v1/api-integrations/{name}/test", operation_id = "test_api_integration", tag = "api integrations",
    params(("name" = String, Path)), request_body = TestBody,
    responses(
        (status = 200, body = TriedView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem),
    ),
)]
pub(super) async fn test(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(name): Path<String>,
    Body(body): Body<TestBody>,
) -> Result<Json<TriedView>, Problem> {
    let input = body.input.map(Value::from);
    match (body.mode.as_deref(), body.connection) {
        (None | Some("dry"), None) => {
            let DryRun { requests, outcome } = engine.dry_run(org, &name, input).await?;
            let requests = Some(requests.into_iter().map(RequestView::from).collect());
            Ok(Json(TriedView { requests, ..tried(outcome) }))
        }
        (Some("live"), Some(connection)) => {
            let connection = connection.parse().map_err(|_| Problem::not_found("connection"))?;
            let LiveRun { outcome, trace } = engine.live_run(org, &name, connection, input).await?;
            Ok(Json(TriedView { trace: Some(trace), ..tried(Some(outcome)) }))
        }
        _ => {
            let detail = "mode can be `dry`, without a connection, or `live`, with one";
            Err(Problem::new(Kind::InvalidRequest, detail))
        }
    }
}

fn tried(outcome: Option<Result<Value, Failure>>) -> TriedView {
    let none = TriedView { status: None, output: None, error: None, requests: None, trace: None };
    match outcome {
        None => none,
        Some(Ok(output)) => TriedView { status: Some("succeeded"), output: Some(output), ..none },
        Some(Err(failure)) => TriedView { status: Some("failed"), error: Some(failure.into()), ..none },
    }
}
