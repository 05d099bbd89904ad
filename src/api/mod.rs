//! The HTTP API: `/v1`, its OpenAPI document and page, the OAuth callback, and health.
//!
//! Handlers turn HTTP into calls of [`Engine`] and results into views; they decide nothing.

mod callback;
mod caller;
mod health;
mod json;
mod openapi;
mod prefer;
pub mod problem;
mod serve;
mod v1;
mod webhooks;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, StatusCode, header},
    routing::get,
};
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer, trace::TraceLayer};

use crate::runtime::Engine;
pub use openapi::document;
use problem::{Kind, Problem};
pub use serve::{Patience, serve};

/// A request's body may be this long.
const LONGEST_BODY_BYTES: usize = 1 << 20;

/// All routes over one engine.
pub fn router(engine: Arc<Engine>) -> Router {
    let (v1, _) = openapi::routes().split_for_parts();
    Router::new()
        .merge(v1)
        .merge(callback::routes())
        .merge(webhooks::routes())
        .merge(openapi::pages())
        .fallback(|| async { Problem::not_found("page") })
        .method_not_allowed_fallback(|| async {
            Problem::new(Kind::MethodNotAllowed, "That method is not known at this path.")
        })
        .route("/", get(|| async { (StatusCode::TEMPORARY_REDIRECT, [("location", "/docs")]) }))
        // As one: a request copies the services of every layer that is added by itself.
        .layer((
            TraceLayer::new_for_http().make_span_with(|request: &axum::http::Request<_>| {
                // the path only: a query may hold an OAuth code; and of a webhook address not what nobody can guess
                let path = request.uri().path();
                let is_webhook = path.starts_with("/webhooks/");
                let path = path.rsplit_once('/').filter(|_| is_webhook).map_or(path, |(start, _)| start);
                tracing::info_span!("http", method = %request.method(), path)
            }),
            // What a key opens is for its holder, and for no cache on the way. On all answers, since a layer of `/v1` alone
            // would be copied for each request; the few public pages can do without a cache.
            SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            CatchPanicLayer::custom(|_| {
                use axum::response::IntoResponse;
                Problem::new(Kind::Internal, "The request could not be completed.").into_response()
            }),
            DefaultBodyLimit::max(LONGEST_BODY_BYTES),
        ))
        // Asked every second by everybody's load balancer, and refused on purpose while it stops: nothing for the log.
        .merge(health::routes())
        .with_state(engine)
}
