//! A call as a turn of a conversation: it happens once, its caller waits as long as it can, and its end is told once.

use closeloop::runtime::Call;
use serde_json::{Value as Json, json};

use crate::{
    fakes::{Fault, Hold},
    harness::{Calendar, Client, TestApp, calendar::booking, calendar::that_day},
};

const CALLS: &str = "/v1/agents/a/calls";

/// A call of a turn of `conversation-7`.
fn turn(turn: impl Into<Json>, function: &str, arguments: &Json) -> Json {
    json!({
        "function": function, "arguments": arguments,
        "conversation": "conversation-7", "turn": turn.into(), "customer": "+62 811 1",
    })
}

/// The ends that the chatbot was told of.
async fn told(client: &Client) -> Vec<Json> {
    let events = client.get("/v1/events").await["data"].take();
    let Json::Array(events) = events else { panic!("{events:#}") };
    events.into_iter().filter(|it| it["type"].as_str().unwrap().starts_with("execution.")).collect()
}

/// The next request that ends so is answered when the hold is released.
fn hold(bench: &Calendar, path: &str) -> Hold {
    let hold = Hold::default();
    bench.google.server.fail_next("POST", path, Fault::Held(hold.clone()));
    hold
}

#[tokio::test]
async fn a_turns_call_happens_once_without_a_key() {
    let (bench, _) = Calendar::connected().await;
    let client = &bench.app.client;
    let call = async |body: Json| client.post(CALLS, body).await;
    let first = call(turn(4, "book_appointment", &booking("10:00"))).await;
    assert_eq!(first["status"], "succeeded", "{first:#}");
    assert_eq!((&first["conversation"], &first["customer"]), (&json!("conversation-7"), &json!("+62 811 1")));
    let reversed: serde_json::Map<_, _> = booking("10:00").as_object().unwrap().clone().into_iter().rev().collect();
    for same in [booking("10:00"), Json::Object(reversed)] {
        assert_eq!(call(turn("4", "book_appointment", &same)).await, first, "however it is spelled");
    }
    assert_eq!(bench.events(), 1);
    // the same turn may ask for something else too, and the next one for the same
    let second = call(turn(4, "book_appointment", &booking("11:00"))).await;
    let third = call(turn(5, "book_appointment", &booking("10:00"))).await;
    assert_eq!((&second["status"], &third["error"]["code"]), (&json!("succeeded"), &json!("conflict")), "{third:#}");

    let found = client.get("/v1/executions?conversation=conversation-7").await;
    let ids: Vec<_> = found["data"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, [&third["id"], &second["id"], &first["id"]]);
    let found = client.get("/v1/executions?customer=%2B62%20811%201&status=failed").await;
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    assert_eq!(client.get("/v1/executions?conversation=conversation-8").await["data"], json!([]));
    assert_eq!(told(client).await, Vec::<Json>::new(), "all were answered");
}

#[tokio::test]
async fn a_caller_is_answered_before_its_patience_is_over_and_told_the_end_once() {
    let (bench, _) = Calendar::connected().await;
    let client = &bench.app.client;
    let hold = hold(&bench, "/events");
    let body = turn(1, "book_appointment", &booking("10:00"));
    let (status, headers, running) = client.prefer("POST", CALLS, Some(&body), "wait=1").await;
    assert_eq!((status, &running["status"]), (202, &json!("running")), "{running:#}");
    let id = running["id"].as_str().unwrap();
    let path = format!("/v1/executions/{id}");
    assert_eq!(
        (headers["location"].to_str().unwrap(), &headers["preference-applied"]),
        (&path[..], &"wait=1".parse().unwrap())
    );
    assert!(headers.contains_key("retry-after"));
    hold.reached().await;

    // whoever repeats it meets the same execution, and waits for it as long as it likes
    let (status, _, same) = client.prefer("POST", CALLS, Some(&body), "wait=0").await;
    assert_eq!((status, same["id"].as_str()), (202, Some(id)), "{same:#}");
    let patient = tokio::spawn({
        let (client, body) = (client.clone(), body.clone());
        async move { client.send("POST", CALLS, Some(&body), None).await }
    });
    let poll = tokio::spawn({
        let (client, path) = (client.clone(), path.clone());
        async move { client.prefer("GET", &path, None, "wait=60").await }
    });
    let (status, _, shown) = client.prefer("GET", &path, None, "wait=0").await;
    assert_eq!((status, &shown["status"]), (200, &json!("running")));
    assert_eq!(told(client).await, Vec::<Json>::new());
    hold.release();
    let (status, headers, polled) = poll.await.unwrap();
    assert_eq!((status, &polled["status"]), (200, &json!("succeeded")), "{polled:#}");
    assert!(!headers.contains_key("retry-after"));
    let (status, answered) = patient.await.unwrap();
    assert_eq!((status, &answered["output"]), (200, &polled["output"]));
    let events = told(client).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!((&events[0]["type"], events[0]["execution"].as_str()), (&json!("execution.succeeded"), Some(id)));
    let data = &events[0]["data"];
    assert_eq!((&data["output"], &data["conversation"]), (&polled["output"], &json!("conversation-7")));
    assert_eq!(client.post(CALLS, body).await["output"], polled["output"]);
    assert_eq!((told(client).await.len(), bench.events()), (1, 1));
}

#[tokio::test]
async fn a_read_that_was_answered_running_is_found_and_told() {
    let (bench, _) = Calendar::connected().await;
    let client = &bench.app.client;
    let hold = hold(&bench, "/freeBusy");
    let body = json!({"function": "check_availability", "arguments": that_day()});
    let (status, _, running) = client.prefer("POST", CALLS, Some(&body), "respond-async").await;
    assert_eq!((status, &running["status"]), (202, &json!("running")), "{running:#}");
    let path = format!("/v1/executions/{}", running["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await["status"], "running");
    hold.release();
    let (_, _, ended) = client.prefer("GET", &path, None, "wait=60").await;
    assert_eq!(ended["status"], "succeeded", "{ended:#}");
    assert!(ended["output"]["slots"].is_array() && ended["trace"].is_array());
    let events = told(client).await;
    assert_eq!((events.len(), &events[0]["data"]["output"]), (1, &ended["output"]));
}

#[tokio::test]
async fn a_read_that_was_answered_running_outlives_its_replica() {
    let (mut bench, _) = Calendar::connected().await;
    let hold = hold(&bench, "/freeBusy");
    let body = json!({"function": "check_availability", "arguments": that_day()});
    let (_, _, running) = bench.app.client.prefer("POST", CALLS, Some(&body), "respond-async").await;
    assert_eq!(running["status"], "running", "{running:#}");
    hold.reached().await;
    let copied = tempfile::tempdir().unwrap();
    bench.app.crash(copied.path()).await;
    let client = &bench.app.client;
    let path = format!("/v1/executions/{}", running["id"].as_str().unwrap());
    let (_, _, ended) = client.prefer("GET", &path, None, "wait=60").await;
    assert_eq!(ended["status"], "succeeded", "{ended:#}");
    assert!(ended["output"]["slots"].is_array(), "{ended:#}");
    let events = told(client).await;
    assert_eq!((events.len(), &events[0]["data"]["output"]), (1, &ended["output"]));
}

#[tokio::test]
async fn whoever_hung_up_is_told_the_end_once() {
    let (bench, _) = Calendar::connected().await;
    let client = &bench.app.client;
    let engine = bench.app.app().engine();
    let org = engine.org_of_key(&client.key).await.unwrap().unwrap();
    for (function, path, arguments) in
        [("book_appointment", "/events", booking("10:00")), ("check_availability", "/freeBusy", that_day())]
    {
        let hold = hold(&bench, path);
        let before = told(client).await.len();
        let call = Call {
            agent: "a".to_owned(),
            function: function.to_owned(),
            arguments,
            conversation: None,
            customer: None,
            turn: None,
            idempotency_key: None,
            patience: None,
        };
        // what the web server does when a connection is closed, without its having to notice first
        let call = tokio::spawn({
            let engine = engine.clone();
            async move { engine.call(org, call).await.map(|it| it.status) }
        });
        hold.reached().await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        hold.release();
        client.until("/v1/events", |it| it["data"].as_array().unwrap().len() > before).await;
        let events = told(client).await;
        assert_eq!(events.len(), before + 1, "{events:#?}");
        let path = format!("/v1/executions/{}", events[before]["execution"].as_str().unwrap());
        assert_eq!(client.get(&path).await["output"], events[before]["data"]["output"]);
    }
}

#[tokio::test]
async fn a_key_of_the_callers_own_wins_and_other_arguments_are_refused() {
    let (bench, _) = Calendar::connected().await;
    let client = &bench.app.client;
    let send = async |time: &str, turn_number: i32| {
        client.send("POST", CALLS, Some(&turn(turn_number, "book_appointment", &booking(time))), Some("mine")).await
    };
    let (_, first) = send("10:00", 1).await;
    let (status, same) = send("10:00", 2).await;
    assert_eq!((status, &same), (200, &first), "the turn is nothing to a key");
    let (status, problem) = send("11:00", 1).await;
    assert_eq!((status, &problem["code"]), (409, &json!("idempotency_conflict")));
}

#[tokio::test]
async fn what_a_call_can_not_mean_is_told() {
    let app = TestApp::start().await;
    for (body, says) in [
        (json!({"function": "f", "turn": 1}), "`turn` needs the `conversation`"),
        (json!({"function": "f", "conversation": ""}), "`conversation` has 1 to 255"),
        (json!({"function": "f", "customer": "a\nb"}), "`customer` has 1 to 255"),
        (json!({"function": "f", "conversation": "c", "turn": -1}), "turn"),
        (json!({"function": "f", "idempotency_key": "k"}), "idempotency_key"),
    ] {
        let (status, problem) = app.client.send("POST", CALLS, Some(&body), None).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_request")), "{body}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem:#}");
    }
    let (status, _, problem) =
        app.client.prefer("GET", "/v1/executions/exe_01jdg3k8m2e1vbnv6q4v9q8x7t", None, "wait=8s").await;
    assert!(status == 400 && problem["detail"].as_str().unwrap().contains("wait=8s"), "{problem:#}");
}

/// What only the chatbot may say of a call.
const NOT_FOR_MODELS: [&str; 7] =
    ["idempotency_key", "idempotency-key", "Idempotency-Key", "turn", "conversation", "prefer", "wait"];

#[tokio::test]
async fn the_model_neither_sees_nor_chooses_a_key() {
    let app = TestApp::start().await;
    let all = app.client.get("/v1/connectors").await;
    let mut seen = 0;
    for connector in all["data"].as_array().unwrap() {
        let connector = app.client.get(&format!("/v1/connectors/{}", connector["id"].as_str().unwrap())).await;
        for action in connector["actions"].as_array().unwrap() {
            let names = action["input"]["properties"].as_object().unwrap();
            assert!(NOT_FOR_MODELS.iter().all(|it| !names.contains_key(*it)), "{action:#}");
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
    let connection = app.client.connect("google-calendar", "sandbox", json!({})).await;
    app.client.enable("google-calendar", &connection, "book_appointment", json!({"calendar": "primary"})).await;
    for format in ["openai", "anthropic", "mcp"] {
        let functions = app.client.get(&format!("/v1/agents/a/functions?format={format}")).await.to_string();
        assert!(NOT_FOR_MODELS.iter().all(|it| !functions.contains(&format!("\"{it}\""))), "{functions}");
    }
    let mut arguments = booking("10:00");
    arguments["idempotency_key"] = json!("chosen by the model");
    let body = json!({"function": "book_appointment", "arguments": arguments});
    let (status, problem) = app.client.send("POST", CALLS, Some(&body), None).await;
    assert_eq!((status, &problem["errors"][0]["path"]), (422, &json!("/idempotency_key")), "{problem:#}");
}
