//! An authorization server (RFC 6749 §4.1 and §6, RFC 7636): what providers with a consent have in common, and where they differ.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest;
use axum::{
    body::Body,
    http::{HeaderMap, Response, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use closeloop::base::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use url::Url;

use super::{basic, page, pairs, param};
use crate::clock::ManualClock;

/// The registered client's id.
pub(crate) const CLIENT: &str = "client-1";
/// Its secret.
pub(crate) const SECRET: &str = "client-s+cret/1";
/// Where its browsers come back to.
const CALLBACKS: [&str; 2] = ["http://127.0.0.1:8080/oauth/callback", "https://bot.example.net/oauth/callback"];

/// What becomes of a refresh token when it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// It lives on beside the new one.
    Soft,
    /// It is used up, and only the new one is good.
    SingleUse,
    /// The same; used again it must have been stolen, so that nothing is good any more (RFC 9700 §4.14.2).
    ReuseDetected,
}

/// A code that was given out.
struct Code {
    redirect_uri: String,
    challenge: Option<String>,
    scopes: Vec<String>,
}

/// The server's state. Its user agrees to everything.
pub(crate) struct Consents {
    clock: ManualClock,
    rotation: Rotation,
    /// Whether the client has to sign in by HTTP Basic.
    basic_only: bool,
    lifetime: SignedDuration,
    serial: u64,
    codes: HashMap<String, Code>,
    access: HashMap<String, (Vec<String>, Timestamp)>,
    refresh: HashMap<String, Vec<String>>,
    spent: HashSet<String>,
    reused: usize,
}

/// Why there is no token: `error`, and what is said about it.
pub(crate) type NoToken = (&'static str, &'static str);

impl Consents {
    pub(crate) fn new(clock: ManualClock, rotation: Rotation, basic_only: bool, seconds: i64) -> Self {
        Self {
            clock,
            rotation,
            basic_only,
            lifetime: SignedDuration::from_secs(seconds),
            serial: 0,
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            spent: HashSet::new(),
            reused: 0,
        }
    }

    /// Sends the browser back with a code.
    pub(crate) fn authorize(&mut self, query: &str) -> Response<Body> {
        let asked = pairs(query);
        let redirect_uri = param(&asked, "redirect_uri").unwrap_or_default();
        let wrong = param(&asked, "client_id") != Some(CLIENT)
            || !CALLBACKS.contains(&redirect_uri)
            || param(&asked, "response_type") != Some("code");
        if wrong {
            return page(400, "invalid_request");
        }
        let scopes = param(&asked, "scope").unwrap_or_default().split(' ').map(str::to_owned).collect();
        let challenge = param(&asked, "code_challenge").map(str::to_owned);
        let code = format!("code-{}", self.next());
        self.codes.insert(code.clone(), Code { redirect_uri: redirect_uri.to_owned(), challenge, scopes });
        let mut back = Url::parse(redirect_uri).expect("it is an address");
        back.query_pairs_mut().append_pair("code", &code);
        if let Some(state) = param(&asked, "state") {
            back.query_pairs_mut().append_pair("state", state);
        }
        Response::builder()
            .status(StatusCode::FOUND)
            .header(header::LOCATION, back.as_str())
            .body(Body::empty())
            .expect("an address is a valid header")
    }

    /// Exchanges a code or a refresh token; gives what the answer says beside what only this provider says.
    pub(crate) fn token(&mut self, headers: &HeaderMap, form: &str) -> Result<(Json, Vec<String>), NoToken> {
        let form = pairs(form);
        let in_form = || Some((param(&form, "client_id")?.to_owned(), param(&form, "client_secret")?.to_owned()));
        // RFC 6749 §2.3.1: id and secret are encoded before they are put together
        let decoded = |text: String| param(&pairs(&format!("it={text}")), "it").map(str::to_owned);
        let by_basic = basic(headers).and_then(|(id, secret)| Some((decoded(id)?, decoded(secret)?)));
        let client = if self.basic_only { by_basic } else { by_basic.or_else(in_form) };
        if client != Some((CLIENT.to_owned(), SECRET.to_owned())) {
            return Err(("invalid_client", "the client is not known by this id and secret"));
        }
        let scopes = match param(&form, "grant_type") {
            Some("authorization_code") => self.redeem(&form)?,
            Some("refresh_token") => self.use_refresh(&form)?,
            _ => return Err(("unsupported_grant_type", "the grant type is not known")),
        };
        let (access, refresh) = (format!("at-{}", self.next()), format!("rt-{}", self.next()));
        self.access.insert(access.clone(), (scopes.clone(), self.clock.now() + self.lifetime));
        self.refresh.insert(refresh.clone(), scopes.clone());
        let answer = json!({
            "token_type": "Bearer", "access_token": access, "refresh_token": refresh,
            "expires_in": self.lifetime.as_secs(),
        });
        Ok((answer, scopes))
    }

    fn redeem(&mut self, form: &[(String, String)]) -> Result<Vec<String>, NoToken> {
        let code = param(form, "code").and_then(|it| self.codes.remove(it));
        let code = code.ok_or(("invalid_grant", "the code is not known, or was used"))?;
        let proof = param(form, "code_verifier")
            .map(|it| URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, it.as_bytes())));
        if proof != code.challenge || param(form, "redirect_uri") != Some(&code.redirect_uri) {
            return Err(("invalid_grant", "the code was given to another"));
        }
        Ok(code.scopes)
    }

    fn use_refresh(&mut self, form: &[(String, String)]) -> Result<Vec<String>, NoToken> {
        let token = param(form, "refresh_token").unwrap_or_default();
        let known = match self.rotation {
            Rotation::Soft => self.refresh.get(token).cloned(),
            Rotation::SingleUse | Rotation::ReuseDetected => self.refresh.remove(token),
        };
        if known.is_some() {
            self.spent.insert(token.to_owned());
        } else if self.rotation == Rotation::ReuseDetected && self.spent.contains(token) {
            self.reused += 1;
            self.revoke();
        }
        known.ok_or(("invalid_grant", "the refresh token is not known, or was used"))
    }

    /// The scopes of the living token that a request carries.
    pub(crate) fn scopes(&self, headers: &HeaderMap) -> Option<&[String]> {
        let token = super::header(headers, "authorization").strip_prefix("Bearer ")?;
        let (scopes, expires) = self.access.get(token)?;
        (*expires > self.clock.now()).then_some(scopes.as_slice())
    }

    /// All access tokens end, as they do after their time.
    pub(crate) fn expire(&mut self) {
        self.access.clear();
    }

    /// The user takes everything back.
    pub(crate) fn revoke(&mut self) {
        self.access.clear();
        self.refresh.clear();
    }

    /// How often a refresh token was used that had been used before.
    pub(crate) fn reused(&self) -> usize {
        self.reused
    }

    /// How many refresh tokens are good.
    pub(crate) fn refreshable(&self) -> usize {
        self.refresh.len()
    }

    fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}
