//! What is known of an answer, and whether a rule is about it.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::{
    base::Code,
    expr::{Lazy, Path, Scope},
    spec::{ErrorRule, Http},
    wire,
};

/// An answer whose body has been read.
#[derive(Debug, Clone)]
pub struct ReadAnswer {
    /// The status code.
    pub status: u16,
    /// As JSON.
    pub body: Arc<Json>,
    /// The provider's machine-readable reason, by `http.reason`.
    pub reason: Option<String>,
    /// The provider's words, by `http.message`.
    pub message: Option<String>,
    /// The request's scope with `answer`, and `$` for the body.
    pub scope: Scope,
}

impl ReadAnswer {
    /// What `answer`, whose body was read as `body`, tells by the paths of `http`.
    pub fn new(answer: &Arc<wire::Answer>, body: impl Into<Arc<Json>>, http: &Http, scope: &Scope) -> Self {
        let body = body.into();
        let (reason, message) = (first(&http.reason, &body), first(&http.message, &body));
        Self { message, ..Self::with_reason(answer, body, reason, scope) }
    }

    /// The same when the reason was found in another way.
    pub fn with_reason(
        answer: &Arc<wire::Answer>,
        body: impl Into<Arc<Json>>,
        reason: Option<String>,
        scope: &Scope,
    ) -> Self {
        let body = body.into();
        Self { status: answer.status, reason, message: None, scope: with_answer(scope, answer, &body), body }
    }

    /// Whether all conditions of `rule` hold.
    ///
    /// Rules are tried on answers of every form. One whose expression can't be evaluated on this one is not about it.
    pub fn matches(&self, rule: &ErrorRule) -> bool {
        let by_status = || rule.status.iter().any(|(low, high)| (*low..=*high).contains(&self.status));
        let by_reason = || self.reason.as_ref().is_some_and(|it| rule.reason.contains(it));
        (rule.status.is_empty() || by_status())
            && (rule.reason.is_empty() || by_reason())
            && rule.when.as_ref().is_none_or(|it| it.test(&self.scope).unwrap_or(false))
    }
}

/// What a status means when no rule says so (RFC 9110 §15, RFC 6585, RFC 4918 §11). `None` is success.
pub fn by_status(status: u16) -> Option<Code> {
    Some(match status {
        200..=299 => return None,
        400 | 413 | 414 | 422 => Code::InvalidInput,
        401 => Code::Reauthorize,
        402 => Code::Declined,
        403 | 451 => Code::PermissionDenied,
        404 | 410 => Code::NotFound,
        // 423: somebody holds a lock on it.
        409 | 423 => Code::Conflict,
        // 424: refused because another part of the same request was; 428: the provider wants `If-Match`.
        412 | 424 | 428 => Code::PreconditionFailed,
        429 => Code::RateLimited,
        408 | 504 => Code::Timeout,
        501 => Code::Unsupported,
        // 425: the provider won't risk processing it yet.
        425 | 500..=599 => Code::Unavailable,
        // Redirects that weren't followed, and what only a mistake in the connector can cause (405, 406, 415 …).
        _ => Code::ProviderError,
    })
}

/// What the first path that finds something finds, as text.
fn first(paths: &[Arc<Path>], body: &Json) -> Option<String> {
    paths.iter().find_map(|path| text(path.one(body).ok()??))
}

/// A scalar as text; nothing for an empty one.
pub(crate) fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The scope with `answer`, and `$` for its body.
pub(crate) fn with_answer(scope: &Scope, answer: &Arc<wire::Answer>, body: &Arc<Json>) -> Scope {
    let mut scope = scope.with_document(Arc::clone(body));
    scope.set_lazy("answer", Arc::new(Seen { answer: Arc::clone(answer), body: Arc::clone(body) }));
    scope
}

/// `answer` as expressions see it.
struct Seen {
    answer: Arc<wire::Answer>,
    body: Arc<Json>,
}

impl Lazy for Seen {
    fn names(&self) -> Vec<&str> {
        vec!["status", "headers", "body", "url"]
    }

    fn part(&self, name: &str) -> Option<Arc<Json>> {
        Some(match name {
            "status" => Json::from(self.answer.status).into(),
            "headers" => headers(&self.answer).into(),
            "body" => Arc::clone(&self.body),
            "url" => Json::from(self.answer.url.as_str()).into(),
            _ => return None,
        })
    }
}

/// Lines of one name are one list (RFC 9110 §5.3).
fn headers(answer: &wire::Answer) -> Json {
    let mut headers = Map::new();
    for (name, value) in &answer.headers {
        match headers.get_mut(name) {
            Some(Json::String(joined)) => *joined = format!("{joined}, {value}"),
            _ => drop(headers.insert(name.clone(), Json::from(value.as_str()))),
        }
    }
    Json::Object(headers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use url::Url;

    use super::*;
    use crate::transport::fixtures::{http, path, rule};

    fn answer(status: u16, body: Json) -> ReadAnswer {
        let mut http = http();
        http.reason = vec![path("$.error.errors[0].reason"), path("$.error"), path("$[0].code")];
        http.message = vec![path("$.error.message")];
        let headers = [("www-authenticate", "Basic"), ("etag", "\"a\""), ("www-authenticate", "Digest")];
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let url = Url::parse("https://api.example.com/x").unwrap();
        let answer = wire::Answer { status, headers, body: body.to_string().into(), url };
        ReadAnswer::new(&answer.into(), body, &http, &Scope::new())
    }

    #[test]
    fn the_reason_is_what_the_first_path_finds() {
        let check = |body: Json, reason: Option<&str>, message: Option<&str>| {
            let answer = answer(400, body);
            assert_eq!((answer.reason.as_deref(), answer.message.as_deref()), (reason, message));
        };
        let nested = json!({"error": {"errors": [{"reason": "quota"}], "message": "Too many"}});
        check(nested, Some("quota"), Some("Too many"));
        check(json!({"error": "invalid_grant"}), Some("invalid_grant"), None);
        check(json!([{"code": 17}]), Some("17"), None);
        check(json!({"error": ""}), None, None);
        check(json!("<html>"), None, None);
        check(json!(null), None, None);
    }

    #[test]
    fn a_rule_matches_when_all_of_its_conditions_do() {
        let failed = answer(403, json!({"error": "quota", "left": 0}));
        let check = |status: &[(u16, u16)], reason: &[&str], when: Option<&str>, expected: bool| {
            assert_eq!(failed.matches(&rule(status, reason, when)), expected, "{status:?} {reason:?} {when:?}");
        };
        check(&[], &[], None, true);
        check(&[(403, 403)], &[], None, true);
        check(&[(400, 499)], &[], None, true);
        check(&[(401, 401), (500, 599)], &[], None, false);
        check(&[], &["other", "quota"], None, true);
        check(&[], &["other"], None, false);
        check(&[(403, 403)], &["other"], None, false);
        check(&[(403, 403)], &["quota"], Some("answer.body.left == 0"), true);
        check(&[(403, 403)], &["quota"], Some("answer.body.left == 1"), false);
        check(&[], &[], Some("answer.status == 403 and answer.headers.etag == '\"a\"'"), true);
        check(&[], &[], Some("answer.headers['www-authenticate'] == 'Basic, Digest'"), true);
        check(&[], &[], Some("answer.url == 'https://api.example.com/x'"), true);
        check(&[], &[], Some("answer.body.nothing.deeper"), false);
    }
}
