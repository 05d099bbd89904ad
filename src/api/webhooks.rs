//! Where providers send what they tell unasked. Whoever asks is nobody: the connection's own verification decides.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::any,
};

use serde::Deserialize;

use super::problem::Problem;
use crate::{
    delivery::{Delivery, Replied},
    runtime::{Engine, Welcome},
};

/// A delivery may be this long.
const LONGEST_BODY_BYTES: usize = 512 << 10;

pub(super) fn routes() -> Router<Arc<Engine>> {
    // some providers append a path of their own
    Router::new()
        .route("/webhooks/{connector}/{token}", any(welcome))
        .route("/webhooks/{connector}/{token}/{*rest}", any(welcome))
        .layer(DefaultBodyLimit::max(LONGEST_BODY_BYTES))
}

/// The parts of an address.
#[derive(Deserialize)]
struct Address {
    connector: String,
    token: String,
}

async fn welcome(
    State(engine): State<Arc<Engine>>,
    Path(Address { connector, token }): Path<Address>,
    uri: Uri,
    method: Method,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // a header that is no text can't be looked at, and nothing is signed with one
    let headers = headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let (method, path) = (method.to_string(), uri.path().to_owned());
    let delivery = Delivery { method, path, query, headers: headers.collect(), body };
    match engine.welcome(&connector, &token, delivery).await {
        Ok(Welcome::Replied(reply)) => replied(reply),
        Ok(Welcome::Refused) => StatusCode::UNAUTHORIZED.into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

fn replied(reply: Replied) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    for (name, value) in reply.headers {
        let name = header::HeaderName::try_from(name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    // what is echoed was chosen by whoever asks: no browser is to take it for a page
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    response
}
