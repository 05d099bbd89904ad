//! Executions that run: who may change them, what they are about to send, and how another replica takes them over.
//!
//! Every statement here that changes an execution says whose it is and by which claim. If it changes no row, the execution is
//! somebody else's by now, and whoever asked stops.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::{
    Error, Resolution, Write, WriteOutcome,
    db::{Change, Db},
    executions::settled,
    value::{Arg, Row},
    waits::waits_no_more,
};
use crate::{
    base::{ExecutionId, OrgId},
    crypto::Sealed,
};

/// The right to change an execution that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Whose.
    pub org: OrgId,
    /// Which execution.
    pub id: ExecutionId,
    /// The replica that runs it.
    pub owner: Arc<str>,
    /// Counts the claims of it.
    pub epoch: i64,
}

impl Owned {
    /// By which every statement on the execution begins.
    pub(super) fn args(&self) -> [Arg; 4] {
        [self.org.into(), self.id.into(), (&*self.owner).into(), self.epoch.into()]
    }
}

/// An execution that was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The right to change it.
    pub owned: Owned,
    /// How often it was taken over without having come any further.
    pub recoveries: i64,
}

/// What an execution needs to go on.
#[derive(Debug)]
pub struct Going {
    /// What it began with; missing only for what an older version began.
    pub beginning: Option<Sealed>,
    /// Where it is; missing if it has sent nothing that changes something.
    pub checkpoint: Option<Sealed>,
}

/// Executions that run.
pub struct Running<'a> {
    pub(super) db: &'a Db,
}

impl Running<'_> {
    /// Notes a request that changes something, before it is sent, with where to go on from if nothing more is heard of it; and
    /// what became of earlier ones. `false`: it is somebody else's, and nothing must be sent.
    ///
    /// Several requests of one execution may be noted at the same time, in any order. Of their checkpoints the one with the
    /// highest revision stays: it knows of all.
    ///
    /// # Errors
    /// If the database fails: then nothing must be sent either.
    pub async fn intend(
        &self,
        owned: &Owned,
        next: &Write,
        revision: u32,
        checkpoint: &Sealed,
        earlier: &[(u32, WriteOutcome)],
    ) -> Result<bool, Error> {
        let sql = "UPDATE executions SET recoveries = 0, \
                   checkpoint = CASE WHEN revision < $5 THEN $6 ELSE checkpoint END, \
                   revision = CASE WHEN revision < $5 THEN $5 ELSE revision END \
                   WHERE org = $1 AND id = $2 AND owner = $3 AND epoch = $4 AND status = 'running'";
        let args: Vec<Arg> = owned.args().into_iter().chain([revision.into(), checkpoint.into()]).collect();
        let mut changes = vec![Change::new(sql, args).or_nothing()];
        changes.extend(settled(owned.org, owned.id, earlier));
        let sql = "INSERT INTO execution_writes (org, execution, number, step, request, sent_at) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let args: [Arg; 6] = [
            owned.org.into(),
            owned.id.into(),
            next.number.into(),
            (&next.step).into(),
            (&next.request).into(),
            next.sent_at.into(),
        ];
        changes.push(Change::new(sql, args));
        Ok(self.db.write_all(changes).await? == 1)
    }

    /// Goes on with an execution that is in doubt: the doubt is over, by what `resolution` says. It is `to`'s, until `deadline`,
    /// and goes on from `place`. `false`: nobody doubts it any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn reopen(
        &self,
        (from, to): (&Owned, &Owned),
        deadline: Timestamp,
        (revision, place): (u32, &Sealed),
        trace: &str,
        resolution: &Resolution,
    ) -> Result<bool, Error> {
        let sql = "UPDATE executions SET status = 'running', in_doubt = 0, failure = NULL, ended_at = NULL, tell = 1, \
                   recoveries = 0, owner = $5, epoch = $6, deadline = $7, revision = $8, checkpoint = $9, trace = $10, \
                   resolution = $11 \
                   WHERE org = $1 AND id = $2 AND owner = $3 AND epoch = $4 AND in_doubt = 1";
        let more: [Arg; 7] = [
            (&*to.owner).into(),
            to.epoch.into(),
            deadline.into(),
            revision.into(),
            place.into(),
            trace.into(),
            (&json!(resolution)).into(),
        ];
        let args: Vec<Arg> = from.args().into_iter().chain(more).collect();
        let changes = vec![waits_no_more(from.org, from.id), Change::new(sql, args).or_nothing()];
        Ok(self.db.write_all(changes).await? == 1)
    }

    /// What an execution needs to go on. To be asked after it was claimed: what was noted before is seen then, and nobody else
    /// notes anything any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn kept(&self, owned: &Owned) -> Result<Going, Error> {
        let sql = "SELECT beginning, checkpoint FROM executions WHERE org = $1 AND id = $2";
        let row = self.db.one(sql, [owned.org.into(), owned.id.into()]).await?.ok_or(Error::Corrupt("execution"))?;
        Ok(Going { beginning: row.maybe_sealed("beginning")?, checkpoint: row.maybe_sealed("checkpoint")? })
    }

    /// Up to `most` executions whose owner is dead: nobody is at them.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn orphans(&self, most: u32) -> Result<Vec<Owned>, Error> {
        let sql = "SELECT org, id, owner, epoch FROM executions WHERE status = 'running' \
                   AND owner IN (SELECT id FROM replicas WHERE dead_at IS NOT NULL) LIMIT $1";
        self.db.all(sql, [most.into()]).await?.iter().map(of_row).collect()
    }

    /// Up to `most` executions of `replica`, those first that should have ended first: it may not be at all of them.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn of(&self, replica: &str, most: u32) -> Result<Vec<Owned>, Error> {
        let sql = "SELECT org, id, owner, epoch FROM executions WHERE status = 'running' AND owner = $1 \
                   ORDER BY deadline LIMIT $2";
        self.db.all(sql, [replica.into(), most.into()]).await?.iter().map(of_row).collect()
    }

    /// Up to `most` executions whose owner nobody knows.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn of_nobody(&self, most: u32) -> Result<Vec<Owned>, Error> {
        let sql = "SELECT org, id, owner, epoch FROM executions WHERE status = 'running' AND NOT EXISTS ( \
                       SELECT 1 FROM replicas r WHERE r.id = executions.owner) LIMIT $1";
        self.db.all(sql, [most.into()]).await?.iter().map(of_row).collect()
    }

    /// Takes an execution over for `replica`, which has as much time for it as there was before. `None`: somebody was quicker,
    /// or it has ended.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim(&self, from: &Owned, replica: &str, now: Timestamp) -> Result<Option<Claimed>, Error> {
        let sql = "UPDATE executions SET owner = $5, epoch = epoch + 1, recoveries = recoveries + 1, \
                   deadline = $6 + COALESCE((SELECT lease FROM waits w WHERE w.org = $1 AND w.execution = $2), \
                                            deadline - started_at) \
                   WHERE org = $1 AND id = $2 AND owner = $3 AND epoch = $4 AND status = 'running' \
                   RETURNING epoch, recoveries";
        let args: [Arg; 6] =
            [from.org.into(), from.id.into(), (&*from.owner).into(), from.epoch.into(), replica.into(), now.into()];
        let rows = self.db.write_returning(sql, args).await?;
        let claimed = |row: &Row| {
            let owned = Owned { owner: replica.into(), epoch: row.int("epoch")?, ..from.clone() };
            Ok(Claimed { owned, recoveries: row.int("recoveries")? })
        };
        rows.first().map(claimed).transpose()
    }
}

pub(super) fn of_row(row: &Row) -> Result<Owned, Error> {
    Ok(Owned {
        org: row.parsed("org")?,
        id: row.parsed("id")?,
        owner: row.text("owner")?.into(),
        epoch: row.int("epoch")?,
    })
}
