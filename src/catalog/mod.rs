//! The connectors: those that are shipped, for every org, and those that an org has of its own.

pub mod folder;
pub mod form;
pub mod mistake;
pub mod own;
pub mod page;
mod versions;

use std::sync::Arc;

use indexmap::IndexMap;

use self::{own::Compiled, versions::Versions};
use crate::{
    base::{BoxFuture, OrgId},
    connections::Connectors,
    spec::Connector,
    store::{self, Store},
};

/// Where connectors are looked up. All of them passed every check.
pub struct Catalog {
    shipped: IndexMap<String, Arc<Connector>>,
    own: Compiled,
    versions: Versions,
}

impl Catalog {
    /// Of shipped connectors with different ids, in the order of their ids, and of whatever orgs keep in the store.
    ///
    /// The ids of orgs' own connectors look different ([`own::is_own`]): shipped ones that look so are never found.
    pub fn new(shipped: impl IntoIterator<Item = Arc<Connector>>, store: Store) -> Self {
        let mut shipped: IndexMap<_, _> = shipped.into_iter().map(|it| (it.id.clone(), it)).collect();
        shipped.sort_keys();
        Self { shipped, own: Compiled::new(store.clone()), versions: Versions::new(store) }
    }

    /// The connector of that id, if the org sees one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn connector(&self, org: OrgId, id: &str) -> Result<Option<Arc<Connector>>, store::Error> {
        if own::is_own(id) { self.own.active(org, id).await } else { Ok(self.shipped.get(id).cloned()) }
    }

    /// The shipped ones, by id.
    pub fn shipped(&self) -> impl Iterator<Item = &Arc<Connector>> {
        self.shipped.values()
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
