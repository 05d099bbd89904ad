//! A call of a function: validate, make repeatable, journal, run, keep, answer.

use std::{borrow::Cow, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Engine, Error, Result,
    enabled::{Enabled, Seen},
    ending::End,
    journal::{Durable, Finished, Journal},
    parked::Parking,
    patience::{Caller, last_moment},
    recovery::AtWork,
    run::{Begin, GRACE, Inputs, Watch},
    state::Beginning,
};
use crate::{
    auth::Used,
    base::{Code, Effect, ExecutionId, Failure, OrgId},
    catalog::own,
    crypto::fingerprint,
    interpreter::{ExecutionNames, Ran},
    store::{self, Begun, Execution, ExecutionStatus, Idempotency, Mode, NewExecution, Record},
};

/// What an agent wants done.
#[derive(Debug)]
pub struct Call {
    /// Which agent.
    pub agent: String,
    /// The function's name.
    pub function: String,
    /// As the model gave them.
    pub arguments: Json,
    /// Which conversation it is part of, by the chatbot's own id.
    pub conversation: Option<String>,
    /// Which customer it is for, by the chatbot's own id.
    pub customer: Option<String>,
    /// Which turn of the conversation asks for it.
    pub turn: Option<String>,
    /// Repeating a call with the same key and arguments gives the same execution. Without one, a call of a conversation's turn
    /// has one of its own.
    pub idempotency_key: Option<String>,
    /// How long the caller waits for the end; without it, until there is one.
    pub patience: Option<Duration>,
}

impl Call {
    /// What makes a repetition of it the same call. The key of a turn is made of all that the call consists of, so that a turn
    /// may call a function twice with other arguments.
    fn idempotency(&self, org: OrgId, now: Timestamp, hours: u32) -> Result<Option<Idempotency>> {
        let Self { agent, function, arguments, conversation, turn, .. } = self;
        let key = match (&self.idempotency_key, conversation, turn) {
            (Some(key), ..) => key.clone(),
            (None, Some(conversation), Some(turn)) => {
                let call = json!([org, agent, conversation, turn, function, arguments]);
                format!("turn:{}", fingerprint(&call))
            }
            (None, None, Some(_)) => {
                return Err(Error::BadRequest("`turn` needs the `conversation` that it is a turn of".to_owned()));
            }
            _ => return Ok(None),
        };
        let fingerprint = fingerprint(&json!([agent, function, arguments]));
        let expires_at = now + Duration::from_hours(hours.into());
        Ok(Some(Idempotency { key, fingerprint, expires_at }))
    }
}

/// What came of a call: a run of its own, or one that an earlier call began or that runs elsewhere by now.
pub(super) enum Came {
    Own(Box<Execution>),
    Earlier(Box<Execution>),
}

impl From<Execution> for Came {
    fn from(own: Execution) -> Self {
        Self::Own(own.into())
    }
}

/// Namespace of the execution keys derived from idempotency keys: a random UUID, fixed for ever.
const KEYS: Uuid = Uuid::from_u128(0x6f1c_52d3_8a0e_4b7f_9c35_d1e8_42a7_60bb);

/// Everything one run needs, owned, so that it can outlive its caller. Kept in a box: a future holds what it was given a second
/// time, and is copied when it is handed on. What seldom happens is boxed below for the same reason.
struct Prepared {
    new: NewExecution,
    idempotency: Option<Idempotency>,
    enabled: Arc<Enabled>,
    connection: Arc<Seen>,
    input: Json,
    /// `execution.<name>`
    execution: ExecutionNames,
    /// Journaled before it runs; otherwise only kept when it has ended.
    durable: bool,
}

impl Engine {
    /// Runs a function of an agent to its end, also when the caller hangs up meanwhile. Gives the execution as it stands when
    /// the caller's patience is over; it goes on then, and its end is told by an event.
    ///
    /// # Errors
    /// When nothing could be run. A failure of the action is no error, but an execution that failed.
    pub async fn call(self: &Arc<Self>, org: OrgId, call: Call) -> Result<Execution> {
        let until = call.patience.map(last_moment);
        match self.called(org, call, until).await? {
            Came::Own(execution) => Ok(*execution),
            Came::Earlier(first) => Box::pin(self.repeated(*first, until)).await,
        }
    }

    /// The same, without waiting for what somebody else runs.
    pub(super) async fn called(self: &Arc<Self>, org: OrgId, call: Call, until: Option<Instant>) -> Result<Came> {
        let now = self.now();
        let idempotency = match &call {
            Call { idempotency_key: None, turn: None, .. } => None,
            call => call.idempotency(org, now, Box::pin(self.retention(org)).await?.keys_hours)?,
        };
        match self.prepare(org, call, idempotency.clone(), now).await {
            Ok(prepared) => self.begin_and_run_until(prepared, until).await,
            Err(refusal) => Ok(Came::Earlier(Box::pin(self.begun_before(org, idempotency.as_ref(), refusal)).await?)),
        }
    }

    async fn prepare(
        &self,
        org: OrgId,
        call: Call,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Box<Prepared>> {
        let enabled = self.function(org, &call.agent, &call.function).await?;
        let enabled = self.tried(org, &call, enabled).await?;
        if let Some(problem) = &enabled.unfit {
            return Err(Error::conflict(problem, "Tell the builder: the enabled action has to be changed to fit."));
        }
        let action = enabled.action();
        let connection =
            self.usable_connection(org, enabled.row.connection, &action.scopes, &enabled.connector).await?;
        let input = enabled.input().accept(enabled.meant(call.arguments.clone()))?;
        if action.effect != Effect::Read && !self.may_send() {
            // It would be begun, and then fail at its first write: after the database was away, until it is told again
            // that this replica lives.
            return Err(Error::DatabaseAway);
        }
        // what may be parked must be in the store to be found there
        let durable = idempotency.is_some() || action.effect != Effect::Read || action.plan.waits();
        // a read that is answered `running` is put there too, to be gone on with if this replica dies
        let is_kept = durable || call.patience.is_some();
        let mut new = self.new_execution(org, call, &enabled, now);
        let execution = names(&new, idempotency.as_ref());
        if is_kept {
            // for whoever goes on with it
            let connector = &enabled.connector;
            new.connector_digest = (!own::is_own(&connector.id)).then(|| connector.digest.clone());
            new.provider_key = Some(execution.key().into_owned());
            let [input, config] = [&input, &*enabled.config].map(Cow::Borrowed);
            let beginning = Beginning { input, config, execution: Cow::Borrowed(&execution) };
            new.beginning = Some(self.seal_state(org, new.connection, &beginning));
        }
        Ok(Box::new(Prepared { new, idempotency, enabled, connection, input, execution, durable }))
    }

    /// What a call that can't be made now was when it was made before. A caller that repeats it because no answer came must
    /// not be told that nothing ran, only because the account was taken off meanwhile.
    async fn begun_before(&self, org: OrgId, call: Option<&Idempotency>, refusal: Error) -> Result<Box<Execution>> {
        let Some(call) = call else { return Err(refusal) };
        match self.store.executions().begun(org, call, self.now()).await? {
            Begun::Same(earlier) => Ok(earlier),
            Begun::New | Begun::Different => Err(refusal),
        }
    }

    async fn begin_and_run_until(self: &Arc<Self>, prepared: Box<Prepared>, until: Option<Instant>) -> Result<Came> {
        let caller = Arc::new(Caller::default());
        let asked = until.map(|until| {
            let key = prepared.idempotency.as_ref().map(|it| it.key.clone());
            (until, Box::new((prepared.new.clone(), key)), prepared.durable)
        });
        let work = self.asked_for_by(&caller, Arc::clone(self).begin_and_run(prepared, Arc::clone(&caller)))?;
        match asked {
            None => work.await,
            Some((until, asked, durable)) => Box::pin(self.until(until, work, &caller, *asked, durable)).await,
        }
    }

    async fn begin_and_run(self: Arc<Self>, prepared: Box<Prepared>, caller: Arc<Caller>) -> Result<Came> {
        // what is kept may be in the store before it has ended
        let at_work = prepared.new.beginning.is_some().then(|| self.at_work(prepared.new.id));
        if prepared.durable {
            let executions = self.store.executions();
            match Box::pin(executions.begin(&prepared.new, prepared.idempotency.as_ref())).await {
                Ok(Begun::New) => {}
                Ok(Begun::Same(earlier)) => return Ok(Came::Earlier(earlier)),
                Ok(Begun::Different) => return Err(Error::IdempotencyConflict),
                Err(error) => {
                    if error.may_have_been_done() {
                        self.refused(prepared, at_work);
                    }
                    return Err(error.into());
                }
            }
        } else {
            self.recorder.room().await?;
        }
        caller.has_begun();
        let ran = self.run_to_its_end(prepared, &caller, at_work).await;
        // another replica took it over: it is awaited like any that somebody else runs
        Ok(if ran.status == ExecutionStatus::Running { Came::Earlier(ran) } else { Came::Own(ran) })
    }

    /// Nobody knows whether a call was begun, and its caller is told that it was not. If it was all the same: whoever gave a key
    /// calls again with it, and finds it, so it is gone on with; whoever gave none may call anew, so it ends before it has sent
    /// anything.
    fn refused(self: &Arc<Self>, it: Box<Prepared>, at_work: Option<AtWork>) {
        let owned = it.new.owned();
        if it.idempotency.is_some() {
            return self.abandon(&owned);
        }
        let why = Failure::new(Code::Unavailable, "the database went away while it was begun: nothing was sent");
        let end = End { trace: "[]".to_owned(), writes: Vec::new(), doubt: None, at: self.now() };
        let (engine, execution) = (Arc::clone(self), it.new.ended(None, Err(why), end.at));
        self.tasks.spawn(async move {
            if let Err(error) = engine.keep_end_at_last(&owned, &execution, &end, false).await {
                tracing::error!(execution.id = %execution.id, %error, "an execution that was refused could not be ended");
                engine.abandon(&owned);
            }
            drop(at_work);
        });
    }

    fn new_execution(&self, org: OrgId, call: Call, enabled: &Enabled, now: Timestamp) -> NewExecution {
        NewExecution {
            org,
            id: ExecutionId::new(now, self.random.as_ref()),
            agent: call.agent,
            enabled_action: enabled.row.id,
            connector: enabled.connector.id.clone(),
            connector_version: enabled.connector.version.clone(),
            action: enabled.row.action.clone(),
            connection: enabled.row.connection,
            conversation: call.conversation,
            customer: call.customer,
            input: call.arguments,
            owner: self.replica.id(),
            deadline: now + enabled.action().plan.timeout + GRACE,
            connector_digest: None,
            provider_key: None,
            beginning: None,
            started_at: now,
        }
    }

    async fn run_to_its_end(
        self: &Arc<Self>,
        mut prepared: Box<Prepared>,
        caller: &Caller,
        at_work: Option<AtWork>,
    ) -> Box<Execution> {
        let inputs = Inputs {
            input: std::mem::take(&mut prepared.input).into(),
            config: Arc::clone(&prepared.enabled.config),
            execution: std::mem::take(&mut prepared.execution).into(),
            mappings: prepared.enabled.of_org.mappings.clone(),
        };
        let Prepared { new, idempotency, enabled, connection, durable, .. } = &*prepared;
        let (owned, used, durable) = (new.owned(), Used::default(), *durable);
        let mode = connection.connection.mode;
        let key = idempotency.as_ref().map(|it| it.key.clone());
        let journaled = durable.then(|| Durable { owned: owned.clone(), connection: new.connection, used: &used });
        let journal = Journal::new(self, journaled);
        let (connector, action) = (&enabled.connector, enabled.action());
        let watch = Watch { observer: &journal, used: &used };
        let parking =
            Parking { owned: &owned, connection: &connection.connection, connector, action, since: new.started_at };
        let ran = match self.run_from(connector, &action.plan, connection, inputs, &watch, Begin::Anew).await {
            Ran::Ended(result) => result,
            Ran::Lost => {
                self.abandon(&owned);
                return prepared.new.so_far(key, ExecutionStatus::Running).into();
            }
            Ran::Waits(parked) => {
                let Finished { trace, writes, .. } = journal.finish(true, &used.secrets());
                let parked = Box::pin(self.park(&parking, *parked, &used, Some(&trace), &writes, 0)).await;
                if let Err(error) = parked {
                    tracing::error!(execution.id = %new.id, %error, "an execution could not be parked yet");
                    self.abandon(&owned);
                }
                return prepared.new.so_far(key, ExecutionStatus::Waiting).into();
            }
        };
        let at = self.now();
        if journal.schema_changed() {
            Box::pin(self.schema_changed(new.org, &enabled.of_org.objects)).await;
        }
        let mut finished = journal.finish(ran.is_ok(), &used.secrets());
        let doubt = finished.doubt.take().map(|it| Box::new(self.doubted(&parking, *it, &used)));
        let end = End::new(at, finished, doubt);
        let record = (!durable).then(|| Record::new(enabled.common(new), new, &end.of(ran.as_ref())));
        let execution = Box::new(prepared.new.ended(key, ran, at));
        let kept = match record {
            None => Box::pin(self.keep_end(&owned, &execution, &end, caller)).await,
            Some(record) if caller.is_gone() => {
                let event = self.ended_event(&execution);
                Box::pin(self.store.executions().keep_told(&record, &event)).await
            }
            Some(record) => {
                self.recorder.record(record);
                Ok(true)
            }
        };
        match kept {
            Ok(true) => {
                if mode == Mode::Live {
                    self.counted(&execution, execution.failure.is_some(), Some(at));
                }
                self.has_ended(&execution, caller.is_gone());
            }
            // what the other one makes of it counts, for this caller too
            Ok(false) => {
                tracing::warn!(execution.id = %execution.id, "an execution ended here after another replica had taken it over");
                return execution.unended().into();
            }
            // The outcome is known, and it is kept as soon as that is possible. A success is one whoever keeps it; a failure
            // counts only once it is kept, since another replica may go on and come further.
            Err(store::Error::Unavailable(_)) if durable => {
                let so_far = execution.clone().unended();
                let known = if execution.failure.is_some() { Box::new(so_far) } else { execution.clone() };
                let engine = Arc::clone(self);
                let gone = caller.is_gone();
                self.tasks.spawn(async move {
                    if let Err(error) = engine.keep_end_at_last(&owned, &execution, &end, gone).await {
                        tracing::error!(execution.id = %execution.id, %error, "the end of an execution was not kept");
                        engine.abandon(&owned);
                    }
                    drop(at_work);
                });
                return known;
            }
            // The row still says `running`, and is gone on with from its checkpoint: that comes to the same, or to less.
            Err(error) => {
                tracing::error!(execution.id = %execution.id, %error, "the end of an execution was not kept");
                if durable || caller.is_gone() {
                    self.abandon(&owned);
                    return execution.unended().into();
                }
            }
        }
        execution
    }
}

/// `execution.<name>`. The key is the same for every repetition of the same call, also in another process. It differs for
/// other arguments: once an idempotency key is forgotten it may come back with those, and then the provider must not take
/// the new call for the old one.
fn names(new: &NewExecution, idempotency: Option<&Idempotency>) -> ExecutionNames {
    let key = match idempotency {
        Some(it) => {
            let of_call = Uuid::new_v5(&KEYS, it.fingerprint.as_bytes());
            Uuid::new_v5(&of_call, format!("{}\0{}", new.org, it.key).as_bytes())
        }
        None => new.id.uuid(),
    };
    ExecutionNames::called(new.id, key, new.org, new.agent.clone())
}
