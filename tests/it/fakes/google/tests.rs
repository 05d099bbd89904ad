//! The fake does what it claims.

use reqwest::{Client, Method, Response, redirect};
use serde_json::{Value as Json, json};
use url::Url;

use super::{Consent, Google, wire, world::SCOPE_PREFIX};
use crate::{
    clock::ManualClock,
    fakes::{Fault, pairs, param},
};

const CALLBACK: &str = "http://127.0.0.1/callback";
// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Bench {
    google: Google,
    clock: ManualClock,
    http: Client,
    token: String,
}

impl Bench {
    /// A provider and a client that may do everything with calendars.
    async fn start() -> Self {
        let mut bench = Self::unconnected().await;
        let (access, _) = bench.connect("openid calendar calendar.events").await;
        bench.token = access;
        bench
    }

    async fn unconnected() -> Self {
        let clock = ManualClock::at("2026-11-25T09:00:00Z");
        let google = Google::start(clock.clone()).await;
        let http =
            Client::builder().redirect(redirect::Policy::none()).build().expect("the client has no odd settings");
        Self { google, clock, http, token: String::new() }
    }

    fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}{path}", self.google.server.url())).expect("the test's path is valid")
    }

    /// Goes through consent; gives the pairs of the address that the browser is sent back to.
    async fn consent(&self, scopes: &str, prompt: &str) -> Vec<(String, String)> {
        let scopes: Vec<String> = scopes.split(' ').map(long).collect();
        let mut url = self.url("/o/oauth2/v2/auth");
        url.query_pairs_mut()
            .append_pair("client_id", &self.google.world().client_id)
            .append_pair("redirect_uri", CALLBACK)
            .append_pair("response_type", "code")
            .append_pair("scope", &scopes.join(" "))
            .append_pair("access_type", "offline")
            .append_pair("prompt", prompt)
            .append_pair("state", "st-1")
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256");
        let answer = self.http.get(url).send().await.expect("the fake answers");
        assert_eq!(answer.status(), 302);
        let back = Url::parse(answer.headers()["location"].to_str().expect("an address")).expect("an address");
        assert!(back.as_str().starts_with(CALLBACK));
        pairs(back.query().unwrap_or_default())
    }

    async fn connect(&self, scopes: &str) -> (String, Option<String>) {
        let back = self.consent(scopes, "consent").await;
        let code = param(&back, "code").expect("consent was given");
        let (status, answer) = self.token(&exchange(code, VERIFIER)).await;
        assert_eq!(status, 200, "{answer}");
        (text(&answer["access_token"]), answer["refresh_token"].as_str().map(str::to_owned))
    }

    async fn token(&self, form: &[(&str, &str)]) -> (u16, Json) {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = {
            let world = self.google.world();
            self.http.post(self.url("/token")).basic_auth(&world.client_id, Some(&world.client_secret))
        };
        read(request.body(body).send().await.expect("the fake answers")).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Json>) -> (u16, Json) {
        self.call_if(method, path, body, None).await
    }

    async fn call_if(&self, method: Method, path: &str, body: Option<Json>, etag: Option<&str>) -> (u16, Json) {
        let mut request = self.http.request(method, self.url(path)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        if let Some(etag) = etag {
            request = request.header("if-match", etag);
        }
        read(request.send().await.expect("the fake answers")).await
    }
}

fn long(scope: &str) -> String {
    if scope == "openid" { scope.to_owned() } else { format!("{SCOPE_PREFIX}{scope}") }
}

fn exchange<'a>(code: &'a str, verifier: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", verifier)]
}

async fn read(answer: Response) -> (u16, Json) {
    let status = answer.status().as_u16();
    let body = answer.text().await.expect("the fake's body is text");
    (status, serde_json::from_str(&body).unwrap_or_default())
}

fn text(value: &Json) -> String {
    value.as_str().expect("it is text").to_owned()
}

fn reason(answer: &Json) -> &str {
    answer["error"]["errors"][0]["reason"].as_str().unwrap_or_default()
}

fn booking(id: &str, start: &str, end: &str) -> Json {
    json!({"id": id, "summary": "Intro call", "start": {"dateTime": start}, "end": {"dateTime": end}})
}

#[tokio::test]
async fn a_code_is_single_use_and_needs_its_verifier() {
    let bench = Bench::unconnected().await;
    let back = bench.consent("openid calendar.events", "consent").await;
    assert_eq!(param(&back, "state"), Some("st-1"));
    let code = param(&back, "code").expect("consent was given");
    assert!(code.contains('/'));

    let (status, answer) = bench.token(&exchange(code, "wrong-verifier-wrong-verifier-wrong-verifier")).await;
    assert_eq!((status, answer["error"].as_str()), (400, Some("invalid_grant")));
    let (status, answer) = bench.token(&exchange(code, VERIFIER)).await;
    assert_eq!((status, answer["expires_in"].as_u64()), (200, Some(3599)));
    let (status, _) = bench.token(&exchange(code, VERIFIER)).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn the_client_may_sign_in_by_form_and_not_with_a_wrong_secret() {
    let bench = Bench::unconnected().await;
    let (_, refresh) = bench.connect("calendar.events").await;
    let refresh = refresh.expect("offline access gives one");
    let id = bench.google.world().client_id.clone();
    for (secret, expected) in [("GOCSPX-EXAMPLE", 200), ("nonsense", 401)] {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &refresh),
            ("client_id", &id),
            ("client_secret", secret),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let answer = bench.http.post(bench.url("/token")).body(body).send().await.expect("the fake answers");
        assert_eq!(answer.status(), expected);
    }
}

#[tokio::test]
async fn consent_can_be_denied_or_partial_and_comes_with_one_refresh_token_only() {
    let bench = Bench::unconnected().await;
    bench.google.world().consent = Consent::Denied;
    let back = bench.consent("openid calendar.events", "consent").await;
    assert_eq!((param(&back, "error"), param(&back, "code")), (Some("access_denied"), None));

    bench.google.world().consent = Consent::Only(vec![long("calendar.freebusy")]);
    let back = bench.consent("openid calendar.events calendar.freebusy", "consent").await;
    let granted = format!("{} openid", long("calendar.freebusy"));
    assert_eq!(param(&back, "scope"), Some(granted.as_str()));

    let code = param(&bench.consent("openid", "select_account").await, "code").expect("consent was given").to_owned();
    let (_, answer) = bench.token(&exchange(&code, VERIFIER)).await;
    assert_eq!(answer.get("refresh_token"), None);
}

#[tokio::test]
async fn refreshing_gives_no_new_refresh_token_and_revoking_kills_all() {
    let mut bench = Bench::unconnected().await;
    let (access, refresh) = bench.connect("calendar").await;
    let refresh = refresh.expect("offline access gives one");
    bench.token = access;

    bench.clock.advance(3600);
    let (status, answer) = bench.call(Method::GET, "/calendar/v3/users/me/calendarList", None).await;
    assert_eq!((status, answer["error"]["status"].as_str()), (401, Some("UNAUTHENTICATED")));

    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let (status, answer) = bench.token(&form).await;
    assert_eq!((status, answer.get("refresh_token")), (200, None));
    bench.token = text(&answer["access_token"]);
    assert_eq!(bench.call(Method::GET, "/calendar/v3/users/me/calendarList", None).await.0, 200);

    bench.google.world().expire_access_tokens();
    assert_eq!(bench.call(Method::GET, "/calendar/v3/users/me/calendarList", None).await.0, 401);

    let (_, answer) = bench.token(&form).await;
    let revoke = format!("/revoke?token={}", text(&answer["access_token"]));
    assert_eq!(bench.call(Method::POST, &revoke, None).await.0, 200);
    let (status, answer) = bench.token(&form).await;
    assert_eq!((status, answer["error"].as_str()), (400, Some("invalid_grant")));
}

#[tokio::test]
async fn scopes_are_enforced_method_by_method() {
    let mut bench = Bench::unconnected().await;
    let (access, _) = bench.connect("userinfo.email calendar.events").await;
    bench.token = access;
    let (status, answer) = bench.call(Method::GET, "/oauth2/v2/userinfo", None).await;
    assert_eq!((status, answer["email"].as_str()), (200, Some("owner@example.com")));
    for (path, expected) in
        [("/calendar/v3/users/me/calendarList", 403), ("/calendar/v3/calendars/primary/events", 200)]
    {
        let (status, answer) = bench.call(Method::GET, path, None).await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
    let (status, answer) = bench.call(Method::POST, "/calendar/v3/freeBusy", Some(json!({}))).await;
    assert_eq!((status, reason(&answer)), (403, "insufficientPermissions"));
    assert_eq!(answer["error"]["details"][0]["reason"], "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
}

#[tokio::test]
async fn the_calendar_list_is_paged_and_filtered() {
    let bench = Bench::start().await;
    {
        let mut world = bench.google.world();
        world.add_calendar("c_7f3a@group.calendar.google.com", "Bookings", "Asia/Jakarta", "writer");
        world.add_calendar("en.german#holiday@group.v.calendar.google.com", "Holidays", "Europe/Berlin", "reader");
        world.rename_calendar("c_7f3a@group.calendar.google.com", "Salon");
    }
    let path = "/calendar/v3/users/me/calendarList?minAccessRole=writer&maxResults=1";
    let (_, first) = bench.call(Method::GET, path, None).await;
    let token = text(&first["nextPageToken"]);
    let (_, second) = bench.call(Method::GET, &format!("{path}&pageToken={token}"), None).await;
    assert_eq!(first["items"][0]["primary"], true);
    assert_eq!(second["items"][0]["summaryOverride"], "Salon");
    assert_eq!(second.get("nextPageToken"), None);
}

#[tokio::test]
async fn free_busy_merges_opaque_events_and_keeps_errors_inside() {
    let bench = Bench::start().await;
    {
        let mut world = bench.google.world();
        let at = |start: &str, end: &str| booking("ignored", start, end);
        world.add_event("primary", at("2026-12-01T10:00:00+07:00", "2026-12-01T11:00:00+07:00"));
        world.add_event("primary", at("2026-12-01T10:30:00+07:00", "2026-12-01T11:30:00+07:00"));
        let mut free = at("2026-12-01T15:00:00+07:00", "2026-12-01T16:00:00+07:00");
        free["transparency"] = "transparent".into();
        world.add_event("primary", free);
        world.add_calendar("broken@example.com", "Broken", "Asia/Jakarta", "owner");
        world.break_calendar("broken@example.com", "internalError");
    }
    let body = json!({"timeMin": "2026-12-01T00:00:00+07:00", "timeMax": "2026-12-02T00:00:00+07:00", "timeZone": "Asia/Jakarta",
        "items": [{"id": "primary"}, {"id": "broken@example.com"}, {"id": "nobody@example.com"}]});
    let (status, answer) = bench.call(Method::POST, "/calendar/v3/freeBusy", Some(body)).await;
    assert_eq!(status, 200);
    let busy = json!([{"start": "2026-12-01T10:00:00+07:00", "end": "2026-12-01T11:30:00+07:00"}]);
    assert_eq!(answer["calendars"]["primary"]["busy"], busy);
    assert_eq!(answer["calendars"]["broken@example.com"]["errors"][0]["reason"], "internalError");
    assert_eq!(answer["calendars"]["nobody@example.com"]["errors"][0]["reason"], "notFound");
}

#[tokio::test]
async fn free_busy_refuses_ranges_it_does_not_like() {
    let bench = Bench::start().await;
    for (from, to, expected) in [
        (Some("2026-12-01T00:00:00Z"), Some("2027-03-02T00:00:00Z"), "timeRangeTooLong"),
        (Some("2026-12-02T00:00:00Z"), Some("2026-12-01T00:00:00Z"), "timeRangeEmpty"),
        (Some("2026-12-01T00:00:00"), Some("2026-12-02T00:00:00"), "badRequest"),
        (None, Some("2026-12-02T00:00:00Z"), "required"),
    ] {
        let body = json!({"timeMin": from, "timeMax": to, "items": []});
        let (status, answer) = bench.call(Method::POST, "/calendar/v3/freeBusy", Some(body)).await;
        assert_eq!((status, reason(&answer)), (400, expected));
    }
}

#[tokio::test]
async fn an_event_keeps_its_id_for_ever() {
    let bench = Bench::start().await;
    let events = "/calendar/v3/calendars/primary/events";
    let event = booking("bk0d9s1k3v5g7h2", "2026-12-01T10:00:00+07:00", "2026-12-01T10:30:00+07:00");
    let (status, made) = bench.call(Method::POST, events, Some(event.clone())).await;
    assert_eq!((status, &made["start"]["dateTime"]), (200, &json!("2026-12-01T10:00:00+07:00")));

    let (status, answer) = bench.call(Method::POST, events, Some(event.clone())).await;
    assert_eq!((status, reason(&answer)), (409, "duplicate"));
    let path = format!("{events}/bk0d9s1k3v5g7h2");
    assert_eq!(bench.call(Method::DELETE, &path, None).await.0, 204);
    let (status, answer) = bench.call(Method::DELETE, &path, None).await;
    assert_eq!((status, reason(&answer)), (410, "deleted"));
    let (status, answer) = bench.call(Method::GET, &path, None).await;
    assert_eq!((status, answer["status"].as_str()), (200, Some("cancelled")));
    assert_eq!(bench.call(Method::POST, events, Some(event)).await.0, 409);
    assert_eq!(bench.google.world().event_count("primary"), 0);

    let wrong = booking("not-base32hex", "2026-12-01T10:00:00+07:00", "2026-12-01T10:30:00+07:00");
    let (status, answer) = bench.call(Method::POST, events, Some(wrong)).await;
    assert_eq!((status, reason(&answer)), (400, "invalid"));
}

#[tokio::test]
async fn a_patch_merges_objects_replaces_lists_and_minds_the_etag() {
    let bench = Bench::start().await;
    let id = {
        let mut event = booking("ignored", "2026-12-01T10:00:00+07:00", "2026-12-01T10:30:00+07:00");
        event["extendedProperties"] = json!({"private": {"a": "1", "b": "2"}});
        event["attendees"] = json!([{"email": "ana@example.com"}, {"email": "budi@example.com"}]);
        bench.google.world().add_event("primary", event)
    };
    let path = format!("/calendar/v3/calendars/primary/events/{id}?sendUpdates=all");
    let (_, before) = bench.call(Method::GET, &path, None).await;
    let etag = text(&before["etag"]);
    let change = json!({"extendedProperties": {"private": {"a": null}}, "attendees": [{"email": "cici@example.com"}]});
    let (status, after) = bench.call_if(Method::PATCH, &path, Some(change.clone()), Some(&etag)).await;
    assert_eq!(status, 200);
    assert_eq!(after["extendedProperties"]["private"], json!({"b": "2"}));
    assert_eq!(after["attendees"], json!([{"email": "cici@example.com"}]));
    assert_eq!(bench.google.world().mails, [("cici@example.com".to_owned(), id.clone())]);

    let (status, answer) = bench.call_if(Method::PATCH, &path, Some(change), Some(&etag)).await;
    assert_eq!((status, reason(&answer)), (412, "conditionNotMet"));
    assert_eq!(bench.google.world().event("primary", &id).expect("it is there")["etag"], after["etag"]);
}

#[tokio::test]
async fn a_list_holds_what_overlaps_the_window() {
    let bench = Bench::start().await;
    {
        let mut world = bench.google.world();
        for (start, end) in [("09:00", "10:00"), ("13:00", "14:00"), ("10:00", "11:00"), ("08:00", "09:00")] {
            let (start, end) = (format!("2026-12-01T{start}:00+07:00"), format!("2026-12-01T{end}:00+07:00"));
            let mut event = booking("ignored", &start, &end);
            event["extendedProperties"] = json!({"private": {"hour": &start[11..13]}});
            world.add_event("primary", event);
        }
    }
    let window = "timeMin=2026-12-01T09%3A00%3A00%2B07%3A00&timeMax=2026-12-01T13%3A00%3A00%2B07%3A00";
    let path = format!("/calendar/v3/calendars/primary/events?{window}&singleEvents=true&orderBy=startTime");
    let (_, answer) = bench.call(Method::GET, &path, None).await;
    let starts: Vec<&str> =
        answer["items"].as_array().expect("a list").iter().filter_map(|it| it["start"]["dateTime"].as_str()).collect();
    assert_eq!(starts, ["2026-12-01T09:00:00+07:00", "2026-12-01T10:00:00+07:00"]);

    let found = "/calendar/v3/calendars/primary/events?privateExtendedProperty=hour%3D13";
    let (_, answer) = bench.call(Method::GET, found, None).await;
    assert_eq!(answer["items"].as_array().map(Vec::len), Some(1));
    let unordered = "/calendar/v3/calendars/primary/events?orderBy=startTime";
    assert_eq!(bench.call(Method::GET, unordered, None).await.0, 400);
}

#[tokio::test]
async fn read_only_calendars_refuse_writes() {
    let bench = Bench::start().await;
    bench.google.world().add_calendar(
        "en.german#holiday@group.v.calendar.google.com",
        "Holidays",
        "Europe/Berlin",
        "reader",
    );
    let event = booking("bk0d9s1k3v5g7h2", "2026-12-01T10:00:00+07:00", "2026-12-01T10:30:00+07:00");
    let path = "/calendar/v3/calendars/en.german%23holiday%40group.v.calendar.google.com/events";
    let (status, answer) = bench.call(Method::POST, path, Some(event)).await;
    assert_eq!((status, reason(&answer)), (403, "requiredAccessLevel"));
}

#[tokio::test]
async fn faults_happen_once_and_in_order() {
    let bench = Bench::start().await;
    let events = "/calendar/v3/calendars/primary/events";
    let event = |id: &str| booking(id, "2026-12-01T10:00:00+07:00", "2026-12-01T10:30:00+07:00");
    let server = &bench.google.server;
    server.fail_next("POST", "/events", Fault::Instead(403, wire::rate_limited()));
    server.fail_next("POST", "/events", Fault::After(500, json!({"error": {"code": 500, "message": "Backend Error"}})));
    server.fail_next("POST", "/events", Fault::AnswerLost);
    server.fail_next("POST", "/events", Fault::RequestLost);

    let (status, answer) = bench.call(Method::POST, events, Some(event("first"))).await;
    assert_eq!((status, reason(&answer)), (403, "rateLimitExceeded"));
    assert_eq!(bench.google.world().event_count("primary"), 0);
    assert_eq!(bench.call(Method::POST, events, Some(event("second"))).await.0, 500);
    assert_eq!(bench.google.world().event_count("primary"), 1);
    for (id, count) in [("third", 2), ("f0urth", 2)] {
        let request = bench.http.post(bench.url(events)).bearer_auth(&bench.token).body(event(id).to_string());
        request.send().await.expect_err("there is no answer");
        assert_eq!(bench.google.world().event_count("primary"), count);
    }
    assert_eq!(server.count("POST", "/events"), 4);
    let last = server.seen().pop().expect("something was seen");
    assert_eq!((last.json()["id"].as_str(), last.query.len()), (Some("f0urth"), 0));
    assert!(last.headers.contains_key("authorization"));
}
