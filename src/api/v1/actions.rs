//! Actions that a builder switched on for an agent.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::page::Page;
use crate::{
    api::{caller::Caller, json::Body, problem::Problem},
    base::EnabledActionId,
    runtime::{Change, Enable, Engine},
    store::EnabledAction,
};

/// An action that is switched on for an agent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EnabledActionView {
    #[schema(example = "act_01jdg3k8m2e1vbnv6q4v9q8x7t")]
    id: String,
    agent: String,
    connector: String,
    action: String,
    connection: String,
    /// Fixed by the builder, defaults filled in.
    config: Value,
    /// The function's name, as the model sees it.
    name: String,
    /// The function's description, when it is not the action's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// `ready`, or `needs_attention`: it can't work as it should until somebody has looked at `problems`.
    status: &'static str,
    /// What somebody should look at, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

impl From<EnabledAction> for EnabledActionView {
    fn from(it: EnabledAction) -> Self {
        Self {
            id: it.id.to_string(),
            agent: it.agent,
            connector: it.connector,
            action: it.action,
            connection: it.connection.to_string(),
            config: it.config,
            name: it.function,
            description: it.description,
            status: if it.attention.is_empty() { "ready" } else { "needs_attention" },
            problems: it.attention,
        }
    }
}

/// What to switch on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EnableBody {
    #[schema(example = "some-calendar")]
    connector: String,
    #[schema(example = "book_appointment")]
    action: String,
    /// A connection to the connector's account.
    connection: String,
    /// Checked against the action's config schema.
    #[serde(default = "no_fields")]
    #[schema(value_type = Object)]
    config: Value,
    /// The function's name; the action's own by default. Letters, digits, `_` and `-`.
    name: Option<String>,
    /// The function's description; the action's own by default.
    description: Option<String>,
}

fn no_fields() -> Value {
    Value::Object(serde_json::Map::new())
}

/// What to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    connection: Option<String>,
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    name: Option<String>,
    description: Option<String>,
}

/// The two parts of an enabled action's path.
pub(super) struct OfAgent(String, EnabledActionId);

impl<S: Send + Sync> FromRequestParts<S> for OfAgent {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let missing = || Problem::not_found("enabled action");
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((agent, id)) = path.map_err(|_| missing())?;
        Ok(Self(agent, id.parse().map_err(|_| missing())?))
    }
}

/// List an agent's enabled actions
#[utoipa::path(
    get, path = "/v1/agents/{agent}/actions", operation_id = "list_enabled_actions", tag = "agents", params(("agent" = String, Path)),
    responses((status = 200, body = Page<EnabledActionView>)),
)]
pub(super) async fn list(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(agent): Path<String>,
) -> Result<Json<Page<EnabledActionView>>, Problem> {
    let all = engine.enabled_actions(org, &agent).await?;
    Ok(Json(Page::whole(all.into_iter().map(EnabledActionView::from).collect())))
}

/// Enable an action for an agent
#[utoipa::path(
    post, path = "/v1/agents/{agent}/actions", operation_id = "enable_action", tag = "agents",
    params(("agent" = String, Path, description = "The chatbot's own id of the agent")), request_body = EnableBody,
    responses(
        (status = 201, body = EnabledActionView),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    ),
)]
pub(super) async fn enable(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(agent): Path<String>,
    Body(body): Body<EnableBody>,
) -> Result<(StatusCode, Json<EnabledActionView>), Problem> {
    let enable = Enable {
        agent,
        connector: body.connector,
        action: body.action,
        connection: body.connection.parse().map_err(|_| Problem::not_found("connection"))?,
        config: body.config,
        name: body.name,
        description: body.description,
    };
    Ok((StatusCode::CREATED, Json(engine.enable(org, enable).await?.into())))
}

/// Show an enabled action
#[utoipa::path(
    get, path = "/v1/agents/{agent}/actions/{id}", operation_id = "show_enabled_action", tag = "agents", params(("agent" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = EnabledActionView), (status = 404, body = Problem)),
)]
pub(super) async fn show(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    OfAgent(agent, id): OfAgent,
) -> Result<Json<EnabledActionView>, Problem> {
    Ok(Json(engine.enabled_action(org, &agent, id).await?.into()))
}

/// Change an enabled action
#[utoipa::path(
    patch, path = "/v1/agents/{agent}/actions/{id}", operation_id = "change_enabled_action", tag = "agents",
    params(("agent" = String, Path), ("id" = String, Path)), request_body = ChangeBody,
    responses(
        (status = 200, body = EnabledActionView),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    ),
)]
pub(super) async fn change(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    OfAgent(agent, id): OfAgent,
    Body(body): Body<ChangeBody>,
) -> Result<Json<EnabledActionView>, Problem> {
    let connection = match body.connection {
        Some(text) => Some(text.parse().map_err(|_| Problem::not_found("connection"))?),
        None => None,
    };
    let change = Change { connection, config: body.config, name: body.name, description: body.description };
    Ok(Json(engine.change(org, &agent, id, change).await?.into()))
}

/// Disable an action
#[utoipa::path(
    delete, path = "/v1/agents/{agent}/actions/{id}", operation_id = "disable_action", tag = "agents", params(("agent" = String, Path), ("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)),
)]
pub(super) async fn disable(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    OfAgent(agent, id): OfAgent,
) -> Result<StatusCode, Problem> {
    engine.disable(org, &agent, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
