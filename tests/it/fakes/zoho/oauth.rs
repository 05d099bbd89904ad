//! Consent at any data centre, tokens at the account's own. Failures come as successes.

use axum::{
    body::Body,
    extract::{Extension, RawQuery, State},
    http::{Response, StatusCode, header},
};
use serde_json::{Value as Json, json};
use url::Url;

use super::{DataCentre, Shared, World};
use crate::fakes::{self, param};

/// The user consents at once, and the browser is told where the account is at home.
pub(super) async fn authorize(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let mut world = shared.world();
    let redirect_uri = param(&asked, "redirect_uri").unwrap_or_default().to_owned();
    let known = param(&asked, "client_id") == Some(&world.client_id) && world.redirect_uris.contains(&redirect_uri);
    let scopes = param(&asked, "scope").unwrap_or_default();
    if !known || scopes.is_empty() || scopes.contains(' ') {
        return fakes::page(400, "ERROR_invalid_request");
    }
    let offline = param(&asked, "access_type") == Some("offline");
    // later consents bring a refresh token only if they are asked for again
    let refreshes = offline && (!world.consented || param(&asked, "prompt") == Some("consent"));
    world.consented = true;
    let code = format!("1000.code.{}{}", world.next(), if refreshes { ".r" } else { "" });
    world.codes.insert(code.clone(), redirect_uri.clone());
    let mut back = Url::parse(&redirect_uri).expect("registered redirect addresses are absolute");
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("location", "eu")
        .append_pair("accounts-server", "https://accounts.zoho.eu")
        .append_pair("state", param(&asked, "state").unwrap_or_default());
    Response::builder()
        .status(StatusCode::FOUND)
        .header(header::LOCATION, back.as_str())
        .body(Body::empty())
        .expect("an address is a header's value")
}

pub(super) async fn token(
    State(shared): State<Shared>,
    Extension(data_centre): Extension<DataCentre>,
    body: String,
) -> Response<Body> {
    let form = fakes::pairs(&body);
    let mut world = shared.world();
    let secret = param(&form, "client_secret").unwrap_or_default().to_owned();
    world.shown_secrets.push((data_centre, secret.clone()));
    if param(&form, "client_id") != Some(&world.client_id) || secret != world.client_secret {
        return refuse("invalid_client");
    }
    let at_home = data_centre == DataCentre("eu");
    match param(&form, "grant_type") {
        Some("authorization_code") => {
            let code = param(&form, "code").unwrap_or_default();
            let redirect_uri = world.codes.remove(code);
            if !at_home || redirect_uri.is_none() || redirect_uri.as_deref() != param(&form, "redirect_uri") {
                return refuse("invalid_code");
            }
            let refresh = code.ends_with(".r").then(|| format!("1000.r.{}", world.next()));
            answer(&mut world, refresh)
        }
        Some("refresh_token") => {
            if !world.spends_token() {
                let body = json!({
                    "error_description": "You have made too many requests continuously. Please try again after some time.",
                    "error": "Access Denied", "status": "failure",
                });
                return fakes::json(400, &body);
            }
            let known = world.refresh_tokens.contains(param(&form, "refresh_token").unwrap_or_default());
            if at_home && known { answer(&mut world, None) } else { refuse("invalid_code") }
        }
        _ => refuse("unsupported_grant_type"),
    }
}

fn answer(world: &mut World, refresh: Option<String>) -> Response<Body> {
    let access = format!("1000.a.{}", world.next());
    world.access_tokens.insert(access.clone());
    let mut body = json!({
        "access_token": access, "api_domain": "https://www.zohoapis.eu", "token_type": "Bearer", "expires_in": 3600,
    });
    if let Some(refresh) = refresh {
        body["refresh_token"] = Json::from(refresh.as_str());
        world.refresh_tokens.insert(refresh);
    }
    fakes::json(200, &body)
}

pub(super) async fn revoke(State(shared): State<Shared>, body: String) -> Response<Body> {
    let form = fakes::pairs(&body);
    let mut world = shared.world();
    if !world.refresh_tokens.remove(param(&form, "token").unwrap_or_default()) {
        return refuse("invalid_token");
    }
    world.end_tokens();
    fakes::json(200, &json!({"status": "success"}))
}

fn refuse(error: &str) -> Response<Body> {
    fakes::json(200, &json!({"error": error}))
}
