//! How long what is kept.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{caller::Caller, json::Body, problem::Problem},
    runtime::Engine,
    store::{Policy, Retention},
};

/// Where an org differs from the engine's settings; what is left out is as there.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = RetentionPolicy)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyBody {
    /// Arguments of executions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3650)]
    inputs_days: Option<u32>,
    /// Outputs, and what failures say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3650)]
    outputs_days: Option<u32>,
    /// Traces and writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3650)]
    traces_days: Option<u32>,
    /// Executions as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3650)]
    executions_days: Option<u32>,
    /// Events, and what providers told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 3, maximum = 3650)]
    events_days: Option<u32>,
    /// How long an idempotency key, or a turn, answers its first execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 8760)]
    keys_hours: Option<u32>,
}

impl From<Policy> for PolicyBody {
    fn from(it: Policy) -> Self {
        let Policy { inputs_days, outputs_days, traces_days, executions_days, events_days, keys_hours } = it;
        Self { inputs_days, outputs_days, traces_days, executions_days, events_days, keys_hours }
    }
}

impl From<PolicyBody> for Policy {
    fn from(it: PolicyBody) -> Self {
        let PolicyBody { inputs_days, outputs_days, traces_days, executions_days, events_days, keys_hours } = it;
        Self { inputs_days, outputs_days, traces_days, executions_days, events_days, keys_hours }
    }
}

/// How long an org keeps what.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Retention)]
pub(super) struct RetentionView {
    inputs_days: u32,
    outputs_days: u32,
    traces_days: u32,
    executions_days: u32,
    events_days: u32,
    keys_hours: u32,
    /// What of this is the org's own wish.
    own: PolicyBody,
}

fn view(it: Retention, own: Policy) -> Json<RetentionView> {
    let Retention { inputs_days, outputs_days, traces_days, executions_days, events_days, keys_hours } = it;
    let own = own.into();
    Json(RetentionView { inputs_days, outputs_days, traces_days, executions_days, events_days, keys_hours, own })
}

/// Show the retention
///
/// How long arguments, outputs, traces, executions, events and idempotency keys are kept. What is still under way or in doubt is
/// kept longer.
#[utoipa::path(
    get, path = "/v1/retention", operation_id = "show_retention", tag = "data",
    responses((status = 200, body = RetentionView)),
)]
pub(super) async fn show(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
) -> Result<Json<RetentionView>, Problem> {
    Ok(view(engine.retention(org).await?, engine.policy(org).await?))
}

/// Set the retention
///
/// Replaces what the org wishes. What is no longer kept goes within minutes.
#[utoipa::path(
    put, path = "/v1/retention", operation_id = "set_retention", tag = "data", request_body = PolicyBody,
    responses((status = 200, body = RetentionView), (status = 400, body = Problem)),
)]
pub(super) async fn set(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Body(body): Body<PolicyBody>,
) -> Result<Json<RetentionView>, Problem> {
    let policy = Policy::from(body);
    Ok(view(engine.set_policy(org, &policy).await?, policy))
}
