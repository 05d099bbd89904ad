//! The HTTP API as a chatbot and a builder meet it, over sandbox connections.

use serde_json::{Value as Json, json};

use crate::harness::TestApp;

const CALENDAR: &str = "google-calendar";

/// An engine with the calendar's actions enabled for the agent `a`.
async fn with_calendar() -> (TestApp, String) {
    let app = TestApp::start().await;
    let connection = app.client.connect(CALENDAR, "sandbox", json!({})).await;
    for action in ["check_availability", "book_appointment"] {
        app.client.enable(CALENDAR, &connection, action, json!({"calendar": "primary"})).await;
    }
    (app, connection)
}

fn booking() -> Json {
    json!({"start": "2027-01-11T10:00:00+07:00", "name": "Sari Wulandari", "email": "sari@example.com"})
}

#[tokio::test]
async fn a_conversation_is_finished_in_the_sandbox() {
    let (app, _) = with_calendar().await;
    let window = json!({"from": "2027-01-11T00:00:00+07:00", "to": "2027-01-12T00:00:00+07:00"});
    let free = app.client.output("check_availability", window).await;
    let slot = free["slots"][0]["start"].clone();
    let booked = app.client.output("book_appointment", json!({"start": slot, "name": "Sari"})).await;
    assert_eq!(booked["start"], slot);
    assert!(booked["event_id"].is_string(), "{booked}");
}

#[tokio::test]
async fn nothing_is_told_to_those_without_a_key() {
    let (app, connection) = with_calendar().await;
    let other = app.client_of("other").await;
    let mut stranger = other.clone();
    for key in ["", "nonsense", "key_01jdg3k8m2e1vbnv6q4v9q8x7t.nonsense"] {
        stranger.key = std::sync::Arc::new(closeloop::base::Secret::new(key));
        let (status, problem) = stranger.send("GET", &format!("/v1/connections/{connection}"), None, None).await;
        assert_eq!((status, problem["code"].as_str()), (401, Some("unauthorized")));
        let says = if key.is_empty() { "has no key" } else { "mistyped, was revoked, or is in another database" };
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem:#}");
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (given, detail, challenge) in [
        (None, "is missing", "Bearer"),
        (Some("Basic YTpi"), "has no key behind `Bearer `", "Bearer"),
        (Some("Bearer nonsense"), "mistyped", "Bearer error=\"invalid_token\""),
    ] {
        let request = http.get(format!("{}/v1/catalog", app.client.base));
        let answer = given.iter().fold(request, |it, given| it.header("authorization", *given)).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["www-authenticate"].to_str().unwrap()),
            (401, challenge)
        );
        assert!(answer.text().await.unwrap().contains(detail), "{given:?}");
    }
    // what is another org's looks like what isn't there
    let missing = "con_01jdg3k8m2e1vbnv6q4v9q8x7t";
    for (method, path) in [
        ("GET", "/v1/connections/{}"),
        ("DELETE", "/v1/connections/{}"),
        ("POST", "/v1/connections/{}/test"),
        ("GET", "/v1/connectors/google-calendar/lookups/calendars?connection={}"),
    ] {
        let theirs = other.send(method, &path.replace("{}", &connection), None, None).await;
        let nobodys = other.send(method, &path.replace("{}", missing), None, None).await;
        assert_eq!(theirs.0, 404, "{method} {path}: {}", theirs.1);
        assert_eq!(theirs, nobodys, "{method} {path}");
    }
    let call = json!({"function": "book_appointment", "arguments": booking()});
    let (status, _) = other.send("POST", "/v1/agents/a/calls", Some(&call), None).await;
    assert_eq!(status, 404);
    let enable = json!({"connector": CALENDAR, "action": "book_appointment", "connection": connection});
    let (status, _) = other.send("POST", "/v1/agents/a/actions", Some(&enable), None).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_the_orgs_other_keys_are_not() {
    let app = TestApp::start().await;
    let second = app.client_of("acme").await;
    assert_eq!(second.send("GET", "/v1/catalog", None, None).await.0, 200);
    let id = second.key.expose().split('.').next().unwrap().parse().unwrap();
    assert!(app.app().engine().revoke_api_key(id).await.unwrap());
    assert!(!app.app().engine().revoke_api_key(id).await.unwrap(), "it was revoked before");
    assert_eq!(second.send("GET", "/v1/catalog", None, None).await.0, 401);
    assert_eq!(app.client.send("GET", "/v1/catalog", None, None).await.0, 200);
}

#[tokio::test]
async fn wrong_arguments_are_named_one_by_one() {
    let (app, _) = with_calendar().await;
    let arguments = json!({"start": "tomorrow at 3", "email": "not an address", "nmae": "Sari"});
    let call = json!({"function": "book_appointment", "arguments": arguments});
    let (status, problem) = app.client.send("POST", "/v1/agents/a/calls", Some(&call), None).await;
    assert_eq!((status, problem["code"].as_str()), (422, Some("invalid_arguments")));
    let errors = problem["errors"].as_array().unwrap();
    let found =
        |path: &str| errors.iter().find(|it| it["path"] == path).unwrap_or_else(|| panic!("{path}: {problem:#}"));
    assert!(found("/start")["expected"].as_str().unwrap().contains("offset"));
    assert!(found("/start")["got"].as_str().unwrap().contains("tomorrow at 3"));
    assert!(found("/email")["expected"].as_str().unwrap().contains("e-mail"));
    found("/name");
    found("/nmae");
    let fix = problem["fix"].as_str().unwrap();
    assert!(fix.starts_with("Correct ") && fix.ends_with("and ask the customer for `name`."), "{fix}");
    let list = app.client.get("/v1/executions").await;
    assert_eq!(list["data"], json!([]), "nothing ran");
}

#[tokio::test]
async fn a_repeated_call_with_the_same_key_gives_the_same_execution() {
    let (app, _) = with_calendar().await;
    let call = json!({"function": "book_appointment", "arguments": booking()});
    let first = app.client.send("POST", "/v1/agents/a/calls", Some(&call), Some("turn-1")).await;
    let second = app.client.send("POST", "/v1/agents/a/calls", Some(&call), Some("turn-1")).await;
    assert_eq!(first.0, 200, "{}", first.1);
    assert_eq!(first, second);
    let mut other = call.clone();
    other["arguments"]["name"] = json!("Budi");
    let (status, problem) = app.client.send("POST", "/v1/agents/a/calls", Some(&other), Some("turn-1")).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("idempotency_conflict")));
    let third = app.client.send("POST", "/v1/agents/a/calls", Some(&call), Some("turn-2")).await;
    assert_ne!(first.1["id"], third.1["id"]);
    let list = app.client.get("/v1/executions").await;
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn executions_outlive_a_restart_and_show_what_happened() {
    let (mut app, _) = with_calendar().await;
    let read = json!({"from": "2027-01-11T00:00:00+07:00", "to": "2027-01-12T00:00:00+07:00"});
    let looked = app.client.call("check_availability", read).await;
    let booked = app.client.call("book_appointment", booking()).await;
    app.restart().await;
    for execution in [looked, booked] {
        let kept = app.client.get(&format!("/v1/executions/{}", execution["id"].as_str().unwrap())).await;
        assert_eq!(kept["output"], execution["output"]);
        let trace = kept["trace"].as_array().unwrap();
        let request = trace.iter().find(|it| it["event"] == "exchanged").unwrap();
        assert!(request["request"]["url"].as_str().unwrap().starts_with("https://www.googleapis.com/"), "{request:#}");
    }
}

#[tokio::test]
async fn an_action_is_enabled_changed_and_disabled() {
    let (app, connection) = with_calendar().await;
    let wrong = json!({"connector": CALENDAR, "action": "list_appointments", "connection": connection,
        "config": {"calendar": 7, "timezone": "Asia/Atlantis"}});
    let (status, problem) = app.client.send("POST", "/v1/agents/a/actions", Some(&wrong), None).await;
    assert_eq!(status, 422, "{problem:#}");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2, "{problem:#}");
    let again = json!({"connector": CALENDAR, "action": "book_appointment", "connection": connection,
        "config": {"calendar": "primary"}});
    let (status, problem) = app.client.send("POST", "/v1/agents/a/actions", Some(&again), None).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("conflict")), "{problem:#}");
    let all = app.client.get("/v1/agents/a/actions").await;
    let id =
        all["data"].as_array().unwrap().iter().find(|it| it["action"] == "book_appointment").unwrap()["id"].clone();
    let path = format!("/v1/agents/a/actions/{}", id.as_str().unwrap());
    let change = json!({"name": "book_a_call", "description": "Book a call with Sari."});
    let (status, changed) = app.client.send("PATCH", &path, Some(&change), None).await;
    assert_eq!((status, changed["name"].as_str()), (200, Some("book_a_call")), "{changed:#}");
    let functions = app.client.get("/v1/agents/a/functions?format=openai").await;
    let names: Vec<&str> =
        functions["data"].as_array().unwrap().iter().map(|it| it["function"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["check_availability", "book_a_call"]);
    app.client.output("book_a_call", booking()).await;
    let (status, _) = app.client.send("DELETE", &path, None, None).await;
    assert_eq!(status, 204);
    let call = json!({"function": "book_a_call", "arguments": booking()});
    let (status, _) = app.client.send("POST", "/v1/agents/a/calls", Some(&call), None).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn what_can_not_be_read_is_a_problem_with_advice() {
    let app = TestApp::start().await;
    let base = &app.client.base;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = || http.post(format!("{base}/v1/connections")).bearer_auth(app.client.key.expose());
    for (request, status, code) in [
        (post().body("{}"), 400, "invalid_request"),
        (post().header("content-type", "application/json").body("{"), 400, "invalid_request"),
        (post().header("content-type", "application/json").body(r#"{"conector":"x"}"#), 400, "invalid_request"),
        (
            post().header("content-type", "application/json").body(format!("\"{}\"", "x".repeat(2 << 20))),
            413,
            "too_large",
        ),
        (http.put(format!("{base}/v1/catalog")), 405, "method_not_allowed"),
        (http.get(format!("{base}/nowhere")), 404, "not_found"),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Json = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(problem["code"], code);
        assert!(problem["fix"].as_str().unwrap().len() > 10);
        let (status, _, page) = app.client.browse(&format!("{base}{}", problem["type"].as_str().unwrap())).await;
        assert_eq!(status, 200, "{page}");
    }
}

#[tokio::test]
async fn it_tells_whether_it_lives_and_what_it_offers() {
    let app = TestApp::start().await;
    assert_eq!(app.client.get("/healthz").await["status"], "ok");
    let ready = app.client.get("/readyz").await;
    assert_ne!(ready["connectors"], 0);
    assert_eq!(app.client.get("/openapi.json").await["openapi"], "3.1.0");
    let catalog = app.client.get("/v1/catalog").await;
    let rows = catalog["groups"][0]["rows"].as_array().unwrap();
    // and the row of API integrations
    assert_eq!(Some(rows.len() as u64 - 1), ready["connectors"].as_u64());
    assert!(rows.iter().all(|it| it["brand"]["logo"].as_str().is_some_and(|it| it.contains("<svg"))));
    let (status, _, page) = app.client.browse(&format!("{}/docs", app.client.base)).await;
    assert!(status == 200 && page.contains("openapi.json"));
}

#[tokio::test]
async fn without_an_encryption_key_no_credential_is_taken() {
    let options = crate::harness::Options { without_keys: true, ..Default::default() };
    let app = TestApp::with(options).await;
    let body = json!({"connector": "midtrans", "fields": {"server_key": "SB-Mid-server-acme"}});
    let (status, problem) = app.client.send("POST", "/v1/connections", Some(&body), None).await;
    assert_eq!((status, problem["code"].as_str()), (503, Some("unavailable")), "{problem:#}");
    assert!(problem["detail"].as_str().unwrap().contains("encryption_keys"), "{problem:#}");
    let stored = app.stored_bytes();
    assert!(!stored.windows(18).any(|it| it == b"SB-Mid-server-acme"));
    app.client.connect("midtrans", "sandbox", json!({})).await;
}

#[tokio::test]
async fn no_cache_keeps_what_a_key_opens() {
    let app = TestApp::start().await;
    let answers = [
        ("/v1/executions", 200),
        ("/v1/executions/exe_01jdg3k8m2e1vbnv6q4v9q8x7t", 404),
        ("/v1/nothing", 404),
        ("/v1/agents/a/calls", 405),
    ];
    for (path, status) in answers {
        let (found, headers) = app.client.head_of(path).await;
        assert_eq!((found, headers["cache-control"].as_bytes()), (status, &b"no-store"[..]), "{path}");
    }
}
