//! What is enabled, and does not fit the version that is live now.

use serde_json::{Value as Json, json};

use super::{app, folder, operator, publish, shop, source, version, write};
use crate::harness::TestApp;

/// The enabled action of that name, once its status is as wanted.
async fn enabled(app: &TestApp, action: &str, status: &str) -> Json {
    let of = |page: &Json| page["data"].as_array().unwrap().iter().find(|it| it["action"] == action).unwrap().clone();
    of(&app.client.until("/v1/agents/a/actions", |page| of(page)["status"] == status).await)
}

async fn functions(app: &TestApp) -> Vec<String> {
    let page = app.client.get("/v1/agents/a/functions?format=mcp").await;
    page["data"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

async fn told(app: &TestApp) -> Vec<Json> {
    let page = app.client.get("/v1/events?type=action.needs_attention").await;
    page["data"].as_array().unwrap().iter().map(|it| it["data"]["problems"].clone()).collect()
}

/// The same without `await`.
fn without(version: &str) -> Json {
    let mut source = source(version);
    source["actions"].as_object_mut().unwrap().remove("await");
    source
}

#[tokio::test]
async fn an_action_that_is_gone_needs_attention_until_it_is_back() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let mut app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    assert_eq!(publish(&ops, &without("2.0.0"), false).await.0, 201);
    let problems = json!(["version 2.0.0 of `shop` has no action `await`"]);
    assert_eq!(enabled(&app, "await", "needs_attention").await["problems"], problems);
    assert_eq!(enabled(&app, "stock", "ready").await.get("problems"), None);
    assert_eq!(functions(&app).await, ["stock"], "the model is not offered what is gone");
    assert_eq!(told(&app).await, [problems], "it is told once");

    ops.post("/v1/registry/shop/rollback", json!({})).await;
    enabled(&app, "await", "ready").await;
    assert_eq!(functions(&app).await, ["stock", "await"]);

    // a folder that changed while nobody was there
    write(folder.path(), &without("3.0.0").to_string());
    app.restart().await;
    let row = enabled(&app, "await", "needs_attention").await;
    assert_eq!(row["problems"], json!(["version 3.0.0 of `shop` has no action `await`"]));
    assert_eq!(told(&app).await.len(), 2);
}

#[tokio::test]
async fn a_config_that_no_longer_fits_is_told_and_nothing_is_sent_with_it() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, true).await;
    let mut next = source("2.0.0");
    next["actions"]["stock"]["config"] = json!({"branch": {"type": "string"}});
    next["actions"]["stock"]["request"]["query"] = json!({"branch": "{{ config.branch }}"});
    write(folder.path(), &next.to_string());
    let row = enabled(&app, "stock", "needs_attention").await;
    let problem = row["problems"][0].as_str().unwrap();
    assert!(problem.starts_with("version 2.0.0 of `shop` needs another config: `branch`"), "{row:#}");
    let before = shop.seen().len();
    let body = json!({"function": "stock", "arguments": {"item": "x"}});
    let (status, refused) = app.client.send("POST", "/v1/agents/a/calls", Some(&body), None).await;
    assert_eq!((status, &refused["detail"]), (409, &json!(problem)), "{refused:#}");
    assert_eq!((functions(&app).await, shop.seen().len()), (vec!["await".to_owned()], before));

    let path = format!("/v1/agents/a/actions/{}", row["id"].as_str().unwrap());
    let change = json!({"config": {"branch": "b1"}});
    let (status, changed) = app.client.send("PATCH", &path, Some(&change), None).await;
    assert_eq!((status, &changed["status"]), (200, &json!("ready")), "{changed:#}");
    assert_eq!(version(&app).await, "2.0.0");
}
