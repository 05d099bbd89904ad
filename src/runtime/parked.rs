//! Executions that wait: parked in the store, looked at when something happens or it is time, and gone on with.
//!
//! Looking is repeatable: until it has sent something that changes something, a process may die at any moment, and another
//! one looks again and sees the same.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{
    Engine, Error, Result,
    enabled::Seen,
    events::About,
    journal::Journal,
    run::{Begin, GRACE, Inputs, Watch},
};
use crate::{
    auth::Used,
    base::{Code, Failure},
    connections::Hidden,
    crypto::Purpose,
    delivery,
    interpreter::{Parked, Ran, Woken},
    spec::Connector,
    store::{Connection, Ended, EventType, Execution, Mode, NewExecution, Received, Wait, WriteOutcome},
};

/// Events that are looked at in one go.
const EVENTS: u32 = 50;

/// What is kept of a parked execution.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) input: Json,
    pub(super) config: Json,
    pub(super) execution: Json,
    pub(super) parked: Parked,
    /// What it had signed with when it began to wait: what its steps gave may repeat it, and the account may have other tokens
    /// by then, or none.
    #[serde(default)]
    pub(super) secrets: Vec<Hidden>,
}

/// What was signed with, to be sealed.
pub(super) fn hidden(used: &Used) -> Vec<Hidden> {
    used.secrets().into_iter().map(Hidden).collect()
}

/// What was noted of a stretch of a run.
pub(super) struct Noted<'a> {
    /// Nothing if nothing has happened that is worth keeping.
    pub(super) trace: Option<&'a str>,
    pub(super) writes: &'a [(u32, WriteOutcome)],
    /// How many writes there were in all.
    pub(super) sent: u32,
    /// Up to this number events have been looked at.
    pub(super) seen: i64,
}

impl Engine {
    /// Parks an execution that this process runs. `false`: it was given up meanwhile.
    pub(super) async fn park(
        &self,
        new: &NewExecution,
        connector: &Connector,
        mode: Mode,
        state: &State,
        noted: Noted<'_>,
    ) -> Result<bool> {
        let (now, parked) = (self.now(), &state.parked);
        let plan = connector.actions.get(&new.action).map(|it| it.plan.timeout).unwrap_or_default();
        let wait = Wait {
            org: new.org,
            execution: new.id,
            connection: new.connection,
            connector: new.connector.clone(),
            event: parked.event.as_ref().map(|it| (it.name.clone(), it.correlate.clone())),
            since: new.started_at,
            seen: noted.seen,
            due_at: due(parked, connector, mode, now),
            // a last question, and then the steps behind it: each has the plan's time
            lease: plan * 2 + GRACE,
            writes: noted.sent,
            state: self.connections.seal(new.org, new.connection, Purpose::Parked, state),
        };
        let parked = self.store.waits().park(&wait, &self.process, noted.trace, noted.writes, now).await?;
        self.endings.ended(new.id);
        self.waker.notify_one();
        Ok(parked)
    }

    /// Looks at an execution that this process has claimed, and goes on with it if it has what it waits for.
    pub(super) async fn look(self: Arc<Self>, wait: Wait) {
        let (org, id) = (wait.org, wait.execution);
        if let Err(error) = self.look_at(wait).await {
            // It stays claimed: what was left behind is given back when its time is over.
            tracing::error!(org.id = %org, execution.id = %id, %error, "an execution that waits could not be looked at");
        }
    }

    async fn look_at(&self, mut wait: Wait) -> Result<()> {
        let row = self.store.executions().get(wait.org, wait.execution).await?.ok_or(Error::NotFound("execution"))?;
        let new = again(&row, &self.process, self.now());
        let mut state: State = self.connections.open(wait.org, wait.connection, Purpose::Parked, &wait.state)?;
        let connector = match self.connector(wait.org, &wait.connector).await {
            Ok(connector) => Some(connector),
            Err(Error::NotFound(_)) => None,
            // that it can't be looked up now tells nothing
            Err(error) => return Err(error),
        };
        let action = connector.as_ref().and_then(|it| Some((it, it.actions.get(&row.action)?)));
        let Some((connector, action)) = action else {
            let failure = Failure::new(Code::UnknownOutcome, "the connector was taken off while the execution waited");
            let trace = self.with_earlier(&row, "[]".to_owned()).await?;
            return self.end_parked(&row, &new, Err(failure), &trace, &[]).await;
        };
        let seen = Seen::new(self.connections.get(wait.org, wait.connection).await?);
        let connection = &seen.connection;
        let of_org = Box::pin(self.of_org(wait.org, connector, action, wait.connection, &state.config)).await?;
        let first_write = self.store.waits().writes(wait.org, wait.execution).await?;
        let journal = Journal::resumed(&self.store, &new, self.clock.as_ref(), first_write);
        let used = Used::default();
        if let Ok(fields) = self.connections.fields(Arc::clone(connector), connection).await {
            // an answer or an event may repeat them though nothing is signed now
            used.note_fields(&fields, &seen.scope);
        }
        state.secrets.iter().for_each(|it| used.add(&it.0));
        let watch = Watch { observer: &journal, used: &used };
        self.pretend(&wait, &state, connector, connection).await?;
        let arrived = self.store.waits().unseen(&wait, EVENTS).await?;
        let more = arrived.len() == EVENTS as usize;
        let mut woken: Vec<(Option<i64>, Woken<'_>)> =
            arrived.iter().map(|it| (Some(it.number), Woken::Event(&it.output))).collect();
        let (now, parked) = (self.now(), &state.parked);
        let over = now >= parked.until;
        if !more && parked.poll_at.is_some_and(|at| over || now >= at) {
            // once more before giving up: what should have told may have been lost
            woken.push((None, Woken::Poll));
        }
        if !more && over {
            woken.push((None, Woken::Timeout));
        }
        let step = state.parked.step.clone();
        for (number, woken) in woken {
            let inputs = Inputs {
                input: state.input.clone().into(),
                config: state.config.clone().into(),
                execution: state.execution.clone().into(),
                mappings: of_org.mappings.clone(),
            };
            let from = Begin::Wait(state.parked.clone(), woken);
            let ran = self.run_from(connector, &action.plan, &seen, inputs, &watch, from).await;
            if journal.schema_changed() {
                self.schema_changed(wait.org, &of_org.objects).await;
            }
            match ran {
                Ran::Lost => return Ok(()),
                Ran::Waits(again) if again.step == step => {
                    wait.seen = number.unwrap_or(wait.seen);
                    state.parked = *again;
                }
                Ran::Waits(next) => {
                    (state.parked, state.secrets) = (*next, hidden(&used));
                    let (trace, writes, sent) = journal.finish_resumed(true, &used.secrets());
                    let trace = self.with_earlier(&row, trace).await?;
                    // another step, which may wait for what came before
                    let noted = Noted { trace: Some(&trace), writes: &writes, sent, seen: 0 };
                    return self.parked_again(&new, connector, connection.mode, &state, noted).await;
                }
                Ran::Ended(result) => {
                    let (trace, writes, _) = journal.finish_resumed(result.is_ok(), &used.secrets());
                    let trace = self.with_earlier(&row, trace).await?;
                    return self.end_parked(&row, &new, result, &trace, &writes).await;
                }
            }
        }
        let noted = Noted { trace: None, writes: &[], sent: first_write, seen: wait.seen };
        self.parked_again(&new, connector, connection.mode, &state, noted).await
    }

    async fn parked_again(
        &self,
        new: &NewExecution,
        connector: &Connector,
        mode: Mode,
        state: &State,
        noted: Noted<'_>,
    ) -> Result<()> {
        if !self.park(new, connector, mode, state, noted).await? {
            tracing::error!(execution.id = %new.id, "an execution was given up while it was looked at");
        }
        Ok(())
    }

    /// Ends an execution that was parked, and tells the chatbot.
    async fn end_parked(
        &self,
        row: &Execution,
        new: &NewExecution,
        result: std::result::Result<Json, Failure>,
        trace: &str,
        writes: &[(u32, WriteOutcome)],
    ) -> Result<()> {
        let at = self.now();
        let ended = new.clone().ended(row.idempotency_key.clone(), result, at);
        let event = self.ended_event(&ended);
        let end = Ended { result: ended.result(), trace, writes, at };
        if !self.store.waits().end(new.org, new.id, &end, &event).await? {
            tracing::error!(execution.id = %new.id, "an execution ended after it was given up");
        }
        self.endings.ended(new.id);
        Ok(())
    }

    /// What the chatbot is told of an execution that has ended and whose caller was not answered with its end.
    pub(super) fn ended_event(&self, it: &Execution) -> crate::store::Event {
        let mut data = json!({"agent": it.agent, "connector": it.connector, "action": it.action});
        for (name, id) in [("conversation", &it.conversation), ("customer", &it.customer)] {
            if let Some(id) = id {
                data[name] = json!(id);
            }
        }
        let kind = match it.result() {
            Ok(output) => {
                data["output"] = output.clone();
                EventType::ExecutionSucceeded
            }
            Err(failure) => {
                data["error"] =
                    json!({"code": failure.code.as_str(), "say": failure.say, "retry": failure.code.retry().as_str()});
                EventType::ExecutionFailed
            }
        };
        self.event(it.org, kind, About { connection: Some(it.connection), execution: Some(it.id) }, data)
    }

    /// The trace of what happened before, and of what happened now.
    async fn with_earlier(&self, row: &Execution, trace: String) -> Result<String> {
        let earlier = self.store.executions().trace(row.org, row.id).await?;
        let now = serde_json::from_str(&trace).ok();
        let (Some(Json::Array(mut all)), Some(Json::Array(now))) = (earlier, now) else { return Ok(trace) };
        all.extend(now);
        Ok(Json::Array(all).to_string())
    }

    /// In the sandbox nobody sends anything: the connector's own events come when it is their time.
    async fn pretend(&self, wait: &Wait, state: &State, connector: &Connector, connection: &Connection) -> Result<()> {
        let (now, parked) = (self.now(), &state.parked);
        let Some(awaited) = parked.event.as_ref().filter(|_| connection.mode == Mode::Sandbox) else { return Ok(()) };
        for (number, event) in connector.sandbox_events.iter().enumerate() {
            if event.event != awaited.name || comes_at(parked, event.after) > now {
                continue;
            }
            let output = match delivery::pretended(event, &awaited.correlate, now) {
                Ok(Some(output)) => output,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(connector = connector.id, %error, "a sandbox event can't be made");
                    continue;
                }
            };
            let id = format!("{}/{}/{number}", wait.execution, parked.step);
            self.received(&Received {
                org: wait.org,
                connection: wait.connection,
                connector: &wait.connector,
                event: &event.event,
                id: &id,
                correlate: Some(&awaited.correlate),
                output: &output,
                at: now,
            })
            .await?;
        }
        Ok(())
    }

    /// Keeps an event that is believed, once, and tells the chatbot.
    pub(super) async fn received(&self, it: &Received<'_>) -> Result<bool> {
        let data = json!({"connector": it.connector, "event": it.event, "output": it.output});
        let about = About { connection: Some(it.connection), execution: None };
        let event = self.event(it.org, EventType::ProviderEvent, about, data);
        Ok(self.store.waits().receive(it, &event).await?)
    }
}

/// When a parked execution is looked at, if nothing comes before.
fn due(parked: &Parked, connector: &Connector, mode: Mode, now: Timestamp) -> Timestamp {
    let mut due = parked.poll_at.map_or(parked.until, |at| at.min(parked.until));
    if let (Mode::Sandbox, Some(awaited)) = (mode, &parked.event) {
        let events = connector.sandbox_events.iter().filter(|it| it.event == awaited.name);
        let times = events.map(|it| comes_at(parked, it.after)).filter(|at| *at > now);
        due = times.min().map_or(due, |at| at.min(due));
    }
    due
}

fn comes_at(parked: &Parked, after: std::time::Duration) -> Timestamp {
    parked.since.checked_add(after).unwrap_or(Timestamp::MAX)
}

/// The run as it began, for this process.
fn again(row: &Execution, process: &str, now: Timestamp) -> NewExecution {
    NewExecution {
        org: row.org,
        id: row.id,
        agent: row.agent.clone(),
        enabled_action: row.enabled_action,
        connector: row.connector.clone(),
        connector_version: row.connector_version.clone(),
        action: row.action.clone(),
        connection: row.connection,
        conversation: row.conversation.clone(),
        customer: row.customer.clone(),
        input: row.input.clone(),
        owner: process.to_owned(),
        deadline: now,
        started_at: row.started_at,
    }
}
