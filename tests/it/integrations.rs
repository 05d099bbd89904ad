//! API integrations: from a builder's form to a call by an agent.

use axum::{Json as AxumJson, Router, body::Bytes, routing::any};
use serde_json::{Value as Json, json};

use crate::{
    fakes::{Fault, Server, header},
    harness::{Client, Options, TestApp},
};

async fn app() -> (TestApp, Server) {
    let answer = |body: Bytes| async move { AxumJson(json!({"left": 3, "sent": String::from_utf8_lossy(&body)})) };
    let shop = Server::start(Router::new().fallback(any(answer))).await;
    let overrides = vec![("https://api.shop.example", shop.url().to_owned())];
    (TestApp::with(Options { overrides, ..Options::default() }).await, shop)
}

fn form() -> Json {
    json!({
        "title": "Stock", "describe": "Tells how many of an item are left in the shop.",
        "input": {"item": {"type": "string", "maxLength": 40}, "size": {"type": "integer", "required": false}},
        "request": {"method": "GET", "url": "https://api.shop.example/v1/stock/{{ input.item }}?size={{ input.size }}&lang=en"},
        "auth": {"scheme": "api_key", "header": "X-Shop-Key"},
        "output": {"left": "$.left"},
        "test": {"input": {"item": "blue hat"}, "answer": {"body": {"left": 7}}}
    })
}

async fn put(client: &Client, form: &Json) -> (u16, Json) {
    client.send("PUT", "/v1/api-integrations/stock-check", Some(form), None).await
}

async fn test(client: &Client, body: Json) -> Json {
    client.post("/v1/api-integrations/stock-check/test", body).await
}

#[tokio::test]
async fn a_form_becomes_a_function_that_an_agent_calls() {
    let (app, shop) = app().await;
    let (status, made) = put(&app.client, &form()).await;
    assert_eq!(
        (status, &made["connector"], &made["action"]),
        (201, &json!("api-stock-check"), &json!("stock_check")),
        "{made:#}"
    );
    assert_eq!(made["warnings"], Json::Null);
    assert_eq!(app.client.get("/v1/connectors/api-stock-check").await["secret_fields"], json!(["api_key"]));

    let dry = test(&app.client, json!({})).await;
    let request = &dry["requests"][0];
    assert_eq!(request["url"], "https://api.shop.example/v1/stock/blue%20hat?lang=en");
    assert_eq!((&request["method"], &request["headers"]["x-shop-key"]), (&json!("GET"), &json!("•••")));
    assert_eq!((&dry["status"], &dry["output"]), (&json!("succeeded"), &json!({"left": 7})), "{dry:#}");
    assert!(shop.seen().is_empty());

    let connection = app.client.connect("api-stock-check", "live", json!({"api_key": "unmistakable-key"})).await;
    let live =
        test(&app.client, json!({"mode": "live", "connection": connection, "input": {"item": "a/b", "size": 4}})).await;
    assert_eq!((&live["status"], &live["output"]), (&json!("succeeded"), &json!({"left": 3})), "{live:#}");
    assert_eq!(live["trace"][0]["answer"]["status"], 200);
    assert_eq!(header(&shop.seen()[0].headers, "x-shop-key"), "unmistakable-key");
    assert_eq!((shop.seen()[0].path.as_str(), shop.seen()[0].query[0].1.as_str()), ("/v1/stock/a%2Fb", "4"));

    app.client.enable("api-stock-check", &connection, "stock_check", json!({})).await;
    let functions = app.client.get("/v1/agents/a/functions").await;
    assert_eq!(functions["data"][0]["function"]["description"], form()["describe"]);
    assert_eq!(app.client.output("stock_check", json!({"item": "x"})).await, json!({"left": 3}));
    shop.fail_next("GET", "/v1/stock/x", Fault::Echo(401));
    let failed = test(&app.client, json!({"mode": "live", "connection": connection, "input": {"item": "x"}})).await;
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!("reauthorize")), "{failed:#}");
    assert!(!app.client.answers().contains("unmistakable-key"));
    let stored = app.stored_bytes();
    assert!(!stored.windows(16).any(|it| it == b"unmistakable-key"), "it is sealed");

    // what is enabled goes on with the next version
    let mut changed = form();
    changed["output"] = json!({"count": "$.left"});
    assert_eq!(put(&app.client, &changed).await.1["version"], "1.1.0");
    assert_eq!(put(&app.client, &changed).await.1["version"], "1.1.0");
    assert_eq!(app.client.output("stock_check", json!({"item": "x"})).await, json!({"count": 3}));
    assert_eq!(app.client.get("/v1/api-integrations/stock-check").await["form"]["output"], changed["output"]);
}

#[tokio::test]
async fn it_stands_in_the_drawer_of_its_org_only_and_goes_when_nothing_uses_it() {
    let (app, _shop) = app().await;
    put(&app.client, &form()).await;
    let other = app.client_of("other").await;
    let row = async |client: &Client| client.get("/v1/catalog").await["groups"][0]["rows"][0].clone();
    let ours = row(&app.client).await;
    assert_eq!((&ours["kind"], &ours["title"]), (&json!("api_integrations"), &json!("API Integrations")));
    assert_eq!(ours["integrations"][0]["connector"], "api-stock-check");
    assert_eq!(row(&other).await["integrations"], json!([]));
    // what needs no account comes before the providers
    assert_eq!(app.client.get("/v1/catalog").await["groups"][0]["rows"][1]["connector"], "nearest-location");
    for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/test")] {
        let path = format!("/v1/api-integrations/stock-check{path}");
        let body = (method == "POST").then(|| json!({}));
        let (status, theirs) = other.send(method, &path, body.as_ref(), None).await;
        let nowhere = path.replace("stock-check", "nothing");
        assert_eq!(
            (status, theirs),
            (404, other.send(method, &nowhere, body.as_ref(), None).await.1),
            "{method} {path}"
        );
    }
    assert_eq!(other.get("/v1/api-integrations").await["data"], json!([]));

    // in the sandbox the example answers, and no credential is needed
    let sandbox = app.client.connect("api-stock-check", "sandbox", json!({})).await;
    let enabled = app.client.enable("api-stock-check", &sandbox, "stock_check", json!({})).await;
    assert_eq!(app.client.output("stock_check", json!({"item": "x"})).await, json!({"left": 7}));
    let path = "/v1/api-integrations/stock-check";
    let (status, problem) = app.client.send("DELETE", path, None, None).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("stock_check"), "{problem:#}");
    let enabled = format!("/v1/agents/a/actions/{}", enabled["id"].as_str().unwrap());
    for used in [enabled, format!("/v1/connections/{sandbox}"), path.to_owned()] {
        assert_eq!(app.client.send("DELETE", &used, None, None).await.0, 204, "{used}");
    }
    assert_eq!(app.client.send("GET", path, None, None).await.0, 404);
}

#[tokio::test]
async fn what_is_wrong_is_told_by_its_place_in_the_form() {
    let (app, _shop) = app().await;
    let refused = async |pointer: &str, value: Json| {
        let mut form = form();
        match form.pointer_mut(pointer) {
            Some(part) => *part = value,
            None => form["request"][pointer.trim_start_matches("/request/")] = value,
        }
        let (status, problem) = put(&app.client, &form).await;
        (status, problem)
    };
    for (pointer, value, code, expected) in [
        ("/request/url", json!("http://api.shop.example/"), "invalid_arguments", "/request/url"),
        (
            "/request/url",
            json!("https://169.254.169.254/latest/{{ input.item }}{{ input.size }}"),
            "invalid_connector",
            "/request/url",
        ),
        ("/request/headers", json!({"Cookie": "a=b"}), "invalid_connector", "/request/headers/Cookie"),
        ("/output/left", json!("{{ input.itm }}"), "invalid_connector", "/output/left"),
        ("/test/input/item", json!(5), "invalid_arguments", "/test/input/item"),
        ("/test/answer/body", json!({"left": [[]]}), "", ""),
        ("/test/answer", json!({"status": 500, "text": "no"}), "invalid_connector", "/test/answer"),
        ("/auth", json!({"scheme": "api_key"}), "invalid_arguments", "/auth"),
    ] {
        let (status, problem) = refused(pointer, value).await;
        if code.is_empty() {
            assert!(status < 300, "{problem:#}");
            continue;
        }
        let places = [("diagnostics", "pointer"), ("errors", "path")];
        let place = places.iter().find_map(|(list, key)| problem[list][0][key].as_str());
        assert_eq!(
            (status, problem["code"].as_str(), place),
            (422, Some(code), Some(expected)),
            "{pointer}: {problem:#}"
        );
    }
    let (status, problem) = refused("/auth", json!({"scheme": "oauth2"})).await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid_request")), "{problem:#}");
    let (status, _) = app.client.send("PUT", "/v1/api-integrations/Stock", Some(&form()), None).await;
    assert_eq!(status, 400);
}

/// A connector that calls nobody is connected and called like any other.
#[tokio::test]
async fn the_nearest_branch_is_found_without_an_account() {
    let app = TestApp::start().await;
    let connection = app.client.connect("nearest-location", "live", json!({})).await;
    let config =
        json!({"branches": "name,latitude,longitude\nBogor,-6.595,106.8166\nMedan,3.5952,98.6722\n", "limit": 1});
    app.client.enable("nearest-location", &connection, "nearest_location", config).await;
    let found = app.client.output("nearest_location", json!({"latitude": -6.2088, "longitude": 106.8456})).await;
    let nearest = json!({"name": "Bogor", "latitude": -6.595, "longitude": 106.8166, "distance_km": 43.06});
    assert_eq!(found, json!({"locations": [nearest]}));
}
