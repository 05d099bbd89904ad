//! Executions that wait: parked in the store, looked at when something happens or it is time, and gone on with.
//!
//! Looking is repeatable: until it has sent something that changes something, a replica may die at any moment, and another
//! one looks again and sees the same.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::{
    Engine, Error, Result,
    events::About,
    run::{Begin, GRACE},
    state::{At, Beginning, Place},
};
use crate::{
    auth::Used,
    base::{Code, Failure},
    connections::Hidden,
    delivery,
    interpreter::{Parked, Ran, Woken},
    spec::{Action, Connector},
    store::{Connection, EventType, Execution, Mode, Owned, Received, Wait, WriteOutcome},
};

/// Events that are looked at in one go.
const EVENTS: u32 = 50;

/// What parks, or ends in doubt, and by what it is found again.
pub(super) struct Parking<'a> {
    pub(super) owned: &'a Owned,
    pub(super) connection: &'a Connection,
    pub(super) connector: &'a Connector,
    pub(super) action: &'a Action,
    /// Events count that came since.
    pub(super) since: Timestamp,
}

impl Parking<'_> {
    /// What it waits for, of which the rest has to be said: an event, and until when.
    pub(super) fn wait(&self) -> Wait {
        Wait {
            owned: self.owned.clone(),
            connection: self.connection.id,
            connector: self.connector.id.clone(),
            event: None,
            since: self.since,
            seen: 0,
            due_at: self.since,
            until: self.since,
            // a last question, and then the steps behind it: each has the plan's time
            lease: self.action.plan.timeout * 2 + GRACE,
        }
    }
}

impl Engine {
    /// Parks an execution that this replica runs; up to the number `seen` it has looked at events. If another replica has taken it
    /// over meanwhile, that is left to it.
    pub(super) async fn park(
        &self,
        it: &Parking<'_>,
        parked: Parked,
        used: &Used,
        trace: Option<&str>,
        writes: &[(u32, WriteOutcome)],
        seen: i64,
    ) -> Result<()> {
        let (now, owned) = (self.now(), it.owned);
        let wait = Wait {
            event: parked.event.as_ref().map(|it| (it.name.clone(), it.correlate.clone())),
            seen,
            due_at: due(&parked, it.connector, it.connection.mode, now),
            until: parked.until,
            ..it.wait()
        };
        if let Some((event, correlate)) = &wait.event {
            let (of, what) = ((owned.org, owned.id), (event.as_str(), correlate.as_str()));
            let erasures = self.store.erasures();
            self.until_kept(|| erasures.correlate(of, wait.connection, &wait.connector, what)).await?;
        }
        let revision = parked.checkpoint.revision;
        let place = Place::new(At::Waiting(parked), used);
        let place = self.seal_state(owned.org, it.connection.id, &place);
        let (waits, wait, place) = (self.store.waits(), &wait, &place);
        if !self.until_kept(|| waits.park(wait, place, revision, trace, writes, now)).await? {
            tracing::warn!(execution.id = %owned.id, "an execution was parked here after another replica had taken it over");
        }
        self.endings.wake(owned.id);
        self.waker.notify_one();
        Ok(())
    }

    /// Looks at an execution that this replica has claimed, and goes on with it if it has what it waits for.
    pub(super) async fn look(self: Arc<Self>, wait: Wait) {
        let owned = wait.owned.clone();
        if let Err(error) = self.look_at(wait).await {
            tracing::error!(org.id = %owned.org, execution.id = %owned.id, %error, "an execution that waits could not be looked at");
            self.abandon(&owned);
        }
    }

    async fn look_at(&self, wait: Wait) -> Result<()> {
        let owned = &wait.owned;
        let row = self.store.executions().get(owned.org, owned.id).await?.ok_or(Error::NotFound("execution"))?;
        let kept = self.store.running().kept(owned).await?;
        let Some(place) = kept.checkpoint else { return Err(Error::NotFound("checkpoint")) };
        let beginning = kept.beginning.as_ref().map(|it| self.open_state(row.org, row.connection, it)).transpose();
        match (beginning, self.open_state(row.org, row.connection, &place)) {
            (Ok(Some(beginning)), Ok(Place { at: At::Waiting(parked), secrets })) => {
                self.look_again(wait, row, beginning, parked, secrets).await
            }
            // the key may come back
            _ if self.now() < wait.until => {
                tracing::error!(execution.id = %owned.id, "what an execution that waits needs to go on can't be opened");
                let wait = Wait { due_at: wait.until, ..wait };
                self.store.waits().park(&wait, &place, 0, None, &[], self.now()).await?;
                Ok(())
            }
            _ => {
                let before = self.sent_before(owned).await?;
                let why = "its time is over, and what it needs to go on can't be opened";
                self.end_left(owned, &row, before.changed, Failure::new(Code::Timeout, why)).await
            }
        }
    }

    /// Looks whether an execution has what it waits for.
    pub(super) async fn look_again(
        &self,
        wait: Wait,
        row: Execution,
        beginning: Beginning<'static>,
        mut parked: Parked,
        secrets: Vec<Hidden>,
    ) -> Result<()> {
        let owned = wait.owned.clone();
        let before = self.sent_before(&owned).await?;
        let stretch = match self.stretch(owned.clone(), row.clone(), beginning, &before, secrets).await? {
            Ok(stretch) => stretch,
            Err(why) => return self.end_left(&owned, &row, before.changed, why).await,
        };
        self.pretend(&wait, &parked, &stretch.connector, &stretch.seen.connection).await?;
        let arrived = self.store.waits().unseen(&wait, EVENTS).await?;
        let more = arrived.len() == EVENTS as usize;
        let mut woken: Vec<(Option<i64>, Woken<'_>)> =
            arrived.iter().map(|it| (Some(it.number), Woken::Event(&it.output))).collect();
        let now = self.now();
        let over = now >= parked.until;
        if !more && parked.poll_at.is_some_and(|at| over || now >= at) {
            // once more before giving up: what should have told may have been lost
            woken.push((None, Woken::Poll));
        }
        if !more && over {
            woken.push((None, Woken::Timeout));
        }
        let (step, journal, mut seen) = (parked.step.clone(), stretch.journal(self), wait.seen);
        for (number, woken) in woken {
            match self.run_stretch(&stretch, &journal, Begin::Wait(parked.clone().into(), woken)).await {
                Ran::Waits(again) if again.step == step => {
                    seen = number.unwrap_or(seen);
                    parked = *again;
                }
                ran => return self.keep_stretch(&stretch, journal, ran).await,
            }
        }
        // nothing has happened that is worth keeping
        self.park(&stretch.parking(), parked, &stretch.used, None, &[], seen).await
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

    /// In the sandbox nobody sends anything: the connector's own events come when it is their time.
    async fn pretend(
        &self,
        wait: &Wait,
        parked: &Parked,
        connector: &Connector,
        connection: &Connection,
    ) -> Result<()> {
        let now = self.now();
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
            let id = format!("{}/{}/{number}", wait.owned.id, parked.step);
            self.received(&Received {
                org: wait.owned.org,
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
        let is_new = self.store.waits().receive(it, &event).await?;
        self.telling.wake(it.org);
        Ok(is_new)
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
