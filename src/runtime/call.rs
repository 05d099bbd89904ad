//! A call of a function: validate, make repeatable, journal, run, keep, answer.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{
    Engine, Error, Result,
    enabled::{Enabled, Seen},
    journal::Journal,
    parked::{Noted, State, hidden},
    run::{Begin, GRACE, Inputs, Watch},
};
use crate::{
    auth::Used,
    base::{Effect, ExecutionId, OrgId},
    crypto::fingerprint,
    interpreter::Ran,
    store::{Begun, Ended, Execution, ExecutionStatus, Idempotency, NewExecution, Record},
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
    /// Repeating a call with the same key and arguments gives the same execution.
    pub idempotency_key: Option<String>,
}

/// Namespace of the execution keys derived from idempotency keys: a random UUID, fixed for ever.
const KEYS: Uuid = Uuid::from_u128(0x6f1c_52d3_8a0e_4b7f_9c35_d1e8_42a7_60bb);

/// How long an idempotency key is remembered.
const KEY_LIFE: Duration = Duration::from_hours(24);

/// Everything one run needs, owned, so that it can outlive its caller.
struct Prepared {
    new: NewExecution,
    idempotency: Option<Idempotency>,
    enabled: Arc<Enabled>,
    connection: Arc<Seen>,
    input: Json,
    /// Journaled before it runs; otherwise only kept when it has ended.
    durable: bool,
}

impl Engine {
    /// Runs a function of an agent to its end, also when the caller hangs up meanwhile.
    ///
    /// # Errors
    /// When nothing could be run. A failure of the action is no error, but an execution that failed.
    pub async fn call(self: &Arc<Self>, org: OrgId, call: Call) -> Result<Execution> {
        let now = self.now();
        let idempotency = call.idempotency_key.clone().map(|key| Idempotency {
            key,
            fingerprint: fingerprint(&json!([call.agent, call.function, call.arguments])),
            expires_at: now + KEY_LIFE,
        });
        let prepared = match self.prepare(org, call, idempotency.clone(), now).await {
            Ok(prepared) => prepared,
            Err(refusal) => return self.begun_before(org, idempotency.as_ref(), refusal).await,
        };
        let engine = Arc::clone(self);
        self.to_its_end(async move { Box::pin(engine.begin_and_run(prepared)).await }).await
    }

    async fn prepare(
        &self,
        org: OrgId,
        call: Call,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Prepared> {
        let enabled = self.function(org, &call.agent, &call.function).await?;
        let action = enabled.action();
        let connection =
            self.usable_connection(org, enabled.row.connection, &action.scopes, &enabled.connector).await?;
        let input = enabled.input().accept(call.arguments.clone())?;
        // what may be parked must be in the store to be found there
        let durable = idempotency.is_some() || action.effect != Effect::Read || action.plan.waits();
        let new = self.new_execution(org, call.agent, call.arguments, &enabled, now);
        Ok(Prepared { new, idempotency, enabled, connection, input, durable })
    }

    /// What a call that can't be made now was when it was made before. A caller that repeats it because no answer came must
    /// not be told that nothing ran, only because the account was taken off meanwhile.
    async fn begun_before(&self, org: OrgId, call: Option<&Idempotency>, refusal: Error) -> Result<Execution> {
        let Some(call) = call else { return Err(refusal) };
        match self.store.executions().begun(org, call, self.now()).await? {
            Begun::Same(earlier) => Ok(*earlier),
            Begun::New | Begun::Different => Err(refusal),
        }
    }

    async fn begin_and_run(&self, prepared: Prepared) -> Result<Execution> {
        if prepared.durable {
            match self.store.executions().begin(&prepared.new, prepared.idempotency.as_ref()).await? {
                Begun::New => {}
                Begun::Same(earlier) => return Ok(*earlier),
                Begun::Different => return Err(Error::IdempotencyConflict),
            }
        }
        Ok(self.run_to_its_end(prepared).await)
    }

    fn new_execution(&self, org: OrgId, agent: String, input: Json, enabled: &Enabled, now: Timestamp) -> NewExecution {
        NewExecution {
            org,
            id: ExecutionId::new(now, self.random.as_ref()),
            agent,
            enabled_action: enabled.row.id,
            connector: enabled.connector.id.clone(),
            connector_version: enabled.connector.version.clone(),
            action: enabled.row.action.clone(),
            connection: enabled.row.connection,
            input,
            owner: self.process.clone(),
            deadline: now + enabled.action().plan.timeout + GRACE,
            started_at: now,
        }
    }

    async fn run_to_its_end(&self, prepared: Prepared) -> Execution {
        let Prepared { new, idempotency, enabled, connection, input, durable } = prepared;
        let journal = Journal::new(&self.store, &new, durable.then_some(self.clock.as_ref()));
        let inputs = Inputs {
            input: input.into(),
            config: Arc::clone(&enabled.config),
            execution: context(&new, idempotency.as_ref()).into(),
            mappings: enabled.of_org.mappings.clone(),
        };
        let plan = &enabled.action().plan;
        let used = Used::default();
        let watch = Watch { observer: &journal, used: &used };
        let kept = plan.waits().then(|| (inputs.input.clone(), inputs.execution.clone()));
        let ran = match self.run_from(&enabled.connector, plan, &connection, inputs, &watch, Begin::Anew).await {
            Ran::Ended(result) => result,
            Ran::Lost => return unended(new, idempotency.map(|it| it.key), ExecutionStatus::Running),
            Ran::Waits(parked) => {
                let (trace, writes, sent) = journal.finish_resumed(true, &used.secrets());
                let (input, execution) = kept.unwrap_or_default();
                let [input, config, execution] = [input, enabled.config.clone(), execution].map(Arc::unwrap_or_clone);
                let state = State { input, config, execution, parked: *parked, secrets: hidden(&used) };
                let noted = Noted { trace: Some(&trace), writes: &writes, sent, seen: 0 };
                let parked = self.park(&new, &enabled.connector, connection.connection.mode, &state, noted).await;
                return waiting(new, idempotency.map(|it| it.key), parked);
            }
        };
        let at = self.now();
        if journal.schema_changed() {
            self.schema_changed(new.org, &enabled.of_org.objects).await;
        }
        let (trace, writes) = journal.finish(ran.is_ok(), &used.secrets());
        let ended = Ended { result: ran.as_ref(), trace: &trace, writes: &writes, at };
        if durable {
            match self.store.executions().end(new.org, new.id, &ended).await {
                Ok(true) => {}
                Ok(false) => tracing::error!(execution.id = %new.id, "an execution ended after it was given up"),
                // The outcome is known, so the caller gets it. The row still says `running`: recovery will call it
                // unknown if anything was sent, which is less than we know but never false.
                Err(error) => {
                    tracing::error!(execution.id = %new.id, %error, "the end of an execution was not kept");
                }
            }
        } else {
            self.recorder.record(Record::new(&new, &ended)).await;
        }
        new.ended(idempotency.map(|it| it.key), ran, at)
    }
}

/// `execution.<name>`. The key is the same for every repetition of the same call, also in another process. It differs for
/// other arguments: once an idempotency key is forgotten it may come back with those, and then the provider must not take
/// the new call for the old one.
fn context(new: &NewExecution, idempotency: Option<&Idempotency>) -> Json {
    let key = match idempotency {
        Some(it) => {
            let of_call = Uuid::new_v5(&KEYS, it.fingerprint.as_bytes());
            Uuid::new_v5(&of_call, format!("{}\0{}", new.org, it.key).as_bytes())
        }
        None => new.id.uuid(),
    };
    json!({"id": new.id, "key": key.to_string(), "org": new.org, "agent": new.agent})
}

/// An execution that is parked. If that could not be kept, the row says `running` and recovery will end it by what it sent.
fn waiting(new: NewExecution, idempotency_key: Option<String>, parked: Result<bool>) -> Execution {
    match parked {
        Ok(true) => {}
        Ok(false) => tracing::error!(execution.id = %new.id, "an execution was given up before it could be parked"),
        Err(error) => tracing::error!(execution.id = %new.id, %error, "an execution could not be parked"),
    }
    unended(new, idempotency_key, ExecutionStatus::Waiting)
}

/// An execution that goes on without its caller.
fn unended(new: NewExecution, idempotency_key: Option<String>, status: ExecutionStatus) -> Execution {
    let at = new.started_at;
    Execution { status, output: None, ended_at: None, ..new.ended(idempotency_key, Ok(Json::Null), at) }
}
