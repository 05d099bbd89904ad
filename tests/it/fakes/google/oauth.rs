//! Consent, tokens and who the user is.

use std::collections::BTreeSet;

use aws_lc_rs::digest;
use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, Response, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use serde_json::json;
use url::Url;

use super::{
    Consent, Shared,
    wire::{self, Refusal},
    world::{Code, World},
};
use crate::fakes::{self, param};

/// The consent page. It is no page here: the user's answer is known beforehand, so the browser is sent back at once.
pub(super) async fn authorize(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let mut world = shared.world();
    let redirect_uri = param(&asked, "redirect_uri").unwrap_or_default().to_owned();
    if param(&asked, "client_id") != Some(&world.client_id) {
        return fakes::page(401, "Error 401: invalid_client");
    }
    if !world.redirect_uris.contains(&redirect_uri) {
        return fakes::page(400, "Error 400: redirect_uri_mismatch");
    }
    if param(&asked, "response_type") != Some("code") || param(&asked, "scope").is_none_or(str::is_empty) {
        return fakes::page(400, "Error 400: invalid_request");
    }
    let mut back = Url::parse(&redirect_uri).expect("registered redirect addresses are absolute");
    let Some(scopes) = decide(&world, &asked) else {
        back.query_pairs_mut().append_pair("error", "access_denied");
        return send_back(back, &asked);
    };
    let code = issue_code(&mut world, &asked, redirect_uri, scopes.clone());
    back.query_pairs_mut().append_pair("code", &code).append_pair("scope", &words(&scopes));
    send_back(back, &asked)
}

/// What the user grants, if anything.
fn decide(world: &World, asked: &[(String, String)]) -> Option<BTreeSet<String>> {
    let wanted: BTreeSet<String> =
        param(asked, "scope").unwrap_or_default().split(' ').filter(|it| !it.is_empty()).map(str::to_owned).collect();
    let mut granted = match &world.consent {
        Consent::Denied => return None,
        Consent::All => wanted,
        // Sign-in scopes have no box to untick.
        Consent::Only(ticked) => wanted.into_iter().filter(|it| is_sign_in(it) || ticked.contains(it)).collect(),
    };
    if param(asked, "include_granted_scopes") == Some("true") {
        granted.extend(world.approved.iter().cloned());
    }
    Some(granted)
}

fn is_sign_in(scope: &str) -> bool {
    scope == "openid" || scope.ends_with("/userinfo.email") || scope.ends_with("/userinfo.profile")
}

fn issue_code(world: &mut World, asked: &[(String, String)], redirect_uri: String, scopes: BTreeSet<String>) -> String {
    let challenge = param(asked, "code_challenge")
        .map(|it| (it.to_owned(), param(asked, "code_challenge_method").unwrap_or("plain").to_owned()));
    // Without a new consent screen an account that approved before gets no second refresh token.
    let first = world.approved.is_empty();
    let offline =
        param(asked, "access_type") == Some("offline") && (first || param(asked, "prompt") == Some("consent"));
    world.approved.extend(scopes.iter().cloned());
    let code = format!("4/0AbEX{}", world.next());
    let expires = world.now() + SignedDuration::from_mins(10);
    world.codes.insert(code.clone(), Code { redirect_uri, challenge, scopes, offline, expires, used: false });
    code
}

fn send_back(mut to: Url, asked: &[(String, String)]) -> Response<Body> {
    if let Some(state) = param(asked, "state") {
        to.query_pairs_mut().append_pair("state", state);
    }
    Response::builder()
        .status(StatusCode::FOUND)
        .header(header::LOCATION, to.as_str())
        .body(Body::empty())
        .expect("a URL is a valid header")
}

/// Code exchange and refresh.
pub(super) async fn token(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let form = fakes::pairs(&body);
    let mut world = shared.world();
    let outcome = check_client(&world, &headers, &form).and_then(|()| match param(&form, "grant_type") {
        Some("authorization_code") => exchange(&mut world, &form),
        Some("refresh_token") => refresh(&mut world, &form),
        _ => Err(flat(400, "unsupported_grant_type", "Invalid grant_type")),
    });
    outcome.unwrap_or_else(|it| *it)
}

fn check_client(world: &World, headers: &HeaderMap, form: &[(String, String)]) -> Result<(), Refusal> {
    let in_form = || {
        let id = param(form, "client_id")?.to_owned();
        Some((id, param(form, "client_secret").unwrap_or_default().to_owned()))
    };
    let (id, secret) = fakes::basic(headers).or_else(in_form).unwrap_or_default();
    if id != world.client_id {
        return Err(flat(401, "invalid_client", "The OAuth client was not found."));
    }
    if secret != world.client_secret {
        return Err(flat(401, "invalid_client", "Unauthorized"));
    }
    Ok(())
}

fn exchange(world: &mut World, form: &[(String, String)]) -> Result<Response<Body>, Refusal> {
    let now = world.now();
    let code = param(form, "code").and_then(|it| world.codes.get_mut(it));
    let code = code.ok_or_else(|| flat(400, "invalid_grant", "Malformed auth code."))?;
    let spoiled = code.used || code.expires <= now || param(form, "redirect_uri") != Some(&code.redirect_uri);
    if spoiled || !proves(param(form, "code_verifier"), code.challenge.as_ref()) {
        return Err(flat(400, "invalid_grant", "Bad Request"));
    }
    code.used = true;
    let (scopes, offline) = (code.scopes.clone(), code.offline);
    let access = world.mint(scopes.clone());
    let mut answer =
        json!({"access_token": access, "expires_in": 3599, "scope": words(&scopes), "token_type": "Bearer"});
    if offline {
        let refresh = format!("1//0gEX{}", world.next());
        world.refresh_tokens.insert(refresh.clone(), scopes);
        answer["refresh_token"] = refresh.into();
    }
    Ok(fakes::json(200, &answer))
}

/// RFC 7636 §4.6.
fn proves(verifier: Option<&str>, challenge: Option<&(String, String)>) -> bool {
    match (verifier, challenge) {
        (None, None) => true,
        (Some(verifier), Some((challenge, method))) if method == "S256" => {
            let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
            (43..=128).contains(&verifier.len()) && URL_SAFE_NO_PAD.encode(hash) == *challenge
        }
        (Some(verifier), Some((challenge, _))) => verifier == challenge,
        _ => false,
    }
}

/// Gives no new refresh token: the old one stays.
fn refresh(world: &mut World, form: &[(String, String)]) -> Result<Response<Body>, Refusal> {
    let scopes = param(form, "refresh_token").and_then(|it| world.refresh_tokens.get(it)).cloned();
    let scopes = scopes.ok_or_else(|| flat(400, "invalid_grant", "Token has been expired or revoked."))?;
    let access = world.mint(scopes.clone());
    let answer = json!({"access_token": access, "expires_in": 3599, "scope": words(&scopes), "token_type": "Bearer"});
    Ok(fakes::json(200, &answer))
}

/// Revokes everything that the user granted to the project, whichever of its tokens is named.
pub(super) async fn revoke(State(shared): State<Shared>, RawQuery(query): RawQuery, body: String) -> Response<Body> {
    let mut given = fakes::pairs(&body);
    given.extend(fakes::pairs(&query.unwrap_or_default()));
    let mut world = shared.world();
    let known = |it: &str| world.refresh_tokens.contains_key(it) || world.access_tokens.contains_key(it);
    if !param(&given, "token").is_some_and(known) {
        return *flat(400, "invalid_token", "Token expired or revoked");
    }
    world.revoke_everything();
    fakes::json(200, &json!({}))
}

/// Whose account it is.
pub(super) async fn user_info(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    if let Err(refusal) = wire::authorise(&world, &headers, &["userinfo.email"]) {
        return *refusal;
    }
    fakes::json(200, &json!({"id": "101234567890", "email": world.user, "verified_email": true}))
}

/// The flat error of the token endpoints.
fn flat(status: u16, error: &str, description: &str) -> Refusal {
    Box::new(fakes::json(status, &json!({"error": error, "error_description": description})))
}

fn words(scopes: &BTreeSet<String>) -> String {
    scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}
