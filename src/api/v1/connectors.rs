//! Connectors, and their lookups.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::page::Page;
use crate::{
    api::{
        caller::Caller,
        json::Parameters,
        problem::{Kind, Problem},
    },
    base::ConnectionId,
    runtime::Engine,
    spec::{Action, Connector},
};

/// A connector in short.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectorSummary {
    id: String,
    version: String,
    title: String,
    summary: String,
    account: String,
    phase: String,
}

/// A connector with all that a drawer needs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectorDetails {
    #[serde(flatten)]
    summary: ConnectorSummary,
    /// JSON Schema of what the builder fills in to connect. A field's `prefix` and `suffix` are shown around what is typed.
    fields: Value,
    /// Which of those are secret.
    secret_fields: Vec<String>,
    /// Whether connecting opens the provider's consent page.
    consent: bool,
    actions: Vec<ActionDetails>,
    lookups: Vec<LookupDetails>,
}

/// What the agent could do.
#[derive(Debug, Serialize, ToSchema)]
struct ActionDetails {
    name: String,
    title: String,
    description: String,
    /// `read`, `write`, `delete` or `money`.
    effect: &'static str,
    /// All that the connection must be granted.
    scopes: Vec<String>,
    /// JSON Schema of what the builder fixes.
    config: Value,
    /// Config field → the lookup to pick it from.
    lookups: Value,
    /// JSON Schema of what the agent fills in.
    input: Value,
}

/// A live list.
#[derive(Debug, Serialize, ToSchema)]
struct LookupDetails {
    name: String,
    title: String,
    scopes: Vec<String>,
    /// JSON Schema of what it depends on.
    config: Value,
}

impl From<&Connector> for ConnectorSummary {
    fn from(it: &Connector) -> Self {
        Self {
            id: it.id.clone(),
            version: it.version.clone(),
            title: it.title.clone(),
            summary: it.summary.clone(),
            account: it.account.id.clone(),
            phase: it.catalog.phase.clone(),
        }
    }
}

impl From<&Action> for ActionDetails {
    fn from(it: &Action) -> Self {
        Self {
            name: it.name.clone(),
            title: it.title.clone(),
            description: it.describe.clone(),
            effect: it.effect.as_str(),
            scopes: it.scopes.clone(),
            config: it.config.schema.clone(),
            lookups: it
                .config
                .lookups
                .iter()
                .map(|(field, lookup)| (field.clone(), Value::from(lookup.as_str())))
                .collect(),
            input: it.input.schema.clone(),
        }
    }
}

/// List connectors
#[utoipa::path(get, path = "/v1/connectors", operation_id = "list_connectors", tag = "catalog", responses((status = 200, body = Page<ConnectorSummary>)))]
pub(super) async fn list(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
) -> Result<Json<Page<ConnectorSummary>>, Problem> {
    let all = engine.connectors(org).await?;
    Ok(Json(Page::whole(all.iter().map(|it| ConnectorSummary::from(it.as_ref())).collect())))
}

/// Show a connector
///
/// Its sign-in form, its actions with the schemas of their config and input, and its lookups.
#[utoipa::path(
    get, path = "/v1/connectors/{connector}", operation_id = "show_connector", tag = "catalog",
    params(("connector" = String, Path, description = "Its id")),
    responses((status = 200, body = ConnectorDetails), (status = 404, body = Problem)),
)]
pub(super) async fn show(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(id): Path<String>,
) -> Result<Json<ConnectorDetails>, Problem> {
    let connector = engine.connector(org, &id).await?;
    Ok(Json(ConnectorDetails {
        summary: connector.as_ref().into(),
        fields: connector.account.fields.schema.clone(),
        secret_fields: connector.account.secret_fields.clone(),
        consent: connector.account.consent().is_some(),
        actions: connector.actions.values().map(ActionDetails::from).collect(),
        lookups: connector
            .lookups
            .values()
            .map(|it| LookupDetails {
                name: it.name.clone(),
                title: it.title.clone(),
                scopes: it.scopes.clone(),
                config: it.config.schema.clone(),
            })
            .collect(),
    }))
}

/// Which account is asked, and what the list depends on.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct LookupParameters {
    /// The connection whose account is asked.
    connection: String,
    /// A JSON object with the config fields that the lookup depends on.
    config: Option<String>,
}

/// Something to pick.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LookupOption {
    /// What goes into the config.
    value: Value,
    /// What the builder sees.
    label: Value,
    /// A second line, if there is one.
    #[serde(skip_serializing_if = "Value::is_null")]
    hint: Value,
}

/// Read a lookup
///
/// Asks the provider for a live list to pick a config value from.
#[utoipa::path(
    get, path = "/v1/connectors/{connector}/lookups/{lookup}", operation_id = "look_up", tag = "catalog",
    params(("connector" = String, Path), ("lookup" = String, Path), LookupParameters),
    responses(
        (status = 200, body = Page<LookupOption>),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 502, body = Problem),
    ),
)]
pub(super) async fn look_up(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path((connector, lookup)): Path<(String, String)>,
    Parameters(parameters): Parameters<LookupParameters>,
) -> Result<Json<Page<LookupOption>>, Problem> {
    let connection: ConnectionId = parameters.connection.parse().map_err(|_| Problem::not_found("connection"))?;
    let config = match parameters.config {
        None => Value::Object(serde_json::Map::new()),
        Some(text) => serde_json::from_str(&text)
            .map_err(|error| Problem::new(Kind::InvalidRequest, format!("config is not JSON: {error}")))?,
    };
    let options = engine.look_up(org, connection, &connector, &lookup, config).await?;
    let option = |mut it: Value| LookupOption {
        value: it["value"].take(),
        label: it["label"].take(),
        hint: it.get_mut("hint").map(Value::take).unwrap_or_default(),
    };
    Ok(Json(Page::whole(options.into_iter().map(option).collect())))
}
