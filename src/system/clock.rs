//! The machine's time.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::base::{BoxFuture, Clock};

/// The machine's clock; waiting is tokio's.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is where time comes in")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn ticks(&self) -> Duration {
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        ORIGIN.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
