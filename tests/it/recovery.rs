//! What an engine goes on with after a crash or a restart, and what a person has to find out.

use std::{fs, path::Path};

use axum::{
    Json as Body, Router,
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{
    fakes::{Fault, Hold, Server},
    harness::{Options, TestApp},
};

const CONNECTOR: &str = r#"id: store-room
version: 1.0.0
title: Store room
summary: Takes orders.
catalog: {group: other_integration, phase: ga}
auth: {fields: {key: {type: string}}, scheme: bearer, token: "{{ auth.key }}"}
http: {base_url: "https://room.example.com", timeout: 30s}
actions:
  order:
    title: Order
    describe: Orders something, of which nobody can tell afterwards whether it was ordered.
    effect: write
    request: {method: POST, path: /orders}
    output: {id: $.id}
  look_and_order:
    title: Look, and order
    describe: Looks whether it is there, and orders it.
    effect: write
    steps:
      - id: look
        request: {method: GET, path: /stock}
      - id: order
        request: {method: POST, path: /orders}
        idempotent: true
    output: {id: "{{ steps.order.id }}"}
  order_and_send:
    title: Order, and send
    describe: Orders something and sends it once it is there.
    effect: write
    steps:
      - id: order
        request: {method: POST, path: /orders}
        idempotent: true
      - id: there
        wait: {poll: {method: GET, path: /stock, every: 1s, until: "{{ answer.body.there }}"}, timeout: 1h}
      - id: send
        request: {method: POST, path: /parcels}
        idempotent: true
    output: {parcel: "{{ steps.send.id }}"}
"#;

struct Scene {
    app: TestApp,
    room: Server,
    connectors: TempDir,
}

fn write(connectors: &Path, text: &str) {
    let folder = connectors.join("store-room");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("connector.yaml"), text).unwrap();
}

async fn scene() -> Scene {
    let made = |id: &'static str| post(move || async move { (StatusCode::CREATED, Body(json!({"id": id}))) });
    let room = Router::new()
        .route("/orders", made("o1"))
        .route("/parcels", made("p1"))
        .route("/boxes", made("b1"))
        .route("/stock", get(|| async { Body(json!({"there": true})) }));
    let room = Server::start(room).await;
    let connectors = tempfile::tempdir().unwrap();
    write(connectors.path(), CONNECTOR);
    let app = TestApp::with(Options {
        overrides: vec![("https://room.example.com", room.url().to_owned())],
        connectors: Some(connectors.path().to_owned()),
        ..Options::default()
    })
    .await;
    let connection = app.client.connect("store-room", "live", json!({"key": "unmistakable"})).await;
    for action in ["order", "look_and_order", "order_and_send"] {
        app.client.enable("store-room", &connection, action, json!({})).await;
    }
    Scene { app, room, connectors }
}

impl Scene {
    /// The execution once it has ended.
    async fn ended(&self, id: &str) -> Json {
        let is_over = |it: &Json| matches!(it["status"].as_str(), Some("succeeded" | "failed"));
        self.app.client.until(&format!("/v1/executions/{id}"), is_over).await
    }
}

#[tokio::test]
async fn what_had_sent_nothing_is_run_after_a_crash_and_told() {
    let mut scene = scene().await;
    let hold = Hold::default();
    scene.room.fail_next("GET", "/stock", Fault::Held(hold.clone()));
    let client = scene.app.client.clone();
    let call = tokio::spawn(async move { client.call("look_and_order", json!({})).await });
    hold.reached().await;
    let files = tempfile::tempdir().unwrap();
    scene.app.crash(files.path()).await;
    let id = scene.app.client.get("/v1/executions").await["data"][0]["id"].as_str().unwrap().to_owned();
    let ended = scene.ended(&id).await;
    assert_eq!((&ended["status"], &ended["output"]["id"]), (&json!("succeeded"), &json!("o1")), "{ended:#}");
    assert_eq!(ended["trace"][0]["event"], "resumed");
    assert_eq!(scene.room.count("POST", "/orders"), 1);
    let told = scene.app.client.get("/v1/events?type=execution.succeeded").await;
    assert_eq!(told["data"][0]["execution"].as_str(), Some(id.as_str()));
    call.abort();
}

#[tokio::test]
async fn it_goes_on_with_the_connector_with_which_it_began() {
    let mut scene = scene().await;
    scene.room.fail_next("GET", "/stock", Fault::Instead(200, json!({"there": false})));
    let body = json!({"function": "order_and_send", "arguments": {}});
    let (status, execution) = scene.app.client.send("POST", "/v1/agents/a/calls", Some(&body), None).await;
    assert_eq!(status, 202, "{execution:#}");
    // changed without being counted up
    write(scene.connectors.path(), &CONNECTOR.replace("path: /parcels", "path: /boxes"));
    scene.app.restart().await;
    let ended = scene.ended(execution["id"].as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["output"]["parcel"]), (&json!("succeeded"), &json!("p1")), "{ended:#}");
    assert_eq!((scene.room.count("POST", "/parcels"), scene.room.count("POST", "/boxes")), (1, 0));
    let (_, execution) = scene.app.client.send("POST", "/v1/agents/a/calls", Some(&body), None).await;
    let ended = scene.ended(execution["id"].as_str().unwrap()).await;
    assert_eq!(ended["output"]["parcel"], "b1", "what begins now begins with the new one");
}

#[tokio::test]
async fn what_nobody_knows_is_listed_until_somebody_says_what_they_found() {
    let scene = scene().await;
    let client = &scene.app.client;
    let mut ids = Vec::new();
    for _ in 0..2 {
        scene.room.fail_next("POST", "/orders", Fault::AnswerLost);
        let execution = client.call("order", json!({})).await;
        assert_eq!((&execution["error"]["code"], &execution["in_doubt"]), (&json!("unknown_outcome"), &json!(true)));
        ids.push(execution["id"].as_str().unwrap().to_owned());
    }
    let list = client.get("/v1/executions?in_doubt=true").await;
    assert_eq!(list["data"].as_array().unwrap().len(), 2, "{list:#}");
    let check = &list["data"][1]["check"];
    assert_eq!((&check[0]["step"], &check[0]["outcome"]), (&json!("request"), &json!("lost")));
    assert_eq!(check[0]["request"], "POST https://room.example.com/orders");
    assert!(list["data"][1]["provider_key"].is_string(), "{list:#}");

    let path = format!("/v1/executions/{}/resolve", ids[0]);
    let found = json!({"outcome": "succeeded", "output": {"id": "o1"}, "note": "it is in the list of orders"});
    let resolved = client.post(&path, found.clone()).await;
    assert_eq!((&resolved["status"], &resolved["output"]["id"]), (&json!("succeeded"), &json!("o1")));
    assert_eq!(client.post(&path, found).await, resolved, "said again it changes nothing");
    let contrary = json!({"outcome": "failed", "note": "it is not"});
    let (status, problem) = client.send("POST", &path, Some(&contrary), None).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")), "{problem:#}");
    let shown = client.get(&format!("/v1/executions/{}", ids[0])).await;
    let last = shown["trace"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["event"], &last["note"]), (&json!("resolved"), &json!("it is in the list of orders")));
    assert_eq!(shown["resolution"]["outcome"], "succeeded");
    let told = client.get("/v1/events?type=execution.succeeded").await;
    assert_eq!(told["data"].as_array().unwrap().len(), 1, "once: {told:#}");

    let other = client.post(&format!("/v1/executions/{}/resolve", ids[1]), contrary).await;
    assert_eq!((&other["error"]["code"], &other["error"]["retry"]), (&json!("unavailable"), &json!("later")));
    assert_eq!(client.get("/v1/executions?in_doubt=true").await["data"], json!([]));
    let known = client.call("order", json!({})).await;
    let path = format!("/v1/executions/{}/resolve", known["id"].as_str().unwrap());
    let (status, _) = client.send("POST", &path, Some(&json!({"outcome": "failed", "note": "no"})), None).await;
    assert_eq!(status, 409, "nobody doubts it");
    let (status, _) = client.send("POST", &path, Some(&json!({"outcome": "perhaps", "note": "no"})), None).await;
    assert_eq!(status, 400);
}
