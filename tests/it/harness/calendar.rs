//! An engine whose calendar provider is the fake one, with consent and state.

use std::ops::{Deref, DerefMut};

use closeloop::{base::Clock as _, system::SystemClock};
use jiff::{Timestamp, ToSpan, civil::Weekday, tz::TimeZone};
use serde_json::{Value as Json, json};

use super::workspace::Workspace;
pub(crate) use super::workspace::scope;

const CONNECTOR: &str = "google-calendar";

/// The engine and the provider behind it.
pub(crate) struct Calendar(Workspace);

impl Deref for Calendar {
    type Target = Workspace;

    fn deref(&self) -> &Workspace {
        &self.0
    }
}

impl DerefMut for Calendar {
    fn deref_mut(&mut self) -> &mut Workspace {
        &mut self.0
    }
}

impl Calendar {
    /// The account's own calendar.
    pub(crate) const ID: &str = "owner@example.com";

    /// Short names of what all of the connector's actions and lookups need.
    pub(crate) const SCOPES: [&str; 3] = ["calendar.calendarlist.readonly", "calendar.freebusy", "calendar.events"];

    /// Nothing is connected yet.
    pub(crate) async fn start() -> Self {
        Self(Workspace::start().await)
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
        self.0.begin(CONNECTOR, scopes).await
    }

    /// Connects and gives the connection's id, whatever was granted.
    pub(crate) async fn connect(&self, scopes: &[&str]) -> String {
        self.0.connect(CONNECTOR, scopes).await
    }

    pub(crate) async fn enable(&self, connection: &str, action: &str) {
        self.app.client.enable(CONNECTOR, connection, action, json!({"calendar": Self::ID})).await;
    }

    /// How many events there are.
    pub(crate) fn events(&self) -> usize {
        self.google.world().event_count(Self::ID)
    }
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
