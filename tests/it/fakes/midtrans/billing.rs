//! Charging without the hosted page, captures and reviews, subscriptions and invoices.
//!
//! A key in the header makes a request count once: only successes are remembered, for all addresses and whatever the body.

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Response},
};
use serde_json::{Value as Json, json};

use super::{
    Shared, holds_key, messages,
    world::{Transaction, World},
};
use crate::fakes::{self, header};

/// What the saved card and the linked account of the one customer are called.
pub(crate) const CARD: &str = "48111111sHfJkLmNoPqRsTuVwXyZ1114";

fn unauthorised() -> Response<Body> {
    let message = "Transaction cannot be authorized with the current client/server key.";
    fakes::json(401, &json!({"status_code": "401", "status_message": message}))
}

fn verdict(code: &str, message: &str) -> Response<Body> {
    fakes::json(200, &json!({"status_code": code, "status_message": message, "id": "6d1f0c2e"}))
}

/// The earlier answer to the same key, or the new one.
fn once(
    world: &mut World,
    headers: &HeaderMap,
    name: &str,
    make: impl FnOnce(&mut World) -> (u16, Json, bool),
) -> Response<Body> {
    let key = header(headers, name).to_owned();
    if let Some((status, earlier)) = world.answered.get(&key) {
        return fakes::json(*status, earlier);
    }
    let (status, answer, succeeded) = make(world);
    if succeeded && !key.is_empty() {
        world.answered.insert(key, (status, answer.clone()));
    }
    fakes::json(status, &answer)
}

/// `POST /v2/charge`: of the saved card.
pub(super) async fn charge(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    if !holds_key(&world, &headers) {
        return unauthorised();
    }
    let Ok(asked) = serde_json::from_str::<Json>(&body) else {
        return fakes::json(500, &json!({"message": "An unexpected error occurred"}));
    };
    once(&mut world, &headers, "idempotency-key", |world| {
        let details = &asked["transaction_details"];
        let (Some(order_id), Some(amount)) = (details["order_id"].as_str(), details["gross_amount"].as_u64()) else {
            let body = json!({"status_code": "400", "status_message": "One or more parameters in the payload is invalid.", "validation_messages": ["transaction_details.order_id is required"]});
            return (200, body, false);
        };
        if world.transactions.contains_key(order_id) {
            return (200, json!({"status_code": "406", "status_message": "The request could not be completed"}), false);
        }
        if asked["credit_card"]["token_id"] != CARD {
            return (
                200,
                json!({"status_code": "411", "status_message": "Credit card token is no longer available."}),
                false,
            );
        }
        let declined = world.decline_cards;
        let transaction = Transaction {
            id: format!("2c9d0f11-7788-4d2a-9c55-{:012}", world.next()),
            order_id: order_id.to_owned(),
            amount,
            payment_type: "credit_card".to_owned(),
            status: if declined { "deny" } else { "capture" },
            time: world.local_time(),
            settled: None,
            refunds: Vec::new(),
        };
        let code = transaction.code();
        let answer = transaction.fields(code, "Credit card transaction");
        let mark = asked["custom_field1"].as_str().unwrap_or_default().to_owned();
        world.marks.insert(order_id.to_owned(), mark);
        world.transactions.insert(order_id.to_owned(), transaction);
        (200, answer, !declined)
    })
}

/// `POST /v2/capture`: of what is reserved.
pub(super) async fn capture(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    if !holds_key(&world, &headers) {
        return unauthorised();
    }
    let asked: Json = serde_json::from_str(&body).unwrap_or_default();
    let Some(order) = world.order_of(asked["transaction_id"].as_str().unwrap_or_default()) else {
        return verdict("404", "Transaction doesn't exist.");
    };
    let transaction = &mut world.transactions[&order];
    if transaction.status != "authorize" {
        return verdict("412", "Merchant cannot modify the status of the transaction");
    }
    transaction.status = "capture";
    if let Some(amount) = asked["gross_amount"].as_u64() {
        transaction.amount = amount;
    }
    fakes::json(200, &transaction.fields("200", "Success, Credit Card capture transaction is successful"))
}

/// `POST /v1/subscriptions`, with real status codes and no verdict in the body.
pub(super) async fn subscribe(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    if !holds_key(&world, &headers) {
        return fakes::json(401, &json!({"status_message": "Unauthorized"}));
    }
    let mut asked: Json = serde_json::from_str(&body).unwrap_or_default();
    once(&mut world, &headers, "idempotency-key", |world| {
        if !asked["amount"].is_string() || asked["token"] != CARD {
            let complaint = "subscription.amount must be between 0.01 - 99999999999.00";
            return (400, json!({"status_message": "Bad request", "validation_messages": [complaint]}), false);
        }
        let id = format!("b6eb6a04-33e6-46a2-a298-{:012}", world.next());
        asked["id"] = id.as_str().into();
        asked["status"] = "active".into();
        asked["schedule"]["next_execution_at"] = "2027-01-01T09:00:00.000000".into();
        world.subscriptions.insert(id, asked.clone());
        (200, asked, true)
    })
}

pub(super) async fn subscription(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let world = shared.world();
    match world.subscriptions.get(&id).filter(|_| holds_key(&world, &headers)) {
        Some(found) => fakes::json(200, found),
        None => fakes::json(404, &json!({"status_message": "Subscription doesn't exist."})),
    }
}

/// Name, amount, currency and token have to be there.
pub(super) async fn change_subscription(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    let known = holds_key(&world, &headers);
    let Some(found) = world.subscriptions.get_mut(&id).filter(|_| known) else {
        return fakes::json(404, &json!({"status_message": "Subscription doesn't exist."}));
    };
    let asked: Json = serde_json::from_str(&body).unwrap_or_default();
    for name in ["name", "amount", "currency", "token"] {
        if !asked[name].is_string() {
            return fakes::json(
                400,
                &json!({"status_message": "Bad request", "validation_messages": [format!("{name} is required")]}),
            );
        }
        found[name] = asked[name].clone();
    }
    fakes::json(200, &json!({"status_message": "Subscription is updated."}))
}

/// `…/disable`, `…/enable`, `…/cancel`
pub(super) async fn switch_subscription(
    State(shared): State<Shared>,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    let mut world = shared.world();
    let known = holds_key(&world, &headers);
    let Some(found) = world.subscriptions.get_mut(&id).filter(|_| known) else {
        return fakes::json(404, &json!({"status_message": "Subscription doesn't exist."}));
    };
    found["status"] = if verb == "enable" { "active" } else { "inactive" }.into();
    fakes::json(200, &json!({"status_message": "Subscription is updated."}))
}

/// `POST /v1/invoices`: 201. An order has one invoice.
pub(super) async fn invoice(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    if !holds_key(&world, &headers) {
        return messages(401, "Access denied due to unauthorized request");
    }
    let mut asked: Json = serde_json::from_str(&body).unwrap_or_default();
    once(&mut world, &headers, "x-idempotency-key", |world| {
        let items = asked["item_details"].as_array().cloned().unwrap_or_default();
        let line = |it: &Json| it["price"].as_u64().unwrap_or_default() * it["quantity"].as_u64().unwrap_or_default();
        let amount: u64 = items.iter().map(line).sum();
        if !asked["customer_details"]["name"].is_string() || amount == 0 {
            return (400, json!({"error_messages": ["customer_details.name is required"]}), false);
        }
        if world.invoices.values().any(|it| it["order_id"] == asked["order_id"]) {
            return (409, json!({"error_messages": ["Duplicate order id"]}), false);
        }
        let id = format!("6650f1a2b3c4{:012}", world.next());
        asked["id"] = id.as_str().into();
        asked["status"] = "pending".into();
        asked["gross_amount"] = amount.into();
        asked["payment_link_url"] = format!("https://app.sandbox.midtrans.com/payment-links/{id}").into();
        world.invoices.insert(id, asked.clone());
        (201, asked, true)
    })
}

pub(super) async fn read_invoice(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let world = shared.world();
    match world.invoices.get(&id).filter(|_| holds_key(&world, &headers)) {
        Some(found) => fakes::json(200, found),
        None => messages(404, "Invoice not found"),
    }
}

/// Of what is not paid, and once.
pub(super) async fn void_invoice(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let mut world = shared.world();
    let known = holds_key(&world, &headers);
    let Some(found) = world.invoices.get_mut(&id).filter(|_| known) else { return messages(404, "Invoice not found") };
    if found["status"] != "pending" {
        return messages(409, "Invoice cannot be canceled");
    }
    found["status"] = "voided".into();
    fakes::json(200, &json!({"success": true}))
}

/// `POST /iris/api/v1/payouts`, with the creator's key.
pub(super) async fn pay_out(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    if fakes::basic(&headers) != Some(("IRIS-creator".to_owned(), String::new())) {
        return fakes::json(401, &json!({"error_message": "Access denied"}));
    }
    let asked: Json = serde_json::from_str(&body).unwrap_or_default();
    once(&mut world, &headers, "x-idempotency-key", |world| {
        let payout = &asked["payouts"][0];
        if !payout["amount"].is_string() || payout["beneficiary_bank"] != "bca" {
            let complaint = json!({"error_message": "An error occurred when creating payouts", "errors": ["Beneficiary bank is not included in the list"]});
            return (400, complaint, false);
        }
        let reference = format!("1d4f84{:08}", world.next());
        world.payouts.insert(reference.clone(), "queued");
        (201, json!({"payouts": [{"status": "queued", "reference_no": reference}]}), true)
    })
}

/// `POST /iris/api/v1/payouts/approve`, with the approver's.
pub(super) async fn approve_payout(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    if fakes::basic(&headers) != Some(("IRIS-approver".to_owned(), String::new())) {
        return fakes::json(401, &json!({"error_message": "Access denied"}));
    }
    let asked: Json = serde_json::from_str(&body).unwrap_or_default();
    once(&mut world, &headers, "x-idempotency-key", |world| {
        let reference = asked["reference_nos"][0].as_str().unwrap_or_default();
        match world.payouts.get_mut(reference) {
            Some(state) if *state == "queued" => {
                *state = "approved";
                (202, json!({"status": "ok"}), true)
            }
            _ => (400, json!({"error_message": "An error occurred", "errors": ["can't be approved"]}), false),
        }
    })
}
