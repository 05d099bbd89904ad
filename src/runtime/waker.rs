//! Does what is due: executions that wait, doubts of which something was told, deliveries to work off, subscriptions to renew. It sleeps until the next is, or
//! until it is told that one has become due.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{Engine, Result};
use crate::{
    base::lock,
    store::{self, MOST_BUSY, StoredDelivery, Subscription, Wait},
};

/// So much is done at the same time.
const AT_ONCE: usize = 32;

/// Once so much of one connector is being done, others come first: its provider may hang.
const OF_ONE: usize = AT_ONCE / MOST_BUSY;

/// With connectors that others come before, what is left of theirs is looked at after so long.
const LATER: Duration = Duration::from_secs(1);

/// It looks at least so often: another process may have put something there.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Whoever has taken a doubt, a delivery or a subscription has lost it after so long, or when it is dead.
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
        let (me, waits) = (&*self.replica.id(), &self.store.waits());
        let (deliveries, subscriptions) = (&self.store.deliveries(), &self.store.subscriptions());
        let claim = |free, busy: Vec<String>| async move { waits.claim(me, now, free, &busy).await };
        self.begin_all(under_way, claim, Self::look).await?;
        let claim = |free, busy: Vec<String>| async move { waits.claim_doubts(me, now, until, free, &busy).await };
        self.begin_all(under_way, claim, Self::look_at_doubt).await?;
        let claim = |free, busy: Vec<String>| async move { deliveries.claim(me, now, until, free, &busy).await };
        self.begin_all(under_way, claim, Self::work_off).await?;
        let claim = |free, busy: Vec<String>| async move { subscriptions.claim(me, now, until, free, &busy).await };
        self.begin_all(under_way, claim, Self::keep_subscribed).await?;
        let Some((_, busy)) = under_way.room() else {
            // whoever ends first says so
            return Ok(LONGEST_SLEEP);
        };
        let next = self.store.waits().next_due().await?.unwrap_or(Timestamp::MAX);
        let sleep = Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default();
        let least = if busy.is_empty() { Duration::ZERO } else { LATER };
        Ok(sleep.clamp(least, LONGEST_SLEEP))
    }

    /// Claims what is due of a kind for as long as there is room, and begins to work on each.
    async fn begin_all<T: Due, C, W>(
        self: &Arc<Self>,
        under_way: &Arc<UnderWay>,
        claim: impl Fn(u32, Vec<String>) -> C,
        work: impl Fn(Arc<Self>, T) -> W,
    ) -> Result<()>
    where
        C: Future<Output = std::result::Result<Vec<T>, store::Error>>,
        W: Future<Output = ()> + Send + 'static,
    {
        while let Some((free, busy)) = under_way.room() {
            let claimed = claim(free, busy).await?;
            if claimed.is_empty() {
                break;
            }
            for it in claimed {
                let (one, waker) = (under_way.begun(it.connector()), Arc::clone(&self.waker));
                let work = work(Arc::clone(self), it);
                self.tasks.spawn(async move {
                    work.await;
                    drop(one);
                    waker.notify_one();
                });
            }
        }
        Ok(())
    }
}

/// Something that is due at a time, of a connector.
trait Due {
    fn connector(&self) -> &str;
}

impl Due for Wait {
    fn connector(&self) -> &str {
        &self.connector
    }
}

impl Due for StoredDelivery {
    fn connector(&self) -> &str {
        &self.connector
    }
}

impl Due for Subscription {
    fn connector(&self) -> &str {
        &self.connector
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
