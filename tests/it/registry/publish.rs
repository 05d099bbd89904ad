//! Publishing, and going back.

use std::time::Instant;

use serde_json::{Value as Json, json};

use super::{app, folder, load::Load, operator, publish, published, shop, source, version};
use crate::{
    fakes::{Fault, Hold},
    harness::{Client, TestApp},
};

#[tokio::test]
async fn what_is_published_is_live_outlives_a_restart_and_is_rolled_back_in_one_step() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let mut app = app(&shop, &folder, false).await;
    let mut ops = operator(&app).await;
    published(&ops, "1.1.0", false).await;
    assert_eq!(version(&app).await, "1.1.0");
    published(&ops, "1.2.0", false).await;
    assert_eq!(version(&app).await, "1.2.0");
    let (status, again) = publish(&ops, &source("1.2.0"), false).await;
    assert_eq!((status, &again["active"]), (200, &json!(true)), "the same again changes nothing: {again:#}");

    app.restart().await;
    ops = ops.elsewhere(app.client.base.clone());
    assert_eq!(version(&app).await, "1.2.0");
    let list = ops.get("/v1/registry").await;
    let line = json!({"connector": "shop", "version": "1.2.0", "from": "registry", "in_folder": "1.0.0", "pins": 0});
    assert_eq!(list["data"], json!([line]));
    let shown = ops.get("/v1/registry/shop").await;
    let versions: Vec<_> =
        shown["versions"].as_array().unwrap().iter().map(|it| (&it["version"], &it["active"])).collect();
    assert_eq!(versions, [(&json!("1.2.0"), &json!(true)), (&json!("1.1.0"), &json!(false))]);
    assert_eq!((&shown["versions"][0]["published_by"], &shown["previous"]), (&json!("Olga"), &json!(["1.1.0", null])));
    let files = ops.get("/v1/registry/shop/versions/1.1.0").await;
    assert_eq!(serde_json::from_str::<Json>(files["source"].as_str().unwrap()).unwrap(), source("1.1.0"));
    assert_eq!(app.client.get("/v1/connectors/shop").await["version"], "1.2.0", "orgs see what they have");

    for (expected, from) in [("1.1.0", "registry"), ("1.0.0", "folder")] {
        let back = ops.post("/v1/registry/shop/rollback", json!({})).await;
        assert_eq!((&back["version"], &back["from"]), (&json!(expected), &json!(from)), "{back:#}");
        assert_eq!(version(&app).await, expected);
    }
    let (status, problem) = ops.send("POST", "/v1/registry/shop/rollback", None, None).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")), "{problem:#}");
    ops.post("/v1/registry/shop/promote", json!({"version": "1.2.0"})).await;
    assert_eq!(version(&app).await, "1.2.0", "and forth again");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_versions_are_published_and_rolled_back_no_call_fails() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    let load = Load::start(&app.client, 8);
    let mut took = Vec::new();
    for number in 1..=10 {
        let began = Instant::now();
        published(&ops, &format!("1.{number}.0"), false).await;
        assert_eq!(version(&app).await, format!("1.{number}.0"), "it is live when that is answered");
        took.push(began.elapsed());
    }
    let seen = load.stop().await;
    seen.assert_no_way_back();
    took.sort();
    println!("from a publish to the end of a call with it: median {:?}, longest {:?}", took[5], took[9]);
    println!("{}", seen.figures());

    let load = Load::start(&app.client, 8);
    for number in (0..10).rev() {
        ops.post("/v1/registry/shop/rollback", json!({})).await;
        assert_eq!(version(&app).await, format!("1.{number}.0"));
    }
    println!("rolled back: {}", load.stop().await.figures());
}

#[tokio::test]
async fn what_runs_or_waits_keeps_its_version() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let mut app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    published(&ops, "1.1.0", false).await;
    let hold = Hold::default();
    shop.fail_next("GET", "/v1/stock/x", Fault::Held(hold.clone()));
    shop.fail_next("GET", "/v1/open", Fault::Instead(200, json!({"open": false})));
    let client = app.client.clone();
    let running = tokio::spawn(async move { client.output("stock", json!({"item": "x"})).await });
    hold.reached().await;
    let body = json!({"function": "await", "arguments": {}});
    let (status, waiting) = app.client.send("POST", "/v1/agents/a/calls", Some(&body), None).await;
    assert_eq!((status, &waiting["status"]), (202, &json!("waiting")), "{waiting:#}");

    published(&ops, "1.2.0", false).await;
    assert_eq!(version(&app).await, "1.2.0");
    hold.release();
    assert_eq!(running.await.unwrap()["version"], "1.1.0");
    app.restart().await;
    let path = format!("/v1/executions/{}", waiting["id"].as_str().unwrap());
    let ended = app.client.until(&path, |it| it["status"] == "succeeded").await;
    assert_eq!(
        (&ended["connector_version"], &ended["output"]["version"]),
        (&json!("1.1.0"), &json!("1.1.0")),
        "{ended:#}"
    );
}

#[track_caller]
fn refused((status, problem): (u16, Json), expected: u16, code: &str, detail: &str) {
    assert_eq!((status, &problem["code"]), (expected, &json!(code)), "{problem:#}");
    assert!(problem.to_string().contains(detail), "{detail}: {problem:#}");
}

#[tokio::test]
async fn what_is_wrong_or_breaks_a_promise_is_refused_and_changes_nothing() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    published(&ops, "1.1.0", false).await;

    let mut changed = source("1.1.0");
    changed["summary"] = json!("Tells what is left there.");
    refused(
        publish(&ops, &changed, false).await,
        409,
        "conflict",
        "with another connector.yaml: a version never changes",
    );
    refused(publish(&ops, &source("1.0.5"), false).await, 409, "conflict", "is not higher than 1.1.0");
    let mut wrong = source("1.2.0");
    wrong["actions"]["stock"]["request"]["pth"] = json!("/");
    refused(publish(&ops, &wrong, false).await, 422, "invalid_connector", "/actions/stock/request/pth");
    let tests = json!({"cases": [{
        "name": "tells", "action": "stock", "input": {"item": "x"},
        "exchanges": [{"request": {"method": "GET", "url": "https://api.shop.example/v1/stock/x"}, "answer": {"body": {"left": 3}}}],
        "output": {"left": 4, "version": "1.2.0"}
    }]});
    let body = json!({"files": {"source": source("1.2.0"), "tests": tests}});
    let answer = ops.send("POST", "/v1/registry/shop/versions", Some(&body), None).await;
    refused(answer, 422, "invalid_connector", "does not come out as it says");

    let mut narrower = source("1.2.0");
    narrower["actions"]["stock"]["input"]["shelf"] = json!({"type": "string"});
    narrower["actions"]["stock"]["request"]["query"] = json!({"shelf": "{{ input.shelf }}"});
    narrower["actions"]["stock"]["output"] = json!({"version": "1.2.0"});
    for stage in [false, true] {
        let (status, problem) = publish(&ops, &narrower, stage).await;
        assert_eq!((status, &problem["code"]), (409, &json!("breaking_change")), "{problem:#}");
        let expected = [
            "action `stock`, input: `shelf` has to be given, before there was no such field",
            "action `stock`, output.left is gone",
        ];
        assert_eq!(problem["changes"], json!(expected));
    }
    assert_eq!(version(&app).await, "1.1.0");
    assert_eq!(
        ops.get("/v1/registry/shop").await["versions"].as_array().unwrap().len(),
        1,
        "nothing was kept of those"
    );
    narrower["version"] = json!("2.0.0");
    let (status, answer) = publish(&ops, &narrower, true).await;
    assert_eq!((status, &answer["changes"][0]["breaks"]), (201, &json!(true)), "{answer:#}");
    assert!(answer["unfit"].is_null(), "what is enabled has what it needs: {answer:#}");
    let mut other = source("3.0.0");
    other["actions"].as_object_mut().unwrap().remove("await");
    let diff = ops.post("/v1/registry/shop/diff", json!({"files": {"source": other}})).await;
    let unfit = (&diff["unfit"][0]["action"], &diff["unfit"][0]["problem"]);
    assert_eq!(unfit, (&json!("await"), &json!("has no action `await`")), "{diff:#}");
    let mut third = narrower.clone();
    third["version"] = json!("2.1.0");
    assert_eq!(publish(&ops, &third, true).await.0, 201, "compared with 2.0.0 it breaks nothing");

    let path = "/v1/registry/own-shop/versions";
    let body = json!({"files": {"source": source("1.0.0")}});
    refused(ops.send("POST", path, Some(&body), None).await, 400, "invalid_request", "the org publishes");
}

#[tokio::test]
async fn only_an_operator_s_key_opens_the_registry_and_it_opens_nothing_else() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    for (method, path) in [
        ("GET", "/v1/registry"),
        ("GET", "/v1/registry/shop"),
        ("POST", "/v1/registry/shop/versions"),
        ("GET", "/v1/registry/shop/versions/1.0.0"),
        ("POST", "/v1/registry/shop/diff"),
        ("PUT", "/v1/registry/shop/pins/acme"),
        ("DELETE", "/v1/registry/shop/pins/acme"),
        ("PUT", "/v1/registry/shop/canary"),
        ("POST", "/v1/registry/shop/promote"),
        ("POST", "/v1/registry/shop/rollback"),
    ] {
        let body = json!({"files": {"source": source("9.0.0")}, "version": "9.0.0"});
        refused(app.client.send(method, path, Some(&body), None).await, 403, "forbidden", "an org's key");
    }
    let unknown = Client::at(app.client.base.clone(), closeloop::base::Secret::new(format!("{}x", ops.key.expose())));
    refused(unknown.send("GET", "/v1/registry", None, None).await, 401, "unauthorized", "no operator's");
    refused(ops.send("GET", "/v1/connections", None, None).await, 401, "unauthorized", "of no org");
    assert_eq!(version(&app).await, "1.0.0");
    let id = ops.key.expose().split('.').next().unwrap().parse().unwrap();
    assert!(app.app().engine().revoke_operator_key(id).await.unwrap());
    refused(ops.send("GET", "/v1/registry", None, None).await, 401, "unauthorized", "revoked");
}

#[tokio::test]
async fn what_is_wrong_in_the_folder_is_listed() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app: TestApp = app(&shop, &folder, true).await;
    let ops = operator(&app).await;
    super::write(folder.path(), &source("1.1.0").to_string().replace("\"method\"", "\"methd\""));
    let list = ops.until("/v1/registry", |it| it["data"][0]["diagnostics"].is_array()).await;
    let line = &list["data"][0];
    assert_eq!((&line["version"], &line["from"]), (&json!("1.0.0"), &json!("folder")), "{list:#}");
    assert!(line["diagnostics"].to_string().contains("methd"), "{list:#}");
    assert_eq!(version(&app).await, "1.0.0");
}

#[tokio::test]
async fn what_was_taken_back_binds_nobody_but_those_who_are_pinned_to_it() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    let mut next = source("1.1.0");
    next["actions"]["more"] = next["actions"]["stock"].clone();
    assert_eq!(publish(&ops, &next, false).await.0, 201);
    ops.post("/v1/registry/shop/rollback", json!({})).await;
    published(&ops, "1.1.1", true).await;

    let pin = json!({"version": "1.1.0"});
    assert_eq!(ops.send("PUT", "/v1/registry/shop/pins/acme", Some(&pin), None).await.0, 204);
    refused(publish(&ops, &source("1.1.2"), true).await, 409, "breaking_change", "the action `more` is gone");
}

#[tokio::test]
async fn where_nothing_can_be_taken_back_it_is_said_what_is_live() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    published(&ops, "1.1.0", true).await;
    let says = "nothing is tried, and the folder's 1.0.0 is live: there is nothing to take back";
    refused(ops.send("POST", "/v1/registry/shop/rollback", None, None).await, 409, "conflict", says);
    refused(ops.send("POST", "/v1/registry/shot/rollback", None, None).await, 404, "not_found", "no such connector");
}
