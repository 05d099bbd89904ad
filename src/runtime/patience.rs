//! How long a caller waits, and what it is told when that is over: the execution as it stands, and its end by an event.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{Engine, Error, Result, outliving::Outliving};
use crate::{
    base::{ExecutionId, OrgId, lock},
    coordination::News,
    store::{Execution, ExecutionStatus, NewExecution},
};

/// Nobody waits longer than this for an execution that another call began.
const LONGEST: Duration = Duration::from_mins(10);

/// The answer needs time to get there: so much of its patience is left to the caller, but at most [`LONGEST_WAY`].
const WAY: u32 = 10;
const LONGEST_WAY: Duration = Duration::from_millis(250);

/// What another replica ended is looked up again after so long, and then after ever longer.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// When whoever waits for so long has to be answered.
pub(super) fn last_moment(patience: Duration) -> Instant {
    Instant::now() + at_hand(patience)
}

fn at_hand(patience: Duration) -> Duration {
    patience.saturating_sub((patience / WAY).min(LONGEST_WAY))
}

/// What a run knows of its caller, and its caller of it.
#[derive(Debug, Default)]
pub(super) struct Caller {
    gone: Arc<AtomicBool>,
    begun: Notify,
}

impl Caller {
    /// Nobody gets the answer: its end has to be told by an event.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// The execution is certainly this one.
    pub(super) fn has_begun(&self) {
        self.begun.notify_one();
    }
}

impl Engine {
    /// `work`, to be awaited by `caller`. It goes on when that goes away, and knows it then.
    pub(super) fn asked_for_by<T: Send + 'static>(
        &self,
        caller: &Caller,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<Outliving<Result<T>>> {
        if self.tasks.is_closed() {
            return Err(Error::Unavailable("the engine is stopping".to_owned()));
        }
        Ok(Outliving::new(&self.tasks, work).noting(Arc::clone(&caller.gone)))
    }

    /// Awaits the work of `caller` until `until`; then leaves it to itself, and gives the execution as it stands. Its end is told
    /// by an event then. `durable`: the store knows of it.
    pub(super) async fn until<T: From<Execution> + Send + 'static>(
        &self,
        until: Instant,
        mut work: Outliving<Result<T>>,
        caller: &Caller,
        asked: (NewExecution, Option<String>),
        durable: bool,
    ) -> Result<T> {
        tokio::select! {
            biased;
            ended = &mut work => return ended,
            () = tokio::time::sleep_until(until) => {}
        }
        // until it is begun, it may be another execution: that of an earlier call
        tokio::select! {
            biased;
            ended = &mut work => return ended,
            () = caller.begun.notified() => {}
        }
        // It is not polled from here on until it goes on by itself, so it can't end before it is known that this is to be told.
        let (new, key) = asked;
        let (org, id) = (new.org, new.id);
        if !durable {
            self.store.executions().begin(&new, None).await?;
        }
        if self.store.executions().tell(org, id).await? {
            return Ok(new.so_far(key, ExecutionStatus::Running).into());
        }
        work.await
    }

    /// An execution of an earlier call for whoever repeats it: once it is as the first caller would be told, but no later than
    /// `until`. If it still runs then, its end is told by an event.
    pub(super) async fn repeated(&self, first: Execution, until: Option<Instant>) -> Result<Execution> {
        if first.status != ExecutionStatus::Running {
            return Ok(first);
        }
        let (org, id) = (first.org, first.id);
        let until = until.unwrap_or_else(|| Instant::now() + LONGEST);
        let now = self.once(org, id, until, |it| it != ExecutionStatus::Running).await?;
        if now.status != ExecutionStatus::Running || self.store.executions().tell(org, id).await? {
            return Ok(now);
        }
        self.store.executions().get(org, id).await?.ok_or(Error::NotFound("execution"))
    }

    /// Wakes whoever waits for the end of an execution: here and, if its caller was not answered with it, elsewhere.
    pub(super) fn has_ended(&self, it: &Execution, elsewhere: bool) {
        self.endings.ended(it.id);
        if elsewhere {
            self.coordination.tell(News::Ended(it.org, it.id));
        }
    }

    /// One execution, once its status is `enough` or `until` is over.
    pub(super) async fn once(
        &self,
        org: OrgId,
        id: ExecutionId,
        until: Instant,
        enough: fn(ExecutionStatus) -> bool,
    ) -> Result<Execution> {
        let listener = self.endings.listen(id);
        let mut pause = FIRST_PAUSE;
        loop {
            let mut told = std::pin::pin!(listener.notify.notified());
            told.as_mut().enable();
            let it = self.store.executions().get(org, id).await?.ok_or(Error::NotFound("execution"))?;
            let left = until.saturating_duration_since(Instant::now());
            if enough(it.status) || left.is_zero() || self.is_stopping() {
                return Ok(it);
            }
            let _ = tokio::time::timeout(pause.min(left), told).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Wakes whoever waits for an execution of this replica to end.
#[derive(Debug, Default)]
pub(super) struct Endings {
    listeners: Mutex<HashMap<ExecutionId, Arc<Notify>>>,
    /// So that an end for which nobody waits takes no lock.
    count: AtomicUsize,
}

/// Somebody who waits for one execution.
struct Listener<'a> {
    all: &'a Endings,
    id: ExecutionId,
    notify: Arc<Notify>,
}

impl Endings {
    /// To be called once the end can be read from the store.
    pub(super) fn ended(&self, id: ExecutionId) {
        if self.count.load(Ordering::SeqCst) > 0
            && let Some(notify) = self.listeners().get(&id)
        {
            notify.notify_waiters();
        }
    }

    fn listen(&self, id: ExecutionId) -> Listener<'_> {
        let notify = Arc::clone(self.listeners().entry(id).or_default());
        self.count.fetch_add(1, Ordering::SeqCst);
        Listener { all: self, id, notify }
    }

    fn listeners(&self) -> MutexGuard<'_, HashMap<ExecutionId, Arc<Notify>>> {
        lock(&self.listeners)
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        let mut listeners = self.all.listeners();
        self.all.count.fetch_sub(1, Ordering::SeqCst);
        // the map's, and this one
        if Arc::strong_count(&self.notify) == 2 {
            listeners.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::system::SystemRandom;

    #[tokio::test]
    async fn an_end_wakes_all_who_wait_for_it_and_leaves_nothing_behind() {
        let endings = Endings::default();
        let [awaited, other] = [(); 2].map(|()| ExecutionId::new(Timestamp::UNIX_EPOCH, &SystemRandom));
        let listeners = [endings.listen(awaited), endings.listen(awaited)];
        let mut told: Vec<_> = listeners.iter().map(|it| Box::pin(it.notify.notified())).collect();
        told.iter_mut().for_each(|it| assert!(!it.as_mut().enable()));
        endings.ended(other);
        assert!(told.iter_mut().all(|it| !it.as_mut().enable()), "another one ended");
        endings.ended(awaited);
        futures_util::future::join_all(told).await;
        drop(listeners);
        assert!(endings.listeners().is_empty());
        assert_eq!(endings.count.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn an_answer_leaves_time_to_get_there() {
        for (patience, moment) in [(0, 0), (1000, 900), (8000, 7750), (60_000, 59_750)] {
            assert_eq!(at_hand(Duration::from_millis(patience)), Duration::from_millis(moment));
        }
    }
}
