//! Executions that wait, and those that are in doubt until the provider tells. An execution is either looked at by one replica, and `running`, or `waiting`: the change from one to
//! the other is the claim, so that of several things that wake it together only one is looked at first, and the others then.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{
    Error, Event, Owned, WriteOutcome,
    db::{Change, Db},
    events::{added, raised},
    executions::settled,
    owned::of_row,
    value::{Arg, Row, but, indexed},
};
use crate::{
    base::{ConnectionId, ExecutionId, OrgId},
    crypto::Sealed,
};

/// What an execution waits for, as the store has to know it.
#[derive(Debug, Clone)]
pub struct Wait {
    /// Which execution, and the right to change it.
    pub owned: Owned,
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
    /// Until when it waits.
    pub until: Timestamp,
    /// So long a replica may take to look at it.
    pub lease: Duration,
}

/// When what has no time is due: not before something is told of it.
pub const NEVER: Timestamp = Timestamp::constant(253_402_207_200, 0);

/// An execution that ends in doubt, and may be told of by an event.
#[derive(Debug)]
pub struct Doubted {
    /// The event that would tell. It has no time: the doubt lasts until it ends.
    pub wait: Wait,
    /// From where to go on then.
    pub place: Sealed,
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

/// The condition stands there twice: whoever comes second finds the row as the first has left it, but the list as it was.
pub(super) const CLAIM: &str = "UPDATE executions SET status = 'running', owner = $2, epoch = epoch + 1, deadline = $1 + ( \
         SELECT lease FROM waits w WHERE w.org = executions.org AND w.execution = executions.id) \
     WHERE status = 'waiting' AND (org, id) IN ( \
         SELECT w.org, w.execution FROM waits w JOIN executions e ON e.org = w.org AND e.id = w.execution \
         WHERE w.due_at <= $1 AND e.status = 'waiting' AND w.connector NOT IN ($4, $5, $6, $7) \
         ORDER BY w.due_at LIMIT $3) \
     RETURNING org, id, owner, epoch";

/// Those in doubt keep their status while they are looked at: only what is told of changes it.
pub(super) const CLAIM_DOUBTS: &str = "UPDATE waits SET due_at = $2, owner = $8 WHERE due_at <= $1 AND (org, execution) IN ( \
         SELECT w.org, w.execution FROM waits w JOIN executions e ON e.org = w.org AND e.id = w.execution \
         WHERE w.due_at <= $1 AND e.in_doubt = 1 AND w.connector NOT IN ($4, $5, $6, $7) \
         ORDER BY w.due_at LIMIT $3) \
     RETURNING org, execution";

/// The first of those that are not being looked at, so that not all are read to find the least.
pub(super) const NEXT_DUE: &str = "SELECT MIN(at) AS at FROM ( \
         SELECT at FROM ( \
             SELECT w.due_at AS at FROM waits w WHERE EXISTS ( \
                 SELECT 1 FROM executions e WHERE e.org = w.org AND e.id = w.execution \
                 AND (e.status = 'waiting' OR e.in_doubt = 1)) \
             ORDER BY w.due_at LIMIT 1) AS waiting \
         UNION ALL SELECT MIN(next_at) FROM deliveries \
         UNION ALL SELECT MIN(next_at) FROM subscriptions) AS next";

impl Waits<'_> {
    /// Parks an execution at `place`; if an event that it has not seen is there already, it is due at once. `false`: it is
    /// somebody else's by now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn park(
        &self,
        wait: &Wait,
        place: &Sealed,
        revision: u32,
        trace: Option<&str>,
        writes: &[(u32, WriteOutcome)],
        now: Timestamp,
    ) -> Result<bool, Error> {
        let owned = &wait.owned;
        let sql = "UPDATE executions SET status = 'waiting', recoveries = 0, checkpoint = $5, revision = $6, \
                   trace = COALESCE($7, trace) \
                   WHERE org = $1 AND id = $2 AND owner = $3 AND epoch = $4 AND status = 'running'";
        let more = [place.into(), revision.into(), trace.into()];
        let args: Vec<Arg> = owned.args().into_iter().chain(more).collect();
        let mut changes = vec![Change::new(sql, args).or_nothing()];
        changes.extend(settled(owned.org, owned.id, writes));
        changes.extend(waits(wait, now));
        Ok(self.db.write_all(changes).await? == 1)
    }

    /// Takes up to `limit` executions that are due for `owner`, the longest due first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim(&self, owner: &str, now: Timestamp, limit: u32, busy: &[String]) -> Result<Vec<Wait>, Error> {
        let mut claimed = Vec::new();
        let [a, b, c, d] = but(busy);
        for row in self.db.write_returning(CLAIM, [now.into(), owner.into(), limit.into(), a, b, c, d]).await? {
            claimed.extend(self.get(&of_row(&row)?).await?);
        }
        claimed.sort_by_key(|it| it.due_at);
        Ok(claimed)
    }

    /// Takes up to `limit` executions in doubt of which something was told, until an instant.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim_doubts(
        &self,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
        busy: &[String],
    ) -> Result<Vec<Wait>, Error> {
        let mut claimed = Vec::new();
        let [a, b, c, d] = but(busy);
        let args = [now.into(), until.into(), limit.into(), a, b, c, d, owner.into()];
        for row in self.db.write_returning(CLAIM_DOUBTS, args).await? {
            let sql = "SELECT org, id, owner, epoch FROM executions WHERE org = $1 AND id = $2 AND in_doubt = 1";
            let of = [row.text("org")?.as_str().into(), row.text("execution")?.as_str().into()];
            if let Some(row) = self.db.one(sql, of).await? {
                claimed.extend(self.get(&of_row(&row)?).await?);
            }
        }
        Ok(claimed)
    }

    /// What was told of an execution in doubt does not end the doubt: it waits for what comes after.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn doubts_on(&self, wait: &Wait, now: Timestamp) -> Result<(), Error> {
        let sql = "UPDATE executions SET in_doubt = 1 WHERE org = $1 AND id = $2 AND in_doubt = 1";
        let still = Change::new(sql, [wait.owned.org.into(), wait.owned.id.into()]).or_nothing();
        self.db.write_all([still].into_iter().chain(waits(wait, now)).collect()).await?;
        Ok(())
    }

    /// What was told of an execution in doubt, and `owner` has taken, can't be looked at yet: it is due again at `at`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn doubts_again(&self, owner: &str, of: &Owned, at: Timestamp) -> Result<(), Error> {
        let sql = "UPDATE waits SET due_at = $4, owner = NULL WHERE org = $1 AND execution = $2 AND owner = $3";
        self.db.write(sql, [of.org.into(), of.id.into(), owner.into(), at.into()]).await?;
        Ok(())
    }

    /// What an execution waits for, or waited for last.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn get(&self, owned: &Owned) -> Result<Option<Wait>, Error> {
        let sql = "SELECT connection, connector, event, correlate, since, seen, due_at, until, lease FROM waits \
                   WHERE org = $1 AND execution = $2";
        let row = self.db.one(sql, [owned.org.into(), owned.id.into()]).await?;
        row.as_ref().map(|row| wait(row, owned.clone())).transpose()
    }

    /// When the next execution that waits is due.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        match self.db.one(NEXT_DUE, []).await? {
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
            wait.owned.org.into(),
            wait.connection.into(),
            (&wait.connector).into(),
            event.into(),
            indexed(correlate),
            wait.since.into(),
            wait.seen.into(),
            limit.into(),
        ];
        let rows = self.db.all(sql, args).await?;
        rows.iter().map(|row| Ok(Arrived { number: row.int("number")?, output: row.json("output")? })).collect()
    }

    /// Whether an event was received before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn is_known(&self, it: &Received<'_>) -> Result<bool, Error> {
        let sql = "SELECT 1 AS one FROM received_events WHERE org = $1 AND connection = $2 AND connector = $3 \
                   AND event = $4 AND event_id = $5";
        let args: [Arg; 5] =
            [it.org.into(), it.connection.into(), it.connector.into(), it.event.into(), indexed(it.id)];
        Ok(self.db.one(sql, args).await?.is_some())
    }

    /// Keeps an event, makes what waits for it due, and tells the chatbot by `event`: all of it once, or nothing. `false`: it
    /// was received before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn receive(&self, it: &Received<'_>, event: &Event) -> Result<bool, Error> {
        let sql = "INSERT INTO received_events (org, number, connection, connector, event, event_id, correlate, output, at, \
                   told_as) VALUES ($1, (SELECT number FROM counters WHERE org = $1 AND name = 'received'), $2, $3, $4, $5, \
                   $6, $7, $8, $9) \
                   ON CONFLICT (org, connection, connector, event, event_id) DO NOTHING";
        let args: [Arg; 9] = [
            it.org.into(),
            it.connection.into(),
            it.connector.into(),
            it.event.into(),
            indexed(it.id),
            it.correlate.map(indexed).into(),
            it.output.into(),
            it.at.into(),
            event.id.into(),
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
                indexed(correlate),
                it.at.into(),
            ];
            changes.push(Change::new(sql, args));
        }
        changes.extend(added(event));
        Ok(self.db.write_all(changes).await? == 1)
    }
}

/// It waits from now on; if an event that it has not seen is there already, it is due at once.
pub(super) fn waits(wait: &Wait, now: Timestamp) -> [Change; 2] {
    let sql = "INSERT INTO waits (org, execution, connection, connector, event, correlate, since, seen, due_at, until, \
               lease) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN EXISTS ( \
                   SELECT 1 FROM received_events r WHERE r.org = $1 AND r.connection = $3 AND r.connector = $4 \
                   AND r.event = $5 AND r.correlate = $6 AND r.at >= $7 AND r.number > $8 \
               ) THEN $12 ELSE $9 END, $10, $11) \
               ON CONFLICT (org, execution) DO UPDATE SET event = excluded.event, correlate = excluded.correlate, \
               seen = excluded.seen, due_at = excluded.due_at, until = excluded.until, owner = NULL";
    let (event, correlate) = wait.event.as_ref().map(|(event, correlate)| (event, correlate)).unzip();
    let lease = i64::try_from(wait.lease.as_micros()).unwrap_or(i64::MAX);
    let args: [Arg; 12] = [
        wait.owned.org.into(),
        wait.owned.id.into(),
        wait.connection.into(),
        (&wait.connector).into(),
        event.into(),
        correlate.map(|it| indexed(it)).into(),
        wait.since.into(),
        wait.seen.into(),
        wait.due_at.into(),
        wait.until.into(),
        lease.into(),
        now.into(),
    ];
    [held(wait.owned.org), Change::new(sql, args)]
}

/// Nothing is waited for any more.
pub(super) fn waits_no_more(org: OrgId, execution: ExecutionId) -> Change {
    Change::new("DELETE FROM waits WHERE org = $1 AND execution = $2", [org.into(), execution.into()])
}

/// From here on until the transaction ends nothing is received for the org: what was is seen by the changes behind, and what will
/// be sees them.
fn held(org: OrgId) -> Change {
    let sql = "INSERT INTO counters (org, name, number) VALUES ($1, 'received', 0) \
               ON CONFLICT (org, name) DO UPDATE SET number = counters.number";
    Change::new(sql, [org.into()])
}

fn wait(row: &Row, owned: Owned) -> Result<Wait, Error> {
    let (event, correlate) = (row.maybe_text("event")?, row.maybe_text("correlate")?);
    Ok(Wait {
        owned,
        connection: row.parsed("connection")?,
        connector: row.text("connector")?,
        event: event.zip(correlate),
        since: row.time("since")?,
        seen: row.int("seen")?,
        due_at: row.time("due_at")?,
        until: row.time("until")?,
        lease: Duration::from_micros(u64::try_from(row.int("lease")?).unwrap_or_default()),
    })
}
