//! An authorization server that keeps the rules: codes and rotated refresh tokens work once, PKCE and clients are checked.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use aws_lc_rs::digest;
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;
use url::{Url, form_urlencoded};

use crate::transport::{
    fixtures::Served,
    http::{ClientConfig, EndpointOverrides, HttpClient},
};

type Form = HashMap<String, String>;

pub(super) struct Provider {
    served: Served,
    state: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    rotates: bool,
    /// Code → the query of its authorization request.
    codes: HashMap<String, Form>,
    refresh_tokens: HashSet<String>,
    access_tokens: usize,
    consents: usize,
    client_was_in_body: bool,
    fails_next: Option<u16>,
}

impl Provider {
    pub(super) async fn start(rotates: bool) -> Self {
        let state = Arc::new(Mutex::new(Known { rotates, ..Known::default() }));
        let router = Router::new().route("/token", post(token)).route("/revoke", post(revoke));
        Self { served: Served::start(router.with_state(Arc::clone(&state))).await, state }
    }

    pub(super) fn client(&self) -> HttpClient {
        let overrides = EndpointOverrides::new([("https://accounts.example.com", self.served.base.as_str())]).unwrap();
        HttpClient::new(&ClientConfig { overrides, ..ClientConfig::default() }).unwrap()
    }

    /// What the browser does: the person agrees, and the redirect brings a code.
    pub(super) fn consent(&self, url: &Url) -> String {
        let mut known = self.state.lock().unwrap();
        let code = format!("4/code {}", known.consents);
        known.consents += 1;
        known.codes.insert(code.clone(), url.query_pairs().into_owned().collect());
        code
    }

    pub(super) fn last_client_was_in_body(&self) -> bool {
        self.state.lock().unwrap().client_was_in_body
    }

    pub(super) fn fail_next(&self, status: u16) {
        self.state.lock().unwrap().fails_next = Some(status);
    }
}

fn refuse(status: u16, error: &str, description: &str) -> Response {
    let body = json!({"error": error, "error_description": description});
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

fn pairs(text: &[u8]) -> Form {
    form_urlencoded::parse(text).into_owned().collect()
}

/// The refusal, unless it is our client that asks, by Basic (RFC 6749 §2.3.1) or in the form.
fn refuse_client(known: &mut Known, headers: &HeaderMap, form: &Form) -> Option<Response> {
    if let Some(status) = known.fails_next.take() {
        let status = StatusCode::from_u16(status).unwrap();
        return Some((status, [("retry-after", "7")], "<html>busy</html>").into_response());
    }
    let basic = headers.get("authorization").map(|it| {
        let decoded = STANDARD.decode(it.to_str().unwrap().strip_prefix("Basic ").unwrap()).unwrap();
        let text = String::from_utf8(decoded).unwrap();
        let (id, secret) = text.split_once(':').unwrap();
        let decode = |text: &str| pairs(format!("x={text}").as_bytes()).remove("x").unwrap();
        (decode(id), decode(secret))
    });
    known.client_was_in_body = basic.is_none();
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let (id, secret) = basic.unwrap_or_else(|| (field("client_id"), field("client_secret")));
    let known = id == "the client" && secret == "client secret: é";
    (!known).then(|| refuse(401, "invalid_client", &format!("no client with the secret {secret}")))
}

async fn token(State(state): State<Arc<Mutex<Known>>>, headers: HeaderMap, body: Bytes) -> Response {
    let (form, mut known) = (pairs(&body), state.lock().unwrap());
    if let Some(refusal) = refuse_client(&mut known, &headers, &form) {
        return refusal;
    }
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let mut answer = json!({"expires_in": 3599, "token_type": "Bearer", "id_token": "e.y.J"});
    match field("grant_type") {
        "authorization_code" => {
            let Some(asked) = known.codes.remove(field("code")) else {
                return refuse(400, "invalid_grant", "Malformed auth code.");
            };
            let challenge = digest::digest(&digest::SHA256, field("code_verifier").as_bytes());
            let proven = asked["code_challenge"] == URL_SAFE_NO_PAD.encode(challenge);
            if !proven || asked["redirect_uri"] != field("redirect_uri") {
                return refuse(400, "invalid_grant", "Bad Request");
            }
            answer["scope"] = json!(asked["scope"]);
            answer["refresh_token"] = json!(issue(&mut known));
        }
        "refresh_token" => {
            if !known.refresh_tokens.contains(field("refresh_token")) {
                return refuse(400, "invalid_grant", "Token has been expired or revoked.");
            }
            if known.rotates {
                known.refresh_tokens.remove(field("refresh_token"));
                answer["refresh_token"] = json!(issue(&mut known));
            }
        }
        _ => return refuse(400, "unsupported_grant_type", ""),
    }
    known.access_tokens += 1;
    answer["access_token"] = json!(format!("access {}", known.access_tokens));
    if let Some(audience) = form.get("audience") {
        answer["audience"] = json!(audience);
    }
    Json(answer).into_response()
}

fn issue(known: &mut Known) -> String {
    let token = format!("refresh/{}", known.access_tokens);
    known.refresh_tokens.insert(token.clone());
    token
}

async fn revoke(State(state): State<Arc<Mutex<Known>>>, headers: HeaderMap, body: Bytes) -> Response {
    let (form, mut known) = (pairs(&body), state.lock().unwrap());
    if let Some(refusal) = refuse_client(&mut known, &headers, &form) {
        return refusal;
    }
    if known.refresh_tokens.remove(&form["token"]) {
        StatusCode::OK.into_response()
    } else {
        refuse(400, "invalid_token", "Token expired or revoked")
    }
}
