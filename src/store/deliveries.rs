//! What providers sent, from before they are answered until it is worked off.

use jiff::Timestamp;

use super::{
    Error,
    db::Db,
    value::{Arg, Row, but},
};
use crate::{
    base::{ConnectionId, DeliveryId, OrgId},
    crypto::Sealed,
};

/// A believed delivery that is not worked off yet.
#[derive(Debug, Clone)]
pub struct StoredDelivery {
    /// Whose.
    pub org: OrgId,
    /// Ours.
    pub id: DeliveryId,
    /// To which connection.
    pub connection: ConnectionId,
    /// For which connector.
    pub connector: String,
    /// When it came.
    pub received_at: Timestamp,
    /// How often somebody began to work on it.
    pub attempts: u32,
    /// The delivery.
    pub content: Sealed,
}

/// What providers sent.
pub struct Deliveries<'a> {
    pub(super) db: &'a Db,
}

impl Deliveries<'_> {
    /// Keeps a delivery, to be worked off at once, unless `most` of its connection wait for that already: then `false`.
    ///
    /// # Errors
    /// If the database fails: then the provider must not be told that it was taken.
    pub async fn add(&self, it: &StoredDelivery, most: u32) -> Result<bool, Error> {
        let sql = "INSERT INTO deliveries (org, id, connection, connector, received_at, attempts, next_at, content) \
                   SELECT $1, $2, $3, $4, $5, 0, $5, $6 \
                   WHERE (SELECT COUNT(*) FROM deliveries WHERE org = $1 AND connection = $3) < $7";
        let args: [Arg; 7] = [
            it.org.into(),
            it.id.into(),
            it.connection.into(),
            (&it.connector).into(),
            it.received_at.into(),
            (&it.content).into(),
            most.into(),
        ];
        Ok(self.db.write(sql, args).await? == 1)
    }

    /// Takes up to `limit` that are due for `owner`, the oldest first. Whoever does not end them until `until`, or is dead, has
    /// lost them.
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
    ) -> Result<Vec<StoredDelivery>, Error> {
        // the condition twice: whoever comes second finds the row as the first has left it, but the list as it was
        let sql = "UPDATE deliveries SET next_at = $2, owner = $8, attempts = attempts + 1 \
                   WHERE next_at <= $1 AND (org, id) IN ( \
                       SELECT org, id FROM deliveries WHERE next_at <= $1 AND connector NOT IN ($4, $5, $6, $7) \
                       ORDER BY next_at, id LIMIT $3) \
                   RETURNING org, id, connection, connector, received_at, attempts, content";
        let [a, b, c, d] = but(busy);
        let args = [now.into(), until.into(), limit.into(), a, b, c, d, owner.into()];
        let rows = self.db.write_returning(sql, args).await?;
        rows.iter().map(delivery).collect()
    }

    /// It is worked off.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn done(&self, org: OrgId, id: DeliveryId) -> Result<(), Error> {
        self.db.write("DELETE FROM deliveries WHERE org = $1 AND id = $2", [org.into(), id.into()]).await?;
        Ok(())
    }

    /// It could not be worked off yet.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn again(&self, org: OrgId, id: DeliveryId, at: Timestamp) -> Result<(), Error> {
        let sql = "UPDATE deliveries SET next_at = $3, owner = NULL WHERE org = $1 AND id = $2";
        self.db.write(sql, [org.into(), id.into(), at.into()]).await?;
        Ok(())
    }
}

fn delivery(row: &Row) -> Result<StoredDelivery, Error> {
    Ok(StoredDelivery {
        org: row.parsed("org")?,
        id: row.parsed("id")?,
        connection: row.parsed("connection")?,
        connector: row.text("connector")?,
        received_at: row.time("received_at")?,
        attempts: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
        content: row.sealed("content")?,
    })
}
