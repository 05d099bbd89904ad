//! Keys of whoever runs the engine: they are of no org, and open what is everybody's.

use jiff::Timestamp;

use super::{
    Error,
    db::Db,
    value::{Arg, Row},
};
use crate::{base::OperatorKeyId, crypto::Digest};

/// What is known of an operator's key; the key itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorKey {
    /// The part of the key that isn't secret.
    pub id: OperatorKeyId,
    /// Who has it.
    pub name: String,
    /// When.
    pub created_at: Timestamp,
    /// Since when it is refused.
    pub revoked_at: Option<Timestamp>,
}

/// Keys of whoever runs the engine.
pub struct Operators<'a> {
    pub(super) db: &'a Db,
}

impl Operators<'_> {
    /// Adds a key, known by the digest of its secret part.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn add(&self, key: &OperatorKey, digest: Digest) -> Result<(), Error> {
        let sql = "INSERT INTO operator_keys (id, name, digest, created_at) VALUES ($1, $2, $3, $4)";
        let args: [Arg; 4] = [key.id.into(), (&key.name).into(), digest.into(), key.created_at.into()];
        self.db.write(sql, args).await.map(drop)
    }

    /// The key of that id, revoked or not, with the digest to compare the secret part with.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn get(&self, id: OperatorKeyId) -> Result<Option<(OperatorKey, Digest)>, Error> {
        let sql = "SELECT id, name, digest, created_at, revoked_at FROM operator_keys WHERE id = $1";
        let row = self.db.one(sql, [id.into()]).await?;
        row.map(|row| Ok((key(&row)?, row.digest("digest")?))).transpose()
    }

    /// Refuses a key from now on. `false`: there is no such key, or it was revoked before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn revoke(&self, id: OperatorKeyId, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE operator_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        Ok(self.db.write(sql, [id.into(), now.into()]).await? == 1)
    }
}

fn key(row: &Row) -> Result<OperatorKey, Error> {
    Ok(OperatorKey {
        id: row.parsed("id")?,
        name: row.text("name")?,
        created_at: row.time("created_at")?,
        revoked_at: row.maybe_time("revoked_at")?,
    })
}
