//! What was told providers about where to send.

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::{
    Error,
    db::Db,
    value::{Arg, Row, but},
};
use crate::{
    base::{ConnectionId, OrgId},
    crypto::Sealed,
};

/// One connection's subscription at a provider, for one connector.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Whose.
    pub org: OrgId,
    /// Of which connection.
    pub connection: ConnectionId,
    /// For which connector.
    pub connector: String,
    /// Ours: deliveries are recognised by it. It stays the same, so that those of an older subscription are too.
    pub secret: Sealed,
    /// What `subscription.<name>` holds; `None` until the provider was told.
    pub held: Option<Map<String, Json>>,
    /// Why the last attempt failed.
    pub problem: Option<String>,
    /// How many attempts have failed since the last good one.
    pub attempts: u32,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
    /// When the provider is told next.
    pub next_at: Option<Timestamp>,
}

/// What was told providers.
pub struct Subscriptions<'a> {
    pub(super) db: &'a Db,
}

macro_rules! columns {
    () => {
        "org, connection, connector, secret, held, problem, attempts, expires_at, next_at"
    };
}

impl Subscriptions<'_> {
    /// Wants one, unless there is one; then it is tried at once if it does not hold, or could not be renewed. What is due before
    /// `soon` is left alone: somebody may be at it, and a provider that is told twice has two, or refuses the second.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn want(
        &self,
        org: OrgId,
        connection: ConnectionId,
        connector: &str,
        secret: &Sealed,
        now: Timestamp,
        soon: Timestamp,
    ) -> Result<(), Error> {
        let sql = "INSERT INTO subscriptions (org, connection, connector, secret, attempts, next_at) \
                   VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (org, connection, connector) DO UPDATE \
                   SET next_at = excluded.next_at \
                   WHERE (subscriptions.held IS NULL OR subscriptions.problem IS NOT NULL) \
                   AND (subscriptions.next_at IS NULL OR subscriptions.next_at > $6)";
        let args: [Arg; 6] = [org.into(), connection.into(), connector.into(), secret.into(), now.into(), soon.into()];
        self.db.write(sql, args).await?;
        Ok(())
    }

    /// Those of a connection.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn of(&self, org: OrgId, connection: ConnectionId) -> Result<Vec<Subscription>, Error> {
        let sql =
            concat!("SELECT ", columns!(), " FROM subscriptions WHERE org = $1 AND connection = $2 ORDER BY connector");
        self.db.all(sql, [org.into(), connection.into()]).await?.iter().map(subscription).collect()
    }

    /// Takes up to `limit` that are due for `owner`. Whoever does not end them until `until`, or is dead, has lost them.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim(
        &self,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
        busy: &[String],
    ) -> Result<Vec<Subscription>, Error> {
        // the condition twice: whoever comes second finds the row as the first has left it, but the list as it was
        let sql = concat!(
            "UPDATE subscriptions SET next_at = $2, owner = $8 WHERE next_at <= $1 AND (org, connection, connector) IN ( ",
            "SELECT org, connection, connector FROM subscriptions WHERE next_at <= $1 AND connector NOT IN ($4, $5, $6, $7) ",
            "ORDER BY next_at LIMIT $3) RETURNING ",
            columns!()
        );
        let [a, b, c, d] = but(busy);
        let args = [now.into(), until.into(), limit.into(), a, b, c, d, owner.into()];
        let rows = self.db.write_returning(sql, args).await?;
        rows.iter().map(subscription).collect()
    }

    /// Keeps what came of it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keep(&self, it: &Subscription) -> Result<(), Error> {
        let sql = "UPDATE subscriptions SET held = $4, problem = $5, attempts = $6, expires_at = $7, next_at = $8, \
                   owner = NULL \
                   WHERE org = $1 AND connection = $2 AND connector = $3";
        let held = it.held.as_ref().map(|it| json!(it));
        let args: [Arg; 8] = [
            it.org.into(),
            it.connection.into(),
            (&it.connector).into(),
            held.as_ref().into(),
            it.problem.as_ref().into(),
            it.attempts.into(),
            it.expires_at.into(),
            it.next_at.into(),
        ];
        self.db.write(sql, args).await?;
        Ok(())
    }

    /// Forgets those of a connection.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget(&self, org: OrgId, connection: ConnectionId) -> Result<(), Error> {
        let sql = "DELETE FROM subscriptions WHERE org = $1 AND connection = $2";
        self.db.write(sql, [org.into(), connection.into()]).await?;
        Ok(())
    }
}

fn subscription(row: &Row) -> Result<Subscription, Error> {
    Ok(Subscription {
        org: row.parsed("org")?,
        connection: row.parsed("connection")?,
        connector: row.text("connector")?,
        secret: row.sealed("secret")?,
        held: row.maybe_json("held")?,
        problem: row.maybe_text("problem")?,
        attempts: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
        expires_at: row.maybe_time("expires_at")?,
        next_at: row.maybe_time("next_at")?,
    })
}
