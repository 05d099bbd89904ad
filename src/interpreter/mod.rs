//! Runs a compiled plan over a transport given to it. Knows no database, no web server, no clock of its own.
//!
//! | module | does |
//! | --- | --- |
//! | `step` | a plan's steps, one after the other, and the rounds of each |
//! | `exchange`, `retry` | sends it, again where that is safe |
//! | `answer`, `unsure` | reads what came back and says what it means |
//! | `pages`, `link` | goes on to the next page |
//! | `checkpoint` | keeps what an execution needs to go on in another process |
//! | `again` | goes on with a write of which nobody knows whether it was sent |
//! | `park` | lets an execution wait, and wakes it |
//! | `verify` | finds out whether a write happened |
//! | `told` | takes from an event what became of a write of which nobody knew |
//! | `undo` | takes back what was done before a failure |
//! | `call` | runs another action as a step |
//! | `execution` | what an execution is known by |
//! | `record` | what the org's mapping makes of the inputs |
//! | [`provenance`] | says where each part of a request comes from |

mod again;
mod answer;
mod call;
mod checkpoint;
mod exchange;
mod execution;
mod link;
mod pages;
mod park;
pub mod provenance;
mod record;
mod retry;
mod step;
mod told;
mod undo;
mod unsure;
mod verify;

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value as Json;

pub use self::{
    checkpoint::Checkpoint,
    execution::ExecutionNames,
    park::{Awaited, Parked, Woken},
    told::{Doubt, Nowhere, Told, told},
};
use self::{
    park::Waking,
    step::{Frame, Progress},
};
use crate::{
    base::{BoxFuture, Clock, Code, Effect, Failure, lock},
    diag::Span,
    expr::Scope,
    spec::{Connector, Mappings, Plan, RequestStep, StepKind},
    transport::{SendError, Transport},
    wire::{Answer, Request},
};

/// Everything a run needs beside its plan.
pub struct Run<'a> {
    /// The connector that the plan is of (its `http`, account and other actions).
    pub connector: &'a Connector,
    /// What is run.
    pub plan: &'a Plan,
    /// The agent's arguments, validated, defaults filled.
    pub input: Arc<Json>,
    /// The builder's, validated, defaults filled.
    pub config: Arc<Json>,
    /// Id, label, captured values, non-secret fields.
    pub connection: Arc<Json>,
    /// `execution`.
    pub execution: Arc<ExecutionNames>,
    /// What the org does with the objects that are written.
    pub mappings: Mappings,
    /// What else the plan sees: names of its own, and what `$` is before anything was answered.
    pub beside: Scope,
    /// Where requests go.
    pub transport: &'a dyn Transport,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Told of everything that happens.
    pub observer: &'a dyn Observer,
}

/// Is told of a run's events as they happen; the journal and the trace are observers.
pub trait Observer: Send + Sync {
    /// Called before every request that is not a read is sent, with the state from which to go on if nothing more is heard of
    /// this run; the run waits for it, and sends nothing if it fails.
    fn before_write<'a>(
        &'a self,
        _step: &'a str,
        _request: &'a Request,
        _checkpoint: Checkpoint,
    ) -> BoxFuture<'a, Result<(), Unsent>> {
        Box::pin(std::future::ready(Ok(())))
    }
    /// Asked right before a request leaves, with nothing in between: whether this process may still send for this run.
    fn may_send(&self) -> bool {
        true
    }
    /// Called when the run ends as `unknown_outcome`, and the provider may tell later what became of it.
    fn in_doubt(&self, _doubt: Doubt) {}
    /// Called for everything else.
    fn event(&self, _event: Event<'_>) {}
    /// The run came along a place of the connector, in one of the ways that there are: for those who want to know which ones no
    /// case of the author's shows.
    fn passed(&self, _at: Span, _way: Way) {}
}

/// How a run comes along a place of the connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// A step was reached, and its `when` is true if it has one.
    Reached,
    /// A step's `when` was false.
    Skipped,
    /// An error rule said what an answer means.
    Matched,
    /// Another page was asked for, as the paths to its `items` say.
    NextPage,
}

/// Why a write must not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsent {
    /// It could not be noted, for this reason.
    NotNoted(String),
    /// The execution is another process's by now: this one does nothing more for it.
    Lost,
}

/// The observer of a run that nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Unobserved;

impl Observer for Unobserved {}

/// Something that happened in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step was skipped: its `when` was false.
    Skipped {
        /// Which.
        step: &'a str,
    },
    /// An exchange ended.
    Exchanged {
        /// Of which step.
        step: &'a str,
        /// What was sent, unsigned.
        request: &'a Arc<Request>,
        /// What came back.
        answer: Result<&'a Arc<Answer>, &'a SendError>,
        /// How long it took, milliseconds.
        duration_ms: u64,
    },
    /// An answer says that the org's own fields are not what they were.
    SchemaChanged,
    /// A step ended.
    Ended {
        /// Which.
        step: &'a str,
        /// Its output.
        output: &'a Arc<Json>,
    },
}

impl Failure {
    /// What became of a request that was never sent.
    fn unsent(error: SendError) -> Self {
        let mut failure = Self::new(error.code, error.message);
        failure.retry_after_seconds = error.retry_after.map(retry::whole_seconds);
        failure
    }

    /// The same as something else: its sentence is that code's.
    fn turned_into(mut self, code: Code) -> Self {
        self.code = code;
        code.say().clone_into(&mut self.say);
        self
    }

    /// Names the step, unless a step inside it is named already.
    fn at(mut self, step: &str) -> Self {
        self.step.get_or_insert_with(|| step.to_owned());
        self
    }

    /// Adds to what ops read.
    fn add_detail(&mut self, more: &str) {
        self.detail.push_str("; ");
        self.detail.push_str(more);
    }
}

/// What all steps of a run share.
struct Context<'r> {
    connector: &'r Connector,
    transport: &'r dyn Transport,
    clock: &'r dyn Clock,
    observer: &'r dyn Observer,
    mappings: Mappings,
    execution: Arc<ExecutionNames>,
    /// What every step sees: `input`, `config`, `connection`, `execution`.
    base: Scope,
    state: Mutex<Checkpoint>,
    /// By what the provider would tell of writes of unknown outcome, by the whole names of their steps.
    told_by: Mutex<Vec<(String, Awaited)>>,
    /// Another process goes on with it.
    lost: AtomicBool,
}

impl Context<'_> {
    /// `execution.key`
    fn key(&self) -> Cow<'_, str> {
        self.execution.key()
    }

    fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Never held across an await.
    fn told_by(&self) -> MutexGuard<'_, Vec<(String, Awaited)>> {
        lock(&self.told_by)
    }

    /// Notes that a step's write is done.
    fn done(&self, step: &RequestStep, name: &str) {
        if step.effect != Effect::Read && !step.idempotent && step.undo.is_none() {
            self.state().lasting.push(name.to_owned());
        }
    }

    /// The failure of a step, or of the output, after all that was done before it. If something of that lasts, it must not
    /// be reported as though nothing had happened: whoever calls again does that part twice.
    fn after_writes(&self, mut failure: Failure) -> Failure {
        let lasting = &self.state().lasting;
        if lasting.is_empty() || failure.code == Code::UnknownOutcome {
            return failure;
        }
        failure.add_detail(&format!("done before, and can't be undone: {}", lasting.join(", ")));
        failure.retry_after_seconds = None;
        failure.turned_into(Code::UnknownOutcome)
    }

    /// The instant that is `duration` from now.
    fn after(&self, duration: Duration) -> Timestamp {
        self.clock.now().checked_add(duration).unwrap_or(Timestamp::MAX)
    }
}

/// What a run comes to, for now.
#[derive(Debug)]
pub enum Ran {
    /// To its output, or to a failure with everything that could be taken back taken back.
    Ended(Result<Json, Failure>),
    /// To a step that waits.
    Waits(Box<Parked>),
    /// To nothing: another process goes on with it.
    Lost,
}

/// Runs a plan to its output, or to a failure with everything that could be taken back taken back.
///
/// A request is repeated only where that is safe. A write of which it stays unknown whether it happened ends as
/// `unknown_outcome`. A plan that waits can't be run so: see [`begin`].
pub async fn run(run: Run<'_>) -> Result<Json, Failure> {
    match begin(run).await {
        Ran::Ended(result) => result,
        Ran::Lost => Err(Failure::new(Code::Unavailable, "another process goes on with it")),
        Ran::Waits(parked) => Err(Failure::new(
            Code::Unsupported,
            format!("the step `{}` waits, and nothing can be parked here", parked.step),
        )),
    }
}

/// Runs a plan to its end, or to a step that waits.
pub async fn begin(run: Run<'_>) -> Ran {
    resume(run, Checkpoint::default()).await
}

/// Goes on with a plan from where a run of it was. Each stretch has the plan's `timeout` again.
pub async fn resume(run: Run<'_>, from: Checkpoint) -> Ran {
    let (context, plan, frame) = match prepared(run, from) {
        Ok(prepared) => prepared,
        Err(failure) => return Ran::Ended(Err(failure)),
    };
    if context.state().failure.is_some() {
        let failure = Box::pin(undo::rest(&context)).await;
        return ended(&context, Err(failure));
    }
    let progress = step::steps(&context, plan, &frame).await;
    undone(&context, progress).await
}

/// Goes on with a plan that waits, if it is `woken` by what it waits for.
pub async fn wake(run: Run<'_>, mut parked: Parked, woken: Woken<'_>) -> Ran {
    let (context, plan, frame) = match prepared(run, std::mem::take(&mut parked.checkpoint)) {
        Ok(prepared) => prepared,
        Err(failure) => return Ran::Ended(Err(failure)),
    };
    let step = plan.steps.iter().find(|it| it.id == parked.step);
    let Some(StepKind::Wait(wait)) = step.map(|it| &it.kind) else {
        let why = format!("the connector has changed: its step `{}` waits no more", parked.step);
        let failure = context.after_writes(Failure::new(Code::Unsupported, why));
        return undone(&context, Err(failure)).await;
    };
    let mut scope = step::so_far(&context, plan, &frame);
    scope.set_instant("now", context.clock.now());
    let output = match park::wake(&context, &frame, wait, &scope, &mut parked, woken).await {
        Ok(Waking::Waits) => {
            parked.checkpoint = context.state().clone();
            return Ran::Waits(Box::new(parked));
        }
        Ok(Waking::Output(output)) => Arc::new(output),
        Err(failure) => {
            let failure = step::told(&context, failure).at(&parked.step);
            return undone(&context, Err(failure)).await;
        }
    };
    context.observer.event(Event::Ended { step: &parked.step, output: &output });
    context.state().ended(&parked.step, Some(output));
    let progress = step::steps(&context, plan, &frame).await;
    undone(&context, progress).await
}

/// A run, ready to begin, or to go on.
fn prepared(run: Run<'_>, from: Checkpoint) -> Result<(Context<'_>, &Plan, Frame), Failure> {
    let Run { connector, plan, input, config, connection, execution, mappings, beside, transport, clock, observer } =
        run;
    let mut context = Context {
        connector,
        transport,
        clock,
        observer,
        mappings,
        execution: Arc::clone(&execution),
        base: beside,
        state: Mutex::new(from),
        told_by: Mutex::default(),
        lost: AtomicBool::new(false),
    };
    let mut scope = context.base.clone();
    // what was done before stays, for a person to look at
    record::set(&context, plan, &input, &mut scope).map_err(|failure| left(&context, failure))?;
    scope.set("input", input);
    scope.set("config", config);
    scope.set("connection", connection);
    execution.set(&mut scope);
    context.base = scope.clone();
    let deadline = context.after(plan.timeout);
    Ok((context, plan, Frame { scope, execution, deadline, within: String::new(), depth: 0 }))
}

/// The failure of an execution that can't go on at all.
fn left(context: &Context<'_>, mut failure: Failure) -> Failure {
    if !context.state().leaves_something() {
        return failure;
    }
    failure.add_detail("what was done before is left in place");
    failure.turned_into(Code::UnknownOutcome)
}

/// What a run comes to, with everything taken back if it failed.
async fn undone(context: &Context<'_>, progress: Result<Progress, Failure>) -> Ran {
    match progress {
        Err(failure) if !context.is_lost() => {
            let failure = Box::pin(undo::all(context, failure)).await;
            ended(context, Err(failure))
        }
        progress => ended(context, progress),
    }
}

fn ended(context: &Context<'_>, progress: Result<Progress, Failure>) -> Ran {
    match progress {
        _ if context.is_lost() => Ran::Lost,
        Ok(Progress::Done(output)) => Ran::Ended(Ok(output)),
        Ok(Progress::Waits(parked)) => Ran::Waits(parked),
        Err(failure) => {
            if let Some(doubt) = context.doubt(&failure) {
                context.observer.in_doubt(doubt);
            }
            Ran::Ended(Err(failure))
        }
    }
}

#[cfg(test)]
mod tests;
