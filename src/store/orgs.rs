//! Tenants and the keys by which their programs call.

use jiff::Timestamp;

use super::{
    Error,
    db::Db,
    value::{Arg, Row},
};
use crate::{
    base::{ApiKeyId, OrgId},
    crypto::Digest,
};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org {
    /// Ours.
    pub id: OrgId,
    /// For people.
    pub name: String,
    /// When.
    pub created_at: Timestamp,
}

/// What is known of an API key; the key itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Whose.
    pub org: OrgId,
    /// The part of the key that isn't secret.
    pub id: ApiKeyId,
    /// For people.
    pub name: String,
    /// When.
    pub created_at: Timestamp,
    /// Since when it is refused.
    pub revoked_at: Option<Timestamp>,
}

/// Tenants and their API keys.
pub struct Orgs<'a> {
    pub(super) db: &'a Db,
}

impl Orgs<'_> {
    /// Adds an org.
    ///
    /// # Errors
    /// [`Error::Taken`] if the id is.
    pub async fn create(&self, org: &Org) -> Result<(), Error> {
        let sql = "INSERT INTO orgs (id, name, created_at) VALUES ($1, $2, $3)";
        self.db.write(sql, [org.id.into(), (&org.name).into(), org.created_at.into()]).await?;
        Ok(())
    }

    /// One org.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn get(&self, id: OrgId) -> Result<Option<Org>, Error> {
        let sql = "SELECT id, name, created_at FROM orgs WHERE id = $1";
        self.db.one(sql, [id.into()]).await?.as_ref().map(org).transpose()
    }

    /// All orgs, the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self) -> Result<Vec<Org>, Error> {
        let sql = "SELECT id, name, created_at FROM orgs ORDER BY id";
        self.db.all::<0>(sql, []).await?.iter().map(org).collect()
    }

    /// Adds a key, known by the digest of its secret part.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such org.
    pub async fn add_key(&self, key: &ApiKey, digest: Digest) -> Result<(), Error> {
        let sql = "INSERT INTO api_keys (org, id, name, digest, created_at) VALUES ($1, $2, $3, $4, $5)";
        let args: [Arg; 5] = [key.org.into(), key.id.into(), (&key.name).into(), digest.into(), key.created_at.into()];
        self.db.write(sql, args).await?;
        Ok(())
    }

    /// The key of that id, revoked or not, with the digest to compare the secret part with.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn key(&self, id: ApiKeyId) -> Result<Option<(ApiKey, Digest)>, Error> {
        let sql = "SELECT org, id, name, digest, created_at, revoked_at FROM api_keys WHERE id = $1";
        let row = self.db.one(sql, [id.into()]).await?;
        row.map(|row| Ok((key(&row)?, row.digest("digest")?))).transpose()
    }

    /// An org's keys, the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keys(&self, org: OrgId) -> Result<Vec<ApiKey>, Error> {
        let sql = "SELECT org, id, name, created_at, revoked_at FROM api_keys WHERE org = $1 ORDER BY id";
        self.db.all(sql, [org.into()]).await?.iter().map(key).collect()
    }

    /// Refuses a key from now on. `false`: there is no such key, or it was revoked before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn revoke_key(&self, org: OrgId, id: ApiKeyId, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE api_keys SET revoked_at = $3 WHERE org = $1 AND id = $2 AND revoked_at IS NULL";
        Ok(self.db.write(sql, [org.into(), id.into(), now.into()]).await? == 1)
    }
}

fn org(row: &Row) -> Result<Org, Error> {
    Ok(Org { id: row.parsed("id")?, name: row.text("name")?, created_at: row.time("created_at")? })
}

fn key(row: &Row) -> Result<ApiKey, Error> {
    Ok(ApiKey {
        org: row.parsed("org")?,
        id: row.parsed("id")?,
        name: row.text("name")?,
        created_at: row.time("created_at")?,
        revoked_at: row.maybe_time("revoked_at")?,
    })
}
