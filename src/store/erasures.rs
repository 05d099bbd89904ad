//! What a conversation or a customer left behind, to be handed over or to be erased.
//!
//! An erasure is kept as pending until nothing can come any more: what runs or waits, and what another replica is about to write,
//! is erased when it is over. Then only its digest and counts stay.

use std::ops::AddAssign;

use jiff::Timestamp;

use super::{
    Error, Event, Execution,
    db::{Change, Db},
    events::event,
    execution::execution,
    executions::{is_settled, select},
    retention::scrub,
    value::{Arg, Row, indexed},
};
use crate::{
    base::{ConnectionId, ErasureId, ExecutionId, OrgId},
    crypto::fingerprint,
};

/// Whose traces: the chatbot's own id of a conversation or of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A conversation.
    Conversation(String),
    /// A customer.
    Customer(String),
}

impl Subject {
    /// The word used in the API.
    pub fn kind(&self) -> &'static str {
        match self {
            Subject::Conversation(_) => "conversation",
            Subject::Customer(_) => "customer",
        }
    }

    /// The chatbot's own id.
    pub fn id(&self) -> &str {
        match self {
            Subject::Conversation(id) | Subject::Customer(id) => id,
        }
    }

    /// By which it is told again once its id is forgotten.
    pub fn digest(&self, org: OrgId) -> String {
        fingerprint(&serde_json::json!([org, self.kind(), self.id()])).to_string()
    }

    fn of(kind: &str, id: String) -> Option<Self> {
        match kind {
            "conversation" => Some(Subject::Conversation(id)),
            "customer" => Some(Subject::Customer(id)),
            _ => None,
        }
    }
}

/// An erasure that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Whose.
    pub org: OrgId,
    /// Ours.
    pub id: ErasureId,
    /// `conversation` or `customer`.
    pub kind: String,
    /// Tells the same conversation or customer again.
    pub digest: String,
    /// Until it is done.
    pub subject: Option<Subject>,
    /// What began until then is erased.
    pub asked_at: Timestamp,
    /// When nothing of it was left, nor could come any more.
    pub done_at: Option<Timestamp>,
    /// What was erased.
    pub erased: Erased,
}

/// How much was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Executions.
    pub executions: u64,
    /// Events that the chatbot was told.
    pub events: u64,
    /// Events that providers told.
    pub received: u64,
}

impl AddAssign for Erased {
    fn add_assign(&mut self, more: Self) {
        self.executions += more.executions;
        self.events += more.events;
        self.received += more.received;
    }
}

/// What conversations and customers left behind.
pub struct Erasures<'a> {
    pub(super) db: &'a Db,
}

/// One text for each kind of subject, so that the index of each serves.
macro_rules! of_subject {
    ($subject:expr, $start:literal, $end:expr) => {
        match $subject {
            Subject::Conversation(_) => concat!($start, "conversation", $end),
            Subject::Customer(_) => concat!($start, "customer", $end),
        }
    };
}

/// The events that providers told and an execution waited for.
macro_rules! received {
    ($column:literal) => {
        concat!(
            "SELECT r.",
            $column,
            " FROM correlations c JOIN received_events r ON r.org = c.org AND r.connection = c.connection \
             AND r.connector = c.connector AND r.event = c.event AND r.correlate = c.correlate \
             WHERE c.org = $1 AND c.execution = $2"
        )
    };
}

/// Notes that an execution waits for what is told by these.
pub(super) fn correlated(
    (org, execution): (OrgId, ExecutionId),
    connection: ConnectionId,
    connector: &str,
    (event, correlate): (&str, &str),
) -> Change {
    let sql = "INSERT INTO correlations (org, execution, connection, connector, event, correlate) \
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let args: [Arg; 6] =
        [org.into(), execution.into(), connection.into(), connector.into(), event.into(), indexed(correlate)];
    Change::new(sql, args)
}

impl Erasures<'_> {
    /// Notes that an execution waits for what is told by these.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn correlate(
        &self,
        (org, execution): (OrgId, ExecutionId),
        connection: ConnectionId,
        connector: &str,
        (event, correlate): (&str, &str),
    ) -> Result<(), Error> {
        self.db.write_all(vec![correlated((org, execution), connection, connector, (event, correlate))]).await?;
        Ok(())
    }

    /// Asks for an erasure, anew if it was asked for before. Gives it as it stands.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such org.
    pub async fn ask(&self, org: OrgId, id: ErasureId, subject: &Subject, now: Timestamp) -> Result<Erasure, Error> {
        let sql = "INSERT INTO erasures (org, id, kind, digest, subject, asked_at, executions, events, received) \
                   VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0) ON CONFLICT (org, kind, digest) DO UPDATE \
                   SET subject = excluded.subject, asked_at = excluded.asked_at, done_at = NULL \
                   RETURNING org, id, kind, digest, subject, asked_at, done_at, executions, events, received";
        let digest = subject.digest(org);
        let args: [Arg; 6] =
            [org.into(), id.into(), subject.kind().into(), (&digest).into(), subject.id().into(), now.into()];
        let rows = self.db.write_returning(sql, args).await?;
        erasure(rows.first().ok_or(Error::Corrupt("erasures"))?)
    }

    /// Those that are not done, of all orgs, the oldest first, behind the one that was asked for at `after`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn pending(&self, after: Timestamp, limit: u32) -> Result<Vec<Erasure>, Error> {
        let sql = "SELECT org, id, kind, digest, subject, asked_at, done_at, executions, events, received FROM erasures \
                   WHERE done_at IS NULL AND asked_at > $1 ORDER BY asked_at LIMIT $2";
        self.db.all(sql, [after.into(), limit.into()]).await?.iter().map(erasure).collect()
    }

    /// An org's, the latest first, before the one of that id.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self, org: OrgId, before: Option<ErasureId>, limit: u32) -> Result<Vec<Erasure>, Error> {
        let sql = "SELECT org, id, kind, digest, subject, asked_at, done_at, executions, events, received FROM erasures \
                   WHERE org = $1 AND (CAST($2 AS TEXT) IS NULL OR id < $2) ORDER BY id DESC LIMIT $3";
        self.db.all(sql, [org.into(), before.into(), limit.into()]).await?.iter().map(erasure).collect()
    }

    /// Erases what at most `limit` executions of an erasure left behind, of those that are over, and gives how much that was.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn erase(&self, it: &Erasure, now: Timestamp, limit: u32) -> Result<Erased, Error> {
        let mut erased = Erased::default();
        let Some(subject) = &it.subject else { return Ok(erased) };
        let sql = of_subject!(
            subject,
            "SELECT id, failure FROM executions WHERE org = $1 AND ",
            concat!(" = $2 AND started_at <= $3 AND ended_at IS NOT NULL AND ", is_settled!(), " ORDER BY id LIMIT $4")
        );
        let args = [it.org.into(), subject.id().into(), it.asked_at.into(), limit.into()];
        for row in self.db.all(sql, args).await? {
            erased += self.erase_one(it.org, &row, now).await?;
        }
        let sql = "UPDATE erasures SET executions = executions + $3, events = events + $4, received = received + $5 \
                   WHERE org = $1 AND id = $2";
        let [executions, events, received] =
            [erased.executions, erased.events, erased.received].map(|it| i64::try_from(it).unwrap_or(i64::MAX));
        self.db.write(sql, [it.org.into(), it.id.into(), executions.into(), events.into(), received.into()]).await?;
        Ok(erased)
    }

    /// The execution itself comes last: what else there is of it is found through it, also if this process dies on the way.
    async fn erase_one(&self, org: OrgId, row: &Row, now: Timestamp) -> Result<Erased, Error> {
        let id = row.text("id")?;
        let of: [Arg; 2] = [org.into(), id.as_str().into()];
        let sql = "UPDATE events SET data = '{\"erased\":true}' WHERE org = $1 AND execution = $2";
        let of_its_own = self.db.write(sql, of.clone()).await?;
        let sql = concat!(
            "UPDATE events SET data = '{\"erased\":true}' WHERE org = $1 AND id IN (",
            received!("told_as"),
            ")"
        );
        let of_received = self.db.write(sql, of.clone()).await?;
        // its id stays, so that it is known when it is told again
        let sql = concat!(
            "UPDATE received_events SET output = 'null', correlate = NULL WHERE org = $1 AND number IN (",
            received!("number"),
            ")"
        );
        let received = self.db.write(sql, of.clone()).await?;
        let mut changes: Vec<_> = scrub(org, &id, row)?.into_iter().collect();
        for sql in [
            "DELETE FROM execution_writes WHERE org = $1 AND execution = $2",
            "DELETE FROM correlations WHERE org = $1 AND execution = $2",
        ] {
            changes.push(Change::new(sql, of.clone()));
        }
        let sql = "UPDATE executions SET input = 'null', output = NULL, trace = NULL, conversation = NULL, customer = NULL, \
                   expired = 7, erased_at = $3 WHERE org = $1 AND id = $2";
        let [org, id] = of;
        changes.push(Change::new(sql, [org, id, now.into()]));
        self.db.write_all(changes).await?;
        Ok(Erased { executions: 1, events: of_its_own + of_received, received })
    }

    /// How many executions of an erasure are left: those that are not over, or in doubt.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn left(&self, it: &Erasure) -> Result<u64, Error> {
        let Some(subject) = &it.subject else { return Ok(0) };
        let sql = of_subject!(
            subject,
            "SELECT COUNT(*) AS executions FROM executions WHERE org = $1 AND ",
            " = $2 AND started_at <= $3"
        );
        let row = self.db.one(sql, [it.org.into(), subject.id().into(), it.asked_at.into()]).await?;
        let count = row.ok_or(Error::Corrupt("executions"))?.int("executions")?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// It is done: from now on only its digest tells what it was of. `false`: it was asked for again meanwhile.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn done(&self, it: &Erasure, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE erasures SET subject = NULL, done_at = $4 WHERE org = $1 AND id = $2 AND asked_at = $3";
        Ok(self.db.write(sql, [it.org.into(), it.id.into(), it.asked_at.into(), now.into()]).await? == 1)
    }

    /// Forgets at most `limit` of an org's erasures that were done before an instant.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget(&self, org: OrgId, before: Timestamp, limit: u32) -> Result<u64, Error> {
        let sql = "DELETE FROM erasures WHERE org = $1 AND done_at < $2 AND id IN ( \
                       SELECT id FROM erasures WHERE org = $1 ORDER BY id LIMIT $3)";
        self.db.write(sql, [org.into(), before.into(), limit.into()]).await
    }

    /// An org's executions behind `after`, the oldest first: all, or those of a subject.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn executions(
        &self,
        org: OrgId,
        subject: Option<&Subject>,
        after: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<Execution>, Error> {
        let after: Arg = after.map(|it| it.to_string()).unwrap_or_default().as_str().into();
        let rows = match subject {
            None => {
                let sql = select!("org = $1 AND id > $2 ORDER BY id LIMIT $3");
                self.db.all(sql, [org.into(), after, limit.into()]).await?
            }
            Some(subject) => {
                let sql = match subject {
                    Subject::Conversation(_) => {
                        select!("org = $1 AND conversation = $4 AND id > $2 ORDER BY id LIMIT $3")
                    }
                    Subject::Customer(_) => select!("org = $1 AND customer = $4 AND id > $2 ORDER BY id LIMIT $3"),
                };
                self.db.all(sql, [org.into(), after, limit.into(), subject.id().into()]).await?
            }
        };
        rows.iter().map(execution).collect()
    }

    /// What the chatbot was told of an execution, and of what providers told that it waited for.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn events(&self, org: OrgId, execution: ExecutionId) -> Result<Vec<Event>, Error> {
        let sql = concat!(
            "SELECT number, org, id, type, at, connection, execution, data FROM events WHERE org = $1 AND id IN ( \
                 SELECT id FROM events WHERE org = $1 AND execution = $2 UNION ",
            received!("told_as"),
            ") ORDER BY number"
        );
        self.db.all(sql, [org.into(), execution.into()]).await?.iter().map(event).collect()
    }
}

fn erasure(row: &Row) -> Result<Erasure, Error> {
    let count = |column| Ok::<_, Error>(u64::try_from(row.int(column)?).unwrap_or_default());
    let kind = row.text("kind")?;
    Ok(Erasure {
        org: row.parsed("org")?,
        id: row.parsed("id")?,
        digest: row.text("digest")?,
        subject: row.maybe_text("subject")?.and_then(|id| Subject::of(&kind, id)),
        kind,
        asked_at: row.time("asked_at")?,
        done_at: row.maybe_time("done_at")?,
        erased: Erased { executions: count("executions")?, events: count("events")?, received: count("received")? },
    })
}
