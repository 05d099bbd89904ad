//! Does what is due: executions that wait, doubts of which something was told, deliveries to work off, subscriptions to renew. It sleeps until the next is, or
//! until it is told that one has become due.
//!
//! What is taken is this replica's from the moment at which the database says so, also if the answer is lost. So this knows what
//! is under way, and gives back whatever else is in this replica's name: at once when the database is back, and now and then, since
//! a statement may be late. Nothing that is being claimed can be taken for forgotten, since it is this loop that claims, and what it
//! has claimed is under way before it looks again. What else makes executions this replica's holds before it asks that it is at them.

use std::{
    hash::Hash,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    Engine, Result,
    under_way::{One, UnderWay},
};
use crate::store::{self, MOST_BUSY, StoredDelivery, Subscription, Taken, Wait};

/// So much is done at the same time.
const AT_ONCE: usize = 32;

/// Once so much of one connector is being done, others come first: its provider may hang.
const OF_ONE: usize = AT_ONCE / MOST_BUSY;

/// With connectors that others come before, what is left of theirs is looked at after so long.
const LATER: Duration = Duration::from_secs(1);

/// It looks at least so often: another process may have put something there.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// After the database did not answer it is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// So many executions of this replica are looked through for those that it is not at.
const MOST_RUNNING: u32 = 1_000;

/// Whoever has taken a doubt, a delivery or a subscription has lost it after so long, or when it is dead.
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(120);

impl Engine {
    /// Does it until the engine is gone or stops. Needs a tokio runtime.
    pub fn start_waker(self: &Arc<Self>) {
        let (engine, waker, clock) = (Arc::downgrade(self), Arc::clone(&self.waker), Arc::clone(&self.clock));
        let mut at = AtHand::default();
        tokio::spawn(async move {
            loop {
                let sleep = {
                    let Some(engine) = engine.upgrade() else { return };
                    if engine.is_stopping() {
                        return;
                    }
                    // a stop waits for what it has just taken
                    match engine.tasks.track_future(engine.do_what_is_due(&mut at)).await {
                        Ok(next) => next,
                        Err(error) => {
                            tracing::warn!(%error, "what is due could not be looked up; it is tried again");
                            engine.unheard.store(true, Ordering::Relaxed);
                            PAUSE
                        }
                    }
                };
                tokio::select! {
                    biased;
                    () = clock.sleep(sleep) => {}
                    () = waker.notified() => {}
                }
            }
        });
    }

    /// Begins all that is due and has room, and tells how long there is nothing to do.
    async fn do_what_is_due(self: &Arc<Self>, at: &mut AtHand) -> Result<Duration> {
        if !self.may_send() {
            // it may be taken for dead, and what it would take be another one's
            return Ok(self.replica.period());
        }
        let (now, ticks) = (self.now(), self.clock.ticks());
        let is_time = at.looked_through.is_none_or(|last| ticks.saturating_sub(last) >= LONGEST_SLEEP);
        if self.unheard.swap(false, Ordering::Relaxed) || is_time {
            self.give_back(&at.taken).await?;
            at.looked_through = Some(ticks);
        }
        let until = now + LEASE;
        let (me, waits) = (&*self.replica.id(), &self.store.waits());
        let (deliveries, subscriptions) = (&self.store.deliveries(), &self.store.subscriptions());
        let claim = |free, busy: Vec<String>| async move { waits.claim(me, now, free, &busy).await };
        self.begin_all(at, claim, |it: &Wait| self.at_work(it.owned.id), Self::look).await?;
        let claim = |free, busy: Vec<String>| async move { waits.claim_doubts(me, now, until, free, &busy).await };
        self.begin_all(at, claim, |it: &Wait| at.taken.begun(doubt(it)), Self::look_at_doubt).await?;
        let claim = |free, busy: Vec<String>| async move { deliveries.claim(me, now, until, free, &busy).await };
        self.begin_all(at, claim, |it: &StoredDelivery| at.taken.begun(delivery(it)), Self::work_off).await?;
        let claim = |free, busy: Vec<String>| async move { subscriptions.claim(me, now, until, free, &busy).await };
        self.begin_all(at, claim, |it: &Subscription| at.taken.begun(subscription(it)), Self::keep_subscribed).await?;
        let Some((_, busy)) = at.room() else {
            // whoever ends first says so
            return Ok(LONGEST_SLEEP);
        };
        let next = self.store.waits().next_due().await?.unwrap_or(Timestamp::MAX);
        let sleep = Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default();
        let least = if busy.is_empty() { Duration::ZERO } else { LATER };
        Ok(sleep.clamp(least, LONGEST_SLEEP))
    }

    /// Claims what is due of a kind for as long as there is room, and begins to work on each, held by what `hold` gives.
    async fn begin_all<T: Due, C, H, W>(
        self: &Arc<Self>,
        at: &AtHand,
        claim: impl Fn(u32, Vec<String>) -> C,
        hold: impl Fn(&T) -> One<H>,
        work: impl Fn(Arc<Self>, T) -> W,
    ) -> Result<()>
    where
        C: Future<Output = std::result::Result<Vec<T>, store::Error>>,
        H: Eq + Hash + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        while let Some((free, busy)) = at.room().filter(|_| !self.is_stopping()) {
            let claimed = claim(free, busy).await?;
            if claimed.is_empty() {
                break;
            }
            for it in claimed {
                let held = (at.connectors.begun(it.connector().to_owned()), hold(&it));
                let (work, waker) = (work(Arc::clone(self), it), Arc::clone(&self.waker));
                self.tasks.spawn(async move {
                    work.await;
                    drop(held);
                    waker.notify_one();
                });
            }
        }
        Ok(())
    }

    /// Gives back what is in this replica's name and not under way here.
    async fn give_back(&self, under_way: &UnderWay<Taken>) -> Result<()> {
        let (me, replicas) = (self.replica.id(), self.store.replicas());
        let mut taken = replicas.taken(&me).await?;
        taken.retain(|it| !under_way.has(it));
        replicas.give_back(&me, &taken, self.now()).await?;
        let mut running = self.store.running().of(&me, MOST_RUNNING).await?;
        running.retain(|it| !self.is_at(it.id));
        if !running.is_empty() || !taken.is_empty() {
            tracing::warn!(executions = running.len(), ?taken, "this replica had what it was not at; it is given back");
        }
        running.iter().for_each(|it| self.abandon(it));
        if !running.is_empty() {
            self.orphaned.notify_one();
        }
        Ok(())
    }
}

/// What the waker has begun, and when it last looked through what this replica has.
#[derive(Default)]
struct AtHand {
    /// By connector: a provider that hangs must not have all places.
    connectors: UnderWay<String>,
    taken: UnderWay<Taken>,
    looked_through: Option<Duration>,
}

impl AtHand {
    /// How much more may begin now, and of which connectors none. `None`: nothing may.
    fn room(&self) -> Option<(u32, Vec<String>)> {
        let counts = self.connectors.counts();
        let free = AT_ONCE.saturating_sub(counts.values().sum());
        let mut busy: Vec<String> =
            counts.iter().filter(|(_, count)| **count >= OF_ONE).map(|(connector, _)| connector.clone()).collect();
        busy.sort();
        (free > 0).then(|| (u32::try_from(free.min(OF_ONE)).unwrap_or(u32::MAX), busy))
    }
}

fn doubt(it: &Wait) -> Taken {
    Taken::Doubt(it.owned.org, it.owned.id)
}

fn delivery(it: &StoredDelivery) -> Taken {
    Taken::Delivery(it.org, it.id)
}

fn subscription(it: &Subscription) -> Taken {
    Taken::Subscription(it.org, it.connection, it.connector.clone())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connector_never_has_all_places() {
        let at = AtHand::default();
        let begun = |connector: &str| at.connectors.begun(connector.to_owned());
        let mut kept = Vec::new();
        assert_eq!(at.room(), Some((8, vec![])));
        kept.extend((0..7).map(|_| begun("hangs")));
        assert_eq!(at.room(), Some((8, vec![])), "at worst it has fifteen");
        kept.extend((0..8).map(|_| begun("hangs")));
        assert_eq!(at.room(), Some((8, vec!["hangs".to_owned()])));
        kept.extend((0..15).map(|number| begun(&format!("other{number}"))));
        assert_eq!(at.room(), Some((2, vec!["hangs".to_owned()])));
        kept.extend((0..2).map(|_| begun("another")));
        assert_eq!(at.room(), None);
        kept.clear();
        assert!(at.connectors.counts().is_empty());
    }
}
