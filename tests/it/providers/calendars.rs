//! Two calendars that behave alike: one behind OAuth 2, one behind CalDAV.

use closeloop::{
    auth::{self, Client, Credentials, consent},
    base::{Clock, Code, Failure, Secret},
};
use reqwest::redirect;
use serde_json::{Value as Json, json};
use url::Url;

use super::live::{Live, of_client};
use crate::{
    clock::ManualClock,
    fakes::{Fault, google::Google, pairs, param},
    harness::radicale::Radicale,
};

const CALLBACK: &str = "http://127.0.0.1/callback";
const NOW: &str = "2026-11-25T09:00:00Z";

/// A calendar with its provider.
struct Bench {
    live: Live,
    google: Google,
}

impl Bench {
    /// Goes through the consent, as a browser would.
    async fn start() -> Self {
        let clock = ManualClock::at(NOW);
        let google = Google::start(clock.clone()).await;
        let url = google.server.url();
        let hosts = [
            ("https://accounts.google.com", url),
            ("https://oauth2.googleapis.com", url),
            ("https://www.googleapis.com", url),
        ];
        let mut live = Live::new("google-calendar", &hosts, clock.clone());
        let (id, secret) = {
            let world = google.world();
            (world.client_id.clone(), world.client_secret.clone())
        };
        let client = Client { id, secret: Some(Secret::new(secret)) };
        let token = consented(&live, &client, url, &clock).await;
        live.credentials().token = Some(token.access);
        live.grant = Some((client, token.refresh.expect("access is offline")));
        live.after_connect().await.expect("the account is identified");
        Self { live, google }
    }

    async fn book(&self, key: &str, start: &str) -> Result<Json, Failure> {
        let input = json!({"start": start, "name": "Ana Ruiz", "email": "ana.ruiz@example.com"});
        self.live.act("book_appointment", key, json!({"calendar": "owner@example.com"}), input).await
    }

    fn events(&self) -> usize {
        self.google.world().event_count("owner@example.com")
    }
}

async fn consented(live: &Live, client: &Client, url: &str, clock: &ManualClock) -> auth::Token {
    let (_, oauth2) = live.connector.account.oauth2().expect("the account has a consent");
    let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let mut scopes: Vec<String> = live.connector.actions.values().flat_map(|it| it.scopes.clone()).collect();
    scopes.extend(live.connector.lookups.values().flat_map(|it| it.scopes.clone()));
    let mut fields = of_client(client);
    let challenge = consent::challenge(&verifier);
    let asked =
        [("state", "st-1"), ("redirect_uri", CALLBACK), ("scope", &scopes.join(" ")), ("code_challenge", &challenge)];
    fields.extend(asked.map(|(name, value)| (name.to_owned(), Secret::new(value))));
    let credentials = Credentials { fields: fields.into(), ..Credentials::default() }.into();
    let scope = auth::scope(&credentials, &live.connection, clock.now());
    let page =
        consent::authorization_url(oauth2.consent.as_ref().expect("it asks for one"), &scope).expect("an address");
    let browser = reqwest::Client::builder().redirect(redirect::Policy::none()).build().expect("a browser");
    let page = page.as_str().replace("https://accounts.google.com", url);
    let answer = browser.get(page).send().await.expect("the consent is given");
    let back = Url::parse(answer.headers()["location"].to_str().expect("an address")).expect("an address");
    let code = param(&pairs(back.query().unwrap_or_default()), "code").expect("a code").to_owned();
    let mut given = of_client(client);
    let exchanged = [("code", code.as_str()), ("redirect_uri", CALLBACK), ("code_verifier", verifier.expose())];
    given.extend(exchanged.map(|(name, value)| (name.to_owned(), Secret::new(value))));
    live.caller().get(&oauth2.exchange, &oauth2.answers, given).await.expect("the code is good").token
}

/// What a list has of an appointment that was moved.
fn listed(moved: &Json) -> Json {
    json!({"event_id": moved["event_id"], "title": moved["title"], "start": moved["start"], "end": moved["end"]})
}

#[tokio::test]
async fn what_is_booked_is_no_longer_offered() {
    let bench = Bench::start().await;
    assert_eq!(bench.live.connection["email"], "owner@example.com");
    let window = json!({"from": "2026-12-01T09:00:00+07:00", "to": "2026-12-01T10:30:00+07:00"});
    let calendar = json!({"calendar": "owner@example.com"});
    let free = async || {
        let output = bench.live.act("check_availability", "look", calendar.clone(), window.clone()).await;
        let output = output.expect("the calendar can be read");
        let slots = output["slots"].as_array().expect("a list").clone();
        slots.iter().filter_map(|it| it["start"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(free().await, ["2026-12-01T09:00:00+07:00", "2026-12-01T09:30:00+07:00", "2026-12-01T10:00:00+07:00"]);
    bench.book("first", "2026-12-01T09:30:00+07:00").await.expect("it is free");
    assert_eq!(free().await, ["2026-12-01T09:00:00+07:00", "2026-12-01T10:00:00+07:00"]);
    let refused = bench.book("second", "2026-12-01T09:45:00+07:00").await.expect_err("it is taken");
    assert_eq!((refused.code, bench.events()), (Code::Conflict, 1));
}

#[tokio::test]
async fn one_call_books_once_whatever_happens_to_its_answers() {
    for fault in [
        Fault::AnswerLost,
        Fault::RequestLost,
        Fault::After(500, json!({"error": {"code": 500, "message": "Backend Error"}})),
        Fault::After(503, json!({})),
        Fault::Instead(403, crate::fakes::google::rate_limited()),
    ] {
        let bench = Bench::start().await;
        bench.google.server.fail_next("POST", "/events", fault.clone());
        let booked = bench.book("call", "2026-12-01T09:30:00+07:00").await;
        let booked = booked.unwrap_or_else(|failure| panic!("{fault:?}: {failure:?}"));
        assert_eq!(bench.events(), 1, "{fault:?}");
        assert_eq!(bench.google.world().mails.len(), 1, "{fault:?}");
        let again = bench.book("call", "2026-12-01T09:30:00+07:00").await.expect("it is the same call");
        assert_eq!((again, bench.events()), (booked, 1), "{fault:?}");
    }
}

#[tokio::test]
async fn of_bookings_at_the_same_moment_one_remains() {
    let bench = Bench::start().await;
    let start = "2026-12-01T09:30:00+07:00";
    let calls = ["call-a", "call-b", "call-c", "call-d"].map(|key| bench.book(key, start));
    let outcomes = futures_util::future::join_all(calls).await;
    let booked = outcomes.iter().filter(|it| it.is_ok()).count();
    let refused = outcomes.iter().filter(|it| it.as_ref().is_err_and(|it| it.code == Code::Conflict)).count();
    assert_eq!((booked, refused, bench.events()), (1, 3, 1), "{outcomes:?}");
}

#[tokio::test]
async fn a_token_that_ended_is_renewed_on_the_way() {
    let bench = Bench::start().await;
    bench.google.world().expire_access_tokens();
    bench.book("call", "2026-12-01T09:30:00+07:00").await.expect("the grant is good");
    assert_eq!((bench.google.server.count("POST", "/token"), bench.events()), (2, 1));

    bench.google.world().revoke_everything();
    let refused = bench.book("other", "2026-12-01T11:30:00+07:00").await.expect_err("the grant is dead");
    assert_eq!((refused.code, bench.events()), (Code::Reauthorize, 1));
}

#[tokio::test]
async fn appointments_are_moved_listed_and_cancelled() {
    let bench = Bench::start().await;
    let live = &bench.live;
    let calendar = json!({"calendar": "owner@example.com"});
    let booked = bench.book("call", "2026-12-01T09:30:00+07:00").await.expect("it is free");
    let id = booked["event_id"].as_str().expect("an id").to_owned();

    // half over its own old time, which is not in its way
    let to = json!({"event_id": id, "start": "2026-12-01T09:45:00+07:00"});
    let moved = live.act("reschedule_appointment", "move", calendar.clone(), to).await.expect("it is free");
    assert_eq!(
        (&moved["start"], &moved["end"]),
        (&json!("2026-12-01T09:45:00+07:00"), &json!("2026-12-01T10:15:00+07:00"))
    );

    let window = json!({"from": "2026-12-01T00:00:00+07:00", "to": "2026-12-02T00:00:00+07:00"});
    let list = live.act("list_appointments", "list", calendar.clone(), window.clone()).await.expect("a list");
    assert_eq!(list["appointments"], json!([listed(&moved)]));

    for _ in 0..2 {
        let cancelled = live.act("cancel_appointment", "cancel", calendar.clone(), json!({"event_id": id})).await;
        assert_eq!(cancelled.expect("it is there, or was"), json!({"event_id": id, "cancelled": true}));
    }
    let list = live.act("list_appointments", "list", calendar, window).await.expect("a list");
    assert_eq!(list["appointments"], json!([]));
    let told = bench.google.world().mails.len();
    assert_eq!(told, 3, "invited, moved and cancelled, each once");
}

#[tokio::test]
async fn calendars_that_can_only_be_read_are_not_offered() {
    let bench = Bench::start().await;
    bench.google.world().add_calendar("holidays@example.com", "Holidays", "Asia/Jakarta", "reader");
    bench.google.world().add_calendar("salon@example.com", "Bookings", "Asia/Jakarta", "writer");
    let options = bench.live.look_up("calendars").await.expect("the list can be read");
    let values: Vec<&Json> = options.as_array().expect("a list").iter().map(|it| &it["value"]).collect();
    assert_eq!(values, ["owner@example.com", "salon@example.com"]);
}

/// The same story with the other calendar, against a server that others wrote.
#[tokio::test]
async fn a_caldav_server_is_booked_like_the_other_calendar() {
    let radicale = Radicale::start();
    radicale.make_calendar("bookings", "Bookings & more").await;
    let hosts = [("https://caldav.icloud.com", radicale.url())];
    let live = Live::new("apple-calendar", &hosts, ManualClock::at(NOW));
    let mut live = live.field("username", Radicale::USER).field("password", Radicale::PASSWORD);
    let connected = live.after_connect().await.expect("there is a calendar");
    assert_eq!(connected["label"], Radicale::USER);
    let options = live.look_up("calendars").await.expect("the list can be read");
    assert_eq!(options[0]["label"], "Bookings & more");
    let calendar = json!({"calendar": options[0]["value"]});

    let book = async |key: &str, start: &str| {
        let input = json!({"start": start, "name": "Müller; Söhne, Ltd", "notes": "a\nb"});
        live.act("book_appointment", key, calendar.clone(), input).await
    };
    let booked = book("first", "2026-12-01T09:30:00+07:00").await.expect("it is free");
    let again = book("first", "2026-12-01T09:30:00+07:00").await.expect("it is the same call");
    assert_eq!(again, booked);
    let refused = book("second", "2026-12-01T09:45:00+07:00").await.expect_err("it is taken");
    assert_eq!(refused.code, Code::Conflict);

    let window = json!({"from": "2026-12-01T09:00:00+07:00", "to": "2026-12-01T10:30:00+07:00"});
    let free = live.act("check_availability", "look", calendar.clone(), window).await.expect("it can be read");
    let starts: Vec<&Json> = free["slots"].as_array().expect("a list").iter().map(|it| &it["start"]).collect();
    assert_eq!(starts, ["2026-12-01T09:00:00+07:00", "2026-12-01T10:00:00+07:00"]);

    let to = json!({"event_id": booked["event_id"], "start": "2026-12-01T09:45:00+07:00"});
    let moved = live.act("reschedule_appointment", "move", calendar.clone(), to).await.expect("it is free");
    let window = json!({"from": "2026-12-01T00:00:00+07:00", "to": "2026-12-02T00:00:00+07:00"});
    let list = live.act("list_appointments", "list", calendar.clone(), window).await.expect("a list");
    assert_eq!(list["appointments"], json!([listed(&moved)]));
    assert_eq!(moved["title"], "Appointment: Müller; Söhne, Ltd");

    for _ in 0..2 {
        let event = json!({"event_id": booked["event_id"]});
        let cancelled = live.act("cancel_appointment", "cancel", calendar.clone(), event).await;
        assert_eq!(cancelled.expect("it is there, or was")["cancelled"], true);
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_when_the_account_is_connected() {
    let radicale = Radicale::start();
    let hosts = [("https://caldav.icloud.com", radicale.url())];
    let live = Live::new("apple-calendar", &hosts, ManualClock::at(NOW));
    let mut live = live.field("username", Radicale::USER).field("password", "hunter2");
    assert_eq!(live.after_connect().await.expect_err("it is wrong").code, Code::Reauthorize);
}
