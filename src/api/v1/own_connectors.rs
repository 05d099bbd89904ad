//! Connectors that an org has of its own.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::page::Page;
use crate::{
    api::{
        caller::Caller,
        json::Body,
        problem::{DiagnosticView, Kind, Problem},
    },
    runtime::{Engine, Published},
    store::{OwnSource, OwnVersion},
};

/// The files of a connector.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceBody {
    /// `connector.yaml`: the text, or the same as JSON. In JSON every key is quoted, and a quoted `when`, `each` or `as` is
    /// the provider's own.
    #[schema(value_type = Object)]
    source: Value,
    /// `tests.yaml`, in the same way. The cases must come out as they say.
    #[schema(value_type = Option<Object>)]
    tests: Option<Value>,
}

impl SourceBody {
    fn read(self) -> Result<OwnSource, Problem> {
        Ok(OwnSource { connector: text(self.source)?, tests: self.tests.map(text).transpose()?, form: None })
    }
}

/// YAML as it was given, or JSON, which is YAML too.
pub(super) fn text(file: Value) -> Result<String, Problem> {
    match file {
        Value::String(text) => Ok(text),
        Value::Object(_) => Ok(format!("{file:#}")),
        _ => Err(Problem::new(Kind::InvalidRequest, "A file is YAML as text, or a JSON object.")),
    }
}

/// A version of an org's own connector.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VersionView {
    #[schema(example = "own-shop")]
    connector: String,
    #[schema(example = "1.2.0")]
    version: String,
    /// Whether it is what runs.
    active: bool,
    created_at: String,
    /// What was noticed and forbids nothing. Only in the answer that publishes it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<DiagnosticView>,
}

/// A version with its files.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SourceView {
    #[serde(flatten)]
    version: VersionView,
    /// `connector.yaml`
    source: String,
    /// `tests.yaml`, if there is one.
    tests: Option<String>,
}

fn view(it: OwnVersion, active: bool) -> VersionView {
    let OwnVersion { id, version, created_at, .. } = it;
    VersionView { connector: id, version, active, created_at: created_at.to_string(), warnings: Vec::new() }
}

/// Publish a connector of the org's own
///
/// Its id begins with `own-`. The same language as that of shipped connectors, with less trust: it calls the hosts that its URLs
/// write out, and signs in by fields of its own. Enabled actions go on with the new version; one that they would not work
/// with is refused.
#[utoipa::path(
    put, path = "/v1/connectors/{connector}", operation_id = "publish_connector", tag = "connectors",
    params(("connector" = String, Path, description = "Its id: `own-` and lower-case-with-dashes")), request_body = SourceBody,
    responses(
        (status = 200, body = VersionView), (status = 201, body = VersionView, description = "The first version"),
        (status = 400, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    ),
)]
pub(super) async fn publish(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(id): Path<String>,
    Body(body): Body<SourceBody>,
) -> Result<(StatusCode, Json<VersionView>), Problem> {
    must_be_written(&id)?;
    let Published { version, warnings, is_first } = engine.publish(org, id, body.read()?).await?;
    let status = if is_first { StatusCode::CREATED } else { StatusCode::OK };
    let warnings = warnings.into_iter().map(DiagnosticView::from).collect();
    Ok((status, Json(VersionView { warnings, ..view(version, true) })))
}

/// What is wrong with a connector.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckView {
    /// Whether it could be published, as far as its files tell.
    ok: bool,
    diagnostics: Vec<DiagnosticView>,
}

/// Check a connector of the org's own
///
/// Finds every mistake, and runs its cases. Nothing is stored.
#[utoipa::path(
    post, path = "/v1/connectors/{connector}/check", operation_id = "check_connector", tag = "connectors",
    params(("connector" = String, Path)), request_body = SourceBody,
    responses((status = 200, body = CheckView), (status = 400, body = Problem)),
)]
pub(super) async fn check(
    State(engine): State<Arc<Engine>>,
    _: Caller,
    Path(id): Path<String>,
    Body(body): Body<SourceBody>,
) -> Result<Json<CheckView>, Problem> {
    must_be_written(&id)?;
    let found = engine.check_own(&id, body.read()?).await?;
    let ok = !crate::catalog::mistake::has_errors(&found);
    Ok(Json(CheckView { ok, diagnostics: found.into_iter().map(DiagnosticView::from).collect() }))
}

/// List the versions of a connector of the org's own
///
/// The active one first.
#[utoipa::path(
    get, path = "/v1/connectors/{connector}/versions", operation_id = "list_connector_versions", tag = "connectors",
    params(("connector" = String, Path)),
    responses((status = 200, body = Page<VersionView>), (status = 404, body = Problem)),
)]
pub(super) async fn versions(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(id): Path<String>,
) -> Result<Json<Page<VersionView>>, Problem> {
    let all = engine.versions(org, &id).await?;
    Ok(Json(Page::whole(all.into_iter().enumerate().map(|(at, it)| view(it, at == 0)).collect())))
}

/// Show a version with its source
#[utoipa::path(
    get, path = "/v1/connectors/{connector}/versions/{version}", operation_id = "show_connector_version", tag = "connectors",
    params(("connector" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = SourceView), (status = 404, body = Problem)),
)]
pub(super) async fn version(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path((id, version)): Path<(String, String)>,
) -> Result<Json<SourceView>, Problem> {
    let active = engine.versions(org, &id).await?.into_iter().next();
    let (version, source) = engine.version(org, &id, Some(&version)).await?;
    let is_active = active.is_some_and(|it| it.number == version.number);
    let OwnSource { connector, tests, .. } = source;
    Ok(Json(SourceView { version: view(version, is_active), source: connector, tests }))
}

/// Take a connector of the org's own back
///
/// With all its versions. One that is in use is not: disable its actions and disconnect its accounts first.
#[utoipa::path(
    delete, path = "/v1/connectors/{connector}", operation_id = "unpublish_connector", tag = "connectors",
    params(("connector" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)),
)]
pub(super) async fn unpublish(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    engine.unpublish(org, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Those made from a form are changed by their form.
fn must_be_written(id: &str) -> Result<(), Problem> {
    if id.starts_with(crate::catalog::own::WRITTEN) {
        return Ok(());
    }
    Err(Problem::new(Kind::InvalidRequest, "The id of an org's own connector begins with `own-`."))
}
