//! Where a case is played.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use super::coverage::Seen;
use crate::{
    base::{clock::FixedClock, lock},
    delivery::Delivery,
    diag::Span,
    expr::Scope,
    interpreter::{Doubt, ExecutionNames, Observer, Run, Way},
    spec::{Case, Connector, Mappings, Plan},
    transport::{Transport, script::Script},
};

/// What all runs of a case share.
pub(super) struct Stage<'a> {
    pub(super) connector: &'a Connector,
    pub(super) case: &'a Case,
    pub(super) script: &'a Script<'a>,
    pub(super) transport: &'a dyn Transport,
    pub(super) clock: &'a FixedClock,
    pub(super) doubts: &'a Doubts<'a>,
}

/// Notes what a run leaves in doubt, and where it came along.
pub(super) struct Doubts<'a> {
    doubt: Mutex<Option<Doubt>>,
    seen: &'a Seen,
}

impl<'a> Doubts<'a> {
    pub(super) fn beside(seen: &'a Seen) -> Self {
        Self { doubt: Mutex::default(), seen }
    }

    pub(super) fn take(&self) -> Option<Doubt> {
        lock(&self.doubt).take()
    }
}

impl Observer for Doubts<'_> {
    fn in_doubt(&self, doubt: Doubt) {
        *lock(&self.doubt) = Some(doubt);
    }

    fn passed(&self, at: Span, way: Way) {
        self.seen.passed(at, way);
    }
}

impl<'a> Stage<'a> {
    /// A run of `plan` with what the case gives.
    pub(super) fn run(&self, plan: &'a Plan, input: impl Into<Arc<Json>>, config: impl Into<Arc<Json>>) -> Run<'a> {
        let key = &self.case.execution_key;
        Run {
            connector: self.connector,
            plan,
            input: input.into(),
            config: config.into(),
            connection: Arc::clone(&self.case.connection),
            execution: ExecutionNames::new(key, key, "org", "agent").into(),
            mappings: Mappings::default(),
            beside: Scope::new(),
            transport: self.transport,
            clock: self.clock,
            observer: self.doubts,
        }
    }

    /// A run of an event's plan.
    pub(super) fn run_of(&self, plan: &'a Plan, beside: Scope) -> Run<'a> {
        Run { beside, ..self.run(plan, json!({}), json!({})) }
    }

    /// What the expressions of a delivery see.
    pub(super) fn scope(&self, delivery: &Delivery) -> Scope {
        let mut subscription = self.case.subscription.clone();
        if let Json::Object(subscription) = &mut subscription {
            subscription.remove("secret");
        }
        delivery.scope(&self.case.connection, &subscription, self.clock)
    }
}
