//! Connecting and renewing over a real store file and a provider on this machine.

mod consent;
mod exchange;
mod fields;
mod introduction;
mod provider;
mod renewal;
mod replicas;
mod simulation;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use url::Url;

use self::provider::Provider;
use super::{Answered, Connections, Connectors, Error, Setup, Start, Started};
use crate::{
    auth::{Client, Tokens},
    base::{BoxFuture, Clock, ConnectionId, OrgId, Secret},
    coordination::{Coordination, Memory},
    crypto::KeyRing,
    diag::{Diagnostics, Sources},
    spec::{AccountFile, Connector, ConnectorFiles, load},
    store::{self, Connection, Mode, Org, Status, Store},
    system::SystemRandom,
    transport::{
        SendError,
        http::{ClientConfig, EndpointOverrides, HttpClient},
    },
};

/// A clock that stands still until somebody moves it or waits for it.
struct TestClock {
    now: Mutex<Timestamp>,
    /// Waiting takes time, and does not move it.
    waits: bool,
}

impl TestClock {
    fn advance(&self, by: SignedDuration) {
        *self.now.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        if self.waits {
            return Box::pin(tokio::time::sleep(duration));
        }
        self.advance(duration.try_into().unwrap());
        Box::pin(tokio::task::yield_now())
    }
}

struct Loaded(Vec<Arc<Connector>>);

impl Connectors for Loaded {
    fn connector<'a>(&'a self, _: OrgId, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Connector>>, store::Error>> {
        Box::pin(std::future::ready(Ok(self.connector(id))))
    }
}

impl Loaded {
    fn connector(&self, id: &str) -> Option<Arc<Connector>> {
        self.0.iter().find(|it| it.id == id).cloned()
    }
}

/// An engine's connections, their store and their provider.
struct Bench {
    connections: Connections,
    connectors: Arc<Loaded>,
    provider: Provider,
    store: Store,
    clock: Arc<TestClock>,
    memory: Arc<Memory>,
    keys: Secret,
    org: OrgId,
    url: String,
    folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/store.sqlite", folder.path().display());
        Self::over(url, folder, false).await
    }

    /// Over the store at `url`; with `waits` waiting takes time.
    async fn over(url: String, folder: TempDir, waits: bool) -> Self {
        let store = Store::open(&url).await.unwrap();
        let now: Timestamp = "2026-11-25T09:00:00Z".parse().unwrap();
        let org = Org { id: OrgId::new(now, &SystemRandom), name: "Acme".into(), created_at: now };
        store.orgs().create(&org).await.unwrap();
        let (provider, clock) = (Provider::start().await, Arc::new(TestClock { now: Mutex::new(now), waits }));
        let connectors = Arc::new(Loaded(connectors()));
        let keys = KeyRing::generate("k1", &SystemRandom);
        let memory = Arc::new(Memory::default());
        let coordination = Coordination::in_memory("one", &memory);
        let setup = setup(&store, &connectors, &clock, &provider, KeyRing::parse(&keys).ok(), "one", coordination);
        let connections = Connections::new(setup);
        Self { connections, connectors, provider, store, clock, memory, keys, org: org.id, url, folder }
    }

    /// Another replica over the same store, which shares nothing else.
    fn process(&self, name: &str, keys: Option<&Secret>) -> Connections {
        self.replica(Coordination::in_memory(name, &Arc::default()), name, keys)
    }

    /// Another replica over the same store, which shares what can be shared.
    fn replica(&self, coordination: Coordination, name: &str, keys: Option<&Secret>) -> Connections {
        let keys = keys.map(|it| KeyRing::parse(it).unwrap());
        let setup = setup(&self.store, &self.connectors, &self.clock, &self.provider, keys, name, coordination);
        Connections::new(setup)
    }

    /// The same with a store of its own over the same database.
    async fn replica_apart(&self, coordination: Coordination, name: &str) -> Connections {
        let (store, keys) = (Store::open(&self.url).await.unwrap(), KeyRing::parse(&self.keys).ok());
        let setup = setup(&store, &self.connectors, &self.clock, &self.provider, keys, name, coordination);
        Connections::new(setup)
    }

    fn start(&self, connector: &str) -> Start {
        Start {
            org: self.org,
            connector: connector.into(),
            fields: json!({}),
            scopes: vec![],
            mode: Mode::Live,
            return_to: Some("https://chatbot.example.com/done".into()),
            again: None,
        }
    }

    /// A person consents, and the browser comes back.
    async fn consent(&self, started: &Started) -> super::Returned {
        let (state, code) = self.provider.consent(started.authorization_url.as_ref().unwrap());
        self.connections.callback(&Secret::new(state), Answered::consented(&code)).await.unwrap()
    }

    /// A connected calendar, whose token lives an hour.
    async fn calendar(&self) -> Connection {
        let started = self.connections.start(self.start("calendar")).await.unwrap();
        let returned = self.consent(&started).await;
        assert!(returned.problem.is_none(), "{:?}", returned.problem);
        returned.connection
    }

    /// The token that a call would send.
    async fn token(&self, connections: &Connections, connector: &str, id: ConnectionId) -> Result<String, SendError> {
        let connector = self.connectors.connector(connector).unwrap();
        let tokens = connections.tokens(connector.clone(), self.org, id);
        let credentials = tokens.credentials(connector.account.scheme(None).unwrap()).await?;
        Ok(credentials.token.unwrap().expose().to_owned())
    }

    async fn status(&self, id: ConnectionId) -> Status {
        self.store.connections().get(self.org, id).await.unwrap().unwrap().status
    }

    /// Whether the store's files hold `text` anywhere.
    fn files_hold(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.map(|it| std::fs::read(it.unwrap().path()).unwrap()).any(|bytes| holds(&bytes, text.as_bytes()))
    }
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|it| it == text)
}

fn setup(
    store: &Store,
    connectors: &Arc<Loaded>,
    clock: &Arc<TestClock>,
    provider: &Provider,
    keys: Option<KeyRing>,
    process: &str,
    coordination: Coordination,
) -> Setup {
    let base = provider.served.base.as_str();
    let hosts = ["api", "api2", "auth"].map(|host| format!("https://{host}.example.com"));
    let overrides = EndpointOverrides::new(hosts.iter().map(|from| (from.as_str(), base))).unwrap();
    Setup {
        store: store.clone(),
        keys,
        clients: clients(),
        webhooks: None,
        redirect_uri: Url::parse("https://closeloop.example.com/oauth/callback").unwrap(),
        connectors: connectors.clone(),
        sender: Arc::new(HttpClient::new(&ClientConfig { overrides, ..ClientConfig::default() }).unwrap()),
        coordination,
        overrides: EndpointOverrides::default(),
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
        replica: process.into(),
    }
}

/// The apps that are registered there.
fn clients() -> BTreeMap<String, Client> {
    let client = Client { id: "client".into(), secret: Some(Secret::new("s3cret")) };
    BTreeMap::from([("example".to_owned(), client.clone()), ("regional".to_owned(), client)])
}

const ACCOUNT: &str = r#"
id: example
title: Example
scheme: oauth2
authorize_url: https://auth.example.com/authorize
token_url: https://auth.example.com/token
revoke_url: https://auth.example.com/revoke
client_auth: basic
idle: 30d
fields:
  region: {type: string, enum: [eu, us], default: eu, secret: false}
capture: {tenant: $.tenant}
hosts: [api.example.com]
scopes: {calendar.read: Read calendars., calendar: Read and change calendars., sheets: Change sheets.}
scope_covers: {calendar: [calendar.read]}
"#;

/// The redirect says where the account lives, and the token answer where its API is.
const REGIONAL: &str = "
  scheme: oauth2
  authorize_url: {by: '{{ auth.environment }}', of: {live: https://auth.example.com/authorize, test: https://test.example.com/}}
  token_url: '{{ connection.accounts }}/token'
  revoke_url: '{{ connection.accounts }}/revoke'
  client_auth: basic
  fields:
    environment: {type: string, enum: [live, test], default: live, secret: false}
    app_key: {type: string}
  headers: {Authorization: 'Bearer {{ auth.token }}', X-App-Key: '{{ auth.app_key }}'}
  scopes: [items]
  callback: {accounts: accounts-server, region: location}
  capture: {api: $.api}";

/// A connector with one action.
fn connector(id: &str, auth: &str) -> String {
    format!(
        "{}\nauth: {auth}\n{}",
        format_args!(
            "id: {id}\nversion: 1.0.0\ntitle: A provider\nsummary: Does something.\n\
             catalog: {{group: other_integration, phase: ga}}\nhttp: {{base_url: https://api.example.com}}"
        ),
        "after_connect:
  request: {method: GET, path: /me}
  label: $.email
  capture: {user: $.id}
actions:
  look:
    title: Look
    describe: Looks at what there is.
    effect: read
    request: {method: GET, path: /me}
"
    )
}

fn connectors() -> Vec<Arc<Connector>> {
    let own = "{fields: {key: {type: string, minLength: 3}, region: {type: string, secret: false}}, ";
    let texts = [
        ("calendar", connector("calendar", "{account: example, scopes: [calendar]}")),
        (
            "regional",
            connector("regional", REGIONAL).replace(
                "{base_url: https://api.example.com}",
                "{base_url: '{{ connection.api }}', hosts: ['*.example.com']}",
            ),
        ),
        (
            "unknown",
            connector(
                "unknown",
                "{scheme: oauth2, register_url: https://auth.example.com/register, \
                 authorize_url: https://auth.example.com/authorize, token_url: https://auth.example.com/token}",
            ),
        ),
        ("sheets", connector("sheets", "{account: example, scopes: [sheets]}")),
        ("chat", connector("chat", &format!("{own} scheme: bearer, token: '{{{{ auth.key }}}}'}}"))),
        (
            "payments",
            connector(
                "payments",
                &format!(
                    "{own} scheme: token_exchange, token: {{access_token: $.access_token, expires_in: $.expires_in}}, lifetime: 10m, \
                     request: {{method: POST, path: /login, body: {{key: '{{{{ auth.key }}}}'}}}}}}"
                ),
            ),
        ),
    ];
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let account = AccountFile { stem: "example".into(), file: sources.add("example.yaml", ACCOUNT) };
    let files = texts.map(|(id, text)| ConnectorFiles {
        directory: id.into(),
        connector: sources.add(format!("{id}.yaml"), text),
        tests: None,
        logo: None,
    });
    let connectors = load(&files, &[account], &sources, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{:#?}", diagnostics.sorted());
    connectors
}

impl Answered {
    /// A redirect that tells a code and nothing else.
    fn consented(code: &str) -> Self {
        Self::Consented { parameters: vec![("code".to_owned(), Secret::new(code))] }
    }
}

/// The code and sentence of a provider's refusal.
fn refusal(error: Error) -> crate::base::Code {
    match error {
        Error::Provider { code, .. } => code,
        other => panic!("{other}"),
    }
}
