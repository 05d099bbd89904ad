//! One-request actions through the HTTP API, a read and a journaled write, against a hand-written axum + reqwest handler
//! that sends the same request and gives the same output, but journals nothing.
//!
//! Four processes, so that each one's CPU time can be read by itself: this one makes the load; `provider` answers like a
//! provider; `engine` is Closeloop with one connector; `handler` is the hand-written one. Both are measured in turns
//! within one run, because only ratios mean something on a shared machine. `make bench` runs it.

#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark speaks by printing")]

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::HeaderMap, routing::get, routing::post};
use closeloop::{
    app::{App, logging},
    base::Secret,
    config::Config,
};
use serde_json::{Value, json};

/// The engine's own; the hand-written handler has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);
const CONCURRENCY: usize = 32;
const ALONE_CALLS: usize = 1500;

/// The functions.
const READ: &str = "event";
const WRITE: &str = "book";

const CONNECTOR: &str = r#"
id: bench
version: 1.0.0
title: Bench
summary: One read, one write.
catalog: {group: other_integration, phase: ga}
auth:
  fields: {key: {type: string}}
  scheme: bearer
  token: "{{ auth.key }}"
http: {base_url: "https://api.bench.example/v1"}
actions:
  event:
    title: Read an event
    describe: Read one event of a calendar by its id.
    effect: read
    input: {id: {type: string, maxLength: 64}}
    request: {method: GET, path: "/events/{{ input.id }}"}
    output: {id: $.id, title: $.summary, start: $.start.dateTime, guest: "$.attendees[0].email"}
  book:
    title: Book an event
    describe: Book one event of a calendar under an id of its own.
    effect: write
    input: {id: {type: string, maxLength: 64}}
    request: {method: POST, path: /events, body: {id: "{{ input.id }}"}}
    output: {id: $.id, title: $.summary, start: $.start.dateTime, guest: "$.attendees[0].email"}
"#;

/// About what a calendar answers for one event.
fn event(id: &str) -> Value {
    json!({
        "kind": "event", "id": id, "status": "confirmed", "summary": "Intro call with Ana Ruiz",
        "description": "Booked in chat", "htmlLink": "https://calendar.example/event?eid=bTYwZ2IzZm90aWhhajFhcGc3",
        "created": "2026-11-22T09:30:01.000Z", "updated": "2026-11-22T09:30:01.123Z",
        "creator": {"email": "owner@example.com", "self": true},
        "organizer": {"email": "owner@example.com", "self": true},
        "start": {"dateTime": "2026-12-01T10:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-12-01T10:30:00+01:00", "timeZone": "Europe/Berlin"},
        "attendees": [{"email": "ana.ruiz@example.com", "responseStatus": "needsAction"}],
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match arguments.first().map(String::as_str) {
        Some("provider") => runtime.block_on(provider()),
        Some("handler") => runtime.block_on(handler(arguments[1].clone())),
        Some("engine") => runtime.block_on(engine(&arguments[1])),
        _ => runtime.block_on(measure()),
    }
}

async fn serve(router: Router) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    announce(&format!("http://{}", listener.local_addr().expect("an address")));
    axum::serve(listener, router).await.expect("served");
}

/// The parent reads one line to know where its child listens.
fn announce(line: &str) {
    println!("{line}");
    std::io::stdout().flush().expect("flushed");
}

async fn provider() {
    let answer = |axum::extract::Path(id): axum::extract::Path<String>| async move { Json(event(&id)) };
    let book = |Json(body): Json<Value>| async move { Json(event(body["id"].as_str().expect("an id"))) };
    serve(Router::new().route("/v1/events/{id}", get(answer)).route("/v1/events", post(book))).await;
}

/// What somebody would write by hand for these two actions.
async fn handler(provider: String) {
    struct Shared {
        client: reqwest::Client,
        provider: String,
    }
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let call = |State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Value>| async move {
        assert_eq!(headers["authorization"], "Bearer bench");
        let id = body["arguments"]["id"].as_str().expect("an id");
        let request = match body["function"].as_str() {
            Some("event") => shared.client.get(format!("{}/v1/events/{id}", shared.provider)),
            _ => shared
                .client
                .post(format!("{}/v1/events", shared.provider))
                .header("content-type", "application/json")
                .body(json!({"id": id}).to_string()),
        };
        let answer = request.bearer_auth("k").send().await.expect("an answer");
        let it: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        let guest = &it["attendees"][0]["email"];
        let output = json!({"id": it["id"], "title": it["summary"], "start": it["start"]["dateTime"], "guest": guest});
        Json(json!({"status": "succeeded", "output": output}))
    };
    serve(Router::new().route("/v1/agents/a/calls", post(call)).with_state(Arc::new(Shared { client, provider })))
        .await;
}

async fn engine(provider: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let connector = folder.path().join("connectors/bench");
    std::fs::create_dir_all(&connector).expect("a folder");
    std::fs::write(connector.join("connector.yaml"), CONNECTOR).expect("written");
    let settings = format!(
        "listen: 127.0.0.1:0\ndatabase_url: sqlite://{0}/bench.sqlite\nconnectors: {0}/connectors\n\
         endpoint_overrides: {{\"https://api.bench.example\": \"{provider}\"}}\n",
        folder.path().display()
    );
    let mut config = Config::from_text(&settings, &|_| None).expect("settings");
    let random = closeloop::system::SystemRandom;
    config.encryption_keys = Some(closeloop::crypto::KeyRing::generate("bench", &random));
    logging::start(&config);
    let app = App::start(config).await.expect("an engine");
    let key = app.engine().new_api_key("bench").await.expect("a key");
    let base = format!("http://{}", app.address());
    let client = Load::new(&base, key.expose());
    let connection =
        client.post("/v1/connections", &json!({"connector": "bench", "fields": {"key": "k"}})).await["id"].clone();
    for action in [READ, WRITE] {
        let enable = json!({"connector": "bench", "action": action, "connection": connection});
        client.post("/v1/agents/a/actions", &enable).await;
    }
    announce(&format!("{base} {}", key.expose()));
    std::future::pending::<()>().await;
}

/// A keep-alive client.
#[derive(Clone)]
struct Load {
    client: reqwest::Client,
    base: String,
    key: Secret,
}

impl Load {
    fn new(base: &str, key: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { client, base: base.to_owned(), key: Secret::new(key) }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(self.key.expose());
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let body = answer.bytes().await.expect("a body");
        assert!(status.is_success(), "{status} {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("JSON")
    }

    async fn call(&self, function: &str) {
        let answer = self.post("/v1/agents/a/calls", &json!({"function": function, "arguments": {"id": "e1"}})).await;
        assert_eq!(answer["output"]["guest"], "ana.ruiz@example.com", "{answer}");
    }

    /// Calls per second with many callers.
    async fn throughput(&self, function: &'static str) -> f64 {
        let start = Instant::now();
        let callers = (0..CONCURRENCY).map(|_| {
            let load = self.clone();
            tokio::spawn(async move {
                let mut calls = 0_u32;
                while start.elapsed() < ROUND {
                    load.call(function).await;
                    calls += 1;
                }
                calls
            })
        });
        let mut calls = 0;
        for caller in callers.collect::<Vec<_>>() {
            calls += caller.await.expect("a caller");
        }
        f64::from(calls) / start.elapsed().as_secs_f64()
    }

    /// Median microseconds of one caller alone.
    async fn alone(&self) -> f64 {
        let mut times = Vec::with_capacity(ALONE_CALLS);
        for _ in 0..ALONE_CALLS {
            let start = Instant::now();
            self.call(READ).await;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        median(&mut times)
    }
}

/// A child process that is killed with its parent's measurement.
struct Process(Child);

impl Process {
    fn start(role: &[&str]) -> (Self, String) {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program).args(role).stdout(Stdio::piped()).spawn().expect("a process");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        (Self(child), line.trim().to_owned())
    }

    /// Seconds of CPU so far.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).expect("its stat");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks: f64 = [11, 12].iter().map(|it| fields[*it].parse::<f64>().expect("ticks")).sum();
        ticks / 100.0
    }

    /// Resident megabytes.
    fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("its status");
        let line = status.lines().find(|it| it.starts_with("VmRSS")).expect("VmRSS");
        line.split_whitespace().nth(1).expect("a number").parse::<f64>().expect("kB") / 1024.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn measure() {
    let (_provider, address) = Process::start(&["provider"]);
    let (handler_process, handler_base) = Process::start(&["handler", &address]);
    let (engine_process, engine_line) = Process::start(&["engine", &address]);
    let (engine_base, key) = engine_line.split_once(' ').expect("address and key");
    let handler = Load::new(&handler_base, "bench");
    let engine = Load::new(engine_base, key);
    let at_rest = engine_process.resident();
    for load in [&handler, &engine] {
        load.throughput(READ).await;
        load.throughput(WRITE).await;
    }
    for function in [READ, WRITE] {
        compare(function, (&handler, &handler_process), (&engine, &engine_process)).await;
    }
    let mut added = Vec::new();
    for _ in 0..ROUNDS {
        added.push(engine.alone().await - handler.alone().await);
    }
    println!("added median latency, one caller: {:.0} µs", median(&mut added));
    println!("resident memory: at rest {at_rest:.1} MB, after the load {:.1} MB", engine_process.resident());
    start_up();
}

/// Both in turns, and what they cost.
async fn compare(function: &'static str, handler: (&Load, &Process), engine: (&Load, &Process)) {
    let (mut rates, mut cpu, mut ratios) = ([vec![], vec![]], [vec![], vec![]], vec![]);
    for _ in 0..ROUNDS {
        for (index, (load, process)) in [handler, engine].into_iter().enumerate() {
            let before = process.cpu();
            let rate = load.throughput(function).await;
            cpu[index].push((process.cpu() - before) / (rate * ROUND.as_secs_f64()) * 1e6);
            rates[index].push(rate);
        }
        ratios.push(rates[1][rates[1].len() - 1] / rates[0][rates[0].len() - 1]);
    }
    let [handler, engine] = rates.map(|mut it| median(&mut it));
    println!("`{function}`, calls per second, {CONCURRENCY} callers, median of {ROUNDS} rounds in turns:");
    println!("  hand-written handler   {handler:>9.0}");
    println!("  engine                 {engine:>9.0}");
    println!("  ratio, round by round  {:>9.2}", median(&mut ratios));
    let [handler, engine] = cpu.map(|mut it| median(&mut it));
    println!("  CPU µs per call: handler {handler:.0}, engine {engine:.0}, {:.2} times", engine / handler);
}

/// From the start of the process until `/readyz` could be answered, with the shipped connectors.
fn start_up() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let loaded = closeloop::catalog::folder::load(&root.join("connectors")).expect("a folder");
        times.push(start.elapsed().as_secs_f64() * 1e3);
        assert!(!loaded.connectors.is_empty());
    }
    println!("loading, checking and compiling the shipped connectors: {:.1} ms", median(&mut times));
}
