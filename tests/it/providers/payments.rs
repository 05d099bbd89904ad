//! Payments: nothing moves twice, and nothing is called paid that isn't.

use closeloop::base::{Code, Failure};
use serde_json::{Value as Json, json};

use super::live::Live;
use crate::{
    clock::ManualClock,
    fakes::{Fault, midtrans::Midtrans},
};

struct Bench {
    live: Live,
    midtrans: Midtrans,
    clock: ManualClock,
}

impl Bench {
    async fn start() -> Self {
        let clock = ManualClock::at("2026-11-25T09:00:00Z");
        let midtrans = Midtrans::start(clock.clone()).await;
        let hosts = [
            ("https://api.sandbox.midtrans.com", midtrans.api.url()),
            ("https://app.sandbox.midtrans.com", midtrans.app.url()),
            ("https://merchants.sbx.midtrans.com", midtrans.merchants.url()),
        ];
        let mut live = Live::new("midtrans", &hosts, clock.clone());
        {
            let world = midtrans.world();
            live = live
                .field("environment", "sandbox")
                .field("server_key", &world.server_key)
                .field("client_id", &world.client_id)
                .field("client_secret", &world.client_secret)
                .field("private_key", &world.private_key())
                .field("partner_id", &world.partner_id)
                .field("channel_id", "95221");
        }
        Self { live, midtrans, clock }
    }

    async fn act(&self, action: &str, input: Json) -> Result<Json, Failure> {
        self.live.act(action, action, json!({}), input).await
    }

    async fn state(&self, order_id: &str) -> (String, bool) {
        let found = self.act("check_payment", json!({"order_id": order_id})).await.expect("it can be looked up");
        (found["state"].as_str().expect("a state").to_owned(), found["paid"] == true)
    }

    /// An order of 45,000 that was paid with a wallet.
    async fn paid(&self, order_id: &str) {
        let input = json!({"order_id": order_id, "amount": 45_000, "description": "Batik scarf"});
        self.act("create_payment", input).await.expect("it is opened");
        let mut world = self.midtrans.world();
        world.choose_method(order_id, "gopay");
        world.pay(order_id);
    }
}

#[tokio::test]
async fn a_payment_is_followed_from_page_to_money() {
    let mut bench = Bench::start().await;
    bench.live.after_connect().await.expect("the key is right");
    let input = json!({"order_id": "INV-1", "amount": 150_000, "description": "Batik scarf"});
    let page = bench.act("create_payment", input).await.expect("it is opened");
    assert!(page["url"].as_str().is_some_and(|it| it.starts_with("https://app.sandbox.midtrans.com/snap/")));
    assert_eq!(bench.state("INV-1").await, ("not_started".to_owned(), false));
    bench.midtrans.world().choose_method("INV-1", "bank_transfer");
    assert_eq!(bench.state("INV-1").await, ("pending".to_owned(), false));
    bench.midtrans.world().pay("INV-1");
    assert_eq!(bench.state("INV-1").await, ("paid".to_owned(), true));
    bench.midtrans.world().deny("INV-1");
    assert_eq!(bench.state("INV-1").await, ("denied".to_owned(), false));
}

#[tokio::test]
async fn a_wrong_key_is_told_when_the_account_is_connected() {
    let mut bench = Bench::start().await;
    bench.midtrans.world().server_key = "SB-Mid-server-other".to_owned();
    assert_eq!(bench.live.after_connect().await.expect_err("it is wrong").code, Code::Reauthorize);
}

#[tokio::test]
async fn a_refund_moves_money_once_whatever_happens_to_its_answers() {
    for fault in [Fault::AnswerLost, Fault::RequestLost, Fault::After(502, json!("<html>Bad gateway</html>"))] {
        let bench = Bench::start().await;
        bench.paid("INV-2").await;
        bench.midtrans.api.fail_next("POST", "/refund", fault.clone());
        let input = json!({"order_id": "INV-2", "amount": 15_000});
        for _ in 0..2 {
            let refunded = bench.act("refund_payment", input.clone()).await;
            let refunded = refunded.unwrap_or_else(|failure| panic!("{fault:?}: {failure:?}"));
            assert_eq!((&refunded["state"], &refunded["refunded"]), (&json!("partly_refunded"), &json!("15000.00")));
            assert_eq!(bench.midtrans.world().refunded("INV-2"), (1, 15_000), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_refund_moves_nothing() {
    let bench = Bench::start().await;
    bench.paid("INV-3").await;
    bench.midtrans.world().refuse_refunds = true;
    let refused = bench.act("refund_payment", json!({"order_id": "INV-3"})).await.expect_err("the bank says no");
    assert_eq!((refused.code, bench.midtrans.world().refunded("INV-3")), (Code::Declined, (0, 0)));
}

#[tokio::test]
async fn what_is_open_is_cancelled_or_closed_and_what_is_settled_is_not() {
    for mirror in [false, true] {
        let bench = Bench::start().await;
        bench.midtrans.world().mirror_status = mirror;
        for (order_id, action, state) in
            [("INV-4", "cancel_payment", "cancelled"), ("INV-5", "expire_payment", "expired")]
        {
            let input = json!({"order_id": order_id, "amount": 1000, "description": "Batik scarf"});
            bench.act("create_payment", input).await.expect("it is opened");
            bench.midtrans.world().choose_method(order_id, "qris");
            bench.midtrans.api.fail_next("POST", action.split('_').next().expect("a word"), Fault::AnswerLost);
            for _ in 0..2 {
                let ended = bench.act(action, json!({"order_id": order_id})).await.expect("it is ended, or was");
                assert_eq!(ended["state"], state);
            }
            assert_eq!(bench.state(order_id).await.0, state);
        }
        bench.paid("INV-6").await;
        for action in ["cancel_payment", "expire_payment"] {
            let refused = bench.act(action, json!({"order_id": "INV-6"})).await.expect_err("it is settled");
            assert_eq!(refused.code, Code::PreconditionFailed);
            let missing = bench.act(action, json!({"order_id": "INV-7"})).await.expect_err("there is none");
            assert_eq!(missing.code, Code::NotFound);
        }
        assert_eq!(bench.state("INV-6").await, ("paid".to_owned(), true));
    }
}

#[tokio::test]
async fn an_order_has_one_link() {
    let bench = Bench::start().await;
    let input = json!({"order_id": "PL-1", "amount": 150_000, "description": "Batik scarf"});
    let link = bench.act("create_payment_link", input.clone()).await.expect("it is made");
    assert!(link["url"].as_str().is_some_and(|it| it.starts_with("https://app.sandbox.midtrans.com/payment-links/")));
    assert_eq!(bench.act("create_payment_link", input).await.expect_err("it is there").code, Code::Conflict);
}

#[tokio::test]
async fn a_virtual_account_is_made_once_under_both_signatures() {
    let bench = Bench::start().await;
    let config = json!({"bank": "bca", "prefix": "70012"});
    let create = async |amount: u64| {
        let input = json!({"order_id": "INV-8", "amount": amount, "customer_number": "81200001", "name": "Sari"});
        bench.live.act("create_virtual_account", "create", config.clone(), input).await
    };
    bench.midtrans.merchants.fail_next("POST", "/create-va", Fault::AnswerLost);
    let account = create(150_000).await.expect("it is made");
    assert_eq!(bench.midtrans.world().account_count(), 1);
    assert_eq!(create(99_000).await.expect_err("there is another").code, Code::Conflict);

    let check = async || {
        let input =
            json!({"order_id": "INV-8", "customer_number": "81200001", "account_number": account["account_number"]});
        bench.live.act("check_virtual_account", "check", json!({"prefix": "70012"}), input).await.expect("it is there")
    };
    assert_eq!(check().await["state"], "pending");
    // the token ends in between, and another is got
    bench.midtrans.world().pay_account("INV-8");
    bench.clock.advance(901);
    let found = check().await;
    assert_eq!((&found["state"], &found["paid"]), (&json!("paid"), &json!(true)));
    assert_eq!(bench.midtrans.merchants.count("POST", "/access-token"), 2);
}
