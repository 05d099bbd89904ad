//! Deliveries that a provider signs with a private key, over real sockets: believed by its public key, from the form or from the
//! address where it publishes its keys.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use axum::{Json as Body, Router, routing::get};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use closeloop::{
    base::Clock,
    signing::{Algorithm, Hash, PrivateKey, jwt, pem},
};
use jiff::SignedDuration;
use serde_json::{Map, Value as Json, json};
use tempfile::TempDir;

use crate::{
    auth_modes::StandingClock,
    fakes::{Fault, Server},
    harness::{Options, TestApp},
};

const ORIGIN: &str = "https://bank.example.com";

/// By a signature beside the text that it signs, or else by a token in a header.
const CONNECTOR: &str = r#"id: bank
version: 1.0.0
title: Bank
summary: Tells what was paid.
catalog: {group: other_integration, phase: ga}
auth:
  fields:
    key: {type: string}
    bank_key: {type: string, format: public-key, secret: false, required: false}
  scheme: bearer
  token: "{{ auth.key }}"
http: {base_url: "https://bank.example.com", timeout: 30s}
events:
  receive:
    verify:
      - when: "{{ request.headers['x-signature'] }}"
        signature:
          given: "{{ request.headers['x-signature'] }}"
          over: "{{ request.method }}:{{ request.path }}:{{ request.raw | minify | digest('sha256') }}:{{ request.headers['x-timestamp'] }}"
          algorithm: RS256
          key: "{{ auth.bank_key }}"
        timestamp: "{{ request.headers['x-timestamp'] }}"
      - jwt:
          given: "{{ request.headers['x-token'] }}"
          algorithm: RS256
          keys_url: https://bank.example.com/.well-known/jwks.json
          issuer: "bank:{{ connection.bank_key | default('') | length }}"
          audience: "{{ connection.webhook_url }}"
        given: "{{ (request.headers['x-token'] | claims).body }}"
        expected: "{{ request.raw | digest('sha256') }}"
    answer: {body: {code: "2005600"}}
  types:
    paid:
      title: Paid
      id: "{{ request.body.id }}"
      correlate: "{{ request.body.id }}"
      output: {id: "{{ request.body.id }}", path: "{{ request.path }}"}
actions:
  look:
    title: Look
    describe: Tells what is on the account.
    effect: read
    request: {method: GET, path: /accounts}
"#;

struct Pair {
    private: String,
    public: String,
    modulus: String,
}

/// 2048 bits
fn pair() -> Pair {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    // PKCS #1, for this size
    let modulus = URL_SAFE_NO_PAD.encode(&key.public_key().as_ref()[9..265]);
    Pair { private: pem("PRIVATE KEY", private.as_ref()), public: pem("PUBLIC KEY", public.as_ref()), modulus }
}

impl Pair {
    fn jwk(&self, id: &str) -> Json {
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": self.modulus, "e": "AQAB"})
    }
}

fn hash(body: &str) -> String {
    Hash::Sha256.digest(body.as_bytes()).iter().map(|it| format!("{it:02x}")).collect()
}

struct Scene {
    app: TestApp,
    bank: Server,
    published: Arc<Mutex<Json>>,
    clock: StandingClock,
    pair: Pair,
    /// Without the proxy's part.
    path: String,
    http: reqwest::Client,
    _connectors: TempDir,
}

/// An engine behind a proxy that serves it under `/bot`.
async fn scene() -> Scene {
    let pair = pair();
    let published = Arc::new(Mutex::new(json!({"keys": [pair.jwk("one")]})));
    let shown = Arc::clone(&published);
    let keys = get(async move || Body(shown.lock().unwrap().clone()));
    let bank = Server::start(Router::new().route("/.well-known/jwks.json", keys)).await;
    let connectors = tempfile::tempdir().unwrap();
    fs::create_dir(connectors.path().join("bank")).unwrap();
    fs::write(connectors.path().join("bank/connector.yaml"), CONNECTOR).unwrap();
    let clock = StandingClock::at("2026-12-01T09:00:00Z");
    let app = TestApp::with(Options {
        overrides: vec![(ORIGIN, bank.url().to_owned())],
        connectors: Some(connectors.path().to_owned()),
        public_url: Some("https://bot.example.net/bot/"),
        clock: Some(Arc::new(clock.clone())),
        ..Options::default()
    })
    .await;
    let connection = app.client.connect("bank", "live", json!({"key": "k3y-12345", "bank_key": pair.public})).await;
    let shown = app.client.get(&format!("/v1/connections/{connection}")).await;
    let url = shown["webhooks"][0]["url"].as_str().unwrap();
    let path = url.strip_prefix("https://bot.example.net/bot").unwrap().to_owned();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Scene { app, bank, published, clock, pair, path, http, _connectors: connectors }
}

const BODY: &str = "{ \"id\": \"p1\",\n  \"amount\": 1.00 }";

impl Scene {
    async fn post(&self, rest: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let url = format!("{}{}{rest}", self.app.client.base, self.path);
        let mut request = self.http.post(url).header("content-type", "application/json").body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    fn signature(&self, by: &Pair, rest: &str, body: &str, time: &str) -> String {
        let message = format!("POST:/bot{}{rest}:{}:{time}", self.path, hash(body));
        let key = PrivateKey::read(&by.private).unwrap();
        STANDARD.encode(key.sign(Algorithm::Rs256, message.as_bytes()).unwrap())
    }

    fn claims(&self, body: &str) -> Json {
        let now = self.clock.now().as_second();
        let (issuer, audience) =
            (format!("bank:{}", self.pair.public.len()), format!("https://bot.example.net/bot{}", self.path));
        json!({"iss": issuer, "aud": audience, "iat": now, "exp": now + 60, "body": hash(body)})
    }

    fn token(&self, by: &Pair, id: &str, claims: &Json) -> String {
        jwt(claims, &key_id(id), Algorithm::Rs256, by.private.as_bytes()).unwrap()
    }

    async fn tell(&self, token: &str, body: &str) -> u16 {
        self.post("", &[("x-token", token)], body).await.0
    }

    async fn told(&self, count: usize) -> Vec<Json> {
        let page = "/v1/events?type=provider.event";
        let page = self.app.client.until(page, |it| it["data"].as_array().unwrap().len() >= count).await;
        page["data"].as_array().unwrap().clone()
    }

    fn asked(&self) -> usize {
        self.bank.count("GET", "/.well-known/jwks.json")
    }
}

fn key_id(id: &str) -> Map<String, Json> {
    Map::from_iter([("kid".to_owned(), id.into())])
}

#[tokio::test]
async fn a_signature_by_the_key_from_the_form() {
    let scene = scene().await;
    let time = "2026-12-01T16:00:00+07:00";
    let minified = r#"{"id":"p1","amount":1.00}"#;
    let signed = scene.signature(&scene.pair, "/v1.0/debit/notify", minified, time);
    let send = async |signed: &str, body: &str, rest: &str| {
        scene.post(rest, &[("x-signature", signed), ("x-timestamp", time)], body).await
    };
    let rest = "/v1.0/debit/notify";
    assert_eq!(send(&signed, BODY, rest).await, (200, r#"{"code":"2005600"}"#.to_owned()));
    let told = scene.told(1).await;
    assert_eq!(told[0]["data"]["output"]["path"], format!("/bot{}{rest}", scene.path), "as the provider has called it");

    let other = scene.signature(&pair(), rest, minified, time);
    for (signed, body, rest) in [
        (&*signed, BODY.replace("1.00", "2.00"), rest),
        (&*signed, BODY.to_owned(), "/v1.0/qr/notify"),
        (&*other, BODY.to_owned(), rest),
        ("AAAA", BODY.to_owned(), rest),
    ] {
        assert_eq!(send(signed, &body, rest).await.0, 401, "{body} {rest}");
    }
    // the same once more
    assert_eq!(send(&signed, BODY, rest).await.0, 200);
    scene.clock.advance(SignedDuration::from_secs(301));
    assert_eq!(send(&signed, BODY, rest).await.0, 401, "and again, later");
    assert_eq!(scene.told(1).await.len(), 1, "it happened once");
    assert_eq!(scene.asked(), 0);
}

#[tokio::test]
async fn a_token_by_a_key_that_the_provider_publishes() {
    let scene = scene().await;
    let claims = scene.claims(BODY);
    let token = scene.token(&scene.pair, "one", &claims);
    assert_eq!(scene.tell(&token, BODY).await, 200);
    assert_eq!(scene.tell(&token, BODY).await, 200, "told twice");
    assert_eq!(scene.told(1).await.len(), 1, "it happens once");
    assert_eq!(scene.asked(), 1);

    assert_eq!(scene.tell(&token, &BODY.replace("1.00", "2.00")).await, 401, "another body");
    assert_eq!(scene.tell(&scene.token(&pair(), "one", &claims), BODY).await, 401, "another's key");
    for (name, value) in [("aud", "https://bot.example.net/bot/webhooks/bank/other"), ("iss", "bank:1")] {
        let mut claims = claims.clone();
        claims[name] = value.into();
        assert_eq!(scene.tell(&scene.token(&scene.pair, "one", &claims), BODY).await, 401, "{name}");
    }
    // as if everybody's key were a secret, and as if no signature were one
    let shared = jwt(&claims, &key_id("one"), Algorithm::Hs256, scene.pair.public.as_bytes()).unwrap();
    assert_eq!(scene.tell(&shared, BODY).await, 401);
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"one"}"#);
    assert_eq!(scene.tell(&format!("{none}.{}.", token.split('.').nth(1).unwrap()), BODY).await, 401);
    scene.clock.advance(SignedDuration::from_secs(361));
    assert_eq!(scene.tell(&token, BODY).await, 401, "its time is over");
    assert_eq!(scene.asked(), 1, "nobody was asked about those");
}

#[tokio::test]
async fn while_the_keys_can_not_be_read_it_is_to_be_sent_again() {
    let scene = scene().await;
    let token = scene.token(&scene.pair, "one", &scene.claims(BODY));
    scene.bank.fail_next("GET", "/.well-known", Fault::RequestLost);
    assert_eq!(scene.tell(&token, BODY).await, 503);
    assert_eq!(scene.tell(&token, BODY).await, 503, "and nobody is asked just after");
    assert_eq!(scene.asked(), 1);
    scene.clock.advance(SignedDuration::from_secs(10));
    scene.bank.fail_next("GET", "/.well-known", Fault::Page(200));
    assert_eq!(scene.tell(&token, BODY).await, 503);
    scene.clock.advance(SignedDuration::from_secs(10));
    assert_eq!(scene.tell(&token, BODY).await, 200);
    assert_eq!(scene.told(1).await.len(), 1);
}

#[tokio::test]
async fn keys_are_replaced_and_made_up_ones_make_us_ask_seldom() {
    let scene = scene().await;
    let claims = scene.claims(BODY);
    assert_eq!(scene.tell(&scene.token(&scene.pair, "one", &claims), BODY).await, 200);
    let next = pair();
    *scene.published.lock().unwrap() = json!({"keys": [next.jwk("two")]});
    scene.clock.advance(SignedDuration::from_secs(10));
    let body = BODY.replace("p1", "p2");
    let token = scene.token(&next, "two", &scene.claims(&body));
    // together: one asks, the others use what it got
    let all = tokio::join!(scene.tell(&token, &body), scene.tell(&token, &body), scene.tell(&token, &body));
    assert_eq!(all, (200, 200, 200));
    assert_eq!((scene.asked(), scene.told(2).await.len()), (2, 2));

    for number in 0..20 {
        let made_up = scene.token(&next, &format!("k{number}"), &scene.claims(BODY));
        assert_eq!(scene.tell(&made_up, BODY).await, 503);
    }
    assert_eq!(scene.asked(), 2, "not yet");
    scene.clock.advance(SignedDuration::from_secs(10));
    let made_up = scene.token(&next, "three", &scene.claims(BODY));
    assert_eq!(scene.tell(&made_up, BODY).await, 401, "the provider has no such key");
    assert_eq!(scene.tell(&scene.token(&next, "two", &scene.claims(BODY)), BODY).await, 200);
    assert_eq!(scene.asked(), 3);
}
