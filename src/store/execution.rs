//! One run of an action, as it is kept.

use std::{fmt, str::FromStr, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Error, Owned, value::Row};
use crate::{
    base::{Code, ConnectionId, EnabledActionId, ExecutionId, Failure, OrgId, code::word},
    crypto::Sealed,
};

/// A run that begins.
#[derive(Debug, Clone)]
pub struct NewExecution {
    /// Whose.
    pub org: OrgId,
    /// Ours.
    pub id: ExecutionId,
    /// The chatbot's own name of the agent.
    pub agent: String,
    /// What was called.
    pub enabled_action: EnabledActionId,
    /// Which connector …
    pub connector: String,
    /// … in which version …
    pub connector_version: String,
    /// … and which of its actions.
    pub action: String,
    /// With which account.
    pub connection: ConnectionId,
    /// Which conversation it is part of, by the chatbot's own id.
    pub conversation: Option<String>,
    /// Which customer it is for, by the chatbot's own id.
    pub customer: Option<String>,
    /// The agent's arguments.
    pub input: Json,
    /// The replica that runs it.
    pub owner: Arc<str>,
    /// When that replica will have ended it, whatever happens.
    pub deadline: Timestamp,
    /// The digest of the connector's sources; an org's own connector is known by its version alone.
    pub connector_digest: Option<String>,
    /// `execution.key`, by which the provider may know what it sends.
    pub provider_key: Option<String>,
    /// What it begins with, for whoever has to go on with it.
    pub beginning: Option<Sealed>,
    /// When.
    pub started_at: Timestamp,
}

impl NewExecution {
    /// It as it has ended.
    pub fn ended(self, idempotency_key: Option<String>, ran: Result<Json, Failure>, at: Timestamp) -> Execution {
        self.so_far(idempotency_key, ExecutionStatus::Running).ended(ran, at)
    }

    /// The right to change it until somebody else claims it.
    pub fn owned(&self) -> Owned {
        Owned { org: self.org, id: self.id, owner: self.owner.clone(), epoch: 0 }
    }

    /// It as it stands before its end.
    pub fn so_far(self, idempotency_key: Option<String>, status: ExecutionStatus) -> Execution {
        Execution {
            org: self.org,
            id: self.id,
            agent: self.agent,
            enabled_action: self.enabled_action,
            connector: self.connector,
            connector_version: self.connector_version,
            connector_digest: self.connector_digest,
            action: self.action,
            connection: self.connection,
            conversation: self.conversation,
            customer: self.customer,
            status,
            input: self.input,
            output: None,
            failure: None,
            idempotency_key,
            provider_key: self.provider_key,
            in_doubt: false,
            resolution: None,
            started_at: self.started_at,
            ended_at: None,
            expired: Expired::default(),
            erased_at: None,
        }
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// Whose.
    pub org: OrgId,
    /// Ours.
    pub id: ExecutionId,
    /// The chatbot's own name of the agent.
    pub agent: String,
    /// What was called; it may be switched off by now.
    pub enabled_action: EnabledActionId,
    /// Which connector …
    pub connector: String,
    /// … in which version …
    pub connector_version: String,
    /// … of this digest, unless it is the org's own …
    pub connector_digest: Option<String>,
    /// … and which of its actions.
    pub action: String,
    /// With which account.
    pub connection: ConnectionId,
    /// Which conversation it is part of, by the chatbot's own id.
    pub conversation: Option<String>,
    /// Which customer it is for, by the chatbot's own id.
    pub customer: Option<String>,
    /// How far it is.
    pub status: ExecutionStatus,
    /// The agent's arguments.
    pub input: Json,
    /// What came out, if it succeeded.
    pub output: Option<Json>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// The caller's, if there was one.
    pub idempotency_key: Option<String>,
    /// `execution.key`, by which the provider may know what it sent.
    pub provider_key: Option<String>,
    /// Its outcome is unknown, and nobody has found out.
    pub in_doubt: bool,
    /// What somebody found out.
    pub resolution: Option<Resolution>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What of it is no longer kept.
    pub expired: Expired,
    /// When somebody had it erased.
    pub erased_at: Option<Timestamp>,
}

/// Parts of an execution that are no longer kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expired {
    /// The agent's arguments.
    pub input: bool,
    /// What came out, or what its failure said.
    pub output: bool,
    /// What happened.
    pub trace: bool,
}

impl Execution {
    /// It as though it had not ended.
    #[must_use]
    pub fn unended(self) -> Self {
        let status = ExecutionStatus::Running;
        Self { status, output: None, failure: None, in_doubt: false, ended_at: None, ..self }
    }

    /// It as it has ended.
    #[must_use]
    pub fn ended(self, ran: Result<Json, Failure>, at: Timestamp) -> Self {
        let status = if ran.is_ok() { ExecutionStatus::Succeeded } else { ExecutionStatus::Failed };
        let (output, failure) = match ran {
            Ok(output) => (Some(output), None),
            Err(failure) => (None, Some(failure)),
        };
        let in_doubt = failure.as_ref().is_some_and(|it| it.code == Code::UnknownOutcome);
        Self { status, output, failure, in_doubt, ended_at: Some(at), ..self }
    }

    /// What came of it; null if that is nothing, or nothing yet.
    pub fn result(&self) -> Result<&Json, &Failure> {
        match &self.failure {
            Some(failure) => Err(failure),
            None => Ok(self.output.as_ref().unwrap_or(&Json::Null)),
        }
    }
}

/// What somebody found out about an execution whose outcome was unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Whether it happened.
    pub happened: bool,
    /// How they know.
    pub note: String,
    /// When.
    pub at: Timestamp,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionStatus {
    /// It has not ended.
    Running,
    /// It is parked until something happens.
    Waiting,
    /// It has an output.
    Succeeded,
    /// It has a failure.
    Failed,
}

impl ExecutionStatus {
    /// Every status.
    pub const ALL: [ExecutionStatus; 4] =
        [ExecutionStatus::Running, ExecutionStatus::Waiting, ExecutionStatus::Succeeded, ExecutionStatus::Failed];

    /// Whether nothing can change any more.
    pub fn is_over(self) -> bool {
        matches!(self, ExecutionStatus::Succeeded | ExecutionStatus::Failed)
    }

    /// The word used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            ExecutionStatus::Running => "running",
            ExecutionStatus::Waiting => "waiting",
            ExecutionStatus::Succeeded => "succeeded",
            ExecutionStatus::Failed => "failed",
        }
    }
}

word!(ExecutionStatus);

/// A request that changes something, noted before it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Counts the run's writes, from 0.
    pub number: u32,
    /// The step that sends it.
    pub step: String,
    /// Method and address: `POST https://api.example.com/orders`.
    pub request: String,
    /// When it was about to be sent.
    pub sent_at: Timestamp,
    /// What is known of it.
    pub outcome: Option<WriteOutcome>,
}

/// What is known of a request that was sent, kept as text: `answered 201`, `lost`, `not_sent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The provider answered with this status.
    Answered(u16),
    /// No answer came: it may have happened.
    Lost,
    /// It never left: it did not happen.
    NotSent,
}

impl fmt::Display for WriteOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(status) => write!(f, "answered {status}"),
            Self::Lost => f.write_str("lost"),
            Self::NotSent => f.write_str("not_sent"),
        }
    }
}

impl FromStr for WriteOutcome {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "lost" => Ok(Self::Lost),
            "not_sent" => Ok(Self::NotSent),
            _ => text.strip_prefix("answered ").and_then(|it| it.parse().ok()).map(Self::Answered).ok_or(()),
        }
    }
}

pub(super) fn execution(row: &Row) -> Result<Execution, Error> {
    Ok(Execution {
        org: row.parsed("org")?,
        id: row.parsed("id")?,
        agent: row.text("agent")?,
        enabled_action: row.parsed("enabled_action")?,
        connector: row.text("connector")?,
        connector_version: row.text("connector_version")?,
        connector_digest: row.maybe_text("connector_digest")?,
        action: row.text("action")?,
        connection: row.parsed("connection")?,
        conversation: row.maybe_text("conversation")?,
        customer: row.maybe_text("customer")?,
        status: row.parsed("status")?,
        input: row.json("input")?,
        output: row.maybe_json("output")?,
        failure: row.maybe_json("failure")?,
        idempotency_key: row.maybe_text("idempotency_key")?,
        provider_key: row.maybe_text("provider_key")?,
        in_doubt: row.int("in_doubt")? != 0,
        resolution: row.maybe_json("resolution")?,
        started_at: row.time("started_at")?,
        ended_at: row.maybe_time("ended_at")?,
        expired: expired(row.int("expired")?),
        erased_at: row.maybe_time("erased_at")?,
    })
}

fn expired(sum: i64) -> Expired {
    Expired { input: sum & 1 != 0, output: sum & 2 != 0, trace: sum & 4 != 0 }
}

pub(super) fn write(row: &Row) -> Result<Write, Error> {
    let outcome = row.maybe_text("outcome")?;
    let outcome = outcome.map(|it| it.parse().map_err(|()| Error::Corrupt("outcome")));
    Ok(Write {
        number: u32::try_from(row.int("number")?).map_err(|_| Error::Corrupt("number"))?,
        step: row.text("step")?,
        request: row.text("request")?,
        sent_at: row.time("sent_at")?,
        outcome: outcome.transpose()?,
    })
}
