//! Runs of actions: begun once for one idempotency key, journaled, and ended even if their process dies.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::{
    Doubted, Error, Event, Owned,
    db::{Change, Db},
    erasures::correlated,
    events::added,
    execution::{Execution, ExecutionStatus, NewExecution, Resolution, Write, WriteOutcome, execution, write},
    value::Arg,
    waits::{waits, waits_no_more},
};
use crate::{
    base::{Code, ExecutionId, Failure, OrgId},
    crypto::Digest,
};

/// What makes two calls the same.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The caller's.
    pub key: String,
    /// Of what is called and its arguments.
    pub fingerprint: Digest,
    /// Afterwards the key is free again.
    pub expires_at: Timestamp,
}

/// What came of beginning.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// It is begun: run it.
    New,
    /// The same call was made before: this is its run, ended or not.
    Same(Box<Execution>),
    /// The key was used for another call.
    Different,
}

/// How a run ends.
#[derive(Debug, Clone)]
pub struct Ended<'a> {
    /// What came out, or why nothing did.
    pub result: Result<&'a Json, &'a Failure>,
    /// What happened, redacted: JSON text.
    pub trace: &'a str,
    /// What became of its writes, as far as it was not said before.
    pub writes: &'a [(u32, WriteOutcome)],
    /// When.
    pub at: Timestamp,
    /// If it ends in doubt: what an event needs to end the doubt.
    pub doubt: Option<&'a Doubted>,
}

/// What is the same in the rows of all runs of an enabled action that are kept once they have ended: made once, and shared.
#[derive(Debug)]
pub struct Common([Arg; 9]);

impl Common {
    /// Of one of those runs, and so of all.
    pub fn of(new: &NewExecution) -> Self {
        let [org, agent, enabled_action, connector, version, action, connection] = called(new);
        // nobody runs it any more
        let (owner, deadline) = (Arg::Word(""), Arg::Int(0));
        Self([org, agent, enabled_action, connector, version, action, connection, owner, deadline])
    }
}

/// A run that changed nothing and has ended, as it is kept. What waits to be written is text, not trees.
#[derive(Debug)]
pub struct Record {
    common: Arc<Common>,
    own: Box<[Arg; 10]>,
}

impl Record {
    /// Of a run that was not begun in the store, by no idempotency key.
    pub fn new(common: Arc<Common>, new: &NewExecution, ended: &Ended<'_>) -> Self {
        let [status, output, failure, trace, at] = outcome(ended);
        let own = [
            new.id.into(),
            new.conversation.as_ref().into(),
            new.customer.as_ref().into(),
            (&new.input).into(),
            new.started_at.into(),
            status,
            output,
            failure,
            trace,
            at,
        ];
        Self { common, own: Box::new(own) }
    }

    /// The parameters of [`KEEP`], and those of the columns [`ENDED`].
    fn row(&self) -> [&[Arg]; 2] {
        [&self.common.0, &*self.own]
    }
}

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this agent's.
    pub agent: Option<String>,
    /// Only those of this conversation.
    pub conversation: Option<String>,
    /// Only those for this customer.
    pub customer: Option<String>,
    /// Only those so far.
    pub status: Option<ExecutionStatus>,
    /// Only those of which nobody knows whether they happened.
    pub in_doubt: bool,
    /// Only those before this one: the last of the page before.
    pub before: Option<ExecutionId>,
}

/// Runs of actions.
pub struct Executions<'a> {
    pub(super) db: &'a Db,
}

/// Whether the run of an idempotency key is parked, or in doubt until it is told of: however long that is, the key is its own
/// until it has ended.
macro_rules! is_parked {
    () => {
        "EXISTS (SELECT 1 FROM waits w WHERE w.org = idempotency_keys.org AND w.execution = idempotency_keys.execution)"
    };
}

/// Whether nothing of what has ended is in doubt: an unknown outcome is kept until somebody has looked.
macro_rules! is_settled {
    () => {
        "in_doubt = 0"
    };
}

/// Everything but the trace, which is long and read alone.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT org, id, agent, enabled_action, connector, connector_version, connector_digest, action, connection, ",
            "conversation, customer, status, input, output, failure, idempotency_key, provider_key, in_doubt, resolution, ",
            "started_at, ended_at, expired, erased_at FROM executions WHERE ",
            $rest
        )
    };
}

pub(super) use {is_parked, is_settled, select};

impl Executions<'_> {
    /// Begins a run, unless its idempotency key says that it was begun before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn begin(&self, new: &NewExecution, idempotency: Option<&Idempotency>) -> Result<Begun, Error> {
        let Some(idempotency) = idempotency else {
            self.db.write_all(vec![Change::new(INSERT, begun_row(new, None))]).await?;
            return Ok(Begun::New);
        };
        loop {
            let claimed = claim(new, idempotency).or_nothing();
            let changes = vec![claimed, Change::new(INSERT, begun_row(new, Some(&idempotency.key)))];
            if self.db.write_all(changes).await? == 1 {
                return Ok(Begun::New);
            }
            // the key is somebody's; if it expires just now it can be had
            match self.begun(new.org, idempotency, new.started_at).await? {
                Begun::New => {}
                begun => return Ok(begun),
            }
        }
    }

    /// What came of beginning this call before; [`Begun::New`] if nobody has.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn begun(&self, org: OrgId, idempotency: &Idempotency, now: Timestamp) -> Result<Begun, Error> {
        let sql = concat!(
            "SELECT execution, fingerprint FROM idempotency_keys ",
            "WHERE org = $1 AND idempotency_key = $2 AND (expires_at > $3 OR ",
            is_parked!(),
            ")"
        );
        let row = self.db.one(sql, [org.into(), (&idempotency.key).into(), now.into()]).await?;
        let Some(row) = row else { return Ok(Begun::New) };
        self.begun_as(org, row.parsed("execution")?, row.digest("fingerprint")?, idempotency).await
    }

    /// What the run `first`, begun by a call of that fingerprint, is to this call.
    async fn begun_as(
        &self,
        org: OrgId,
        first: ExecutionId,
        fingerprint: Digest,
        idempotency: &Idempotency,
    ) -> Result<Begun, Error> {
        if fingerprint != idempotency.fingerprint {
            return Ok(Begun::Different);
        }
        let first = self.get(org, first).await?.ok_or(Error::Corrupt("execution"))?;
        Ok(Begun::Same(Box::new(first)))
    }

    /// Keeps runs that have ended already: all of them together, or none. Those that are kept stay as they are.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keep(&self, records: &[Record]) -> Result<(), Error> {
        let rows: Vec<_> = records.iter().map(Record::row).collect();
        self.db.insert("executions", &ENDED, &rows).await
    }

    /// Ends a run; and tells so by `event` if that has to be told, or whoever called is `gone`: both or neither. `false`: it
    /// is somebody else's by now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end(
        &self,
        owned: &Owned,
        ended: &Ended<'_>,
        gone: bool,
        event: impl FnOnce() -> Event,
    ) -> Result<bool, Error> {
        if !gone {
            let changes = [close(owned, ended, false).or_nothing()].into_iter();
            let changes = changes.chain(settled(owned.org, owned.id, ended.writes)).chain(doubted(ended));
            if self.db.write_all(changes.collect()).await? == 1 {
                return Ok(true);
            }
        }
        // it has to be told, or is somebody else's by now
        self.end_told(owned, ended, &event()).await
    }

    /// Ends a run, whatever it waited for, and tells so by `event`: all of it or nothing. `false`: it is somebody else's by now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end_told(&self, owned: &Owned, ended: &Ended<'_>, event: &Event) -> Result<bool, Error> {
        let mut changes = vec![close(owned, ended, true).or_nothing()];
        changes.extend(settled(owned.org, owned.id, ended.writes));
        changes.push(waits_no_more(owned.org, owned.id));
        changes.extend(doubted(ended));
        changes.extend(added(event));
        Ok(self.db.write_all(changes).await? == 1)
    }

    /// Keeps a run that changed nothing and has ended, and whose caller is gone, and tells so by `event`: both or neither.
    /// `false`: another one ended it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keep_told(&self, record: &Record, event: &Event) -> Result<bool, Error> {
        let kept = Change::new(KEEP, record.row().concat()).or_nothing();
        Ok(self.db.write_all([kept].into_iter().chain(added(event)).collect()).await? == 1)
    }

    /// From now on the end of a run has to be told by an event. `false`: it is over.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tell(&self, org: OrgId, id: ExecutionId) -> Result<bool, Error> {
        let sql = "UPDATE executions SET tell = 1 WHERE org = $1 AND id = $2 AND status IN ('running', 'waiting')";
        Ok(self.db.write(sql, [org.into(), id.into()]).await? == 1)
    }

    /// Tells by `event` that a run has ended, both or neither, if nobody was told before. `false`: somebody was.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tell_ended(&self, org: OrgId, id: ExecutionId, event: &Event) -> Result<bool, Error> {
        let sql = "UPDATE executions SET tell = 1 WHERE org = $1 AND id = $2 AND tell = 0 AND ended_at IS NOT NULL";
        let told = Change::new(sql, [org.into(), id.into()]).or_nothing();
        Ok(self.db.write_all([told].into_iter().chain(added(event)).collect()).await? == 1)
    }

    /// Ends the doubt about a run, and tells so by `event`, both or neither. `false`: nobody doubts it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn resolve(
        &self,
        org: OrgId,
        id: ExecutionId,
        found: &Ended<'_>,
        resolution: &Resolution,
        event: &Event,
    ) -> Result<bool, Error> {
        let sql = "UPDATE executions SET in_doubt = 0, status = $3, output = $4, failure = $5, trace = $6, resolution = $7, \
                   beginning = NULL, checkpoint = NULL \
                   WHERE org = $1 AND id = $2 AND in_doubt = 1";
        let [status, output, failure, trace, _] = outcome(found);
        let args = [org.into(), id.into(), status, output, failure, trace, (&json!(resolution)).into()];
        let changes = [Change::new(sql, args).or_nothing(), waits_no_more(org, id)].into_iter().chain(added(event));
        Ok(self.db.write_all(changes.collect()).await? == 1)
    }

    /// One run.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn get(&self, org: OrgId, id: ExecutionId) -> Result<Option<Execution>, Error> {
        let sql = select!("org = $1 AND id = $2");
        self.db.one(sql, [org.into(), id.into()]).await?.as_ref().map(execution).transpose()
    }

    /// What happened in a run, once it has ended.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn trace(&self, org: OrgId, id: ExecutionId) -> Result<Option<Json>, Error> {
        let sql = "SELECT trace FROM executions WHERE org = $1 AND id = $2";
        Ok(self.db.one(sql, [org.into(), id.into()]).await?.map(|row| row.maybe_json("trace")).transpose()?.flatten())
    }

    /// What a run sent to change something, in order.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn writes(&self, org: OrgId, id: ExecutionId) -> Result<Vec<Write>, Error> {
        let sql = "SELECT number, step, request, sent_at, outcome FROM execution_writes \
                   WHERE org = $1 AND execution = $2 ORDER BY number";
        self.db.all(sql, [org.into(), id.into()]).await?.iter().map(write).collect()
    }

    /// An org's runs, the latest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self, org: OrgId, filter: &Filter, limit: u32) -> Result<Vec<Execution>, Error> {
        // one text each, so that the index of what is asked for serves
        let sql = match filter {
            Filter { in_doubt: true, .. } => select!(
                "org = $1 AND in_doubt = 1 AND (CAST($6 AS TEXT) IS NULL OR conversation = $6) \
                 AND (CAST($7 AS TEXT) IS NULL OR customer = $7) \
                 AND (CAST($2 AS TEXT) IS NULL OR agent = $2) AND (CAST($3 AS TEXT) IS NULL OR status = $3) \
                 AND (CAST($4 AS TEXT) IS NULL OR id < $4) ORDER BY id DESC LIMIT $5"
            ),
            Filter { conversation: Some(_), .. } => select!(
                "org = $1 AND conversation = $6 AND (CAST($7 AS TEXT) IS NULL OR customer = $7) \
                 AND (CAST($2 AS TEXT) IS NULL OR agent = $2) AND (CAST($3 AS TEXT) IS NULL OR status = $3) \
                 AND (CAST($4 AS TEXT) IS NULL OR id < $4) ORDER BY id DESC LIMIT $5"
            ),
            Filter { customer: Some(_), .. } => select!(
                "org = $1 AND CAST($6 AS TEXT) IS NULL AND customer = $7 \
                 AND (CAST($2 AS TEXT) IS NULL OR agent = $2) AND (CAST($3 AS TEXT) IS NULL OR status = $3) \
                 AND (CAST($4 AS TEXT) IS NULL OR id < $4) ORDER BY id DESC LIMIT $5"
            ),
            _ => select!(
                "org = $1 AND CAST($6 AS TEXT) IS NULL AND CAST($7 AS TEXT) IS NULL \
                 AND (CAST($2 AS TEXT) IS NULL OR agent = $2) AND (CAST($3 AS TEXT) IS NULL OR status = $3) \
                 AND (CAST($4 AS TEXT) IS NULL OR id < $4) ORDER BY id DESC LIMIT $5"
            ),
        };
        let args: [Arg; 7] = [
            org.into(),
            filter.agent.as_ref().into(),
            filter.status.map(ExecutionStatus::as_str).into(),
            filter.before.into(),
            limit.into(),
            filter.conversation.as_ref().into(),
            filter.customer.as_ref().into(),
        ];
        self.db.all(sql, args).await?.iter().map(execution).collect()
    }
}

/// Takes the key for `new`, unless it is somebody's: then it changes nothing.
fn claim(new: &NewExecution, idempotency: &Idempotency) -> Change {
    let sql = concat!(
        "INSERT INTO idempotency_keys (org, idempotency_key, execution, fingerprint, expires_at) ",
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (org, idempotency_key) DO UPDATE ",
        "SET execution = excluded.execution, fingerprint = excluded.fingerprint, expires_at = excluded.expires_at ",
        "WHERE idempotency_keys.expires_at <= $6 AND NOT ",
        is_parked!()
    );
    let args: [Arg; 6] = [
        new.org.into(),
        (&idempotency.key).into(),
        new.id.into(),
        idempotency.fingerprint.into(),
        idempotency.expires_at.into(),
        new.started_at.into(),
    ];
    Change::new(sql, args)
}

const INSERT: &str = "INSERT INTO executions (org, agent, enabled_action, connector, connector_version, action, \
                      connection, id, conversation, customer, input, idempotency_key, owner, deadline, started_at, status, \
                      connector_digest, provider_key, beginning) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'running', $16, $17, $18)";

/// The parameters are those of [`ENDED`]; it may have been begun meanwhile, to be found by who was told of it.
const KEEP: &str = "INSERT INTO executions (org, agent, enabled_action, connector, connector_version, action, connection, \
                    owner, deadline, id, conversation, customer, input, started_at, status, output, failure, trace, \
                    ended_at, tell) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 1) \
                    ON CONFLICT (org, id) DO UPDATE SET status = excluded.status, output = excluded.output, \
                    failure = excluded.failure, trace = excluded.trace, ended_at = excluded.ended_at, tell = 1, \
                    beginning = NULL, checkpoint = NULL \
                    WHERE executions.status = 'running'";

/// The columns of a run that has ended: those that are common to many, and its own.
const ENDED: [&str; 19] = [
    "org",
    "agent",
    "enabled_action",
    "connector",
    "connector_version",
    "action",
    "connection",
    "owner",
    "deadline",
    "id",
    "conversation",
    "customer",
    "input",
    "started_at",
    "status",
    "output",
    "failure",
    "trace",
    "ended_at",
];

/// The parameters of [`INSERT`].
fn begun_row(new: &NewExecution, idempotency_key: Option<&String>) -> Vec<Arg> {
    let more: [Arg; 3] =
        [new.connector_digest.as_ref().into(), new.provider_key.as_ref().into(), new.beginning.as_ref().into()];
    row(new, idempotency_key).into_iter().chain(more).collect()
}

/// What is called, by whom: what a row begins with.
fn called(new: &NewExecution) -> [Arg; 7] {
    [
        new.org.into(),
        (&new.agent).into(),
        new.enabled_action.into(),
        (&new.connector).into(),
        (&new.connector_version).into(),
        (&new.action).into(),
        new.connection.into(),
    ]
}

/// The first parameters of [`INSERT`].
fn row(new: &NewExecution, idempotency_key: Option<&String>) -> [Arg; 15] {
    let [org, agent, enabled_action, connector, version, action, connection] = called(new);
    [
        org,
        agent,
        enabled_action,
        connector,
        version,
        action,
        connection,
        new.id.into(),
        new.conversation.as_ref().into(),
        new.customer.as_ref().into(),
        (&new.input).into(),
        idempotency_key.into(),
        (&*new.owner).into(),
        new.deadline.into(),
        new.started_at.into(),
    ]
}

/// Ends a run; unless it is `told` by an event that goes with this, only if it need not be.
fn close(owned: &Owned, ended: &Ended<'_>, told: bool) -> Change {
    let sql = "UPDATE executions SET status = $5, output = $6, failure = $7, trace = $8, ended_at = $9, tell = $10, in_doubt = $11, \
               checkpoint = $12, beginning = CASE WHEN $13 = 1 THEN beginning ELSE NULL END \
               WHERE org = $1 AND id = $2 AND owner = $3 AND epoch = $4 AND status = 'running' AND tell <= $10";
    let in_doubt = u32::from(ended.result.is_err_and(|it| it.code == Code::UnknownOutcome));
    let args = owned.args().into_iter().chain(outcome(ended)).chain([
        u32::from(told).into(),
        in_doubt.into(),
        ended.doubt.map(|it| &it.place).into(),
        u32::from(ended.doubt.is_some()).into(),
    ]);
    Change::new(sql, args.collect::<Vec<Arg>>())
}

/// Waits for what would end its doubt.
fn doubted(ended: &Ended<'_>) -> Vec<Change> {
    let Some(Doubted { wait, .. }) = ended.doubt else { return Vec::new() };
    let owned = &wait.owned;
    let of = |(event, correlate): &(String, String)| {
        correlated((owned.org, owned.id), wait.connection, &wait.connector, (event, correlate))
    };
    wait.event.iter().map(of).chain(waits(wait, ended.at)).collect()
}

/// Status, output, failure, trace and end.
fn outcome(ended: &Ended<'_>) -> [Arg; 5] {
    let status = if ended.result.is_ok() { ExecutionStatus::Succeeded } else { ExecutionStatus::Failed };
    let failure = ended.result.err().map(|it| json!(it));
    [Arg::Word(status.as_str()), ended.result.ok().into(), failure.as_ref().into(), ended.trace.into(), ended.at.into()]
}

pub(super) fn settled(org: OrgId, id: ExecutionId, writes: &[(u32, WriteOutcome)]) -> Vec<Change> {
    let sql = "UPDATE execution_writes SET outcome = $4 WHERE org = $1 AND execution = $2 AND number = $3";
    let change = |(number, outcome): &(u32, WriteOutcome)| {
        Change::new(sql, [org.into(), id.into(), (*number).into(), (&outcome.to_string()).into()])
    };
    writes.iter().map(change).collect()
}
