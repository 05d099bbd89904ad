//! Load kept for long: memory stays what it is, and tables grow no further than retention says.
//!
//! `SOAK_SECONDS` has another length.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use sqlx::Row as _;

use super::{Plan, Purse, number, purse};
use crate::{
    harness::Client,
    replicas::fleet::{Fleet, Settings},
};

/// So many call at the same time.
const CALLERS: usize = 16;

/// So long the capacity is measured.
const MEASURE: Duration = Duration::from_secs(15);

/// Between two looks at memory and tables.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The tables in which a call leaves rows, all of which retention takes away after days (`tests/it/retention.rs`).
const KEPT_FOR_DAYS: [&str; 3] = ["executions", "execution_writes", "idempotency_keys"];

/// What was seen at one time.
struct Seen {
    kilobytes: u64,
    /// By table.
    rows: BTreeMap<String, u64>,
}

#[ignore = "takes ten minutes: make soak"]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_minutes_at_half_the_capacity_leave_nothing_behind() {
    let length = Duration::from_secs(number("SOAK_SECONDS", 600));
    let purse = Purse::start(Plan(1)).await;
    purse.calm_down();
    let connectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/chaos");
    let fleet = Fleet::started(
        1,
        Settings {
            connectors: Some(connectors),
            overrides: vec![("https://purse.example.com", purse.url().to_owned())],
            // that it is ready is a line of its command
            more: vec![("log_level", json!("warn,closeloop::cli=info"))],
            ..Settings::default()
        },
    );
    let connection = fleet.client.connect("purse", "live", json!({"key": purse::KEY})).await;
    for action in ["pay", "payments"] {
        fleet.client.enable("purse", &connection, action, json!({})).await;
    }
    let calls = Arc::new(AtomicUsize::new(0));

    let began = Instant::now();
    load(&fleet.client, &calls, None, MEASURE).await;
    let capacity = calls.swap(0, Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    println!("capacity: {capacity:.0} calls a second, half of them writes, from {CALLERS} callers");

    let pace = Duration::from_secs_f64(CALLERS as f64 / (capacity / 2.0));
    let loading = tokio::spawn({
        let (client, calls) = (fleet.client.clone(), Arc::clone(&calls));
        async move { load(&client, &calls, Some(pace), length).await }
    });
    let database = fleet.files().join("engine.sqlite");
    let mut seen = Vec::new();
    let began = Instant::now();
    while !loading.is_finished() {
        tokio::time::sleep(LOOK_EVERY).await;
        let it = Seen { kilobytes: resident(fleet.process_id(0)), rows: rows(&database).await };
        let (seconds, rows) = (began.elapsed().as_secs(), it.rows.values().sum::<u64>());
        println!("{seconds:>4} s: {:>7} kB resident, {rows:>8} rows", it.kilobytes);
        seen.push(it);
    }
    loading.await.expect("no call fails");
    let rate = calls.load(Ordering::Relaxed) as f64 / length.as_secs_f64();
    println!("{rate:.0} calls a second for {} s", length.as_secs());

    // the first third is for warming up
    let (middle, last) = seen[seen.len() / 3..].split_at((seen.len() - seen.len() / 3) / 2);
    let mean = |of: &[Seen]| of.iter().map(|it| it.kilobytes).sum::<u64>() as f64 / of.len() as f64;
    let memory = mean(last) / mean(middle);
    println!("from the second third to the last: memory × {memory:.3}");
    assert!(memory < 1.05, "memory grows: × {memory:.3}");
    let (before, after) = (&middle[0].rows, &last[last.len() - 1].rows);
    let grown: Vec<_> = after.iter().filter(|(table, rows)| **rows > before[*table]).map(|(table, _)| table).collect();
    println!("tables that grow: {grown:?}; rows in the end: {after:?}");
    assert!(grown.iter().all(|it| KEPT_FOR_DAYS.contains(&it.as_str())), "more grows than retention takes away");
    let (executions, writes) = (after["executions"], after["execution_writes"]);
    assert!(executions.div_ceil(2) >= writes, "{executions} calls, half of them writes, and {writes} writes");
}

/// Calls for so long, each caller one call after another, or one each `pace`. Every call must succeed.
async fn load(client: &Client, calls: &Arc<AtomicUsize>, pace: Option<Duration>, length: Duration) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let end = Instant::now() + length;
    let caller = |_| {
        let (client, calls) = (client.clone(), Arc::clone(calls));
        tokio::spawn(async move {
            let mut ticks = pace.map(tokio::time::interval);
            while Instant::now() < end {
                if let Some(ticks) = &mut ticks {
                    ticks.tick().await;
                }
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                let (function, key) = if number.is_multiple_of(2) { ("pay", Some(number)) } else { ("payments", None) };
                let body = json!({"function": function, "arguments": {"order": format!("o-{number}")}});
                let key = key.map(|it| it.to_string());
                let (status, it) = client.send("POST", "/v1/agents/a/calls", Some(&body), key.as_deref()).await;
                assert_eq!((status, it["status"].as_str()), (200, Some("succeeded")), "{it:#}");
                calls.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let callers: Vec<_> = (0..CALLERS).map(caller).collect();
    for caller in callers {
        caller.await.expect("no call fails");
    }
}

/// A process's resident memory.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:")).expect("every process has it");
    line.trim().trim_end_matches(" kB").parse().expect("it is a number")
}

/// The rows of each table.
async fn rows(database: &Path) -> BTreeMap<String, u64> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database).read_only(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.expect("readers are welcome");
    let tables = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table'").fetch_all(&pool).await;
    let mut rows = BTreeMap::new();
    for table in tables.expect("it has tables") {
        let name: String = table.get(0);
        let count = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM \"{name}\"")));
        let count: i64 = count.fetch_one(&pool).await.expect("a table can be counted").get(0);
        rows.insert(name, u64::try_from(count).expect("a count is not negative"));
    }
    pool.close().await;
    rows
}
