//! A version that is worse is taken back by itself.

use serde_json::{Value as Json, json};

use super::{app, folder, operator, shop, source};

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_fails_is_taken_back_by_itself_and_the_others_never_noticed() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, false).await;
    let ops = operator(&app).await;
    let mut broken = source("1.1.0");
    broken["actions"]["stock"]["request"]["path"] = json!("/broken/{{ input.item }}");
    assert_eq!(super::publish(&ops, &broken, true).await.0, 201);
    let body = json!({"version": "1.1.0", "share": 50});
    assert_eq!(ops.send("PUT", "/v1/registry/shop/canary", Some(&body), None).await.0, 200);

    let (mut failed, mut calls) = (0, 0);
    let ended = loop {
        for _ in 0..10 {
            calls += 1;
            let call = json!({"function": "stock", "arguments": {"item": "x"}, "conversation": format!("c{calls}")});
            let execution = app.client.post("/v1/agents/a/calls", call).await;
            let tried = execution["connector_version"] == "1.1.0";
            assert_eq!(execution["status"] == "failed", tried, "{execution:#}");
            failed += u32::from(tried);
        }
        let shown = ops.get("/v1/registry/shop").await;
        if shown["canary"].is_null() {
            break shown;
        }
        assert!(calls < 5000, "it is never taken back: {shown:#}");
    };
    let last = &ended["last_canary"];
    assert_eq!((&ended["version"], &last["end"]), (&json!("1.0.0"), &json!("rolled_back")), "{ended:#}");
    let why = last["why"].as_str().unwrap();
    assert!(why.contains("calls failed, of the active version 0 of"), "{why}");
    assert!(failed >= 20, "{failed}");
    for conversation in 0..20 {
        let call = json!({"function": "stock", "arguments": {"item": "x"}, "conversation": format!("d{conversation}")});
        let execution: Json = app.client.post("/v1/agents/a/calls", call).await;
        assert_eq!(execution["output"]["version"], "1.0.0", "{execution:#}");
    }
}
