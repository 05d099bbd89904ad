//! What a conversation or a customer left behind: handed over, or erased.
//!
//! What runs, waits or is in doubt can't be erased, since it has to be brought to its end; it is erased then. An erasure stays
//! pending until nothing that began before it can come any more, and is gone on with every minute, on any replica.

use jiff::{SignedDuration, Timestamp};

use super::{Engine, Result, Shown};
use crate::{
    base::{ErasureId, ExecutionId, OrgId},
    store::{Erased, Erasure, Event, Subject},
};

/// Longer than anything runs that the store does not know of.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// So many executions are looked up at once, and so many batches are erased while whoever asked for it waits.
const AT_ONCE: u32 = 100;
const BATCHES: u32 = 10;

/// Executions of one piece of an export.
const EXPORTED_AT_ONCE: u32 = 50;

/// An erasure, and what of it can't be erased yet.
#[derive(Debug)]
pub struct Erasing {
    /// As far as it got.
    pub erasure: Erasure,
    /// How many executions are left: they are erased when they are over.
    pub left: u64,
}

/// A place in an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Behind this execution; at the beginning without one.
    Executions(Option<ExecutionId>),
    /// Behind this event.
    Events(i64),
}

/// A piece of what was exported.
#[derive(Debug)]
pub enum Exported {
    /// An execution, with what the chatbot was told of it.
    Execution(Box<Shown>, Vec<Event>),
    /// What the chatbot was told without an execution.
    Event(Box<Event>),
}

impl Engine {
    /// Erases what a conversation or a customer left behind until now. May be asked for again, and tells the same then.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn erase(&self, org: OrgId, subject: &Subject) -> Result<Erasing> {
        self.recorder.flush().await?;
        let now = self.now();
        let id = ErasureId::new(now, self.random.as_ref());
        let mut erasure = self.store.erasures().ask(org, id, subject, now).await?;
        erasure.erased += self.erase_batches(&erasure).await?;
        let left = self.store.erasures().left(&erasure).await?;
        Ok(Erasing { erasure, left })
    }

    /// At most `limit` erasures, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn erasures(&self, org: OrgId, before: Option<ErasureId>, limit: u32) -> Result<Vec<Erasure>> {
        Ok(self.store.erasures().list(org, before, limit).await?)
    }

    /// Goes on with what was to be erased.
    ///
    /// # Errors
    /// When the store fails; what is left then is erased the next time.
    pub async fn erase_pending(&self) -> Result<()> {
        let mut after = Timestamp::MIN;
        loop {
            let pending = self.store.erasures().pending(after, AT_ONCE).await?;
            let Some(last) = pending.last() else { return Ok(()) };
            after = last.asked_at;
            for it in pending {
                self.erase_batches(&it).await?;
                let now = self.now();
                if now.duration_since(it.asked_at) >= SETTLED_AFTER && self.store.erasures().left(&it).await? == 0 {
                    self.store.erasures().done(&it, now).await?;
                }
            }
        }
    }

    async fn erase_batches(&self, it: &Erasure) -> Result<Erased> {
        let mut all = Erased::default();
        for _ in 0..BATCHES {
            let erased = self.store.erasures().erase(it, self.now(), AT_ONCE).await?;
            all += erased;
            if erased.executions < u64::from(AT_ONCE) {
                break;
            }
        }
        Ok(all)
    }

    /// The next piece of all that is kept of an org, or of one conversation or customer of it, oldest first; each with the place
    /// to go on from. Nothing: that was all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn export(&self, org: OrgId, subject: Option<&Subject>, from: Place) -> Result<Vec<(Place, Exported)>> {
        self.recorder.flush().await?;
        let erasures = self.store.erasures();
        let mut piece = Vec::new();
        let mut events_from = 0;
        match from {
            Place::Events(after) => events_from = after,
            Place::Executions(after) => {
                for execution in erasures.executions(org, subject, after, EXPORTED_AT_ONCE).await? {
                    let id = execution.id;
                    let trace = self.store.executions().trace(org, id).await?;
                    let writes = self.store.executions().writes(org, id).await?;
                    let events = erasures.events(org, id).await?;
                    let shown = Box::new(Shown { execution, trace, writes });
                    piece.push((Place::Executions(Some(id)), Exported::Execution(shown, events)));
                }
                if !piece.is_empty() {
                    return Ok(piece);
                }
            }
        }
        // what is of no execution is of no conversation either
        while subject.is_none() && piece.is_empty() {
            let found = self.store.events().list(org, None, events_from, EXPORTED_AT_ONCE).await?;
            let Some((last, _)) = found.last() else { break };
            events_from = *last;
            let alone = found.into_iter().filter(|(_, it)| it.execution.is_none());
            piece.extend(alone.map(|(number, it)| (Place::Events(number), Exported::Event(Box::new(it)))));
        }
        Ok(piece)
    }
}
