//! Replicas that are restarted one after the other while they are called.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::json;

use super::{Shared, balancer::Balancer, fleet::Fleet, fleet::Settings};
use crate::chaos::{Plan, Purse, purse};

/// So many call at the same time, each one call after the other.
const CALLERS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_call() {
    let purse = Purse::start(Plan(1)).await;
    purse.calm_down();
    let shared = Shared::start();
    let settings = Settings {
        overrides: vec![("https://purse.example.com", purse.url().to_owned())],
        more: vec![("drain_seconds", json!(1))],
        ..shared.settings("chaos")
    };
    let fleet = Fleet::started(3, settings);
    let connection = fleet.client.connect("purse", "live", json!({"key": purse::KEY})).await;
    fleet.client.enable("purse", &connection, "pay", json!({})).await;
    let balancer = Arc::new(Balancer::new(&fleet));
    for number in 0..3 {
        balancer.knows_ready(number).await;
    }

    let (done, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let caller = |_| {
        let (balancer, done, calls) = (Arc::clone(&balancer), Arc::clone(&done), Arc::clone(&calls));
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let order = format!("pay-{}", calls.fetch_add(1, Ordering::Relaxed));
                let body = json!({"function": "pay", "arguments": {"order": order}});
                let client = balancer.client();
                // no second attempt: whatever goes wrong has failed
                let answer = client.try_send("POST", "/v1/agents/a/calls", Some(&body), Some(&order)).await;
                let (status, execution) = answer.unwrap_or_else(|error| panic!("{order}: {error:?}"));
                assert_eq!((status, execution["status"].as_str()), (200, Some("succeeded")), "{order}: {execution:#}");
            }
        })
    };
    let callers: Vec<_> = (0..CALLERS).map(caller).collect();

    let fleet = Arc::new(fleet);
    for number in 0..3 {
        let restarted = Arc::clone(&fleet);
        let restart = tokio::task::spawn_blocking(move || {
            restarted.stop(number);
            restarted.spawn(number);
            restarted.await_ready(number);
        });
        restart.await.unwrap();
        balancer.knows_ready(number).await;
    }
    done.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let calls = calls.load(Ordering::Relaxed);
    println!("{calls} calls while three replicas were restarted");
    assert!(calls > 3 * CALLERS, "hardly anything was called");
    assert_eq!(purse.books().effects(), calls);
}
