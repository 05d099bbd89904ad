//! What stands between a replica and everything else.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use super::{At, Did, Go, Waiting, World};
use crate::base::{BoxFuture, Clock, Random};

/// How far something came that got lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Came {
    /// It was never done.
    Nowhere,
    /// It was done, but nobody is told.
    There,
}

/// The door of one replica: also its clock, and its randomness.
#[derive(Clone)]
pub(crate) struct Door {
    world: World,
    replica: usize,
}

impl Door {
    pub(super) fn new(world: World, replica: usize) -> Self {
        Self { world, replica }
    }

    pub(crate) fn replica(&self) -> usize {
        self.replica
    }

    /// Does `work` when the world lets it, and gives what came of it when the world lets that. What the replica sees when one
    /// of both gets lost, `lost` says.
    pub(crate) async fn pass<T>(
        &self,
        what: &'static str,
        lost: impl FnOnce(Came) -> T,
        work: impl Future<Output = T>,
    ) -> T {
        self.pass_telling(what, |_| what, lost, work).await
    }

    /// The same; what the replica then learns of is told by what came of it.
    pub(crate) async fn pass_telling<T>(
        &self,
        what: &'static str,
        learns: impl FnOnce(&T) -> &'static str,
        lost: impl FnOnce(Came) -> T,
        work: impl Future<Output = T>,
    ) -> T {
        let (go, done) = self.wait(what, At::Asks, Timestamp::MIN).await;
        if go == Go::Lost {
            return lost(Came::Nowhere);
        }
        let result = work.await;
        drop(done);
        let (go, _done) = self.wait(learns(&result), At::Learns, Timestamp::MIN).await;
        if go == Go::Lost { lost(Came::There) } else { result }
    }

    /// Does `work` in the same moment as what led to it: nothing can come between. Then as [`Door::pass`].
    pub(crate) async fn at_once<T>(&self, what: &'static str, lost: impl FnOnce() -> T, work: impl FnOnce() -> T) -> T {
        self.sends(what);
        let result = work();
        let (go, _done) = self.wait(what, At::Learns, Timestamp::MIN).await;
        if go == Go::Lost { lost() } else { result }
    }

    /// Tells that something leaves, in the same moment as what led to it.
    pub(crate) fn sends(&self, what: &'static str) {
        self.world.state().line(self.replica, Did::Sends, what);
    }

    /// Something came; the replica learns of it when the world lets it.
    pub(crate) async fn learns(&self, what: &'static str) {
        drop(self.wait(what, At::Sleeps, Timestamp::MIN).await);
    }

    /// A statement as this world has it: with the mistake that was made in it, if one was.
    pub(crate) fn statement(&self, sql: &'static str) -> &'static str {
        let state = &mut *self.world.state();
        match state.mistake {
            Some((right, wrong)) if sql.contains(right) => {
                state.mistaken.entry(sql).or_insert_with(|| sql.replace(right, wrong).leak())
            }
            _ => sql,
        }
    }

    /// Stands there until it is let through; whoever dropped what is returned has done what it came for.
    async fn wait(&self, what: &'static str, at: At, until: Timestamp) -> (Go, oneshot::Sender<()>) {
        let ((go, told), (finish, done)) = (oneshot::channel(), oneshot::channel());
        self.world.state().waiting.push(Waiting { replica: self.replica, what, at, until, go, done });
        match told.await {
            Ok(go) => (go, finish),
            // the schedule is over
            Err(_) => std::future::pending().await,
        }
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the door of replica {}", self.replica)
    }
}

impl Clock for Door {
    fn now(&self) -> Timestamp {
        let state = self.world.state();
        state.now + state.replicas[self.replica].ahead
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        let until = self.world.now() + SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        Box::pin(async move { drop(self.wait("", At::Sleeps, until).await) })
    }
}

impl Random for Door {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.world.state();
        for byte in bytes {
            *byte = state.replicas[self.replica].dice.next().to_le_bytes()[0];
        }
    }
}
