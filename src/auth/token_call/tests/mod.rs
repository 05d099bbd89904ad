//! Consents with an authorization server on this machine, odd answers of token endpoints, and exchanges.

mod answers;
mod exchange;
mod provider;

use serde_json::{Map, Value as Json, json};
use url::Url;

use self::provider::Provider;
use super::*;
use crate::{
    auth::{Credentials, consent, scope},
    base::Code,
    diag::{Diagnostics, Severity, Sources},
    spec::{Connector, ConnectorFiles, OAuth2, SchemeKind, TokenExchange, load},
    transport::http::HttpClient,
};

const CALLBACK: &str = "https://app.example.com/oauth/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const NOW: &str = "2026-11-25T09:00:00Z";

/// How a provider does OAuth, by the book.
const BOOK: &str = "{scheme: oauth2, authorize_url: https://accounts.example.com/authorize, \
                    token_url: https://accounts.example.com/token, revoke_url: https://accounts.example.com/revoke";

/// A connector that signs in so. Keys in `more` replace those of `auth`.
fn connector(auth: &str, http: &str) -> Arc<Connector> {
    let text = format!(
        "id: it\nversion: 1.0.0\ntitle: It\nsummary: Does something.\ncatalog: {{group: other_integration, phase: ga}}\n\
         auth: {auth}\nhttp: {http}\nactions:\n  look:\n    title: Look\n    describe: Looks at what there is.\n    \
         effect: read\n    request: {{method: GET, path: /me}}\n"
    );
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let connector = sources.add("connector.yaml", text);
    let files = ConnectorFiles { directory: "it".to_owned(), connector, tests: None, logo: None };
    let connectors = load(&[files], &[], &sources, &mut diagnostics);
    let lines: Vec<_> =
        diagnostics.iter().filter(|it| it.severity == Severity::Error).map(|it| it.message.as_str()).collect();
    assert!(lines.is_empty(), "{lines:?}\n{auth}");
    connectors.into_iter().next().unwrap()
}

fn oauth2(connector: &Connector) -> &OAuth2 {
    connector.account.oauth2().expect("it has a grant").1
}

/// One account, one client and its provider.
struct Account {
    connector: Arc<Connector>,
    secret: Option<&'static str>,
    sender: HttpClient,
}

impl Account {
    /// By the book, and with these keys.
    fn with(provider: &Provider, more: &str) -> Self {
        let connector = connector(&format!("{BOOK}, {more}}}"), "{base_url: https://api.example.com}");
        Self { connector, secret: Some("client secret: é"), sender: provider.client() }
    }

    fn oauth2(&self) -> &OAuth2 {
        oauth2(&self.connector)
    }

    fn given(&self, more: &[(&str, &str)]) -> Given {
        let client = [Some(("client_id", "the client")), self.secret.map(|it| ("client_secret", it))];
        let all = client.into_iter().flatten().chain(more.iter().copied());
        all.map(|(name, value)| (name.to_owned(), Secret::new(value))).collect()
    }

    fn authorization_url(&self, scopes: &[&str], connection: Json) -> Result<Url, SendError> {
        let consent = self.oauth2().consent.as_ref().expect("it asks for one");
        let scopes = scopes.join(&consent.scope_separator);
        let challenge = consent::challenge(&Secret::new(VERIFIER));
        let fields = self.given(&[
            ("state", "the state"),
            ("redirect_uri", CALLBACK),
            ("scope", &scopes),
            ("code_challenge", &challenge),
            ("domain", "eu"),
        ]);
        let credentials = Credentials { fields: Arc::new(fields), ..Credentials::default() };
        consent::authorization_url(consent, &scope(&credentials.into(), &connection.into(), NOW.parse().unwrap()))
    }

    async fn call(&self, call: &TokenCall, given: Given) -> Result<Token, SendError> {
        let (account, connector) = (&self.connector.account.http, &self.connector.http);
        let connection = json!({}).into();
        let now = NOW.parse().unwrap();
        let caller =
            Caller { account, connector, connection: &connection, sender: &self.sender, now, registered: false };
        Ok(caller.get(call, &self.oauth2().answers, given).await?.token)
    }

    async fn exchange(&self, code: &str, verifier: &str) -> Result<Token, SendError> {
        let given = self.given(&[("code", code), ("redirect_uri", CALLBACK), ("code_verifier", verifier)]);
        self.call(&self.oauth2().exchange, given).await
    }

    async fn refresh(&self, token: &str) -> Result<Token, SendError> {
        self.call(self.oauth2().refresh.as_ref().unwrap(), self.given(&[("refresh_token", token)])).await
    }

    async fn revoke(&self, token: &str) -> Result<(), SendError> {
        let (account, connector) = (&self.connector.account.http, &self.connector.http);
        let connection = json!({}).into();
        let now = NOW.parse().unwrap();
        let caller =
            Caller { account, connector, connection: &connection, sender: &self.sender, now, registered: false };
        let call = self.oauth2().revoke.as_ref().unwrap();
        caller.give_back(call, &self.oauth2().answers, self.given(&[("refresh_token", token)])).await
    }
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
    let provider = Provider::start(false).await;
    let account = Account::with(&provider, "params: {access_type: offline}");
    let url = account.authorization_url(&["openid", "https://scopes.example.com/calendar"], json!({})).unwrap();
    let expected = "https://accounts.example.com/authorize?response_type=code&client_id=the%20client&state=the%20state\
                    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256\
                    &redirect_uri=https%3A%2F%2Fapp.example.com%2Foauth%2Fcallback\
                    &scope=openid%20https%3A%2F%2Fscopes.example.com%2Fcalendar&access_type=offline";
    assert_eq!(url.as_str(), expected);

    let url = |more: &str| {
        let text =
            BOOK.replace("https://accounts.example.com/authorize", "'https://{{ auth.domain }}.example.com/auth?x=1'");
        let fields = "fields: {domain: {type: string, secret: false}}";
        let connector = connector(
            &format!("{text}, {fields}, {more}}}"),
            "{base_url: https://api.example.com, hosts: ['*.example.com']}",
        );
        let account = Account { connector, secret: None, sender: provider.client() };
        account.authorization_url(&["a", "b"], json!({})).unwrap().to_string()
    };
    let expected = "https://eu.example.com/auth?x=1&response_type=code&client_id=the%20client&state=the%20state\
                    &redirect_uri=https%3A%2F%2Fapp.example.com%2Foauth%2Fcallback&scope=a%2Cb";
    assert_eq!(url("pkce: false, scope_separator: ','"), expected);
    let expected = "https://eu.example.com/auth?x=1&response_type=code&state=the%20state\
                    &redirect_uri=https%3A%2F%2Fapp.example.com%2Foauth%2Fcallback&scope=a b&app=the%20client&n=eu";
    let renamed = "pkce: false, unencoded: [scope], params: {client_id: null, app: '{{ auth.client_id }}', n: '{{ auth.domain }}', \
                   empty: '{{ auth.client_id[50:] }}'}";
    assert_eq!(url(renamed).replace("%20b", " b"), expected);
}

#[tokio::test]
async fn a_consent_becomes_a_token_once() {
    let provider = Provider::start(false).await;
    let more = "token_params: {audience: api}, capture: {audience: $.audience, absent: $.absent}";
    let account = Account::with(&provider, more);
    let consent = |scopes: &[&str]| provider.consent(&account.authorization_url(scopes, json!({})).unwrap());
    let code = consent(&["a", "b"]);

    let token = account.exchange(&code, VERIFIER).await.unwrap();
    assert_eq!(token.access.expose(), "access 1");
    assert_eq!(refresh_of(&token), Some("refresh/0"));
    assert_eq!(token.expires_at.unwrap().to_string(), "2026-11-25T09:59:59Z");
    assert_eq!(token.scopes.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
    assert_eq!(token.captured, Map::from_iter([("audience".to_owned(), Json::from("api"))]));

    check_error(account.exchange(&code, VERIFIER).await, Code::Reauthorize, "400: invalid_grant: Malformed auth code.");
    let code = consent(&["a"]);
    let other = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX";
    check_error(account.exchange(&code, other).await, Code::Reauthorize, "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_that_does_not_rotate_stays_good_until_it_is_given_back() {
    let provider = Provider::start(false).await;
    let account = Account::with(&provider, "pkce: true");
    let code = provider.consent(&account.authorization_url(&["a"], json!({})).unwrap());
    let first = account.exchange(&code, VERIFIER).await.unwrap();
    let refresh = refresh_of(&first).unwrap();
    for access in ["access 2", "access 3"] {
        let token = account.refresh(refresh).await.unwrap();
        assert_eq!((token.access.expose(), refresh_of(&token)), (access, None));
    }
    account.revoke(refresh).await.unwrap();
    let dead = account.refresh(refresh).await;
    check_error(dead, Code::Reauthorize, "400: invalid_grant: Token has been expired or revoked.");
    account.revoke(refresh).await.expect("it is revoked already");
}

#[tokio::test]
async fn a_refresh_token_that_rotates_works_once() {
    let provider = Provider::start(true).await;
    let account = Account::with(&provider, "pkce: true");
    let code = provider.consent(&account.authorization_url(&["a"], json!({})).unwrap());
    let first = account.exchange(&code, VERIFIER).await.unwrap();
    let second = account.refresh(refresh_of(&first).unwrap()).await.unwrap();
    assert_ne!(refresh_of(&second), refresh_of(&first));
    check_error(account.refresh(refresh_of(&first).unwrap()).await, Code::Reauthorize, "invalid_grant");
    assert!(account.refresh(refresh_of(&second).unwrap()).await.is_ok());
}

#[tokio::test]
async fn the_client_shows_itself_in_the_form_or_by_basic() {
    let provider = Provider::start(false).await;
    for (word, in_body) in [("body", true), ("basic", false)] {
        let mut account = Account::with(&provider, &format!("client_auth: {word}"));
        let code = provider.consent(&account.authorization_url(&["a"], json!({})).unwrap());
        assert!(account.exchange(&code, VERIFIER).await.is_ok(), "{word}");
        assert_eq!(provider.last_client_was_in_body(), in_body);
        account.secret = Some("wrong secret");
        let words = "401: invalid_client: no client with the secret ••• (check the client id and secret";
        check_error(account.refresh("refresh/0").await, Code::PermissionDenied, words);
        account.secret = None;
        check_error(account.refresh("refresh/0").await, Code::PermissionDenied, "invalid_client");
        assert!(provider.last_client_was_in_body(), "without a secret there is nothing for Basic");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_or_can_not_revoke_is_told_apart_from_a_dead_grant() {
    let provider = Provider::start(false).await;
    let mut account = Account::with(&provider, "pkce: true");
    provider.fail_next(503);
    check_error(account.refresh("refresh/0").await, Code::Unavailable, "answered the token request with 503");
    provider.fail_next(429);
    let limited = account.refresh("refresh/0").await.unwrap_err();
    assert_eq!((limited.code, limited.retry_after), (Code::RateLimited, Some(std::time::Duration::from_secs(7))));
    provider.fail_next(500);
    assert_eq!(account.revoke("refresh/0").await.unwrap_err().code, Code::Unavailable);

    drop(provider);
    check_error(account.refresh("refresh/0").await, Code::Unavailable, "accounts.example.com");
    account.connector = connector(
        &format!("{BOOK}}}")
            .replace("accounts.example.com/token", "{{ connection.id }}.example.com/token")
            .replace("token_url: ", "token_url: '")
            .replace("/token,", "/token',"),
        "{base_url: https://api.example.com, hosts: ['x.example.net']}",
    );
    check_error(account.refresh("refresh/0").await, Code::InvalidInput, "a part of a URL needs one");
}
