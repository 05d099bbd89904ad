//! What providers tell unasked, over real sockets: verified, stored, worked off once, and what waits for it woken once.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json as Body, Router,
    extract::Path,
    http::StatusCode,
    routing::{delete, get, post},
};
use closeloop::{base::Clock, system::SystemClock};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{
    fakes::{Fault, Hold, Server},
    harness::{Options, TestApp},
};
use signing::signature;

const KEY: &str = "unmistakable-signing-key";

const CONNECTOR: &str = r#"id: till
version: 1.0.0
title: Till
summary: Takes payments.
catalog: {group: other_integration, phase: ga}
auth: {fields: {key: {type: string}}, scheme: bearer, token: "{{ auth.key }}"}
http: {base_url: "https://till.example.com", timeout: 30s}
events:
  receive:
    handshake: {when: "{{ request.query.challenge }}", text: "{{ request.query.challenge }}"}
    each: $
    verify:
      given: "{{ request.headers['x-signature'] }}"
      expected: "{{ (request.headers['x-time'] ~ '.' ~ request.raw) | hmac('sha256', auth.key) }}"
      timestamp: "{{ request.headers['x-time'] }}"
      tolerance: 3m
    answer: {status: 202}
  types:
    changed:
      title: An order changed
      when: "{{ item.kind == 'order' }}"
      id: "{{ item.id }}"
      confirm: {method: GET, path: "/orders/{{ item.order }}"}
      correlate: "{{ answer.body.id }}"
      output: {id: $.id, status: $.status, echo: "{{ item.echo }}"}
  subscribe:
    request: {method: POST, path: /hooks, body: {url: "{{ connection.webhook_url }}", secret: "{{ subscription.secret }}", key: "{{ subscription.key }}"}}
    output: {id: $.id, expires_at: $.expires_at}
    remove: {method: DELETE, path: "/hooks/{{ subscription.id }}"}
actions:
  pay:
    title: Pay
    describe: Opens an order and waits until it is paid.
    effect: money
    input: {poll: {type: boolean, default: false}}
    steps:
      - id: order
        request: {method: POST, path: /orders, headers: {X-Key: "{{ execution.key }}"}}
        idempotent: true
        undo: {method: DELETE, path: "/orders/{{ steps.order.id }}"}
      - id: paid
        when: "{{ not input.poll }}"
        wait: {event: changed, for: "{{ steps.order.id }}", until: "{{ event.status == 'paid' }}", timeout: 1h}
      - id: polled
        when: "{{ input.poll }}"
        wait:
          poll: {method: GET, path: "/orders/{{ steps.order.id }}", every: 1s, until: "{{ answer.body.status == 'paid' }}"}
          timeout: 1h
      - id: ship
        request: {method: POST, path: /parcels, body: {order: "{{ steps.order.id }}"}}
        idempotent: {by: "{{ steps.order.id }}"}
    output: {parcel: "{{ steps.ship.id }}", status: "{{ (steps.paid or steps.polled).status }}"}
  give_up:
    title: Give up
    describe: Opens an order and waits for a second only.
    effect: money
    steps:
      - id: order
        request: {method: POST, path: /orders, headers: {X-Key: "{{ execution.key }}"}}
        idempotent: true
        undo: {method: DELETE, path: "/orders/{{ steps.order.id }}"}
      - id: paid
        wait: {event: changed, for: "{{ steps.order.id }}", timeout: 1s}
    output: "{{ steps.paid.status }}"
  echo:
    title: Echo
    describe: Opens an order, waits for a second, and says what the order looked like.
    effect: money
    steps:
      - id: order
        request: {method: POST, path: /orders, headers: {X-Key: "{{ execution.key }}"}}
        idempotent: true
      - id: paid
        wait: {event: changed, for: "{{ steps.order.id }}", timeout: 1s, on_timeout: {}}
    output: {echo: "{{ steps.order.echo }}"}
  charge:
    title: Charge
    describe: Charges for an order, which can't be looked up, and ships it.
    effect: money
    input: {order: {type: string}}
    steps:
      - id: charge
        request: {method: POST, path: /charges, body: {order: "{{ input.order }}"}}
        told_by:
          event: changed
          for: "{{ input.order }}"
          holds: "{{ event.status == 'paid' }}"
          absent: "{{ event.status == 'refused' }}"
          output: {id: "{{ event.id }}"}
      - id: ship
        request: {method: POST, path: /parcels, body: {order: "{{ steps.charge.id }}"}}
        idempotent: {by: "{{ steps.charge.id }}"}
    output: {parcel: "{{ steps.ship.id }}", order: "{{ steps.charge.id }}"}
"#;

mod signing {
    use aws_lc_rs::hmac;

    pub(super) fn signature(key: &str, message: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        hmac::sign(&key, message.as_bytes()).as_ref().iter().map(|it| format!("{it:02x}")).collect()
    }
}

/// The provider: every order is paid from the beginning, unless a fault says otherwise.
async fn till() -> Server {
    let orders = Arc::new(AtomicUsize::new(0));
    let order = move || {
        let number = orders.fetch_add(1, Ordering::SeqCst) + 1;
        async move { (StatusCode::CREATED, Body(json!({"id": format!("o{number}"), "status": "open"}))) }
    };
    let show = |Path(id): Path<String>| async move { Body(json!({"id": id, "status": "paid"})) };
    let gone = |Path(_): Path<String>| async move { StatusCode::NO_CONTENT };
    let router = Router::new()
        .route("/orders", post(order))
        .route("/orders/{id}", get(show).delete(gone))
        .route("/parcels", post(async || (StatusCode::CREATED, Body(json!({"id": "p1"})))))
        .route("/hooks", post(async || Body(json!({"id": "h1", "expires_at": "2100-01-01T00:00:00Z"}))))
        .route("/hooks/{id}", delete(gone));
    Server::start(router).await
}

struct Scene {
    app: TestApp,
    till: Server,
    connection: String,
    /// `/webhooks/till/…`
    path: String,
    http: reqwest::Client,
    _connectors: TempDir,
}

async fn scene() -> Scene {
    scene_at("https://bot.example.net").await
}

async fn scene_at(public_url: &'static str) -> Scene {
    let till = till().await;
    let connectors = tempfile::tempdir().unwrap();
    let folder = connectors.path().join("till");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("connector.yaml"), CONNECTOR).unwrap();
    fs::write(
        folder.join("tests.yaml"),
        "sandbox:\n  - {request: {method: POST, path: /orders}, answer: {body: {id: o1}}}\n  - {request: {method: POST, path: /parcels}, answer: {body: {id: p1}}}\n  - {event: changed, after: 1s, output: {id: \"{{ correlate }}\", status: paid}}\n",
    )
    .unwrap();
    let app = TestApp::with(Options {
        overrides: vec![("https://till.example.com", till.url().to_owned())],
        connectors: Some(connectors.path().to_owned()),
        public_url: Some(public_url),
        ..Options::default()
    })
    .await;
    let connection = app.client.connect("till", "live", json!({"key": KEY})).await;
    for action in ["pay", "give_up", "echo", "charge"] {
        app.client.enable("till", &connection, action, json!({})).await;
    }
    let shown = app.client.get(&format!("/v1/connections/{connection}")).await;
    let url = shown["webhooks"][0]["url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(public_url).unwrap().to_owned();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Scene { app, till, connection, path, http, _connectors: connectors }
}

impl Scene {
    fn now() -> i64 {
        SystemClock.now().as_second()
    }

    async fn deliver_at(&self, body: &str, key: &str, time: i64) -> u16 {
        let signature = signature(key, &format!("{time}.{body}"));
        let url = format!("{}{}", self.app.client.base, self.path);
        let request = self.http.post(url).header("x-time", time).header("x-signature", signature).body(body.to_owned());
        request.header("content-type", "application/json").send().await.unwrap().status().as_u16()
    }

    /// A delivery as the provider sends it.
    async fn deliver(&self, id: &str, order: &str) -> u16 {
        let body = json!({"id": id, "kind": "order", "order": order, "echo": format!("signed with {KEY}")}).to_string();
        self.deliver_at(&body, KEY, Self::now()).await
    }

    async fn pay(&self, input: Json) -> String {
        let body = json!({"function": "pay", "arguments": input});
        let (status, execution) = self.app.client.send("POST", "/v1/agents/a/calls", Some(&body), None).await;
        assert_eq!((status, execution["status"].as_str()), (202, Some("waiting")), "{execution:#}");
        execution["id"].as_str().unwrap().to_owned()
    }

    /// A charge of which nobody knows whether it happened.
    async fn doubts(&self, order: &str) -> String {
        self.till.fail_next("POST", "/charges", Fault::Instead(502, json!({})));
        let execution = self.charge(order).await;
        assert_eq!((&execution["status"], &execution["in_doubt"]), (&json!("failed"), &json!(true)), "{execution:#}");
        assert_eq!(execution["error"]["code"], "unknown_outcome");
        execution["id"].as_str().unwrap().to_owned()
    }

    async fn charge(&self, order: &str) -> Json {
        let body = json!({"function": "charge", "arguments": {"order": order}});
        let (_, execution) = self.app.client.send("POST", "/v1/agents/a/calls", Some(&body), Some("one key")).await;
        execution
    }

    async fn in_doubt(&self) -> usize {
        self.app.client.get("/v1/executions?in_doubt=true").await["data"].as_array().unwrap().len()
    }

    /// The execution once it has ended.
    async fn ended(&self, id: &str) -> Json {
        self.app
            .client
            .until(&format!("/v1/executions/{id}"), |it| matches!(it["status"].as_str(), Some("succeeded" | "failed")))
            .await
    }

    async fn events(&self, kind: &str, count: usize) -> Vec<Json> {
        let path = format!("/v1/events?type={kind}");
        let page = self.app.client.until(&path, |it| it["data"].as_array().unwrap().len() >= count).await;
        page["data"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn an_execution_waits_and_is_woken_by_what_the_provider_tells() {
    let scene = scene().await;
    let id = scene.pay(json!({})).await;
    assert_eq!(scene.till.count("POST", "/parcels"), 0);
    assert_eq!(scene.deliver("n1", "o1").await, 202);
    let ended = scene.ended(&id).await;
    assert_eq!((&ended["status"], &ended["output"]), (&json!("succeeded"), &json!({"parcel": "p1", "status": "paid"})));
    assert_eq!(ended["writes"].as_array().unwrap().len(), 2, "one before it waited, one after: {ended:#}");
    assert_eq!(ended["trace"].as_array().unwrap().iter().filter(|it| it["event"] == "exchanged").count(), 2);
    let told = scene.events("execution.succeeded", 1).await;
    assert_eq!((told.len(), told[0]["execution"].as_str()), (1, Some(id.as_str())));
    assert_eq!(told[0]["data"]["output"]["parcel"], "p1");
    let provider = scene.events("provider.event", 1).await;
    assert_eq!(provider[0]["data"]["output"]["echo"], "signed with •••", "no secret is handed on");
}

#[tokio::test]
async fn what_is_not_believed_has_no_effect() {
    let scene = scene().await;
    let id = scene.pay(json!({})).await;
    let body = json!({"id": "n1", "kind": "order", "order": "o1"}).to_string();
    let now = Scene::now();
    assert_eq!(scene.deliver_at(&body, "another-key", now).await, 401, "a wrong signature");
    assert_eq!(scene.deliver_at(&body, KEY, now - 200).await, 401, "an old one, sent again");
    assert_eq!(scene.deliver_at(&body, KEY, now + 200).await, 401, "one from the future");
    let url = format!("{}{}", scene.app.client.base, scene.path);
    assert_eq!(scene.http.post(&url).body(body.clone()).send().await.unwrap().status(), 401, "none at all");
    for other in ["/webhooks/till/0000", "/webhooks/none/0000"] {
        let url = format!("{}{other}", scene.app.client.base);
        assert_eq!(scene.http.post(url).body(body.clone()).send().await.unwrap().status(), 404);
    }
    let long = scene.http.post(&url).body("x".repeat(600 << 10)).send().await.unwrap();
    assert_eq!(long.status(), 413);
    assert_eq!(scene.till.count("GET", "/orders"), 0, "nobody was asked");
    assert_eq!(scene.app.client.get("/v1/events").await["data"], json!([]));
    assert_eq!(scene.app.client.get(&format!("/v1/executions/{id}")).await["status"], "waiting");
}

#[tokio::test]
async fn what_is_no_event_is_counted_at_the_connection() {
    let scene = scene().await;
    let body = json!({"id": "n1", "kind": "refund"}).to_string();
    assert_eq!(scene.deliver_at(&body, KEY, Scene::now()).await, 202);
    let path = format!("/v1/connections/{}", scene.connection);
    let shown = scene.app.client.until(&path, |it| it["webhooks"][0]["ignored"].is_object()).await;
    assert_eq!(shown["webhooks"][0]["ignored"]["count"], 1, "{shown:#}");
    assert_eq!(scene.app.client.get("/v1/events").await["data"], json!([]));

    // what many clients call a form is read as the JSON that it is
    let (body, now) = (json!({"id": "n2", "kind": "order", "order": "o1"}).to_string(), Scene::now());
    let request = scene.http.post(format!("{}{}", scene.app.client.base, scene.path)).header("x-time", now);
    let request = request.header("x-signature", signature(KEY, &format!("{now}.{body}")));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
    assert_eq!(request.send().await.unwrap().status(), 202);
    assert_eq!(scene.events("provider.event", 1).await.len(), 1);
    let shown = scene.app.client.get(&path).await;
    assert_eq!(shown["webhooks"][0]["ignored"]["count"], 1, "{shown:#}");
}

#[tokio::test]
async fn without_a_public_address_a_connection_says_so_and_can_be_tried_from_nearby() {
    let scene = scene_at("http://127.0.0.1:8080").await;
    let shown = scene.app.client.get(&format!("/v1/connections/{}", scene.connection)).await;
    let webhook = &shown["webhooks"][0];
    let problem = "`public_url` is no https address that a provider could reach";
    assert_eq!((&webhook["problem"], &webhook["subscribed"]), (&json!(problem), &json!(false)), "{shown:#}");
    assert_eq!(scene.till.count("POST", "/hooks"), 0, "nobody is told where to send");
    assert_eq!(scene.deliver("n1", "o1").await, 202);
    assert_eq!(scene.events("provider.event", 1).await.len(), 1);
}

#[tokio::test]
async fn a_handshake_is_answered_and_means_nothing() {
    let scene = scene().await;
    let url = format!("{}{}?challenge=is%20%3Cb%3Eit%3C%2Fb%3E%20you", scene.app.client.base, scene.path);
    let answer = scene.http.post(&url).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (200, "text/plain; charset=utf-8")
    );
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.text().await.unwrap(), "is <b>it</b> you");
    assert_eq!(scene.http.get(&url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_same_thing_told_twice_or_together_happens_once() {
    let scene = scene().await;
    let id = scene.pay(json!({})).await;
    let (a, b, c, d) = tokio::join!(
        scene.deliver("n1", "o1"),
        scene.deliver("n1", "o1"),
        scene.deliver("n2", "o1"),
        scene.deliver("n3", "o1")
    );
    assert_eq!([a, b, c, d], [202; 4]);
    let ended = scene.ended(&id).await;
    assert_eq!(ended["status"], "succeeded");
    assert_eq!(scene.events("provider.event", 3).await.len(), 3, "n1 is told once");
    assert_eq!(scene.deliver("n1", "o1").await, 202);
    assert_eq!(scene.deliver("n4", "o1").await, 202, "late ones are told, and wake nobody");
    assert_eq!(scene.events("provider.event", 4).await.len(), 4);
    assert_eq!(scene.till.count("POST", "/parcels"), 1, "it was shipped once");
    assert_eq!(scene.events("execution.succeeded", 1).await.len(), 1);
}

#[tokio::test]
async fn what_comes_before_it_is_waited_for_counts() {
    let scene = scene().await;
    let hold = Hold::default();
    scene.till.fail_next("POST", "/orders", Fault::Held(hold.clone()));
    let paying = {
        let client = scene.app.client.clone();
        tokio::spawn(
            async move { client.send("POST", "/v1/agents/a/calls", Some(&json!({"function": "pay"})), None).await },
        )
    };
    hold.reached().await;
    assert_eq!(scene.deliver("n1", "o1").await, 202);
    scene.events("provider.event", 1).await;
    hold.release();
    let (_, execution) = paying.await.unwrap();
    let ended = scene.ended(execution["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "succeeded", "{ended:#}");
}

#[tokio::test]
async fn events_that_do_not_suit_leave_it_waiting() {
    let scene = scene().await;
    let id = scene.pay(json!({})).await;
    scene.till.fail_next("GET", "/orders/o1", Fault::Instead(200, json!({"id": "o1", "status": "pending"})));
    assert_eq!(scene.deliver("n1", "o1").await, 202);
    assert_eq!(scene.deliver("n2", "o7").await, 202, "of another order");
    scene.events("provider.event", 2).await;
    scene.app.client.until(&format!("/v1/executions/{id}"), |it| it["status"] == "waiting").await;
    assert_eq!(scene.till.count("POST", "/parcels"), 0);
    assert_eq!(scene.deliver("n3", "o1").await, 202);
    assert_eq!(scene.ended(&id).await["status"], "succeeded");
}

#[tokio::test]
async fn a_provider_that_can_not_confirm_yet_is_asked_again() {
    let scene = scene().await;
    let id = scene.pay(json!({})).await;
    for status in [503, 404] {
        // a read is repeated by itself where that may help: each of those fails too
        for _ in 0..(if status == 503 { 3 } else { 1 }) {
            scene.till.fail_next("GET", "/orders/o1", Fault::Instead(status, json!({})));
        }
    }
    assert_eq!(scene.deliver("n1", "o1").await, 202);
    assert_eq!(scene.ended(&id).await["status"], "succeeded");
}

#[tokio::test]
async fn one_that_is_denied_does_not_hold_up_what_stands_beside_it() {
    let scene = scene().await;
    let id = scene.pay(json!({})).await;
    for _ in 0..6 {
        scene.till.fail_next("GET", "/orders/gone", Fault::Instead(404, json!({})));
    }
    let of = |id: &str, order: &str| json!({"id": id, "kind": "order", "order": order, "echo": ""});
    let body = json!([of("n1", "gone"), of("n2", "o1")]).to_string();
    assert_eq!(scene.deliver_at(&body, KEY, Scene::now()).await, 202);
    assert_eq!(scene.ended(&id).await["status"], "succeeded");
    assert_eq!(scene.events("provider.event", 1).await.len(), 1);
}

#[tokio::test]
async fn a_poll_wakes_it_too() {
    let scene = scene().await;
    scene.till.fail_next("GET", "/orders/o1", Fault::Instead(404, json!({})));
    let id = scene.pay(json!({"poll": true})).await;
    let ended = scene.ended(&id).await;
    assert_eq!(ended["output"], json!({"parcel": "p1", "status": "paid"}));
    assert_eq!(scene.till.count("GET", "/orders"), 2, "an answer that fails tells nothing");
}

#[tokio::test]
async fn when_its_time_is_over_what_was_done_is_undone_and_told() {
    let scene = scene().await;
    let (status, execution) =
        scene.app.client.send("POST", "/v1/agents/a/calls", Some(&json!({"function": "give_up"})), None).await;
    assert_eq!(status, 202);
    let ended = scene.ended(execution["id"].as_str().unwrap()).await;
    assert_eq!((&ended["error"]["code"], &ended["error"]["step"]), (&json!("timeout"), &json!("paid")));
    assert_eq!(scene.till.count("DELETE", "/orders/o1"), 1);
    let told = scene.events("execution.failed", 1).await;
    assert_eq!(told[0]["data"]["error"]["code"], "timeout");
}

#[tokio::test]
async fn what_it_had_signed_with_is_masked_though_the_account_is_gone() {
    let scene = scene().await;
    let order = json!({"id": "o1", "status": "open", "echo": format!("signed with {KEY}")});
    scene.till.fail_next("POST", "/orders", Fault::Instead(201, order));
    let (status, execution) =
        scene.app.client.send("POST", "/v1/agents/a/calls", Some(&json!({"function": "echo"})), None).await;
    assert_eq!(status, 202, "{execution:#}");
    let connection = format!("/v1/connections/{}", scene.connection);
    assert_eq!(scene.app.client.send("DELETE", &connection, None, None).await.0, 204);
    let ended = scene.ended(execution["id"].as_str().unwrap()).await;
    assert_eq!(ended["output"], json!({"echo": "signed with •••"}), "{ended:#}");
    assert!(!String::from_utf8_lossy(&scene.app.stored_bytes()).contains(KEY));
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let mut scene = scene().await;
    let id = scene.pay(json!({})).await;
    scene.app.restart().await;
    assert_eq!(scene.app.client.get(&format!("/v1/executions/{id}")).await["status"], "waiting");
    assert_eq!(scene.deliver("n1", "o1").await, 202);
    assert_eq!(scene.ended(&id).await["output"]["parcel"], "p1");
}

#[tokio::test]
async fn what_was_taken_before_a_crash_is_worked_off_after_it() {
    let mut scene = scene().await;
    let id = scene.pay(json!({})).await;
    let hold = Hold::default();
    scene.till.fail_next("GET", "/orders/o1", Fault::Held(hold.clone()));
    assert_eq!(scene.deliver("n1", "o1").await, 202, "it is taken");
    hold.reached().await;
    // it is being confirmed: nothing came of it yet
    let files = tempfile::tempdir().unwrap();
    scene.app.crash(files.path()).await;
    let ended = scene.ended(&id).await;
    assert_eq!(ended["status"], "succeeded", "{ended:#}");
    assert_eq!(scene.till.count("POST", "/parcels"), 1);
    assert_eq!(scene.events("provider.event", 1).await.len(), 1);
}

#[tokio::test]
async fn a_crash_in_the_middle_of_going_on_repeats_what_the_provider_takes_for_the_same_and_is_told_once() {
    let mut scene = scene().await;
    let id = scene.pay(json!({})).await;
    let hold = Hold::default();
    scene.till.fail_next("POST", "/parcels", Fault::Held(hold.clone()));
    assert_eq!(scene.deliver("n1", "o1").await, 202);
    hold.reached().await;
    let files = tempfile::tempdir().unwrap();
    scene.app.crash(files.path()).await;
    let ended = scene.ended(&id).await;
    assert_eq!((&ended["status"], &ended["output"]["parcel"]), (&json!("succeeded"), &json!("p1")), "{ended:#}");
    assert_eq!(scene.till.count("POST", "/orders"), 1, "what had been done is not done again");
    assert_eq!(scene.till.count("POST", "/parcels"), 2, "what was on its way is");
    let told = scene.events("execution.succeeded", 1).await;
    assert_eq!((told.len(), told[0]["execution"].as_str()), (1, Some(id.as_str())));
}

#[tokio::test]
async fn a_crash_while_it_only_looks_is_as_though_nothing_had_been() {
    let mut scene = scene().await;
    let hold = Hold::default();
    scene.till.fail_next("GET", "/orders/o1", Fault::Held(hold.clone()));
    let id = scene.pay(json!({"poll": true})).await;
    hold.reached().await;
    let files = tempfile::tempdir().unwrap();
    scene.app.crash(files.path()).await;
    assert_eq!(scene.ended(&id).await["status"], "succeeded");
    assert_eq!(scene.till.count("POST", "/parcels"), 1);
}

#[tokio::test]
async fn the_provider_is_told_where_to_send_and_that_it_is_over() {
    let scene = scene().await;
    let path = format!("/v1/connections/{}", scene.connection);
    let shown = scene.app.client.until(&path, |it| it["webhooks"][0]["subscribed"] == true).await;
    assert_eq!(shown["webhooks"][0]["expires_at"], "2100-01-01T00:00:00Z");
    let told = scene.till.seen().into_iter().find(|it| it.path == "/hooks").unwrap().json();
    assert_eq!(told["url"], shown["webhooks"][0]["url"]);
    let secret = told["secret"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 43);
    assert_eq!(told["key"].as_str().unwrap().len(), 36);
    let stored = String::from_utf8_lossy(&scene.app.stored_bytes()).into_owned();
    assert!(!stored.contains(&secret), "the secret is sealed");
    let (status, _) = scene.app.client.send("DELETE", &path, None, None).await;
    assert_eq!(status, 204);
    assert_eq!(scene.till.count("DELETE", "/hooks/h1"), 1);
    assert_eq!(scene.deliver("n1", "o1").await, 404, "nothing is taken any more");
}

#[tokio::test]
async fn a_provider_that_refuses_the_address_is_told_of() {
    let scene = scene().await;
    let path = format!("/v1/connections/{}", scene.connection);
    scene.app.client.until(&path, |it| it["webhooks"][0]["subscribed"] == true).await;
    let refused = Fault::Instead(403, json!({"message": "not in your plan"}));
    scene.till.fail_next("POST", "/hooks", refused);
    let other = scene.app.client.connect("till", "live", json!({"key": "other-key-other-key"})).await;
    let shown = scene
        .app
        .client
        .until(&format!("/v1/connections/{other}"), |it| it["webhooks"][0]["problem"].is_string())
        .await;
    assert!(shown["webhooks"][0]["problem"].as_str().unwrap().contains("403"), "{shown:#}");
}

#[tokio::test]
async fn in_the_sandbox_events_come_by_themselves() {
    let scene = scene().await;
    let connection = scene.app.client.connect("till", "sandbox", json!({})).await;
    let body = json!({"connector": "till", "connection": connection, "action": "pay", "name": "try_to_pay"});
    scene.app.client.post("/v1/agents/a/actions", body).await;
    let execution = scene.app.client.call("try_to_pay", json!({})).await;
    assert_eq!(execution["status"], "waiting");
    let ended = scene.ended(execution["id"].as_str().unwrap()).await;
    assert_eq!(ended["output"], json!({"parcel": "p1", "status": "paid"}));
    assert_eq!(scene.till.count("POST", "/parcels"), 0);
}

#[tokio::test]
async fn the_same_call_again_is_the_same_execution() {
    let scene = scene().await;
    let body = json!({"function": "pay"});
    let first = scene.app.client.send("POST", "/v1/agents/a/calls", Some(&body), Some("k")).await;
    let again = scene.app.client.send("POST", "/v1/agents/a/calls", Some(&body), Some("k")).await;
    assert_eq!((first.0, again.0, &first.1["id"]), (202, 202, &again.1["id"]));
    assert_eq!(scene.till.count("POST", "/orders"), 1);
}

#[tokio::test]
async fn what_nobody_knew_goes_on_once_the_provider_tells_that_it_happened() {
    let scene = scene().await;
    let id = scene.doubts("o9").await;
    assert_eq!(scene.in_doubt().await, 1);
    scene.till.fail_next("GET", "/orders/o9", Fault::Instead(200, json!({"id": "o9", "status": "open"})));
    assert_eq!(scene.deliver("n1", "o9").await, 202, "it tells neither");
    assert_eq!(scene.deliver("n2", "o8").await, 202, "of another order");
    scene.events("provider.event", 2).await;
    assert_eq!(scene.deliver("n3", "o9").await, 202);
    let path = format!("/v1/executions/{id}");
    let ended = scene.app.client.until(&path, |it| it["status"] == "succeeded").await;
    assert_eq!(ended["output"], json!({"parcel": "p1", "order": "o9"}));
    let resolution = &ended["resolution"];
    assert_eq!(resolution["outcome"], "succeeded");
    assert_eq!(resolution["note"], "the provider told it, by the event `changed`");
    assert_eq!((scene.in_doubt().await, scene.till.count("POST", "/charges")), (0, 1));
    assert_eq!(scene.charge("o9").await["status"], "succeeded", "the same call is the same execution");
    let told = scene.events("execution.succeeded", 1).await;
    assert_eq!((told.len(), told[0]["execution"].as_str()), (1, Some(id.as_str())));
    assert_eq!(scene.events("execution.failed", 0).await.len(), 0, "its caller was told that itself");
    let events: Vec<_> = ended["trace"].as_array().unwrap().iter().map(|it| it["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["exchanged", "resolved", "resumed", "exchanged", "ended"], "{ended:#}");
    let contrary = json!({"outcome": "failed", "note": "I found nothing"});
    let (status, problem) = scene.app.client.send("POST", &format!("{path}/resolve"), Some(&contrary), None).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("conflict")), "{problem:#}");
}

#[tokio::test]
async fn what_nobody_knew_has_failed_once_the_provider_tells_that_it_did_not_happen() {
    let scene = scene().await;
    let id = scene.doubts("o9").await;
    scene.till.fail_next("GET", "/orders/o9", Fault::Instead(200, json!({"id": "o9", "status": "refused"})));
    assert_eq!(scene.deliver("n1", "o9").await, 202);
    let path = format!("/v1/executions/{id}");
    let ended = scene.app.client.until(&path, |it| it["in_doubt"] != true && it["status"] == "failed").await;
    let (code, resolution) = (&ended["error"]["code"], &ended["resolution"]["outcome"]);
    assert_eq!((code, resolution), (&json!("unavailable"), &json!("failed")));
    assert_eq!((scene.in_doubt().await, scene.till.count("POST", "/parcels")), (0, 0));
    assert_eq!(scene.events("execution.failed", 1).await[0]["data"]["error"]["retry"], "later");
}

#[tokio::test]
async fn a_crash_in_the_middle_of_going_on_after_a_doubt_does_nothing_twice() {
    let mut scene = scene().await;
    let id = scene.doubts("o9").await;
    let hold = Hold::default();
    scene.till.fail_next("POST", "/parcels", Fault::Held(hold.clone()));
    assert_eq!(scene.deliver("n1", "o9").await, 202);
    hold.reached().await;
    let files = tempfile::tempdir().unwrap();
    scene.app.crash(files.path()).await;
    let ended = scene.app.client.until(&format!("/v1/executions/{id}"), |it| it["status"] == "succeeded").await;
    assert_eq!(ended["output"], json!({"parcel": "p1", "order": "o9"}), "{ended:#}");
    assert_eq!(scene.till.count("POST", "/charges"), 1);
    assert_eq!(scene.events("execution.succeeded", 1).await.len(), 1);
}
