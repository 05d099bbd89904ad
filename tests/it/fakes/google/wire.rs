//! The provider's ways to say no, and who may ask what.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response},
};
use serde_json::{Value as Json, json};

use super::world::{Access, SCOPE_PREFIX, World};
use crate::fakes;

/// An answer that is not the one that was hoped for; boxed because answers are large.
pub(super) type Refusal = Box<Response<Body>>;

/// What was asked for, or why it is refused.
pub(super) fn answered(outcome: Result<Json, Refusal>) -> Response<Body> {
    outcome.map_or_else(|it| *it, |it| fakes::json(200, &it))
}

/// The older envelope: `errors[]`, no `status`.
pub(super) fn refuse(status: u16, domain: &str, reason: &str, message: &str) -> Refusal {
    let error = json!({"domain": domain, "reason": reason, "message": message});
    Box::new(fakes::json(status, &json!({"error": {"errors": [error], "code": status, "message": message}})))
}

/// The newer envelope: `status`, no `errors[]`.
pub(super) fn platform(status: u16, name: &str, message: &str) -> Refusal {
    Box::new(fakes::json(status, &json!({"error": {"code": status, "message": message, "status": name}})))
}

/// The body of the newer APIs' rate limit.
pub(crate) fn exhausted() -> Json {
    let info = json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED", "domain": "googleapis.com"});
    let message = "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per user'.";
    json!({"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": [info]}})
}

/// The body of a rate limit, which comes as a 403.
pub(crate) fn rate_limited() -> Json {
    let error = json!({"domain": "usageLimits", "reason": "rateLimitExceeded", "message": "Rate Limit Exceeded"});
    json!({"error": {"errors": [error], "code": 403, "message": "Rate Limit Exceeded"}})
}

/// Lets a request pass if its token lives and holds one of `scopes` (short names).
pub(super) fn authorise(world: &World, headers: &HeaderMap, scopes: &[&str]) -> Result<(), Refusal> {
    access(world, headers).ok_or_else(unauthenticated)?;
    if holds(world, headers, scopes) { Ok(()) } else { Err(insufficient(scopes)) }
}

/// Whether the token holds one of `scopes`.
pub(super) fn holds(world: &World, headers: &HeaderMap, scopes: &[&str]) -> bool {
    let held = |it: &Access| scopes.iter().any(|scope| it.scopes.contains(&format!("{SCOPE_PREFIX}{scope}")));
    access(world, headers).is_some_and(held)
}

fn access<'w>(world: &'w World, headers: &HeaderMap) -> Option<&'w Access> {
    let token = fakes::header(headers, "authorization").strip_prefix("Bearer ").unwrap_or_default();
    world.access_tokens.get(token).filter(|it| it.expires > world.now())
}

/// The parts of a `multipart/related` body: media type and content of each. `None` if it isn't one.
pub(super) fn related(content_type: &str, body: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let parameters = content_type.strip_prefix("multipart/related;")?;
    let boundary = parameters.split(';').find_map(|it| it.trim().strip_prefix("boundary="))?.trim_matches('"');
    let text = format!("--{boundary}");
    let find = |from: usize| {
        let mut windows = body[from..].windows(text.len());
        windows.position(|it| it == text.as_bytes()).map(|it| from + it)
    };
    let (mut parts, mut at) = (Vec::new(), find(0)? + text.len());
    while !body[at..].starts_with(b"--") {
        let start = at + 2;
        let end = find(start)?;
        let part = body.get(start..end - 2)?;
        let head = part.windows(4).position(|it| it == b"\r\n\r\n")?;
        let headers = String::from_utf8(part[..head].to_vec()).ok()?;
        let kind = headers.lines().find_map(|it| {
            let (name, value) = it.split_once(':')?;
            name.eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
        });
        parts.push((kind?, part[head + 4..].to_vec()));
        at = end + text.len();
    }
    Some(parts)
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

#[test]
fn parts_keep_their_bytes() {
    let body = b"--b1\r\nContent-Type: application/json\r\n\r\n{}\r\n--b1\r\nContent-Transfer-Encoding: binary\r\ncontent-type: image/png\r\n\r\n\x00\r\n\xff\r\n--b1--\r\n";
    let parts = related("multipart/related; boundary=\"b1\"", body).expect("it is well-formed");
    assert_eq!(parts[0], ("application/json".to_owned(), b"{}".to_vec()));
    assert_eq!(parts[1], ("image/png".to_owned(), b"\x00\r\n\xff".to_vec()));
    assert!(related("multipart/related; boundary=b2", body).is_none());
    assert!(related("application/json", body).is_none());
}
