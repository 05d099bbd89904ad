//! Everything that outlives the process. One façade; which database is behind it, only `db` knows.
//!
//! The store reads no clock and makes no ids: instants and ids come in. Every question names its org first.

mod authorizations;
mod connections;
mod db;
mod deliveries;
mod enabled_actions;
mod events;
mod execution;
mod executions;
mod kept;
mod mappings;
mod migrations;
mod orgs;
mod own_connectors;
mod subscriptions;
mod value;
mod waits;

#[cfg(test)]
mod conformance;

pub use authorizations::{Authorization, Authorizations};
pub use connections::{Connection, Connections, Credential, Mode, Status};
pub use deliveries::{Deliveries, StoredDelivery};
pub use enabled_actions::{EnabledAction, EnabledActions};
pub use events::{Event, EventType, Events};
pub use execution::{Execution, ExecutionStatus, NewExecution, Write, WriteOutcome};
pub use executions::{Begun, Ended, Executions, Filter, Idempotency, Record};
pub use kept::{Kept, KeptSeal};
pub use mappings::{Described, Mappings, OrgObject, SavedMapping};
pub use orgs::{ApiKey, Org, Orgs};
pub use own_connectors::{OwnConnectors, OwnSource, OwnVersion};
pub use subscriptions::{Subscription, Subscriptions};
pub use waits::{Arrived, Received, Wait, Waits};

/// The store.
#[derive(Debug, Clone)]
pub struct Store {
    db: db::Db,
}

impl Store {
    /// Opens the store at `url` (`sqlite://path/to/file`), makes it if need be, and brings its schema up to date.
    ///
    /// # Errors
    /// If the URL is of no database that this engine knows, the file can't be used, or a newer version wrote it.
    pub async fn open(url: &str) -> Result<Self, Error> {
        Ok(Self { db: db::Db::open(url).await? })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        self.db.all("SELECT 1", []).await.map(drop)
    }

    /// Waits for what runs, and closes.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Tenants and their API keys.
    pub fn orgs(&self) -> Orgs<'_> {
        Orgs { db: &self.db }
    }

    /// Accounts at providers.
    pub fn connections(&self) -> Connections<'_> {
        Connections { db: &self.db }
    }

    /// Consents that a redirect has yet to end.
    pub fn authorizations(&self) -> Authorizations<'_> {
        Authorizations { db: &self.db }
    }

    /// What builders switched on.
    pub fn enabled_actions(&self) -> EnabledActions<'_> {
        EnabledActions { db: &self.db }
    }

    /// What the chatbot is told without asking.
    pub fn events(&self) -> Events<'_> {
        Events { db: &self.db }
    }

    /// Connectors that orgs have of their own.
    pub fn own_connectors(&self) -> OwnConnectors<'_> {
        OwnConnectors { db: &self.db }
    }

    /// What providers sent and nobody has worked off.
    pub fn deliveries(&self) -> Deliveries<'_> {
        Deliveries { db: &self.db }
    }

    /// What was told providers about where to send.
    pub fn subscriptions(&self) -> Subscriptions<'_> {
        Subscriptions { db: &self.db }
    }

    /// Executions that wait, and what wakes them.
    pub fn waits(&self) -> Waits<'_> {
        Waits { db: &self.db }
    }

    /// How orgs map objects to their own fields.
    pub fn mappings(&self) -> Mappings<'_> {
        Mappings { db: &self.db }
    }

    /// What was run.
    pub fn executions(&self) -> Executions<'_> {
        Executions { db: &self.db }
    }
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another row has that name already.
    #[error("there is one of that name already")]
    Taken,
    /// The org or connection that a new row names does not exist.
    #[error("it names something that does not exist")]
    Missing,
    /// A column holds what this version never writes.
    #[error("the column `{0}` holds something unreadable")]
    Corrupt(&'static str),
    /// Not `sqlite://file`.
    #[error("the database URL must look like `sqlite://path/to/file`")]
    Url,
    /// The schema can't be brought up to date.
    #[error("the database's schema can't be brought up to date: {0}")]
    Migrate(sqlx::migrate::MigrateError),
    /// Anything else.
    #[error("the database failed: {0}")]
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(it) if it.is_unique_violation() => Self::Taken,
            sqlx::Error::Database(it) if it.is_foreign_key_violation() => Self::Missing,
            _ => Self::Database(error),
        }
    }
}
