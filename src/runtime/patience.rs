//! How long a caller waits, and what it is told when that is over: the execution as it stands, and its end by an event.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{Engine, Error, Result, outliving::Outliving};
use crate::{
    base::{ExecutionId, OrgId},
    coordination::News,
    store::{Execution, ExecutionStatus, NewExecution},
};

/// Nobody waits longer than this for an execution that another call began.
const LONGEST: Duration = Duration::from_mins(10);

/// The answer needs time to get there: so much of its patience is left to the caller, but at most [`LONGEST_WAY`].
const WAY: u32 = 10;
const LONGEST_WAY: Duration = Duration::from_millis(250);

/// What another replica may have done is looked up again after so long, and then after ever longer.
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
        self.endings.wake(it.id);
        if elsewhere {
            self.telling.wake(it.org);
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
        let mut rest = Rest::until(until);
        loop {
            let mut told = std::pin::pin!(listener.notify.notified());
            told.as_mut().enable();
            let it = self.store.executions().get(org, id).await?.ok_or(Error::NotFound("execution"))?;
            if enough(it.status) || self.is_stopping() || !rest.wait(told).await {
                return Ok(it);
            }
        }
    }
}

/// The time that is left to somebody who looks again whenever they are told to, and now and then, since another replica may not
/// have told.
pub(super) struct Rest {
    until: Instant,
    pause: Duration,
}

impl Rest {
    pub(super) fn until(until: Instant) -> Self {
        Self { until, pause: FIRST_PAUSE }
    }

    /// Waits until it is worth while to look again. `false`, at once: the time is over.
    pub(super) async fn wait(&mut self, told: impl Future<Output = ()>) -> bool {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        let _ = tokio::time::timeout(self.pause.min(left), told).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_leaves_time_to_get_there() {
        for (patience, moment) in [(0, 0), (1000, 900), (8000, 7750), (60_000, 59_750)] {
            assert_eq!(at_hand(Duration::from_millis(patience)), Duration::from_millis(moment));
        }
    }
}
