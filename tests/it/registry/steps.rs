//! Pins, versions that some try, and differences.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{app, folder, operator, published, shop, source, version};
use crate::harness::{Client, TestApp};

/// Another org, with an account and the action enabled.
async fn other_org(app: &TestApp, name: &str) -> Client {
    let client = app.client_of(name).await;
    let connection = client.connect("shop", "live", json!({"key": "another-key"})).await;
    client.enable("shop", &connection, "stock", json!({})).await;
    client
}

async fn version_of(client: &Client) -> Json {
    client.output("stock", json!({"item": "x"})).await["version"].clone()
}

#[tokio::test]
async fn a_pinned_org_stays_where_it_is_and_nobody_else_does() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let mut app = app(&shop, &folder, false).await;
    let mut ops = operator(&app).await;
    let mut other = other_org(&app, "Bistro, Ltd.").await;
    published(&ops, "1.1.0", false).await;
    let pin = json!({"version": "1.1.0"});
    let path = "/v1/registry/shop/pins/Bistro,%20Ltd.";
    assert_eq!(ops.send("PUT", path, Some(&pin), None).await.0, 204);
    published(&ops, "1.2.0", false).await;
    assert_eq!((version(&app).await.as_str(), version_of(&other).await), ("1.2.0", json!("1.1.0")));
    assert_eq!(other.get("/v1/connectors/shop").await["version"], "1.1.0");

    app.restart().await;
    (ops, other) = (ops.elsewhere(app.client.base.clone()), other.elsewhere(app.client.base.clone()));
    assert_eq!((version(&app).await.as_str(), version_of(&other).await), ("1.2.0", json!("1.1.0")));
    assert_eq!(ops.get("/v1/registry/shop").await["pinned"][0]["version"], "1.1.0");
    assert_eq!(ops.send("DELETE", path, None, None).await.0, 204);
    assert_eq!(version_of(&other).await, "1.2.0");
    assert_eq!(ops.send("DELETE", path, None, None).await.0, 404);
    assert_eq!(ops.send("PUT", path, Some(&json!({"version": "7.0.0"})), None).await.0, 404);
    assert_eq!(ops.send("PUT", "/v1/registry/shop/pins/nobody", Some(&pin), None).await.0, 404);
}

#[tokio::test]
async fn a_version_is_tried_by_orgs_and_then_promoted() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, false).await;
    let (ops, other) = (operator(&app).await, other_org(&app, "other").await);
    published(&ops, "1.1.0", true).await;
    assert_eq!(version(&app).await, "1.0.0", "staged it is nobody's");
    let (status, begun) =
        ops.send("PUT", "/v1/registry/shop/canary", Some(&json!({"version": "1.1.0", "orgs": ["other"]})), None).await;
    assert_eq!((status, &begun["canary"]["version"]), (200, &json!("1.1.0")), "{begun:#}");
    assert_eq!((version(&app).await.as_str(), version_of(&other).await), ("1.0.0", json!("1.1.0")));
    let counted = |it: &Json| it["canary"]["of_canary"]["calls"] == 1 && it["canary"]["of_active"]["calls"] == 1;
    ops.until("/v1/registry/shop", counted).await;
    let promoted = ops.post("/v1/registry/shop/promote", json!({})).await;
    assert_eq!((&promoted["version"], &promoted["last_canary"]["end"]), (&json!("1.1.0"), &json!("promoted")));
    assert_eq!((version(&app).await.as_str(), version_of(&other).await), ("1.1.0", json!("1.1.0")));
    let (status, problem) = ops.send("POST", "/v1/registry/shop/promote", Some(&json!({})), None).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")), "nothing is tried: {problem:#}");
}

#[tokio::test]
async fn a_share_of_conversations_tries_a_version_each_with_all_of_its_calls() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    published(&ops, "1.1.0", true).await;
    let body = json!({"version": "1.1.0", "share": 30});
    assert_eq!(ops.send("PUT", "/v1/registry/shop/canary", Some(&body), None).await.0, 200);
    let mut versions: BTreeMap<usize, String> = BTreeMap::new();
    for round in 0..2 {
        for conversation in 0..60 {
            let call =
                json!({"function": "stock", "arguments": {"item": "x"}, "conversation": format!("c{conversation}")});
            let execution = app.client.post("/v1/agents/a/calls", call).await;
            let version = execution["output"]["version"].as_str().unwrap().to_owned();
            assert_eq!(execution["connector_version"], version.as_str());
            let before = versions.insert(conversation, version.clone());
            assert!(round == 0 || before == Some(version), "a conversation stays with its version");
        }
    }
    let tried = versions.values().filter(|it| *it == "1.1.0").count();
    assert!((6..=32).contains(&tried), "{tried} of 60");

    let taken_back = ops.post("/v1/registry/shop/rollback", json!({})).await;
    assert_eq!((&taken_back["version"], &taken_back["last_canary"]["end"]), (&json!("1.0.0"), &json!("taken_back")));
    assert_eq!(version(&app).await, "1.0.0");
}

#[tokio::test]
async fn what_breaks_a_promise_is_tried_by_whole_orgs_only() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    let mut next = source("2.0.0");
    next["actions"]["stock"]["output"] = json!({"version": "2.0.0"});
    assert_eq!(super::publish(&ops, &next, true).await.0, 201);
    let path = "/v1/registry/shop/canary";
    let (status, problem) = ops.send("PUT", path, Some(&json!({"version": "2.0.0", "share": 5})), None).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")), "{problem:#}");
    assert_eq!(ops.send("PUT", path, Some(&json!({"version": "2.0.0", "orgs": ["acme"]})), None).await.0, 200);
    assert_eq!(version(&app).await, "2.0.0");
    for (body, expected) in [
        (json!({"version": "2.0.0"}), 400),
        (json!({"version": "2.0.0", "share": 101}), 400),
        (json!({"version": "2.0.0", "orgs": ["nobody"]}), 404),
        (json!({"version": "3.0.0", "orgs": ["acme"]}), 404),
        (json!({"version": "2.0.0", "orgs": ["acme"], "max_times_slower": 0.5}), 400),
    ] {
        let (status, problem) = ops.send("PUT", path, Some(&body), None).await;
        assert_eq!(status, expected, "{body} {problem:#}");
    }
}

#[tokio::test]
async fn a_difference_tells_what_changes_for_orgs_and_every_line() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    published(&ops, "1.1.0", false).await;
    let mut next = source("1.2.0");
    next["actions"]["stock"]["output"]["item"] = json!("$.item");
    next["actions"].as_object_mut().unwrap().remove("await");
    let diff = ops.post("/v1/registry/shop/diff", json!({"files": {"source": next}})).await;
    assert_eq!((&diff["from"], &diff["to"]), (&json!("1.1.0"), &json!("1.2.0")));
    let expected = json!([
        {"breaks": true, "message": "the action `await` is gone"},
        {"breaks": false, "message": "action `stock`, output.item is new"}
    ]);
    assert_eq!(diff["changes"], expected);
    let text = diff["text"].as_str().unwrap();
    assert!(
        text.starts_with("--- connector.yaml\n+++ connector.yaml\n")
            && text.contains("\n+")
            && text.contains("\"item\": \"$.item\""),
        "{text}"
    );
    let same = ops.post("/v1/registry/shop/diff", json!({"from": "1.1.0"})).await;
    assert_eq!((&same["changes"], &same["text"]), (&json!([]), &json!("")));
}

#[tokio::test]
async fn a_sign_in_that_asks_for_more_sends_nothing_until_the_account_is_connected_again() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    let mut next = source("2.0.0");
    next["auth"] = json!({
        "fields": {"key": {"type": "string"}, "branch": {"type": "string"}},
        "scheme": "bearer", "token": "{{ auth.key }}-{{ auth.branch }}"
    });
    let (status, answer) = super::publish(&ops, &next, false).await;
    let expected =
        json!({"breaks": true, "message": "sign-in: `branch` has to be given, before there was no such field"});
    assert_eq!((status, &answer["changes"]), (201, &json!([expected])), "{answer:#}");
    let before = shop.seen().len();
    let failure = app.client.failure("stock", json!({"item": "x"})).await;
    assert_eq!(failure["code"], "reauthorize", "{failure:#}");
    assert_eq!(shop.seen().len(), before, "nothing was signed with half of it");
    ops.post("/v1/registry/shop/rollback", json!({})).await;
    assert_eq!(version(&app).await, "1.0.0", "the account is as it was");
}
