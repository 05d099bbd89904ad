//! Does what is due: executions that wait, deliveries to work off, subscriptions to renew. It sleeps until the next is, or
//! until it is told that one has become due.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{Engine, Result};
use crate::{base::lock, store::MOST_BUSY};

/// So much is done at the same time.
const AT_ONCE: usize = 32;

/// Once so much of one connector is being done, others come first: its provider may hang.
const OF_ONE: usize = AT_ONCE / MOST_BUSY;

/// With connectors that others come before, what is left of theirs is looked at after so long.
const LATER: Duration = Duration::from_secs(1);

/// It looks at least so often: another process may have put something there.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Whoever has taken a delivery or a subscription has lost it after so long.
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(120);

impl Engine {
    /// Does it until the engine is gone or stops. Needs a tokio runtime.
    pub fn start_waker(self: &Arc<Self>) {
        let (engine, waker) = (Arc::downgrade(self), Arc::clone(&self.waker));
        let under_way = Arc::new(UnderWay::default());
        tokio::spawn(async move {
            loop {
                let sleep = {
                    let Some(engine) = engine.upgrade() else { return };
                    if engine.is_stopping() {
                        return;
                    }
                    match engine.do_what_is_due(&under_way).await {
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
    async fn do_what_is_due(self: &Arc<Self>, under_way: &Arc<UnderWay>) -> Result<Duration> {
        let now = self.now();
        let until = now + LEASE;
        while let Some((free, busy)) = under_way.room() {
            let claimed = self.store.waits().claim(&self.replica.id(), now, free, &busy).await?;
            if claimed.is_empty() {
                break;
            }
            for it in claimed {
                self.begin(under_way, &it.connector.clone(), Arc::clone(self).look(it));
            }
        }
        while let Some((free, busy)) = under_way.room() {
            let claimed = self.store.deliveries().claim(now, until, free, &busy).await?;
            if claimed.is_empty() {
                break;
            }
            for it in claimed {
                self.begin(under_way, &it.connector.clone(), Arc::clone(self).work_off(it));
            }
        }
        while let Some((free, busy)) = under_way.room() {
            let claimed = self.store.subscriptions().claim(now, until, free, &busy).await?;
            if claimed.is_empty() {
                break;
            }
            for it in claimed {
                self.begin(under_way, &it.connector.clone(), Arc::clone(self).keep_subscribed(it));
            }
        }
        let Some((_, busy)) = under_way.room() else {
            // whoever ends first says so
            return Ok(LONGEST_SLEEP);
        };
        let next = self.store.waits().next_due().await?.unwrap_or(Timestamp::MAX);
        let sleep = Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default();
        let least = if busy.is_empty() { Duration::ZERO } else { LATER };
        Ok(sleep.clamp(least, LONGEST_SLEEP))
    }

    fn begin(
        self: &Arc<Self>,
        under_way: &Arc<UnderWay>,
        connector: &str,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let (one, waker) = (under_way.begun(connector), Arc::clone(&self.waker));
        self.tasks.spawn(async move {
            work.await;
            drop(one);
            waker.notify_one();
        });
    }
}

/// What is being done, by connector: a provider that hangs must not have all places.
#[derive(Debug, Default)]
struct UnderWay(Mutex<HashMap<String, usize>>);

/// Something of a connector.
struct One {
    of: Arc<UnderWay>,
    connector: String,
}

impl UnderWay {
    /// How much more may begin now, and of which connectors none. `None`: nothing may.
    fn room(&self) -> Option<(u32, Vec<String>)> {
        let counts = self.counts();
        let free = AT_ONCE.saturating_sub(counts.values().sum());
        let mut busy: Vec<String> =
            counts.iter().filter(|(_, count)| **count >= OF_ONE).map(|(connector, _)| connector.clone()).collect();
        busy.sort();
        (free > 0).then(|| (u32::try_from(free.min(OF_ONE)).unwrap_or(u32::MAX), busy))
    }

    fn begun(self: &Arc<Self>, connector: &str) -> One {
        *self.counts().entry(connector.to_owned()).or_default() += 1;
        One { of: Arc::clone(self), connector: connector.to_owned() }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        lock(&self.0)
    }
}

impl Drop for One {
    fn drop(&mut self) {
        let mut counts = self.of.counts();
        if let Some(count) = counts.get_mut(&self.connector) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.connector);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connector_never_has_all_places() {
        let under_way = Arc::new(UnderWay::default());
        let mut kept = Vec::new();
        assert_eq!(under_way.room(), Some((8, vec![])));
        kept.extend((0..7).map(|_| under_way.begun("hangs")));
        assert_eq!(under_way.room(), Some((8, vec![])), "at worst it has fifteen");
        kept.extend((0..8).map(|_| under_way.begun("hangs")));
        assert_eq!(under_way.room(), Some((8, vec!["hangs".to_owned()])));
        kept.extend((0..15).map(|number| under_way.begun(&format!("other{number}"))));
        assert_eq!(under_way.room(), Some((2, vec!["hangs".to_owned()])));
        kept.extend((0..2).map(|_| under_way.begun("another")));
        assert_eq!(under_way.room(), None);
        kept.clear();
        assert!(under_way.counts().is_empty());
    }
}
