//! This engine among those that share its store.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use super::{
    Engine, Result,
    liveness::{Pulse, Watch},
};
use crate::{
    base::{Clock, Random},
    connections::Standing,
    crypto::random_token,
};

/// Others that each replica watches, and is watched by.
const WATCHED: u32 = 8;

/// This replica, for whoever takes leases beside executions.
pub(super) struct Watched {
    pub(super) replica: Arc<Replica>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Standing for Watched {
    fn id(&self) -> Arc<str> {
        self.replica.id()
    }

    fn may_send(&self, id: &str) -> bool {
        self.replica.may_send(id, &*self.clock)
    }
}

/// This replica.
pub(super) struct Replica {
    lease: Duration,
    /// Nobody else can be at the store, so nobody has to be told that this one lives.
    alone: bool,
    state: RwLock<State>,
}

struct State {
    id: Arc<str>,
    pulse: Pulse,
    left: bool,
}

impl Replica {
    /// One that nobody knows of yet.
    pub(super) fn new(id: &str, lease: Duration, alone: bool) -> Self {
        let state = RwLock::new(State { id: id.into(), pulse: Pulse::new(lease), left: false });
        Self { lease, alone, state }
    }

    /// As which it owns what it begins or takes over from now on.
    pub(super) fn id(&self) -> Arc<str> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner).id)
    }

    /// Whether it may send what changes something for an execution that it owns as `owner`. To be asked right before it is sent.
    pub(super) fn may_send(&self, owner: &str, clock: &dyn Clock) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        *state.id == *owner && !state.left && (self.alone || state.pulse.may_send(clock.ticks()))
    }

    /// It sends nothing more.
    fn leaves(&self) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).left = true;
    }

    /// Others have been told that it is dead: what it is from now on is another one.
    fn reborn(&self, random: &dyn Random) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.id = random_token(random).expose().into();
        state.pulse = Pulse::new(self.lease);
    }

    fn beaten(&self, id: &str, at: Duration) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if *state.id == *id {
            state.pulse.beat(at);
        }
    }

    /// How often it beats.
    pub(super) fn period(&self) -> Duration {
        self.lease / 5
    }

    pub(super) fn lease(&self) -> Duration {
        self.lease
    }
}

impl Engine {
    /// Whether this replica may send what changes something: the others know that it lives.
    pub fn may_send(&self) -> bool {
        self.replica.may_send(&self.replica.id(), &*self.clock)
    }

    /// Makes this replica known to the others. Where no other one can be, those that were are dead.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn join(&self) -> Result<()> {
        let (id, at) = (self.replica.id(), self.clock.ticks());
        self.store.replicas().join(&id, self.replica.alone, self.now()).await?;
        self.replica.beaten(&id, at);
        Ok(())
    }

    /// Beats for as long as the engine is there, and looks after a few others. Needs a tokio runtime.
    pub(super) fn start_beating(self: &Arc<Self>) {
        if self.replica.alone {
            return;
        }
        let engine = Arc::downgrade(self);
        let period = self.replica.period();
        let mut watch = Watch::new(self.replica.lease);
        tokio::spawn(async move {
            loop {
                let Some(engine) = engine.upgrade() else { return };
                if engine.has_stopped() {
                    return;
                }
                engine.beat(&mut watch).await;
                let clock = Arc::clone(&engine.clock);
                drop(engine);
                clock.sleep(period).await;
            }
        });
    }

    /// Tells once that this replica lives, and looks once whether others do.
    pub(super) async fn beat(&self, watch: &mut Watch) {
        if let Err(error) = self.try_to_beat(watch).await {
            watch.missed();
            tracing::warn!(%error, "this replica could not tell that it lives");
        }
    }

    async fn try_to_beat(&self, watch: &mut Watch) -> Result<()> {
        let (id, at) = (self.replica.id(), self.clock.ticks());
        if self.store.replicas().beat(&id).await? {
            self.replica.beaten(&id, at);
        } else {
            tracing::error!(replica = %id, "this replica was taken for dead; it goes on as another one");
            self.replica.reborn(self.random.as_ref());
            self.join().await?;
        }
        let at = self.clock.ticks();
        let others = self.store.replicas().behind(&self.replica.id(), WATCHED).await?;
        let all = match u32::try_from(others.len()) {
            Ok(few) if few < WATCHED => few + 1,
            _ => self.store.replicas().count().await?,
        };
        self.coordination.set_replicas(all as usize);
        for dead in watch.look(at, others) {
            if self.store.replicas().declare_dead(&dead, self.now()).await? {
                tracing::warn!(replica = dead.replica, "a replica has died; what it ran is taken over");
                self.orphaned.notify_one();
                self.waker.notify_one();
            }
        }
        Ok(())
    }

    /// Tells that this replica ends: what it still runs may be taken over at once.
    pub(super) async fn leave(&self) {
        self.replica.leaves();
        if let Err(error) = self.store.replicas().leave(&self.replica.id(), self.now()).await {
            tracing::warn!(%error, "this replica could not tell that it ends; others will see it");
        }
    }
}
