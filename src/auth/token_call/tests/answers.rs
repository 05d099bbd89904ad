//! What providers answer, and what is made of it.

use super::*;
use crate::auth::fixtures::Answers;

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const HTML: &[(&str, &str)] = &[("content-type", "text/html; charset=utf-8")];
const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")];

/// By the book, and with these keys.
fn book(more: &str) -> Arc<Connector> {
    connector(&format!("{BOOK}{more}}}"), "{base_url: https://api.example.com}")
}

async fn refreshed(
    connector: &Connector,
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Token, SendError> {
    let sender = Answers::default().then(status, headers, body);
    let given = [("client_id", "id"), ("refresh_token", "the old token")];
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
    let (oauth2, connection) = (oauth2(connector), json!({}).into());
    let (account, http) = (&connector.account.http, &connector.http);
    let caller = Caller {
        account,
        connector: http,
        connection: &connection,
        sender: &sender,
        now: NOW.parse().unwrap(),
        registered: false,
    };
    Ok(caller.get(oauth2.refresh.as_ref().unwrap(), &oauth2.answers, given).await?.token)
}

/// Access token, refresh token, lifetime in seconds, scopes.
type Found<'a> = (&'a str, Option<&'a str>, Option<i64>, Option<&'a [&'a str]>);

async fn check(oauth2: &Connector, status: u16, headers: &[(&str, &str)], body: &str, expected: Found<'_>) {
    let token = refreshed(oauth2, status, headers, body).await.expect(body);
    let lifetime = token.expires_at.map(|it| it.duration_since(NOW.parse().unwrap()).as_secs());
    let scopes: Option<Vec<_>> = token.scopes.as_ref().map(|list| list.iter().map(String::as_str).collect());
    assert_eq!((token.access.expose(), refresh_of(&token), lifetime, scopes.as_deref()), expected, "{body}");
}

#[tokio::test]
async fn a_connector_says_what_a_refusal_means_before_anybody_guesses() {
    let oauth2 = book(
        ", token_errors: [{error: invalid_grant, when: \"{{ answer.body.error_description is startingwith('busy') }}\", is: unavailable}, \
         {when: \"{{ answer.body.status == 'failure' }}\", is: rate_limited, retry_after: 900}]",
    );
    for (status, body, code, retry_after) in [
        (400, r#"{"error":"invalid_grant","error_description":"busy with another"}"#, Code::Unavailable, None),
        (400, r#"{"error":"invalid_grant","error_description":"revoked"}"#, Code::Reauthorize, None),
        (200, r#"{"error":"Access Denied","status":"failure"}"#, Code::RateLimited, Some(900)),
        (400, r#"{"error":"Access Denied"}"#, Code::ProviderError, None),
    ] {
        let error = refreshed(&oauth2, status, JSON, body).await.unwrap_err();
        assert_eq!((error.code, error.retry_after.map(|it| it.as_secs())), (code, retry_after), "{body}");
    }
}

#[tokio::test]
async fn a_token_is_found_however_it_is_given() {
    let oauth2 = book("");
    let plain: Found<'_> = ("a", None, None, None);
    let hour: Found<'_> = ("a", None, Some(3600), None);
    for (status, headers, body, expected) in [
        (200, JSON, r#"{"access_token":"a","token_type":"Bearer","expires_in":3600}"#, hour),
        (201, JSON, r#"{"access_token":"a","expires_in":3600}"#, hour),
        (200, HTML, r#"{"access_token":"a","expires_in":3600}"#, hour),
        (200, &[], r#"{"access_token":"a","expires_in":3600}"#, hour),
        (200, FORM, "access_token=a&expires_in=3600", hour),
        (200, JSON, r#"{"access_token":"a","expires_in":"3600","token_type":"odd"}"#, hour),
        (200, JSON, r#"{"access_token":"a","expires_in":3600.0}"#, hour),
        (200, JSON, r#"{"access_token":"a","expires_in":null,"refresh_token":null,"scope":null}"#, plain),
        (200, JSON, r#"{"access_token":"a","expires_in":0,"refresh_token":"","scope":""}"#, plain),
        (200, JSON, r#"{"access_token":"a","expires_in":-1}"#, plain),
        (200, JSON, r#"{"access_token":"a","expires_in":"soon"}"#, plain),
        (200, JSON, r#"{"access_token":"a","expires_in":1e300}"#, plain),
        (200, JSON, r#"{"access_token":"a","error":null}"#, plain),
        (200, JSON, r#"{"access_token":"a","error":"","error_description":""}"#, plain),
        (200, JSON, r#"{"access_token":"a","error":false}"#, plain),
        (200, JSON, r#"{"access_token":"a","refresh_token":"b"}"#, ("a", Some("b"), None, None)),
        (200, JSON, r#"{"access_token":"a","scope":"x y"}"#, ("a", None, None, Some(&["x", "y"]))),
        (200, JSON, r#"{"access_token":"a","scope":"x,y, z"}"#, ("a", None, None, Some(&["x", "y", "z"]))),
        (200, JSON, r#"{"access_token":"a","scope":["x","y"]}"#, ("a", None, None, Some(&["x", "y"]))),
    ] {
        check(&oauth2, status, headers, body, expected).await;
    }
}

#[tokio::test]
async fn an_envelope_and_a_lifetime_can_be_declared() {
    let oauth2 = book(", lifetime: 2h");
    check(&oauth2, 200, JSON, r#"{"access_token":"a"}"#, ("a", None, Some(7200), None)).await;
    check(&oauth2, 200, JSON, r#"{"access_token":"a","expires_in":60}"#, ("a", None, Some(60), None)).await;
    let oauth2 = book(", lifetime: 2h, token: {access_token: $.data.user.token, refresh_token: $.data.renew}");
    let body = r#"{"ok":true,"data":{"user":{"token":"a"},"renew":"b"}}"#;
    check(&oauth2, 200, JSON, body, ("a", Some("b"), Some(7200), None)).await;
}

#[tokio::test]
async fn failures_are_told_apart_whatever_their_status() {
    let oauth2 = book("");
    for (status, headers, body, code, words) in [
        (400, JSON, r#"{"error":"invalid_grant"}"#, Code::Reauthorize, "400: invalid_grant"),
        (200, JSON, r#"{"error":"invalid_grant"}"#, Code::Reauthorize, "200: invalid_grant"),
        (400, HTML, r#"{"error":"invalid_grant"}"#, Code::Reauthorize, "invalid_grant"),
        (200, FORM, "error=invalid_grant&error_description=gone", Code::Reauthorize, "invalid_grant: gone"),
        (401, JSON, r#"{"error":"invalid_client"}"#, Code::PermissionDenied, "check the client id and secret"),
        (200, JSON, r#"{"error":"invalid_client"}"#, Code::PermissionDenied, "invalid_client"),
        (401, JSON, r#"{"error":"unauthorized_client"}"#, Code::PermissionDenied, "unauthorized_client"),
        (401, HTML, "<html>", Code::PermissionDenied, "check the client id"),
        (400, JSON, r#"{"error":"temporarily_unavailable"}"#, Code::Unavailable, "temporarily_unavailable"),
        (400, JSON, r#"{"error":"internal_failure"}"#, Code::Unavailable, "internal_failure"),
        (502, HTML, "<html>", Code::Unavailable, "502"),
        (429, JSON, r#"{"error":"slow_down"}"#, Code::RateLimited, "slow_down"),
        (400, JSON, r#"{"error":"invalid_request"}"#, Code::ProviderError, "invalid_request"),
        (200, JSON, r#"{"error":"invalid_code"}"#, Code::ProviderError, "invalid_code"),
        (302, HTML, "", Code::ProviderError, "302"),
        (200, JSON, "{}", Code::ProviderError, "without a token"),
        (200, JSON, r#"{"access_token":""}"#, Code::ProviderError, "without a token"),
        (200, HTML, "<html>Sign in</html>", Code::ProviderError, "without a token"),
        (200, JSON, "", Code::ProviderError, "without a token"),
    ] {
        let result = refreshed(&oauth2, status, headers, body).await;
        check_error(result, code, words);
    }
}

#[tokio::test]
async fn what_means_a_dead_grant_can_be_declared() {
    let oauth2 =
        book(", dead: [{error: invalid_code}, {status: 400, when: \"{{ 'expired' in answer.body.message }}\"}]");
    for (status, body, code) in [
        (200, r#"{"error":"invalid_code"}"#, Code::Reauthorize),
        (400, r#"{"message":"the token is expired"}"#, Code::Reauthorize),
        (400, r#"{"message":"bad"}"#, Code::ProviderError),
        (400, r#"{"error":"invalid_grant"}"#, Code::ProviderError),
    ] {
        assert_eq!(refreshed(&oauth2, status, JSON, body).await.unwrap_err().code, code, "{body}");
    }
}

#[tokio::test]
async fn what_was_sent_is_not_repeated_in_messages_and_long_words_are_cut() {
    let body = r#"{"error":"invalid_grant","error_description":"the old token is not known"}"#;
    let error = refreshed(&book(""), 400, JSON, body).await.unwrap_err();
    assert_eq!(error.message, "the provider answered the token request with 400: invalid_grant: ••• is not known");
    let long = json!({"error": "x".repeat(10_000)}).to_string();
    assert!(refreshed(&book(""), 400, JSON, &long).await.unwrap_err().message.len() < 400);
}
