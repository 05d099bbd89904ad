//! One provider that hangs or fails, and one org that floods, harm nobody else.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{Router, http::StatusCode, routing::any};
use closeloop::transport::isolation::Bounds;
use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::{
    clock::ForwardClock,
    fakes::Server,
    harness::{Client, Options, TestApp},
};

/// Two connectors that read one thing, each at its own provider; and a write that can be looked up.
fn connectors() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for id in ["slow", "quick"] {
        let text = format!(
            r#"id: {id}
version: 1.0.0
title: Tiny
summary: Reads and writes one thing.
catalog: {{group: other_integration, phase: ga}}
auth: {{fields: {{key: {{type: string}}}}, scheme: bearer, token: "{{{{ auth.key }}}}"}}
http: {{base_url: "https://api.{id}.example", timeout: 60s}}
actions:
  read:
    title: Read
    describe: Reads the thing.
    effect: read
    request: {{method: GET, path: /thing}}
  write:
    title: Write
    describe: Writes the thing.
    effect: write
    request: {{method: POST, path: /thing}}
    verify: {{method: GET, path: "/things/{{{{ execution.key }}}}", settle: 1ms}}
  follow:
    title: Follow
    describe: Waits until the thing is there.
    effect: read
    steps:
      - id: there
        wait: {{poll: {{method: GET, path: /thing, every: 1s, until: "{{{{ true }}}}"}}, timeout: 1h}}
    output: "{{{{ steps.there }}}}"
"#
        );
        std::fs::create_dir(folder.path().join(id)).unwrap();
        std::fs::write(folder.path().join(id).join("connector.yaml"), text).unwrap();
    }
    folder
}

async fn connected(client: &Client) -> String {
    let mut slow = String::new();
    for id in ["quick", "slow"] {
        slow = client.connect(id, "live", json!({"key": "unmistakable"})).await;
        for action in ["read", "write", "follow"] {
            let name = format!("{id}_{action}");
            let body = json!({"connector": id, "connection": slow, "action": action, "name": name});
            client.post("/v1/agents/a/actions", body).await;
        }
    }
    slow
}

/// A provider that answers when it is let.
struct Hanging {
    server: Server,
    answers: Arc<Semaphore>,
    /// Requests that have come.
    came: Arc<Semaphore>,
}

impl Hanging {
    async fn start() -> Self {
        let (answers, came) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (of_answers, of_came) = (Arc::clone(&answers), Arc::clone(&came));
        let answer = move || {
            let (answers, came) = (Arc::clone(&of_answers), Arc::clone(&of_came));
            async move {
                came.add_permits(1);
                answers.acquire().await.unwrap().forget();
                axum::Json(json!({"id": 1}))
            }
        };
        Self { server: Server::start(Router::new().fallback(any(answer))).await, answers, came }
    }

    async fn has_got(&self, requests: u32) {
        self.came.acquire_many(requests).await.unwrap().forget();
    }
}

async fn working() -> Server {
    Server::start(Router::new().fallback(any(|| async { axum::Json(json!({"id": 7})) }))).await
}

async fn app(slow: &str, quick: &str, options: Options) -> (TestApp, TempDir) {
    let folder = connectors();
    let overrides =
        vec![("https://api.slow.example", slow.to_owned()), ("https://api.quick.example", quick.to_owned())];
    let app = TestApp::with(Options { connectors: Some(folder.path().to_owned()), overrides, ..options }).await;
    (app, folder)
}

#[tokio::test]
async fn while_one_provider_hangs_the_other_works_and_what_is_too_much_is_refused() {
    let (slow, quick) = (Hanging::start().await, working().await);
    let bounds = Bounds { at_host: 8, at_host_of_org: 4, waiting_of_org: 6, of_org: 64 };
    let options = Options { bounds: Some(bounds), ..Options::default() };
    let (app, _folder) = app(slow.server.url(), quick.url(), options).await;
    let (noisy, quiet) = (app.client.clone(), app.client_of("quiet").await);
    connected(&noisy).await;
    connected(&quiet).await;

    let mut flood: FuturesUnordered<_> = (0..40).map(|_| noisy.call("slow_read", json!({}))).collect();
    for _ in 0..30 {
        let refused = flood.next().await.unwrap();
        assert_eq!(refused["error"]["code"], "rate_limited", "{refused:#}");
        assert_eq!(refused["error"]["retry_after_seconds"], 2, "{refused:#}");
    }
    slow.has_got(4).await;
    for _ in 0..20 {
        assert_eq!(noisy.output("quick_read", json!({})).await, json!({"id": 7}));
        assert_eq!(quiet.output("quick_read", json!({})).await, json!({"id": 7}));
    }
    // there is room for others at the provider that hangs, too
    let mut of_quiet: FuturesUnordered<_> = (0..4).map(|_| quiet.call("slow_read", json!({}))).collect();
    tokio::select! {
        () = slow.has_got(4) => {}
        _ = of_quiet.next() => panic!("nobody answers yet"),
    }
    assert_eq!(slow.server.count("GET", "/thing"), 8, "no more is under way than there are places");
    slow.answers.add_permits(14);
    let ended: Vec<Json> = flood.chain(of_quiet).collect().await;
    assert_eq!(ended.len(), 14);
    assert!(ended.iter().all(|it| it["output"] == json!({"id": 1})), "{ended:#?}");
}

#[tokio::test]
async fn a_provider_that_hangs_does_not_hold_up_what_waits_for_others() {
    let (slow, quick) = (Hanging::start().await, working().await);
    let (app, _folder) = app(slow.server.url(), quick.url(), Options::default()).await;
    connected(&app.client).await;
    for _ in 0..40 {
        assert_eq!(app.client.call("slow_follow", json!({})).await["status"], "waiting");
    }
    slow.has_got(8).await;
    let waiting = app.client.call("quick_follow", json!({})).await;
    let path = format!("/v1/executions/{}", waiting["id"].as_str().unwrap());
    let ended = app.client.until(&path, |it| it["status"] != "waiting" && it["status"] != "running").await;
    assert_eq!(ended["output"], json!({"id": 7}));
    assert!(slow.server.count("GET", "/thing") < 16, "that is half of what is done at the same time");
    slow.answers.add_permits(100);
}

#[tokio::test]
async fn a_provider_that_fails_is_left_alone_until_it_works_again() {
    let failing = Arc::new(AtomicBool::new(true));
    let of_failing = Arc::clone(&failing);
    let answer = move || {
        let status = if of_failing.load(Ordering::SeqCst) { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        async move { (status, axum::Json(json!({"id": 1}))) }
    };
    let slow = Server::start(Router::new().fallback(any(answer))).await;
    let clock = ForwardClock::default();
    let quick = working().await;
    let options = Options { clock: Some(Arc::new(clock.clone())), ..Options::default() };
    let (app, _folder) = app(slow.url(), quick.url(), options).await;
    let connection = connected(&app.client).await;
    let shown = format!("/v1/connections/{connection}");
    assert!(app.client.get(&shown).await.get("left_alone").is_none());
    // a call that reads asks three times: the second one opens the breaker
    for _ in 0..2 {
        assert_eq!(app.client.failure("slow_read", json!({})).await["code"], "unavailable");
    }
    let asked = slow.count("GET", "/thing");
    assert_eq!(asked, 5);
    for function in ["slow_read", "slow_write"] {
        let error = app.client.failure(function, json!({})).await;
        assert_eq!(error["code"], "unavailable", "{error:#}");
        assert_eq!(error["retry"], "later");
        assert!((1..=5).contains(&error["retry_after_seconds"].as_u64().unwrap()), "{error:#}");
    }
    assert_eq!((slow.count("GET", ""), slow.count("POST", "")), (asked, 0), "nothing was sent");
    assert_eq!(app.client.output("quick_read", json!({})).await, json!({"id": 7}));
    assert_eq!(app.client.get(&shown).await["left_alone"][0]["host"], "api.slow.example");

    clock.advance(6);
    failing.store(false, Ordering::SeqCst);
    assert_eq!(app.client.output("slow_read", json!({})).await, json!({"id": 1}));
    assert!(app.client.get(&shown).await.get("left_alone").is_none());
}

#[tokio::test]
async fn an_org_that_asks_too_often_is_told_when_to_come_back() {
    let app = TestApp::with(Options { org_rate: Some(1), ..Options::default() }).await;
    let quiet = app.client_of("quiet").await;
    let mut refused = None;
    for _ in 0..10 {
        let (status, answer) = app.client.send("GET", "/v1/connections", None, None).await;
        if status != 200 {
            refused = Some((status, answer));
            break;
        }
    }
    let (status, answer) = refused.expect("two at once, and then one in a second");
    assert_eq!(
        (status, &answer["code"], &answer["retry_after_seconds"]),
        (429, &json!("too_many_requests"), &json!(1))
    );
    quiet.get("/v1/connections").await;
}
