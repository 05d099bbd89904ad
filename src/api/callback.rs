//! Where the provider's consent page sends the browser back to: by a redirect, or by a form that it posts.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};

use url::form_urlencoded;

use super::{json::Parameters, problem::Problem};
use crate::{base::Secret, connections::Answered, runtime::Engine};

const FORM: &str = "application/x-www-form-urlencoded";

/// What whoever got here without us can do.
const AGAIN: &str = "Start again from the drawer.";

/// What a provider says at the end of a consent.
type Said = Vec<(String, String)>;

pub(super) fn routes() -> Router<Arc<Engine>> {
    Router::new().route("/oauth/callback", get(by_redirect).post(by_form))
}

/// RFC 6749 §4.1.2
async fn by_redirect(State(engine): State<Arc<Engine>>, Parameters(said): Parameters<Said>) -> Response {
    finish(&engine, said).await
}

/// OAuth 2.0 Form Post Response Mode §2: what stands in the address then does not count.
async fn by_form(State(engine): State<Arc<Engine>>, headers: HeaderMap, body: Bytes) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if content_type.split(';').next().is_none_or(|it| !it.trim().eq_ignore_ascii_case(FORM)) {
        return page(StatusCode::UNSUPPORTED_MEDIA_TYPE, "This is not what a provider sends", AGAIN);
    }
    finish(&engine, form_urlencoded::parse(&body).into_owned().collect()).await
}

/// A page for the person in the browser. What went wrong in detail is told by the connection's status.
///
/// A refusal has `error` in place of `code`. Of a parameter that comes twice (RFC 6749 §3.1) only the first counts. Without a
/// `state` of ours nobody knows whose browser it is, nor that its owner wanted this: nothing is connected then.
async fn finish(engine: &Arc<Engine>, parameters: Said) -> Response {
    let value = |name: &str| parameters.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone());
    let Some(state) = value("state").map(Secret::new) else {
        return page(StatusCode::BAD_REQUEST, "This address is where a provider sends you back to", AGAIN);
    };
    let answered = match value("error") {
        None => Answered::Consented {
            parameters: parameters.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
        },
        Some(error) => Answered::Refused { error, description: value("error_description").unwrap_or_default() },
    };
    let returned = match engine.finish_consent(state, answered).await {
        Ok(returned) => returned,
        Err(error) => return not_connected(&error.into()),
    };
    let label = returned.connection.label.as_ref().unwrap_or(&returned.connection.account);
    match (returned.problem, returned.return_to) {
        (_, Some(address)) => (StatusCode::SEE_OTHER, PRIVATE, [(header::LOCATION, address)]).into_response(),
        (None, None) => page(StatusCode::OK, &format!("Connected: {label}"), "You can close this window."),
        (Some(problem), None) => not_connected(&problem.into()),
    }
}

/// The address of these pages holds a code: neither it nor they are for anybody else.
const PRIVATE: [(HeaderName, &str); 2] =
    [(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")];

fn not_connected(problem: &Problem) -> Response {
    let status = if problem.status().is_server_error() { problem.status() } else { StatusCode::BAD_REQUEST };
    page(status, "Not connected", problem.detail())
}

fn page(status: StatusCode, title: &str, text: &str) -> Response {
    let [title, text] = [title, text].map(escape);
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <body style=\"font:16px/1.5 system-ui;margin:20vh auto;max-width:32rem;text-align:center\">\
         <h1>{title}</h1><p>{text}</p></body></html>"
    );
    (status, PRIVATE, Html(html)).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
