//! The only door to the time.

use std::time::Duration;

use jiff::Timestamp;

use super::BoxFuture;

/// Tells and waits for time. The interpreter gets one; tests give a clock that they move.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;
    /// The time since some instant of this process's, which only goes forward: for leases, which no change of the date may end.
    fn ticks(&self) -> Duration {
        Duration::try_from(self.now().duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default()
    }
    /// Completes when `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
}

/// A clock that stands still and for which waiting takes no time: dry runs and connector tests.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn sleep(&self, _duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
