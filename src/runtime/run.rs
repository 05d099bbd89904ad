//! One run of a plan with a connection: live, or in its sandbox.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde_json::{Value as Json, json};

use super::{Engine, enabled::Seen, guarded::Guarded};
use crate::{
    auth::{Authenticated, Traffic, Used},
    base::{Code, Failure},
    catalog::own,
    expr::Scope,
    interpreter::{self, Checkpoint, ExecutionNames, Observer, Parked, Ran, Run, Woken},
    spec::{Connector, Mappings, Plan},
    store::Mode,
    transport::{Transport, isolation::Sent, sandbox::Sandbox},
};

/// A run has ended this long after its plan's deadline, whatever happens: undoing takes time too.
pub(super) const GRACE: Duration = Duration::from_secs(60);

/// Where a run begins.
pub(super) enum Begin<'a> {
    /// At its first step.
    Anew,
    /// Where another run of it was.
    #[allow(dead_code, reason = "what is kept in the store is gone on from there")]
    Checkpoint(Box<Checkpoint>),
    /// Where it waits.
    Wait(Box<Parked>, Woken<'a>),
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
    pub(super) execution: Arc<ExecutionNames>,
    pub(super) mappings: Mappings,
}

impl Inputs {
    /// Of a run that no agent asked for: it has no arguments and writes no object.
    pub(super) fn without_arguments(config: impl Into<Arc<Json>>, execution: ExecutionNames) -> Self {
        Self {
            input: json!({}).into(),
            config: config.into(),
            execution: execution.into(),
            mappings: Mappings::default(),
        }
    }
}

impl Engine {
    /// Runs a plan that doesn't wait.
    pub(super) async fn run_plan(
        &self,
        connector: &Arc<Connector>,
        plan: &Plan,
        seen: &Seen,
        inputs: Inputs,
        watch: Watch<'_>,
    ) -> std::result::Result<Json, Failure> {
        match self.run_from(connector, plan, seen, inputs, &watch, Begin::Anew).await {
            Ran::Ended(result) => result,
            Ran::Waits(_) | Ran::Lost => Err(Failure::new(Code::Unsupported, "nothing can be parked here")),
        }
    }

    /// Runs a plan of `connector` with `connection`, from its beginning or from where it is.
    pub(super) async fn run_from(
        &self,
        connector: &Arc<Connector>,
        plan: &Plan,
        seen: &Seen,
        inputs: Inputs,
        watch: &Watch<'_>,
        from: Begin<'_>,
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
        from: Begin<'_>,
        beside: Scope,
    ) -> Ran {
        let connection = &seen.connection;
        let scope = &self.connections.as_seen_by(connector, &seen.scope, connection);
        let (live, sandbox);
        let guarded = Guarded::new(self.sender.as_ref(), watch.observer);
        let tokens = self.connections.tokens(Arc::clone(connector), connection.org, connection.id);
        // two orgs' own connectors may have the same id
        let limited = match own::is_own(&connector.id) {
            true => Cow::from(format!("{}/{}", connection.org, connector.id)),
            false => Cow::from(&connector.id),
        };
        let transport: &dyn Transport = match connection.mode {
            Mode::Live => {
                live = Authenticated {
                    sender: &guarded,
                    tokens: &tokens,
                    connection: scope,
                    connector: &limited,
                    traffic: Some(Traffic {
                        by: Sent { org: connection.org, connection: connection.id, own: own::is_own(&connector.id) },
                        limiter: &self.coordination,
                        allowances: &self.allowances,
                        meter: &self.meter,
                        isolation: &self.isolation,
                    }),
                    clock: self.clock.as_ref(),
                    used: watch.used,
                };
                &live
            }
            Mode::Sandbox => {
                sandbox =
                    Sandbox::new(&connector.sandbox, Arc::clone(scope), self.clock.as_ref(), inputs.execution.id());
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
            // not by `begin`, whose future would hold the run a second time
            Begin::Anew => Box::pin(interpreter::resume(run, Checkpoint::default())).await,
            Begin::Checkpoint(checkpoint) => Box::pin(interpreter::resume(run, *checkpoint)).await,
            Begin::Wait(parked, woken) => Box::pin(interpreter::wake(run, *parked, woken)).await,
        };
        if guarded.has_refused() {
            // what came of it without those requests is not what comes of it
            ran = Ran::Lost;
        }
        match &mut ran {
            // the rest is sealed
            Ran::Waits(parked) => parked.problem = parked.problem.take().map(|it| watch.used.mask(it)),
            Ran::Lost => {}
            Ran::Ended(Ok(output)) => watch.used.mask_json(output),
            Ran::Ended(Err(failure)) => {
                for text in [&mut failure.say, &mut failure.detail] {
                    *text = watch.used.mask(std::mem::take(text));
                }
            }
        }
        let is_dead = matches!(&ran, Ran::Ended(Err(failure)) if failure.code == Code::Reauthorize);
        if is_dead || tokens.knows_otherwise(connection) {
            // it may just have become unusable, or its API moved with its token: the next call has to see that
            self.forget_connection(connection);
        }
        ran
    }
}
