//! Everything that outlives the process. One façade; which database is behind it, only `db` knows.
//!
//! The store reads no clock and makes no ids: instants and ids come in. Every question names its org first.

mod authorizations;
mod clients;
mod connections;
mod connector_versions;
mod db;
mod deliveries;
mod duties;
mod enabled_actions;
mod erasures;
mod error;
mod events;
mod execution;
mod executions;
mod hold;
mod kept;
mod live;
mod mappings;
mod migrations;
mod operators;
mod orgs;
mod own_connectors;
mod owned;
mod registry;
mod replicas;
mod retention;
mod subscriptions;
mod taken;
mod value;
mod waits;

#[cfg(test)]
mod conformance;

pub use authorizations::{Authorization, Authorizations};
pub use clients::{Clients, RegisteredClient};
pub use connections::{Connection, Connections, Credential, Lease, Mode, Status};
pub use connector_versions::{ConnectorVersion, ConnectorVersions};
pub use db::Pool;
pub use deliveries::{Deliveries, StoredDelivery};
pub use duties::Duties;
pub use enabled_actions::{EnabledAction, EnabledActions};
pub use erasures::{Erased, Erasure, Erasures, Subject};
pub use error::Error;
pub use events::{Event, EventType, Events};
pub use execution::{Execution, ExecutionStatus, Expired, NewExecution, Resolution, Write, WriteOutcome};
pub use executions::{Begun, Common, Ended, Executions, Filter, Idempotency, Record};
pub use hold::Hold;
pub use kept::{Kept, KeptSeal};
pub use live::{Canary, CanaryEnd, EndedCanary, Limits, Live, Tally};
pub use mappings::{Described, Mappings, OrgObject, SavedMapping};
pub use operators::{OperatorKey, Operators};
pub use orgs::{ApiKey, Org, Orgs};
pub use own_connectors::{OwnConnectors, OwnSource, OwnVersion};
pub use owned::{Claimed, Going, Owned, Running};
pub use registry::{Entry, Pin, Registry, Release};
pub use replicas::{Beats, Replicas};
pub use retention::{Part, Policy, Retention, Retentions};
pub use subscriptions::{Subscription, Subscriptions};
pub use taken::Taken;
pub use value::MOST_BUSY;
pub use waits::{Arrived, Doubted, NEVER, Received, Wait, Waits};

/// The store.
#[derive(Debug, Clone)]
pub struct Store {
    db: db::Db,
}

impl Store {
    /// Opens the store at `url` (`sqlite://path/to/file`, made if need be, or `postgres://user@host/database`), and brings
    /// its schema up to date.
    ///
    /// # Errors
    /// If the URL is of no database that this engine knows, it can't be used, or a newer version wrote it.
    pub async fn open(url: &str) -> Result<Self, Error> {
        Self::open_with(url, Pool::default()).await
    }

    /// The same with so many connections, if the database is a server.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(url: &str, pool: Pool) -> Result<Self, Error> {
        Ok(Self { db: db::Db::open(url, pool).await? })
    }

    /// The same, as a replica of a simulated world reaches it.
    #[cfg(test)]
    pub(crate) fn through(&self, door: crate::system::simulation::Door) -> Self {
        Self { db: self.db.through(door) }
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

    /// Clients that registered themselves at providers.
    pub fn clients(&self) -> Clients<'_> {
        Clients { db: &self.db }
    }

    /// What one replica does for all.
    pub fn duties(&self) -> Duties<'_> {
        Duties { db: &self.db }
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

    /// What connectors that are not an org's own were made of.
    pub fn connector_versions(&self) -> ConnectorVersions<'_> {
        ConnectorVersions { db: &self.db }
    }

    /// Which of them are published, and which are live.
    pub fn registry(&self) -> Registry<'_> {
        Registry { db: &self.db }
    }

    /// Keys of whoever runs the engine.
    pub fn operators(&self) -> Operators<'_> {
        Operators { db: &self.db }
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

    /// The processes that share it.
    pub fn replicas(&self) -> Replicas<'_> {
        Replicas { db: &self.db }
    }

    /// Whether several processes can be at it at the same time.
    pub fn is_shared(&self) -> bool {
        self.db.is_shared()
    }

    /// What runs.
    pub fn running(&self) -> Running<'_> {
        Running { db: &self.db }
    }

    /// What orgs keep, and what goes.
    pub fn retention(&self) -> Retentions<'_> {
        Retentions { db: &self.db }
    }

    /// What conversations and customers left behind.
    pub fn erasures(&self) -> Erasures<'_> {
        Erasures { db: &self.db }
    }

    /// What was run.
    pub fn executions(&self) -> Executions<'_> {
        Executions { db: &self.db }
    }
}
