//! Connects orgs' accounts at providers, keeps their credentials, and renews their tokens.
//!
//! | module | does |
//! | --- | --- |
//! | `start`, `callback` | connects: by fields, by a consent, or in the sandbox |
//! | `introduction` | finds the provider before, and registers a client there |
//! | `identify` | asks the provider whose account it is, and whether it can be used |
//! | `kept` | what is sealed beside a credential, and the webhook address |
//! | `disconnect` | takes a connection off |
//! | `rotate` | moves credentials to a new key |
//! | [`tokens`], `renewal` | gives calls their credentials, and renews tokens one at a time |
//! | `idle` | keeps grants alive that nobody uses |
//! | `exchanged` | tokens that are got by exchange, once for all replicas |
//! | `provider` | what is asked of providers |
//! | `slots`, `credential` | what was opened of late, and its sealed form |

mod callback;
mod credential;
mod disconnect;
mod error;
mod exchanged;
mod fields;
mod identify;
mod idle;
mod introduction;
mod kept;
mod provider;
mod renewal;
mod rotate;
mod slots;
mod start;
pub mod tokens;
mod unstored;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

use serde_json::{Value as Json, json};
use tokio::sync::RwLock;
use url::Url;

pub use callback::{Answered, Returned};
pub use credential::Hidden;
pub use disconnect::Disconnected;
pub use error::Error;
pub use start::{Start, Started};
pub use tokens::StoredTokens;

use crate::{
    auth::Client,
    base::{BoxFuture, Clock, ConnectionId, OrgId, Random},
    coordination::{Coordination, News},
    crypto::{Context, KeyRing, Purpose},
    spec::Connector,
    store::{self, Connection, Mode, Store},
    transport::{Sender, http::EndpointOverrides},
};

/// Where connectors are looked up.
pub trait Connectors: Send + Sync {
    /// The connector of that id, if the org sees one.
    fn connector<'a>(&'a self, org: OrgId, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Connector>>, store::Error>>;
}

/// This replica, as the others see it.
pub trait Standing: Send + Sync {
    /// As which it takes leases from now on.
    fn id(&self) -> Arc<str>;
    /// Whether nobody can have taken it, as `id`, for dead. To be asked right before something is sent that must be sent once.
    fn may_send(&self, id: &str) -> bool;
}

/// A replica that nobody watches.
struct Unwatched(Arc<str>);

impl Standing for Unwatched {
    fn id(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    fn may_send(&self, _: &str) -> bool {
        true
    }
}

/// What connecting needs from outside.
pub struct Setup {
    /// Where connections are kept.
    pub store: Store,
    /// Seals credentials; without it none is stored, and so nothing but the sandbox can be connected.
    pub keys: Option<KeyRing>,
    /// The OAuth apps registered at the providers, by provider account.
    pub clients: BTreeMap<String, Client>,
    /// Where providers send the browser back to.
    pub redirect_uri: Url,
    /// What deliveries of providers come to, with a slash at its end; `None` while nobody outside can reach this engine.
    pub webhooks: Option<Url>,
    /// The connectors that orgs see.
    pub connectors: Arc<dyn Connectors>,
    /// To the providers.
    pub sender: Arc<dyn Sender>,
    /// Tells other replicas what changed, and shares tokens with them that are not stored.
    pub coordination: Coordination,
    /// Stand-ins for providers: a browser has to be sent there too.
    pub overrides: EndpointOverrides,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For ids, states and seals.
    pub random: Arc<dyn Random>,
    /// This replica, among those that share the store.
    pub replica: String,
}

/// The connections of all orgs.
#[derive(Clone)]
pub struct Connections(Arc<Shared>);

/// What requests and renewals share.
struct Shared {
    setup: Setup,
    slots: slots::Slots,
    standing: std::sync::RwLock<Arc<dyn Standing>>,
    /// Read by each renewal on its way.
    renewals: Arc<RwLock<()>>,
}

impl Connections {
    /// Over a store and its doors.
    pub fn new(setup: Setup) -> Self {
        let standing = std::sync::RwLock::new(Arc::new(Unwatched(setup.replica.as_str().into())) as Arc<dyn Standing>);
        Self(Arc::new(Shared { setup, slots: slots::Slots::default(), standing, renewals: Arc::default() }))
    }

    /// From now on others watch this replica, and may take over its leases.
    pub fn watched(&self, standing: Arc<dyn Standing>) {
        *self.0.standing.write().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    /// Waits for the renewals that are on their way. To be called before the process ends: a renewal outlives its call.
    pub async fn finish(&self) {
        drop(self.0.renewals.write().await);
    }

    /// One connection.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the org has no such connection.
    pub async fn get(&self, org: OrgId, id: ConnectionId) -> Result<Connection, Error> {
        self.0.get(org, id).await
    }

    /// Another replica says that a connection changed: what was opened is read again.
    pub fn changed(&self, id: ConnectionId) {
        self.0.slots.forget(id);
    }

    /// Any of them may have.
    pub fn changed_all(&self) {
        self.0.slots.forget_all();
    }

    /// An org's connections, the oldest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self, org: OrgId) -> Result<Vec<Connection>, Error> {
        Ok(self.0.setup.store.connections().list(org).await?)
    }
}

impl Shared {
    async fn get(&self, org: OrgId, id: ConnectionId) -> Result<Connection, Error> {
        self.setup.store.connections().get(org, id).await?.ok_or(Error::NotFound)
    }

    /// A connection got another credential or status: nobody uses what was opened before.
    fn changed(&self, org: OrgId, id: ConnectionId) {
        self.slots.forget(id);
        self.setup.coordination.tell(News::Connection(org, id));
    }

    fn standing(&self) -> Arc<dyn Standing> {
        Arc::clone(&self.standing.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn keys(&self) -> Result<&KeyRing, Error> {
        self.setup.keys.as_ref().ok_or(Error::NoKeyRing)
    }

    async fn connector(&self, org: OrgId, id: &str) -> Result<Arc<Connector>, Error> {
        self.setup.connectors.connector(org, id).await?.ok_or_else(|| Error::NoConnector(id.to_owned()))
    }

    fn client(&self, account: &str) -> Result<&Client, Error> {
        self.setup.clients.get(account).ok_or_else(|| Error::NoClient(account.to_owned()))
    }
}

/// What `connection.<name>` holds in a run with this connection: `id`, `label`, captured values, non-secret fields.
pub fn as_scope(connection: &Connection) -> Arc<Json> {
    let mut scope = connection.metadata.clone();
    scope.insert("id".to_owned(), json!(connection.id));
    scope.insert("label".to_owned(), json!(connection.label));
    Arc::new(Json::Object(scope))
}

/// Which of the `needed` scopes a connection lacks. Only a consent has scopes: what a key may do, its provider knows.
pub fn missing_scopes(connection: &Connection, connector: &Connector, needed: &[String]) -> Vec<String> {
    let account = &connector.account;
    if connection.mode == Mode::Sandbox || !account.grants_scopes() {
        return Vec::new();
    }
    account.missing_scopes(&connection.scopes, needed)
}

fn context(connection: &Connection, purpose: Purpose) -> Context {
    Context { org: connection.org, connection: connection.id, purpose }
}

/// Each scope once, in order.
fn sorted(scopes: impl IntoIterator<Item = String>) -> Vec<String> {
    std::collections::BTreeSet::from_iter(scopes).into_iter().collect()
}
