//! Payments: nothing moves twice, and nothing is called paid that isn't.

use closeloop::base::{Code, Failure};
use serde_json::{Value as Json, json};

use super::live::Live;
use crate::{
    clock::ManualClock,
    fakes::{
        Fault,
        midtrans::{Midtrans, billing},
    },
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

#[tokio::test]
async fn a_saved_card_is_charged_once_whatever_happens_to_the_answer() {
    for fault in
        [Fault::AnswerLost, Fault::RequestLost, Fault::After(500, json!({"message": "An unexpected error occurred"}))]
    {
        let bench = Bench::start().await;
        bench.midtrans.api.fail_next("POST", "/v2/charge", fault.clone());
        let input =
            json!({"order_id": "INV-9", "amount": 45_000, "description": "Batik scarf", "card_token": billing::CARD});
        let charged = bench.act("charge_saved_card", input.clone()).await;
        let charged = charged.unwrap_or_else(|failure| panic!("{fault:?}: {failure:?}"));
        assert_eq!((&charged["paid"], &charged["amount"]), (&json!(true), &json!("45000.00")));
        // the journal runs it once more with the same key, long after the provider forgot that
        bench.act("charge_saved_card", input.clone()).await.expect("it is the same call");
        assert_eq!(bench.midtrans.world().transaction_count(), 1, "{fault:?}");
        let other = bench.live.act("charge_saved_card", "another", json!({}), input).await;
        assert_eq!(other.expect_err("the number is taken").code, Code::Conflict, "{fault:?}");
    }
    let bench = Bench::start().await;
    bench.midtrans.world().decline_cards = true;
    let input =
        json!({"order_id": "INV-9", "amount": 45_000, "description": "Batik scarf", "card_token": billing::CARD});
    assert_eq!(bench.act("charge_saved_card", input).await.expect_err("the bank says no").code, Code::Declined);
}

#[tokio::test]
async fn what_is_reserved_is_captured_once() {
    let bench = Bench::start().await;
    let input = json!({"order_id": "INV-10", "amount": 150_000, "description": "Batik scarf"});
    bench.act("create_payment", input).await.expect("it is opened");
    let id = bench.midtrans.world().reserve("INV-10");
    bench.midtrans.api.fail_next("POST", "/v2/capture", Fault::RequestLost);
    let input = json!({"transaction_id": id, "amount": 100_000});
    let failure = bench.act("capture_payment", input.clone()).await.expect_err("it never arrived");
    assert_eq!(failure.code, Code::Unavailable, "it is reserved still, so it may be tried again");
    bench.midtrans.api.fail_next("POST", "/v2/capture", Fault::AnswerLost);
    for _ in 0..2 {
        let captured = bench.act("capture_payment", input.clone()).await.expect("it is captured, or was");
        assert_eq!((&captured["state"], &captured["amount"]), (&json!("paid"), &json!("100000.00")));
    }
}

#[tokio::test]
async fn a_subscription_is_made_once_changed_paused_and_ended() {
    let bench = Bench::start().await;
    let input = json!({"name": "PLAN", "amount": 150_000, "method": "credit_card", "token": billing::CARD});
    bench.midtrans.api.fail_next("POST", "/v1/subscriptions", Fault::AnswerLost);
    let made = bench.act("create_subscription", input).await.expect("it is made");
    assert_eq!((bench.midtrans.world().subscriptions.len(), &made["state"]), (1, &json!("active")));
    let id = json!({"subscription_id": made["subscription_id"]});
    let change = json!({"subscription_id": made["subscription_id"], "amount": 175_000});
    bench.act("update_subscription", change).await.expect("it is there");
    bench.act("disable_subscription", id.clone()).await.expect("it is there");
    let found = bench.act("check_subscription", id.clone()).await.expect("it is there");
    assert_eq!((&found["amount"], &found["state"]), (&json!("175000"), &json!("inactive")));
    bench.act("enable_subscription", id.clone()).await.expect("it is there");
    bench.act("cancel_subscription", id).await.expect("it is there");
    let gone = bench.act("check_subscription", json!({"subscription_id": "s-9"})).await;
    assert_eq!(gone.expect_err("it is not there").code, Code::NotFound);
}

#[tokio::test]
async fn an_order_has_one_invoice_which_is_voided_once() {
    let bench = Bench::start().await;
    let input = json!({
        "order_id": "invc-1", "invoice_number": "INV/1", "name": "Sari",
        "items": [{"description": "Consulting", "quantity": 2, "price": 75_000}],
    });
    bench.midtrans.api.fail_next("POST", "/v1/invoices", Fault::AnswerLost);
    let made = bench.act("create_invoice", input.clone()).await.expect("it is made");
    assert_eq!((bench.midtrans.world().invoices.len(), &made["amount"]), (1, &json!(150_000)));
    let other = bench.live.act("create_invoice", "another", json!({}), input).await;
    assert_eq!(other.expect_err("there is one").code, Code::Conflict);
    let id = json!({"invoice_id": made["invoice_id"]});
    bench.midtrans.api.fail_next("PATCH", "/void", Fault::AnswerLost);
    for _ in 0..2 {
        bench.act("void_invoice", id.clone()).await.expect("it is voided, or was");
    }
    assert_eq!(bench.act("check_invoice", id).await.expect("it is there")["state"], "voided");
}

#[tokio::test]
async fn a_payout_needs_two_keys_and_is_made_once() {
    let mut bench = Bench::start().await;
    let input =
        json!({"name": "Budi", "bank": "bca", "account": "1234567890", "amount": 250_000, "notes": "Refund 42"});
    assert_eq!(bench.act("create_payout", input.clone()).await.expect_err("no key").code, Code::PermissionDenied);
    bench.live = bench.live.field("payouts_creator_key", "IRIS-creator").field("payouts_approver_key", "IRIS-approver");
    bench.midtrans.app.fail_next("POST", "/payouts", Fault::AnswerLost);
    let made = bench.act("create_payout", input).await.expect("it is prepared");
    assert_eq!((bench.midtrans.world().payouts.len(), &made["state"]), (1, &json!("queued")));
    let reference = json!({"reference": made["reference"]});
    bench.midtrans.app.fail_next("POST", "/approve", Fault::AnswerLost);
    bench.act("approve_payout", reference.clone()).await.expect("it is approved");
    let again = bench.live.act("approve_payout", "another", json!({}), reference).await;
    assert_eq!(again.expect_err("it is approved already").code, Code::PreconditionFailed);
}
