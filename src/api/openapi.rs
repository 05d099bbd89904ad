//! `/openapi.json` and the pages: made from the routes themselves, so they can't disagree.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::Path,
    http::header,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;

use super::{
    problem::{Kind, Problem},
    v1,
};
use crate::runtime::Engine;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Closeloop",
        description = "Connect an org's accounts, enable actions for its AI agents, and call them. \
                       Errors are RFC 9457 problem details; lists are paged by `cursor`."
    ),
    components(schemas(Problem)),
    modifiers(&Keys),
    security(("api_key" = []))
)]
struct Document;

/// Every `/v1` operation needs the org's key, and those of the registry an operator's.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        for (name, of) in [("api_key", "API key of the org"), ("operator_key", "Key of whoever runs the engine")] {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(of)).build();
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
    }
}

/// The routes of `/v1` with what describes them.
pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::with_openapi(Document::openapi()).merge(v1::routes())
}

/// The OpenAPI 3.1 document.
pub fn document() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

pub(super) fn pages() -> Router<Arc<Engine>> {
    let document = Arc::new(document());
    Router::new()
        .route("/openapi.json", get(move || async move { Json(document.as_ref()).into_response() }))
        .route("/docs", get(|| async { Html(include_str!("pages/docs.html")) }))
        .route("/problems/{code}", get(explain))
}

/// What a problem's `type` points to.
async fn explain(Path(code): Path<String>) -> Response {
    let Some((status, code, title, fix)) = Kind::ALL.into_iter().map(Kind::row).find(|(_, it, ..)| *it == code) else {
        return Problem::not_found("problem").into_response();
    };
    let text = format!("{code} ({})\n\n{title}.\n\nWhat to do: {fix}\n", status.as_u16());
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
