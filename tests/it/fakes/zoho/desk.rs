//! Desk: each request names the portal in a header, and a ticket is opened with 200.

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, Response},
};
use serde_json::{Value as Json, json};

use super::{Refusal, Shared, World, answer, is_authorised, no_content, refuse};
use crate::fakes::{self, header, param};

fn authorise(world: &World, headers: &HeaderMap) -> Result<(), Refusal> {
    let refused =
        || refuse(401, &json!({"errorCode": "INVALID_OAUTH", "message": "The OAuth Token you provided is invalid."}));
    is_authorised(world, headers).then_some(()).ok_or_else(refused)
}

fn authorise_in_portal(world: &World, headers: &HeaderMap) -> Result<(), Refusal> {
    authorise(world, headers)?;
    if header(headers, "orgid") == "600777888" {
        return Ok(());
    }
    Err(refuse(
        403,
        &json!({"errorCode": "OAUTH_ORG_MISMATCH", "message": "The orgId does not belong to the OAuth token."}),
    ))
}

pub(super) async fn organizations(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    answer(authorise(&world, &headers).map(|()| {
        fakes::json(200, &json!({"data": [{"id": 600_777_888, "portalName": "nordwind", "isDefault": true}]}))
    }))
}

pub(super) async fn open(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    answer(authorise_in_portal(&world, &headers).and_then(|()| {
        let given: Json = serde_json::from_str(&body).unwrap_or_default();
        for name in ["subject", "departmentId"] {
            if given[name].as_str().is_none_or(str::is_empty) {
                let error = json!({"fieldName": format!("/{name}"), "errorType": "missing", "errorMessage": ""});
                let message = "The data is invalid due to validation restrictions";
                return Err(refuse(422, &json!({"errorCode": "INVALID_DATA", "message": message, "errors": [error]})));
            }
        }
        let ticket = json!({
            "id": world.next(), "ticketNumber": (world.tickets.len() + 101).to_string(), "subject": given["subject"],
            "email": given["email"], "departmentId": given["departmentId"], "status": "Open", "statusType": "Open",
            "commentCount": "0", "createdTime": world.now().strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
        });
        world.tickets.insert(0, ticket.clone());
        Ok(fakes::json(200, &ticket))
    }))
}

pub(super) async fn list(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    answer(authorise_in_portal(&world, &headers).map(|()| found(&world.tickets.iter().collect::<Vec<_>>())))
}

pub(super) async fn search(
    State(shared): State<Shared>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let world = shared.world();
    answer(authorise_in_portal(&world, &headers).map(|()| {
        let asked = fakes::pairs(&query.unwrap_or_default());
        let is_theirs = |it: &&Json| param(&asked, "email").is_some_and(|email| it["email"] == email);
        found(&world.tickets.iter().filter(is_theirs).collect::<Vec<_>>())
    }))
}

fn found(tickets: &[&Json]) -> Response<Body> {
    if tickets.is_empty() { no_content() } else { fakes::json(200, &json!({"data": tickets})) }
}
