//! Clients that registered themselves at providers: one of them serves all orgs.

use jiff::Timestamp;

use super::{
    Error,
    db::Db,
    value::{Arg, Row},
};
use crate::{
    base::{ConnectionId, OrgId},
    crypto::Sealed,
};

/// A client that a provider knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredClient {
    /// A digest of who was asked for what.
    pub key: String,
    /// Whose connection needed it first: it is sealed for that.
    pub org: OrgId,
    /// That connection.
    pub connection: ConnectionId,
    /// What the provider told.
    pub sealed: Sealed,
    /// When it did.
    pub registered_at: Timestamp,
}

/// Clients that registered themselves.
pub struct Clients<'a> {
    pub(super) db: &'a Db,
}

impl Clients<'_> {
    /// The one of that key.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn get(&self, key: &str) -> Result<Option<RegisteredClient>, Error> {
        let sql = "SELECT key, org, connection, sealed, registered_at FROM clients WHERE key = $1";
        self.db.one(sql, [key.into()]).await?.as_ref().map(client).transpose()
    }

    /// Keeps one: where there is none, or in the place of the one that is sealed so. Tells whether it was.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put(&self, it: &RegisteredClient, instead_of: Option<&Sealed>) -> Result<bool, Error> {
        let (key, org, connection, sealed): (Arg, Arg, Arg, Arg) =
            ((&it.key).into(), it.org.into(), it.connection.into(), (&it.sealed).into());
        let at = it.registered_at.into();
        let written = match instead_of {
            None => {
                let sql = "INSERT INTO clients (key, org, connection, sealed, registered_at) \
                           VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key) DO NOTHING";
                self.db.write(sql, [key, org, connection, sealed, at]).await?
            }
            Some(old) => {
                let sql = "UPDATE clients SET org = $2, connection = $3, sealed = $4, registered_at = $5 \
                           WHERE key = $1 AND sealed = $6";
                self.db.write(sql, [key, org, connection, sealed, at, old.into()]).await?
            }
        };
        Ok(written == 1)
    }

    /// Takes away the one that is sealed so: the provider does not know it any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn remove(&self, key: &str, sealed: &Sealed) -> Result<(), Error> {
        let sql = "DELETE FROM clients WHERE key = $1 AND sealed = $2";
        self.db.write(sql, [key.into(), sealed.into()]).await?;
        Ok(())
    }
}

fn client(row: &Row) -> Result<RegisteredClient, Error> {
    Ok(RegisteredClient {
        key: row.text("key")?,
        org: row.parsed("org")?,
        connection: row.parsed("connection")?,
        sealed: row.sealed("sealed")?,
        registered_at: row.time("registered_at")?,
    })
}
