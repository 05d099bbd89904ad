//! What orgs no longer keep goes, in batches: no statement takes more than it was given.
//!
//! Ids begin with the time, so an org's executions are gone through by their primary key, each part of them once: `sweeps`
//! tells how far. Those that can't go yet are noted in `passed_over` and looked at again every time, until they can.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Error,
    db::{Change, Db},
    executions::{is_parked, is_settled},
    value::{Arg, Row},
};
use crate::base::{ExecutionId, Failure, OrgId};

/// How long things are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// An execution's arguments.
    pub inputs_days: u32,
    /// Its output, and what its failure says.
    pub outputs_days: u32,
    /// Its trace, and what it sent to change something.
    pub traces_days: u32,
    /// All of it.
    pub executions_days: u32,
    /// What the chatbot is told, and what providers told.
    pub events_days: u32,
    /// How long an idempotency key answers.
    pub keys_hours: u32,
}

/// Where an org differs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "as those of Retention")]
pub struct Policy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traces_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executions_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys_hours: Option<u32>,
}

impl Policy {
    /// What this leaves out, from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            inputs_days: self.inputs_days.or(other.inputs_days),
            outputs_days: self.outputs_days.or(other.outputs_days),
            traces_days: self.traces_days.or(other.traces_days),
            executions_days: self.executions_days.or(other.executions_days),
            events_days: self.events_days.or(other.events_days),
            keys_hours: self.keys_hours.or(other.keys_hours),
        }
    }
}

impl Retention {
    /// As an org wants it.
    #[must_use]
    pub fn with(self, policy: &Policy) -> Self {
        Self {
            inputs_days: policy.inputs_days.unwrap_or(self.inputs_days),
            outputs_days: policy.outputs_days.unwrap_or(self.outputs_days),
            traces_days: policy.traces_days.unwrap_or(self.traces_days),
            executions_days: policy.executions_days.unwrap_or(self.executions_days),
            events_days: policy.events_days.unwrap_or(self.events_days),
            keys_hours: policy.keys_hours.unwrap_or(self.keys_hours),
        }
    }

    /// Names what is out of its range, and the range.
    ///
    /// # Errors
    /// The name of a field, and what it may be.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        const DAYS: &str = "1 to 3650 days";
        for (name, value, least, most, range) in [
            ("inputs_days", self.inputs_days, 1, 3650, DAYS),
            ("outputs_days", self.outputs_days, 1, 3650, DAYS),
            ("traces_days", self.traces_days, 1, 3650, DAYS),
            ("executions_days", self.executions_days, 1, 3650, DAYS),
            // a provider tells the same again for as long, and must be known to have told it
            ("events_days", self.events_days, 3, 3650, "3 to 3650 days"),
            ("keys_hours", self.keys_hours, 1, 8760, "1 to 8760 hours"),
        ] {
            if !(least..=most).contains(&value) {
                return Err((name, range));
            }
        }
        Ok(())
    }
}

/// What of an execution goes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The arguments.
    Inputs,
    /// What came out.
    Outputs,
    /// What happened.
    Traces,
    /// The rest.
    Executions,
}

impl Part {
    /// Every part.
    pub const ALL: [Part; 4] = [Part::Inputs, Part::Outputs, Part::Traces, Part::Executions];

    fn as_str(self) -> &'static str {
        match self {
            Part::Inputs => "inputs",
            Part::Outputs => "outputs",
            Part::Traces => "traces",
            Part::Executions => "executions",
        }
    }
}

/// What orgs keep, and what goes.
pub struct Retentions<'a> {
    pub(super) db: &'a Db,
}

/// What can go: it has ended before `$3`, nothing of it is in doubt and, if it is to go as a whole, no key stands for it.
macro_rules! may_go {
    () => {
        concat!(
            "ended_at < $3 AND ",
            is_settled!(),
            " AND ($2 <> 'executions' OR NOT EXISTS (SELECT 1 FROM idempotency_keys k WHERE k.org = executions.org ",
            "AND k.idempotency_key = executions.idempotency_key AND k.execution = executions.id))"
        )
    };
}

/// The changes that take a part of executions away, of those between `$4` and `$5` that can go.
macro_rules! between {
    ($start:literal) => {
        concat!($start, " WHERE org = $1 AND id > $4 AND id <= $5 AND ", may_go!())
    };
}

impl Retentions<'_> {
    /// Where an org differs from the settings.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn policy(&self, org: OrgId) -> Result<Policy, Error> {
        let row = self.db.one("SELECT policy FROM retention WHERE org = $1", [org.into()]).await?;
        row.map_or(Ok(Policy::default()), |row| row.json("policy"))
    }

    /// Where an org differs from now on.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such org.
    pub async fn set_policy(&self, org: OrgId, policy: &Policy, now: Timestamp) -> Result<(), Error> {
        let sql = "INSERT INTO retention (org, policy, updated_at) VALUES ($1, $2, $3) \
                   ON CONFLICT (org) DO UPDATE SET policy = excluded.policy, updated_at = excluded.updated_at";
        let policy = serde_json::to_value(policy).map_err(|_| Error::Corrupt("policy"))?;
        self.db.write(sql, [org.into(), (&policy).into(), now.into()]).await?;
        Ok(())
    }

    /// Takes a part of an org's executions away, of at most `limit` of those that ended before an instant. `false`: that was
    /// all for now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sweep(&self, org: OrgId, part: Part, before: Timestamp, limit: u32) -> Result<bool, Error> {
        let sql = concat!(
            "SELECT id, failure, CAST(CASE WHEN ",
            may_go!(),
            " THEN 1 ELSE 0 END AS BIGINT) AS may_go, COALESCE((SELECT upto FROM sweeps WHERE org = $1 AND part = $2), '') AS upto \
             FROM executions WHERE org = $1 AND id < $4 \
             AND id > COALESCE((SELECT upto FROM sweeps WHERE org = $1 AND part = $2), '') ORDER BY id LIMIT $5"
        );
        let part_name: Arg = part.as_str().into();
        let args = [org.into(), part_name.clone(), before.into(), ExecutionId::first_of(before).into(), limit.into()];
        let rows = self.db.all(sql, args).await?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(false);
        };
        let (from, upto): (Arg, Arg) = (first.text("upto")?.as_str().into(), last.text("id")?.as_str().into());
        let mut changes = Vec::new();
        for row in &rows {
            let id = row.text("id")?;
            if row.int("may_go")? == 0 {
                let sql = "INSERT INTO passed_over (org, part, execution) \
                           SELECT $1, $2, id FROM executions WHERE org = $1 AND id = $3 ON CONFLICT DO NOTHING";
                changes.push(Change::new(sql, [org.into(), part_name.clone(), id.as_str().into()]));
            } else if part == Part::Outputs {
                changes.extend(scrub(org, &id, row)?);
            }
        }
        let range = [org.into(), part_name.clone(), before.into(), from, upto.clone()];
        changes.extend(gone_between(part).iter().map(|sql| Change::new(sql, range.clone())));
        let sql = "INSERT INTO sweeps (org, part, upto) VALUES ($1, $2, $3) \
                   ON CONFLICT (org, part) DO UPDATE SET upto = excluded.upto WHERE sweeps.upto < excluded.upto";
        changes.push(Change::new(sql, [org.into(), part_name, upto]));
        self.db.write_all(changes).await?;
        Ok(rows.len() == limit as usize)
    }

    /// The same for those that could not go when it was their turn.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sweep_passed_over(
        &self,
        org: OrgId,
        part: Part,
        before: Timestamp,
        limit: u32,
    ) -> Result<bool, Error> {
        let sql = concat!(
            "SELECT id, failure FROM executions WHERE org = $1 AND id IN (SELECT p.execution FROM passed_over p \
             WHERE p.org = $1 AND p.part = $2) AND ",
            may_go!(),
            " LIMIT $4"
        );
        let part_name: Arg = part.as_str().into();
        let args = [org.into(), part_name.clone(), before.into(), limit.into()];
        let rows = self.db.all(sql, args).await?;
        let mut changes = Vec::new();
        for row in &rows {
            let id = row.text("id")?;
            if part == Part::Outputs {
                changes.extend(scrub(org, &id, row)?);
            }
            let one: Arg = id.as_str().into();
            changes.extend(gone(part).iter().map(|sql| Change::new(sql, [org.into(), one.clone()])));
            let sql = "DELETE FROM passed_over WHERE org = $1 AND part = $2 AND execution = $3";
            changes.push(Change::new(sql, [org.into(), part_name.clone(), one]));
        }
        if !changes.is_empty() {
            self.db.write_all(changes).await?;
        }
        Ok(rows.len() == limit as usize)
    }

    /// Forgets at most `limit` of an org's events, and as many of what providers told it, from before an instant. `false`: that
    /// was all for now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_events(&self, org: OrgId, before: Timestamp, limit: u32) -> Result<bool, Error> {
        let sql = "DELETE FROM events WHERE org = $1 AND at < $2 AND number <= (SELECT MAX(number) FROM ( \
                       SELECT number FROM events WHERE org = $1 ORDER BY number LIMIT $3) AS oldest)";
        let told = self.db.write(sql, [org.into(), before.into(), limit.into()]).await?;
        let sql = "DELETE FROM received_events WHERE org = $1 AND at < $2 AND number <= (SELECT MAX(number) FROM ( \
                       SELECT number FROM received_events WHERE org = $1 ORDER BY number LIMIT $3) AS oldest)";
        let received = self.db.write(sql, [org.into(), before.into(), limit.into()]).await?;
        Ok(told.max(received) == u64::from(limit))
    }

    /// Forgets at most `limit` idempotency keys that have expired; those whose execution waits live on until `renewed`. `false`:
    /// that was all for now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_keys(&self, now: Timestamp, renewed: Timestamp, limit: u32) -> Result<bool, Error> {
        let sql = concat!(
            "UPDATE idempotency_keys SET expires_at = $2 WHERE expires_at <= $1 AND (org, idempotency_key) IN ( \
                 SELECT org, idempotency_key FROM idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $3) AND ",
            is_parked!()
        );
        let renewed = self.db.write(sql, [now.into(), renewed.into(), limit.into()]).await?;
        let sql = concat!(
            "DELETE FROM idempotency_keys WHERE expires_at <= $1 AND (org, idempotency_key) IN ( \
                 SELECT org, idempotency_key FROM idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2) \
             AND NOT ",
            is_parked!()
        );
        let forgotten = self.db.write(sql, [now.into(), limit.into()]).await?;
        Ok(renewed + forgotten >= u64::from(limit))
    }
}

/// Of a range of executions.
fn gone_between(part: Part) -> &'static [&'static str] {
    match part {
        Part::Inputs => &[between!("UPDATE executions SET input = 'null', expired = expired | 1")],
        Part::Outputs => &[between!("UPDATE executions SET output = NULL, expired = expired | 2")],
        Part::Traces => &[
            concat!(
                "DELETE FROM execution_writes WHERE org = $1 AND execution > $4 AND execution <= $5 AND execution IN (",
                between!("SELECT id FROM executions"),
                ")"
            ),
            between!("UPDATE executions SET trace = NULL, expired = expired | 4"),
        ],
        Part::Executions => &[between!("DELETE FROM executions")],
    }
}

/// Of one execution.
fn gone(part: Part) -> &'static [&'static str] {
    match part {
        Part::Inputs => &["UPDATE executions SET input = 'null', expired = expired | 1 WHERE org = $1 AND id = $2"],
        Part::Outputs => &["UPDATE executions SET output = NULL, expired = expired | 2 WHERE org = $1 AND id = $2"],
        Part::Traces => &[
            "DELETE FROM execution_writes WHERE org = $1 AND execution = $2",
            "UPDATE executions SET trace = NULL, expired = expired | 4 WHERE org = $1 AND id = $2",
        ],
        Part::Executions => &["DELETE FROM executions WHERE org = $1 AND id = $2"],
    }
}

/// Leaves of a failure what says nothing of the customer.
pub(super) fn scrub(org: OrgId, id: &str, row: &Row) -> Result<Option<Change>, Error> {
    let Some(failure) = row.maybe_json::<Failure>("failure")? else { return Ok(None) };
    let say = failure.code.say().to_owned();
    let failure = json!(Failure { say, detail: "what it said is no longer kept".to_owned(), ..failure });
    let sql = "UPDATE executions SET failure = $3 WHERE org = $1 AND id = $2";
    Ok(Some(Change::new(sql, [org.into(), id.into(), (&failure).into()])))
}
