//! An engine whose calendar provider is the fake one, with consent and state.

use closeloop::{base::Clock as _, system::SystemClock};
use jiff::{Timestamp, ToSpan, civil::Weekday, tz::TimeZone};
use serde_json::{Value as Json, json};

use super::{Options, TestApp};
use crate::{clock::ManualClock, fakes::google::Google};

const CONNECTOR: &str = "google-calendar";

/// The engine and the provider behind it.
pub(crate) struct Calendar {
    pub(crate) app: TestApp,
    pub(crate) google: Google,
}

impl Calendar {
    /// The account's own calendar.
    pub(crate) const ID: &str = "owner@example.com";

    /// Short names of what all of the connector's actions and lookups need.
    pub(crate) const SCOPES: [&str; 3] = ["calendar.calendarlist.readonly", "calendar.freebusy", "calendar.events"];

    /// Nothing is connected yet.
    pub(crate) async fn start() -> Self {
        // The fake stands still while the engine's clock runs: its tokens end only when the test says so.
        let google = Google::start(ManualClock::at(&SystemClock.now().to_string())).await;
        google.world().redirect_uris.push("http://127.0.0.1:8080/oauth/callback".to_owned());
        let (id, secret) = {
            let world = google.world();
            (world.client_id.clone(), world.client_secret.clone())
        };
        let url = google.server.url();
        let origins = ["https://accounts.google.com", "https://oauth2.googleapis.com", "https://www.googleapis.com"];
        let overrides = origins.map(|it| (it, url.to_owned())).into();
        let app = TestApp::with(Options { overrides, accounts: vec![("google", id, secret)], ..Options::default() });
        Self { app: app.await, google }
    }

    /// Connected with every scope, and every action enabled for the agent `a`; gives the connection's id.
    pub(crate) async fn connected() -> (Self, String) {
        let bench = Self::start().await;
        let connection = bench.connect(&Self::SCOPES).await;
        for action in ["check_availability", "book_appointment", "reschedule_appointment", "list_appointments"] {
            bench.enable(&connection, action).await;
        }
        bench.enable(&connection, "cancel_appointment").await;
        (bench, connection)
    }

    /// Begins to connect with these scopes.
    pub(crate) async fn begin(&self, scopes: &[&str]) -> Json {
        let scopes: Vec<String> = scopes.iter().map(|it| scope(it)).collect();
        self.app.client.post("/v1/connections", json!({"connector": CONNECTOR, "scopes": scopes})).await
    }

    /// Connects and gives the connection's id, whatever was granted.
    pub(crate) async fn connect(&self, scopes: &[&str]) -> String {
        let begun = self.begin(scopes).await;
        let (status, _, page) = self.consent(&begun).await;
        assert_eq!(status, 200, "{page}");
        begun["id"].as_str().unwrap().to_owned()
    }

    /// Where the consent page sends the browser, at this engine.
    pub(crate) async fn callback(&self, begun: &Json) -> String {
        self.app.client.callback(begun).await
    }

    /// Goes through the consent as a browser does; gives what it sees in the end: status, `location`, page.
    pub(crate) async fn consent(&self, begun: &Json) -> (u16, Option<String>, String) {
        self.app.client.consent(begun).await
    }

    pub(crate) async fn enable(&self, connection: &str, action: &str) {
        self.app.client.enable(CONNECTOR, connection, action, json!({"calendar": Self::ID})).await;
    }

    /// How many events there are.
    pub(crate) fn events(&self) -> usize {
        self.google.world().event_count(Self::ID)
    }

    /// How often a token was asked for, the first one included.
    pub(crate) fn token_requests(&self) -> usize {
        self.google.server.count("POST", "/token")
    }
}

/// A scope as it is on the wire.
pub(crate) fn scope(short: &str) -> String {
    format!("https://www.googleapis.com/auth/{short}")
}

/// That time on a Tuesday in some weeks, in Jakarta: `2027-01-05T10:00:00+07:00`. The engine's clock is the real one.
pub(crate) fn tuesday(time: &str) -> String {
    let jakarta = TimeZone::get("Asia/Jakarta").unwrap();
    let today = jakarta.to_datetime(SystemClock.now()).date();
    let day = (today + 5.weeks()).nth_weekday(1, Weekday::Tuesday).unwrap();
    let text = format!("{day}T{time}:00+07:00");
    assert!(text.parse::<Timestamp>().is_ok(), "{text}");
    text
}

/// What a customer wants.
pub(crate) fn booking(time: &str) -> Json {
    json!({"start": tuesday(time), "name": "Ana Ruiz", "email": "ana.ruiz@example.com"})
}

/// The whole of that day.
pub(crate) fn that_day() -> Json {
    json!({"from": tuesday("00:00"), "to": tuesday("23:00")})
}
