//! What is sealed beside credentials, for a change of keys.

use super::{Error, Store};
use crate::{
    base::{ConnectionId, OrgId},
    crypto::{Purpose, Sealed},
};

/// What is sealed beside credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// What executions that have not ended began with.
    Beginnings,
    /// Where they are.
    Checkpoints,
    /// What providers sent.
    Deliveries,
    /// What deliveries of subscriptions are recognised by.
    Secrets,
    /// Clients that registered themselves at providers.
    Clients,
}

/// One sealed thing.
#[derive(Debug)]
pub struct KeptSeal {
    /// Whose.
    pub org: OrgId,
    /// Of which connection.
    pub connection: ConnectionId,
    /// Its place among those of its kind.
    pub key: String,
    /// The seal.
    pub sealed: Sealed,
}

/// A page of a column of all executions that have not ended, or may be gone on with.
macro_rules! open {
    ($column:literal) => {
        concat!(
            "SELECT org, connection, key, sealed FROM ( ",
            "SELECT e.org AS org, e.connection AS connection, e.id AS key, e.",
            $column,
            " AS sealed FROM waits w JOIN executions e ON e.org = w.org AND e.id = w.execution ",
            "WHERE w.execution > $1 AND (e.status = 'waiting' OR e.in_doubt = 1) ",
            "UNION ALL SELECT org, connection, id, ",
            $column,
            " FROM executions WHERE status = 'running' AND id > $1) AS open ",
            "WHERE sealed IS NOT NULL ORDER BY key LIMIT $2"
        )
    };
}

impl Kept {
    /// Every kind.
    pub const ALL: [Kept; 5] = [Kept::Beginnings, Kept::Checkpoints, Kept::Deliveries, Kept::Secrets, Kept::Clients];

    /// What it was sealed for.
    pub fn purpose(self) -> Purpose {
        match self {
            Kept::Beginnings | Kept::Checkpoints => Purpose::Parked,
            Kept::Deliveries => Purpose::Delivery,
            Kept::Secrets => Purpose::Subscription,
            Kept::Clients => Purpose::Client,
        }
    }

    /// How a page of them is read, and how one is replaced.
    fn sql(self) -> (&'static str, &'static str) {
        match self {
            Kept::Beginnings => (
                open!("beginning"),
                "UPDATE executions SET beginning = $4 WHERE org = $1 AND id = $2 AND beginning = $3",
            ),
            Kept::Checkpoints => (
                open!("checkpoint"),
                "UPDATE executions SET checkpoint = $4 WHERE org = $1 AND id = $2 AND checkpoint = $3",
            ),
            Kept::Deliveries => (
                "SELECT org, connection, id AS key, content AS sealed FROM deliveries WHERE id > $1 ORDER BY id LIMIT $2",
                "UPDATE deliveries SET content = $4 WHERE org = $1 AND id = $2 AND content = $3",
            ),
            Kept::Secrets => (
                "SELECT org, connection, connection || '/' || connector AS key, secret AS sealed FROM subscriptions \
                 WHERE connection || '/' || connector > $1 ORDER BY key LIMIT $2",
                "UPDATE subscriptions SET secret = $4 WHERE org = $1 AND connection || '/' || connector = $2 AND secret = $3",
            ),
            Kept::Clients => (
                "SELECT org, connection, key, sealed FROM clients WHERE key > $1 ORDER BY key LIMIT $2",
                "UPDATE clients SET sealed = $4 WHERE org = $1 AND key = $2 AND sealed = $3",
            ),
        }
    }
}

impl Store {
    /// Up to `limit` seals of a kind behind the key `after`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn kept(&self, kind: Kept, after: &str, limit: u32) -> Result<Vec<KeptSeal>, Error> {
        let rows = self.db.all(kind.sql().0, [after.into(), limit.into()]).await?;
        let seal = |row: &super::value::Row| {
            Ok(KeptSeal {
                org: row.parsed("org")?,
                connection: row.parsed("connection")?,
                key: row.text("key")?,
                sealed: row.sealed("sealed")?,
            })
        };
        rows.iter().map(seal).collect()
    }

    /// Replaces a seal by the same under another key, unless it changed meanwhile.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn reseal_kept(&self, kind: Kept, it: &KeptSeal, sealed: &Sealed) -> Result<bool, Error> {
        let args = [it.org.into(), (&it.key).into(), (&it.sealed).into(), sealed.into()];
        Ok(self.db.write(kind.sql().1, args).await? == 1)
    }
}
