//! Gets a short-lived token by the request that the connector describes.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json};

use super::{Credentials, Token, oauth2::seconds, sign::scope};
use crate::{
    base::{Code, Secret, shortened},
    expr::Path,
    format,
    spec::{Http, TokenExchange},
    transport::{ReadAnswer, SendError, Sender, Signed, render, rules},
};

/// Of the provider's own reason, at most so many characters are kept.
const LONGEST_REASON: usize = 300;

/// Sends the request of `exchange`, and gives the token in its answer.
///
/// # Errors
/// What the exchange's rules say, then the connector's, then the status: `reauthorize` when the credentials are refused
/// (401), `provider_error` when the answer has no token. Whatever waits for the token was not sent.
pub async fn exchange(
    exchange: &TokenExchange,
    http: &Http,
    credentials: &Credentials,
    connection: &Arc<Json>,
    sender: &dyn Sender,
    now: Timestamp,
) -> Result<Token, SendError> {
    let scope = scope(&Credentials { token: None, ..credentials.clone() }, connection, now);
    let mut request = render(&exchange.request, http, &scope)?;
    // Any of them may hold a credential.
    let headers = std::mem::take(&mut request.headers);
    let headers = headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
    let signed = Signed { request, headers, query: Vec::new(), fill: Vec::new() };
    let answer = Arc::new(sender.send_signed(signed, http, http.timeout).await?);
    let body = format::answer::read(&answer, exchange.request.answer, &http.xml)
        .map_err(|error| SendError::not_sent(Code::ProviderError, format!("the token request's answer: {error}")))?;
    let read = ReadAnswer::new(&answer, body, http, &scope);
    if let Some(code) = failure(exchange, http, &read) {
        let reason = read.reason.map(|it| format!(": {}", shortened(&it, LONGEST_REASON))).unwrap_or_default();
        let message = format!("the provider answered the token request with {}{reason}", read.status);
        let retry_after = answer.retry_after(now);
        return Err(SendError { retry_after, ..SendError::not_sent(code, message) });
    }
    let text = |path: &Path| path.one(&read.body).ok().flatten().and_then(rules::text);
    let access = text(&exchange.token).ok_or_else(|| {
        SendError::not_sent(Code::ProviderError, "the provider answered the token request without a token")
    })?;
    let lifetime = seconds(exchange.expires_in.as_deref().and_then(text)).unwrap_or(exchange.lifetime);
    Ok(Token {
        access: Secret::new(access),
        refresh: None,
        expires_at: SignedDuration::try_from(lifetime).ok().and_then(|it| now.checked_add(it).ok()),
        scopes: None,
        captured: Map::new(),
    })
}

fn failure(exchange: &TokenExchange, http: &Http, answer: &ReadAnswer) -> Option<Code> {
    if let Some(rule) = exchange.errors.iter().chain(&http.errors).find(|it| answer.matches(it)) {
        return rule.is;
    }
    Some(match rules::by_status(answer.status)? {
        code @ (Code::Reauthorize | Code::PermissionDenied | Code::RateLimited | Code::Unavailable | Code::Timeout) => {
            code
        }
        // The others are about what a customer asked for, and no customer has a part in this request.
        _ => Code::ProviderError,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::{
        auth::fixtures::{Answers, credentials},
        spec::{Body, ErrorRule, Target, Url},
        transport::fixtures::{self, path, rule, shape, text},
    };

    fn http() -> Http {
        let mut http = fixtures::http();
        http.servers.insert("main".to_owned(), Url::Text(text("https://api.example.com")).into());
        http.reason = vec![path("$.code")];
        http
    }

    fn exchanged() -> TokenExchange {
        let target = Target::Path { server: None, path: text("/{{ connection.region }}/token") };
        let mut request = fixtures::request("POST", target);
        request.headers = vec![
            ("x-time".to_owned(), text("{{ now }}")),
            ("x-signature".to_owned(), text("{{ (auth.id ~ '|' ~ now) | hmac('sha256', auth.secret) }}")),
        ];
        request.body = Body::Json(shape(json!({"id": "{{ auth.id }}"})));
        TokenExchange {
            request,
            token: path("$.accessToken"),
            expires_in: Some(path("$.expiresIn")),
            lifetime: Duration::from_secs(300),
            margin: Duration::from_secs(60),
            errors: Vec::new(),
        }
    }

    const NOW: &str = "2026-11-22T02:30:00Z";

    async fn run(exchange: &TokenExchange, sender: &Answers) -> Result<Token, SendError> {
        let credentials = credentials(&[("id", "me"), ("secret", "s3cret")], Some("of another scheme"));
        let connection = json!({"region": "eu"}).into();
        super::exchange(exchange, &http(), &credentials, &connection, sender, NOW.parse().unwrap()).await
    }

    #[tokio::test]
    async fn the_request_may_use_credentials_and_its_headers_are_secret() {
        let sender = Answers::default().then(200, &[], r#"{"accessToken":"t","expiresIn":"900"}"#);
        let mut exchange = exchanged();
        exchange.request.headers.pop();
        exchange.request.headers.push(("x-key".to_owned(), text("{{ auth.secret }}{{ auth.token }}")));
        let token = run(&exchange, &sender).await.unwrap();
        assert_eq!(
            (token.access.expose(), token.expires_at.unwrap().to_string()),
            ("t", "2026-11-22T02:45:00Z".to_owned())
        );
        let seen = sender.seen();
        assert_eq!(
            seen[0],
            "POST https://api.example.com/eu/token x-time=2026-11-22T02:30:00Z x-key=s3cret \
             content-type=application/json accept=application/json {\"id\":\"me\"}"
        );
    }

    #[tokio::test]
    async fn the_lifetime_is_a_number_or_text_or_the_declared_one() {
        for (body, seconds) in [
            (r#"{"accessToken":"t","expiresIn":900}"#, 900),
            (r#"{"accessToken":"t","expiresIn":"900"}"#, 900),
            (r#"{"accessToken":"t"}"#, 300),
            (r#"{"accessToken":"t","expiresIn":"never"}"#, 300),
            (r#"{"accessToken":1,"expiresIn":0}"#, 300),
        ] {
            let token = run(&exchanged(), &Answers::default().then(200, &[], body)).await.unwrap();
            let lifetime = token.expires_at.unwrap().duration_since(NOW.parse().unwrap());
            assert_eq!(lifetime, SignedDuration::from_secs(seconds), "{body}");
        }
    }

    #[tokio::test]
    async fn failures_go_by_the_rules_and_then_by_status() {
        let mut exchange = exchanged();
        let is = |code, rule| ErrorRule { is: code, ..rule };
        exchange.errors =
            vec![is(Some(Code::Reauthorize), rule(&[], &["4017300"], None)), is(None, rule(&[(402, 402)], &[], None))];
        for (status, body, expected) in [
            (200, r#"{"code":"4017300","accessToken":"t"}"#, Err(Code::Reauthorize)),
            (402, r#"{"accessToken":"t"}"#, Ok("t")),
            (401, r#"{"code":"other"}"#, Err(Code::Reauthorize)),
            (403, "", Err(Code::PermissionDenied)),
            (429, "{}", Err(Code::RateLimited)),
            (503, "<html>", Err(Code::Unavailable)),
            (504, "", Err(Code::Timeout)),
            (400, "{}", Err(Code::ProviderError)),
            (404, "{}", Err(Code::ProviderError)),
            (200, "{}", Err(Code::ProviderError)),
            (200, "", Err(Code::ProviderError)),
        ] {
            let token = run(&exchange, &Answers::default().then(status, &[("retry-after", "5")], body)).await;
            let found = token.as_ref().map(|it| it.access.expose()).map_err(|it| it.code);
            assert_eq!(found, expected, "{status} {body}");
        }
        let broken = Answers::default().then(200, &[("content-type", "application/json")], "{");
        let error = run(&exchange, &broken).await.unwrap_err();
        assert!(error.message.starts_with("the token request's answer: JSON"), "{error:?}");
    }
}
