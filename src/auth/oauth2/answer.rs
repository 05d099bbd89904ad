//! What a token endpoint answers. RFC 6749 §5 says how; this is what providers make of it.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json};
use url::form_urlencoded;

use crate::{
    auth::Token,
    base::{Code, Secret},
    expr::{Path, Scope},
    spec::OAuth2,
    transport::{ReadAnswer, SendError, rules},
    wire::Answer,
};

/// Of the provider's own words, at most so many characters are kept.
const LONGEST_DESCRIPTION: usize = 300;

/// The token in `answer`; lifetimes count from `now`.
///
/// # Errors
/// See [`super::Flow::exchange_code`].
pub(super) fn token(oauth2: &OAuth2, answer: &Answer, scope: &Scope, now: Timestamp) -> Result<Token, SendError> {
    let body = Arc::new(read(answer));
    let failure = failure_in(answer, &body, now);
    let reason = failure.as_ref().and_then(|it| it.reason.clone());
    let read = ReadAnswer::with_reason(&Arc::new(answer.clone()), Arc::clone(&body), reason, scope);
    if let Some(rule) = oauth2.token_errors.iter().find(|rule| read.matches(rule)) {
        let failure = failure.unwrap_or_else(|| Failure::new(answer, &body, now));
        let told = rule.retry_after.as_ref().and_then(|it| it.eval(&read.scope).ok()?);
        let mut error = failure.into_error();
        error.code = rule.is.unwrap_or(Code::ProviderError);
        error.retry_after = told.as_ref().and_then(|it| seconds(rules::text(it))).or(error.retry_after);
        return Err(error);
    }
    if oauth2.dead.iter().any(|rule| read.matches(rule)) {
        let failure = failure.unwrap_or_else(|| Failure::new(answer, &body, now));
        return Err(SendError { code: Code::Reauthorize, ..failure.into_error() });
    }
    if let Some(failure) = failure {
        return Err(failure.into_error());
    }
    let text = |path: &Path| path.one(&body).ok().flatten().and_then(rules::text);
    let access = text(&oauth2.token.access_token).ok_or_else(|| {
        SendError::not_sent(Code::ProviderError, "the provider answered the token request without a token")
    })?;
    let lifetime = seconds(text(&oauth2.token.expires_in)).or(oauth2.lifetime);
    let captured = |(name, path): &(String, Arc<Path>)| Some((name.clone(), path.eval(&body).ok()??));
    Ok(Token {
        access: Secret::new(access),
        refresh: text(&oauth2.token.refresh_token).map(Secret::new),
        expires_at: lifetime.and_then(|it| now.checked_add(SignedDuration::try_from(it).ok()?).ok()),
        scopes: oauth2.token.scope.one(&body).ok().flatten().and_then(scopes),
        captured: oauth2.capture.iter().filter_map(captured).collect::<Map<_, _>>(),
    })
}

/// Why an endpoint refused, whatever its status; nothing if it did not.
pub(super) fn failure(answer: &Answer, now: Timestamp) -> Option<Failure> {
    failure_in(answer, &read(answer), now)
}

fn failure_in(answer: &Answer, body: &Json, now: Timestamp) -> Option<Failure> {
    let failure = Failure::new(answer, body, now);
    (!(200..300).contains(&answer.status) || failure.reason.is_some()).then_some(failure)
}

/// A refusal (RFC 6749 §5.2).
pub(super) struct Failure {
    status: u16,
    /// `error`, which some send with status 200.
    pub(super) reason: Option<String>,
    description: Option<String>,
    retry_after: Option<Duration>,
}

impl Failure {
    fn new(answer: &Answer, body: &Json, now: Timestamp) -> Self {
        let field = |name: &str| body.get(name).filter(|it| **it != Json::Bool(false)).and_then(rules::text);
        Self {
            status: answer.status,
            reason: field("error"),
            description: field("error_description"),
            retry_after: answer.retry_after(now),
        }
    }

    fn code(&self) -> Code {
        match (self.status, self.reason.as_deref()) {
            (_, Some("invalid_client" | "unauthorized_client" | "deleted_client")) => Code::PermissionDenied,
            (_, Some("temporarily_unavailable" | "server_error" | "internal_failure")) => Code::Unavailable,
            (429, _) => Code::RateLimited,
            (408 | 500..=599, _) => Code::Unavailable,
            (401, None) => Code::PermissionDenied,
            _ => Code::ProviderError,
        }
    }

    /// What is waiting for the token was not sent.
    pub(super) fn into_error(self) -> SendError {
        let code = self.code();
        let mut message = format!("the provider answered the token request with {}", self.status);
        for part in [self.reason, self.description].into_iter().flatten() {
            message.push_str(": ");
            message.extend(part.chars().take(LONGEST_DESCRIPTION));
        }
        if code == Code::PermissionDenied {
            message.push_str(" (check the client id and secret that are set for this account)");
        }
        SendError { retry_after: self.retry_after, ..SendError::not_sent(code, message) }
    }
}

/// JSON whatever its content type says, or a form, which was common before the RFC; else null.
fn read(answer: &Answer) -> Json {
    if let Ok(json) = serde_json::from_slice(&answer.body) {
        return json;
    }
    let content_type = answer.header("content-type").unwrap_or_default();
    if !content_type.starts_with("application/x-www-form-urlencoded") && !content_type.starts_with("text/plain") {
        return Json::Null;
    }
    let pairs = form_urlencoded::parse(&answer.body);
    Json::Object(pairs.map(|(name, value)| (name.into_owned(), Json::from(value))).collect())
}

/// Seconds as a number or as text; nothing for what is none, and for 0, which means "not told" where it occurs.
pub(crate) fn seconds(text: Option<String>) -> Option<Duration> {
    let seconds: f64 = text?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok().filter(|it| !it.is_zero())
}

/// A list, or text between whose parts stand spaces (as RFC 6749 §3.3 has it) or commas.
fn scopes(value: &Json) -> Option<Vec<String>> {
    let scopes: Vec<String> = match value {
        Json::String(text) => text.split([' ', ',']).filter(|it| !it.is_empty()).map(str::to_owned).collect(),
        Json::Array(list) => list.iter().filter_map(rules::text).collect(),
        _ => return None,
    };
    (!scopes.is_empty()).then_some(scopes)
}
