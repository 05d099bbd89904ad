//! What a good engineer would write by hand for exactly these two actions, doing for them what the engine does: it checks an
//! API key by its digest, checks the arguments by a compiled schema, signs with a token from memory, gives up in time, says in
//! one form what went wrong, logs within a span, and keeps every execution with a short trace. A read is kept behind its answer,
//! many in one transaction; a write is on record before it is sent, and its outcome before it is answered.
//!
//! It knows one provider, one org and two requests when it is compiled, which the engine reads from YAML and a database.

#![allow(clippy::disallowed_methods, reason = "a program of its own, with no clock but the machine's")]

mod journal;
mod problem;

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use aws_lc_rs::{constant_time, digest};
use axum::{
    Json, Router,
    extract::{Path, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use closeloop::{app::logging, base::Random as _, config::Config, system::SystemRandom};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower_http::{catch_panic::CatchPanicLayer, trace::TraceLayer};

use self::{journal::Journal, problem::Problem};

const TIMEOUT: Duration = Duration::from_secs(10);

/// What may stand in a segment of a path as it is (RFC 3986 §2.3).
const SEGMENT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

struct Shared {
    client: reqwest::Client,
    provider: String,
    /// The org of each API key, by the SHA-256 of its secret part, by the key's id.
    keys: RwLock<HashMap<String, (Digest, Arc<str>)>>,
    /// By connection.
    tokens: RwLock<HashMap<String, Arc<str>>>,
    /// By agent and name.
    functions: HashMap<String, HashMap<String, Function>>,
    journal: Journal,
}

type Digest = [u8; 32];

struct Function {
    connection: String,
    arguments: jsonschema::Validator,
    action: Action,
}

#[derive(Clone, Copy, PartialEq)]
enum Action {
    ReadEvent,
    BookEvent,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    function: String,
    arguments: Value,
}

/// What the caller gets, and what is kept.
#[derive(Serialize)]
struct Execution {
    id: String,
    #[serde(skip)]
    org: Arc<str>,
    agent: String,
    function: String,
    connection: String,
    status: &'static str,
    #[serde(skip)]
    input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Output {
    id: String,
    title: Option<String>,
    start: Option<String>,
    guest: Option<String>,
}

#[derive(Serialize)]
struct Failure {
    code: &'static str,
    detail: String,
    /// Whether the provider may have acted on it all the same.
    unsure: bool,
}

/// What is read of the provider's answer.
#[derive(Deserialize)]
struct Event {
    id: String,
    summary: Option<String>,
    start: Option<When>,
    #[serde(default)]
    attendees: Vec<Attendee>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct When {
    date_time: Option<String>,
}

#[derive(Deserialize)]
struct Attendee {
    email: Option<String>,
}

pub async fn run(provider: String) {
    logging::start(&Config::from_text("", &|_| None).expect("the defaults"));
    let folder = tempfile::tempdir().expect("a folder");
    let (key, secret) = ("key_01jdg3k8m2e1vbnv6q4v9q8x7t", "5yLQy0hV2Q3mDk0b7sT9wXn1aJf4cGp6eRr8uHz2KoM");
    let schema = json!({
        "type": "object", "properties": {"id": {"type": "string", "maxLength": 64}}, "required": ["id"],
        "additionalProperties": false,
    });
    let function = |action| Function {
        connection: "con_01jdg3k8m2e1vbnv6q4v9q8x7t".to_owned(),
        arguments: jsonschema::validator_for(&schema).expect("a schema"),
        action,
    };
    let functions =
        [(super::READ.to_owned(), function(Action::ReadEvent)), (super::WRITE.to_owned(), function(Action::BookEvent))];
    let shared = Shared {
        client: reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().expect("a client"),
        provider,
        keys: RwLock::new(HashMap::from([(key.to_owned(), (digest_of(secret), "org_1".into()))])),
        tokens: RwLock::new(HashMap::from([("con_01jdg3k8m2e1vbnv6q4v9q8x7t".to_owned(), "k".into())])),
        functions: HashMap::from([("a".to_owned(), HashMap::from(functions))]),
        journal: Journal::open(&folder.path().join("same.sqlite")).await,
    };
    let router = Router::new()
        .route("/v1/agents/{agent}/calls", post(call))
        .layer((
            TraceLayer::new_for_http().make_span_with(|request: &axum::http::Request<_>| {
                tracing::info_span!("http", method = %request.method(), path = request.uri().path())
            }),
            CatchPanicLayer::new(),
        ))
        .with_state(Arc::new(shared));
    super::serve(router, &format!("{key}.{secret}")).await;
}

fn digest_of(secret: &str) -> Digest {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().try_into().expect("32 bytes")
}

async fn call(
    State(shared): State<Arc<Shared>>,
    Path(agent): Path<String>,
    headers: HeaderMap,
    body: Result<Json<Call>, JsonRejection>,
) -> Result<Json<Execution>, Problem> {
    let org =
        shared.org(&headers).ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "no such key"))?;
    let Json(Call { function, arguments }) =
        body.map_err(|error| Problem::new(error.status(), "invalid_request", error.body_text()))?;
    let known = shared.functions.get(&agent).and_then(|it| it.get(&function));
    let known = known.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not_found", "no such function"))?;
    if let Some(error) = known.arguments.iter_errors(&arguments).next() {
        let detail = format!("`{}`: {error}", error.instance_path());
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_arguments", detail));
    }
    let execution = Execution {
        id: execution_id(),
        org,
        agent,
        function,
        connection: known.connection.clone(),
        status: "running",
        input: arguments,
        output: None,
        error: None,
        started_at: Timestamp::now(),
        ended_at: None,
    };
    let shared = Arc::clone(&shared);
    match known.action {
        Action::ReadEvent => Ok(Json(shared.read(execution).await?)),
        // a write is not left halfway because its caller hangs up
        Action::BookEvent => tokio::spawn(async move { shared.write(execution).await }).await?.map(Json),
    }
}

/// `exe_` and a UUID of version 7.
fn execution_id() -> String {
    let mut random = [0; 10];
    SystemRandom.fill(&mut random);
    let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
    format!("exe_{}", uuid::Builder::from_unix_timestamp_millis(now, &random).into_uuid().simple())
}

impl Shared {
    fn org(&self, headers: &HeaderMap) -> Option<Arc<str>> {
        let key = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        let (id, secret) = key.split_once('.')?;
        let keys = self.keys.read().ok()?;
        let (digest, org) = keys.get(id)?;
        constant_time::verify_slices_are_equal(digest, &digest_of(secret)).ok()?;
        Some(Arc::clone(org))
    }

    async fn read(&self, mut execution: Execution) -> Result<Execution, Problem> {
        let id = utf8_percent_encode(execution.input["id"].as_str().unwrap_or_default(), &SEGMENT);
        let url = format!("{}/v1/events/{id}", self.provider);
        let trace = self.run(&mut execution, "GET", &url, None).await;
        self.journal.keep(&execution, trace).await?;
        Ok(execution)
    }

    async fn write(&self, mut execution: Execution) -> Result<Execution, Problem> {
        let url = format!("{}/v1/events", self.provider);
        let body = json!({"id": execution.input["id"]}).to_string();
        self.journal.begin(&execution, &format!("POST {url}")).await?;
        let trace = self.run(&mut execution, "POST", &url, Some(body)).await;
        self.journal.end(&execution, trace).await?;
        Ok(execution)
    }

    /// Sends the request, sets what came of it, and gives the trace.
    async fn run(&self, execution: &mut Execution, method: &str, url: &str, body: Option<String>) -> String {
        let started = Instant::now();
        let sent = self.send(&execution.connection, url, body).await;
        let mut exchange = json!({
            "step": execution.function, "event": "exchanged", "request": {"method": method, "url": url},
            "duration_ms": started.elapsed().as_millis() as u64,
        });
        match sent {
            Ok((status, output)) => {
                exchange["answer"] = json!({"status": status});
                (execution.status, execution.output) = ("succeeded", Some(output));
            }
            Err(failure) => {
                exchange["answer"] = json!({"error": failure.detail});
                (execution.status, execution.error) = ("failed", Some(failure));
            }
        }
        execution.ended_at = Some(Timestamp::now());
        serde_json::to_string(&[exchange]).expect("JSON")
    }

    async fn send(&self, connection: &str, url: &str, body: Option<String>) -> Result<(u16, Output), Failure> {
        let token = self.tokens.read().ok().and_then(|it| it.get(connection).cloned());
        let token = token.ok_or_else(|| Failure::new("reauthorize", "the connection has no token", false))?;
        let request = match body {
            None => self.client.get(url),
            Some(body) => self.client.post(url).header(header::CONTENT_TYPE, "application/json").body(body),
        };
        let answer = request.bearer_auth(token).header(header::ACCEPT, "application/json").send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        if !status.is_success() {
            return Err(Failure::of_status(status));
        }
        let event: Event = serde_json::from_slice(&body)
            .map_err(|error| Failure::new("provider_error", &format!("the answer can't be read: {error}"), true))?;
        let guest = event.attendees.into_iter().next().and_then(|it| it.email);
        let start = event.start.and_then(|it| it.date_time);
        Ok((status.as_u16(), Output { id: event.id, title: event.summary, start, guest }))
    }
}

impl Failure {
    fn new(code: &'static str, detail: &str, unsure: bool) -> Self {
        Self { code, detail: detail.to_owned(), unsure }
    }

    fn of_status(status: StatusCode) -> Self {
        let code = match status.as_u16() {
            400 | 422 => "invalid_input",
            401 => "reauthorize",
            403 => "permission_denied",
            404 | 410 => "not_found",
            409 => "conflict",
            429 => "rate_limited",
            500.. => "unavailable",
            _ => "provider_error",
        };
        Self::new(code, &format!("the provider answered {status}"), status.is_server_error())
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        let code = if error.is_timeout() { "timeout" } else { "unavailable" };
        let unsure = !error.is_connect();
        Self::new(code, &error.without_url().to_string(), unsure)
    }
}
