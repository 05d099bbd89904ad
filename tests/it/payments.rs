//! Payments through the API: nothing moves twice, and nothing is called paid that isn't.

use serde_json::{Value as Json, json};

use crate::{fakes::Fault, harness::Payments};

async fn state(bench: &Payments, order_id: &str) -> Json {
    let found = bench.app.client.output("check_payment", json!({"order_id": order_id})).await;
    json!([found["state"], found["paid"]])
}

/// Calls `refund_payment` with an idempotency key, and gives the execution.
async fn refund(bench: &Payments, key: &str, amount: u64) -> Json {
    let call = json!({"function": "refund_payment", "arguments": {"order_id": "INV-1", "amount": amount}});
    let (status, execution) = bench.app.client.send("POST", "/v1/agents/a/calls", Some(&call), Some(key)).await;
    assert_eq!(status, 200, "{execution:#}");
    execution
}

#[tokio::test]
async fn a_payment_is_followed_from_page_to_money() {
    let (bench, _) = Payments::connected().await;
    let input = json!({"order_id": "INV-1", "amount": 150_000, "description": "Batik scarf"});
    let page = bench.app.client.output("create_payment", input).await;
    assert!(page["url"].as_str().unwrap().starts_with("https://app.sandbox.midtrans.com/snap/"), "{page:#}");
    assert_eq!(state(&bench, "INV-1").await, json!(["not_started", false]));
    bench.midtrans.world().choose_method("INV-1", "bank_transfer");
    assert_eq!(state(&bench, "INV-1").await, json!(["pending", false]));
    bench.midtrans.world().pay("INV-1");
    assert_eq!(state(&bench, "INV-1").await, json!(["paid", true]));
}

#[tokio::test]
async fn the_same_refund_asked_for_twice_moves_money_once() {
    let (bench, _) = Payments::connected().await;
    bench.paid("INV-1", 45_000).await;
    let first = refund(&bench, "turn-1", 15_000).await;
    assert_eq!(first["output"]["state"], "partly_refunded", "{first:#}");
    assert_eq!(refund(&bench, "turn-1", 15_000).await, first);
    assert_eq!(bench.midtrans.world().refunded("INV-1"), (1, 15_000));
    refund(&bench, "turn-2", 15_000).await;
    assert_eq!(bench.midtrans.world().refunded("INV-1"), (2, 30_000), "another turn is another refund");
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_moves_money_once() {
    let (bench, _) = Payments::connected().await;
    bench.paid("INV-1", 45_000).await;
    bench.midtrans.api.fail_next("POST", "/refund", Fault::AnswerLost);
    let execution = refund(&bench, "turn-1", 15_000).await;
    assert_eq!(execution["output"]["refunded"], "15000.00", "{execution:#}");
    assert_eq!(bench.midtrans.world().refunded("INV-1"), (1, 15_000));
}

#[tokio::test]
async fn one_login_serves_many_signed_requests() {
    let (bench, connection) = Payments::connected().await;
    let config = json!({"bank": "bca", "prefix": "12345"});
    bench.enable(&connection, "create_virtual_account", config).await;
    bench.enable(&connection, "check_virtual_account", json!({"prefix": "12345"})).await;
    let client = &bench.app.client;
    let create = async |order: &str, number: &str| {
        let input = json!({"order_id": order, "amount": 50_000, "customer_number": number, "name": "Ana Ruiz"});
        client.output("create_virtual_account", input).await
    };
    let (account, _, _) = tokio::join!(create("VA-1", "1"), create("VA-2", "2"), create("VA-3", "3"));
    let check = json!({"order_id": "VA-1", "customer_number": "1", "account_number": account["account_number"]});
    assert_eq!(client.output("check_virtual_account", check.clone()).await["paid"], false);
    bench.midtrans.world().pay_account("VA-1");
    assert_eq!(client.output("check_virtual_account", check.clone()).await["paid"], true);
    let logins = || bench.midtrans.merchants.count("POST", "/access-token/b2b");
    assert_eq!((bench.midtrans.world().account_count(), logins()), (3, 1));

    bench.midtrans.world().expire_tokens();
    assert_eq!(client.output("check_virtual_account", check).await["paid"], true);
    assert_eq!(logins(), 2, "the provider called the token expired");
}

#[tokio::test]
async fn a_wrong_key_is_told_when_it_is_given_and_when_it_is_changed() {
    let (bench, _) = Payments::connected().await;
    let client = &bench.app.client;
    let fields = json!({"environment": "sandbox", "server_key": "SB-Mid-server-another"});
    let body = json!({"connector": "midtrans", "fields": fields});
    let (status, problem) = client.send("POST", "/v1/connections", Some(&body), None).await;
    assert_eq!((status, problem["code"].as_str()), (422, Some("connect_failed")), "{problem:#}");
    assert!(problem["detail"].as_str().unwrap().contains("does not accept the connection's keys"), "{problem:#}");
    assert_eq!(client.get("/v1/connections").await["data"].as_array().unwrap().len(), 1, "nothing is kept of it");

    bench.midtrans.world().server_key = "SB-Mid-server-changed".to_owned();
    let error = client.failure("check_payment", json!({"order_id": "INV-1"})).await;
    assert_eq!((&error["code"], &error["retry"]), (&json!("reauthorize"), &json!("after_reconnect")), "{error:#}");
}
