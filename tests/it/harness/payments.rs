//! An engine whose payment provider is the fake one.

use closeloop::{base::Clock as _, system::SystemClock};
use serde_json::{Value as Json, json};

use super::{Options, TestApp};
use crate::{clock::ManualClock, fakes::midtrans::Midtrans};

const CONNECTOR: &str = "midtrans";

/// The engine and the provider behind it.
pub(crate) struct Payments {
    pub(crate) app: TestApp,
    pub(crate) midtrans: Midtrans,
}

impl Payments {
    /// Nothing is connected yet.
    pub(crate) async fn start() -> Self {
        let midtrans = Midtrans::start(ManualClock::at(&SystemClock.now().to_string())).await;
        let overrides = vec![
            ("https://api.sandbox.midtrans.com", midtrans.api.url().to_owned()),
            ("https://app.sandbox.midtrans.com", midtrans.app.url().to_owned()),
            ("https://merchants.sbx.midtrans.com", midtrans.merchants.url().to_owned()),
        ];
        let public_url = Some("https://bot.example.net");
        let options = Options { overrides, public_url, ..Options::default() };
        Self { app: TestApp::with(options).await, midtrans }
    }

    /// Connected, and every action that needs no config enabled for the agent `a`; gives the connection's id.
    pub(crate) async fn connected() -> (Self, String) {
        let bench = Self::start().await;
        let connection = bench.app.client.connect(CONNECTOR, "live", bench.fields()).await;
        for action in ["create_payment", "check_payment", "refund_payment"] {
            bench.enable(&connection, action, json!({})).await;
        }
        (bench, connection)
    }

    /// The sign-in form, filled in rightly.
    pub(crate) fn fields(&self) -> Json {
        let world = self.midtrans.world();
        json!({
            "environment": "sandbox", "server_key": world.server_key, "client_id": world.client_id,
            "client_secret": world.client_secret, "private_key": world.private_key(),
            "partner_id": world.partner_id, "channel_id": "95221",
        })
    }

    pub(crate) async fn enable(&self, connection: &str, action: &str, config: Json) {
        self.app.client.enable(CONNECTOR, connection, action, config).await;
    }

    /// The execution at a path, once it has ended.
    pub(crate) async fn ended(&self, path: &str) -> Json {
        for _ in 0..600 {
            let execution = self.app.client.get(path).await;
            if matches!(execution["status"].as_str(), Some("succeeded" | "failed")) {
                return execution;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("it never ended: {:#}", self.app.client.get(path).await);
    }

    /// An order that was paid with a wallet.
    pub(crate) async fn paid(&self, order_id: &str, amount: u64) {
        let input = json!({"order_id": order_id, "amount": amount, "description": "Batik scarf"});
        self.app.client.output("create_payment", input).await;
        let mut world = self.midtrans.world();
        world.choose_method(order_id, "gopay");
        world.pay(order_id);
    }
}
