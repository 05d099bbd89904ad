//! Does what is due: executions that wait, deliveries to work off, subscriptions to renew. It sleeps until the next is, or
//! until it is told that one has become due.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use super::{Engine, Result};

/// So much is done at the same time.
const AT_ONCE: usize = 32;

/// It looks at least so often: another process may have put something there.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Whoever has taken a delivery or a subscription has lost it after so long.
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(120);

impl Engine {
    /// Does it until the engine is gone or stops. Needs a tokio runtime.
    pub fn start_waker(self: &Arc<Self>) {
        let (engine, waker) = (Arc::downgrade(self), Arc::clone(&self.waker));
        let places = Arc::new(Semaphore::new(AT_ONCE));
        tokio::spawn(async move {
            loop {
                let sleep = {
                    let Some(engine) = engine.upgrade() else { return };
                    if engine.is_stopping() {
                        return;
                    }
                    match engine.do_what_is_due(&places).await {
                        Ok(next) => next,
                        Err(error) => {
                            tracing::warn!(%error, "what is due could not be looked up; it is tried again");
                            Duration::from_secs(1)
                        }
                    }
                };
                tokio::select! {
                    () = tokio::time::sleep(sleep) => {}
                    () = waker.notified() => {}
                }
            }
        });
    }

    /// Begins all that is due and has room, and tells how long there is nothing to do.
    async fn do_what_is_due(self: &Arc<Self>, places: &Arc<Semaphore>) -> Result<Duration> {
        let now = self.now();
        let until = now + LEASE;
        let free = |places: &Semaphore| u32::try_from(places.available_permits()).unwrap_or(u32::MAX);
        for it in self.store.waits().claim(&self.replica.id(), now, free(places)).await? {
            self.begin(places, Arc::clone(self).look(it)).await;
        }
        for it in self.store.deliveries().claim(now, until, free(places)).await? {
            self.begin(places, Arc::clone(self).work_off(it)).await;
        }
        for it in self.store.subscriptions().claim(now, until, free(places)).await? {
            self.begin(places, Arc::clone(self).keep_subscribed(it)).await;
        }
        if free(places) == 0 {
            // whoever ends first says so
            return Ok(LONGEST_SLEEP);
        }
        let next = self.store.waits().next_due().await?.unwrap_or(Timestamp::MAX);
        let sleep = Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default();
        Ok(sleep.min(LONGEST_SLEEP))
    }

    async fn begin(self: &Arc<Self>, places: &Arc<Semaphore>, work: impl Future<Output = ()> + Send + 'static) {
        let Ok(place) = Arc::clone(places).acquire_owned().await else { return };
        let waker = Arc::clone(&self.waker);
        self.tasks.spawn(async move {
            work.await;
            drop(place);
            waker.notify_one();
        });
    }
}
