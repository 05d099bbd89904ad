//! Executions that wait. An execution is either looked at by one process, and `running`, or `waiting`: the change from one to
//! the other is the claim, so that of several things that wake it together only one is looked at first, and the others then.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{
    Error, Event, WriteOutcome,
    db::{Change, Db},
    events::{added, raised},
    executions::{Ended, close, settled},
    value::{Arg, Row},
};
use crate::{
    base::{ConnectionId, ExecutionId, OrgId},
    crypto::Sealed,
};

/// What an execution waits for, as the store has to know it.
#[derive(Debug, Clone)]
pub struct Wait {
    /// Whose.
    pub org: OrgId,
    /// Which execution.
    pub execution: ExecutionId,
    /// Whose events it waits for.
    pub connection: ConnectionId,
    /// Of which connector.
    pub connector: String,
    /// Which event, and what it has to be of.
    pub event: Option<(String, String)>,
    /// Events count that came since.
    pub since: Timestamp,
    /// Up to this number they have been looked at.
    pub seen: i64,
    /// When it is looked at next, if nothing comes before.
    pub due_at: Timestamp,
    /// So long a process may take to look at it.
    pub lease: Duration,
    /// How many writes it had sent when it was parked.
    pub writes: u32,
    /// All that it needs to go on.
    pub state: Sealed,
}

/// An event that an execution may be waiting for.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// In the order in which they came.
    pub number: i64,
    /// What it hands on.
    pub output: Json,
}

/// A believed event, as it is kept.
#[derive(Debug, Clone)]
pub struct Received<'a> {
    /// Whose.
    pub org: OrgId,
    /// Of which connection.
    pub connection: ConnectionId,
    /// Of which connector.
    pub connector: &'a str,
    /// Which event.
    pub event: &'a str,
    /// The same for every delivery of it.
    pub id: &'a str,
    /// What waiting executions know it by.
    pub correlate: Option<&'a str>,
    /// What it hands on.
    pub output: &'a Json,
    /// When it was believed.
    pub at: Timestamp,
}

/// Executions that wait, and what wakes them.
pub struct Waits<'a> {
    pub(super) db: &'a Db,
}

const COLUMNS: &str = "SELECT org, execution, connection, connector, event, correlate, since, seen, due_at, lease, writes, \
                       state FROM waits WHERE org = $1 AND execution = $2";

impl Waits<'_> {
    /// Parks an execution that `owner` runs; if an event that it has not seen is there already, it is due at once. `false`:
    /// `owner` doesn't run it any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn park(
        &self,
        wait: &Wait,
        owner: &str,
        trace: Option<&str>,
        writes: &[(u32, WriteOutcome)],
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "UPDATE executions SET status = 'waiting', tell = 1, trace = COALESCE($4, trace) \
                   WHERE org = $1 AND id = $2 AND owner = $3 AND status = 'running'";
        let args: [Arg; 4] = [wait.org.into(), wait.execution.into(), owner.into(), trace.into()];
        let mut changes = vec![Change::new(sql, args).or_nothing()];
        changes.extend(settled(wait.org, wait.execution, writes));
        changes.push(held(wait.org));
        let sql = "INSERT INTO waits (org, execution, connection, connector, event, correlate, since, seen, due_at, lease, \
                   writes, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN EXISTS ( \
                       SELECT 1 FROM received_events r WHERE r.org = $1 AND r.connection = $3 AND r.connector = $4 \
                       AND r.event = $5 AND r.correlate = $6 AND r.at >= $7 AND r.number > $8 \
                   ) THEN $13 ELSE $9 END, $10, $11, $12) \
                   ON CONFLICT (org, execution) DO UPDATE SET event = excluded.event, correlate = excluded.correlate, \
                   seen = excluded.seen, due_at = excluded.due_at, writes = excluded.writes, state = excluded.state";
        let (event, correlate) = wait.event.as_ref().map(|(event, correlate)| (event, correlate)).unzip();
        let lease = i64::try_from(wait.lease.as_micros()).unwrap_or(i64::MAX);
        let args: [Arg; 13] = [
            wait.org.into(),
            wait.execution.into(),
            wait.connection.into(),
            (&wait.connector).into(),
            event.into(),
            correlate.into(),
            wait.since.into(),
            wait.seen.into(),
            wait.due_at.into(),
            lease.into(),
            wait.writes.into(),
            (&wait.state).into(),
            now.into(),
        ];
        changes.push(Change::new(sql, args));
        Ok(self.db.write_all(changes).await? == 1)
    }

    /// Takes up to `limit` executions that are due for `owner`, the longest due first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim(&self, owner: &str, now: Timestamp, limit: u32) -> Result<Vec<Wait>, Error> {
        // the condition twice: whoever comes second finds the row as the first has left it, but the list as it was
        let sql = "UPDATE executions SET status = 'running', owner = $2, deadline = $1 + ( \
                       SELECT lease FROM waits w WHERE w.org = executions.org AND w.execution = executions.id) \
                   WHERE status = 'waiting' AND (org, id) IN ( \
                       SELECT w.org, w.execution FROM waits w JOIN executions e ON e.org = w.org AND e.id = w.execution \
                       WHERE w.due_at <= $1 AND e.status = 'waiting' ORDER BY w.due_at LIMIT $3) \
                   RETURNING org, id";
        let mut claimed = Vec::new();
        for row in self.db.write_returning(sql, [now.into(), owner.into(), limit.into()]).await? {
            let (org, execution): (OrgId, ExecutionId) = (row.parsed("org")?, row.parsed("id")?);
            let row = self.db.one(COLUMNS, [org.into(), execution.into()]).await?;
            claimed.extend(row.as_ref().map(wait).transpose()?);
        }
        claimed.sort_by_key(|it| it.due_at);
        Ok(claimed)
    }

    /// When the next execution that waits is due.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        let sql = "SELECT MIN(at) AS at FROM ( \
                       SELECT MIN(w.due_at) AS at FROM waits w JOIN executions e ON e.org = w.org AND e.id = w.execution \
                       WHERE e.status = 'waiting' \
                       UNION ALL SELECT MIN(next_at) FROM deliveries \
                       UNION ALL SELECT MIN(next_at) FROM subscriptions) AS next";
        match self.db.one(sql, []).await? {
            Some(row) => row.maybe_time("at"),
            None => Ok(None),
        }
    }

    /// The events that an execution waits for and has not seen, in the order in which they came.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn unseen(&self, wait: &Wait, limit: u32) -> Result<Vec<Arrived>, Error> {
        let Some((event, correlate)) = &wait.event else { return Ok(Vec::new()) };
        let sql = "SELECT number, output FROM received_events WHERE org = $1 AND connection = $2 AND connector = $3 \
                   AND event = $4 AND correlate = $5 AND at >= $6 AND number > $7 ORDER BY number LIMIT $8";
        let args: [Arg; 8] = [
            wait.org.into(),
            wait.connection.into(),
            (&wait.connector).into(),
            event.into(),
            correlate.into(),
            wait.since.into(),
            wait.seen.into(),
            limit.into(),
        ];
        let rows = self.db.all(sql, args).await?;
        rows.iter().map(|row| Ok(Arrived { number: row.int("number")?, output: row.json("output")? })).collect()
    }

    /// How many writes an execution has noted.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn writes(&self, org: OrgId, execution: ExecutionId) -> Result<u32, Error> {
        let sql =
            "SELECT COALESCE(MAX(number) + 1, 0) AS writes FROM execution_writes WHERE org = $1 AND execution = $2";
        let row = self.db.one(sql, [org.into(), execution.into()]).await?.ok_or(Error::Corrupt("number"))?;
        u32::try_from(row.int("writes")?).map_err(|_| Error::Corrupt("number"))
    }

    /// Ends an execution that was parked, and tells so by `event`, both or neither. `false`: it was not running any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end(&self, org: OrgId, id: ExecutionId, ended: &Ended<'_>, event: &Event) -> Result<bool, Error> {
        let mut changes = vec![close(org, id, ended, true).or_nothing()];
        changes.extend(settled(org, id, ended.writes));
        changes.push(forgotten(org, id));
        changes.extend(added(event));
        Ok(self.db.write_all(changes).await? == 1)
    }

    /// Gives back the executions that nobody looks at any more, as [`super::Executions::recover`] tells those that nobody
    /// runs: but only if nothing was sent since they were parked that could have changed something. They are due at once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn give_back(&self, only: Option<&str>, now: Timestamp) -> Result<u64, Error> {
        let sql = "UPDATE executions SET status = 'waiting' \
                   WHERE status = 'running' AND (deadline < $2 OR owner <> CAST($1 AS TEXT)) AND EXISTS ( \
                       SELECT 1 FROM waits w WHERE w.org = executions.org AND w.execution = executions.id AND NOT EXISTS ( \
                           SELECT 1 FROM execution_writes x WHERE x.org = w.org AND x.execution = w.execution \
                           AND x.number >= w.writes AND (x.outcome IS NULL OR x.outcome <> 'not_sent'))) \
                   RETURNING org, id";
        // nothing makes a wait due later while its execution runs: they are due as they were when they were taken
        Ok(self.db.write_returning(sql, [only.into(), now.into()]).await?.len() as u64)
    }

    /// The executions that were parked and were ended by [`super::Executions::recover`]: nobody was told of it yet.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn over(&self) -> Result<Vec<(OrgId, ExecutionId)>, Error> {
        let sql = "SELECT w.org, w.execution FROM waits w JOIN executions e ON e.org = w.org AND e.id = w.execution \
                   WHERE e.status NOT IN ('running', 'waiting')";
        let rows = self.db.all(sql, []).await?;
        rows.iter().map(|row| Ok((row.parsed("org")?, row.parsed("execution")?))).collect()
    }

    /// Forgets that an execution waited which is over, and tells so by `event`, both or neither. `false`: it did not.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget(&self, org: OrgId, id: ExecutionId, event: &Event) -> Result<bool, Error> {
        let changes = [forgotten(org, id).or_nothing()].into_iter().chain(added(event));
        Ok(self.db.write_all(changes.collect()).await? == 1)
    }

    /// Whether an event was received before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn is_known(&self, it: &Received<'_>) -> Result<bool, Error> {
        let sql = "SELECT 1 AS one FROM received_events WHERE org = $1 AND connection = $2 AND connector = $3 \
                   AND event = $4 AND event_id = $5";
        let args: [Arg; 5] = [it.org.into(), it.connection.into(), it.connector.into(), it.event.into(), it.id.into()];
        Ok(self.db.one(sql, args).await?.is_some())
    }

    /// Keeps an event, makes what waits for it due, and tells the chatbot by `event`: all of it once, or nothing. `false`: it
    /// was received before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn receive(&self, it: &Received<'_>, event: &Event) -> Result<bool, Error> {
        let sql = "INSERT INTO received_events (org, number, connection, connector, event, event_id, correlate, output, at) \
                   VALUES ($1, (SELECT number FROM counters WHERE org = $1 AND name = 'received'), $2, $3, $4, $5, $6, $7, $8) \
                   ON CONFLICT (org, connection, connector, event, event_id) DO NOTHING";
        let args: [Arg; 8] = [
            it.org.into(),
            it.connection.into(),
            it.connector.into(),
            it.event.into(),
            it.id.into(),
            it.correlate.into(),
            it.output.into(),
            it.at.into(),
        ];
        let mut changes = vec![raised(it.org, "received"), Change::new(sql, args).or_nothing()];
        if let Some(correlate) = it.correlate {
            let sql = "UPDATE waits SET due_at = $6 WHERE org = $1 AND connection = $2 AND connector = $3 AND event = $4 \
                       AND correlate = $5 AND due_at > $6";
            let args: [Arg; 6] = [
                it.org.into(),
                it.connection.into(),
                it.connector.into(),
                it.event.into(),
                correlate.into(),
                it.at.into(),
            ];
            changes.push(Change::new(sql, args));
        }
        changes.extend(added(event));
        Ok(self.db.write_all(changes).await? == 1)
    }

    /// Forgets events from before an instant.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn prune(&self, before: Timestamp) -> Result<u64, Error> {
        self.db.write("DELETE FROM received_events WHERE at < $1", [before.into()]).await
    }
}

/// From here on until the transaction ends nothing is received for the org: what was is seen by the changes behind, and what will
/// be sees them.
fn held(org: OrgId) -> Change {
    let sql = "INSERT INTO counters (org, name, number) VALUES ($1, 'received', 0) \
               ON CONFLICT (org, name) DO UPDATE SET number = counters.number";
    Change::new(sql, [org.into()])
}

fn forgotten(org: OrgId, id: ExecutionId) -> Change {
    Change::new("DELETE FROM waits WHERE org = $1 AND execution = $2", [org.into(), id.into()])
}

fn wait(row: &Row) -> Result<Wait, Error> {
    let (event, correlate) = (row.maybe_text("event")?, row.maybe_text("correlate")?);
    Ok(Wait {
        org: row.parsed("org")?,
        execution: row.parsed("execution")?,
        connection: row.parsed("connection")?,
        connector: row.text("connector")?,
        event: event.zip(correlate),
        since: row.time("since")?,
        seen: row.int("seen")?,
        due_at: row.time("due_at")?,
        lease: Duration::from_micros(u64::try_from(row.int("lease")?).unwrap_or_default()),
        writes: u32::try_from(row.int("writes")?).map_err(|_| Error::Corrupt("writes"))?,
        state: row.sealed("state")?,
    })
}
