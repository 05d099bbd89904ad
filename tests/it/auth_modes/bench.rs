//! An engine with the connector that a section of docs/auth.md shows, and the provider that it signs in to.

use std::{
    fs,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use closeloop::{base::Clock, catalog::folder};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::provider::{Answer, Asked, serve};
use crate::{
    fakes::Server,
    harness::{Options, TestApp},
};

const NOW: &str = "2026-11-25T09:00:00Z";

/// What every connector here has, unless its section has it.
const USUAL: &[(&str, &str)] = &[
    ("http", "http: {base_url: https://api.example.com}\n"),
    (
        "actions",
        "actions:\n  look:\n    title: Look\n    describe: Tells who is signed in, as the provider knows them.\n    \
         effect: read\n    request: {method: GET, path: /me}\n",
    ),
];

pub(crate) struct Bench {
    pub(crate) app: TestApp,
    clock: StandingClock,
    _server: Server,
    _folder: TempDir,
}

/// Stands still until it is moved, whoever waits.
#[derive(Clone)]
pub(crate) struct StandingClock(Arc<Mutex<Timestamp>>);

impl StandingClock {
    pub(crate) fn at(now: &str) -> Self {
        Self(Arc::new(Mutex::new(now.parse().unwrap())))
    }

    /// So much later.
    pub(crate) fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The YAML of a section of docs/auth.md, with what it leaves out.
pub(crate) fn snippet(section: &str) -> String {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/auth.md")).unwrap();
    let heading = format!("\n### {section}\n");
    let start = page.find(&heading).unwrap_or_else(|| panic!("docs/auth.md has no section `{section}`"));
    let rest = &page[start + heading.len()..];
    let end = rest.find("\n##").unwrap_or(rest.len());
    let yaml = rest[..end].split_once("```yaml\n").unwrap_or_else(|| panic!("`{section}` shows no YAML")).1;
    yaml.split_once("```").unwrap().0.to_owned()
}

impl Bench {
    /// The section's connector, called `it`; its app at the provider is `app` with the secret `app-secret`.
    pub(crate) async fn of(section: &str, provider: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::with(&snippet(section), "app-secret", provider).await
    }

    /// The same of any YAML, and with another secret.
    pub(crate) async fn with(
        yaml: &str,
        secret: &str,
        provider: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::at(serve(provider).await, yaml, secret).await
    }

    /// The same at a provider that is there already. One at `https://` has a certificate of the CA in `tests/data/tls`.
    pub(crate) async fn at(server: Server, yaml: &str, secret: &str) -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), StandingClock::at(NOW));
        let mut text = "id: it\nversion: 1.0.0\ntitle: It\nsummary: Tells who is signed in.\n\
                        catalog: {group: other_integration, phase: ga}\n"
            .to_owned();
        text.push_str(yaml);
        for (key, usual) in USUAL {
            if !yaml.lines().any(|line| line.starts_with(&format!("{key}:"))) {
                text.push_str(usual);
            }
        }
        fs::create_dir(folder.path().join("it")).unwrap();
        fs::write(folder.path().join("it/connector.yaml"), &text).unwrap();
        let loaded = folder::load_one(&folder.path().join("it")).unwrap();
        assert!(loaded.connectors.len() == 1, "{:#?}", loaded.diagnostics);
        let url = server.url().to_owned();
        let hosts = ["https://api.example.com", "https://auth.example.com", "https://eu.example.com"];
        let app = ("it", "app".to_owned(), secret.to_owned());
        let has_app = ["authorize_url", "auth.client_id", "issuer:"].iter().any(|it| yaml.contains(it));
        let has_app = has_app && !yaml.contains("register");
        let options = Options {
            overrides: hosts.map(|it| (it, url.clone())).into(),
            accounts: if has_app { vec![app] } else { Vec::new() },
            connectors: Some(folder.path().to_owned()),
            clock: Some(Arc::new(clock.clone())),
            extra_ca: url.starts_with("https://").then(|| include_bytes!("../../data/tls/ca.pem").to_vec()),
            ..Options::default()
        };
        Self { app: TestApp::with(options).await, clock, _server: server, _folder: folder }
    }

    /// Connects with these fields, going through the consent if there is one. Gives what is told of the connection.
    pub(crate) async fn connect(&self, fields: Json) -> Json {
        let connection = self.try_connect(fields).await;
        assert_eq!(connection["status"], "connected", "{connection:#}");
        connection
    }

    /// The same, whatever becomes of it: the connection, or why it could not even begin.
    pub(crate) async fn try_connect(&self, fields: Json) -> Json {
        let client = &self.app.client;
        let (_, begun) =
            client.send("POST", "/v1/connections", Some(&json!({"connector": "it", "fields": fields})), None).await;
        if begun["authorization_url"].is_string() {
            client.consent(&begun).await;
            return client.get(&format!("/v1/connections/{}", begun["id"].as_str().unwrap())).await;
        }
        begun
    }

    /// Enables the action and gives its output.
    pub(crate) async fn call(&self, connection: &Json, action: &str) -> Json {
        let mut execution = self.try_call(connection, action).await;
        assert_eq!(execution["status"], "succeeded", "{execution:#}");
        execution["output"].take()
    }

    /// The same, whatever becomes of it.
    pub(crate) async fn try_call(&self, connection: &Json, action: &str) -> Json {
        self.try_call_of("a", connection, action).await
    }

    /// The same of an agent of that name.
    pub(crate) async fn try_call_of(&self, agent: &str, connection: &Json, action: &str) -> Json {
        let client = &self.app.client;
        let enabled = json!({"connector": "it", "connection": connection["id"], "action": action, "config": {}});
        client.send("POST", &format!("/v1/agents/{agent}/actions"), Some(&enabled), None).await;
        let call = json!({"function": action, "arguments": {}});
        client.post(&format!("/v1/agents/{agent}/calls"), call).await
    }

    /// So much later.
    pub(crate) fn advance(&self, by: SignedDuration) {
        self.clock.advance(by);
    }

    /// Begins to connect, and gives what is told of it.
    pub(crate) async fn begin(&self, fields: Json) -> Json {
        self.app.client.post("/v1/connections", json!({"connector": "it", "fields": fields})).await
    }

    /// Connects by these fields and looks.
    pub(crate) async fn look(&self, fields: Json) -> Json {
        let connection = self.connect(fields).await;
        self.call(&connection, "look").await
    }
}
