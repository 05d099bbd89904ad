//! A provider on this machine: consent, token, revocation and identity endpoints with real state.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};

use aws_lc_rs::digest;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use tokio::sync::Semaphore;
use url::Url;

use crate::transport::fixtures::Served;

/// What the provider knows and how it behaves.
pub(super) struct Book {
    /// Code → challenge, scopes and redirect address of its consent.
    codes: HashMap<String, (String, String, String)>,
    /// The refresh token that is good; of all others it says `invalid_grant`.
    pub(super) refresh: String,
    /// Those that were good once: whoever brings one again ends the whole grant.
    spent: HashSet<String>,
    /// The access token that is good.
    pub(super) access: String,
    /// Counts what it handed out.
    issued: usize,
    /// Seconds that its tokens live, if it says so.
    pub(super) expires_in: Option<u64>,
    /// Whether a refresh token is good once.
    pub(super) rotates: bool,
    /// What it answers to every token request instead.
    pub(super) trouble: Option<(u16, &'static str)>,
    /// The scopes that it grants, rather than those it is asked for.
    pub(super) grants: Option<&'static str>,
    /// How many requests for a token came.
    pub(super) token_requests: usize,
    /// How many refreshes it did.
    pub(super) refreshes: usize,
    /// How many logins by fields it did.
    pub(super) logins: usize,
    /// How many clients it registered.
    pub(super) registered: usize,
    /// What was revoked.
    pub(super) revoked: Vec<String>,
    /// The account's name.
    pub(super) email: &'static str,
    /// Where its tokens are good.
    pub(super) api: &'static str,
    /// The key of the app that came with the last request.
    pub(super) app_key: Option<String>,
}

/// The running provider.
pub(super) struct Provider {
    pub(super) served: Served,
    shared: Shared,
}

#[derive(Clone)]
struct Shared {
    book: Arc<Mutex<Book>>,
    /// A refresh goes through this; a test can close it.
    gate: Arc<Semaphore>,
    /// One permit per refresh that came.
    arrived: Arc<Semaphore>,
    /// The same for registrations.
    registrations: Arc<Semaphore>,
    /// Each registration that is answered takes one.
    answers: Arc<Semaphore>,
}

impl Provider {
    pub(super) async fn start() -> Self {
        let book = Book {
            codes: HashMap::new(),
            refresh: String::new(),
            spent: HashSet::new(),
            access: String::new(),
            issued: 0,
            expires_in: Some(3600),
            rotates: true,
            trouble: None,
            grants: None,
            token_requests: 0,
            refreshes: 0,
            logins: 0,
            registered: 0,
            revoked: Vec::new(),
            email: "owner@example.com",
            api: "https://api.example.com",
            app_key: None,
        };
        let shared = Shared {
            book: Arc::new(Mutex::new(book)),
            gate: Arc::new(Semaphore::new(1)),
            arrived: Arc::new(Semaphore::new(0)),
            registrations: Arc::new(Semaphore::new(0)),
            answers: Arc::new(Semaphore::new(0)),
        };
        let router = Router::new()
            .route("/token", post(token))
            .route("/revoke", post(revoke))
            .route("/login", post(login))
            .route("/register", post(register))
            .route("/me", get(me))
            .with_state(shared.clone());
        Self { served: Served::start(router).await, shared }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.shared.book.lock().unwrap()
    }

    /// From now on refreshes wait.
    pub(super) fn hold_refreshes(&self) {
        assert_eq!(self.shared.gate.forget_permits(1), 1);
    }

    /// Waits for so many registrations.
    pub(super) async fn registrations_arrived(&self, count: u32) {
        self.shared.registrations.acquire_many(count).await.unwrap().forget();
    }

    /// Answers so many registrations.
    pub(super) fn answer_registrations(&self, count: usize) {
        self.shared.answers.add_permits(count);
    }

    /// They wait no more.
    pub(super) fn let_refreshes_go(&self) {
        self.shared.gate.add_permits(1);
    }

    /// A refresh has come.
    pub(super) async fn refresh_arrived(&self) {
        self.shared.arrived.acquire().await.unwrap().forget();
    }

    /// A person consents at the authorization URL: gives `state` and `code`.
    pub(super) fn consent(&self, authorization_url: &Url) -> (String, String) {
        let query: HashMap<String, String> = authorization_url.query_pairs().into_owned().collect();
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], "client");
        assert_eq!(query["code_challenge_method"], "S256");
        let mut book = self.book();
        book.issued += 1;
        let code = format!("code-{}", book.issued);
        let consent = (query["code_challenge"].clone(), query["scope"].clone(), query["redirect_uri"].clone());
        book.codes.insert(code.clone(), consent);
        (query["state"].clone(), code)
    }
}

impl Book {
    fn token(&mut self, form: &HashMap<String, String>) -> Response {
        self.token_requests += 1;
        if let Some((status, body)) = self.trouble {
            return (StatusCode::from_u16(status).unwrap(), body).into_response();
        }
        match form["grant_type"].as_str() {
            "authorization_code" => match self.codes.remove(&form["code"]) {
                Some((challenge, scope, redirect_uri))
                    if challenge == s256(&form["code_verifier"]) && redirect_uri == form["redirect_uri"] =>
                {
                    self.refresh.clear();
                    let granted = self.grants.unwrap_or(&scope).to_owned();
                    self.grant(Some(&granted))
                }
                _ => invalid_grant(),
            },
            "refresh_token" if form["refresh_token"] == self.refresh => {
                self.refreshes += 1;
                self.grant(None)
            }
            "refresh_token" => {
                if self.spent.contains(&form["refresh_token"]) {
                    self.refresh = "none".into();
                    self.access = "none".into();
                }
                invalid_grant()
            }
            other => panic!("grant type {other}"),
        }
    }

    /// Hands out a new pair.
    fn grant(&mut self, scope: Option<&str>) -> Response {
        self.issued += 1;
        self.access = format!("access-{}", self.issued);
        let mut answer = json!({"access_token": self.access, "token_type": "Bearer", "tenant": "eu", "api": self.api});
        if let Some(seconds) = self.expires_in {
            answer["expires_in"] = json!(seconds);
        }
        if self.rotates || self.refresh.is_empty() {
            self.spent.insert(std::mem::take(&mut self.refresh));
            self.refresh = format!("refresh-{}", self.issued);
            answer["refresh_token"] = json!(self.refresh);
        }
        if let Some(scope) = scope {
            answer["scope"] = json!(scope);
        }
        Json(answer).into_response()
    }
}

/// A refresh is done, and the old token dead, before its answer is held back: whoever does not wait for it has lost it.
async fn token(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response {
    let form: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(headers["authorization"], "Basic Y2xpZW50OnMzY3JldA==", "client:s3cret");
    let answer = shared.book.lock().unwrap().token(&form);
    if form["grant_type"] == "refresh_token" {
        shared.arrived.add_permits(1);
        drop(shared.gate.acquire().await.unwrap());
    }
    answer
}

async fn revoke(State(shared): State<Shared>, body: String) -> StatusCode {
    let form: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    shared.book.lock().unwrap().revoked.push(form["token"].clone());
    StatusCode::OK
}

/// A short-lived token for a key.
async fn login(State(shared): State<Shared>, Json(body): Json<serde_json::Value>) -> Response {
    let mut book = shared.book.lock().unwrap();
    if let Some((status, body)) = book.trouble {
        return (StatusCode::from_u16(status).unwrap(), body).into_response();
    }
    if body["key"] != "good" {
        return (StatusCode::UNAUTHORIZED, "{}").into_response();
    }
    book.logins += 1;
    book.grant(None)
}

async fn me(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let mut book = shared.book.lock().unwrap();
    book.app_key = headers.get("x-app-key").map(|it| it.to_str().unwrap().to_owned());
    if headers.get("authorization").is_none_or(|it| *it != format!("Bearer {}", book.access)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if book.email.is_empty() {
        return StatusCode::FORBIDDEN.into_response();
    }
    Json(json!({"email": book.email, "id": "u-1"})).into_response()
}

fn invalid_grant() -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response()
}

fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// RFC 7591 §3; each client is another one.
async fn register(State(shared): State<Shared>) -> Response {
    shared.registrations.add_permits(1);
    shared.answers.acquire().await.unwrap().forget();
    let mut book = shared.book.lock().unwrap();
    book.registered += 1;
    let client = json!({"client_id": format!("client-{}", book.registered), "client_secret": "s3cret-of-it"});
    (StatusCode::CREATED, Json(client)).into_response()
}
