//! The hosted checkout page and payment links: real status codes, errors as text.

use axum::{body::Body, extract::State, http::HeaderMap, http::Response};
use serde_json::{Value as Json, json};

use super::{Shared, holds_key, messages};
use crate::fakes;

/// `POST /snap/v1/transactions`: 201. The same order again gives a new page, until there is a transaction; when that
/// was cancelled or expired the order can be used once more.
pub(super) async fn create_session(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    if !holds_key(&world, &headers) {
        let refusal = "Access denied due to unauthorized transaction, please check client or server key";
        return fakes::json(401, &json!({"error_messages": [refusal, "Visit https://docs.example.com"]}));
    }
    let asked: Json = serde_json::from_str(&body).unwrap_or_default();
    let (order_id, amount) = match order(&asked) {
        Ok(order) => order,
        Err(message) => return messages(400, &message),
    };
    let taken = world.transactions.get(&order_id).is_some_and(|it| !matches!(it.status, "cancel" | "expire"));
    if taken {
        // Localised, as there: nobody can tell by the text.
        return messages(400, "transaction_details.order_id sudah digunakan");
    }
    let token = format!("5f2e7f0a-2f1c-4c7e-9d1f-{:012}", world.next());
    world.sessions.insert(order_id, (token.clone(), amount));
    let url = format!("https://app.sandbox.midtrans.com/snap/v4/redirection/{token}");
    fakes::json(201, &json!({"token": token, "redirect_url": url}))
}

/// `POST /v1/payment-links`: 200. An order id can be used once; a wrong key is told by a text, not a list.
pub(super) async fn create_link(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    if !holds_key(&world, &headers) {
        return fakes::json(401, &json!({"error_messages": "Access denied due to unauthorized request"}));
    }
    let asked: Json = serde_json::from_str(&body).unwrap_or_default();
    let order_id = match order(&asked) {
        Ok((order_id, _)) => order_id,
        Err(message) => return messages(400, &message),
    };
    if world.links.contains_key(&order_id) {
        return messages(409, &format!("The Order ID '{order_id}' has been taken"));
    }
    let own = asked["transaction_details"]["payment_link_id"].as_str().map(str::to_owned);
    let link = own.unwrap_or_else(|| format!("link-{:08}", world.next()));
    let url = format!("https://app.sandbox.midtrans.com/payment-links/{link}");
    world.links.insert(order_id.clone(), url.clone());
    fakes::json(200, &json!({"order_id": order_id, "payment_url": url}))
}

/// Order id and amount, if they are right and the items add up.
fn order(asked: &Json) -> Result<(String, u64), String> {
    let details = &asked["transaction_details"];
    let order_id = details["order_id"].as_str().filter(|it| !it.is_empty());
    let order_id = order_id.ok_or("transaction_details.order_id is required")?;
    let allowed = |it: char| it.is_ascii_alphanumeric() || "-_~.".contains(it);
    if order_id.len() > 50 || !order_id.chars().all(allowed) {
        return Err("transaction_details.order_id is not valid".to_owned());
    }
    let amount = details["gross_amount"].as_u64().filter(|it| *it > 0);
    let amount = amount.ok_or("transaction_details.gross_amount is required")?;
    if let Some(items) = asked["item_details"].as_array() {
        let line = |it: &Json| it["price"].as_i64().unwrap_or_default() * it["quantity"].as_i64().unwrap_or_default();
        if u64::try_from(items.iter().map(line).sum::<i64>()) != Ok(amount) {
            return Err("transaction_details.gross_amount is not equal to the sum of item_details".to_owned());
        }
    }
    Ok((order_id.to_owned(), amount))
}
