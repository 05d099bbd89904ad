//! Nothing lost, nothing twice: what becomes of executions whose replica died.
//!
//! # The protocol
//!
//! 1. **Begin.** A durable execution is a row before anything of it is sent: its owner (the replica that runs it), its epoch (0),
//!    and, sealed, what it began with. So any replica can go on with it.
//! 2. **Intent.** Before a request that changes something is sent, one transaction notes it and stores the checkpoint to go on
//!    from, if owner and epoch are still the same ([`crate::store::Running::intend`]). Then, right before sending, the replica
//!    looks whether it may: it is the owner still, and its last good beat began less than half a lease ago. Otherwise it sends
//!    nothing.
//! 3. **Beats.** A replica raises its beats every fifth of a lease. If it can't because it was declared dead, it goes on as
//!    another replica: what it ran as the first one, it does not send for any more.
//! 4. **Death.** Whoever sees, by a clock of its own, the beats of a replica stand still for a whole lease, declares it dead, if the
//!    beats are still the same. While the store can't be read, that time does not count. A store that only one process can be at
//!    needs no beats: at start all others are dead.
//! 5. **Claim.** An execution of a dead replica is claimed by changing owner and epoch, if both are as they were read. Of several
//!    who try one succeeds. Every later statement of the dead replica changes no row.
//! 6. **Going on.** After the claim, checkpoint and writes are read. What has ended is not done again; reads behind it are. A write
//!    that was noted and has not ended may have arrived: it is repeated if its connector says that the provider takes it for the
//!    same one, it is the same to the byte, and the first is at most two minutes old; else the provider is asked (`verify`), and
//!    what is not there is sent then; else the execution ends as `unknown_outcome`. Taking back goes on likewise.
//! 7. **End.** An execution ends, or is parked, in one transaction that demands owner and epoch. The chatbot is told by an event in
//!    the same transaction, since whoever called has no connection to this replica.
//! 8. **Too late.** What nobody has begun to send is not begun late: once the execution's own time and one lease are over it ends as
//!    `unavailable`, since the customer has gone or has been told something else.
//! 9. **Told later.** An execution that ended as `unknown_outcome` keeps its beginning and its place where an event may tell what
//!    became of its write. When one does, a statement that demands that it is still in doubt makes it run again, as this
//!    replica's, from behind that write, or to take back what came before it. Looking sends nothing.
//! 10. **Enough.** What was taken over 20 times without coming any further ends, since it may be what kills its replicas.
//! 11. **Unheard.** The answer to a claim may be lost, and then a living replica has what it does not know of. So each holds, from
//!     before it claims or begins an execution until that has ended, that it is at it; and what is in its name that it is not at
//!     is claimed anew ([`super::waker`]).
//!
//! A replica may die between any two of these, and each can be repeated. An execution that can't be gone on with here (the store
//! fails) is abandoned: it stays as it is, and this replica claims it anew.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::SignedDuration;
use tokio::sync::Semaphore;

use super::{
    Engine, Error, Result,
    run::Begin,
    state::{At, Beginning, Place},
    stretch::Before,
    under_way::One,
};
use crate::{
    base::{Code, ExecutionId, Failure, lock},
    store::{Claimed, Execution, Owned},
};

/// So many are gone on with at the same time.
const AT_ONCE: usize = 32;

/// In every such round it is looked for what belongs to nobody known, which takes longer.
const WHOLE: u32 = 32;

/// So often one is taken over without coming any further.
const MOST: i64 = 20;

/// That this replica is at an execution.
pub(super) type AtWork = One<ExecutionId>;

impl Engine {
    /// Makes this replica known, and takes over what others left behind for as long as the engine is there. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start_recovery(self: &Arc<Self>) -> Result<()> {
        self.join().await?;
        self.start_beating();
        let (engine, orphaned) = (Arc::downgrade(self), Arc::clone(&self.orphaned));
        let period = self.replica.period();
        let places = Arc::new(Semaphore::new(AT_ONCE));
        tokio::spawn(async move {
            let mut rounds: u32 = 0;
            loop {
                let Some(engine) = engine.upgrade() else { return };
                if engine.is_stopping() {
                    return;
                }
                if let Err(error) = engine.take_over(&places, rounds.is_multiple_of(WHOLE)).await {
                    tracing::warn!(%error, "what others left behind could not be looked up; it is tried again");
                }
                rounds = rounds.wrapping_add(1);
                let clock = Arc::clone(&engine.clock);
                drop(engine);
                tokio::select! {
                    biased;
                    () = clock.sleep(period) => {}
                    () = orphaned.notified() => {}
                }
            }
        });
        Ok(())
    }

    /// Claims what nobody is at, as far as there is room, and goes on with it. With `whole` also what belongs to nobody known.
    pub(super) async fn take_over(self: &Arc<Self>, places: &Arc<Semaphore>, whole: bool) -> Result<()> {
        let me = self.replica.id();
        if !self.replica.may_send(&me, &*self.clock) {
            // whoever can't send takes nothing over
            return Ok(());
        }
        let free = u32::try_from(places.available_permits()).unwrap_or(u32::MAX);
        let running = self.store.running();
        let mut orphans = running.orphans(free).await?;
        if whole {
            orphans.extend(running.of_nobody(free).await?);
        }
        let (still_at, abandoned): (Vec<_>, Vec<_>) = self.abandoned().into_iter().partition(|it| self.is_at(it.id));
        still_at.iter().for_each(|it| self.abandon(it));
        let mut failed = None;
        for from in abandoned.into_iter().chain(orphans) {
            let place = Arc::clone(places).try_acquire_owned().ok().filter(|_| failed.is_none());
            let Some(place) = place else {
                self.abandon(&from);
                continue;
            };
            let at_work = self.at_work(from.id);
            match running.claim(&from, &me, self.now()).await {
                Ok(None) => {}
                Ok(Some(claimed)) => {
                    let engine = Arc::clone(self);
                    self.tasks.spawn(async move {
                        engine.go_on(claimed).await;
                        drop((at_work, place));
                        engine.orphaned.notify_one();
                    });
                }
                Err(error) => {
                    self.abandon(&from);
                    self.has_unheard();
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    /// This replica is at an execution until this is dropped, however long it takes: it is not taken for one that it never heard
    /// of. To be had before the store is asked to make it this replica's.
    pub(super) fn at_work(&self, id: ExecutionId) -> AtWork {
        self.at_work.begun(id)
    }

    /// Whether this replica is at an execution.
    pub(super) fn is_at(&self, id: ExecutionId) -> bool {
        self.at_work.has(&id)
    }

    /// The store was asked to give this replica something, and did not answer: it may have it all the same.
    pub(super) fn has_unheard(&self) {
        self.unheard.store(true, Ordering::Relaxed);
        self.waker.notify_one();
    }

    /// This replica stops running an execution that has not ended: it is claimed anew, here unless somebody is quicker.
    pub(super) fn abandon(&self, owned: &Owned) {
        let mut abandoned = lock(&self.abandoned);
        if !abandoned.contains(owned) {
            abandoned.push(owned.clone());
        }
    }

    fn abandoned(&self) -> Vec<Owned> {
        std::mem::take(&mut *lock(&self.abandoned))
    }

    async fn go_on(&self, claimed: Claimed) {
        let owned = claimed.owned.clone();
        if let Err(error) = Box::pin(self.try_to_go_on(claimed)).await {
            tracing::error!(org.id = %owned.org, execution.id = %owned.id, %error, "an execution could not be gone on with yet");
            self.abandon(&owned);
        }
    }

    async fn try_to_go_on(&self, claimed: Claimed) -> Result<()> {
        let Claimed { owned, recoveries } = claimed;
        let row = self.store.executions().get(owned.org, owned.id).await?.ok_or(Error::NotFound("execution"))?;
        let before = self.sent_before(&owned).await?;
        tracing::info!(org.id = %owned.org, execution.id = %owned.id, owned.epoch, "an execution that was left behind is gone on with");
        if recoveries > MOST {
            let why = Failure::new(Code::Unavailable, format!("it was taken over {MOST} times and came no further"));
            return self.end_left(&owned, &row, before.changed, why).await;
        }
        let kept = self.store.running().kept(&owned).await?;
        let open = || -> Result<Option<(Beginning<'static>, Option<Place>)>> {
            let Some(beginning) = &kept.beginning else { return Ok(None) };
            let beginning = self.open_state(row.org, row.connection, beginning)?;
            let place = kept.checkpoint.as_ref().map(|it| self.open_state(row.org, row.connection, it)).transpose()?;
            Ok(Some((beginning, place)))
        };
        match open() {
            Ok(Some((beginning, Some(Place { at: At::Waiting(parked), secrets })))) => {
                let wait = self.store.waits().get(&owned).await?.ok_or(Error::NotFound("wait"))?;
                self.look_again(wait, row, beginning, parked, secrets).await
            }
            Ok(Some((beginning, place))) => self.go_on_running(owned, row, beginning, place, before).await,
            Ok(None) => {
                let why = "the engine stopped while it ran, and nothing was kept to go on with";
                self.end_left(&owned, &row, before.changed, Failure::new(Code::Unavailable, why)).await
            }
            Err(error) => {
                tracing::error!(execution.id = %owned.id, %error, "what an execution needs to go on can't be opened");
                let why = "the engine stopped while it ran, and what it needs to go on can't be opened";
                self.end_left(&owned, &row, before.changed, Failure::new(Code::Unavailable, why)).await
            }
        }
    }

    async fn go_on_running(
        &self,
        owned: Owned,
        row: Execution,
        beginning: Beginning<'static>,
        place: Option<Place>,
        before: Before,
    ) -> Result<()> {
        let (at, secrets) = place.map(|it| (it.at, it.secrets)).unzip();
        let stretch = self.stretch(owned.clone(), row.clone(), beginning, &before, secrets.unwrap_or_default()).await?;
        let stretch = match stretch {
            Ok(stretch) => stretch,
            Err(why) => return self.end_left(&owned, &row, before.changed, why).await,
        };
        if !before.changed && self.is_too_late(&row, stretch.action().plan.timeout) {
            let why = "the engine stopped before it had changed anything, and it is too late to begin";
            return self.end_left(&owned, &row, false, Failure::new(Code::Unavailable, why)).await;
        }
        let begin = match at {
            Some(At::Running(checkpoint)) => Begin::Checkpoint(checkpoint.into()),
            _ => Begin::Anew,
        };
        let journal = stretch.journal(self);
        let ran = self.run_stretch(&stretch, &journal, begin).await;
        self.keep_stretch(&stretch, journal, ran).await
    }

    /// Whether an execution that has changed nothing is not wanted any more.
    fn is_too_late(&self, row: &Execution, timeout: Duration) -> bool {
        let time = timeout.saturating_add(self.replica.lease());
        let since = self.now().duration_since(row.started_at);
        SignedDuration::try_from(time).is_ok_and(|time| since > time)
    }
}
