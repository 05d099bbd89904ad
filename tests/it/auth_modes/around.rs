//! What is learnt with a token, asked after connecting, and taken back in the end.

use std::sync::{Arc, Mutex};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::{Bench, Reply, me, token};

#[tokio::test]
async fn values_from_the_tokens_answer() {
    let claims = URL_SAFE_NO_PAD.encode(json!({"email": "ana@example.com"}).to_string());
    let bench = Bench::of("Values from the token's answer", move |asked| match asked.line().as_str() {
        "GET /authorize" => asked.back(&[("code", "c-12345")]),
        "POST /token" => {
            let answer = json!({
                "access_token": "t-12345", "id_token": format!("e30.{claims}.c2ln"),
                "instance_url": "https://api.example.com/of/acme",
            });
            Ok(Reply::json(&answer).header("x-plan", "pro"))
        }
        "GET /of/acme/me" => me(),
        path => Err(format!("no such page: {path}")),
    })
    .await;
    assert_eq!(bench.look(json!({})).await["name"], "Ana");
}

#[tokio::test]
async fn a_look_up_after_connecting() {
    let bench = Bench::of("A look-up after connecting", |asked| match asked.line().as_str() {
        "GET /whoami" => {
            asked.bearer("k3y-12345")?;
            Ok(Reply::json(&json!({"id": "u-1", "name": "Ana"})))
        }
        "GET /companies" => {
            asked.only_query(&[("of", "u-1")])?;
            Ok(Reply::json(&json!([{"id": "c-1", "name": "Acme"}, {"id": "c-2", "name": "Bolt"}])))
        }
        "GET /companies/c-1" => Ok(Reply::json(&json!({"name": "Acme"}))),
        "GET /companies/c-2" => Ok(Reply::json(&json!({"name": "Bolt"}))),
        path => Err(format!("no such page: {path}")),
    })
    .await;
    let first = bench.connect(json!({"api_key": "k3y-12345"})).await;
    assert_eq!(first["label"], "Ana · Acme");
    let second = bench.connect(json!({"api_key": "k3y-12345", "company": "Bolt"})).await;
    assert_eq!(second["label"], "Ana · Bolt");
    for (agent, connection, company) in [("a", &first, "Acme"), ("b", &second, "Bolt")] {
        let execution = bench.try_call_of(agent, connection, "look").await;
        assert_eq!(execution["output"]["name"], company, "{execution:#}");
    }
    let refused = bench.try_connect(json!({"api_key": "wr0ng-key"})).await;
    assert_ne!(refused["status"], "connected", "{refused:#}");
}

#[tokio::test]
async fn a_check_in_several_ways() {
    let bench =
        Bench::of("A check in several ways", |asked| match (asked.line().as_str(), asked.header("authorization")) {
            ("GET /user", "Bearer user-key") => Ok(Reply::json(&json!({"name": "Ana"}))),
            ("GET /user", _) => Ok(Reply::json(&json!({"message": "no user"})).status(403)),
            ("POST /site", "Bearer site-key") => {
                asked.json(&json!({"query": "name"}))?;
                Ok(Reply::json(&json!({"name": "Acme"})))
            }
            _ => Ok(Reply::json(&json!({})).status(401)),
        })
        .await;
    assert_eq!(bench.connect(json!({"api_key": "user-key"})).await["label"], "Ana");
    assert_eq!(bench.connect(json!({"api_key": "site-key"})).await["label"], "Acme");
    let refused = bench.try_connect(json!({"api_key": "other-key"})).await;
    assert_ne!(refused["status"], "connected", "{refused:#}");
}

#[tokio::test]
async fn taking_it_back() {
    let gone = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&gone);
    let bench = Bench::of("Taking it back", move |asked| match asked.line().as_str() {
        "GET /authorize" => asked.back(&[("code", "c-12345")]),
        "POST /token" => Ok(Reply::json(&json!({"access_token": "t-12345", "refresh_token": "r/12345"}))),
        line if asked.method == "DELETE" => {
            taken.lock().unwrap().push(line.to_owned());
            Ok(Reply::of(204, "text/plain", String::new()))
        }
        _ => me(),
    })
    .await;
    let connection = bench.connect(json!({})).await;
    let path = format!("/v1/connections/{}", connection["id"].as_str().unwrap());
    let (status, told) = bench.app.client.send("DELETE", &path, None, None).await;
    assert!((200..300).contains(&status), "{status} {told:#}");
    assert_eq!(*gone.lock().unwrap(), ["DELETE /refresh-tokens/r%2F12345"]);
}

#[tokio::test]
async fn nothing_of_all_that_is_shown() {
    let bench = Bench::of("A session after the token", |asked| match asked.line().as_str() {
        "GET /authorize" => asked.back(&[("code", "c0de-12345")]),
        "POST /token" => token("access-12345"),
        "POST /rest-services/login" => {
            Ok(Reply::json(&json!({"BhRestToken": "session-12345", "restUrl": "https://api.example.com/rest"})))
        }
        _ => Ok(Reply::json(&json!({"you": asked.headers.clone(), "name": "Ana"}))),
    })
    .await;
    let connection = bench.connect(json!({})).await;
    bench.call(&connection, "look").await;
    let told = bench.app.client.answers();
    for secret in ["c0de-12345", "access-12345", "session-12345", "app-secret"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    let stored = String::from_utf8_lossy(&bench.app.stored_bytes()).into_owned();
    for secret in ["c0de-12345", "access-12345", "session-12345"] {
        assert!(!stored.contains(secret), "{secret} is stored openly");
    }
}
