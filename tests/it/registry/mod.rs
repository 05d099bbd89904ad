//! Connectors that are put live while calls go on: by the folder, and by the registry.

mod canary;
mod enabled;
mod folder;
mod load;
mod publish;
mod replicas;
mod steps;

use std::{path::Path, time::Duration};

use axum::{Json as AxumJson, Router, extract::Path as At, routing::get};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{
    fakes::Server,
    harness::{Client, Options, TestApp},
    own_connectors::stock,
};

/// A shop's stock, as its own program tells it. Of `/broken` it knows nothing, and `/slow` takes its time.
async fn shop() -> Server {
    let answer = |At(item): At<String>| async move { AxumJson(json!({"item": item, "left": 3})) };
    let open = || async { AxumJson(json!({"open": true})) };
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        AxumJson(json!({"left": 3}))
    };
    let router = Router::new().route("/v1/stock/{item}", get(answer)).route("/v1/open", get(open));
    Server::start(router.route("/v1/slow/{item}", get(slow))).await
}

/// A connector whose output tells its version.
fn source(version: &str) -> Json {
    let mut source = stock("shop", version);
    source["actions"]["await"] = json!({
        "title": "Wait until it opens", "describe": "Waits until the shop is open, which it may be already.", "effect": "read",
        "steps": [{"id": "open", "wait": {
            "poll": {"method": "GET", "path": "/open", "every": "1s", "until": "{{ answer.body.open }}"}, "timeout": "1h"
        }}],
        "output": {"version": version}
    });
    source
}

/// A folder with one connector.
fn folder(source: &Json) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("shop")).unwrap();
    write(folder.path(), &source.to_string());
    folder
}

fn write(folder: &Path, text: &str) {
    std::fs::write(folder.join("shop/connector.yaml"), text).unwrap();
}

/// An engine with that folder, whose org `acme` has an account at the shop and the action enabled.
async fn app(shop: &Server, folder: &TempDir, watch: bool) -> TestApp {
    app_with(shop, folder, Options { watch, ..Options::default() }).await
}

/// The same, which takes over whatever has no mistakes.
async fn unguarded(shop: &Server, folder: &TempDir) -> TestApp {
    app_with(shop, folder, Options { watch: true, unguarded: true, ..Options::default() }).await
}

async fn app_with(shop: &Server, folder: &TempDir, options: Options) -> TestApp {
    let overrides = vec![("https://api.shop.example", shop.url().to_owned())];
    let connectors = Some(folder.path().to_owned());
    let app = TestApp::with(Options { overrides, connectors, ..options }).await;
    let connection = app.client.connect("shop", "live", json!({"key": "unmistakable-key"})).await;
    for action in ["stock", "await"] {
        app.client.enable("shop", &connection, action, json!({})).await;
    }
    app
}

/// Whoever runs the engine.
async fn operator(app: &TestApp) -> Client {
    let key = app.app().engine().new_operator_key("Olga").await.unwrap();
    Client::at(app.client.base.clone(), key)
}

/// Publishes, and gives status and answer.
async fn publish(operator: &Client, source: &Json, stage: bool) -> (u16, Json) {
    let body = json!({"files": {"source": source}, "stage": stage});
    operator.send("POST", "/v1/registry/shop/versions", Some(&body), None).await
}

/// Publishes what is right.
async fn published(operator: &Client, version: &str, stage: bool) {
    let (status, answer) = publish(operator, &source(version), stage).await;
    assert_eq!((status, &answer["active"]), (201, &json!(!stage)), "{answer:#}");
}

/// The version that a call has.
async fn version(app: &TestApp) -> String {
    app.client.output("stock", json!({"item": "x"})).await["version"].as_str().unwrap().to_owned()
}
