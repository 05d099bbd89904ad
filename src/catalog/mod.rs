//! The connectors: those that are everybody's, and those that an org has of its own.
//!
//! Everybody's come from a folder (`folder`, `watch`) and from the registry (`registry`). All that is known of them at a moment is
//! one [`Snapshot`] that never changes: what is new comes as another one, between two calls and not within one.

pub mod compare;
pub mod files;
pub mod folder;
pub mod form;
pub mod mistake;
pub mod own;
pub mod page;
mod registry;
mod snapshot;
mod versions;
pub mod watch;

use std::sync::{Arc, PoisonError, RwLock};

use indexmap::IndexMap;

pub use self::snapshot::{Published, Snapshot};
use self::{own::Compiled, versions::Versions};
use crate::{
    base::{BoxFuture, OrgId},
    connections::Connectors,
    spec::Connector,
    store::{self, Store},
};

/// Where connectors are looked up. All of them passed every check.
pub struct Catalog {
    store: Store,
    /// The lock is held while one is taken or put in place of another, never while anything is waited for.
    snapshot: RwLock<Arc<Snapshot>>,
    own: Compiled,
    versions: Versions,
}

impl Catalog {
    /// Of connectors of a folder with different ids, and of whatever orgs keep in the store. What the registry says comes by
    /// [`Catalog::read_registry`].
    ///
    /// The ids of orgs' own connectors look different ([`own::is_own`]): others that look so are never found.
    pub fn new(folder: impl IntoIterator<Item = Arc<Connector>>, store: Store) -> Self {
        let mut folder: IndexMap<_, _> = folder.into_iter().map(|it| (it.id.clone(), it)).collect();
        folder.sort_keys();
        Self {
            snapshot: RwLock::new(Arc::new(Snapshot { folder, ..Snapshot::default() })),
            own: Compiled::new(store.clone()),
            versions: Versions::new(store.clone()),
            store,
        }
    }

    /// What is everybody's now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another snapshot in place of the one that is there.
    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut current = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Snapshot::clone(&current);
        change(&mut next);
        *current = Arc::new(next);
    }

    /// The connector of that id, if the org sees one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn connector(&self, org: OrgId, id: &str) -> Result<Option<Arc<Connector>>, store::Error> {
        if own::is_own(id) { self.own.active(org, id).await } else { Ok(self.snapshot().of(org, id).cloned()) }
    }

    /// The org's own, by id.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn own(&self, org: OrgId) -> Result<Vec<Arc<Connector>>, store::Error> {
        self.own.all_active(org).await
    }
}

impl Connectors for Catalog {
    fn connector<'a>(&'a self, org: OrgId, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Connector>>, store::Error>> {
        Box::pin(self.connector(org, id))
    }
}
