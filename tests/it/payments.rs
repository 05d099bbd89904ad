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

/// What the provider tells at the connection's address, with the status that it is answered.
async fn deliver(bench: &Payments, connection: &str, told: &Json) -> u16 {
    let shown = bench.app.client.get(&format!("/v1/connections/{connection}")).await;
    let url = shown["webhooks"][0]["url"].as_str().unwrap().replace("https://bot.example.net", &bench.app.client.base);
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(url);
    let request = request.header("content-type", "application/json").header("user-agent", "Veritrans");
    request.body(told.to_string()).send().await.unwrap().status().as_u16()
}

/// The signing host tells by a signature of its own, at a path that it appends.
#[tokio::test]
async fn what_the_signing_host_tells_is_believed_by_its_public_key() {
    let bench = Payments::start().await;
    let client = &bench.app.client;
    let mut fields = bench.fields();
    fields["midtrans_key"] = bench.midtrans.world().own_public_key().into();
    let connection = client.connect("midtrans", "live", fields).await;
    bench.enable(&connection, "create_virtual_account", json!({"bank": "bca", "prefix": "12345"})).await;
    let input = json!({"order_id": "VA-1", "amount": 50_000, "customer_number": "1", "name": "Ana Ruiz"});
    let account = client.output("create_virtual_account", input).await;
    bench.midtrans.world().pay_account("VA-1");

    let shown = client.get(&format!("/v1/connections/{connection}")).await;
    let address = shown["webhooks"][0]["url"].as_str().unwrap().strip_prefix("https://bot.example.net").unwrap();
    let path = format!("{address}/v1.0/va/notify");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |path: &str, headers: &[(&str, String)], body: String| {
        let mut request = http.post(format!("{}{path}", client.base)).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (headers, body) = bench.midtrans.world().account_notification("VA-1", &path);
    assert_eq!(send(&path, &headers, body.replace("50000.00", "5.00")).await.0, 401, "another amount");
    assert_eq!(send(address, &headers, body.clone()).await.0, 401, "for another path");
    for _ in 0..2 {
        let (status, answer) = send(&path, &headers, body.clone()).await;
        let answer: Json = serde_json::from_str(&answer).unwrap();
        assert_eq!((status, &answer["responseCode"]), (200, &json!("2002500")), "{answer:#}");
        assert_eq!(answer["virtualAccountData"]["trxId"], "VA-1");
    }
    let page = client.until("/v1/events?type=provider.event", |it| !it["data"].as_array().unwrap().is_empty()).await;
    assert_eq!(page["data"].as_array().unwrap().len(), 1, "told twice, it happens once: {page:#}");
    let output = &page["data"][0]["data"]["output"];
    assert_eq!((&output["paid"], &output["amount"]), (&json!(true), &json!("50000.00")), "{output:#}");
    assert_eq!(output["account_number"], account["account_number"]);
}

#[tokio::test]
async fn a_waiting_execution_is_ended_by_a_believed_notification_and_by_nothing_else() {
    let (bench, connection) = Payments::connected().await;
    bench.enable(&connection, "wait_for_payment", json!({})).await;
    let client = &bench.app.client;
    let input = json!({"order_id": "INV-1", "amount": 150_000, "description": "Batik scarf"});
    client.output("create_payment", input).await;
    let page = bench.midtrans.app.seen().pop().unwrap();
    assert!(
        page.headers["x-append-notification"]
            .to_str()
            .unwrap()
            .starts_with("https://bot.example.net/webhooks/midtrans/")
    );
    let call = json!({"function": "wait_for_payment", "arguments": {"order_id": "INV-1"}});
    let (status, execution) = client.send("POST", "/v1/agents/a/calls", Some(&call), None).await;
    assert_eq!((status, &execution["status"]), (202, &json!("waiting")), "{execution:#}");
    let path = format!("/v1/executions/{}", execution["id"].as_str().unwrap());

    bench.midtrans.world().choose_method("INV-1", "bank_transfer");
    let pending = bench.midtrans.world().notification("INV-1");
    assert_eq!(deliver(&bench, &connection, &pending).await, 200);
    let mut forged = pending.clone();
    (forged["transaction_status"], forged["status_code"]) = ("settlement".into(), "200".into());
    assert_eq!(deliver(&bench, &connection, &forged).await, 401, "the code is signed");
    // the state isn't signed, so this is believed to come from there; how it stands is asked for all the same
    let mut altered = pending.clone();
    altered["transaction_status"] = "settlement".into();
    assert_eq!(deliver(&bench, &connection, &altered).await, 200);
    // it may be looking at what came
    let status = client.get(&path).await["status"].clone();
    assert!(status == "waiting" || status == "running", "{status}");

    bench.midtrans.world().pay("INV-1");
    let paid = bench.midtrans.world().notification("INV-1");
    // twice, and the one from before after it
    for told in [&paid, &paid, &pending] {
        assert_eq!(deliver(&bench, &connection, told).await, 200);
    }
    let ended = bench.ended(&path).await;
    assert_eq!((&ended["output"]["paid"], &ended["output"]["state"]), (&json!(true), &json!("paid")), "{ended:#}");
    assert_eq!(ended["output"]["amount"], "150000.00");
}
