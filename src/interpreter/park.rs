//! Steps that wait: an execution is parked, and woken. What is parked is a checkpoint that waits.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    Context, Failure,
    checkpoint::Checkpoint,
    exchange::{self, Exchange},
    step::{Frame, unfit},
};
use crate::{
    base::{Code, Effect},
    expr::{Scope, Sink},
    format::Parts,
    spec::{Wait, WaitPoll},
    transport::render,
};

/// An execution that waits: all that it needs to go on, in another process too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parked {
    /// The step that waits.
    pub step: String,
    /// The event that it waits for.
    pub event: Option<Awaited>,
    /// Since when it waits.
    pub since: Timestamp,
    /// When the provider is asked next.
    pub poll_at: Option<Timestamp>,
    /// Until when it waits.
    pub until: Timestamp,
    /// Why the last question told nothing.
    pub problem: Option<String>,
    /// What it has come to.
    pub checkpoint: Checkpoint,
}

/// An event that is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// Its name in the connector.
    pub name: String,
    /// Only one that has this.
    pub correlate: String,
}

/// What a parked execution is woken by.
#[derive(Debug, Clone, Copy)]
pub enum Woken<'a> {
    /// An event that it may be waiting for: its output.
    Event(&'a Json),
    /// It is time to ask the provider.
    Poll,
    /// Its time is over.
    Timeout,
}

/// What waking comes to.
pub(super) enum Waking {
    /// It waits on.
    Waits,
    /// The step's output.
    Output(Json),
}

/// A step that waits is reached.
pub(super) fn reached(context: &Context<'_>, wait: &Wait, step: &str, scope: &Scope) -> Result<Parked, Failure> {
    let event = match &wait.event {
        None => None,
        Some(event) => {
            let correlate = event.of.render(scope, Sink::Plain).map_err(|error| unfit("`for`", &error))?;
            if correlate.is_empty() {
                return Err(Failure::new(Code::ProviderError, "`for` is empty: nothing could ever be it"));
            }
            Some(Awaited { name: event.name.clone(), correlate })
        }
    };
    Ok(Parked {
        step: step.to_owned(),
        event,
        since: context.clock.now(),
        poll_at: wait.poll.as_ref().map(|it| context.after(it.every)),
        until: context.after(wait.timeout),
        problem: None,
        checkpoint: context.state().clone(),
    })
}

/// Whether the step has what it waits for. What doesn't tell, a question that fails among it, leaves it waiting.
pub(super) async fn wake(
    context: &Context<'_>,
    frame: &Frame,
    wait: &Wait,
    scope: &Scope,
    parked: &mut Parked,
    woken: Woken<'_>,
) -> Result<Waking, Failure> {
    match woken {
        Woken::Event(output) => Ok(suits(wait, scope, parked, output)),
        Woken::Poll => match &wait.poll {
            None => Ok(Waking::Waits),
            Some(poll) => {
                parked.poll_at = Some(context.after(poll.every));
                Ok(ask(context, frame, poll, scope, parked).await)
            }
        },
        Woken::Timeout => over(wait, scope, parked),
    }
}

fn suits(wait: &Wait, scope: &Scope, parked: &mut Parked, output: &Json) -> Waking {
    let Some(until) = wait.event.as_ref().and_then(|it| it.until.as_ref()) else {
        return Waking::Output(output.clone());
    };
    let mut scope = scope.clone();
    scope.set("event", output.clone());
    match until.test(&scope) {
        Ok(true) => Waking::Output(output.clone()),
        Ok(false) => Waking::Waits,
        Err(error) => {
            parked.problem = Some(format!("`until` can't be computed: {error}"));
            Waking::Waits
        }
    }
}

async fn ask(context: &Context<'_>, frame: &Frame, poll: &WaitPoll, scope: &Scope, parked: &mut Parked) -> Waking {
    let name = format!("{} (poll)", parked.step);
    let request = match render(&poll.step.request, &context.connector.http, scope) {
        Ok(request) => request,
        Err(error) => {
            parked.problem = Some(error.message);
            return Waking::Waits;
        }
    };
    let exchange = Exchange {
        name: &name,
        auth: poll.step.request.auth.as_deref(),
        answer: poll.step.request.answer,
        looked_at: &Parts::All,
        request: request.into(),
        effect: Effect::Read,
        idempotent: true,
        rules: &poll.step.errors,
        scope,
        deadline: frame.deadline,
        settles: false,
    };
    let reply = match exchange::send(context, &exchange).await {
        Ok(reply) => reply,
        Err(trouble) => {
            parked.problem = Some(trouble.failure.detail);
            return Waking::Waits;
        }
    };
    let output = poll.until.test(&reply.scope).and_then(|holds| match (holds, &poll.output) {
        (false, _) => Ok(None),
        (true, None) => Ok(Some(Json::clone(&reply.body))),
        (true, Some(shape)) => shape.eval(&reply.scope).map(|it| Some(it.unwrap_or_default())),
    });
    parked.problem = output.as_ref().err().map(|error| format!("the answer can't be read: {error}"));
    output.ok().flatten().map_or(Waking::Waits, Waking::Output)
}

fn over(wait: &Wait, scope: &Scope, parked: &Parked) -> Result<Waking, Failure> {
    if let Some(shape) = &wait.on_timeout {
        let output = shape.eval(scope).map_err(|error| unfit("`on_timeout`", &error))?;
        return Ok(Waking::Output(output.unwrap_or_default()));
    }
    let mut failure = Failure::new(Code::Timeout, format!("nothing came within {} s", wait.timeout.as_secs()));
    if let Some(problem) = &parked.problem {
        failure.add_detail(problem);
    }
    Err(failure)
}
