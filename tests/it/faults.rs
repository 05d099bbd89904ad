//! Providers that are down, slow, broken or hostile: the canonical code, in time, and nothing goes where it shouldn't.

use std::{fs, future::Future, net::TcpListener, path::Path};

use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::any,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::AbortHandle,
};

use crate::{
    fakes::{Fault, Server},
    harness::{
        Calendar, Options, TestApp,
        calendar::{booking, that_day},
    },
};

const KEY: &str = "unmistakable-key-of-the-tiny-provider";

/// How long an action of [`connector`] may take, in seconds.
const TIMEOUT: i64 = 2;

/// A connector that reads and writes one thing.
fn connector(id: &str, base_url: &str) -> String {
    format!(
        r#"id: {id}
version: 1.0.0
title: Tiny
summary: Reads and writes one thing.
catalog: {{group: other_integration, phase: ga}}
auth: {{fields: {{key: {{type: string}}}}, scheme: bearer, token: "{{{{ auth.key }}}}"}}
http: {{base_url: "{base_url}", timeout: 1s, redirects: 2}}
actions:
  read:
    title: Read
    describe: Reads the thing.
    effect: read
    timeout: {TIMEOUT}s
    request: {{method: GET, path: /thing}}
    output: {{id: $.id}}
  write:
    title: Write
    describe: Writes the thing.
    effect: write
    timeout: {TIMEOUT}s
    request: {{method: POST, path: /thing, body: {{name: new}}}}
    output: {{id: $.id}}
"#
    )
}

/// Connectors by their ids.
fn folder(connectors: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (id, text) in connectors {
        fs::create_dir(folder.path().join(id)).unwrap();
        fs::write(folder.path().join(id).join("connector.yaml"), text).unwrap();
    }
    folder
}

async fn engine(connectors: &Path, overrides: Vec<(&'static str, String)>) -> TestApp {
    let connectors = Some(connectors.to_owned());
    TestApp::with(Options { connectors, overrides, ..Options::default() }).await
}

/// Connects and enables both actions of a connector.
async fn enable(app: &TestApp, connector: &str) {
    let connection = app.client.connect(connector, "live", json!({"key": KEY})).await;
    for action in ["read", "write"] {
        let name = format!("{connector}_{action}");
        let body = json!({"connector": connector, "connection": connection, "action": action, "name": name});
        app.client.post("/v1/agents/a/actions", body).await;
    }
}

/// What a provider does with every request; dropped, it ends.
enum Provider {
    /// By HTTP.
    Web(Server),
    /// By the bytes it sends before it closes the connection.
    Raw(String, AbortHandle),
    /// Not at all.
    Down(String),
}

impl Provider {
    async fn web<F, R>(answer: impl Fn() -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = R> + Send,
        R: IntoResponse,
    {
        Self::Web(Server::start(Router::new().fallback(any(answer))).await)
    }

    async fn raw(answer: &'static [u8]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    // a read that fails only means that the client has gone
                    let _ = connection.read(&mut [0; 4096]).await;
                    let _ = connection.write_all(answer).await;
                });
            }
        });
        Self::Raw(url, task.abort_handle())
    }

    fn down() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::Down(format!("http://{}", listener.local_addr().unwrap()))
    }

    fn url(&self) -> String {
        match self {
            Self::Web(server) => server.url().to_owned(),
            Self::Raw(url, _) | Self::Down(url) => url.clone(),
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Self::Raw(_, task) = self {
            task.abort();
        }
    }
}

/// Calls the function and gives the code of its failure, after a look at how long it took and what it tells.
async fn failure(app: &TestApp, function: &str) -> String {
    let execution = app.client.call(function, json!({})).await;
    assert_eq!(execution["status"], "failed", "{execution:#}");
    let at = |name: &str| execution[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    let took = at("ended_at").duration_since(at("started_at"));
    assert!(took < SignedDuration::from_secs(TIMEOUT + 2), "{took:?} {execution:#}");
    let shown = app.client.get(&format!("/v1/executions/{}", execution["id"].as_str().unwrap())).await;
    assert!(!shown.to_string().contains(KEY), "{shown:#}");
    execution["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn whatever_a_provider_does_the_code_is_canonical_and_comes_in_time() {
    let elsewhere = Server::start(Router::new()).await;
    let html = "<!doctype html><title>Oops</title><p>Something went wrong.";
    let page = move |status: StatusCode| async move { (status, [(header::CONTENT_TYPE, "text/html")], html) };
    let to = |location: &'static str| async move { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]) };
    let as_json = |body: String| async move { ([(header::CONTENT_TYPE, "application/json")], body) };
    // a write without `verify` that may have arrived is never called undone
    let table = [
        (Provider::down(), "unavailable", "unavailable"),
        (Provider::web(std::future::pending::<()>).await, "timeout", "unknown_outcome"),
        (Provider::raw(b"").await, "unavailable", "unknown_outcome"),
        (Provider::raw(b"\x00\x01 garbage, not HTTP\r\n\r\n").await, "unavailable", "unknown_outcome"),
        (
            Provider::raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{\"id\":")
                .await,
            "unavailable",
            "unknown_outcome",
        ),
        (Provider::web(move || to("https://elsewhere.example/thing")).await, "unsupported", "unknown_outcome"),
        (Provider::web(move || to("https://169.254.169.254/latest")).await, "unsupported", "unknown_outcome"),
        (Provider::web(move || to("/again")).await, "provider_error", "unknown_outcome"),
        (Provider::web(move || as_json("x".repeat(10 << 20))).await, "provider_error", "unknown_outcome"),
        (Provider::web(move || as_json(html.to_owned())).await, "provider_error", "unknown_outcome"),
        (Provider::web(move || page(StatusCode::OK)).await, "provider_error", "unknown_outcome"),
        (Provider::web(move || page(StatusCode::NOT_FOUND)).await, "not_found", "not_found"),
        (Provider::web(move || page(StatusCode::FORBIDDEN)).await, "permission_denied", "permission_denied"),
        (Provider::web(move || page(StatusCode::BAD_GATEWAY)).await, "unavailable", "unknown_outcome"),
    ];
    let folder = folder(&[("tiny", &connector("tiny", "https://api.tiny.example"))]);
    let check = async |index: usize, provider: &Provider, read: &str, write: &str| {
        let stand_ins = vec![
            ("https://api.tiny.example", provider.url()),
            // it would be reached if it were called
            ("https://elsewhere.example", elsewhere.url().to_owned()),
        ];
        let app = engine(folder.path(), stand_ins).await;
        enable(&app, "tiny").await;
        assert_eq!(failure(&app, "tiny_read").await, read, "row {index}");
        assert_eq!(failure(&app, "tiny_write").await, write, "row {index}");
    };
    let rows = table.iter().enumerate();
    futures_util::future::join_all(rows.map(|(index, (provider, read, write))| check(index, provider, read, write)))
        .await;
    assert!(elsewhere.seen().is_empty(), "{:?}", elsewhere.seen());
}

#[tokio::test]
async fn a_private_address_is_never_called_and_a_wrong_connector_stops_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let provider = Provider::web(|| async { axum::Json(json!({"id": 7})) }).await;
    let private = [
        ("name", format!("https://localhost:{port}")),
        ("loopback", format!("https://127.0.0.1:{port}")),
        ("mapped", format!("https://[::ffff:127.0.0.1]:{port}")),
        ("metadata", "https://169.254.169.254".to_owned()),
    ];
    let texts: Vec<_> = private.iter().map(|(id, url)| (*id, connector(id, url))).collect();
    let mut connectors: Vec<_> = texts.iter().map(|(id, text)| (*id, text.as_str())).collect();
    let good = connector("tiny", "https://api.tiny.example");
    let misspelt = good.replace("id: tiny", "id: misspelt").replace("describe:", "descrbe:");
    connectors.extend([("tiny", good.as_str()), ("misspelt", &misspelt), ("torn", "id: torn\nauth: {fields: [")]);
    let folder = folder(&connectors);
    let app = engine(folder.path(), vec![("https://api.tiny.example", provider.url())]).await;

    assert_eq!(app.client.get("/readyz").await["connectors"], 5, "two have mistakes");
    let body = json!({"connector": "misspelt", "fields": {"key": KEY}});
    assert_eq!(app.client.send("POST", "/v1/connections", Some(&body), None).await.0, 404);
    enable(&app, "tiny").await;
    assert_eq!(app.client.output("tiny_read", json!({})).await, json!({"id": 7}));

    for (id, _) in private {
        enable(&app, id).await;
        assert_eq!(failure(&app, &format!("{id}_read")).await, "unsupported", "{id}");
        assert_eq!(failure(&app, &format!("{id}_write")).await, "unsupported", "{id}: it never left");
    }
    assert!(listener.accept().is_err(), "nobody came");
}

/// What tells nothing about a calendar is never taken for an empty one.
#[tokio::test]
async fn a_page_in_place_of_busy_times_offers_and_books_nothing() {
    let (bench, _) = Calendar::connected().await;
    for (function, arguments) in [("check_availability", that_day()), ("book_appointment", booking("10:00"))] {
        bench.google.server.fail_next("POST", "/freeBusy", Fault::Page(200));
        let error = bench.app.client.failure(function, arguments).await;
        assert_eq!(error["code"], "provider_error", "{error:#}");
    }
    for _ in 0..3 {
        bench.google.server.fail_next("POST", "/freeBusy", Fault::Instead(200, json!({})));
    }
    let error = bench.app.client.failure("book_appointment", booking("10:00")).await;
    assert_eq!(error["code"], "unavailable", "{error:#}");
    bench.google.server.fail_next("GET", "/events", Fault::Page(200));
    let error = bench.app.client.failure("list_appointments", that_day()).await;
    assert_eq!((&error["code"], bench.events()), (&json!("provider_error"), 0), "{error:#}");
}
