//! Cases whose action waits: what the case delivers, and the polls that it answers, wake it. When neither is left, its time is
//! over. What is delivered after an action ended in doubt may tell what became of it.

use serde_json::Value as Json;

use super::{Problem, stage::Stage};
use crate::{
    base::Failure,
    delivery::{self, Delivery, Entry},
    interpreter::{self, Awaited, Ran, Run, Woken},
    spec::{CaseEvent, Events},
};

/// Plays a run to its end.
pub(super) async fn play<'a>(stage: &Stage<'a>, run: impl Fn() -> Run<'a>) -> Result<Result<Json, Failure>, Problem> {
    let mut deliveries = stage.case.deliveries.iter().peekable();
    let mut ran = Box::pin(interpreter::begin(run())).await;
    loop {
        let answered = stage.case.exchanges.len() - stage.script.unused().len();
        if let Ran::Ended(Err(failure)) = &ran
            && let Some(next) = deliveries.peek().filter(|it| it.after <= answered)
            && let Some(doubt) = stage.doubts.take()
        {
            let output = delivered(stage, next, &doubt.step, Some(&doubt.event)).await?;
            let told = interpreter::told(run(), doubt, failure, &output).map_err(Problem::Failed)?;
            let missing = || Problem::Event(format!("`{}` does not tell what became of the write", next.event));
            ran = Box::pin(interpreter::resume(run(), told.ok_or_else(missing)?.checkpoint)).await;
            deliveries.next();
            continue;
        }
        let parked = match ran {
            Ran::Ended(result) => {
                return match deliveries.next() {
                    Some(left) if result.is_ok() => Err(Problem::Event(format!("nobody waited for `{}`", left.event))),
                    _ => Ok(result),
                };
            }
            Ran::Waits(parked) => parked,
            Ran::Lost => return Err(Problem::Setup("nobody else could go on with it".to_owned())),
        };
        ran = if let Some(next) = deliveries.next_if(|it| it.after <= answered) {
            let output = delivered(stage, next, &parked.step, parked.event.as_ref()).await?;
            Box::pin(interpreter::wake(run(), *parked, Woken::Event(&output))).await
        } else if parked.poll_at.is_some() && !stage.script.unused().is_empty() && stage.script.mismatch().is_none() {
            Box::pin(interpreter::wake(run(), *parked, Woken::Poll)).await
        } else {
            Box::pin(interpreter::wake(run(), *parked, Woken::Timeout)).await
        };
    }
}

/// What an event hands on to the execution that waits for it.
async fn delivered(
    stage: &Stage<'_>,
    event: &CaseEvent,
    step: &str,
    awaited: Option<&Awaited>,
) -> Result<Json, Problem> {
    let wrong = |why: String| Problem::Event(why);
    let Some(awaited) = awaited.filter(|it| it.name == event.event) else {
        return Err(wrong(format!("`{}` comes, and the step `{step}` does not wait for it", event.event)));
    };
    let events = events(stage)?;
    let scope = stage.scope(&Delivery::from(&event.delivery));
    let all = delivery::entries(events, &scope).map_err(|error| wrong(format!("`each`: {error}")))?;
    let (correlate, output) = understood(stage, &event.event, &all).await?;
    match correlate {
        Some(correlate) if correlate == awaited.correlate => Ok(output),
        Some(other) => {
            Err(wrong(format!("`{}` is of `{other}`, and `{}` is waited for", event.event, awaited.correlate)))
        }
        None => Err(wrong(format!("`{}` does not say what it is of", event.event))),
    }
}

pub(super) fn events<'a>(stage: &Stage<'a>) -> Result<&'a Events, Problem> {
    stage.connector.events.as_ref().ok_or_else(|| Problem::Setup("the connector has no events".to_owned()))
}

/// What the first notification that means `event` comes to.
pub(super) async fn understood(
    stage: &Stage<'_>,
    event: &str,
    entries: &[Entry],
) -> Result<(Option<String>, Json), Problem> {
    let events = events(stage)?;
    let mut others = Vec::new();
    for entry in entries {
        let found = delivery::recognise(events, entry).map_err(|error| Problem::Event(format!("`id`: {error}")))?;
        match found {
            Some(found) if found.event.name == event => {
                if found.id.is_empty() {
                    return Err(Problem::Event(format!("the `id` of `{event}` is empty")));
                }
                let ran = Box::pin(interpreter::run(stage.run_of(&found.event.plan, entry.scope.clone()))).await;
                return ran.map(delivery::understood).map_err(Problem::Failed);
            }
            Some(found) => others.push(format!("`{}`", found.event.name)),
            None => {}
        }
    }
    match others.first() {
        Some(other) => Err(Problem::Event(format!("the delivery means {other}, not `{event}`"))),
        None => Err(Problem::Event(format!("the delivery does not mean `{event}`, nor anything else"))),
    }
}
