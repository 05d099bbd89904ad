//! Books: each request names the organization, and success is the code 0.

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, Response},
};
use serde_json::{Value as Json, json};

use super::{Refusal, Shared, World, answer, is_authorised, refuse};
use crate::fakes::{self, param};

fn authorise(world: &World, headers: &HeaderMap) -> Result<(), Refusal> {
    let refused = || refuse(401, &json!({"code": 57, "message": "You are not authorized to perform this operation"}));
    is_authorised(world, headers).then_some(()).ok_or_else(refused)
}

/// Of the one organization.
fn of_organization(query: Option<String>) -> Result<Vec<(String, String)>, Refusal> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    if param(&asked, "organization_id") == Some("600123456") {
        return Ok(asked);
    }
    Err(refuse(400, &json!({"code": 6041, "message": "This user is not associated with the CompanyID/CompanyName."})))
}

pub(super) async fn organizations(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    answer(authorise(&world, &headers).map(|()| {
        let organization = json!({"organization_id": "600123456", "name": "Nordwind", "currency_code": "EUR"});
        fakes::json(200, &json!({"code": 0, "message": "success", "organizations": [organization]}))
    }))
}

pub(super) async fn payments(
    State(shared): State<Shared>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let world = shared.world();
    answer(authorise(&world, &headers).and_then(|()| {
        let asked = of_organization(query)?;
        let wanted = |it: &&Json| {
            let is = |name: &str| param(&asked, name).is_none_or(|wanted| it[name] == wanted);
            is("customer_id") && is("reference_number")
        };
        let found: Vec<_> = world.payments.iter().filter(wanted).collect();
        Ok(fakes::json(200, &json!({"code": 0, "message": "success", "customerpayments": found})))
    }))
}

pub(super) async fn pay(
    State(shared): State<Shared>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    answer(authorise(&world, &headers).and_then(|()| {
        of_organization(query)?;
        let mut payment: Json = serde_json::from_str(&body).unwrap_or_default();
        if payment["amount"].as_f64().is_none_or(|it| it <= 0.0) {
            return Err(refuse(400, &json!({"code": 4, "message": "Invalid value passed for amount"})));
        }
        payment["payment_id"] = world.next().into();
        payment["payment_number"] = (world.payments.len() + 1).to_string().into();
        world.payments.push(payment.clone());
        let message = "The payment from the customer has been recorded";
        Ok(fakes::json(201, &json!({"code": 0, "message": message, "payment": payment})))
    }))
}
