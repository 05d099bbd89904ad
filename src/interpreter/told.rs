//! A write of which nobody knew whether it happened, and an event by which the provider tells it.
//!
//! The step is found again where it was, and takes from the event what it could not get from its answer: then the run goes on
//! behind it, or takes back what was done before it. Nothing is sent to find that out.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    Checkpoint, Context, Failure, Run, call,
    park::Awaited,
    prepared,
    step::{self, Frame, unfit},
    undo::Undo,
    verify,
};
use crate::{
    base::{BoxFuture, Code},
    expr::{Scope, Sink},
    spec::{Plan, RequestStep, Step, StepKind, ToldBy},
    transport::{Outgoing, SendError, Transport},
    wire::Answer,
};

/// An execution that ended as `unknown_outcome`, and the event that would tell what became of its write.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Doubt {
    /// The step that sent the write, by its whole name.
    pub step: String,
    /// The event that would tell.
    pub event: Awaited,
    /// What the execution had come to.
    pub checkpoint: Checkpoint,
}

/// What an event told of a write.
#[derive(Debug)]
pub struct Told {
    /// Whether it happened.
    pub happened: bool,
    /// From where to go on, knowing that.
    pub checkpoint: Checkpoint,
}

/// The transport of what sends nothing.
pub struct Nowhere;

impl Transport for Nowhere {
    fn send<'a>(&'a self, _: Outgoing<'a>) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(std::future::ready(Err(SendError::not_sent(Code::Unsupported, "nothing is sent from here"))))
    }
}

/// What an event with this `output` tells of the write in doubt, for which the execution ended with `failure`. `None`: it is
/// not about that.
///
/// # Errors
/// Why it can't be said: the doubt stays.
pub fn told(run: Run<'_>, doubt: Doubt, failure: &Failure, output: &Json) -> Result<Option<Told>, Failure> {
    let (context, plan, frame) = prepared(run, doubt.checkpoint)?;
    let place = find(&context, plan, &frame, &doubt.step)?;
    let Some((step, request, it, mut scope)) = place else {
        let why = format!("the step `{}` is not there any more", doubt.step);
        return Err(Failure::new(Code::Unsupported, why));
    };
    scope.set("event", output.clone());
    let shown = verify::shown(&it.holds, &it.absent, &scope);
    let Some(happened) = shown.map_err(|why| Failure::new(Code::ProviderError, why))? else { return Ok(None) };
    if happened {
        let output = match &it.output {
            None => Arc::new(output.clone()),
            Some(shape) => {
                shape.eval(&scope).map_err(|error| unfit("`output` of `told_by`", &error))?.unwrap_or_default().into()
            }
        };
        if let Some(undo) = &request.undo {
            scope.set_part("steps", step.id.as_str(), Arc::clone(&output));
            context.state().undos.push(Undo::new(&doubt.step, undo, &context.connector.http, &scope));
        }
        context.done(request, &doubt.step);
        context.state().ended(&doubt.step, Some(output));
    } else {
        let mut failure = failure.clone();
        failure.add_detail("the provider told it later: it did not happen");
        let failure = step::told(&context, failure.turned_into(Code::Unavailable));
        context.state().failure = Some(failure);
    }
    let checkpoint = context.state().clone();
    Ok(Some(Told { happened, checkpoint }))
}

impl Context<'_> {
    /// Notes by what the provider would tell of the write of a step that ended as `unknown_outcome`.
    pub(super) fn doubts(&self, step: &RequestStep, scope: &Scope, name: &str) {
        let Some(it) = &step.told_by else { return };
        // without it nobody is told, and somebody has to look
        let correlate = it.of.render(scope, Sink::Plain).unwrap_or_default();
        if !correlate.is_empty() {
            let event = Awaited { name: it.event.clone(), correlate };
            self.told_by().push((name.to_owned(), event));
        }
    }

    /// The doubt about the step for which the run ended, if the provider may tell of it.
    pub(super) fn doubt(&self, failure: &Failure) -> Option<Doubt> {
        let step = failure.step.as_deref().filter(|_| failure.code == Code::UnknownOutcome)?;
        let (_, event) = self.told_by().iter().find(|(name, _)| name == step)?.clone();
        Some(Doubt { step: step.to_owned(), event, checkpoint: self.state().clone() })
    }
}

/// A step that sends something, and what it sees.
type Place<'r> = (&'r Step, &'r RequestStep, &'r ToldBy, Scope);

/// The step (the round of it) with this whole name. All before it have ended.
fn find<'r>(context: &Context<'r>, plan: &'r Plan, frame: &Frame, wanted: &str) -> Result<Option<Place<'r>>, Failure> {
    let mut scope = frame.scope.clone();
    for step in &plan.steps {
        let name = format!("{}{}", frame.within, step.id);
        if step::add_output(context, step, &name, &mut scope) {
            continue;
        }
        scope.set_instant("now", context.begun(&name).now);
        let rounds = match &step.each {
            None => vec![(name, scope.clone())],
            Some(each) => step::entries(each, &scope)?
                .into_iter()
                .enumerate()
                .map(|(index, entry)| (format!("{name}[{index}]"), scope.with_item(entry, index)))
                .collect(),
        };
        for (name, scope) in rounds {
            match &step.kind {
                StepKind::Request(request) if name == wanted => {
                    return Ok(request.told_by.as_ref().map(|it| (step, &**request, it, scope)));
                }
                StepKind::Call { action, input } if wanted.starts_with(&format!("{name}/")) => {
                    let input = input.eval(&scope).map_err(|error| unfit("`input`", &error))?.unwrap_or_default();
                    let (plan, frame) = call::frame_of(context, frame, action, input, &name)?;
                    return find(context, plan, &frame, wanted);
                }
                _ => {}
            }
        }
        // what comes later has not begun
        return Ok(None);
    }
    Ok(None)
}
