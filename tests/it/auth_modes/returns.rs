//! How a browser comes back from a consent: by a form, or without ever having been sent there by us.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use serde_json::json;

use super::{Bench, Reply, signed_in, token};
use crate::fakes::pairs;

/// The fields of the form on a page.
fn form(page: &str) -> Vec<(String, String)> {
    let between = |text: &str, name: &str| {
        let start = text.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
        text[start..].split('"').next().unwrap().to_owned()
    };
    page.split("<input ").skip(1).map(|it| (between(it, "name"), between(it, "value"))).collect()
}

#[tokio::test]
async fn the_answer_as_a_form() {
    let asked_for_tokens = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked_for_tokens);
    let bench = Bench::of("The answer as a form", move |asked| match asked.line().as_str() {
        "GET /authorize" => {
            if asked.in_query("response_mode") != "form_post" {
                return Err("only forms are posted here".to_owned());
            }
            let field = |name: &str, value: &str| format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">");
            let fields = [field("state", asked.in_query("state")), field("code", "c-12345"), field("user", "Ana & co")];
            let page =
                format!("<form method=\"post\" action=\"{}\">{}", asked.in_query("redirect_uri"), fields.concat());
            Ok(Reply::of(200, "text/html", page))
        }
        "POST /token" => {
            count.fetch_add(1, SeqCst);
            if asked.in_form("code") == "c-12345" { token("t-12345") } else { Err("another code".to_owned()) }
        }
        _ => {
            asked.has("x-person", "Ana & co")?;
            signed_in(asked)
        }
    })
    .await;
    let (client, begun) = (&bench.app.client, bench.begin(json!({})).await);
    let back = format!("{}/oauth/callback", client.base);
    let (status, _, page) = client.browse(begun["authorization_url"].as_str().unwrap()).await;
    assert_eq!(status, 200, "{page}");
    let fields = form(&page);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let state = fields[0].1;

    // what is not known, not a form, or said by the address, is nothing
    assert_eq!(client.post_form(&back, &[("state", "guessed"), ("code", "c-12345")]).await.0, 400);
    assert_eq!(client.post_form(&format!("{back}?state={state}"), &[("code", "c-12345")]).await.0, 400);
    assert_eq!(client.post_as(&back, "application/json", json!({"state": state}).to_string()).await.0, 415);
    assert_eq!(asked_for_tokens.load(SeqCst), 0);

    let (status, _, page) = client.post_form(&back, &fields).await;
    assert!(status == 200 && page.contains("Connected"), "{status} {page}");
    assert_eq!(client.post_form(&back, &fields).await.0, 400, "a state counts once");
    let connection = client.get(&format!("/v1/connections/{}", begun["id"].as_str().unwrap())).await;
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");

    let begun = bench.begin(json!({})).await;
    let url = begun["authorization_url"].as_str().unwrap();
    let state = pairs(url.split_once('?').unwrap().1).into_iter().find(|(name, _)| name == "state").unwrap().1;
    let refused = [("state", state.as_str()), ("error", "access_denied"), ("error_description", "not today")];
    assert_eq!(client.post_form(&back, &refused).await.0, 400);
    let connection = client.get(&format!("/v1/connections/{}", begun["id"].as_str().unwrap())).await;
    assert_eq!(connection["status"], "failed");
    assert!(connection["problem"].as_str().unwrap().contains("not today"), "{connection:#}");
}

#[tokio::test]
async fn an_install_that_begins_at_the_provider() {
    let asked_for_tokens = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked_for_tokens);
    let bench = Bench::of("An install that begins at the provider", move |asked| match asked.line().as_str() {
        "GET /acme/oauth/authorize" => {
            let usual = [("response_type", "code"), ("client_id", "app"), ("code_challenge_method", "S256")];
            asked.consent(&usual)?;
            asked.back(&[("code", "c-12345"), ("shop", "acme")])
        }
        "POST /acme/oauth/access_token" => {
            count.fetch_add(1, SeqCst);
            token("t-12345")
        }
        _ => signed_in(asked),
    })
    .await;
    // somebody else's install, in the browser of a builder: there is no state, or one that is none of ours
    let client = &bench.app.client;
    for parameters in ["code=c-evil&shop=evil", "code=c-evil&shop=evil&state=", "code=c-evil&shop=evil&state=x.y"] {
        let (status, _, page) = client.browse(&format!("{}/oauth/callback?{parameters}", client.base)).await;
        assert_eq!(status, 400, "{page}");
    }
    assert_eq!(client.get("/v1/connections").await["data"], json!([]));
    assert_eq!(asked_for_tokens.load(SeqCst), 0);
    // the page of the product, which knows its builder, takes the shop from the address with which the provider opened it
    assert_eq!(bench.look(json!({"shop": "acme"})).await["name"], "Ana");
    let (status, refused) = client
        .send("POST", "/v1/connections", Some(&json!({"connector": "it", "fields": {"shop": "evil.net/"}})), None)
        .await;
    assert_eq!(status, 422, "{refused:#}");
}

#[tokio::test]
async fn an_install_that_brings_its_code() {
    let bench = Bench::of("An install that brings its code", |asked| match asked.line().as_str() {
        "POST /installations/99/authorizations" => {
            asked.json(&json!({
                "grant_type": "authorization_code", "code": "ic-12345", "client_id": "app", "client_secret": "app-secret"
            }))?;
            Ok(Reply::json(&json!({"token": "t-old", "refreshToken": "r-12345", "expiresAt": "2026-11-25T10:00:00Z"})).status(201))
        }
        "POST /installations/99/refresh" => {
            asked.json(&json!({"grant_type": "refresh_token", "refresh_token": "r-12345"}))?;
            Ok(Reply::json(&json!({"token": "t-12345", "expiresAt": "2026-11-25T18:00:00Z"})))
        }
        _ => signed_in(asked).or_else(|why| asked.bearer("t-old").map_err(|_| why).and_then(|()| super::me())),
    })
    .await;
    let connection = bench.connect(json!({"installation": "99", "install_code": "ic-12345"})).await;
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    bench.advance(jiff::SignedDuration::from_hours(2));
    assert_eq!(bench.try_call_of("b", &connection, "look").await["output"]["name"], "Ana");
    let answers = bench.app.client.answers();
    assert!(["ic-12345", "r-12345", "t-12345", "app-secret"].iter().all(|it| !answers.contains(it)), "{answers}");
}
