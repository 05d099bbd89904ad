//! A plan's steps, one after the other, and the rounds of each.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::Value as Json;

use super::{
    Context, Event, Failure, Way, again,
    answer::Reply,
    call,
    exchange::{self, Exchange},
    execution::ExecutionNames,
    pages,
    park::{self, Parked},
    undo::Undo,
};
use crate::{
    base::{BoxFuture, Code, Effect, code::Retry},
    expr::{EvalError, Scope, Sink},
    spec::{Plan, RequestStep, Step, StepEach, StepKind},
    transport::render,
};

/// One plan being run: the action itself, or one that it calls.
pub(super) struct Frame {
    /// `input`, `config`, `connection` and `execution`.
    pub(super) scope: Scope,
    /// What `execution` is in the scope.
    pub(super) execution: Arc<ExecutionNames>,
    /// Nothing of the plan is sent after it.
    pub(super) deadline: Timestamp,
    /// The calling steps, each followed by a slash: `book/`.
    pub(super) within: String,
    /// How many actions called each other to get here.
    pub(super) depth: usize,
}

impl Frame {
    /// The whole name of one of its steps.
    fn named<'s>(&self, step: &'s Step) -> Cow<'s, str> {
        match self.within.as_str() {
            "" => step.id.as_str().into(),
            within => format!("{within}{}", step.id).into(),
        }
    }
}

/// What a round came to.
struct Done {
    output: Option<Arc<Json>>,
    /// What the step's answer looked like, for the output of a plan that is one request.
    scope: Option<Scope>,
}

/// Runs all steps and gives the plan's output; null if that is undefined.
pub(super) fn plan<'f, 'r>(
    context: &'f Context<'r>,
    plan: &'r Plan,
    frame: &'f Frame,
) -> BoxFuture<'f, Result<Json, Failure>> {
    // Boxed here because a step may run a plan again.
    Box::pin(async move {
        match steps(context, plan, frame).await? {
            Progress::Done(output) => Ok(output),
            Progress::Waits(_) => Err(Failure::new(Code::Unsupported, "only an action's own steps wait")),
        }
    })
}

/// How far a plan has come.
pub(super) enum Progress {
    /// To its output.
    Done(Json),
    /// To a step that waits.
    Waits(Box<Parked>),
}

/// Runs the steps that have not ended.
pub(super) async fn steps<'r>(context: &Context<'r>, plan: &'r Plan, frame: &Frame) -> Result<Progress, Failure> {
    let mut scope = frame.scope.clone();
    // With one request and nothing else, `$` and `answer` in the output are its answer.
    let single = plan.steps.len() == 1;
    for step in &plan.steps {
        let name = frame.named(step);
        if add_output(context, step, &name, &mut scope) {
            // of one request the whole is told, or it would not have ended before
            if is_told_whole(step)
                && let Some(Some(output)) = context.state().output(&name)
            {
                return Ok(Progress::Done(Json::clone(output)));
            }
            continue;
        }
        let begun = context.begun(&name);
        scope.set_instant("now", begun.now);
        if !begun.before && skipped(context, step, &scope, &name).map_err(|failure| failure.at(&name))? {
            context.state().ended(&name, None);
            continue;
        }
        context.observer.passed(step.span, Way::Reached);
        if let StepKind::Wait(wait) = &step.kind {
            let parked = park::reached(context, wait, &step.id, &scope);
            return parked.map(|it| Progress::Waits(Box::new(it))).map_err(|failure| failure.at(&name));
        }
        let done = run(context, frame, step, &scope, &name).await.map_err(|failure| failure.at(&name))?;
        let Done { output, scope: answered } = done;
        if let (true, Some(answered)) = (single, answered) {
            scope = answered;
        }
        context.state().ended(&name, output.clone());
        if let Some(output) = output {
            context.observer.event(Event::Ended { step: &name, output: &output });
            scope.set_part("steps", step.id.as_str(), output);
        }
    }
    scope.set_instant("now", context.clock.now());
    match plan.output.eval(&scope) {
        Ok(output) => Ok(Progress::Done(output.unwrap_or_default())),
        Err(error) => Err(context.after_writes(unfit("the plan's `output`", &error))),
    }
}

/// A plan's scope with what its steps gave so far.
pub(super) fn so_far(context: &Context<'_>, plan: &Plan, frame: &Frame) -> Scope {
    let mut scope = frame.scope.clone();
    for step in &plan.steps {
        add_output(context, step, &frame.named(step), &mut scope);
    }
    scope
}

/// Adds the output of a step that has ended to the scope. `false`: it has not ended.
pub(super) fn add_output(context: &Context<'_>, step: &Step, name: &str, scope: &mut Scope) -> bool {
    let state = context.state();
    let ended = state.output(name);
    if let Some(Some(output)) = ended {
        scope.set_part("steps", step.id.as_str(), Arc::clone(output));
    }
    ended.is_some()
}

/// Whether what an event tells of this step is what the plan comes to.
fn is_told_whole(step: &Step) -> bool {
    matches!(&step.kind, StepKind::Request(it) if it.told_by.as_ref().is_some_and(|it| it.whole))
}

/// Whether a step is not to be run: its `when` is false.
fn skipped(context: &Context<'_>, step: &Step, scope: &Scope, name: &str) -> Result<bool, Failure> {
    let Some(when) = &step.when else { return Ok(false) };
    if when.test(scope).map_err(|error| unfit("`when`", &error))? {
        return Ok(false);
    }
    context.observer.event(Event::Skipped { step: name });
    context.observer.passed(step.span, Way::Skipped);
    Ok(true)
}

/// Runs a step: once, or once per entry.
async fn run<'r>(
    context: &Context<'r>,
    frame: &Frame,
    step: &'r Step,
    scope: &Scope,
    name: &str,
) -> Result<Done, Failure> {
    match &step.each {
        None => round(context, frame, step, scope, name).await,
        Some(each) => {
            let output = rounds(context, frame, step, each, scope, name).await?;
            Ok(Done { output: Some(Json::Array(output).into()), scope: None })
        }
    }
}

/// Runs a step once per entry, some at the same time, and gives the outputs in the order of the entries.
///
/// After a failure no further round begins, but those under way are waited for: to drop one halfway would be not to know
/// whether it happened, nor how to take it back.
async fn rounds<'r>(
    context: &Context<'r>,
    frame: &Frame,
    step: &'r Step,
    each: &StepEach,
    scope: &Scope,
    name: &str,
) -> Result<Vec<Json>, Failure> {
    let entries = entries(each, scope)?;
    if entries.len() > each.max {
        let detail = format!("there are {} entries; at most {} are worked on at once", entries.len(), each.max);
        return Err(Failure::new(Code::InvalidInput, detail));
    }
    let stopped = AtomicBool::new(false);
    let stopped = &stopped;
    let futures: Vec<BoxFuture<'_, Option<Result<Done, Failure>>>> = entries
        .into_iter()
        .enumerate()
        .map(|(index, entry)| {
            let scope = scope.with_item(entry, index);
            let name = format!("{name}[{index}]");
            let future = async move {
                if stopped.load(Ordering::Relaxed) {
                    return None;
                }
                if let Some(output) = context.state().output(&name) {
                    return Some(Ok(Done { output: output.cloned(), scope: None }));
                }
                let result = round(context, frame, step, &scope, &name).await.map_err(|failure| failure.at(&name));
                match &result {
                    Ok(done) => context.state().ended(&name, done.output.clone()),
                    Err(_) => stopped.store(true, Ordering::Relaxed),
                }
                Some(result)
            };
            Box::pin(future) as BoxFuture<'_, _>
        })
        .collect();
    let results: Vec<_> = stream::iter(futures).buffered(each.concurrency.max(1)).collect().await;
    let done: Result<Vec<Done>, Failure> = first_failure(results.into_iter().flatten());
    Ok(done?.into_iter().filter_map(|it| it.output).map(Arc::unwrap_or_clone).collect())
}

/// What a step is run for.
pub(super) fn entries(each: &StepEach, scope: &Scope) -> Result<Vec<Json>, Failure> {
    match each.over.eval(scope).map_err(|error| unfit("`each`", &error))? {
        Some(Json::Array(entries)) => Ok(entries),
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(_) => Err(Failure::new(Code::ProviderError, "`each` needs a list")),
    }
}

/// All outputs, or the failure to report. One that leaves it open whether something happened weighs more than others.
fn first_failure(results: impl Iterator<Item = Result<Done, Failure>>) -> Result<Vec<Done>, Failure> {
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(it) => done.push(it),
            Err(failure) => failures.push(failure),
        }
    }
    let gravest = failures.iter().position(|it| it.code == Code::UnknownOutcome).unwrap_or(0);
    if failures.is_empty() { Ok(done) } else { Err(failures.swap_remove(gravest)) }
}

/// Runs a step once.
async fn round<'r>(
    context: &Context<'r>,
    frame: &Frame,
    step: &'r Step,
    scope: &Scope,
    name: &str,
) -> Result<Done, Failure> {
    match &step.kind {
        StepKind::Request(request) => {
            let reply = requested(context, frame, request, scope, name).await?;
            let output = request_output(step, request, &reply)?;
            if let Some(undo) = &request.undo {
                let mut scope = reply.scope.clone();
                if let Some(output) = &output {
                    scope.set_part("steps", step.id.as_str(), Arc::clone(output));
                }
                context.state().undos.push(Undo::new(name, undo, &context.connector.http, &scope));
            }
            Ok(Done { output, scope: Some(reply.scope) })
        }
        StepKind::Wait(_) => Err(Failure::new(Code::Unsupported, "only an action's own steps wait")),
        StepKind::Set(shape) => {
            let value = shape.eval(scope).map_err(|error| unfit("`set`", &error))?;
            Ok(Done { output: value.map(Arc::new), scope: None })
        }
        StepKind::Fail { code, say } => {
            let mut failure = Failure::new(*code, "the connector ended the execution here");
            if let Some(say) = say {
                failure.say = say.render(scope, Sink::Plain).map_err(|error| unfit("`say`", &error))?;
            }
            Err(failure)
        }
        StepKind::Call { action, input } => {
            let input = input.eval(scope).map_err(|error| unfit("`input`", &error))?.unwrap_or_default();
            let output = call::action(context, frame, action, input, name).await?;
            let output = match &step.output {
                None => Some(output),
                Some(shape) => shape.eval(&scope.with_document(output)).map_err(|error| unfit("`output`", &error))?,
            };
            Ok(Done { output: output.map(Arc::new), scope: None })
        }
    }
}

/// Sends a step's request, asks for its other pages, and settles what is unknown.
async fn requested(
    context: &Context<'_>,
    frame: &Frame,
    step: &RequestStep,
    scope: &Scope,
    name: &str,
) -> Result<Reply, Failure> {
    let exchange = Exchange {
        name,
        auth: step.request.auth.as_deref(),
        answer: step.request.answer,
        looked_at: &step.looked_at,
        request: render(&step.request, &context.connector.http, scope)
            .map_err(|error| told(context, Failure::unsent(error)))?
            .into(),
        effect: step.effect,
        idempotent: step.idempotent,
        rules: &step.errors,
        scope,
        deadline: frame.deadline,
        settles: false,
    };
    let sent = context.state().sent(name).cloned();
    let settled = match sent {
        Some(sent) => Box::pin(again::write(context, step, &exchange, &sent)).await,
        None => {
            let result = match &step.pages {
                None => exchange::send(context, &exchange).await,
                Some(pages) => Box::pin(pages::all(context, exchange.clone(), pages)).await,
            };
            match result {
                Ok(reply) => Ok(reply),
                Err(trouble) => Box::pin(again::late(context, step, &exchange, trouble)).await,
            }
        }
    };
    match settled {
        Ok(reply) => {
            context.done(step, name);
            Ok(reply)
        }
        Err(failure) => {
            if failure.code == Code::UnknownOutcome {
                context.doubts(step, scope, name);
            }
            Err(told(context, failure))
        }
    }
}

/// A failure of a request, after all that was done before it. Whether the same call is to be made later, with other arguments
/// or once the account is connected again: it would do what lasts a second time.
pub(super) fn told(context: &Context<'_>, failure: Failure) -> Failure {
    if failure.code.retry() == Retry::Never { failure } else { context.after_writes(failure) }
}

fn request_output(step: &Step, request: &RequestStep, reply: &Reply) -> Result<Option<Arc<Json>>, Failure> {
    let Some(shape) = &step.output else { return Ok(Some(Arc::clone(&reply.body))) };
    shape.eval(&reply.scope).map(|it| it.map(Arc::new)).map_err(|error| {
        let failure = unfit("`output`", &error);
        // The write is done. Whatever is reported must not make anybody do it again, or undo half of it.
        match request.effect {
            Effect::Read => failure,
            _ => failure.turned_into(Code::UnknownOutcome),
        }
    })
}

/// A value of the plan that can't be computed from what the provider answered so far.
pub(super) fn unfit(what: &str, error: &EvalError) -> Failure {
    Failure::new(Code::ProviderError, format!("{what} can't be computed: {error}"))
}
