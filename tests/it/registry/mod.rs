//! Connectors that are put live while calls go on: by the folder, and by the registry.

mod folder;
mod load;

use std::path::Path;

use axum::{Json as AxumJson, Router, extract::Path as At, routing::get};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{
    fakes::Server,
    harness::{Options, TestApp},
};

/// A shop's stock, as its own program tells it; the item `none` is not there.
async fn shop() -> Server {
    let answer = |At(item): At<String>| async move { AxumJson(json!({"item": item, "left": 3})) };
    Server::start(Router::new().route("/v1/stock/{item}", get(answer))).await
}

/// A connector whose output tells its version.
fn source(version: &str) -> Json {
    json!({
        "id": "shop", "version": version, "title": "Shop", "summary": "Tells what is left.",
        "catalog": {"group": "other_integration", "phase": "ga"},
        "auth": {"fields": {"key": {"type": "string"}}, "scheme": "bearer", "token": "{{ auth.key }}"},
        "http": {"base_url": "https://api.shop.example/v1"},
        "actions": {"stock": {
            "title": "Look at the stock", "describe": "Tells how many of an item are left in the shop.", "effect": "read",
            "input": {"item": {"type": "string"}},
            "request": {"method": "GET", "path": "/stock/{{ input.item }}"},
            "output": {"left": "$.left", "version": version}
        }}
    })
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
    let overrides = vec![("https://api.shop.example", shop.url().to_owned())];
    let connectors = Some(folder.path().to_owned());
    let app = TestApp::with(Options { overrides, connectors, watch, ..Options::default() }).await;
    let connection = app.client.connect("shop", "live", json!({"key": "unmistakable-key"})).await;
    app.client.enable("shop", &connection, "stock", json!({})).await;
    app
}

/// The version that a call has.
async fn version(app: &TestApp) -> String {
    app.client.output("stock", json!({"item": "x"})).await["version"].as_str().unwrap().to_owned()
}
