//! A clock that tests move.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use closeloop::{base::Clock, system::SystemClock};
use jiff::{SignedDuration, Timestamp};

/// Stands still until it is moved; its clones are the same clock. Waiting on it takes no real time: it moves instead.
#[derive(Debug, Clone)]
pub(crate) struct ManualClock(Arc<Mutex<Timestamp>>);

impl ManualClock {
    /// Starts at an RFC 3339 instant.
    pub(crate) fn at(instant: &str) -> Self {
        Self(Arc::new(Mutex::new(instant.parse().expect("the test names a valid instant"))))
    }

    /// Moves it forward.
    pub(crate) fn advance(&self, seconds: i64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += SignedDuration::from_secs(seconds);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.advance(i64::try_from(duration.as_secs()).expect("tests wait for less than an age"));
        Box::pin(std::future::ready(()))
    }
}

/// The machine's clock, put forward by tests; its clones are the same clock. Waiting on it takes real time.
#[derive(Debug, Clone, Default)]
pub(crate) struct ForwardClock(Arc<AtomicI64>);

impl ForwardClock {
    /// Puts it forward.
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ForwardClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        SystemClock.sleep(duration)
    }
}
