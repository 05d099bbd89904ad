//! Consents that a provider's redirect has yet to end. Each is taken exactly once.

use jiff::Timestamp;
use serde_json::json;

use super::{
    Error,
    db::Db,
    value::{Arg, Row},
};
use crate::{
    base::{ConnectionId, OrgId},
    crypto::{Digest, Sealed},
};

/// What was begun and is known again by its `state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Whose.
    pub org: OrgId,
    /// What will be connected.
    pub connection: ConnectionId,
    /// For which connector.
    pub connector: String,
    /// The PKCE verifier and the fields that were filled in.
    pub sealed: Sealed,
    /// As asked for.
    pub scopes: Vec<String>,
    /// Where the browser goes in the end.
    pub return_to: Option<String>,
    /// Afterwards it can't be taken.
    pub expires_at: Timestamp,
}

/// Consents that a redirect has yet to end.
pub struct Authorizations<'a> {
    pub(super) db: &'a Db,
}

impl Authorizations<'_> {
    /// Adds one, known by the digest of its `state`. An earlier one of the same connection can't be taken any more.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such connection.
    pub async fn insert(&self, state: Digest, authorization: &Authorization) -> Result<(), Error> {
        let it = authorization;
        let sql = "INSERT INTO authorizations (org, state, connection, connector, sealed, scopes, return_to, expires_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (org, connection) DO UPDATE \
                   SET state = excluded.state, connector = excluded.connector, sealed = excluded.sealed, \
                   scopes = excluded.scopes, return_to = excluded.return_to, expires_at = excluded.expires_at";
        let args: [Arg; 8] = [
            it.org.into(),
            state.into(),
            it.connection.into(),
            (&it.connector).into(),
            (&it.sealed).into(),
            (&json!(it.scopes)).into(),
            it.return_to.as_ref().into(),
            it.expires_at.into(),
        ];
        self.db.write(sql, args).await?;
        Ok(())
    }

    /// Takes an org's one of that `state`, so that nobody else can. `None`: unknown, taken, or expired.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn take(&self, org: OrgId, state: Digest, now: Timestamp) -> Result<Option<Authorization>, Error> {
        let sql = "DELETE FROM authorizations WHERE org = $1 AND state = $2 \
                   RETURNING org, connection, connector, sealed, scopes, return_to, expires_at";
        let taken = self.db.write_returning(sql, [org.into(), state.into()]).await?.pop();
        let taken = taken.as_ref().map(authorization).transpose()?;
        Ok(taken.filter(|it| now < it.expires_at))
    }

    /// Removes what is begun for a connection, so that it can't be taken.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn cancel(&self, org: OrgId, connection: ConnectionId) -> Result<(), Error> {
        let sql = "DELETE FROM authorizations WHERE org = $1 AND connection = $2";
        self.db.write(sql, [org.into(), connection.into()]).await?;
        Ok(())
    }

    /// Removes what has expired.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn prune(&self, now: Timestamp) -> Result<u64, Error> {
        self.db.write("DELETE FROM authorizations WHERE expires_at <= $1", [now.into()]).await
    }
}

fn authorization(row: &Row) -> Result<Authorization, Error> {
    Ok(Authorization {
        org: row.parsed("org")?,
        connection: row.parsed("connection")?,
        connector: row.text("connector")?,
        sealed: row.sealed("sealed")?,
        scopes: row.json("scopes")?,
        return_to: row.maybe_text("return_to")?,
        expires_at: row.time("expires_at")?,
    })
}
