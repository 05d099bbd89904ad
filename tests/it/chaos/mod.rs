//! Dying at any moment, over and over, while payments and refunds are made at a provider that is trouble itself. In the end
//! everything that was wanted has happened once, or certainly not, and the engine says which.
//!
//! `CHAOS_SEED` and `CHAOS_KILLS` have one run again, or a longer one.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

mod callers;
mod outages;
pub(crate) mod plan;
pub(crate) mod purse;
mod soak;
mod verdict;

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;

use crate::{
    replicas::fleet::{Fleet, Settings},
    servers::{Postgres, Redis},
};
use callers::{Callers, Kind};
pub(crate) use plan::Plan;
pub(crate) use purse::Purse;
use verdict::{Kept, Verdict};

/// So many want something at the same time.
const CALLERS: usize = 8;

/// So long what is left may take to end, once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_at_any_moment_everything_happens_once() {
    one_process(number("CHAOS_SEED", 4), number("CHAOS_KILLS", 25)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whichever_replica_dies_everything_happens_once() {
    three_replicas(number("CHAOS_SEED", 4), number("CHAOS_KILLS", 12)).await;
}

/// A number from the environment.
#[expect(clippy::disallowed_methods, reason = "nobody else could say which seed to run again")]
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |it| it.parse().expect("it is a number"))
}

/// One process over SQLite.
async fn one_process(seed: u64, kills: u64) {
    let plan = Plan(seed);
    let scene = Scene::start(plan, 1, Settings::default()).await;
    let mut dice = plan.dice("kills");
    let fleet = Arc::clone(&scene.fleet);
    tokio::task::spawn_blocking(move || {
        for _ in 0..kills {
            if dice.percent(85) {
                fleet.await_ready(0);
                // long enough to get on, now and then
                let life = if dice.percent(60) { dice.millis(400) } else { dice.millis(1200) };
                std::thread::sleep(life);
            } else {
                // while it starts, and recovers from the last time
                std::thread::sleep(dice.millis(150));
            }
            fleet.kill(0);
            fleet.spawn(0);
        }
        fleet.await_ready(0);
    })
    .await
    .expect("it goes to its end");
    let database = format!("sqlite://{}", scene.fleet.files().join("engine.sqlite").display());
    scene.settle(&format!("{kills} kills of one process over SQLite"), &database).await;
}

/// Three processes over PostgreSQL and Redis, of which one at random dies, or stands still for a while.
async fn three_replicas(seed: u64, kills: u64) {
    let plan = Plan(seed);
    let (database, redis) = (Postgres::shared().database(), Redis::start());
    let settings = Settings {
        database_url: Some(database.clone()),
        redis_url: Some(redis.url()),
        more: vec![("lease_seconds", json!(1))],
        ..Settings::default()
    };
    let scene = Scene::start(plan, 3, settings).await;
    let mut dice = plan.dice("kills");
    let fleet = Arc::clone(&scene.fleet);
    tokio::task::spawn_blocking(move || {
        for _ in 0..kills {
            let number = usize::try_from(dice.below(3)).expect("it is small");
            if dice.percent(85) {
                fleet.await_ready(number);
            }
            std::thread::sleep(dice.millis(400));
            // mostly so long that others take over what it has left
            let away = dice.millis(3000);
            if dice.percent(25) {
                // it does not know that it was away: whatever it goes on with may be another's by now
                fleet.signal(number, "STOP");
                std::thread::sleep(away);
                fleet.signal(number, "CONT");
            } else {
                fleet.kill(number);
                std::thread::sleep(away);
                fleet.spawn(number);
            }
        }
        (0..3).for_each(|it| fleet.await_ready(it));
    })
    .await
    .expect("it goes to its end");
    scene
        .settle(
            &format!("{kills} times one of three replicas over PostgreSQL and Redis was killed or stood still"),
            &database,
        )
        .await;
}

/// Engines, the provider, and those who call.
struct Scene {
    plan: Plan,
    fleet: Arc<Fleet>,
    purse: Purse,
    callers: Arc<Callers>,
    lives: Vec<JoinHandle<()>>,
}

impl Scene {
    async fn start(plan: Plan, replicas: usize, settings: Settings) -> Self {
        let purse = Purse::start(plan).await;
        let connectors = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/chaos");
        let fleet = Fleet::started(
            replicas,
            Settings {
                connectors: Some(connectors),
                overrides: vec![("https://purse.example.com", purse.url().to_owned())],
                public_url: Some("https://bot.example.net"),
                ..settings
            },
        );
        purse.find_engines((0..replicas).map(|it| fleet.base(it)).collect());
        let connection = fleet.client.connect("purse", "live", json!({"key": purse::KEY})).await;
        for kind in Kind::ALL {
            fleet.client.enable("purse", &connection, kind.action(), json!({})).await;
        }
        let callers = Callers::new(plan, (0..replicas).map(|it| fleet.client_of(it)).collect());
        let lives = (0..CALLERS).map(|_| tokio::spawn(Arc::clone(&callers).call_on())).collect();
        Self { plan, fleet: Arc::new(fleet), purse, callers, lives }
    }

    /// Waits until so many more intents have come to their end.
    async fn more(&self, count: usize) {
        let wanted = self.callers.intents().len() + count;
        let came = async {
            while self.callers.intents().len() < wanted {
                assert!(!self.lives.iter().all(JoinHandle::is_finished), "no caller is left");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, came).await.expect("the callers get on");
    }

    /// Lets everything come to its end and compares. All replicas run.
    async fn settle(self, what: &str, database_url: &str) -> Verdict {
        self.callers.no_more();
        self.purse.calm_down();
        let all_end = async {
            for life in self.lives {
                life.await.expect("a caller goes to its end");
            }
            none_left(&self.fleet, "/v1/executions?status=running", |_| true).await;
            while !self.purse.has_told_all() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            everything_told(&self.fleet, &self.purse).await;
            // what is told of a doubt ends it, or goes on with it
            let told_of = |it: &Json| {
                let order = it["input"]["order"].as_str().unwrap_or_default();
                self.purse.books().told().contains(&purse::payment_told(order))
            };
            none_left(&self.fleet, "/v1/executions?in_doubt=true", told_of).await;
            for status in ["running", "waiting"] {
                none_left(&self.fleet, &format!("/v1/executions?status={status}"), |_| true).await;
            }
        };
        let stuck = tokio::time::timeout(PATIENCE, all_end).await.is_err();
        for number in 0..self.fleet.count() {
            self.fleet.stop(number);
        }
        let kept = Kept::read(database_url).await;
        let intents = self.callers.intents();
        let verdict = Verdict::of(&intents, &kept, &self.purse.books());
        let seed = self.plan.0;
        println!("{what}, seed {seed}: {} intents, {} of them interrupted", intents.len(), verdict.interrupted);
        println!(
            "  {} executions, {} effects, {} notifications",
            verdict.executions, verdict.effects, verdict.notifications
        );
        for ((kind, end), count) in &verdict.ends {
            println!("  {:<12} {end:<16} {count}", kind.action());
        }
        println!(
            "  not knowable: {}; known once the provider told: {}; wrong: {}",
            verdict.unknown,
            verdict.resolved,
            verdict.wrong.len()
        );
        let first: Vec<_> = verdict.wrong.iter().take(30).map(String::as_str).collect();
        assert!(verdict.wrong.is_empty(), "seed {seed}: {} are wrong:\n{}", verdict.wrong.len(), first.join("\n"));
        assert!(!stuck, "seed {seed}: something did not end");
        assert!(intents.len() > CALLERS, "hardly anything was tried");
        verdict
    }
}

/// Waits until none of the executions at `path` is left that count.
async fn none_left(fleet: &Fleet, path: &str, counts: impl Fn(&Json) -> bool) {
    let mut cursor = String::new();
    loop {
        let page = fleet.client.get(&format!("{path}&limit=100{cursor}")).await;
        let left = page["data"].as_array().is_none_or(|it| it.iter().any(&counts));
        match page["next_cursor"].as_str() {
            Some(next) if !left => cursor = format!("&cursor={next}"),
            None if !left => return,
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Waits until the chatbot is told of everything that was taken of what the provider tells.
async fn everything_told(fleet: &Fleet, purse: &Purse) {
    let (mut missing, mut after) = (purse.books().told().clone(), "0".to_owned());
    while !missing.is_empty() {
        let page = fleet.client.get(&format!("/v1/events?type=provider.event&limit=100&after={after}")).await;
        let events = page["data"].as_array().cloned().unwrap_or_default();
        for event in &events {
            missing.remove(event["data"]["output"]["id"].as_str().unwrap_or_default());
        }
        if events.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        after = page["next_cursor"].as_str().unwrap_or(&after).to_owned();
    }
}
