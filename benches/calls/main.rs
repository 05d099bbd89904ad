//! One-request actions through the HTTP API, a read and a journaled write, against handlers that were written by hand with axum,
//! reqwest and sqlx for exactly these two: `same` does what the engine does for a call, `bare` only sends and maps.
//!
//! Each is a process, so that its CPU time can be read by itself: this one makes the load; `provider` answers like a
//! provider; `engine` is Closeloop with one connector. All are measured in turns within one run, because only ratios mean
//! something on a shared machine. `make bench` runs it.

#![allow(clippy::print_stdout, missing_docs, unreachable_pub, reason = "a benchmark speaks by printing")]

mod bare;
mod catalog;
mod engine;
mod load;
mod provider;
mod same;
#[path = "../shared/mod.rs"]
mod shared;

use std::time::Duration;

use axum::Router;

use shared::{Load, Process, announce, median};

/// The engine's own; the hand-written handlers have it too.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);
const CONCURRENCY: usize = 32;
const ALONE_CALLS: usize = 1500;

/// The functions.
const READ: &str = "event";
const WRITE: &str = "book";

/// What is compared, in this order.
const ROLES: [&str; 3] = ["bare", "same", "engine"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match arguments.first().map(String::as_str) {
        Some("provider") => runtime.block_on(provider::run()),
        Some("bare") => runtime.block_on(bare::run(arguments[1].clone())),
        Some("same") => runtime.block_on(same::run(arguments[1].clone())),
        Some("engine") => runtime.block_on(engine::run(&arguments[1])),
        Some("catalog") => runtime.block_on(catalog::run(&arguments[1])),
        _ => runtime.block_on(measure()),
    }
}

/// Serves, and tells the parent where and with which key.
async fn serve(router: Router, key: &str) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    announce(format!("http://{} {key}", listener.local_addr().expect("an address")).trim());
    axum::serve(listener, router).await.expect("served");
}

/// One of those that are compared.
struct Compared {
    process: Process,
    load: Load,
    at_rest: f64,
}

async fn measure() {
    let (_provider, address) = Process::start(&["provider"]);
    let all = ROLES.map(|role| {
        let (process, line) = Process::start(&[role, &address]);
        let (base, key) = line.split_once(' ').expect("an address and a key");
        Compared { load: Load::new(base, key), at_rest: process.resident(), process }
    });
    for it in &all {
        it.load.throughput(READ, CONCURRENCY, ROUND).await;
        it.load.throughput(WRITE, CONCURRENCY, ROUND).await;
    }
    for function in [READ, WRITE] {
        throughput(function, &all).await;
        latency(function, &all).await;
    }
    for (role, it) in ROLES.iter().zip(&all) {
        println!(
            "resident memory of {role}: at rest {:.1} MB, after the load {:.1} MB",
            it.at_rest,
            it.process.resident()
        );
    }
    drop(all);
    catalog::measure();
}

/// Calls per second and CPU time, in turns.
async fn throughput(function: &'static str, all: &[Compared; 3]) {
    let mut rates = [const { Vec::new() }; 3];
    let mut cpu = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (index, it) in all.iter().enumerate() {
            let before = it.process.cpu();
            let rate = it.load.throughput(function, CONCURRENCY, ROUND).await;
            cpu[index].push((it.process.cpu() - before) / (rate * ROUND.as_secs_f64()) * 1e6);
            rates[index].push(rate);
        }
    }
    let ratio = |to: usize| {
        let mut ratios: Vec<f64> = rates[2].iter().zip(&rates[to]).map(|(engine, other)| engine / other).collect();
        median(&mut ratios)
    };
    let ratios = [ratio(0), ratio(1)];
    println!("`{function}`, {CONCURRENCY} callers, median of {ROUNDS} rounds in turns:");
    let cpu = cpu.map(|mut it| median(&mut it));
    for (index, (role, mut rates)) in ROLES.iter().zip(rates).enumerate() {
        println!("  {role:<8}{:>9.0} calls per second, CPU {:>4.0} µs per call", median(&mut rates), cpu[index]);
    }
    for (index, ratio) in ratios.iter().enumerate() {
        let times = cpu[2] / cpu[index];
        println!("  engine to {:<5} throughput, round by round, {ratio:.2}; CPU {times:.2} times", ROLES[index]);
    }
}

/// What one caller alone waits longer for the engine.
async fn latency(function: &'static str, all: &[Compared; 3]) {
    let (mut medians, mut added) = ([const { Vec::new() }; 3], [const { Vec::new() }; 2]);
    for _ in 0..ROUNDS {
        for (index, it) in all.iter().enumerate() {
            medians[index].push(it.load.alone(function, ALONE_CALLS).await);
        }
        for to in 0..2 {
            added[to].push(medians[2][medians[2].len() - 1] - medians[to][medians[to].len() - 1]);
        }
    }
    let [bare, same, engine] = medians.map(|mut it| median(&mut it));
    println!("  one caller, median latency: bare {bare:.0} µs, same {same:.0} µs, engine {engine:.0} µs");
    let [bare, same] = added.map(|mut it| median(&mut it));
    println!("  added by the engine, round by round: {bare:.0} µs to bare, {same:.0} µs to same");
}
