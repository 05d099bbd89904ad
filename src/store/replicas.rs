//! Which replicas there are, and which of them are dead. Nobody compares clocks: a replica raises its beats, and whoever watches
//! it sees whether they change.

use jiff::Timestamp;

use super::{
    Error,
    db::{Change, Db},
    value::Arg,
};

/// How often a replica has said that it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beats {
    /// Which replica.
    pub replica: String,
    /// Only ever raised.
    pub beats: i64,
}

/// What others have taken and not ended is due now: deliveries, subscriptions, and doubts of which something was told. What
/// they ran is claimed instead.
macro_rules! given_back {
    ($of:literal, $replica:expr, $now:expr) => {
        [
            concat!("UPDATE deliveries SET next_at = $2, owner = NULL WHERE next_at > $2 AND ", $of),
            concat!("UPDATE subscriptions SET next_at = $2, owner = NULL WHERE next_at > $2 AND ", $of),
            concat!("UPDATE waits SET due_at = $2, owner = NULL WHERE due_at > $2 AND ", $of),
        ]
        .map(|sql| Change::new(sql, [$replica.into(), $now.into()]))
    };
}

/// The engine's processes that share this store.
pub struct Replicas<'a> {
    pub(super) db: &'a Db,
}

impl Replicas<'_> {
    /// There is one more. With `alone` no other one can be there, so all others are dead.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn join(&self, replica: &str, alone: bool, now: Timestamp) -> Result<(), Error> {
        let join = "INSERT INTO replicas (id, beats) VALUES ($1, 0) ON CONFLICT (id) DO NOTHING";
        let mut changes = vec![Change::new(join, [replica.into()])];
        if alone {
            let others = "UPDATE replicas SET dead_at = $2 WHERE id <> $1 AND dead_at IS NULL";
            changes.push(Change::new(others, [replica.into(), now.into()]));
            changes.extend(given_back!("owner <> $1", replica, now));
        }
        self.db.write_all(changes).await?;
        Ok(())
    }

    /// It lives. `false`: it was declared dead, and what it ran may be another one's by now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn beat(&self, replica: &str) -> Result<bool, Error> {
        let sql = "UPDATE replicas SET beats = beats + 1 WHERE id = $1 AND dead_at IS NULL";
        Ok(self.db.write(sql, [replica.into()]).await? == 1)
    }

    /// The next `most` that are not dead behind a replica, in a circle: so each watches a few, and each is watched by a few.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn behind(&self, replica: &str, most: u32) -> Result<Vec<Beats>, Error> {
        let sql = "SELECT id, beats FROM replicas WHERE id > $1 AND dead_at IS NULL ORDER BY id LIMIT $2";
        let mut rows = self.db.all(sql, [replica.into(), most.into()]).await?;
        let left = most.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        if left > 0 {
            let sql = "SELECT id, beats FROM replicas WHERE id < $1 AND dead_at IS NULL ORDER BY id LIMIT $2";
            rows.extend(self.db.all(sql, [replica.into(), left.into()]).await?);
        }
        rows.iter().map(|row| Ok(Beats { replica: row.text("id")?, beats: row.int("beats")? })).collect()
    }

    /// How many there are that are not dead.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count(&self) -> Result<u32, Error> {
        let sql = "SELECT COUNT(*) AS living FROM replicas WHERE dead_at IS NULL";
        let row = self.db.one(sql, []).await?.ok_or(Error::Corrupt("id"))?;
        Ok(u32::try_from(row.int("living")?).unwrap_or(u32::MAX))
    }

    /// Nobody has seen it live since these beats: what it has taken is given back. `false`: it has said so meanwhile, or is known to be dead.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn declare_dead(&self, last: &Beats, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE replicas SET dead_at = $3 WHERE id = $1 AND beats = $2 AND dead_at IS NULL";
        let args: [Arg; 3] = [(&last.replica).into(), last.beats.into(), now.into()];
        let mut changes: Vec<_> = given_back!("owner = $1", &last.replica, now).into();
        changes.push(Change::new(sql, args).or_nothing());
        Ok(self.db.write_all(changes).await? == 1)
    }

    /// It stops: what it still runs, or has taken, may be taken over at once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn leave(&self, replica: &str, now: Timestamp) -> Result<(), Error> {
        let sql = "UPDATE replicas SET dead_at = $2 WHERE id = $1 AND dead_at IS NULL";
        let mut changes: Vec<_> = given_back!("owner = $1", replica, now).into();
        changes.push(Change::new(sql, [replica.into(), now.into()]));
        self.db.write_all(changes).await?;
        Ok(())
    }

    /// Forgets those that died before an instant and left nothing behind.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn bury(&self, died_before: Timestamp) -> Result<u64, Error> {
        let sql = "DELETE FROM replicas WHERE dead_at < $1 AND NOT EXISTS ( \
                       SELECT 1 FROM executions e WHERE e.owner = replicas.id AND e.status = 'running')";
        self.db.write(sql, [died_before.into()]).await
    }
}
