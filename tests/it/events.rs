//! What the chatbot is told without asking.

use std::time::{Duration, Instant};

use closeloop::{runtime::About, store::EventType};
use serde_json::{Value as Json, json};

use crate::harness::{Client, TestApp};

#[tokio::test]
async fn events_are_read_on_from_a_cursor() {
    let app = TestApp::start().await;
    let engine = app.app().engine();
    let org = engine.org_of_key(&app.client.key).await.unwrap().unwrap();
    let empty = app.client.get("/v1/events").await;
    assert_eq!(empty, json!({"data": [], "next_cursor": "0"}));

    for number in 1..=3 {
        let data = json!({"number": number});
        engine.tell(org, EventType::ActionNeedsAttention, About::default(), data).await.unwrap();
    }
    let first = app.client.get("/v1/events?limit=2").await;
    let numbers =
        |page: &Json| page["data"].as_array().unwrap().iter().map(|it| it["data"]["number"].clone()).collect();
    assert_eq!(numbers(&first), [json!(1), json!(2)].to_vec());
    assert_eq!(first["data"][0]["type"], "action.needs_attention");
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = app.client.get(&format!("/v1/events?after={cursor}")).await;
    let rest_numbers: Vec<Json> = numbers(&rest);
    assert_eq!(rest_numbers, [json!(3)]);
    let cursor = rest["next_cursor"].as_str().unwrap();
    let end = app.client.get(&format!("/v1/events?after={cursor}")).await;
    assert_eq!(end, json!({"data": [], "next_cursor": cursor}));
    let others = app.client.get("/v1/events?type=provider.event").await;
    assert_eq!(others["data"], json!([]));

    let other = app.client_of("other").await;
    assert_eq!(other.get("/v1/events").await["data"], json!([]), "they are the org's own");
    for query in ["after=evt", "type=provider", "limit=no"] {
        let (status, problem) = app.client.send("GET", &format!("/v1/events?{query}"), None, None).await;
        assert_eq!((status, problem["code"].as_str()), (400, Some("invalid_request")), "{query}");
    }
}

#[tokio::test]
async fn whoever_waits_for_an_event_is_answered_once_there_is_one() {
    let app = TestApp::start().await;
    let engine = app.app().engine();
    let org = engine.org_of_key(&app.client.key).await.unwrap().unwrap();
    let other = app.client_of("other").await;
    let wait = |client: &Client, path: &'static str, seconds: u64| {
        let (client, prefer) = (client.clone(), format!("wait={seconds}"));
        async move {
            let began = Instant::now();
            let (status, headers, page) = client.prefer("GET", path, None, &prefer).await;
            assert_eq!((status, headers["preference-applied"].to_str().unwrap()), (200, &*prefer));
            (page, began.elapsed())
        }
    };
    let tell = async |kind, number: u32| {
        engine.tell(org, kind, About::default(), json!({"number": number})).await.unwrap();
    };
    // it is patient, and hears of nothing but its own
    let (nothing, took) = wait(&other, "/v1/events", 1).await;
    assert_eq!(nothing, json!({"data": [], "next_cursor": "0"}));
    assert!(took >= Duration::from_millis(850), "{took:?}");

    let waiting = tokio::spawn(wait(&app.client, "/v1/events?type=connection.reauthorize", 60));
    tell(EventType::ActionNeedsAttention, 1).await;
    tell(EventType::ConnectionReauthorize, 2).await;
    let (heard, took) = waiting.await.unwrap();
    assert_eq!(heard["data"][0]["data"]["number"], 2);
    assert!(took < Duration::from_secs(20), "{took:?}");
    let (there, took) = wait(&app.client, "/v1/events", 60).await;
    assert_eq!(there["data"].as_array().unwrap().len(), 2);
    assert!(took < Duration::from_secs(20), "what is there is answered at once: {took:?}");
}
