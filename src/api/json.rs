//! Extractors whose refusals are problem details.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::JsonRejection},
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

use super::problem::{Kind, Problem};

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(error) => Err(body_problem(&error)),
        }
    }
}

fn body_problem(error: &JsonRejection) -> Problem {
    match error {
        JsonRejection::BytesRejection(it) if it.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(Kind::TooLarge, "The body is longer than 1 MiB.")
        }
        JsonRejection::MissingJsonContentType(_) => {
            Problem::new(Kind::InvalidRequest, "The body must be JSON, with `content-type: application/json`.")
        }
        JsonRejection::BytesRejection(_) => {
            Problem::new(Kind::InvalidRequest, "The body did not come whole, or too slowly.")
        }
        error => Problem::new(Kind::InvalidRequest, error.body_text()),
    }
}

/// Query parameters.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(error) => Err(Problem::new(Kind::InvalidRequest, error.body_text())),
        }
    }
}

/// A part of the path that must be an id of its kind; anything else is not there.
pub(super) struct Id<T>(pub(super) T);

impl<T: std::str::FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| Problem::not_found("thing"))
    }
}
