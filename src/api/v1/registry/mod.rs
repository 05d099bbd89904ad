//! The registry, for whoever runs the engine.

mod bodies;
mod views;

use std::sync::Arc;

use axum::{
    Json,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{
    bodies::{CanaryBody, DiffBody, PinBody, PromoteBody, PutBody},
    views::{DiffView, LineView, PutView, SourceView, StandingView},
};
use super::page::Page;
use crate::{
    api::{caller::Operator, json::Body, problem::Problem},
    runtime::{Engine, registry::Side},
};

/// A connector, its tests and its account may each be 1 MiB long.
const LONGEST_BODY_BYTES: usize = 4 << 20;

/// Every route of the registry.
pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(publish))
        .routes(routes!(version))
        .routes(routes!(diff))
        .routes(routes!(pin, unpin))
        .routes(routes!(canary))
        .routes(routes!(promote))
        .routes(routes!(roll_back))
        .layer(DefaultBodyLimit::max(LONGEST_BODY_BYTES))
}

/// List everybody's connectors
///
/// With the version that orgs have, where it is from, and what is wrong with what the folder has.
#[utoipa::path(
    get, path = "/v1/registry", operation_id = "list_registry", tag = "registry", security(("operator_key" = [])),
    responses((status = 200, body = Page<LineView>), (status = 403, body = Problem)),
)]
async fn list(State(engine): State<Arc<Engine>>, _: Operator) -> Result<Json<Page<LineView>>, Problem> {
    Ok(Json(Page::whole(engine.standings().into_iter().map(LineView::from).collect())))
}

/// Show one of everybody's connectors
///
/// Its versions, who is pinned to which, what is tried and how that goes, and what a roll-back would lead to.
#[utoipa::path(
    get, path = "/v1/registry/{connector}", operation_id = "show_in_registry", tag = "registry", security(("operator_key" = [])),
    params(("connector" = String, Path)),
    responses((status = 200, body = StandingView), (status = 403, body = Problem), (status = 404, body = Problem)),
)]
async fn show(
    State(engine): State<Arc<Engine>>,
    _: Operator,
    Path(id): Path<String>,
) -> Result<Json<StandingView>, Problem> {
    Ok(Json(engine.standing(&id).await?.into()))
}

/// Publish a version of everybody's connector
///
/// It must have no mistakes, its cases must come out as they say, and what it breaks needs a version that says so. It is live for
/// all orgs at once, unless it is staged. The same files again change nothing; other files under the same version are refused.
#[utoipa::path(
    post, path = "/v1/registry/{connector}/versions", operation_id = "publish_version", tag = "registry",
    security(("operator_key" = [])), params(("connector" = String, Path)), request_body = PutBody,
    responses(
        (status = 200, body = PutView, description = "It was there already"), (status = 201, body = PutView),
        (status = 400, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem),
    ),
)]
async fn publish(
    State(engine): State<Arc<Engine>>,
    Operator(by): Operator,
    Path(id): Path<String>,
    Body(body): Body<PutBody>,
) -> Result<(StatusCode, Json<PutView>), Problem> {
    let (files, stage) = body.read()?;
    let put = engine.put(&by, &id, files, stage).await?;
    let status = if put.known { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(put.into())))
}

/// Show a version of everybody's connector
///
/// With its files.
#[utoipa::path(
    get, path = "/v1/registry/{connector}/versions/{version}", operation_id = "show_version", tag = "registry",
    security(("operator_key" = [])), params(("connector" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = SourceView), (status = 403, body = Problem), (status = 404, body = Problem)),
)]
async fn version(
    State(engine): State<Arc<Engine>>,
    _: Operator,
    Path((id, version)): Path<(String, String)>,
) -> Result<Json<SourceView>, Problem> {
    Ok(Json(engine.release_files(&id, &version).await?.into()))
}

/// Compare two versions of a connector
///
/// What changes for orgs, and which of it breaks what they rely on; and the files line by line.
#[utoipa::path(
    post, path = "/v1/registry/{connector}/diff", operation_id = "diff_versions", tag = "registry",
    security(("operator_key" = [])), params(("connector" = String, Path)), request_body = DiffBody,
    responses(
        (status = 200, body = DiffView), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem),
    ),
)]
async fn diff(
    State(engine): State<Arc<Engine>>,
    _: Operator,
    Path(id): Path<String>,
    Body(body): Body<DiffBody>,
) -> Result<Json<DiffView>, Problem> {
    let side = |version: Option<String>| version.map_or(Side::Current, Side::Version);
    let to = match body.files {
        Some(files) => Side::Files(Box::new(files.read()?)),
        None => side(body.to),
    };
    Ok(Json(engine.difference(&id, side(body.from), to).await?.into()))
}

/// Pin an org to a version
///
/// It stays with that version, whichever is live.
#[utoipa::path(
    put, path = "/v1/registry/{connector}/pins/{org}", operation_id = "pin", tag = "registry", security(("operator_key" = [])),
    params(("connector" = String, Path), ("org" = String, Path, description = "Its id or its name")),
    request_body = PinBody,
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)),
)]
async fn pin(
    State(engine): State<Arc<Engine>>,
    _: Operator,
    Path((id, org)): Path<(String, String)>,
    Body(body): Body<PinBody>,
) -> Result<StatusCode, Problem> {
    let org = engine.org_named(&org).await?;
    engine.pin(&id, org, &body.version).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unpin an org
///
/// It has what is live again.
#[utoipa::path(
    delete, path = "/v1/registry/{connector}/pins/{org}", operation_id = "unpin", tag = "registry",
    security(("operator_key" = [])),
    params(("connector" = String, Path), ("org" = String, Path, description = "Its id or its name")),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)),
)]
async fn unpin(
    State(engine): State<Arc<Engine>>,
    _: Operator,
    Path((id, org)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let org = engine.org_named(&org).await?;
    engine.unpin(&id, org).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try a version
///
/// With all calls of some orgs, or a share of the conversations of all of them. It is compared with the active version, and taken
/// back by itself when it is worse than its limits allow.
#[utoipa::path(
    put, path = "/v1/registry/{connector}/canary", operation_id = "try_version", tag = "registry",
    security(("operator_key" = [])), params(("connector" = String, Path)), request_body = CanaryBody,
    responses(
        (status = 200, body = StandingView), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem),
    ),
)]
async fn canary(
    State(engine): State<Arc<Engine>>,
    _: Operator,
    Path(id): Path<String>,
    Body(body): Body<CanaryBody>,
) -> Result<Json<StandingView>, Problem> {
    let mut orgs = Vec::with_capacity(body.orgs.len());
    for org in &body.orgs {
        orgs.push(engine.org_named(org).await?);
    }
    engine.try_out(&id, body.read(orgs)?).await?;
    Ok(Json(engine.standing(&id).await?.into()))
}

/// Make a version the active one
///
/// The one that is tried, or any that was published.
#[utoipa::path(
    post, path = "/v1/registry/{connector}/promote", operation_id = "promote_version", tag = "registry",
    security(("operator_key" = [])), params(("connector" = String, Path)), request_body = PromoteBody,
    responses(
        (status = 200, body = StandingView), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem),
    ),
)]
async fn promote(
    State(engine): State<Arc<Engine>>,
    _: Operator,
    Path(id): Path<String>,
    Body(body): Body<PromoteBody>,
) -> Result<Json<StandingView>, Problem> {
    engine.promote(&id, body.version.as_deref()).await?;
    Ok(Json(engine.standing(&id).await?.into()))
}

/// Roll the last step back
///
/// A version that is tried, or else the active one, in whose place the one before comes.
#[utoipa::path(
    post, path = "/v1/registry/{connector}/rollback", operation_id = "roll_back", tag = "registry",
    security(("operator_key" = [])), params(("connector" = String, Path)),
    responses(
        (status = 200, body = StandingView), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem),
    ),
)]
async fn roll_back(
    State(engine): State<Arc<Engine>>,
    _: Operator,
    Path(id): Path<String>,
) -> Result<Json<StandingView>, Problem> {
    engine.roll_back(&id).await?;
    Ok(Json(engine.standing(&id).await?.into()))
}
