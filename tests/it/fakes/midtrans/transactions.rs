//! Transactions: the verdict is in the body, the HTTP status mostly 200.

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Response},
};
use serde_json::{Value as Json, json};

use super::{
    Shared, holds_key,
    world::{Refund, Transaction, World, decimal},
};
use crate::fakes;

const NOT_REFUNDABLE: [&str; 3] = ["bank_transfer", "echannel", "cstore"];

/// A refusal: code and sentence.
type Refusal = (&'static str, &'static str);

/// `GET /v2/{id}/status`. A checkout page whose customer hasn't picked a method has no transaction yet: "404".
pub(super) async fn status(State(shared): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let mut world = shared.world();
    act(&mut world, &headers, &id, |world, order| {
        let transaction = &world.transactions[order];
        let code = transaction.code();
        let mut answer = transaction.fields(code, "Success, transaction is found");
        answer["signature_key"] = transaction.signature(code, &world.server_key).into();
        if let Some(mark) = world.marks.get(order) {
            answer["custom_field1"] = mark.as_str().into();
        }
        if !transaction.refunds.is_empty() {
            let refunds: Vec<Json> = transaction
                .refunds
                .iter()
                .map(|it| json!({"refund_key": it.key, "refund_amount": decimal(it.amount), "refund_method": "online"}))
                .collect();
            answer["refund_amount"] = decimal(transaction.refunds.iter().map(|it| it.amount).sum()).into();
            answer["refunds"] = refunds.into();
        }
        Ok(answer)
    })
}

/// `POST /v2/{id}/cancel`: before settlement only.
pub(super) async fn cancel(State(shared): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let mut world = shared.world();
    act(&mut world, &headers, &id, |world, order| {
        end(&mut world.transactions[order], &["pending", "authorize", "capture"], "cancel")?;
        Ok(world.transactions[order].fields("200", "Success, transaction is canceled"))
    })
}

/// `POST /v2/{id}/expire`: pending only. Success is "407".
pub(super) async fn expire(State(shared): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let mut world = shared.world();
    act(&mut world, &headers, &id, |world, order| {
        end(&mut world.transactions[order], &["pending"], "expire")?;
        Ok(world.transactions[order].fields("407", "Success, transaction is expired"))
    })
}

fn end(transaction: &mut Transaction, from: &[&str], to: &'static str) -> Result<(), Refusal> {
    if !from.contains(&transaction.status) {
        return Err(("412", "Merchant cannot modify the status of the transaction"));
    }
    transaction.status = to;
    Ok(())
}

/// `POST /v2/{id}/refund`: of settled money. The same key gives the same answer and moves nothing.
pub(super) async fn refund(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    act(&mut world, &headers, &id, |world, order| {
        let asked: Json = serde_json::from_str(&body).unwrap_or_default();
        let generated = format!("refund-{}", world.next());
        let refuses = world.refuse_refunds;
        let transaction = &mut world.transactions[order];
        let key = asked["refund_key"].as_str().map_or(generated, str::to_owned);
        let left = transaction.amount - transaction.refunds.iter().map(|it| it.amount).sum::<u64>();
        let amount = asked["amount"].as_u64().unwrap_or(left);
        if let Some(earlier) = transaction.refunds.iter().find(|it| it.key == key) {
            return if earlier.amount == amount {
                Ok(earlier.answer.clone())
            } else {
                Err(("406", "Duplicate refund ID"))
            };
        }
        if !matches!(transaction.status, "settlement" | "partial_refund")
            || NOT_REFUNDABLE.contains(&transaction.payment_type.as_str())
        {
            return Err(("412", "Transaction status cannot be updated."));
        }
        if amount == 0 || amount > left {
            return Err(("414", "Refund amount is invalid"));
        }
        if refuses {
            let mut answer = transaction.fields("202", "Refund denied by the bank");
            answer["refund_amount"] = "0.00".into();
            answer["refund_key"] = key.into();
            return Ok(answer);
        }
        transaction.status = if amount == left { "refund" } else { "partial_refund" };
        let mut answer = transaction.fields("200", "Success, refund request is approved");
        answer["refund_amount"] = decimal(amount).into();
        answer["refund_key"] = key.as_str().into();
        transaction.refunds.push(Refund { key, amount, answer: answer.clone() });
        Ok(answer)
    })
}

/// Checks the key, finds the order, and puts a refusal into the body.
fn act(
    world: &mut World,
    headers: &HeaderMap,
    id: &str,
    what: impl FnOnce(&mut World, &str) -> Result<Json, Refusal>,
) -> Response<Body> {
    if !holds_key(world, headers) {
        let message = "Transaction cannot be authorized with the current client/server key.";
        return fakes::json(401, &json!({"status_code": "401", "status_message": message}));
    }
    let outcome = match world.order_of(id) {
        Some(order) => what(world, &order),
        None => Err(("404", "Transaction doesn't exist.")),
    };
    match outcome {
        Ok(answer) => fakes::json(200, &answer),
        Err((code, message)) => {
            let status = if world.mirror_status { code.parse().unwrap_or(500) } else { 200 };
            let id = format!("6d1f0c2e-0a9b-4c8d-9e7f-{:012}", world.next());
            fakes::json(status, &json!({"status_code": code, "status_message": message, "id": id}))
        }
    }
}
