//! Connectors in the version with which executions began, also after the folder or the registry has changed.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use moka::sync::Cache;
use serde_json::json;

use super::{
    Catalog,
    files::{Account, Files},
    folder::Loaded,
    own,
};
use crate::{
    base::OrgId,
    spec::{Connector, ConnectorFiles},
    store::{self, ConnectorVersion, Store},
};

/// So many bytes of sources are kept compiled.
const MOST_BYTES: u64 = 16 << 20;

/// Of so many it is not asked which are kept.
const FEW: usize = 20;

/// Versions that are not loaded, compiled when they are first needed.
pub(super) struct Versions {
    store: Store,
    /// By digest. `None`: it can't be read any more.
    compiled: Cache<String, Option<Arc<Connector>>>,
}

impl Versions {
    pub(super) fn new(store: Store) -> Self {
        let bytes = |it: &Arc<Connector>| u32::try_from(it.source_bytes).unwrap_or(u32::MAX);
        let weight = move |_: &String, it: &Option<Arc<Connector>>| it.as_ref().map_or(1, bytes);
        Self { store, compiled: Cache::builder().weigher(weight).max_capacity(MOST_BYTES).build() }
    }

    async fn get(&self, digest: &str) -> Result<Option<Arc<Connector>>, store::Error> {
        if let Some(connector) = self.compiled.get(digest) {
            return Ok(connector);
        }
        let Some(version) = self.store.connector_versions().get(digest).await? else { return Ok(None) };
        let Ok(files) = serde_json::from_value::<Files>(version.files) else { return Ok(None) };
        let connector = files.compile(version.id.clone()).await;
        if connector.is_none() {
            // It was right when it came: the language has become stricter since.
            tracing::error!(
                connector = version.id,
                version = version.version,
                "a version that was in use can't be read any more"
            );
        }
        self.compiled.insert(digest.to_owned(), connector.clone());
        Ok(connector)
    }
}

impl Catalog {
    /// Keeps what the connectors of a folder were made of.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn keep(&self, loaded: &Loaded, now: Timestamp) -> Result<(), store::Error> {
        let versions = self.store.connector_versions();
        // what is there already stays; to send all of a large folder again would take long, and so would to ask for a few
        let kept = if loaded.connectors.len() > FEW { versions.digests().await? } else { HashSet::new() };
        let files: HashMap<&str, &ConnectorFiles> = loaded.files.iter().map(|it| (it.directory.as_str(), it)).collect();
        let missing = loaded.connectors.iter().filter(|it| !kept.contains(&it.digest)).filter_map(|it| {
            let files = sources_of(loaded, files.get(it.id.as_str())?, &it.account.id);
            let (digest, id, version) = (it.digest.clone(), it.id.clone(), it.version.clone());
            Some(ConnectorVersion { digest, id, version, files: json!(files), created_at: now })
        });
        versions.keep(&missing.collect::<Vec<_>>()).await
    }

    /// The connector of that id in a version that was in use once: an org's own is known by its version, any other by its digest.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn version(
        &self,
        org: OrgId,
        id: &str,
        version: &str,
        digest: Option<&str>,
    ) -> Result<Option<Arc<Connector>>, store::Error> {
        if own::is_own(id) {
            return self.own.of_version(org, id, version).await;
        }
        let snapshot = self.snapshot();
        let Some(digest) = digest else { return Ok(snapshot.find(id, |it| it.version == version).cloned()) };
        match snapshot.find(id, |it| it.digest == digest) {
            Some(loaded) => Ok(Some(Arc::clone(loaded))),
            None => self.versions.get(digest).await,
        }
    }
}

fn sources_of(loaded: &Loaded, files: &ConnectorFiles, account: &str) -> Files {
    let text = |file| loaded.sources.get(file).text.clone();
    let account = loaded.accounts.iter().find(|it| it.stem == account);
    Files {
        connector: text(files.connector),
        account: account.map(|it| Account { id: it.stem.clone(), text: text(it.file) }),
        ..Files::default()
    }
}
