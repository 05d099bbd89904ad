//! Where a key may stand in a request.

use serde_json::json;

use super::{Bench, me};

#[tokio::test]
async fn a_key_in_a_header() {
    let bench = Bench::of("A key in a header", |asked| {
        asked.has("x-api-key", "k3y-12345")?;
        asked.has("x-tenant", "acme")?;
        me()
    });
    let bench = bench.await;
    assert_eq!(bench.look(json!({"api_key": "k3y-12345", "tenant": "acme"})).await["name"], "Ana");
}

#[tokio::test]
async fn a_key_in_the_query() {
    let bench = Bench::of("A key in the query", |asked| {
        asked.only_query(&[("api_key", "k3y-12345")])?;
        me()
    });
    assert_eq!(bench.await.look(json!({"api_key": "k3y-12345"})).await["name"], "Ana");
}

#[tokio::test]
async fn a_key_in_the_body() {
    let bench = Bench::of("A key in the body", |asked| {
        asked.json(&json!({"name": "Ana", "api_key": "k3y-12345"}))?;
        me()
    })
    .await;
    let looked = bench.look(json!({"api_key": "k3y-12345"})).await;
    assert_eq!(looked["name"], "Ana");
    assert!(!bench.app.client.answers().contains("k3y-12345"), "it is in no trace");
}

#[tokio::test]
async fn a_key_in_the_path_reaches_nobody_else() {
    let bench = Bench::of("A key in the path", |asked| match asked.line().as_str() {
        "GET /bot123:s3cret-token/getMe" => me(),
        // a provider that repeats what it was asked
        _ => Err(format!("no such page: {}", asked.path)),
    })
    .await;
    let connection = bench.connect(json!({"bot_token": "123:s3cret-token"})).await;
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");

    let other = bench.connect(json!({"bot_token": "123:an0ther-token"})).await;
    let failed = bench.try_call_of("b", &other, "look").await;
    assert_eq!(failed["status"], "failed", "{failed:#}");
    let execution = failed["id"].as_str().unwrap();
    bench.app.client.get(&format!("/v1/executions/{execution}")).await;
    let told = bench.app.client.answers();
    assert!(!told.contains("s3cret-token") && !told.contains("an0ther-token"), "{told}");

    let climbing = bench.connect(json!({"bot_token": "x/../../admin"})).await;
    let error = bench.try_call_of("c", &climbing, "look").await;
    assert_eq!(error["error"]["code"], "reauthorize", "{error:#}");
}

#[tokio::test]
async fn a_name_and_a_password() {
    let bench = Bench::of("A name and a password", |asked| {
        asked.basic("acme/token", "p4ssw0rd")?;
        me()
    });
    assert_eq!(bench.await.look(json!({"site": "acme", "password": "p4ssw0rd"})).await["name"], "Ana");
}

#[tokio::test]
async fn a_form_understands_what_is_pasted() {
    let bench = Bench::of("A form that helps", |asked| {
        asked.bearer("k3y-12345")?;
        if asked.path == "/v2/me" { me() } else { Err("no such page".to_owned()) }
    })
    .await;
    for shop in ["eu", "https://eu.example.com", " https://eu.example.com/ ", "eu.example.com"] {
        let connection = bench.connect(json!({"shop": shop, "api_key": "k3y-12345"})).await;
        assert_eq!(bench.try_call_of(&shop.len().to_string(), &connection, "look").await["output"]["name"], "Ana");
    }
    let refused = bench.try_connect(json!({"shop": "https://evil.com", "api_key": "k3y-12345"})).await;
    assert_eq!(refused["code"], "invalid_arguments", "{refused:#}");
}
