//! Calendars on a real CalDAV server: what we write, another client reads; what the server answers, we read.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::Response,
};
use closeloop::{
    base::Clock as _,
    format::{answer, body, ics, xml},
    system::SystemClock,
    wire::Answer,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value as Json, json};

use crate::{
    fakes::{Fault, Server},
    harness::{Client, Options, TestApp, radicale::Radicale},
};

const XML: (&str, &str) = ("content-type", "application/xml; charset=utf-8");

fn rules() -> xml::Rules {
    let namespaces = [("DAV:", "d"), ("urn:ietf:params:xml:ns:caldav", "c")];
    xml::Rules {
        namespaces: namespaces.map(|(uri, prefix)| (uri.to_owned(), prefix.to_owned())).into(),
        arrays: vec!["d:privilege".to_owned(), "c:comp".to_owned()],
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("the test names a valid instant")
}

/// A multistatus answer, as an action would see it.
async fn multistatus(server: &Radicale, method: &str, path: &str, depth: &str, body: &str) -> Json {
    let answer = server.send(method, path, &[XML, ("depth", depth)], body::xml(body).bytes).await;
    let headers = answer.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned())).collect();
    let answer = Answer {
        status: answer.status().as_u16(),
        headers,
        url: answer.url().clone(),
        body: answer.bytes().await.expect("a body"),
    };
    assert_eq!(answer.status, 207);
    answer::read(&answer, answer::AnswerKind::Multistatus, &rules()).expect("a multistatus")
}

async fn put(server: &Radicale, path: &str, condition: (&str, &str), text: &str) -> (u16, String) {
    let encoded = body::ics(text);
    let headers = [("content-type", &*encoded.content_type), condition];
    let answer = server.send("PUT", path, &headers, encoded.bytes).await;
    let etag = answer.headers().get("etag").map_or("", |it| it.to_str().expect("ASCII")).to_owned();
    (answer.status().as_u16(), etag)
}

/// As a connector's `ics` body comes out of its template: line feeds, long lines, blank lines.
fn booking(description: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Closeloop//EN\nBEGIN:VEVENT\nUID:2ad69d57-6808-5f9e-b7c4-5ba57a55e120\n\
         DTSTAMP:20261125T090000Z\nDTSTART:20261201T093000Z\nDTEND:20261201T100000Z\nSUMMARY:{}\n\nDESCRIPTION:{}\n\
         STATUS:CONFIRMED\nSEQUENCE:0\nEND:VEVENT\nEND:VCALENDAR\n",
        ics::escape("Consultation, Müller & Söhne"),
        ics::escape(description),
    )
}

#[tokio::test]
async fn what_we_write_another_client_reads() {
    let server = Radicale::start();
    let calendar = server.make_calendar("bookings", "Bookings").await;
    let event = format!("{calendar}2ad69d57-6808-5f9e-b7c4-5ba57a55e120.ics");
    let description = "Erstgespräch für Köln, Büro; Zimmer 4\\B\nBitte 10 Minuten früher da sein – danke schön\nATTENDEE:mailto:x@example.com";

    let (status, etag) = put(&server, &event, ("if-none-match", "*"), &booking(description)).await;
    assert_eq!(status, 201);
    let mut expected = json!([{
        "path": event,
        "uid": "2ad69d57-6808-5f9e-b7c4-5ba57a55e120",
        "summary": "Consultation, Müller & Söhne",
        "description": description,
        "location": null,
        "status": "CONFIRMED",
        "sequence": 0,
        "start": "2026-12-01T09:30:00+00:00",
        "end": "2026-12-01T10:00:00+00:00",
    }]);
    assert_eq!(server.read_back(&calendar), expected);
    assert_eq!(put(&server, &event, ("if-none-match", "*"), &booking(description)).await.0, 412);

    let stored = server.send("GET", &event, &[], "").await.text().await.expect("text");
    let changes = ics::Changes { start: Some(at("2026-12-02T14:00:00Z")), ..Default::default() };
    let moved = ics::update(&stored, &changes, at("2026-11-25T09:05:00Z")).expect("an update");
    assert_eq!(put(&server, &event, ("if-match", &etag), &moved).await.0, 204);
    expected[0]["start"] = "2026-12-02T14:00:00+00:00".into();
    expected[0]["end"] = "2026-12-02T14:30:00+00:00".into();
    expected[0]["sequence"] = 1.into();
    assert_eq!(server.read_back(&calendar), expected);
    assert_eq!(put(&server, &event, ("if-match", &etag), &moved).await.0, 412);

    assert!(server.send("DELETE", &event, &[], "").await.status().is_success());
    assert_eq!(server.read_back(&calendar), json!([]));
}

#[tokio::test]
async fn what_the_server_answers_we_read() {
    let server = Radicale::start();
    let calendar = server.make_calendar("bookings", "Bookings & more").await;
    let home = multistatus(
        &server,
        "PROPFIND",
        Radicale::HOME,
        "1",
        r#"
        <?xml version="1.0" encoding="UTF-8"?><propfind xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><resourcetype/><displayname/>
        <current-user-privilege-set/><C:supported-calendar-component-set/></prop></propfind>"#,
    )
    .await;
    let entries = home.as_array().expect("a list");
    let found = entries.iter().find(|it| it["href"] == calendar.as_str()).expect("the calendar");
    assert_eq!(found["url"], format!("{}{calendar}", server.url()));
    assert_eq!(found["props"]["d:displayname"], "Bookings & more");
    assert_eq!(found["props"]["d:resourcetype"]["c:calendar"], "");
    assert_eq!(found["props"]["c:supported-calendar-component-set"]["c:comp"], json!([{"@name": "VEVENT"}]));
    let privileges = found["props"]["d:current-user-privilege-set"]["d:privilege"].as_array().expect("a list");
    assert!(privileges.contains(&json!({"d:write-content": ""})));
    let user = entries.iter().find(|it| it["href"] == Radicale::HOME).expect("the home");
    assert_eq!(user["failed"]["c:supported-calendar-component-set"], 404);

    let weekly = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\nBEGIN:VEVENT\nUID:w\nDTSTAMP:20261101T000000Z\n\
        DTSTART;TZID=Europe/Berlin:20261005T093000\nDURATION:PT45M\nRRULE:FREQ=WEEKLY\nEXDATE;TZID=Europe/Berlin:20261102T093000\n\
        SUMMARY:Team <weekly>\nEND:VEVENT\nEND:VCALENDAR";
    assert_eq!(put(&server, &format!("{calendar}weekly.ics"), ("if-none-match", "*"), weekly).await.0, 201);
    let report = multistatus(
        &server,
        "REPORT",
        &calendar,
        "1",
        r#"<C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/><C:calendar-data/></prop>
        <C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20261019T000000Z" end="20261110T000000Z"/>
        </C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"#,
    )
    .await;
    let text = report[0]["props"]["c:calendar-data"].as_str().expect("text");
    let found =
        ics::events([text], at("2026-10-19T00:00:00Z"), at("2026-11-10T00:00:00Z"), &TimeZone::UTC).expect("events");
    let starts: Vec<_> = found.iter().map(|it| serde_json::to_value(it).expect("JSON")["start"].clone()).collect();
    assert_eq!(starts, ["2026-10-19T07:30:00Z", "2026-10-26T08:30:00Z", "2026-11-09T08:30:00Z"]);
    assert_eq!(serde_json::to_value(&found[0]).expect("JSON")["summary"], "Team <weekly>");
}

/// The engine with the shipped connector, whose provider is the server.
async fn engine(server: &Radicale) -> TestApp {
    engine_at(server.url()).await
}

async fn engine_at(url: &str) -> TestApp {
    let overrides = vec![("https://caldav.icloud.com", url.to_owned())];
    TestApp::with(Options { overrides, ..Options::default() }).await
}

/// Connects the server's user and enables the actions on the only calendar.
async fn connect(client: &Client) {
    let fields = json!({"username": Radicale::USER, "password": Radicale::PASSWORD});
    let connection = client.connect("apple-calendar", "live", fields).await;
    let path = format!("/v1/connectors/apple-calendar/lookups/calendars?connection={connection}");
    let calendars = client.get(&path).await;
    let calendar = &calendars["data"][0];
    assert_eq!(calendar["label"], "Bookings", "{calendars:#}");
    let value = &calendar["value"];
    let config = json!({"calendar": value, "timezone": "Europe/Berlin"});
    for action in ["book_appointment", "reschedule_appointment", "list_appointments"] {
        client.enable("apple-calendar", &connection, action, config.clone()).await;
    }
    client.enable("apple-calendar", &connection, "cancel_appointment", json!({"calendar": value})).await;
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|it| (it.to_owned(), json!(["00:00-24:00"])));
    let mut open = config;
    open["hours"] = Json::Object(days.into_iter().collect());
    client.enable("apple-calendar", &connection, "check_availability", open).await;
}

/// A time in a few weeks: the engine's clock is the real one.
fn in_some_weeks(hours: i64) -> Timestamp {
    let day = SystemClock.now().as_second().div_euclid(86_400) + 30;
    Timestamp::from_second(day * 86_400).expect("a month from now can be told") + SignedDuration::from_hours(9 + hours)
}

/// As the other client writes it.
fn in_utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

#[tokio::test]
async fn an_agent_books_moves_and_cancels() {
    let server = Radicale::start();
    let calendar = server.make_calendar("bookings", "Bookings").await;
    let app = engine(&server).await;
    let client = &app.client;
    connect(client).await;

    let half_hour = SignedDuration::from_mins(30);
    let (first, second) = (in_some_weeks(0), in_some_weeks(2));
    let customer = |start: Timestamp| json!({"start": start, "name": "Jürgen; von, der Höh", "email": "j@example.com", "notes": "First line\nATTENDEE:mailto:x@example.com"});
    let around = json!({"from": first - half_hour, "to": first + half_hour * 2});
    let free = async || {
        let output = client.output("check_availability", around.clone()).await;
        let slots = output["slots"].as_array().expect("a list").iter();
        slots.map(|it| it["start"].as_str().expect("a time").parse().expect("a time")).collect::<Vec<Timestamp>>()
    };
    assert_eq!(free().await, [first - half_hour, first, first + half_hour]);
    let booked = client.output("book_appointment", customer(first)).await;
    assert_eq!(free().await, [first - half_hour, first + half_hour]);
    let mut expected = json!([{
        "path": format!("{calendar}{}", booked["event_id"].as_str().expect("an id")),
        "uid": booked["event_id"].as_str().expect("an id").trim_end_matches(".ics"),
        "summary": "Appointment: Jürgen; von, der Höh",
        "description": "First line\nATTENDEE:mailto:x@example.com\nE-mail: j@example.com",
        "location": "",
        "status": "CONFIRMED",
        "sequence": 0,
        "start": in_utc(first),
        "end": in_utc(first + half_hour),
    }]);
    assert_eq!(server.read_back(&calendar), expected);

    let taken = client.failure("book_appointment", customer(first + SignedDuration::from_mins(15))).await;
    assert_eq!(taken["code"], "conflict", "{taken:#}");

    let moved = json!({"event_id": booked["event_id"], "start": second});
    client.output("reschedule_appointment", moved).await;
    expected[0]["start"] = in_utc(second).into();
    expected[0]["end"] = in_utc(second + half_hour).into();
    expected[0]["sequence"] = 1.into();
    assert_eq!(server.read_back(&calendar), expected);

    let day = json!({"from": first - SignedDuration::from_hours(9), "to": second + SignedDuration::from_hours(9)});
    let listed = client.output("list_appointments", day).await;
    assert_eq!(listed["appointments"][0]["event_id"], booked["event_id"], "{listed:#}");
    assert_eq!(listed["appointments"].as_array().map(Vec::len), Some(1));

    client.call("cancel_appointment", json!({"event_id": booked["event_id"]})).await;
    assert_eq!(server.read_back(&calendar), json!([]));
}

#[tokio::test]
async fn a_wrong_password_connects_nothing() {
    let server = Radicale::start();
    let app = engine(&server).await;
    let fields = json!({"username": Radicale::USER, "password": "wrong"});
    let body = json!({"connector": "apple-calendar", "mode": "live", "fields": fields});
    let (status, problem) = app.client.send("POST", "/v1/connections", Some(&body), None).await;
    assert_eq!((status, &problem["code"]), (422, &json!("connect_failed")), "{problem:#}");
}

/// Passes everything on to the server, but for what a test lets go wrong.
async fn in_front_of(server: &Radicale) -> Server {
    let (url, client) = (server.url().to_owned(), reqwest::Client::builder().no_proxy().build().expect("a client"));
    let pass_on = move |request: Request| {
        let (url, client) = (url.clone(), client.clone());
        async move {
            let (parts, body) = request.into_parts();
            let path = parts.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
            let body = to_bytes(body, 1 << 20).await.expect("a body");
            let mut passed = client.request(parts.method, format!("{url}{path}")).body(body);
            for (name, value) in parts.headers.iter().filter(|(name, _)| *name != "host" && *name != "content-length") {
                passed = passed.header(name, value);
            }
            let answer = passed.send().await.expect("an answer");
            let mut response = Response::builder().status(answer.status());
            for (name, value) in answer.headers().iter().filter(|(name, _)| *name != "transfer-encoding") {
                response = response.header(name, value);
            }
            response.body(Body::from(answer.bytes().await.expect("a body"))).expect("an answer")
        }
    };
    Server::start(Router::new().fallback(pass_on)).await
}

#[tokio::test]
async fn a_server_in_trouble_offers_nothing_and_is_booked_once() {
    let server = Radicale::start();
    let calendar = server.make_calendar("bookings", "Bookings").await;
    let front = in_front_of(&server).await;
    let app = engine_at(front.url()).await;
    let client = &app.client;
    connect(client).await;
    let start = in_some_weeks(0);
    let around = json!({"from": start, "to": start + SignedDuration::from_hours(1)});

    for _ in 0..3 {
        front.fail_next("REPORT", &calendar, Fault::Instead(503, json!({})));
    }
    let throttled = client.failure("check_availability", around.clone()).await;
    assert_eq!((&throttled["code"], &throttled["retry"]), (&json!("unavailable"), &json!("later")), "{throttled:#}");
    front.fail_next("REPORT", &calendar, Fault::Page(207));
    let garbled = client.failure("check_availability", around).await;
    assert_eq!(garbled["code"], "provider_error", "{garbled:#}");

    front.fail_next("PUT", &calendar, Fault::AnswerLost);
    client.output("book_appointment", json!({"start": start, "name": "Anna"})).await;
    assert_eq!(server.read_back(&calendar).as_array().map(Vec::len), Some(1));
}
