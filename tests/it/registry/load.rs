//! Callers that go on calling, and look whether any of their calls fails.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use semver::Version;
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::Client;

/// Callers of `stock` that go on until they are asked what they saw.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    callers: JoinSet<Vec<(Instant, Duration, Version)>>,
}

/// What all callers saw.
pub(super) struct Seen {
    /// When a call began, how long it took, and the version that it had; in the order in which they began.
    calls: Vec<(Instant, Duration, Version)>,
}

impl Load {
    /// So many callers, each with one call at a time.
    pub(super) fn start(client: &Client, callers: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut all = JoinSet::new();
        for _ in 0..callers {
            let (client, stop) = (client.clone(), Arc::clone(&stop));
            all.spawn(async move {
                let mut seen = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    // fails if it is not a success
                    let output = client.output("stock", json!({"item": "x"})).await;
                    let version = output["version"].as_str().unwrap().parse().unwrap();
                    seen.push((began, began.elapsed(), version));
                }
                seen
            });
        }
        Self { stop, callers: all }
    }

    pub(super) async fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let mut calls: Vec<_> = self.callers.join_all().await.into_iter().flatten().collect();
        calls.sort();
        Seen { calls }
    }
}

impl Seen {
    /// A call that began once another version was live had that one: versions only went up.
    pub(super) fn assert_no_way_back(&self) {
        let mut live: Vec<(Instant, &Version)> = Vec::new();
        for (began, took, version) in &self.calls {
            let before = live.iter().filter(|(ended, _)| ended <= began).map(|(_, it)| *it).max();
            assert!(before.is_none_or(|it| version >= it), "{version} after {before:?}");
            if live.iter().all(|(_, it)| *it < version) {
                live.push((*began + *took, version));
            }
        }
    }

    /// The versions that calls had, from the lowest.
    pub(super) fn versions(&self) -> Vec<String> {
        let mut all: Vec<_> = self.calls.iter().map(|(_, _, it)| it).collect();
        all.sort();
        all.dedup();
        all.into_iter().map(Version::to_string).collect()
    }

    /// A line for people.
    pub(super) fn figures(&self) -> String {
        let mut times: Vec<_> = self.calls.iter().map(|(_, took, _)| *took).collect();
        times.sort();
        let at = |hundredth: usize| times[(times.len() - 1) * hundredth / 100];
        let (calls, versions) = (times.len(), self.versions().len());
        format!(
            "{calls} calls, {versions} versions, none failed; median {:?}, p99 {:?}, longest {:?}",
            at(50),
            at(99),
            at(100)
        )
    }
}
