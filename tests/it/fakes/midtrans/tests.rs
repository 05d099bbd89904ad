//! The fake does what it claims.

use aws_lc_rs::{digest, hmac, rand::SystemRandom, signature};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value as Json, json};

use super::{Midtrans, world::hex};
use crate::clock::ManualClock;

const STAMP: &str = "2026-11-25T16:00:00+07:00";

struct Bench {
    midtrans: Midtrans,
    clock: ManualClock,
    http: Client,
}

impl Bench {
    async fn start() -> Self {
        let clock = ManualClock::at("2026-11-25T09:00:00Z");
        let midtrans = Midtrans::start(clock.clone()).await;
        Self { midtrans, clock, http: Client::builder().build().expect("the client has no odd settings") }
    }

    fn api(&self, path: &str) -> String {
        format!("{}{path}", self.midtrans.api.url())
    }

    async fn post(&self, url: String, body: &Json) -> (u16, Json) {
        self.send(self.http.post(url).body(body.to_string())).await
    }

    async fn send(&self, request: RequestBuilder) -> (u16, Json) {
        let answer = request.basic_auth("SB-Mid-server-acme", Some("")).send().await.expect("the fake answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("the fake's body is text");
        (status, serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }

    async fn checkout(&self, order_id: &str, amount: u64) -> (u16, Json) {
        let body = json!({"transaction_details": {"order_id": order_id, "gross_amount": amount}});
        self.post(format!("{}/snap/v1/transactions", self.midtrans.app.url()), &body).await
    }

    async fn status(&self, id: &str) -> (u16, Json) {
        self.send(self.http.get(self.api(&format!("/v2/{id}/status")))).await
    }

    /// An order that was paid with a wallet.
    async fn paid(&self, order_id: &str, amount: u64) {
        assert_eq!(self.checkout(order_id, amount).await.0, 201);
        let mut world = self.midtrans.world();
        world.choose_method(order_id, "gopay");
        world.pay(order_id);
    }

    fn merchants(&self, path: &str) -> String {
        format!("{}{path}", self.midtrans.merchants.url())
    }

    async fn token(&self) -> (u16, Json) {
        let request = {
            let world = self.midtrans.world();
            let signed = sign_rsa(&world.private_key(), &format!("{}|{STAMP}", world.client_id));
            let request = self.http.post(self.merchants("/v1.0/access-token/b2b")).header("x-timestamp", STAMP);
            request.header("x-client-key", &world.client_id).header("x-signature", signed)
        };
        self.send(request.body(r#"{"grantType":"client_credentials"}"#)).await
    }

    async fn signed(&self, path: &str, body: &Json, token: &str, external_id: &str, secret: &str) -> (u16, Json) {
        let body = body.to_string();
        let hash = hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
        let key = hmac::Key::new(hmac::HMAC_SHA512, secret.as_bytes());
        let signed = STANDARD.encode(hmac::sign(&key, format!("POST:{path}:{token}:{hash}:{STAMP}").as_bytes()));
        let request = self.http.post(self.merchants(path)).bearer_auth(token).header("x-timestamp", STAMP);
        let request = request.header("x-signature", signed).header("x-partner-id", "G123456789");
        let request = request.header("x-external-id", external_id).header("channel-id", "95221");
        let answer = request.body(body).send().await.expect("the fake answers");
        (answer.status().as_u16(), serde_json::from_str(&answer.text().await.expect("text")).unwrap_or_default())
    }
}

fn sign_rsa(pem: &str, text: &str) -> String {
    let der: String = pem.lines().filter(|it| !it.starts_with("-----")).collect();
    let der = STANDARD.decode(der).expect("the PEM is ours");
    let key = signature::RsaKeyPair::from_pkcs8(&der).expect("the key is ours");
    let mut signed = vec![0; key.public_modulus_len()];
    key.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signed).expect("the key signs");
    STANDARD.encode(signed)
}

fn code(answer: &Json) -> &str {
    answer["status_code"].as_str().unwrap_or_default()
}

fn account(trx_id: &str, value: &str) -> Json {
    json!({"partnerServiceId": "   70012", "customerNo": "123456", "virtualAccountNo": "   70012123456",
        "virtualAccountName": "Sari", "trxId": trx_id, "totalAmount": {"value": value, "currency": "IDR"}})
}

#[tokio::test]
async fn a_checkout_has_no_transaction_until_a_method_is_picked() {
    let bench = Bench::start().await;
    let (status, first) = bench.checkout("INV-1", 150_000).await;
    assert_eq!(status, 201);
    let (_, second) = bench.checkout("INV-1", 150_000).await;
    assert_ne!(first["token"], second["token"]);
    let (status, answer) = bench.status("INV-1").await;
    assert_eq!((status, code(&answer)), (200, "404"));

    bench.midtrans.world().choose_method("INV-1", "bank_transfer");
    let (_, answer) = bench.status("INV-1").await;
    assert_eq!((code(&answer), answer["transaction_status"].as_str()), ("201", Some("pending")));
    assert_eq!(answer["gross_amount"], "150000.00");
    assert_eq!(answer["transaction_time"], "2026-11-25 16:00:00");
    let (_, by_transaction) = bench.status(answer["transaction_id"].as_str().expect("an id")).await;
    assert_eq!(by_transaction["order_id"], "INV-1");
    assert_eq!(bench.checkout("INV-1", 150_000).await.0, 400);

    bench.midtrans.world().deny("INV-1");
    assert_eq!(code(&bench.status("INV-1").await.1), "202");
}

#[tokio::test]
async fn orders_are_checked() {
    let bench = Bench::start().await;
    let url = format!("{}/snap/v1/transactions", bench.midtrans.app.url());
    let items = json!([{"id": "SKU-1", "name": "Scarf", "price": 100_000, "quantity": 1}]);
    for body in [
        json!({}),
        json!({"transaction_details": {"order_id": "A 1#x", "gross_amount": 1000}}),
        json!({"transaction_details": {"order_id": "A1", "gross_amount": 0}}),
        json!({"transaction_details": {"order_id": "A1", "gross_amount": 90_000}, "item_details": items}),
    ] {
        assert_eq!(bench.post(url.clone(), &body).await.0, 400, "{body}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_told_in_three_ways_and_a_wrong_host_in_a_fourth() {
    let bench = Bench::start().await;
    bench.midtrans.world().server_key = "SB-Mid-server-other".to_owned();
    let (status, answer) = bench.status("INV-1").await;
    assert_eq!((status, code(&answer)), (401, "401"));
    let (status, answer) = bench.checkout("INV-1", 1000).await;
    assert_eq!((status, answer["error_messages"].is_array()), (401, true));
    let (status, answer) = bench.post(bench.api("/v1/payment-links"), &json!({})).await;
    assert_eq!((status, answer["error_messages"].is_string()), (401, true));
    let (status, answer) = bench.post(bench.api("/snap/v1/transactions"), &json!({})).await;
    assert_eq!((status, answer.as_str().is_some_and(|it| it.starts_with("<html>"))), (404, true));
}

#[tokio::test]
async fn a_link_takes_an_order_once() {
    let bench = Bench::start().await;
    let body =
        json!({"transaction_details": {"order_id": "PL-1", "gross_amount": 150_000, "payment_link_id": "scarf-7f3k"}});
    let (status, answer) = bench.post(bench.api("/v1/payment-links"), &body).await;
    assert_eq!(status, 200);
    assert_eq!(answer["payment_url"], "https://app.sandbox.midtrans.com/payment-links/scarf-7f3k");
    assert_eq!(bench.post(bench.api("/v1/payment-links"), &body).await.0, 409);
}

#[tokio::test]
async fn expiring_succeeds_with_407_and_only_once() {
    let bench = Bench::start().await;
    bench.checkout("INV-1", 1000).await;
    bench.midtrans.world().choose_method("INV-1", "qris");
    let (status, answer) = bench.post(bench.api("/v2/INV-1/expire"), &json!({})).await;
    assert_eq!((status, code(&answer), answer["transaction_status"].as_str()), (200, "407", Some("expire")));
    assert_eq!(code(&bench.status("INV-1").await.1), "407");
    assert_eq!(code(&bench.post(bench.api("/v2/INV-1/expire"), &json!({})).await.1), "412");
    assert_eq!(bench.checkout("INV-1", 1000).await.0, 201);
}

#[tokio::test]
async fn settled_money_can_not_be_cancelled_whatever_the_status_line_says() {
    let bench = Bench::start().await;
    bench.checkout("INV-1", 1000).await;
    bench.midtrans.world().choose_method("INV-1", "gopay");
    assert_eq!(code(&bench.post(bench.api("/v2/INV-1/cancel"), &json!({})).await.1), "200");
    bench.paid("INV-2", 1000).await;
    let (status, answer) = bench.post(bench.api("/v2/INV-2/cancel"), &json!({})).await;
    assert_eq!((status, code(&answer)), (200, "412"));
    bench.midtrans.world().mirror_status = true;
    assert_eq!(bench.post(bench.api("/v2/INV-2/cancel"), &json!({})).await.0, 412);
}

#[tokio::test]
async fn refunds_add_up_and_a_key_counts_once() {
    let bench = Bench::start().await;
    bench.paid("INV-3", 45_000).await;
    let refund = |key: &str, amount: u64| json!({"refund_key": key, "amount": amount});
    for (key, amount, expected, state) in [
        ("r1", 15_000, "200", "partial_refund"),
        ("r1", 15_000, "200", "partial_refund"),
        ("r1", 20_000, "406", ""),
        ("r2", 40_000, "414", ""),
        ("r2", 30_000, "200", "refund"),
        ("r3", 1, "412", ""),
    ] {
        let (_, answer) = bench.post(bench.api("/v2/INV-3/refund"), &refund(key, amount)).await;
        assert_eq!(
            (code(&answer), answer["transaction_status"].as_str().unwrap_or_default()),
            (expected, state),
            "{key}"
        );
    }
    assert_eq!(bench.midtrans.world().refunded("INV-3"), (2, 45_000));
    let (_, status) = bench.status("INV-3").await;
    assert_eq!((&status["refund_amount"], status["refunds"].as_array().map(Vec::len)), (&json!("45000.00"), Some(2)));
}

#[tokio::test]
async fn a_bank_refuses_a_refund_with_202() {
    let bench = Bench::start().await;
    bench.paid("INV-4", 45_000).await;
    bench.midtrans.world().refuse_refunds = true;
    let (status, answer) = bench.post(bench.api("/v2/INV-4/refund"), &json!({"refund_key": "r1"})).await;
    assert_eq!((status, code(&answer), &answer["refund_amount"]), (200, "202", &json!("0.00")));
    assert_eq!(bench.midtrans.world().refunded("INV-4"), (0, 0));
}

#[tokio::test]
async fn a_token_needs_the_private_key_and_lives_for_900_seconds() {
    let bench = Bench::start().await;
    let (status, answer) = bench.token().await;
    assert_eq!((status, answer["expiresIn"].as_str()), (200, Some("900")));
    let token = answer["accessToken"].as_str().expect("a token");
    let path = "/v1.0/transfer-va/create-va";
    let body = account("INV-5", "25000.00");
    assert_eq!(bench.signed(path, &body, token, "INV-5", "acmeClientSecret456").await.0, 200);
    bench.clock.advance(900);
    let (status, answer) = bench.signed(path, &body, token, "INV-5", "acmeClientSecret456").await;
    assert_eq!((status, answer["responseCode"].as_str()), (401, Some("4012701")));

    let (_, answer) = bench.token().await;
    bench.midtrans.world().expire_tokens();
    let token = answer["accessToken"].as_str().expect("a token");
    assert_eq!(bench.signed(path, &body, token, "INV-5", "acmeClientSecret456").await.0, 401);

    bench.midtrans.world().client_id = "somebody-else".to_owned();
    let foreign = bench.http.post(bench.merchants("/v1.0/access-token/b2b")).header("x-timestamp", STAMP);
    let foreign = foreign.header("x-client-key", "somebody-else").header("x-signature", "bm9uc2Vuc2U=");
    let (status, answer) = bench.send(foreign.body(r#"{"grant_type":"client_credentials"}"#)).await;
    assert_eq!((status, answer["responseCode"].as_str()), (401, Some("4017300")));
}

#[tokio::test]
async fn a_virtual_account_is_made_once_for_a_signed_request() {
    let bench = Bench::start().await;
    let token = bench.token().await.1["accessToken"].as_str().expect("a token").to_owned();
    let secret = "acmeClientSecret456";
    let create = "/v1.0/transfer-va/create-va";
    let (status, answer) = bench.signed(create, &account("INV-6", "25000.00"), &token, "INV-6", "wrong").await;
    assert_eq!((status, answer["responseCode"].as_str()), (401, Some("4012700")));

    let (status, first) = bench.signed(create, &account("INV-6", "25000.00"), &token, "INV-6", secret).await;
    assert_eq!((status, first["responseCode"].as_str()), (200, Some("2002700")));
    let (_, again) = bench.signed(create, &account("INV-6", "25000.00"), &token, "INV-6", secret).await;
    assert_eq!(again, first);
    let (status, _) = bench.signed(create, &account("INV-6", "99000.00"), &token, "INV-6", secret).await;
    assert_eq!(status, 409);
    assert_eq!(bench.midtrans.world().account_count(), 1);

    let number = &first["virtualAccountData"]["virtualAccountNo"];
    let ask = json!({"partnerServiceId": "   70012", "customerNo": "123456", "virtualAccountNo": number, "inquiryRequestId": "INV-6"});
    for (paid, flag) in [(false, "03"), (true, "00")] {
        if paid {
            bench.midtrans.world().pay_account("INV-6");
        }
        let (_, answer) = bench.signed("/v1.0/transfer-va/status", &ask, &token, "INV-6-s", secret).await;
        assert_eq!(answer["virtualAccountData"]["paymentFlagStatus"], flag);
    }
}
