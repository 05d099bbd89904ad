//! A call of a function: validate, make repeatable, journal, run, keep, answer.

use std::{borrow::Cow, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{
    Engine, Error, Result,
    enabled::{Enabled, Seen},
    journal::Journal,
    parked::{Noted, State, hidden},
};
use crate::{
    auth::{Authenticated, Used},
    base::{Code, Effect, ExecutionId, Failure, OrgId},
    catalog::own,
    crypto::fingerprint,
    expr::Scope,
    interpreter::{self, Observer, Parked, Ran, Run, Woken},
    spec::{Connector, Fields, Mappings, Plan},
    store::{Begun, Ended, Execution, ExecutionStatus, Idempotency, Mode, NewExecution, Record},
    transport::{Transport, sandbox::Sandbox},
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

/// A run has ended this long after its plan's deadline, whatever happens: undoing takes time too.
pub(super) const GRACE: Duration = Duration::from_secs(60);

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
        let input = accept(enabled.input(), call.arguments.clone())?;
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
        let ran = match self.run_from(&enabled.connector, plan, &connection, inputs, &watch, None).await {
            Ran::Ended(result) => result,
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
        execution(new, idempotency.map(|it| it.key), ran, at)
    }

    /// Runs a plan that doesn't wait.
    pub(super) async fn run_plan(
        &self,
        connector: &Arc<Connector>,
        plan: &Plan,
        seen: &Seen,
        inputs: Inputs,
        watch: Watch<'_>,
    ) -> std::result::Result<Json, Failure> {
        match self.run_from(connector, plan, seen, inputs, &watch, None).await {
            Ran::Ended(result) => result,
            Ran::Waits(_) => Err(Failure::new(Code::Unsupported, "nothing can be parked here")),
        }
    }

    /// Runs a plan of `connector` with `connection`, from its beginning or from where it waits.
    pub(super) async fn run_from(
        &self,
        connector: &Arc<Connector>,
        plan: &Plan,
        seen: &Seen,
        inputs: Inputs,
        watch: &Watch<'_>,
        from: Option<(Parked, Woken<'_>)>,
    ) -> Ran {
        self.run_beside(connector, plan, seen, inputs, watch, from, Scope::new()).await
    }

    /// The same with names of its own. Live, or in its sandbox; in what comes of it no secret is repeated that was signed with.
    #[allow(clippy::too_many_arguments, reason = "each is one of the things that a run is made of")]
    pub(super) async fn run_beside(
        &self,
        connector: &Arc<Connector>,
        plan: &Plan,
        seen: &Seen,
        inputs: Inputs,
        watch: &Watch<'_>,
        from: Option<(Parked, Woken<'_>)>,
        beside: Scope,
    ) -> Ran {
        let connection = &seen.connection;
        let scope = &self.connections.as_seen_by(connector, &seen.scope, connection);
        let (live, sandbox);
        let tokens = self.connections.tokens(Arc::clone(connector), connection.org, connection.id);
        // two orgs' own connectors may have the same id
        let limited = match own::is_own(&connector.id) {
            true => Cow::from(format!("{}/{}", connection.org, connector.id)),
            false => Cow::from(&connector.id),
        };
        let transport: &dyn Transport = match connection.mode {
            Mode::Live => {
                live = Authenticated {
                    sender: self.sender.as_ref(),
                    tokens: &tokens,
                    connection: scope,
                    connector: &limited,
                    limiter: Some(&self.limiter),
                    meter: Some(&self.meter),
                    clock: self.clock.as_ref(),
                    used: watch.used,
                };
                &live
            }
            Mode::Sandbox => {
                let seed = inputs.execution["id"].as_str().unwrap_or_default();
                sandbox = Sandbox::new(&connector.sandbox, Arc::clone(scope), self.clock.as_ref(), seed);
                &sandbox
            }
        };
        let run = Run {
            connector,
            plan,
            input: inputs.input,
            config: inputs.config,
            connection: Arc::clone(scope),
            execution: inputs.execution,
            mappings: inputs.mappings,
            beside,
            transport,
            clock: self.clock.as_ref(),
            observer: watch.observer,
        };
        let mut ran = match from {
            None => Box::pin(interpreter::begin(run)).await,
            Some((parked, woken)) => Box::pin(interpreter::resume(run, parked, woken)).await,
        };
        match &mut ran {
            // the rest is sealed
            Ran::Waits(parked) => parked.problem = parked.problem.take().map(|it| watch.used.mask(it)),
            Ran::Ended(Ok(output)) => watch.used.mask_json(output),
            Ran::Ended(Err(failure)) => {
                for text in [&mut failure.say, &mut failure.detail] {
                    *text = watch.used.mask(std::mem::take(text));
                }
            }
        }
        if matches!(&ran, Ran::Ended(Err(failure)) if failure.code == Code::Reauthorize) {
            // the connection may just have become unusable: the next call has to see that
            self.forget_connection(connection);
        }
        ran
    }
}

/// What is noted of a run besides its result.
pub(super) struct Watch<'a> {
    pub(super) observer: &'a dyn Observer,
    pub(super) used: &'a Used,
}

/// What a plan works on.
pub(super) struct Inputs {
    pub(super) input: Arc<Json>,
    pub(super) config: Arc<Json>,
    pub(super) execution: Arc<Json>,
    pub(super) mappings: Mappings,
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
    let at = new.started_at;
    let running = execution(new, idempotency_key, Ok(Json::Null), at);
    Execution { status: ExecutionStatus::Waiting, output: None, ended_at: None, ..running }
}

pub(super) fn execution(
    new: NewExecution,
    idempotency_key: Option<String>,
    ran: std::result::Result<Json, Failure>,
    at: Timestamp,
) -> Execution {
    let status = if ran.is_ok() { ExecutionStatus::Succeeded } else { ExecutionStatus::Failed };
    let (output, failure) = match ran {
        Ok(output) => (Some(output), None),
        Err(failure) => (None, Some(failure)),
    };
    Execution {
        org: new.org,
        id: new.id,
        agent: new.agent,
        enabled_action: new.enabled_action,
        connector: new.connector,
        connector_version: new.connector_version,
        action: new.action,
        connection: new.connection,
        status,
        input: new.input,
        output,
        failure,
        idempotency_key,
        started_at: new.started_at,
        ended_at: Some(at),
    }
}

/// [`Fields::accept`], for the API.
pub(super) fn accept(fields: &Fields, given: Json) -> Result<Json> {
    fields.accept(given).map_err(Error::Invalid)
}
