//! What a replica has taken to work on beside executions, and what it gives back: it may never have heard that it has taken it.

use jiff::Timestamp;

use super::{Error, Replicas, db::Change};
use crate::base::{ConnectionId, DeliveryId, ExecutionId, OrgId};

/// So much is looked through at a time.
const MOST: u32 = 1_000;

/// Something that one replica works on for a while.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Taken {
    /// A delivery is worked off.
    Delivery(OrgId, DeliveryId),
    /// A subscription of a connection is made or renewed, for a connector.
    Subscription(OrgId, ConnectionId, String),
    /// What was told of an execution in doubt is looked at.
    Doubt(OrgId, ExecutionId),
}

impl Replicas<'_> {
    /// What `replica` has taken and has not ended.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn taken(&self, replica: &str) -> Result<Vec<Taken>, Error> {
        let mut taken = Vec::new();
        let sql = "SELECT org, id FROM deliveries WHERE owner = $1 LIMIT $2";
        for row in self.db.all(sql, [replica.into(), MOST.into()]).await? {
            taken.push(Taken::Delivery(row.parsed("org")?, row.parsed("id")?));
        }
        let sql = "SELECT org, connection, connector FROM subscriptions WHERE owner = $1 LIMIT $2";
        for row in self.db.all(sql, [replica.into(), MOST.into()]).await? {
            taken.push(Taken::Subscription(row.parsed("org")?, row.parsed("connection")?, row.text("connector")?));
        }
        let sql = "SELECT org, execution FROM waits WHERE owner = $1 LIMIT $2";
        for row in self.db.all(sql, [replica.into(), MOST.into()]).await? {
            taken.push(Taken::Doubt(row.parsed("org")?, row.parsed("execution")?));
        }
        Ok(taken)
    }

    /// What `replica` has taken and nobody works on is due now; what it has not any more stays as it is.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn give_back(&self, replica: &str, all: &[Taken], now: Timestamp) -> Result<(), Error> {
        let change = |it: &Taken| match it {
            Taken::Delivery(org, id) => Change::new(
                "UPDATE deliveries SET next_at = $4, owner = NULL WHERE org = $1 AND id = $2 AND owner = $3",
                [(*org).into(), (*id).into(), replica.into(), now.into()],
            ),
            Taken::Subscription(org, connection, connector) => Change::new(
                "UPDATE subscriptions SET next_at = $5, owner = NULL \
                 WHERE org = $1 AND connection = $2 AND connector = $3 AND owner = $4",
                [(*org).into(), (*connection).into(), connector.into(), replica.into(), now.into()],
            ),
            Taken::Doubt(org, execution) => Change::new(
                "UPDATE waits SET due_at = $4, owner = NULL WHERE org = $1 AND execution = $2 AND owner = $3",
                [(*org).into(), (*execution).into(), replica.into(), now.into()],
            ),
        };
        if !all.is_empty() {
            self.db.write_all(all.iter().map(change).collect()).await?;
        }
        Ok(())
    }
}
