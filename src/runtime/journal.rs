//! Watches a run: writes down what it is about to change before it is sent, and what happened for people to read.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::{
    Engine,
    state::{At, Place},
    trace::{Detail, Trace},
};
use crate::{
    auth::Used,
    base::{BoxFuture, ConnectionId, Secret, lock},
    interpreter::{Checkpoint, Doubt, Event, Observer, Unsent},
    store::{Owned, Write, WriteOutcome},
    transport::SendError,
    wire::{Answer, Request},
};

/// The observer of a run: its trace, and for durable runs the journal of its writes.
pub(super) struct Journal<'a> {
    engine: &'a Engine,
    /// Nothing for runs that aren't journaled.
    durable: Option<Durable<'a>>,
    /// How many writes were noted before, while it ran elsewhere.
    before: u32,
    trace: Trace,
    sent: Mutex<Vec<Sent>>,
    schema_changed: AtomicBool,
    doubt: Mutex<Option<Box<Doubt>>>,
}

/// What a run leaves to be kept beside its result.
pub(super) struct Finished {
    pub(super) trace: String,
    /// The outcomes of writes that the store does not know yet.
    pub(super) writes: Vec<(u32, WriteOutcome)>,
    /// By what the provider may tell what became of it, if nobody knows.
    pub(super) doubt: Option<Box<Doubt>>,
}

/// A run whose writes are noted in the store before they are sent.
pub(super) struct Durable<'a> {
    pub(super) owned: Owned,
    pub(super) connection: ConnectionId,
    /// What it has signed with.
    pub(super) used: &'a Used,
}

/// A write that was noted.
struct Sent {
    step: String,
    request: String,
    outcome: Option<WriteOutcome>,
    /// Whether the store knows the outcome.
    settled: bool,
}

impl<'a> Journal<'a> {
    pub(super) fn new(engine: &'a Engine, durable: Option<Durable<'a>>) -> Self {
        Self {
            engine,
            durable,
            before: 0,
            trace: Trace::default(),
            sent: Mutex::default(),
            schema_changed: AtomicBool::new(false),
            doubt: Mutex::default(),
        }
    }

    /// Of a run that goes on, after `before` writes.
    pub(super) fn resumed(engine: &'a Engine, durable: Durable<'a>, before: u32) -> Self {
        let journal = Self { before, ..Self::new(engine, Some(durable)) };
        journal.trace.resumed();
        journal
    }

    /// Whether an answer said that the org's own fields are not what they were.
    pub(super) fn schema_changed(&self) -> bool {
        self.schema_changed.load(Ordering::Relaxed)
    }

    /// What it has come to, with `secrets` masked.
    pub(super) fn finish(self, succeeded: bool, secrets: &[Secret]) -> Finished {
        let mut sent = self.sent.into_inner().unwrap_or_else(PoisonError::into_inner);
        // what isn't journaled is a read
        let detail = if succeeded && self.durable.is_none() { Detail::Lines } else { Detail::Full };
        let doubt = self.doubt.into_inner().unwrap_or_else(PoisonError::into_inner);
        Finished { trace: self.trace.finish(detail, secrets), writes: unsettled(&mut sent, self.before), doubt }
    }

    fn sent(&self) -> MutexGuard<'_, Vec<Sent>> {
        lock(&self.sent)
    }

    fn note(&self, step: &str, request: &Request, at: jiff::Timestamp) -> (Write, Vec<(u32, WriteOutcome)>) {
        let mut sent = self.sent();
        let earlier = unsettled(&mut sent, self.before);
        let number = self.before.saturating_add(u32::try_from(sent.len()).unwrap_or(u32::MAX));
        let (step, request) = (step.to_owned(), request.line());
        sent.push(Sent { step: step.clone(), request: request.clone(), outcome: None, settled: false });
        (Write { number, step, request, sent_at: at, outcome: None }, earlier)
    }

    fn answered(&self, step: &str, request: &Request, answer: Result<&Arc<Answer>, &SendError>) {
        let line = request.line();
        let mut sent = self.sent();
        let waiting = sent.iter_mut().rev().find(|it| it.outcome.is_none() && it.step == step && it.request == line);
        if let Some(it) = waiting {
            it.outcome = Some(match answer {
                Ok(answer) => WriteOutcome::Answered(answer.status),
                Err(error) if error.may_have_arrived => WriteOutcome::Lost,
                Err(_) => WriteOutcome::NotSent,
            });
        }
    }
}

impl Journal<'_> {
    /// Notes a write. What can't be noted is not sent; then the run ends if nothing was sent before, and whoever called may call
    /// again. Otherwise it is gone on with later.
    async fn intend(
        &self,
        it: &Durable<'_>,
        step: &str,
        request: &Request,
        checkpoint: Checkpoint,
    ) -> Result<(), Unsent> {
        let (write, earlier) = self.note(step, request, self.engine.clock.now());
        let (owned, revision) = (&it.owned, checkpoint.revision);
        let place = self.engine.seal_state(owned.org, it.connection, &Place::new(At::Running(checkpoint), it.used));
        let noted = self.engine.store.running().intend(owned, &write, revision, &place, &earlier).await;
        let is_noted = noted.is_ok();
        let why = match noted {
            // asked again right before it leaves; but what is known not to be sent from here leaves no doubt behind
            Ok(true) if self.may_send() => return Ok(()),
            Ok(true) => "this replica could not tell for a while that it lives".to_owned(),
            Ok(false) => return Err(Unsent::Lost),
            Err(error) => error.to_string(),
        };
        let mut sent = self.sent();
        if let Some(it) = sent.get_mut((write.number - self.before) as usize) {
            it.outcome = Some(WriteOutcome::NotSent);
            // of what has no row, no outcome can be kept
            it.settled = !is_noted;
        }
        let is_first = self.before == 0 && sent.iter().all(|it| it.outcome == Some(WriteOutcome::NotSent));
        Err(if is_first { Unsent::NotNoted(why) } else { Unsent::Lost })
    }
}

impl Observer for Journal<'_> {
    fn before_write<'a>(
        &'a self,
        step: &'a str,
        request: &'a Request,
        checkpoint: Checkpoint,
    ) -> BoxFuture<'a, Result<(), Unsent>> {
        match &self.durable {
            None => Box::pin(std::future::ready(Ok(()))),
            Some(durable) => Box::pin(self.intend(durable, step, request, checkpoint)),
        }
    }

    fn may_send(&self) -> bool {
        let may_send = |it: &Durable<'_>| self.engine.replica.may_send(&it.owned.owner, &*self.engine.clock);
        self.durable.as_ref().is_none_or(may_send)
    }

    fn in_doubt(&self, doubt: Doubt) {
        *lock(&self.doubt) = Some(doubt.into());
    }

    fn event(&self, event: Event<'_>) {
        if let Event::Exchanged { step, request, answer, .. } = &event
            && self.durable.is_some()
        {
            self.answered(step, request, *answer);
        }
        if matches!(event, Event::SchemaChanged) {
            self.schema_changed.store(true, Ordering::Relaxed);
        }
        self.trace.record(&event);
    }
}

/// Outcomes that came since the last call of this.
fn unsettled(sent: &mut [Sent], before: u32) -> Vec<(u32, WriteOutcome)> {
    let mut outcomes = Vec::new();
    for (number, it) in (before..).zip(sent) {
        if let Some(outcome) = it.outcome
            && !it.settled
        {
            it.settled = true;
            outcomes.push((number, outcome));
        }
    }
    outcomes
}
