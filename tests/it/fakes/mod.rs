//! Providers that behave as their documentation and their users say, on loopback.
//!
//! They hold real state, check what they are sent, keep a log, and fail on demand: a test asks them what happened rather than what was said.

pub(crate) mod calendly;
pub(crate) mod consent;
mod courier;
pub(crate) mod google;
pub(crate) mod midtrans;
pub(crate) mod orgs;
pub(crate) mod outlook;
pub(crate) mod salesforce;
mod server;
pub(crate) mod zoho;

use axum::{
    body::Body,
    http::{HeaderMap, Response, StatusCode, header},
};
use serde_json::Value as Json;

pub(crate) use courier::{Courier, Delivery};
pub(crate) use server::{Fault, Hold, Seen, Server, hang_up};

/// A JSON answer.
pub(crate) fn json(status: u16, body: &Json) -> Response<Body> {
    let status = StatusCode::from_u16(status).expect("fakes answer with real status codes");
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json; charset=UTF-8")
        .body(Body::from(body.to_string()))
        .expect("a status, one header and a body make an answer")
}

/// A web page.
pub(crate) fn page(status: u16, text: &str) -> Response<Body> {
    let status = StatusCode::from_u16(status).expect("pages have real status codes");
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .body(Body::from(format!("<!doctype html><title>{text}</title>")))
        .expect("a status, one header and a body make an answer")
}

/// The decoded pairs of a query or an urlencoded form.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// The first value of that name.
pub(crate) fn param<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A header as text; empty if it is absent.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
}

/// User and password of `Authorization: Basic …`.
pub(crate) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let encoded = header(headers, "authorization").strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    decoded.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}
