//! A version that is worse is taken back by itself.

use futures_util::future::join_all;
use serde_json::{Value as Json, json};

use super::{app, folder, operator, shop, source};
use crate::harness::{Client, TestApp};

/// Tries a version that asks at another path, by half of the conversations, until it is taken back. Tells how things stand then,
/// and what all calls came to.
async fn tried(app: &TestApp, ops: &Client, path: &str) -> (Json, Vec<Json>) {
    let mut worse = source("1.1.0");
    worse["actions"]["stock"]["request"]["path"] = json!(path);
    assert_eq!(super::publish(ops, &worse, true).await.0, 201);
    let body = json!({"version": "1.1.0", "share": 50});
    assert_eq!(ops.send("PUT", "/v1/registry/shop/canary", Some(&body), None).await.0, 200);
    let mut executions: Vec<Json> = Vec::new();
    loop {
        let conversations = executions.len()..executions.len() + 20;
        executions.extend(join_all(conversations.map(|it| called(app, format!("c{it}")))).await);
        let shown = ops.get("/v1/registry/shop").await;
        if shown["canary"].is_null() {
            return (shown, executions);
        }
        assert!(executions.len() < 5000, "it is never taken back: {shown:#}");
    }
}

async fn called(app: &TestApp, conversation: String) -> Json {
    let call = json!({"function": "stock", "arguments": {"item": "x"}, "conversation": conversation});
    app.client.post("/v1/agents/a/calls", call).await
}

#[track_caller]
fn assert_rolled_back(shown: &Json, why: &str) {
    let last = &shown["last_canary"];
    assert_eq!((&shown["version"], &last["end"]), (&json!("1.0.0"), &json!("rolled_back")), "{shown:#}");
    assert!(last["why"].as_str().unwrap().contains(why), "{shown:#}");
    assert!(last["of_canary"]["calls"].as_u64().unwrap() >= 20, "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_fails_is_taken_back_by_itself_and_the_others_never_noticed() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    let (shown, executions) = tried(&app, &ops, "/broken/{{ input.item }}").await;
    assert_rolled_back(&shown, "calls failed, of the active version 0 of");
    for it in &executions {
        assert_eq!(it["status"] == "failed", it["connector_version"] == "1.1.0", "{it:#}");
    }
    for number in 0..20 {
        let execution = called(&app, format!("d{number}")).await;
        assert_eq!(execution["output"]["version"], "1.0.0", "{execution:#}");
    }
    ops.post("/v1/registry/shop/promote", json!({"version": "1.1.0"})).await;
    let again = ops.get("/v1/registry/shop").await;
    assert_eq!(again["last_canary"]["of_canary"], shown["last_canary"]["of_canary"], "it is still known how it went");
}

#[tokio::test(flavor = "multi_thread")]
async fn so_is_one_that_takes_longer() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    let (shown, executions) = tried(&app, &ops, "/slow/{{ input.item }}").await;
    assert_rolled_back(&shown, " ms, of the active version ");
    assert!(executions.iter().all(|it| it["status"] == "succeeded"));
}
