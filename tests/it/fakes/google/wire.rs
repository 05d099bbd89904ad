//! The provider's ways to say no, and who may ask what.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response},
};
use serde_json::json;

use super::world::{SCOPE_PREFIX, World};
use crate::fakes;

/// An answer that is not the one that was hoped for; boxed because answers are large.
pub(super) type Refusal = Box<Response<Body>>;

/// The older envelope: `errors[]`, no `status`.
pub(super) fn refuse(status: u16, domain: &str, reason: &str, message: &str) -> Refusal {
    let error = json!({"domain": domain, "reason": reason, "message": message});
    Box::new(fakes::json(status, &json!({"error": {"errors": [error], "code": status, "message": message}})))
}

/// The body of a rate limit, which comes as a 403.
pub(crate) fn rate_limited() -> serde_json::Value {
    let error = json!({"domain": "usageLimits", "reason": "rateLimitExceeded", "message": "Rate Limit Exceeded"});
    json!({"error": {"errors": [error], "code": 403, "message": "Rate Limit Exceeded"}})
}

/// Lets a request pass if its token lives and holds one of `scopes` (short names).
pub(super) fn authorise(world: &World, headers: &HeaderMap, scopes: &[&str]) -> Result<(), Refusal> {
    let token = fakes::header(headers, "authorization").strip_prefix("Bearer ").unwrap_or_default();
    let access = world.access_tokens.get(token).filter(|it| it.expires > world.now()).ok_or_else(unauthenticated)?;
    let held = |scope: &&str| access.scopes.contains(&format!("{SCOPE_PREFIX}{scope}"));
    if scopes.iter().any(held) { Ok(()) } else { Err(insufficient(scopes)) }
}

fn unauthenticated() -> Refusal {
    let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.";
    let error = json!({"message": "Invalid Credentials", "domain": "global", "reason": "authError", "location": "Authorization", "locationType": "header"});
    let body = json!({"error": {"code": 401, "message": message, "errors": [error], "status": "UNAUTHENTICATED"}});
    challenge(fakes::json(401, &body), "error=\"invalid_token\"")
}

fn insufficient(scopes: &[&str]) -> Refusal {
    let error = json!({"message": "Insufficient Permission", "domain": "global", "reason": "insufficientPermissions"});
    let info = json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "domain": "googleapis.com", "metadata": {"service": "calendar-json.googleapis.com"}});
    let body = json!({"error": {"code": 403, "message": "Request had insufficient authentication scopes.", "errors": [error], "status": "PERMISSION_DENIED", "details": [info]}});
    challenge(fakes::json(403, &body), &format!("error=\"insufficient_scope\", scope=\"{SCOPE_PREFIX}{}\"", scopes[0]))
}

fn challenge(mut answer: Response<Body>, error: &str) -> Refusal {
    let value = format!("Bearer realm=\"https://accounts.google.com/\", {error}");
    let value = HeaderValue::from_str(&value).expect("challenges are printable");
    answer.headers_mut().insert("www-authenticate", value);
    Box::new(answer)
}
