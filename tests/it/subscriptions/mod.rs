//! What four providers tell unasked, over real sockets: how they are told our address, what of theirs is believed, what comes
//! of it, how it goes on before it ends, and that it ends with the connection.

mod calendly;
mod google_calendar;
mod outlook;
mod zoho_crm;

use std::sync::Arc;

use closeloop::{base::Clock as _, system::SystemClock};
use serde_json::{Value as Json, json};

use crate::{
    clock::{ForwardClock, ManualClock},
    fakes::{Courier, Delivery},
    harness::{Options, TestApp},
};

/// A provider, and the account to connect.
struct Provider<'p> {
    connector: &'static str,
    /// Its origins, and where they lead.
    origins: Vec<(&'static str, String)>,
    /// Account, client id and secret.
    account: (&'static str, String, String),
    fields: Json,
    scopes: &'p [&'p str],
    courier: Courier,
    clock: ManualClock,
}

/// An engine that a provider reaches, with an account connected.
struct Bench {
    app: TestApp,
    connector: &'static str,
    connection: String,
    courier: Courier,
    ours: ForwardClock,
    theirs: ManualClock,
}

/// Of a provider; it stands still, at the engine's time.
fn clock() -> ManualClock {
    ManualClock::at(&SystemClock.now().to_string())
}

/// `/oauth/callback`, where providers reach the engine.
fn callback() -> String {
    format!("{}/oauth/callback", Courier::ENGINE)
}

impl Bench {
    async fn connect(it: Provider<'_>) -> Self {
        let ours = ForwardClock::default();
        let app = TestApp::with(Options {
            overrides: it.origins,
            accounts: vec![it.account],
            public_url: Some(Courier::ENGINE),
            clock: Some(Arc::new(ours.clone())),
            ..Options::default()
        })
        .await;
        it.courier.find_engine(&app.client.base);
        let connection = app.client.connect_by_consent(it.connector, it.fields, it.scopes).await;
        Self { app, connector: it.connector, connection, courier: it.courier, ours, theirs: it.clock }
    }

    /// The connection's address once it is as wanted.
    async fn webhook(&self, is: impl Fn(&Json) -> bool) -> Json {
        let path = format!("/v1/connections/{}", self.connection);
        let mut shown = self.app.client.until(&path, |it| is(&it["webhooks"][0])).await;
        let webhook = shown["webhooks"][0].take();
        let url = webhook["url"].as_str().unwrap();
        assert!(url.starts_with(&format!("{}/webhooks/{}/", Courier::ENGINE, self.connector)), "{url}");
        webhook
    }

    /// The address once the provider sends there, without a problem.
    async fn subscribed(&self) -> Json {
        self.webhook(|it| it["subscribed"] == true && it["problem"].is_null()).await
    }

    /// Why the provider could not be told.
    async fn problem(&self) -> String {
        self.webhook(|it| it["problem"].is_string()).await["problem"].as_str().unwrap().to_owned()
    }

    /// What the chatbot is told, once it is so much; more it must not be. The latest come last.
    async fn told(&self, count: usize) -> Vec<(String, Json)> {
        let all = |it: &Json| it["data"].as_array().unwrap().len() >= count;
        let page = self.app.client.until("/v1/events?type=provider.event", all).await;
        let told: Vec<_> = page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| {
                assert_eq!(it["data"]["connector"], self.connector);
                (it["data"]["event"].as_str().unwrap().to_owned(), it["data"]["output"].clone())
            })
            .collect();
        assert_eq!(told.len(), count, "{told:#?}");
        told
    }

    async fn deliver(&self, it: &Delivery) -> u16 {
        self.courier.send(it).await.expect("the engine answers").status
    }

    /// Time passes for everybody, while no engine runs.
    async fn days_pass(&mut self, days: i64) {
        self.ours.advance(days * 86_400);
        self.theirs.advance(days * 86_400);
        self.app.restart().await;
        self.courier.find_engine(&self.app.client.base);
    }

    /// How many days there are until it ends.
    fn days_left(&self, webhook: &Json) -> f64 {
        let end: jiff::Timestamp = webhook["expires_at"].as_str().unwrap().parse().unwrap();
        end.duration_since(self.ours.now()).as_secs_f64() / 86_400.0
    }

    /// Disconnects; what is sent afterwards has nowhere to go.
    async fn disconnect(&self, late: &Delivery) {
        let path = format!("/v1/connections/{}", self.connection);
        let (status, body) = self.app.client.send("DELETE", &path, None, None).await;
        assert!(matches!(status, 200 | 204), "{status} {body:#}");
        assert_eq!(self.deliver(late).await, 404);
    }

    /// A secret is sealed where it is stored, and told nobody.
    fn keeps(&self, secret: &str) {
        assert!(!String::from_utf8_lossy(&self.app.stored_bytes()).contains(secret), "it is stored");
        assert!(!self.app.client.answers().contains(secret), "it is told");
    }

    async fn enable(&self, action: &str, config: Json) {
        self.app.client.enable(self.connector, &self.connection, action, config).await;
    }
}

/// A text of a JSON value that has to be there.
#[track_caller]
fn text(value: &Json) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn nothing() -> Json {
    json!({})
}
