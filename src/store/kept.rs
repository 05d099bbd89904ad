//! What is sealed beside credentials, for a change of keys.

use super::{Error, Store};
use crate::{
    base::{ConnectionId, OrgId},
    crypto::{Purpose, Sealed},
};

/// What is sealed beside credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// What parked executions need to go on.
    Parked,
    /// What providers sent.
    Deliveries,
    /// What deliveries of subscriptions are recognised by.
    Secrets,
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

impl Kept {
    /// Every kind.
    pub const ALL: [Kept; 3] = [Kept::Parked, Kept::Deliveries, Kept::Secrets];

    /// What it was sealed for.
    pub fn purpose(self) -> Purpose {
        match self {
            Kept::Parked => Purpose::Parked,
            Kept::Deliveries => Purpose::Delivery,
            Kept::Secrets => Purpose::Subscription,
        }
    }

    /// How a page of them is read, and how one is replaced.
    fn sql(self) -> (&'static str, &'static str) {
        match self {
            Kept::Parked => (
                "SELECT org, connection, execution AS key, state AS sealed FROM waits WHERE execution > $1 \
                 ORDER BY execution LIMIT $2",
                "UPDATE waits SET state = $4 WHERE org = $1 AND execution = $2 AND state = $3",
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
