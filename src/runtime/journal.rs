//! Watches a run: writes down what it is about to change before it is sent, and what happened for people to read.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::trace::{Detail, Trace};
use crate::{
    base::{BoxFuture, Clock, Secret},
    interpreter::{Checkpoint, Event, Observer, Unsent},
    store::{NewExecution, Store, Write, WriteOutcome},
    transport::SendError,
    wire::{Answer, Request},
};

/// The observer of a run: its trace, and for durable runs the journal of its writes.
pub(super) struct Journal<'a> {
    store: &'a Store,
    execution: &'a NewExecution,
    /// The time of intents; `None` for runs that aren't journaled.
    clock: Option<&'a dyn Clock>,
    /// How many writes were noted before, while it ran elsewhere.
    before: u32,
    trace: Trace,
    sent: Mutex<Vec<Sent>>,
    schema_changed: AtomicBool,
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
    /// With a clock, every write is noted in the store before it is sent.
    pub(super) fn new(store: &'a Store, execution: &'a NewExecution, clock: Option<&'a dyn Clock>) -> Self {
        Self {
            store,
            execution,
            clock,
            before: 0,
            trace: Trace::default(),
            sent: Mutex::default(),
            schema_changed: AtomicBool::new(false),
        }
    }

    /// Whether an answer said that the org's own fields are not what they were.
    pub(super) fn schema_changed(&self) -> bool {
        self.schema_changed.load(Ordering::Relaxed)
    }

    /// Of a run that goes on, after `before` writes.
    pub(super) fn resumed(store: &'a Store, execution: &'a NewExecution, clock: &'a dyn Clock, before: u32) -> Self {
        Self { before, ..Self::new(store, execution, Some(clock)) }
    }

    /// As [`Journal::finish`], and how many writes there were in all.
    pub(super) fn finish_resumed(self, succeeded: bool, secrets: &[Secret]) -> (String, Vec<(u32, WriteOutcome)>, u32) {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner).len();
        let sent = self.before.saturating_add(u32::try_from(sent).unwrap_or(u32::MAX));
        let (trace, writes) = self.finish(succeeded, secrets);
        (trace, writes, sent)
    }

    /// The trace with `secrets` masked, and the outcomes that the store does not know yet.
    pub(super) fn finish(self, succeeded: bool, secrets: &[Secret]) -> (String, Vec<(u32, WriteOutcome)>) {
        let mut sent = self.sent.into_inner().unwrap_or_else(PoisonError::into_inner);
        // what isn't journaled is a read
        let detail = if succeeded && self.clock.is_none() { Detail::Lines } else { Detail::Full };
        (self.trace.finish(detail, secrets), unsettled(&mut sent, self.before))
    }

    fn note(&self, step: &str, request: &Request, at: jiff::Timestamp) -> (Write, Vec<(u32, WriteOutcome)>) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = unsettled(&mut sent, self.before);
        let number = self.before.saturating_add(u32::try_from(sent.len()).unwrap_or(u32::MAX));
        let (step, request) = (step.to_owned(), request.line());
        sent.push(Sent { step: step.clone(), request: request.clone(), outcome: None, settled: false });
        (Write { number, step, request, sent_at: at, outcome: None }, earlier)
    }

    fn answered(&self, step: &str, request: &Request, answer: Result<&Arc<Answer>, &SendError>) {
        let line = request.line();
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
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

impl Observer for Journal<'_> {
    fn before_write<'a>(
        &'a self,
        step: &'a str,
        request: &'a Request,
        _checkpoint: Checkpoint,
    ) -> BoxFuture<'a, Result<(), Unsent>> {
        let Some(clock) = self.clock else {
            return Box::pin(std::future::ready(Ok(())));
        };
        Box::pin(async move {
            let (write, earlier) = self.note(step, request, clock.now());
            let NewExecution { org, id, .. } = self.execution;
            let noted = self.store.executions().intend(*org, *id, &write, &earlier).await;
            noted.map_err(|error| Unsent::NotNoted(error.to_string()))
        })
    }

    fn event(&self, event: Event<'_>) {
        if let Event::Exchanged { step, request, answer, .. } = &event
            && self.clock.is_some()
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
