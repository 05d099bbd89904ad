//! Runs a compiled plan over a transport given to it. Knows no database, no web server, no clock of its own.

use serde_json::Value as Json;

use crate::{
    base::{Clock, Code},
    spec::{Connector, Plan},
    transport::{BoxFuture, Transport},
    wire::{Answer, Request},
};

/// Everything a run needs beside its plan.
pub struct Run<'a> {
    /// The connector that the plan is of (its `http`, account and other actions).
    pub connector: &'a Connector,
    /// What is run.
    pub plan: &'a Plan,
    /// The agent's arguments, validated, defaults filled.
    pub input: Json,
    /// The builder's, validated, defaults filled.
    pub config: Json,
    /// Id, label, captured values, non-secret fields.
    pub connection: Json,
    /// `id`, `key`, `org`, `agent`.
    pub execution: Json,
    /// Where requests go.
    pub transport: &'a dyn Transport,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Told of everything that happens.
    pub observer: &'a dyn Observer,
}

/// Is told of a run's events as they happen; the journal and the trace are observers.
pub trait Observer: Send + Sync {
    /// Called before every request that is not a read is sent; the run waits for it, and fails if it fails.
    fn before_write<'a>(&'a self, _step: &'a str, _request: &'a Request) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }
    /// Called for everything else.
    fn event(&self, _event: Event<'_>) {}
}

/// Something that happened in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step was skipped: its `when` was false.
    Skipped {
        /// Which.
        step: &'a str,
    },
    /// An exchange ended.
    Exchanged {
        /// Of which step.
        step: &'a str,
        /// What was sent, unsigned.
        request: &'a Request,
        /// What came back.
        answer: Result<&'a Answer, &'a str>,
        /// How long it took, milliseconds.
        duration_ms: u64,
    },
    /// A step ended.
    Ended {
        /// Which.
        step: &'a str,
        /// Its output.
        output: &'a Json,
    },
}

/// How a run failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Canonical.
    pub code: Code,
    /// For the customer.
    pub say: String,
    /// For ops and authors: what happened, without secrets.
    pub detail: String,
    /// The step that failed.
    pub step: Option<String>,
    /// When to try again.
    pub retry_after_seconds: Option<u64>,
}
