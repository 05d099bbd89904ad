//! Objects of a connection: the org's own fields, and how the unified ones land in them.

mod views;

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use self::views::{CheckView, MappingView, ObjectView, OrgFieldsView, SuggestionView};
use super::page::Page;
use crate::{
    api::{
        caller::Caller,
        json::{Body, Id, Parameters},
        problem::{Kind, Problem},
    },
    base::ConnectionId,
    runtime::{Engine, ObjectAt},
};

/// Which connector's object, and what the org's fields depend on.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct ObjectParameters {
    /// The connector whose objects are meant; the one that the account was connected for by default.
    connector: Option<String>,
    /// A JSON object with the config that the org's fields depend on.
    config: Option<String>,
    /// Ask the provider, even if it was asked a moment ago.
    #[serde(default)]
    fresh: bool,
}

/// The two parts of an object's path.
pub(super) struct At(ConnectionId, String);

impl<S: Send + Sync> FromRequestParts<S> for At {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let missing = || Problem::not_found("object");
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((connection, object)) = path.map_err(|_| missing())?;
        Ok(Self(connection.parse().map_err(|_| Problem::not_found("connection"))?, object))
    }
}

impl At {
    fn with(self, parameters: &ObjectParameters) -> Result<ObjectAt, Problem> {
        let config = match &parameters.config {
            None => Value::Object(Map::new()),
            Some(text) => serde_json::from_str(text)
                .map_err(|error| Problem::new(Kind::InvalidRequest, format!("config is not JSON: {error}")))?,
        };
        Ok(ObjectAt { connection: self.0, connector: parameters.connector.clone(), object: self.1, config })
    }
}

/// List a connection's objects
#[utoipa::path(
    get, path = "/v1/connections/{connection}/objects", operation_id = "list_objects", tag = "mappings",
    params(("connection" = String, Path), ObjectParameters),
    responses((status = 200, body = Page<ObjectView>), (status = 404, body = Problem)),
)]
pub(super) async fn objects(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Id(connection): Id<ConnectionId>,
    Parameters(parameters): Parameters<ObjectParameters>,
) -> Result<Json<Page<ObjectView>>, Problem> {
    let (connector, _) = engine.connector_at(org, connection, parameters.connector.as_deref()).await?;
    let saved = engine.saved_mappings(org, connection).await?;
    let views = connector.objects.values().map(|it| ObjectView::new(it, &connector.id, &saved));
    Ok(Json(Page::whole(views.collect())))
}

/// Show the org's own fields
///
/// Asked of the provider, unless it was asked in the last ten minutes.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/objects/{object}/fields", operation_id = "list_org_fields", tag = "mappings",
    params(("connection" = String, Path), ("object" = String, Path), ObjectParameters),
    responses(
        (status = 200, body = OrgFieldsView),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 502, body = Problem),
    ),
)]
pub(super) async fn fields(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    at: At,
    Parameters(parameters): Parameters<ObjectParameters>,
) -> Result<Json<OrgFieldsView>, Problem> {
    let fields = engine.org_fields(org, &at.with(&parameters)?, parameters.fresh).await?;
    Ok(Json(fields.into()))
}

/// Show a mapping
///
/// The one in use: saved for this config, saved without config, or the connector's own.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/mappings/{object}", operation_id = "show_mapping", tag = "mappings",
    params(("connection" = String, Path), ("object" = String, Path), ObjectParameters),
    responses((status = 200, body = MappingView), (status = 404, body = Problem)),
)]
pub(super) async fn show(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    at: At,
    Parameters(parameters): Parameters<ObjectParameters>,
) -> Result<Json<MappingView>, Problem> {
    let mapping = engine.mapping(org, &at.with(&parameters)?).await?;
    Ok(Json(MappingView::new(mapping, Vec::new())))
}

/// A mapping as it is written; YAML in files, JSON here.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MappingBody {
    /// The object again, as in files.
    object: Option<String>,
    /// What the org's fields depend on; without it, it holds wherever none is saved for a config.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// Unified field → `{to, transform, values, otherwise, default}`.
    #[schema(value_type = Option<Object>)]
    fields: Option<Value>,
    /// Org field → its value in every new record.
    #[schema(value_type = Option<Object>)]
    constants: Option<Value>,
    /// Input → `{to, required, description, …}`.
    #[schema(value_type = Option<Object>)]
    extra: Option<Value>,
}

impl MappingBody {
    /// Where it belongs, and the mapping itself; `None` if there is nothing of one.
    fn at(self, at: At, parameters: &ObjectParameters) -> Result<(ObjectAt, Option<Value>), Problem> {
        if self.object.as_ref().is_some_and(|it| *it != at.1) {
            return Err(Problem::new(Kind::InvalidRequest, "the mapping is of another object than the address names"));
        }
        let mut at = at.with(parameters)?;
        at.config = self.config.unwrap_or(at.config);
        let parts = [("fields", self.fields), ("constants", self.constants), ("extra", self.extra)];
        let parts: Map<_, _> = parts.into_iter().filter_map(|(name, it)| Some((name.to_owned(), it?))).collect();
        Ok((at, (!parts.is_empty()).then_some(Value::Object(parts))))
    }
}

/// Save a mapping
///
/// It must fit the org's fields as they are now: what doesn't is told by JSON Pointers into the mapping.
#[utoipa::path(
    put, path = "/v1/connections/{connection}/mappings/{object}", operation_id = "save_mapping", tag = "mappings",
    params(("connection" = String, Path), ("object" = String, Path), ObjectParameters), request_body = MappingBody,
    responses(
        (status = 200, body = MappingView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 502, body = Problem),
    ),
)]
pub(super) async fn save(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    at: At,
    Parameters(parameters): Parameters<ObjectParameters>,
    Body(body): Body<MappingBody>,
) -> Result<Json<MappingView>, Problem> {
    let (at, document) = body.at(at, &parameters)?;
    let document = document.unwrap_or_else(|| Value::Object(Map::new()));
    let (mapping, warnings) = engine.save_mapping(org, &at, &document).await?;
    Ok(Json(MappingView::new(mapping, warnings)))
}

/// Forget a mapping
///
/// The one saved for exactly this config. What holds then is the one saved without config, or the connector's own.
#[utoipa::path(
    delete, path = "/v1/connections/{connection}/mappings/{object}", operation_id = "remove_mapping", tag = "mappings",
    params(("connection" = String, Path), ("object" = String, Path), ObjectParameters),
    responses((status = 204), (status = 404, body = Problem)),
)]
pub(super) async fn remove(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    at: At,
    Parameters(parameters): Parameters<ObjectParameters>,
) -> Result<StatusCode, Problem> {
    engine.remove_mapping(org, &at.with(&parameters)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Check a mapping
///
/// The one that is sent, or else the one in use, against the org's fields. Saves nothing.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/mappings/{object}/check", operation_id = "check_mapping", tag = "mappings",
    params(("connection" = String, Path), ("object" = String, Path), ObjectParameters), request_body = MappingBody,
    responses(
        (status = 200, body = CheckView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 502, body = Problem),
    ),
)]
pub(super) async fn check(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    at: At,
    Parameters(parameters): Parameters<ObjectParameters>,
    Body(body): Body<MappingBody>,
) -> Result<Json<CheckView>, Problem> {
    let (at, document) = body.at(at, &parameters)?;
    Ok(Json(engine.check_mapping(org, &at, document.as_ref()).await?.into()))
}

/// Suggest a mapping
///
/// By name, label, and the other names that the connector knows. What the org requires beside that becomes an extra input.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/mappings/{object}/suggest", operation_id = "suggest_mapping", tag = "mappings",
    params(("connection" = String, Path), ("object" = String, Path), ObjectParameters),
    responses(
        (status = 200, body = SuggestionView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 502, body = Problem),
    ),
)]
pub(super) async fn suggest(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    at: At,
    Parameters(parameters): Parameters<ObjectParameters>,
) -> Result<Json<SuggestionView>, Problem> {
    let (suggestion, checked) = engine.suggest_mapping(org, &at.with(&parameters)?).await?;
    Ok(Json(SuggestionView::new(&suggestion, checked)))
}
