//! An account behind a consent page, through the API and over real sockets: consent, tokens, and what is done with them.

use serde_json::{Value as Json, json};

use crate::{
    fakes::{
        Fault,
        google::{Consent, rate_limited},
    },
    harness::{
        Calendar,
        calendar::{booking, scope, that_day, tuesday},
    },
};

#[tokio::test]
async fn a_builder_consents_and_an_agent_books_moves_and_cancels() {
    let bench = Calendar::start().await;
    let begun = bench.begin(&Calendar::SCOPES).await;
    assert_eq!(begun["status"], "pending");
    let page = begun["authorization_url"].as_str().unwrap();
    assert!(page.starts_with(&format!("{}/o/oauth2/v2/auth?", bench.google.server.url())), "{page}");
    let (status, _, page) = bench.consent(&begun).await;
    assert!(status == 200 && page.contains("Connected: owner@example.com"), "{page}");

    let client = &bench.app.client;
    let id = begun["id"].as_str().unwrap();
    let mut connection = client.get(&format!("/v1/connections/{id}")).await;
    assert_eq!((&connection["status"], &connection["label"]), (&json!("connected"), &json!("owner@example.com")));
    assert!(connection["scopes"].as_array().unwrap().contains(&json!(scope("calendar.events"))), "{connection:#}");
    // a list has no addresses
    connection.as_object_mut().unwrap().remove("webhooks");
    assert_eq!(client.get("/v1/connections").await["data"], json!([connection]));

    bench.google.world().add_calendar("salon@example.com", "Salon", "Asia/Jakarta", "writer");
    let calendars = client.get(&format!("/v1/connectors/google-calendar/lookups/calendars?connection={id}")).await;
    assert_eq!(calendars["data"][1]["value"], "salon@example.com", "{calendars:#}");
    for action in ["check_availability", "book_appointment", "reschedule_appointment", "list_appointments"] {
        bench.enable(id, action).await;
    }
    bench.enable(id, "cancel_appointment").await;

    let free = client.output("check_availability", that_day()).await;
    let slot = free["slots"][2]["start"].clone();
    assert_eq!(slot, tuesday("10:00"));
    let booked = client.output("book_appointment", booking("10:00")).await;
    let event = booked["event_id"].clone();
    assert_eq!((&booked["start"], bench.events()), (&slot, 1));
    let free = client.output("check_availability", that_day()).await;
    assert!(!free["slots"].as_array().unwrap().iter().any(|it| it["start"] == slot), "{free:#}");

    let move_to = json!({"event_id": event, "start": tuesday("14:00")});
    let moved = client.output("reschedule_appointment", move_to).await;
    assert_eq!(moved["start"], tuesday("14:00"));
    let listed = client.output("list_appointments", that_day()).await;
    assert_eq!(listed["appointments"][0]["start"], moved["start"]);
    assert_eq!(listed["appointments"].as_array().unwrap().len(), 1);

    client.output("cancel_appointment", json!({"event_id": event})).await;
    assert_eq!(bench.events(), 0);
    assert_eq!(bench.google.world().mails.len(), 3, "invited, moved and cancelled, each once");
}

#[tokio::test]
async fn a_consent_ends_once() {
    let bench = Calendar::start().await;
    let begun = bench.begin(&[]).await;
    let callback = bench.callback(&begun).await;
    assert_eq!(bench.app.client.browse(&callback).await.0, 200);
    let (status, _, page) = bench.app.client.browse(&callback).await;
    assert!(status == 400 && page.contains("begin again"), "{page}");
    let connection = bench.app.client.get(&format!("/v1/connections/{}", begun["id"].as_str().unwrap())).await;
    assert_eq!((&connection["status"], bench.token_requests()), (&json!("connected"), 1));
}

#[tokio::test]
async fn a_consent_that_was_not_given_connects_nothing() {
    let bench = Calendar::start().await;
    bench.google.world().consent = Consent::Denied;
    let begun = bench.begin(&[]).await;
    let (status, _, page) = bench.consent(&begun).await;
    assert!(status == 400 && page.contains("The consent was not given."), "{page}");
    let connection = bench.app.client.get(&format!("/v1/connections/{}", begun["id"].as_str().unwrap())).await;
    assert_eq!(connection["status"], "failed");
    assert!(connection["problem"].as_str().unwrap().contains("access_denied"), "{connection:#}");

    let there = "https://chatbot.example.com/drawer";
    let body = json!({"connector": "google-calendar", "return_to": there});
    let begun = bench.app.client.post("/v1/connections", body).await;
    let (status, location, _) = bench.consent(&begun).await;
    assert_eq!((status, location.as_deref()), (303, Some(there)), "the builder's own page tells what happened");
}

#[tokio::test]
async fn a_box_left_unticked_leaves_its_functions_out_until_it_is_ticked() {
    let bench = Calendar::start().await;
    let client = &bench.app.client;
    bench.google.world().consent = Consent::Only(vec![scope("calendar.freebusy")]);
    let connection = bench.connect(&Calendar::SCOPES).await;
    bench.enable(&connection, "check_availability").await;
    bench.enable(&connection, "book_appointment").await;
    let offered = async || {
        let functions = client.get("/v1/agents/a/functions?format=anthropic").await;
        functions["data"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(offered().await, ["check_availability"]);
    client.output("check_availability", that_day()).await;

    let call = json!({"function": "book_appointment", "arguments": booking("10:00")});
    let (status, problem) = client.send("POST", "/v1/agents/a/calls", Some(&call), None).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("missing_scopes")), "{problem:#}");
    assert!(problem["detail"].as_str().unwrap().contains(&scope("calendar.events")), "{problem:#}");
    let lookup = format!("/v1/connectors/google-calendar/lookups/calendars?connection={connection}");
    assert_eq!(client.send("GET", &lookup, None, None).await.1["code"], "missing_scopes");

    bench.google.world().consent = Consent::All;
    let body = json!({"connector": "google-calendar", "scopes": [scope("calendar.events")]});
    let again = client.post(&format!("/v1/connections/{connection}/authorize"), body).await;
    assert_eq!((&again["id"], &again["status"]), (&json!(connection), &json!("connected")), "it works meanwhile");
    assert_eq!(bench.consent(&again).await.0, 200);
    assert_eq!(offered().await, ["check_availability", "book_appointment"]);
    client.output("book_appointment", booking("10:00")).await;
    let all = client.get("/v1/connections").await;
    assert_eq!(all["data"].as_array().unwrap().len(), 1, "{all:#}");
}

#[tokio::test]
async fn twenty_calls_renew_an_ended_token_once() {
    let (bench, _) = Calendar::connected().await;
    bench.google.world().expire_access_tokens();
    let before = bench.token_requests();
    let calls = (0..20).map(|_| bench.app.client.output("check_availability", that_day()));
    let outputs = futures_util::future::join_all(calls).await;
    assert!(outputs.iter().all(|it| it["slots"].as_array().is_some_and(|it| !it.is_empty())));
    assert_eq!(bench.token_requests() - before, 1);
}

#[tokio::test]
async fn a_grant_that_was_taken_back_asks_for_a_new_consent() {
    let (bench, connection) = Calendar::connected().await;
    let client = &bench.app.client;
    bench.google.world().revoke_everything();
    let error = client.failure("book_appointment", booking("10:00")).await;
    assert_eq!((&error["code"], &error["retry"]), (&json!("reauthorize"), &json!("after_reconnect")), "{error:#}");
    let path = format!("/v1/connections/{connection}");
    let seen = client.get(&path).await;
    assert_eq!(seen["status"], "reauthorize");
    let told = client.get("/v1/events?type=connection.reauthorize").await;
    assert_eq!((told["data"].as_array().unwrap().len(), &told["data"][0]["connection"]), (1, &seen["id"]));
    assert!(seen["problem"].as_str().unwrap().contains("invalid_grant"), "{seen:#}");

    let call = json!({"function": "book_appointment", "arguments": booking("10:00")});
    let (status, problem) = client.send("POST", "/v1/agents/a/calls", Some(&call), None).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("not_connected")), "{problem:#}");
    assert_eq!(client.get("/v1/agents/a/functions").await["data"], json!([]));

    let again = client.post(&format!("{path}/authorize"), json!({"connector": "google-calendar"})).await;
    assert_eq!(bench.consent(&again).await.0, 200);
    assert_eq!(client.get(&path).await["status"], "connected");
    client.output("book_appointment", booking("10:00")).await;
    assert_eq!(bench.events(), 1);
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_and_then_told() {
    let (bench, _) = Calendar::connected().await;
    let server = &bench.google.server;
    server.fail_next("POST", "/freeBusy", Fault::Instead(403, rate_limited()));
    bench.app.client.output("check_availability", that_day()).await;
    let before = server.count("POST", "/freeBusy");
    for _ in 0..3 {
        server.fail_next("POST", "/freeBusy", Fault::Instead(403, rate_limited()));
    }
    let error = bench.app.client.failure("check_availability", that_day()).await;
    assert_eq!((&error["code"], &error["retry"]), (&json!("rate_limited"), &json!("later")), "{error:#}");
    assert_eq!(server.count("POST", "/freeBusy") - before, 3);
}

#[tokio::test]
async fn a_lost_answer_books_once_and_an_id_that_is_taken_books_nothing() {
    let (bench, _) = Calendar::connected().await;
    let client = &bench.app.client;
    bench.google.server.fail_next("POST", "/events", Fault::AnswerLost);
    let booked = client.output("book_appointment", booking("10:00")).await;
    assert_eq!((bench.events(), bench.google.world().mails.len()), (1, 1));
    let event = bench.google.world().event(Calendar::ID, booked["event_id"].as_str().unwrap());
    assert!(event.is_some(), "{booked:#}");

    let duplicate =
        json!({"domain": "global", "reason": "duplicate", "message": "The requested identifier already exists."});
    let body: Json =
        json!({"error": {"errors": [duplicate], "code": 409, "message": "The requested identifier already exists."}});
    bench.google.server.fail_next("POST", "/events", Fault::Instead(409, body));
    let error = client.failure("book_appointment", booking("14:00")).await;
    assert_eq!((&error["code"], bench.events()), (&json!("conflict"), 1), "{error:#}");
}

#[tokio::test]
async fn to_disconnect_revokes_the_grant_and_wipes_the_credential() {
    let (bench, connection) = Calendar::connected().await;
    let client = &bench.app.client;
    let path = format!("/v1/connections/{connection}");
    assert_eq!(client.send("DELETE", &path, None, None).await.0, 204);
    assert_eq!(bench.google.server.count("POST", "/revoke"), 1);
    assert_eq!(client.get(&path).await["status"], "disconnected");
    let engine = bench.app.app().engine();
    let org = engine.org_of_key(&client.key).await.unwrap().unwrap();
    let (_, sealed) = engine.store().connections().get_sealed(org, connection.parse().unwrap()).await.unwrap().unwrap();
    assert!(sealed.is_none());
    let call = json!({"function": "book_appointment", "arguments": booking("10:00")});
    assert_eq!(client.send("POST", "/v1/agents/a/calls", Some(&call), None).await.1["code"], "not_connected");
}
