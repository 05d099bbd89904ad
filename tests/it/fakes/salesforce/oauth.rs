//! Consent and tokens. No answer tells how long a token lives.

use aws_lc_rs::digest;
use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{Response, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use url::Url;

use super::{
    INSTANCE, Shared,
    world::{Code, World},
};
use crate::fakes::{self, param};

/// The user consents at once.
pub(super) async fn authorize(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let mut world = shared.world();
    let redirect_uri = param(&asked, "redirect_uri").unwrap_or_default().to_owned();
    let challenge = param(&asked, "code_challenge").unwrap_or_default().to_owned();
    let known = param(&asked, "client_id") == Some(&world.client_id) && world.redirect_uris.contains(&redirect_uri);
    let asks_well = param(&asked, "code_challenge_method") == Some("S256")
        && param(&asked, "scope").is_some_and(|it| it.split(' ').any(|it| it == "refresh_token"));
    if !known || !asks_well {
        return fakes::page(400, "OAUTH_APPROVAL_ERROR_GENERIC");
    }
    let code = format!("aPrx{}==", world.next());
    let mut back = Url::parse(&redirect_uri).expect("registered redirect addresses are absolute");
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", param(&asked, "state").unwrap_or_default());
    world.codes.insert(code, Code { redirect_uri, challenge, used: false });
    Response::builder()
        .status(StatusCode::FOUND)
        .header(header::LOCATION, back.as_str())
        .body(Body::empty())
        .expect("an address is a header's value")
}

pub(super) async fn token(State(shared): State<Shared>, body: String) -> Response<Body> {
    let form = fakes::pairs(&body);
    let mut world = shared.world();
    let client = (param(&form, "client_id"), param(&form, "client_secret"));
    if client != (Some(&world.client_id), Some(&world.client_secret)) {
        return refuse("invalid_client", "invalid client credentials");
    }
    match param(&form, "grant_type") {
        Some("authorization_code") => exchange(&mut world, &form),
        Some("refresh_token") => refresh(&mut world, param(&form, "refresh_token").unwrap_or_default()),
        _ => refuse("unsupported_grant_type", "grant type not supported"),
    }
}

fn exchange(world: &mut World, form: &[(String, String)]) -> Response<Body> {
    let hash = digest::digest(&digest::SHA256, param(form, "code_verifier").unwrap_or_default().as_bytes());
    let proof = URL_SAFE_NO_PAD.encode(hash);
    let Some(code) = param(form, "code").and_then(|it| world.codes.get_mut(it)) else {
        return refuse("invalid_grant", "invalid authorization code");
    };
    if code.used || param(form, "redirect_uri") != Some(&code.redirect_uri) {
        return refuse("invalid_grant", "expired authorization code");
    }
    if proof != code.challenge {
        return refuse("invalid_request", "invalid code verifier");
    }
    code.used = true;
    let refresh = format!("5Aep861z.r{}", world.next());
    world.refresh_token = Some(refresh.clone());
    answer(world, Some(refresh))
}

/// A token that was rotated away and comes again ends the grant.
fn refresh(world: &mut World, shown: &str) -> Response<Body> {
    if world.spent.contains(shown) {
        world.revoke_everything();
    }
    if world.refresh_token.as_deref() != Some(shown) {
        return refuse("invalid_grant", "expired access/refresh token");
    }
    if !world.rotates {
        return answer(world, None);
    }
    let next = format!("5Aep861z.r{}", world.next());
    world.spent.extend(world.refresh_token.replace(next.clone()));
    answer(world, Some(next))
}

fn answer(world: &mut World, refresh: Option<String>) -> Response<Body> {
    let access = format!("00DKd000001aBcD!AQ{}", world.next());
    world.access_tokens.insert(access.clone());
    let mut body = json!({
        "access_token": access, "signature": "pX0v=", "scope": "refresh_token api", "instance_url": INSTANCE,
        "id": "https://login.salesforce.com/id/00DKd000001aBcDMAU/005Kd000003LmXyIAK",
        "token_type": "Bearer", "issued_at": "1795339012345",
    });
    if let Some(refresh) = refresh {
        body["refresh_token"] = Json::from(refresh);
    }
    fakes::json(200, &body)
}

/// Either of the tokens ends the grant.
pub(super) async fn revoke(State(shared): State<Shared>, body: String) -> Response<Body> {
    let form = fakes::pairs(&body);
    let mut world = shared.world();
    let shown = param(&form, "token").unwrap_or_default();
    if world.refresh_token.as_deref() != Some(shown) && !world.access_tokens.contains(shown) {
        return refuse("invalid_token", "token is invalid");
    }
    world.revoke_everything();
    Response::new(Body::empty())
}

fn refuse(error: &str, description: &str) -> Response<Body> {
    fakes::json(400, &json!({"error": error, "error_description": description}))
}
