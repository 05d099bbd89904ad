use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value as Json;
use url::{Url, form_urlencoded};

use crate::{
    base::{Code, shortened},
    expr::Scope,
    format,
    spec::{AnswerKind, Http, TokenAnswers},
    transport::{ReadAnswer, SendError, rules},
    wire::Answer,
};

/// Of the provider's own words, at most so many characters are kept.
const LONGEST_REASON: usize = 300;

/// Codes and secrets travel there.
pub(super) fn check_address(url: &Url) -> Result<(), SendError> {
    if url.scheme() == "https" {
        return Ok(());
    }
    Err(SendError::not_sent(Code::ProviderError, "the address of the sign-in is not an https URL"))
}

/// An answer's body. By the book it is JSON whatever its content type says, or a form, which was common before RFC 6749.
pub(super) fn read(answer: &Answer, kind: AnswerKind, http: &Http, by_the_book: bool) -> Result<Json, SendError> {
    if by_the_book && kind == AnswerKind::Auto {
        return Ok(leniently(answer, http));
    }
    format::answer::read(answer, kind, &http.xml)
        .map_err(|error| SendError::not_sent(Code::ProviderError, format!("the token request's answer: {error}")))
}

fn leniently(answer: &Answer, http: &Http) -> Json {
    if let Ok(json) = serde_json::from_slice(&answer.body) {
        return json;
    }
    let content_type = answer.header("content-type").unwrap_or_default();
    // what OAuth 1.0 gives is a form by any name
    let is_token = answer.body.starts_with(b"oauth_");
    let is_form =
        content_type.starts_with("application/x-www-form-urlencoded") || content_type.starts_with("text/plain");
    if is_form || is_token {
        let pairs = form_urlencoded::parse(&answer.body);
        return Json::Object(pairs.map(|(name, value)| (name.into_owned(), Json::from(value))).collect());
    }
    let read = format::answer::read(answer, AnswerKind::Auto, &http.xml).ok();
    read.filter(Json::is_object).unwrap_or_default()
}

/// Why an answer is no success.
pub(super) struct Refusal {
    error: SendError,
    /// It is about the client and nothing else.
    pub(super) of_client: bool,
}

impl Refusal {
    /// A client that the connection brought itself, or that was registered for it, only a new sign-in puts right.
    pub(super) fn into_error(self, own_client: bool) -> SendError {
        let mut error = self.error;
        if self.of_client && own_client {
            error.code = Code::Reauthorize;
        } else if self.of_client {
            error.message.push_str(" (check the client id and secret that are set for this account)");
        }
        error
    }
}

impl From<SendError> for Refusal {
    fn from(error: SendError) -> Self {
        Self { error, of_client: false }
    }
}

/// The answer as what looks into it sees it, unless it is a refusal. Who `gives_back` what is not known any more is not refused.
pub(super) fn judge(
    answers: &TokenAnswers,
    answer: &Arc<Answer>,
    body: Json,
    http: &Http,
    scope: &Scope,
    now: Timestamp,
    gives_back: bool,
) -> Result<ReadAnswer, Refusal> {
    if answers.by_the_book {
        by_the_book(answers, answer, body, scope, now, gives_back)
    } else {
        Ok(as_any(answers, answer, body, http, scope, now)?)
    }
}

/// As the answers to actions are read: the scheme's rules, the connector's, then the status.
fn as_any(
    answers: &TokenAnswers,
    answer: &Arc<Answer>,
    body: Json,
    http: &Http,
    scope: &Scope,
    now: Timestamp,
) -> Result<ReadAnswer, SendError> {
    let read = ReadAnswer::new(answer, body, http, scope);
    let rule = answers.errors.iter().chain(&http.errors).find(|it| read.matches(it));
    let code = match rule {
        Some(rule) => rule.is,
        None => rules::by_status(read.status).map(|code| match code {
            Code::Reauthorize | Code::PermissionDenied | Code::RateLimited | Code::Unavailable | Code::Timeout => code,
            // The others are about what a customer asked for, and no customer has a part in this request.
            _ => Code::ProviderError,
        }),
    };
    let Some(code) = code else { return Ok(read) };
    let reason = read.reason.map(|it| format!(": {}", shortened(&it, LONGEST_REASON))).unwrap_or_default();
    let message = format!("the provider answered the token request with {}{reason}", read.status);
    Err(SendError { retry_after: answer.retry_after(now), ..SendError::not_sent(code, message) })
}

/// As RFC 6749 §5 says, and what providers make of it.
fn by_the_book(
    answers: &TokenAnswers,
    answer: &Arc<Answer>,
    body: Json,
    scope: &Scope,
    now: Timestamp,
    gives_back: bool,
) -> Result<ReadAnswer, Refusal> {
    let failure = Failure::new(answer, &body, now);
    let read = ReadAnswer::with_reason(answer, body, failure.reason.clone(), scope);
    if let Some(rule) = answers.errors.iter().find(|rule| read.matches(rule)) {
        let told = rule.retry_after.as_ref().and_then(|it| it.eval(&read.scope).ok()?);
        let mut error = failure.into_error(rule.is.unwrap_or(Code::ProviderError));
        error.retry_after = told.as_ref().and_then(|it| seconds(rules::text(it))).or(error.retry_after);
        return Err(error.into());
    }
    if answers.dead.iter().any(|rule| read.matches(rule)) {
        return Err(failure.into_error(Code::Reauthorize).into());
    }
    let is_gone = gives_back && failure.reason.as_deref() == Some("invalid_token");
    let is_refusal = !(200..300).contains(&answer.status) || failure.reason.is_some();
    if is_refusal && !is_gone {
        let of_client = failure.is_of_client();
        let code = failure.code();
        return Err(Refusal { error: failure.into_error(code), of_client });
    }
    Ok(read)
}

/// A refusal (RFC 6749 §5.2).
struct Failure {
    status: u16,
    /// `error`, which some send with status 200.
    reason: Option<String>,
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

    fn is_of_client(&self) -> bool {
        match self.reason.as_deref() {
            Some(reason) => matches!(reason, "invalid_client" | "unauthorized_client" | "deleted_client"),
            None => self.status == 401,
        }
    }

    fn code(&self) -> Code {
        match (self.status, self.reason.as_deref()) {
            _ if self.is_of_client() => Code::PermissionDenied,
            (_, Some("temporarily_unavailable" | "server_error" | "internal_failure")) => Code::Unavailable,
            (429, _) => Code::RateLimited,
            (408 | 500..=599, _) => Code::Unavailable,
            _ => Code::ProviderError,
        }
    }

    /// What is waiting for the token was not sent.
    fn into_error(self, code: Code) -> SendError {
        let mut message = format!("the provider answered the token request with {}", self.status);
        for part in [self.reason, self.description].into_iter().flatten() {
            message.push_str(": ");
            message.extend(part.chars().take(LONGEST_REASON));
        }
        SendError { retry_after: self.retry_after, ..SendError::not_sent(code, message) }
    }
}

/// Seconds as a number or as text; nothing for what is none, and for 0, which means "not told" where it occurs.
pub(super) fn seconds(text: Option<String>) -> Option<Duration> {
    let seconds: f64 = text?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok().filter(|it| !it.is_zero())
}
