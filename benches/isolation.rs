//! What a provider that hangs costs the others: calls of one that works, alone and beside 200 calls a second of one that
//! answers after 30 s.
//!
//! Three processes: this one makes the load, at a fixed rate whatever the answers take; `providers` answers; `engine` is
//! Closeloop with two connectors. Alone and beside are measured in turns within one run, because only ratios mean something on
//! a shared machine. `cargo bench --bench isolation` runs it.

#![allow(clippy::print_stdout, missing_docs, unreachable_pub, reason = "a benchmark speaks by printing")]

#[path = "shared/mod.rs"]
mod shared;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, routing::get};
use closeloop::{app::App, config::Config};
use serde_json::json;
use tokio::task::JoinSet;

use shared::{Load, Process, announce};

/// The engine's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(10);
/// Calls a second of the provider that works.
const QUICK: u64 = 100;
/// Calls a second of the one that hangs.
const SLOW: u64 = 200;
const HANGS: Duration = Duration::from_secs(30);

fn connector(id: &str) -> String {
    format!(
        r#"
id: {id}
version: 1.0.0
title: Bench
summary: One read.
catalog: {{group: other_integration, phase: ga}}
auth:
  fields: {{key: {{type: string}}}}
  scheme: bearer
  token: "{{{{ auth.key }}}}"
http: {{base_url: "https://api.{id}.example"}}
actions:
  read:
    title: Read a thing
    describe: Read the one thing that there is to be read.
    effect: read
    request: {{method: GET, path: /thing}}
    output: {{id: $.id}}
"#
    )
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match arguments.first().map(String::as_str) {
        Some("providers") => runtime.block_on(providers()),
        Some("engine") => runtime.block_on(engine(&arguments[1], &arguments[2])),
        _ => runtime.block_on(measure()),
    }
}

/// One that answers at once, and one that hangs and tells how many requests it has had at the same time.
async fn providers() {
    let quick = Router::new().route("/thing", get(async || Json(json!({"id": 1}))));
    let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let hang = async |State(counts): State<Arc<(AtomicUsize, AtomicUsize)>>| {
        struct One(Arc<(AtomicUsize, AtomicUsize)>);
        impl Drop for One {
            fn drop(&mut self) {
                self.0.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        counts.1.fetch_max(counts.0.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let _one = One(counts);
        tokio::time::sleep(HANGS).await;
        Json(json!({"id": 1}))
    };
    let most =
        async |State(counts): State<Arc<(AtomicUsize, AtomicUsize)>>| counts.1.load(Ordering::SeqCst).to_string();
    let slow = Router::new().route("/thing", get(hang)).route("/most", get(most)).with_state(counts);
    let mut addresses = Vec::new();
    for router in [quick, slow] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        addresses.push(format!("http://{}", listener.local_addr().expect("an address")));
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    announce(&addresses.join(" "));
    std::future::pending::<()>().await;
}

async fn engine(quick: &str, slow: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    for id in ["quick", "slow"] {
        let path = folder.path().join("connectors").join(id);
        std::fs::create_dir_all(&path).expect("a folder");
        std::fs::write(path.join("connector.yaml"), connector(id)).expect("written");
    }
    let settings = format!(
        "listen: 127.0.0.1:0\ndatabase_url: sqlite://{0}/bench.sqlite\nconnectors: {0}/connectors\n\
         endpoint_overrides: {{\"https://api.quick.example\": \"{quick}\", \"https://api.slow.example\": \"{slow}\"}}\n",
        folder.path().display()
    );
    let mut config = Config::from_text(&settings, &|_| None).expect("settings");
    config.encryption_keys = Some(closeloop::crypto::KeyRing::generate("bench", &closeloop::system::SystemRandom));
    let app = App::start(config).await.expect("an engine");
    let key = app.engine().new_api_key("bench").await.expect("a key");
    let base = format!("http://{}", app.address());
    let load = Load::new(&base, key.expose());
    for id in ["quick", "slow"] {
        let connection = load.post("/v1/connections", &json!({"connector": id, "fields": {"key": "k"}})).await;
        let enable = json!({"connector": id, "action": "read", "connection": connection["id"], "name": id});
        load.post("/v1/agents/a/actions", &enable).await;
    }
    announce(&format!("{base} {}", key.expose()));
    std::future::pending::<()>().await;
}

impl Load {
    /// Calls so many times a second for a round, whatever the answers take; milliseconds of each, and how often each outcome.
    async fn at_rate(&self, function: &'static str, rate: u64) -> (Vec<f64>, BTreeMap<String, usize>) {
        let kept = Arc::new(Mutex::new((Vec::new(), BTreeMap::new())));
        let mut calls = JoinSet::new();
        let start = Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / rate));
        while start.elapsed() < ROUND {
            ticks.tick().await;
            let (load, kept) = (self.clone(), Arc::clone(&kept));
            calls.spawn(async move {
                let begun = Instant::now();
                let answer = load.post("/v1/agents/a/calls", &json!({"function": function, "arguments": {}})).await;
                let took = begun.elapsed().as_secs_f64() * 1e3;
                let outcome = answer["error"]["code"].as_str().unwrap_or("succeeded").to_owned();
                let mut kept = kept.lock().expect("nobody panics with it");
                kept.0.push(took);
                *kept.1.entry(outcome).or_default() += 1;
            });
        }
        calls.join_all().await;
        Arc::into_inner(kept).expect("all calls have ended").into_inner().expect("nobody panicked with it")
    }
}

fn percentile(times: &mut [f64], part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * part) as usize]
}

async fn measure() {
    let (_providers, addresses) = Process::start(&["providers"]);
    let (quick, slow) = addresses.split_once(' ').expect("two addresses");
    let (engine, line) = Process::start(&["engine", quick, slow]);
    let (base, key) = line.split_once(' ').expect("address and key");
    let load = Load::new(base, key);
    load.at_rate("quick", QUICK).await;
    let before = engine.resident();
    let (mut alone, mut beside, mut ratios) = ([vec![], vec![]], [vec![], vec![]], vec![]);
    let mut outcomes = BTreeMap::<String, usize>::new();
    for _ in 0..ROUNDS {
        let (mut times, told) = load.at_rate("quick", QUICK).await;
        assert!(told.keys().eq(["succeeded"]), "{told:?}");
        let ((mut with, told), (_, of_slow)) = tokio::join!(load.at_rate("quick", QUICK), load.at_rate("slow", SLOW));
        assert!(told.keys().eq(["succeeded"]), "{told:?}");
        for (index, part) in [0.5, 0.99].into_iter().enumerate() {
            alone[index].push(percentile(&mut times, part));
            beside[index].push(percentile(&mut with, part));
        }
        ratios.push(beside[1][beside[1].len() - 1] / alone[1][alone[1].len() - 1]);
        of_slow.into_iter().for_each(|(outcome, count)| *outcomes.entry(outcome).or_default() += count);
    }
    let most = reqwest::get(format!("{slow}/most")).await.expect("an answer").text().await.expect("text");
    println!(
        "{QUICK} calls a second of a provider that works; median of {ROUNDS} rounds of {} s in turns:",
        ROUND.as_secs()
    );
    println!("                                        p50        p99");
    for (name, [half, most]) in [("alone", &mut alone), (&format!("beside {SLOW}/s of one that hangs"), &mut beside)] {
        println!("  {name:<32} {:>7.2} ms {:>7.2} ms", percentile(half, 0.5), percentile(most, 0.5));
    }
    println!("  ratio of p99, round by round              {:>7.2}", percentile(&mut ratios, 0.5));
    println!("the one that hangs had at most {most} requests at the same time; its calls ended as {outcomes:?}");
    println!("resident memory: before {before:.1} MB, after {:.1} MB", engine.resident());
}
