//! Consents with an authorization server on this machine, and odd answers of token endpoints.

mod answers;
mod provider;

use serde_json::{Map, Value as Json, json};
use url::Url;

use self::provider::Provider;
use super::*;
use crate::{
    auth::{Token, fixtures::oauth2},
    base::Code,
    spec,
    transport::{
        SendError,
        fixtures::{http, path, text},
        http::HttpClient,
    },
};

const CALLBACK: &str = "https://app.example.com/oauth/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const NOW: &str = "2026-11-25T09:00:00Z";

/// One account, one client and its provider.
struct Account {
    oauth2: spec::OAuth2,
    client: Client,
    http: spec::Http,
    scope: Scope,
    sender: HttpClient,
}

impl Account {
    fn of(provider: &Provider) -> Self {
        let mut http = http();
        http.hosts = vec!["accounts.example.com".to_owned()];
        let secret = Some(Secret::new("client secret: é"));
        Self {
            oauth2: oauth2(),
            client: Client { id: "the client".to_owned(), secret },
            http,
            scope: Scope::new(),
            sender: provider.client(),
        }
    }

    fn flow(&self) -> Flow<'_> {
        let Self { oauth2, client, http, scope, sender } = self;
        Flow { oauth2, client, http, scope, sender, now: NOW.parse().unwrap() }
    }

    fn authorization_url(&self, scopes: &[&str]) -> Url {
        let scopes: Vec<_> = scopes.iter().map(|&it| it.to_owned()).collect();
        let url =
            self.flow().authorization_url(&callback(), &scopes, &Secret::new("the state"), &Secret::new(VERIFIER));
        url.unwrap()
    }

    async fn exchange(&self, code: &str, verifier: &str) -> Result<Token, SendError> {
        self.flow().exchange_code(&Secret::new(code), &callback(), &Secret::new(verifier)).await
    }

    async fn refresh(&self, token: &str) -> Result<Token, SendError> {
        self.flow().refresh(&Secret::new(token)).await
    }
}

fn callback() -> Url {
    Url::parse(CALLBACK).unwrap()
}

#[track_caller]
fn check_error(result: Result<Token, SendError>, code: Code, words: &str) {
    let error = result.expect_err("an error");
    assert_eq!(error.code, code, "{error:?}");
    assert!(error.message.contains(words), "{error:?}");
}

fn refresh_of(token: &Token) -> Option<&str> {
    token.refresh.as_ref().map(Secret::expose)
}

#[tokio::test]
async fn the_address_of_the_consent_has_all_that_the_provider_needs() {
    let mut account = Account::of(&Provider::start(false).await);
    account.oauth2.params = vec![("access_type".to_owned(), "offline".to_owned())];
    let url = account.authorization_url(&["openid", "https://scopes.example.com/calendar"]);
    let expected = "https://accounts.example.com/authorize?response_type=code&client_id=the+client&state=the+state\
                    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256\
                    &redirect_uri=https%3A%2F%2Fapp.example.com%2Foauth%2Fcallback\
                    &scope=openid+https%3A%2F%2Fscopes.example.com%2Fcalendar&access_type=offline";
    assert_eq!(url.as_str(), expected);

    account.oauth2.pkce = false;
    account.oauth2.scope_separator = ",".to_owned();
    account.oauth2.authorize_url = spec::Url::Text(text("https://{{ connection.domain }}.example.com/auth?x=1"));
    account.scope.set("connection", json!({"domain": "eu"}));
    let expected = "https://eu.example.com/auth?x=1&response_type=code&client_id=the+client&state=the+state\
                    &redirect_uri=https%3A%2F%2Fapp.example.com%2Foauth%2Fcallback&scope=a%2Cb&access_type=offline";
    assert_eq!(account.authorization_url(&["a", "b"]).as_str(), expected);

    account.oauth2.authorize_url = spec::Url::Text(text("http://accounts.example.com/authorize"));
    let insecure = account.flow().authorization_url(&callback(), &[], &Secret::new("s"), &Secret::new(VERIFIER));
    assert_eq!(insecure.unwrap_err().code, Code::ProviderError);
}

#[tokio::test]
async fn a_consent_becomes_a_token_once() {
    let provider = Provider::start(false).await;
    let mut account = Account::of(&provider);
    account.oauth2.token_params = vec![("audience".to_owned(), "api".to_owned())];
    account.oauth2.capture = vec![("audience".to_owned(), path("$.audience")), ("absent".to_owned(), path("$.absent"))];
    let code = provider.consent(&account.authorization_url(&["a", "b"]));

    let token = account.exchange(&code, VERIFIER).await.unwrap();
    assert_eq!(token.access.expose(), "access 1");
    assert_eq!(refresh_of(&token), Some("refresh/0"));
    assert_eq!(token.expires_at.unwrap().to_string(), "2026-11-25T09:59:59Z");
    assert_eq!(token.scopes.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
    assert_eq!(token.captured, Map::from_iter([("audience".to_owned(), Json::from("api"))]));

    check_error(account.exchange(&code, VERIFIER).await, Code::Reauthorize, "400: invalid_grant: Malformed auth code.");
    let code = provider.consent(&account.authorization_url(&["a"]));
    let other = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX";
    check_error(account.exchange(&code, other).await, Code::Reauthorize, "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_that_does_not_rotate_stays_good() {
    let provider = Provider::start(false).await;
    let account = Account::of(&provider);
    let code = provider.consent(&account.authorization_url(&["a"]));
    let first = account.exchange(&code, VERIFIER).await.unwrap();
    let refresh = refresh_of(&first).unwrap();
    for access in ["access 2", "access 3"] {
        let token = account.refresh(refresh).await.unwrap();
        assert_eq!((token.access.expose(), refresh_of(&token)), (access, None));
    }
    assert!(account.flow().revoke(&Secret::new(refresh)).await.unwrap());
    let dead = account.refresh(refresh).await;
    check_error(dead, Code::Reauthorize, "400: invalid_grant: Token has been expired or revoked.");
    assert!(account.flow().revoke(&Secret::new(refresh)).await.unwrap(), "it is revoked already");
}

#[tokio::test]
async fn a_refresh_token_that_rotates_works_once() {
    let provider = Provider::start(true).await;
    let account = Account::of(&provider);
    let code = provider.consent(&account.authorization_url(&["a"]));
    let first = account.exchange(&code, VERIFIER).await.unwrap();
    let second = account.refresh(refresh_of(&first).unwrap()).await.unwrap();
    assert_ne!(refresh_of(&second), refresh_of(&first));
    check_error(account.refresh(refresh_of(&first).unwrap()).await, Code::Reauthorize, "invalid_grant");
    assert!(account.refresh(refresh_of(&second).unwrap()).await.is_ok());
}

#[tokio::test]
async fn the_client_shows_itself_in_the_form_or_by_basic() {
    let provider = Provider::start(false).await;
    let mut account = Account::of(&provider);
    for in_body in [true, false] {
        account.oauth2.client_in_body = in_body;
        let code = provider.consent(&account.authorization_url(&["a"]));
        assert!(account.exchange(&code, VERIFIER).await.is_ok(), "in body: {in_body}");
        assert_eq!(provider.last_client_was_in_body(), in_body);
    }
    account.client.secret = Some(Secret::new("wrong secret"));
    let words = "401: invalid_client: no client with the secret ••• (check the client id and secret";
    for in_body in [true, false] {
        account.oauth2.client_in_body = in_body;
        check_error(account.refresh("refresh/0").await, Code::PermissionDenied, words);
    }
    account.client.secret = None;
    check_error(account.refresh("refresh/0").await, Code::PermissionDenied, "invalid_client");
    assert!(provider.last_client_was_in_body(), "without a secret there is nothing for Basic");
}

#[tokio::test]
async fn a_provider_that_is_away_or_can_not_revoke_is_told_apart_from_a_dead_grant() {
    let provider = Provider::start(false).await;
    let mut account = Account::of(&provider);
    provider.fail_next(503);
    check_error(account.refresh("refresh/0").await, Code::Unavailable, "answered the token request with 503");
    provider.fail_next(429);
    let limited = account.refresh("refresh/0").await.unwrap_err();
    assert_eq!((limited.code, limited.retry_after), (Code::RateLimited, Some(std::time::Duration::from_secs(7))));
    provider.fail_next(500);
    assert_eq!(account.flow().revoke(&Secret::new("refresh/0")).await.unwrap_err().code, Code::Unavailable);
    account.oauth2.revoke_url = None;
    assert!(!account.flow().revoke(&Secret::new("refresh/0")).await.unwrap());

    account.http.hosts.clear();
    check_error(account.refresh("refresh/0").await, Code::Unsupported, "does not declare this host");
    drop(provider);
    account.http.hosts = vec!["accounts.example.com".to_owned()];
    check_error(account.refresh("refresh/0").await, Code::Unavailable, "accounts.example.com");
}
