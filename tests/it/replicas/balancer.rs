//! A load balancer: in turn to each replica whose `/readyz` says 200, asked every so often.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinHandle;

use super::fleet::Fleet;
use crate::harness::Client;

/// Between two looks at a replica.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks until it is dropped.
pub(super) struct Balancer {
    targets: Vec<Arc<Target>>,
    next: AtomicUsize,
    looks: Vec<JoinHandle<()>>,
}

struct Target {
    client: Client,
    ready: AtomicBool,
}

impl Balancer {
    pub(super) fn new(fleet: &Fleet) -> Self {
        let target = |number| Arc::new(Target { client: fleet.client_of(number), ready: AtomicBool::new(false) });
        let targets: Vec<_> = (0..fleet.count()).map(target).collect();
        let looks = targets.iter().map(|it| tokio::spawn(Arc::clone(it).look())).collect();
        Self { targets, next: AtomicUsize::new(0), looks }
    }

    /// Whose turn it is.
    pub(super) fn client(&self) -> &Client {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let mut turns = (turn..).take(self.targets.len()).map(|it| &self.targets[it % self.targets.len()]);
        &turns.find(|it| it.ready.load(Ordering::Relaxed)).expect("one of them is ready").client
    }

    /// Waits until it knows that a replica is ready.
    pub(super) async fn knows_ready(&self, number: usize) {
        while !self.targets[number].ready.load(Ordering::Relaxed) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Target {
    async fn look(self: Arc<Self>) {
        loop {
            let answer = self.client.try_send("GET", "/readyz", None, None).await;
            self.ready.store(answer.is_ok_and(|it| it.0 == 200), Ordering::Relaxed);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.looks.iter().for_each(JoinHandle::abort);
    }
}
