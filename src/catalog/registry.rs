//! What the registry says, compiled.

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexMap;

use super::{Catalog, Published, Snapshot, files::Files};
use crate::{
    spec::Connector,
    store::{self, Entry, Pin},
};

impl Catalog {
    /// Reads what the registry says now. Of several who do at the same time, the one who saw the latest counts. Tells whether
    /// there was anything new.
    ///
    /// # Errors
    /// If the store fails; then what was known stays.
    pub async fn read_registry(&self) -> Result<bool, store::Error> {
        let before = self.snapshot();
        let entries = self.store.registry().entries().await?;
        // a change of pins is counted by the entries: what is read after them is as new or newer
        let revision = entries.iter().map(|(_, it)| it.revision).sum();
        if revision == before.revision {
            return Ok(false);
        }
        let mut pins: HashMap<String, Vec<Pin>> = HashMap::new();
        for pin in self.store.registry().pins().await? {
            pins.entry(pin.connector.clone()).or_default().push(pin);
        }
        let mut registry = IndexMap::with_capacity(entries.len());
        for (id, entry) in entries {
            let pins = pins.remove(&id).unwrap_or_default();
            let published = self.published(&before, &id, entry, pins).await?;
            registry.insert(id, Arc::new(published));
        }
        self.change(|it| {
            if it.revision < revision {
                (it.registry, it.revision) = (registry, revision);
            }
        });
        Ok(true)
    }

    /// Whether the registry has changed since it was read.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn is_outdated(&self) -> Result<bool, store::Error> {
        Ok(self.store.registry().revision().await? != self.snapshot().revision)
    }

    /// A version of the registry with all of its files.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn released(&self, id: &str, version: &str) -> Result<Option<Files>, store::Error> {
        let Some(release) = self.store.registry().release(id, version).await? else { return Ok(None) };
        let Some(kept) = self.store.connector_versions().get(&release.digest).await? else { return Ok(None) };
        let Ok(files) = serde_json::from_value::<Files>(kept.files) else { return Ok(None) };
        Ok(Some(Files { tests: release.tests, logo: release.logo, ..files }))
    }

    /// What a connector that is loaded was made of; without its tests, if it is the folder's.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn files_of(&self, connector: &Connector) -> Result<Option<Files>, store::Error> {
        let release = self.store.registry().release(&connector.id, &connector.version).await?;
        if release.is_some_and(|it| it.digest == connector.digest) {
            return self.released(&connector.id, &connector.version).await;
        }
        let kept = self.store.connector_versions().get(&connector.digest).await?;
        Ok(kept.and_then(|it| serde_json::from_value(it.files).ok()))
    }

    async fn published(
        &self,
        before: &Snapshot,
        id: &str,
        entry: Entry,
        pins: Vec<Pin>,
    ) -> Result<Published, store::Error> {
        let live = entry.live;
        let mut compiled = Compiled { catalog: self, before, id, seen: HashMap::new() };
        let active = compiled.get(live.active.as_deref()).await?;
        let canary = compiled.get(live.canary.as_ref().map(|it| it.version.as_str())).await?;
        let mut pinned = HashMap::with_capacity(pins.len());
        for pin in pins {
            if let Some(connector) = compiled.get(Some(&pin.version)).await? {
                pinned.insert(pin.org, connector);
            }
        }
        let unreadable = compiled.seen.into_iter().filter(|(_, it)| it.is_none()).map(|(version, _)| version);
        Ok(Published { active, canary, pinned, unreadable: unreadable.collect(), live })
    }
}

/// The versions of one connector.
struct Compiled<'a> {
    catalog: &'a Catalog,
    before: &'a Snapshot,
    id: &'a str,
    /// `None`: it can't be read.
    seen: HashMap<String, Option<Arc<Connector>>>,
}

impl Compiled<'_> {
    /// A version, which is compiled if that was not done before: it never changes.
    async fn get(&mut self, version: Option<&str>) -> Result<Option<Arc<Connector>>, store::Error> {
        let Some(version) = version else { return Ok(None) };
        if let Some(seen) = self.seen.get(version) {
            return Ok(seen.clone());
        }
        let known = self.before.registry.get(self.id);
        let known = known.and_then(|it| it.compiled().find(|it| it.version == version)).cloned();
        let connector = match known {
            Some(known) => Some(known),
            None => match self.catalog.released(self.id, version).await? {
                Some(files) => files.compile(self.id.to_owned()).await,
                None => None,
            },
        };
        if connector.is_none() {
            tracing::error!(connector = self.id, version, "a version of the registry can't be read, and is left out");
        }
        self.seen.insert(version.to_owned(), connector.clone());
        Ok(connector)
    }
}
