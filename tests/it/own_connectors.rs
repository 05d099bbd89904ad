//! Connectors that an org has of its own: nobody else's, version by version, with no more reach than their URLs write out.

use axum::{Json as AxumJson, Router, extract::Path, routing::get};
use serde_json::{Value as Json, json};

use crate::{
    fakes::{Server, header},
    harness::{Options, TestApp},
};

/// A shop's stock, as its own program tells it.
async fn shop() -> Server {
    let answer = |Path(item): Path<String>| async move { AxumJson(json!({"item": item, "left": 3})) };
    Server::start(Router::new().route("/v1/stock/{item}", get(answer))).await
}

async fn app(shop: &Server) -> TestApp {
    let overrides = vec![("https://api.shop.example", shop.url().to_owned())];
    TestApp::with(Options { overrides, ..Options::default() }).await
}

fn source(version: &str) -> Json {
    stock("own-shop", version)
}

/// A connector of that id to the shop, whose output tells its version.
pub(crate) fn stock(id: &str, version: &str) -> Json {
    json!({
        "id": id, "version": version, "title": "Shop", "summary": "Tells what is left.",
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

async fn put(app: &TestApp, source: &Json) -> (u16, Json) {
    app.client.send("PUT", "/v1/connectors/own-shop", Some(&json!({"source": source})), None).await
}

#[tokio::test]
async fn an_org_s_own_connector_runs_like_any_other_and_its_next_version_takes_over() {
    let shop = shop().await;
    let mut app = app(&shop).await;
    let (status, published) = put(&app, &source("1.0.0")).await;
    assert_eq!(
        (status, &published["version"], &published["active"]),
        (201, &json!("1.0.0"), &json!(true)),
        "{published:#}"
    );
    // cases are missing, which is worth a word but forbids nothing
    assert_eq!(published["warnings"][0]["severity"], "warning");
    assert_eq!(published["warnings"][0]["pointer"], "/actions/stock");
    let connection = app.client.connect("own-shop", "live", json!({"key": "unmistakable-key"})).await;
    app.client.enable("own-shop", &connection, "stock", json!({})).await;
    assert_eq!(app.client.output("stock", json!({"item": "a/b"})).await, json!({"left": 3, "version": "1.0.0"}));
    assert_eq!(shop.seen()[0].path, "/v1/stock/a%2Fb");
    assert_eq!(header(&shop.seen()[0].headers, "authorization"), "Bearer unmistakable-key");

    assert_eq!(put(&app, &source("1.0.0")).await.0, 200, "the same again");
    assert_eq!(put(&app, &source("1.1.0")).await.0, 200);
    assert_eq!(app.client.output("stock", json!({"item": "x"})).await["version"], "1.1.0");
    app.restart().await;
    assert_eq!(app.client.output("stock", json!({"item": "x"})).await["version"], "1.1.0");

    let versions = app.client.get("/v1/connectors/own-shop/versions").await;
    let versions: Vec<_> =
        versions["data"].as_array().unwrap().iter().map(|it| (&it["version"], &it["active"])).collect();
    assert_eq!(versions, [(&json!("1.1.0"), &json!(true)), (&json!("1.0.0"), &json!(false))]);
    let first = app.client.get("/v1/connectors/own-shop/versions/1.0.0").await;
    assert_eq!(serde_json::from_str::<Json>(first["source"].as_str().unwrap()).unwrap(), source("1.0.0"));
}

#[tokio::test]
async fn nobody_else_sees_it_and_nobody_is_told_that_it_is_there() {
    let shop = shop().await;
    let app = app(&shop).await;
    put(&app, &source("1.0.0")).await;
    let connection = app.client.connect("own-shop", "live", json!({"key": "k"})).await;
    let (other, body) = (app.client_of("other").await, json!({"connector": "own-shop", "fields": {"key": "k"}}));
    let enable = json!({"connector": "own-shop", "action": "stock", "connection": connection});
    let asked = [
        ("GET", "/v1/connectors/own-shop", None),
        ("GET", "/v1/connectors/own-shop/versions", None),
        ("GET", "/v1/connectors/own-shop/versions/1.0.0", None),
        ("DELETE", "/v1/connectors/own-shop", None),
        ("POST", "/v1/connections", Some(&body)),
        ("POST", "/v1/agents/a/actions", Some(&enable)),
    ];
    for (method, path, body) in asked {
        let (status, theirs) = other.send(method, path, body, None).await;
        // what is nowhere
        let nowhere: Option<Json> =
            body.map(|it| serde_json::from_str(&it.to_string().replace("own-shop", "own-none")).unwrap());
        let (_, missing) = other.send(method, &path.replace("own-shop", "own-none"), nowhere.as_ref(), None).await;
        assert_eq!((status, &theirs), (404, &missing), "{method} {path}");
    }
    let ids = |list: Json| list["data"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect::<Vec<_>>();
    assert!(ids(app.client.get("/v1/connectors").await).contains(&json!("own-shop")));
    assert!(!ids(other.get("/v1/connectors").await).contains(&json!("own-shop")));
    assert!(!other.get("/v1/catalog").await.to_string().contains("own-shop"));
    // the same id is another connector there
    let theirs = json!({"source": source("3.0.0")});
    assert_eq!(other.send("PUT", "/v1/connectors/own-shop", Some(&theirs), None).await.0, 201);
    assert_eq!(app.client.get("/v1/connectors/own-shop").await["version"], "1.0.0");
}

#[tokio::test]
async fn mistakes_are_told_with_their_places_and_nothing_is_stored() {
    let shop = shop().await;
    let app = app(&shop).await;
    let mut wrong = source("1.0.0");
    wrong["actions"]["stock"]["request"]["pth"] = json!("/stock");
    wrong["http"]["hosts"] = json!(["*.example.com"]);
    wrong["actions"]["stock"]["output"]["left"] = json!("{{ inputs.left }}");
    let (status, problem) = put(&app, &wrong).await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid_connector")), "{problem:#}");
    let found: Vec<_> = problem["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["code"].as_str().unwrap(), it["pointer"].as_str().unwrap()))
        .collect();
    for expected in
        [("C101", "/actions/stock/request/pth"), ("C551", "/http/hosts"), ("C201", "/actions/stock/output/left")]
    {
        assert!(found.contains(&expected), "{expected:?} {found:?}");
    }
    let unknown = problem["diagnostics"].as_array().unwrap().iter().find(|it| it["code"] == "C201").unwrap();
    assert_eq!(
        (&unknown["file"], unknown["help"].is_string(), unknown["line"].is_u64()),
        (&json!("connector.yaml"), true, true)
    );
    assert_eq!(app.client.send("GET", "/v1/connectors/own-shop", None, None).await.0, 404);

    let cases = json!([{"name": "wrong", "action": "stock", "credentials": {"key": "k"}, "input": {"item": "x"}, "output": {"left": 4, "version": "1.0.0"},
        "exchanges": [{"request": {"method": "GET"}, "answer": {"body": {"left": 3}}}]}]);
    let body = json!({"source": source("1.0.0"), "tests": {"cases": cases}});
    let (status, problem) = app.client.send("PUT", "/v1/connectors/own-shop", Some(&body), None).await;
    let failed = problem["diagnostics"].as_array().unwrap().iter().find(|it| it["code"] == "case_failed").unwrap();
    assert_eq!(
        (status, &failed["pointer"], &failed["file"]),
        (422, &json!("/cases/0/name"), &json!("tests.yaml")),
        "{problem:#}"
    );
    let checked = app.client.post("/v1/connectors/own-shop/check", body).await;
    assert_eq!((&checked["ok"], checked["diagnostics"].as_array().unwrap().len()), (&json!(false), 2), "{checked:#}");
    assert_eq!(app.client.post("/v1/connectors/own-shop/check", json!({"source": source("1.0.0")})).await["ok"], true);
    let other_id = app.client.send("PUT", "/v1/connectors/shop", Some(&json!({"source": source("1.0.0")})), None).await;
    assert_eq!((other_id.0, &other_id.1["code"]), (400, &json!("invalid_request")));
}

#[tokio::test]
async fn what_would_break_an_enabled_action_is_refused_and_so_is_taking_it_back() {
    let shop = shop().await;
    let app = app(&shop).await;
    put(&app, &source("1.0.0")).await;
    let connection = app.client.connect("own-shop", "live", json!({"key": "k"})).await;
    let enabled = app.client.enable("own-shop", &connection, "stock", json!({})).await;
    let id = enabled["id"].as_str().unwrap();

    let mut renamed = source("1.1.0");
    let action = renamed["actions"].as_object_mut().unwrap().remove("stock").unwrap();
    renamed["actions"]["left"] = action;
    let mut with_config = source("1.1.0");
    with_config["actions"]["stock"]["config"] = json!({"place": {"type": "string"}});
    with_config["actions"]["stock"]["request"]["query"] = json!({"place": "{{ config.place }}"});
    let mut changed = source("1.0.0");
    changed["title"] = json!("Another shop");
    for (source, expected) in
        [(&renamed, id), (&with_config, id), (&changed, "never changes"), (&source("0.9.0"), "lower")]
    {
        let (status, problem) = put(&app, source).await;
        assert_eq!(status, 409, "{problem:#}");
        assert!(problem["detail"].as_str().unwrap().contains(expected), "{problem:#}");
    }
    assert_eq!(app.client.output("stock", json!({"item": "x"})).await["version"], "1.0.0");

    let (status, problem) = app.client.send("DELETE", "/v1/connectors/own-shop", None, None).await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(status == 409 && detail.contains(id) && detail.contains(&connection), "{problem:#}");
    assert_eq!(app.client.send("DELETE", &format!("/v1/agents/a/actions/{id}"), None, None).await.0, 204);
    assert_eq!(app.client.send("DELETE", "/v1/connectors/own-shop", None, None).await.0, 409);
    assert_eq!(app.client.send("DELETE", &format!("/v1/connections/{connection}"), None, None).await.0, 204);
    assert_eq!(app.client.send("DELETE", "/v1/connectors/own-shop", None, None).await.0, 204);
    assert_eq!(app.client.send("DELETE", "/v1/connectors/own-shop", None, None).await.0, 404);
}
