//! The connectors that are loaded.

pub mod folder;
pub mod page;

use std::sync::Arc;

use indexmap::IndexMap;

use crate::{connections::Connectors, spec::Connector};

/// A set of connectors that passed every check; never changed, only replaced.
#[derive(Debug, Default)]
pub struct Catalog {
    connectors: IndexMap<String, Arc<Connector>>,
}

impl Catalog {
    /// Of connectors with different ids, in the order of their ids.
    pub fn new(connectors: impl IntoIterator<Item = Arc<Connector>>) -> Self {
        let mut connectors: IndexMap<_, _> = connectors.into_iter().map(|it| (it.id.clone(), it)).collect();
        connectors.sort_keys();
        Self { connectors }
    }

    /// The connector of that id.
    pub fn connector(&self, id: &str) -> Option<&Arc<Connector>> {
        self.connectors.get(id)
    }

    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Connector>> {
        self.connectors.values()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.connectors.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.connectors.is_empty()
    }
}

impl Connectors for Catalog {
    fn connector(&self, id: &str) -> Option<Arc<Connector>> {
        self.connectors.get(id).cloned()
    }
}
