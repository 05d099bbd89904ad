//! Executions of which nobody knew whether they happened, until the provider told: they go on behind the write that was in
//! doubt, or take back what was done before it, and end as what really became of them.
//!
//! Looking sends nothing, so it can be repeated. What is told changes an execution in one statement, if it is still in doubt;
//! from then on it runs like any other.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value as Json;

use super::{
    Engine, Error, Result,
    doubts::with_resolution,
    parked::Parking,
    run::{Begin, GRACE},
    state::{At, Place},
    stretch::Stretch,
};
use crate::{
    auth::Used,
    base::Failure,
    interpreter::{self, Doubt, Nowhere, Run, Told, Unobserved},
    store::{Doubted, NEVER, Owned, Resolution, Wait},
};

/// Events that are looked at in one go.
const EVENTS: u32 = 50;

/// What could not be looked at, since the store failed, is looked at again after so long …
const AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// … and what can't be gone on with as it is after so long: a key, or a connector, may come back.
const LATER: SignedDuration = SignedDuration::from_hours(1);

impl Engine {
    /// What has to be kept of an execution that ends in doubt, so that an event can end the doubt.
    pub(super) fn doubted(&self, it: &Parking<'_>, doubt: Doubt, used: &Used) -> Doubted {
        let event = (doubt.event.name.clone(), doubt.event.correlate.clone());
        let place = Place::new(At::InDoubt(doubt), used);
        let wait = Wait { event: Some(event), due_at: NEVER, until: NEVER, ..it.wait() };
        Doubted { wait, place: self.seal_state(it.owned.org, it.connection.id, &place) }
    }

    /// Looks at an execution in doubt of which something was told, and goes on with it if that is about it.
    pub(super) async fn look_at_doubt(self: Arc<Self>, wait: Wait) {
        let (owned, me) = (wait.owned.clone(), self.replica.id());
        let again = match self.try_to_look_at_doubt(wait).await {
            Ok(true) => return,
            Ok(false) => LATER,
            Err(error) => {
                tracing::error!(org.id = %owned.org, execution.id = %owned.id, %error, "what was told of a doubt could not be looked at; it is tried again");
                // it may run here by now
                self.has_unheard();
                AGAIN
            }
        };
        let (waits, at) = (self.store.waits(), self.now() + again);
        if let Err(error) = self.until_kept(|| waits.doubts_again(&me, &owned, at)).await {
            tracing::warn!(execution.id = %owned.id, %error, "a doubt could not be given back");
        }
    }

    /// `false`: it can't be gone on with as it is.
    async fn try_to_look_at_doubt(&self, wait: Wait) -> Result<bool> {
        let from = &wait.owned;
        let row = self.store.executions().get(from.org, from.id).await?.ok_or(Error::NotFound("execution"))?;
        let Some(failure) = row.failure.clone().filter(|_| row.in_doubt) else { return Ok(false) };
        let kept = self.store.running().kept(from).await?;
        let (Some(beginning), Some(place)) = (kept.beginning, kept.checkpoint) else { return Ok(false) };
        let opened = self.open_state(row.org, row.connection, &beginning);
        let (beginning, place) = match (opened, self.open_state(row.org, row.connection, &place)) {
            (Ok(beginning), Ok(place)) => (beginning, place),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(execution.id = %from.id, %error, "what an execution in doubt needs to go on can't be opened");
                return Ok(false);
            }
        };
        let Place { at: At::InDoubt(doubt), secrets } = place else { return Ok(false) };
        let owned = Owned { owner: self.replica.id(), epoch: from.epoch + 1, ..from.clone() };
        let before = self.sent_before(from).await?;
        let stretch = match self.stretch(owned, row, beginning, &before, secrets).await? {
            Ok(stretch) => stretch,
            Err(why) => {
                tracing::warn!(execution.id = %from.id, why = why.detail, "an execution in doubt can't be gone on with");
                return Ok(false);
            }
        };
        let arrived = self.store.waits().unseen(&wait, EVENTS).await?;
        let mut seen = wait.seen;
        for event in arrived {
            match told(self, &stretch, &doubt, &failure, &event.output) {
                Ok(Some(told)) => {
                    self.resolved(from, stretch, doubt, told).await?;
                    return Ok(true);
                }
                Ok(None) => {}
                Err(why) => {
                    tracing::warn!(execution.id = %from.id, why = why.detail, "an event does not tell what became of a doubt");
                }
            }
            seen = event.number;
        }
        let wait = Wait { seen, due_at: NEVER, ..wait };
        self.store.waits().doubts_on(&wait, self.now()).await?;
        Ok(true)
    }

    /// Ends the doubt, and goes on.
    async fn resolved(&self, from: &Owned, mut it: Stretch, doubt: Doubt, told: Told) -> Result<()> {
        let now = self.now();
        let note = format!("the provider told it, by the event `{}`", doubt.event.name);
        let resolution = Resolution { happened: told.happened, note, at: now };
        let trace = with_resolution(self.store.executions().trace(from.org, from.id).await?, &resolution);
        let place = Place::new(At::Running(told.checkpoint.clone()), &it.used);
        let place = (told.checkpoint.revision, &self.seal_state(from.org, it.row.connection, &place));
        let deadline = now + it.action().plan.timeout + GRACE;
        let running = self.store.running();
        if !running.reopen((from, &it.owned), deadline, place, &trace, &resolution).await? {
            // somebody was quicker
            return Ok(());
        }
        tracing::info!(org.id = %from.org, execution.id = %from.id, told.happened, "the provider told what became of a doubt");
        (it.row.resolution, it.row.in_doubt, it.row.failure) = (Some(resolution), false, None);
        let journal = it.journal(self);
        let ran = self.run_stretch(&it, &journal, Begin::Checkpoint(told.checkpoint.into())).await;
        let owned = it.owned.clone();
        if let Err(error) = self.keep_stretch(&it, journal, ran).await {
            tracing::error!(execution.id = %owned.id, %error, "an execution could not be gone on with yet");
            self.abandon(&owned);
        }
        Ok(())
    }
}

/// What an event tells of the write in doubt.
fn told(
    engine: &Engine,
    it: &Stretch,
    doubt: &Doubt,
    failure: &Failure,
    output: &Json,
) -> std::result::Result<Option<Told>, Failure> {
    let inputs = it.inputs();
    let scope = engine.connections.as_seen_by(&it.connector, &it.seen.scope, &it.seen.connection);
    let run = Run {
        connector: &it.connector,
        plan: &it.action().plan,
        input: inputs.input,
        config: inputs.config,
        connection: scope,
        execution: inputs.execution,
        mappings: inputs.mappings,
        beside: crate::expr::Scope::new(),
        transport: &Nowhere,
        clock: engine.clock.as_ref(),
        observer: &Unobserved,
    };
    interpreter::told(run, doubt.clone(), failure, output)
}
