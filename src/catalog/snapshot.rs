//! The connectors that are everybody's, as they are at a moment.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use indexmap::IndexMap;

use super::mistake::Mistake;
use crate::{base::OrgId, crypto::Digest, spec::Connector, store::Live};

/// The connectors that are everybody's, as they are at a moment. What the registry has live of one goes before the folder's.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Those of the folder, each as it was when it was right last.
    pub folder: IndexMap<String, Arc<Connector>>,
    /// What is wrong with what is in the folder now, by directory.
    pub mistakes: IndexMap<String, Arc<Vec<Mistake>>>,
    /// Why what is in the folder now, and has no mistakes, is not taken over, by id.
    pub refused: IndexMap<String, Arc<str>>,
    /// Those of the registry.
    pub registry: IndexMap<String, Arc<Published>>,
    /// Of the registry, when it was read.
    pub revision: i64,
}

/// A connector of the registry.
#[derive(Debug, Clone, Default)]
pub struct Published {
    /// What the registry says of it.
    pub live: Live,
    /// Its active version.
    pub active: Option<Arc<Connector>>,
    /// The version that is tried.
    pub canary: Option<Arc<Connector>>,
    /// Of orgs that stay with a version.
    pub pinned: HashMap<OrgId, Arc<Connector>>,
    /// Versions that this program can't read any more; whoever should have one goes without it.
    pub unreadable: Vec<String>,
}

impl Published {
    /// The versions that anybody may have.
    pub(super) fn compiled(&self) -> impl Iterator<Item = &Arc<Connector>> {
        self.active.iter().chain(&self.canary).chain(self.pinned.values())
    }

    /// Whether an org tries the canary with all of its calls.
    fn tries(&self, org: OrgId) -> bool {
        self.live.canary.as_ref().is_some_and(|it| it.orgs.contains(&org))
    }
}

impl Snapshot {
    /// The connector of that id, as the org has it: in the version that it is pinned to, or tries, or the active one, or the
    /// folder's.
    pub fn of(&self, org: OrgId, id: &str) -> Option<&Arc<Connector>> {
        let published = self.registry.get(id).and_then(|it| {
            let tried = it.canary.as_ref().filter(|_| it.tries(org));
            it.pinned.get(&org).or(tried).or(it.active.as_ref())
        });
        published.or_else(|| self.folder.get(id))
    }

    /// The version that a call tries in place of what [`Snapshot::of`] gives, if it is one of those that do. All calls of one
    /// conversation, which is the `part`, have the same.
    pub fn tried(&self, org: OrgId, id: &str, part: &str) -> Option<&Arc<Connector>> {
        let published = self.registry.get(id)?;
        let canary = published.live.canary.as_ref()?;
        let chosen = canary.share > 0
            && !published.pinned.contains_key(&org)
            && !published.tries(org)
            && hundredth(&[id, &canary.version, &org.text(), part]) < canary.share;
        published.canary.as_ref().filter(|_| chosen)
    }

    /// Whether some calls try another version of a connector.
    pub fn has_canary(&self, id: &str) -> bool {
        self.registry.get(id).is_some_and(|it| it.canary.is_some())
    }

    /// All of them, as the org has them, by id.
    pub fn all(&self, org: OrgId) -> Vec<Arc<Connector>> {
        self.ids().into_iter().filter_map(|id| self.of(org, id).cloned()).collect()
    }

    /// Every version that anybody may have now.
    pub fn everybodys(&self) -> impl Iterator<Item = &Arc<Connector>> {
        self.folder.values().chain(self.registry.values().flat_map(|it| it.compiled()))
    }

    /// The ids of all that are in the folder or the registry.
    pub fn ids(&self) -> BTreeSet<&str> {
        self.folder.keys().chain(self.registry.keys()).map(String::as_str).collect()
    }

    /// How many there are that an org has unless it is pinned.
    pub fn count(&self) -> usize {
        let active = self.registry.iter().filter(|(id, it)| it.active.is_some() && !self.folder.contains_key(*id));
        self.folder.len() + active.count()
    }

    /// A connector of that id which is loaded and as wanted.
    pub(super) fn find(&self, id: &str, wanted: impl Fn(&Connector) -> bool) -> Option<&Arc<Connector>> {
        let published = self.registry.get(id).into_iter().flat_map(|it| it.compiled());
        self.folder.get(id).into_iter().chain(published).find(|it| wanted(it))
    }
}

/// 0 to 99, spread evenly, and the same in every process for the same parts.
fn hundredth(parts: &[&str]) -> u32 {
    let digest = Digest::of(&parts.join("\0"));
    let start = digest.as_bytes().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    u32::try_from(start % 100).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_is_stable_and_evenly_spread() {
        let of = |number: usize| hundredth(&["shop", "1.0.0", &number.to_string()]);
        let tenth = (0..10_000).filter(|it| of(*it) < 10).count();
        assert!((900..1_100).contains(&tenth), "{tenth}");
        assert_eq!(hundredth(&["a", "b"]), hundredth(&["a", "b"]));
    }
}
