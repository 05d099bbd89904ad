//! What the chatbot is told without asking: kept in the order in which it was committed, read by a cursor.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{
    Error,
    db::{Change, Db},
    value::{Arg, Row},
};
use crate::base::{ConnectionId, EventId, ExecutionId, OrgId, code::word};

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// An execution that was parked has succeeded.
    ExecutionSucceeded,
    /// An execution that was parked has failed.
    ExecutionFailed,
    /// A connection has to be connected again.
    ConnectionReauthorize,
    /// An enabled action can't work until somebody looks at it.
    ActionNeedsAttention,
    /// A provider told something, and it was believed.
    ProviderEvent,
}

impl EventType {
    /// Every type.
    pub const ALL: [EventType; 5] = [
        EventType::ExecutionSucceeded,
        EventType::ExecutionFailed,
        EventType::ConnectionReauthorize,
        EventType::ActionNeedsAttention,
        EventType::ProviderEvent,
    ];

    /// The word used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::ExecutionSucceeded => "execution.succeeded",
            EventType::ExecutionFailed => "execution.failed",
            EventType::ConnectionReauthorize => "connection.reauthorize",
            EventType::ActionNeedsAttention => "action.needs_attention",
            EventType::ProviderEvent => "provider.event",
        }
    }
}

word!(EventType);

/// Something to tell an org's chatbot.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Whom.
    pub org: OrgId,
    /// Ours.
    pub id: EventId,
    /// What it says.
    pub kind: EventType,
    /// When.
    pub at: Timestamp,
    /// Which connection it is about, if one.
    pub connection: Option<ConnectionId>,
    /// Which execution it is about, if one.
    pub execution: Option<ExecutionId>,
    /// The rest, by type; without secrets.
    pub data: Json,
}

/// What the chatbot is told.
pub struct Events<'a> {
    pub(super) db: &'a Db,
}

impl Events<'_> {
    /// Adds one behind all others.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such org.
    pub async fn add(&self, event: &Event) -> Result<(), Error> {
        self.db.write_all(added(event).into()).await?;
        Ok(())
    }

    /// An org's events behind the cursor `after`, oldest first, each with its own cursor. The first one's is above 0.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(
        &self,
        org: OrgId,
        kind: Option<EventType>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, Event)>, Error> {
        let sql = "SELECT number, org, id, type, at, connection, execution, data FROM events \
                   WHERE org = $1 AND (CAST($2 AS TEXT) IS NULL OR type = $2) AND number > $3 ORDER BY number LIMIT $4";
        let kind = kind.map(EventType::as_str);
        let rows = self.db.all(sql, [org.into(), kind.into(), after.into(), limit.into()]).await?;
        rows.iter().map(|row| Ok((row.int("number")?, event(row)?))).collect()
    }
}

/// Adds an event, together with what it tells of: the last changes of their transaction, since others of the org wait for it
/// from here on.
pub(super) fn added(event: &Event) -> [Change; 2] {
    let sql = "INSERT INTO events (org, number, id, type, at, connection, execution, data) VALUES \
               ($1, (SELECT number FROM counters WHERE org = $1 AND name = 'events'), $2, $3, $4, $5, $6, $7)";
    let args: [Arg; 7] = [
        event.org.into(),
        event.id.into(),
        event.kind.as_str().into(),
        event.at.into(),
        event.connection.into(),
        event.execution.into(),
        (&event.data).into(),
    ];
    [raised(event.org, "events"), Change::new(sql, args)]
}

/// Takes the next number of what is counted by `name` for an org. Until the transaction ends no other takes one: so numbers are
/// committed in their order, and whoever has seen one has seen all below.
pub(super) fn raised(org: OrgId, name: &'static str) -> Change {
    let sql = "INSERT INTO counters (org, name, number) VALUES ($1, $2, 1) \
               ON CONFLICT (org, name) DO UPDATE SET number = counters.number + 1";
    Change::new(sql, [org.into(), name.into()])
}

pub(super) fn event(row: &Row) -> Result<Event, Error> {
    Ok(Event {
        org: row.parsed("org")?,
        id: row.parsed("id")?,
        kind: row.parsed("type")?,
        at: row.time("at")?,
        connection: row.maybe_parsed("connection")?,
        execution: row.maybe_parsed("execution")?,
        data: row.json("data")?,
    })
}
