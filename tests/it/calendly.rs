//! Calendly over real sockets: consent, tokens that are used once, booking by the API and by links, and what goes wrong.

use closeloop::{base::Clock as _, system::SystemClock};
use serde_json::{Value as Json, json};

use crate::{
    clock::ManualClock,
    fakes::{Fault, calendly, calendly::Calendly},
    harness::{
        Options, TestApp,
        calendar::{booking, that_day, tuesday},
    },
};

/// The engine and the provider behind it.
struct Bench {
    app: TestApp,
    calendly: Calendly,
    connection: String,
}

impl Bench {
    /// Connected, every action enabled for the agent `a`, and three times open.
    async fn start(booking: &str) -> Self {
        let calendly = Calendly::start(ManualClock::at(&SystemClock.now().to_string())).await;
        let open = ["10:00", "10:30", "14:00"].map(|it| tuesday(it).parse::<jiff::Timestamp>().unwrap());
        calendly.world().open.extend(open);
        let url = calendly.server.url().to_owned();
        let origins = ["https://auth.calendly.com", "https://api.calendly.com"];
        let overrides = origins.map(|it| (it, url.clone())).into();
        let (id, secret) = calendly::client();
        let accounts = vec![("calendly", id, secret)];
        let app = TestApp::with(Options { overrides, accounts, ..Options::default() }).await;
        let scopes =
            ["users:read", "event_types:read", "availability:read", "scheduled_events:write", "scheduling_links:write"];
        let connection = app.client.connect_by_consent("calendly", json!({}), &scopes).await;
        let kind = json!({"event_type": Calendly::EVENT_TYPE});
        for (action, config) in [
            ("check_availability", kind.clone()),
            ("book_appointment", json!({"event_type": Calendly::EVENT_TYPE, "booking": booking})),
            ("reschedule_appointment", json!({"booking": booking})),
            ("list_appointments", json!({})),
            ("read_appointment", json!({})),
            ("cancel_appointment", json!({})),
        ] {
            app.client.enable("calendly", &connection, action, config).await;
        }
        Self { app, calendly, connection }
    }

    async fn output(&self, function: &str, arguments: Json) -> Json {
        self.app.client.output(function, arguments).await
    }

    async fn starts(&self) -> Vec<String> {
        let free = self.output("check_availability", that_day()).await;
        free["slots"].as_array().unwrap().iter().map(|it| it["start"].as_str().unwrap().to_owned()).collect()
    }

    fn bookings(&self) -> usize {
        self.calendly.world().booking_count()
    }
}

#[tokio::test]
async fn an_appointment_is_booked_moved_read_and_cancelled() {
    let bench = Bench::start("api").await;
    let shown = bench.app.client.get(&format!("/v1/connections/{}", bench.connection)).await;
    assert_eq!(shown["label"], "ines@example.com", "{shown:#}");
    assert_eq!(bench.starts().await, [tuesday("10:00"), tuesday("10:30"), tuesday("14:00")]);

    let booked = bench.output("book_appointment", booking("10:00")).await;
    assert_eq!((&booked["status"], &booked["start"]), (&json!("booked"), &json!(tuesday("10:00"))));
    assert_eq!(bench.starts().await, [tuesday("10:30"), tuesday("14:00")]);
    let taken = json!({"start": tuesday("10:00"), "name": "Omar Diaz", "email": "omar@example.org"});
    let refused = bench.app.client.failure("book_appointment", taken).await;
    assert_eq!((&refused["code"], bench.bookings()), (&json!("conflict"), 1), "{refused:#}");

    let to = json!({"event_id": booked["event_id"], "start": tuesday("14:00")});
    let moved = bench.output("reschedule_appointment", to).await;
    assert_eq!((&moved["status"], &moved["start"]), (&json!("moved"), &json!(tuesday("14:00"))));
    assert_eq!(bench.calendly.world().booked(), [tuesday("14:00").parse::<jiff::Timestamp>().unwrap()]);
    let listed = bench.output("list_appointments", that_day()).await;
    assert_eq!(listed["appointments"].as_array().unwrap().len(), 1, "{listed:#}");
    let read = bench.output("read_appointment", json!({"event_id": moved["event_id"]})).await;
    assert_eq!((&read["place"], &read["invitees"][0]["name"]), (&json!("12 High Street"), &json!("Ana Ruiz")));

    for _ in 0..2 {
        let cancelled = bench.output("cancel_appointment", json!({"event_id": moved["event_id"]})).await;
        assert_eq!(cancelled["cancelled"], true);
    }
    assert!(bench.calendly.world().booked().is_empty());
}

#[tokio::test]
async fn what_the_plan_does_not_include_is_done_by_a_link() {
    let bench = Bench::start("automatic").await;
    bench.calendly.world().paid_plan = false;
    let sent = bench.output("book_appointment", booking("10:00")).await;
    assert_eq!((&sent["status"], bench.bookings()), (&json!("link_sent"), 0), "{sent:#}");
    assert!(sent["link"].as_str().unwrap().starts_with("https://calendly.com/d/") && sent.get("event_id").is_none());
    assert_eq!(bench.calendly.world().links, 1);
}

#[tokio::test]
async fn one_call_books_once_whatever_happens_to_its_answers() {
    let bench = Bench::start("automatic").await;
    bench.calendly.server.fail_next("POST", "/invitees", Fault::AnswerLost);
    let booked = bench.output("book_appointment", booking("10:00")).await;
    assert_eq!((&booked["status"], bench.bookings()), (&json!("booked"), 1), "{booked:#}");
    // the same customer, kind and time are the same booking
    let again = bench.output("book_appointment", booking("10:00")).await;
    assert_eq!((&again["event_id"], bench.bookings()), (&booked["event_id"], 1));

    bench.calendly.server.fail_next("POST", "/invitees", Fault::RequestLost);
    let error = bench.app.client.failure("book_appointment", booking("10:30")).await;
    assert_eq!((&error["code"], bench.bookings()), (&json!("unknown_outcome"), 1), "{error:#}");
    assert_eq!(bench.calendly.server.count("POST", "/invitees"), 2, "nothing was sent twice");

    bench.calendly.world().throttled = true;
    let error = bench.app.client.failure("book_appointment", booking("10:30")).await;
    assert_eq!((&error["code"], &error["retry_after_seconds"]), (&json!("rate_limited"), &json!(60)), "{error:#}");
}

#[tokio::test]
async fn refresh_tokens_are_used_once() {
    let bench = Bench::start("automatic").await;
    for _ in 0..3 {
        bench.calendly.world().consents.expire();
        // all of them at once: one renewal
        let calls = [(), (), ()].map(|()| bench.starts());
        futures_util::future::join_all(calls).await;
    }
    assert_eq!(bench.calendly.server.count("POST", "/oauth/token"), 4, "the first one, and one each time");
    assert_eq!(bench.calendly.world().consents.refreshable(), 1);

    // the provider has used the old token up, and nobody has the new one
    bench.calendly.world().consents.expire();
    bench.calendly.server.fail_next("POST", "/oauth/token", Fault::AnswerLost);
    let mut codes = Vec::new();
    // after a renewal that failed for now, nobody asks again for two seconds
    while codes.last().is_none_or(|it| it == "unavailable") && codes.len() < 30 {
        codes.push(bench.app.client.failure("check_availability", that_day()).await["code"].clone());
    }
    assert_eq!(codes.last().unwrap(), "reauthorize", "{codes:?}");
}

#[tokio::test]
async fn times_are_asked_for_in_windows_that_every_account_has() {
    let bench = Bench::start("automatic").await;
    let from = tuesday("00:00");
    let to = from.parse::<jiff::Timestamp>().unwrap() + jiff::SignedDuration::from_hours(24 * 59);
    let free = bench.output("check_availability", json!({"from": from, "to": to.to_string()})).await;
    assert_eq!(free["slots"].as_array().unwrap().len(), 3, "{free:#}");
    assert_eq!(bench.calendly.server.count("GET", "/event_type_available_times"), 9);
}

#[tokio::test]
async fn a_page_in_place_of_times_offers_nothing() {
    let bench = Bench::start("automatic").await;
    bench.calendly.server.fail_next("GET", "/event_type_available_times", Fault::Page(200));
    let error = bench.app.client.failure("check_availability", that_day()).await;
    assert_eq!(error["code"], "provider_error", "{error:#}");
}
