//! Extractors whose refusals are problem details.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::JsonRejection},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

use super::problem::{Kind, Problem};

/// An execution's answer is about so long.
const ANSWER_BYTES: usize = 768;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = request.headers().get(header::CONTENT_TYPE).is_some_and(|it| it == "application/json");
        if !is_json {
            return body(Json::from_request(request, state).await);
        }
        let bytes = match Bytes::from_request(request, state).await {
            Ok(bytes) => bytes,
            Err(error) => return Err(body_problem(&error.into())),
        };
        match std::str::from_utf8(&bytes).ok().and_then(|text| serde_json::from_str(text).ok()) {
            Some(it) => Ok(Self(it)),
            // read once more, by who tells where the mistake is, which takes longer
            None => body(Json::from_bytes(&bytes)),
        }
    }
}

fn body<T>(read: Result<Json<T>, JsonRejection>) -> Result<Body<T>, Problem> {
    read.map(|Json(it)| Body(it)).map_err(|error| body_problem(&error))
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

/// A JSON answer that is written in one piece: most are longer than what the framework begins with.
pub(super) struct Written<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        let mut body = Vec::with_capacity(ANSWER_BYTES);
        match serde_json::to_writer(&mut body, &self.0) {
            Ok(()) => ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response(),
            // for the framework to say
            Err(_) => Json(self.0).into_response(),
        }
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
