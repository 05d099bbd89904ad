//! The registry: versions of the connectors that are everybody's, put live by whoever runs the engine.
//!
//! | module | does |
//! | --- | --- |
//! | `operators` | knows whoever runs the engine by a key |
//! | `publish` | adds versions: right, tested, and no more than their number says |
//! | `folder` | holds what changes in the folder to the same |
//! | `difference` | tells what changes from one to another |
//! | `steps` | pins, tries, promotes and takes back |
//! | `canary` | counts how calls go, and takes back what is worse |
//! | `shown` | tells how things stand |

pub(super) mod canary;
mod difference;
mod folder;
mod operators;
mod publish;
mod shown;
mod steps;

use std::{cmp::Ordering, sync::Arc};

use semver::Version;

use super::{Engine, Error, Result};
use crate::{
    catalog::own,
    spec::Connector,
    store::{Entry, Live, Release},
    yaml::typed::is_id,
};
pub use difference::{Difference, Misfit, Side};
pub(super) use folder::refused;
pub use operators::Operator;
pub use publish::Put;
pub use shown::{Counted, Line, ReleaseLine, Standing};
pub use steps::Try;

impl Engine {
    /// What the registry says of a connector now; the catalog knows all of it, or what came after it.
    async fn looked_up(&self, id: &str) -> Result<Entry> {
        let entry = self.store.registry().entry(id).await?;
        self.read_registry().await?;
        Ok(entry)
    }

    /// Changes what is live of a connector, if nobody else did since it was looked up. The others hear of it.
    async fn change_live(
        self: &Arc<Self>,
        id: &str,
        entry: Entry,
        change: impl FnOnce(&mut Live) -> Result<()>,
    ) -> Result<()> {
        let mut live = entry.live;
        change(&mut live)?;
        let (engine, id) = (Arc::clone(self), id.to_owned());
        self.to_its_end(async move {
            if !engine.store.registry().set(&id, &live, entry.revision).await? {
                return Err(changed_meanwhile());
            }
            engine.registry_changed(&id).await
        })
        .await
    }

    /// A version of a connector that was published.
    async fn release(&self, id: &str, version: &str) -> Result<Release> {
        self.store.registry().release(id, version).await?.ok_or(Error::NotFound("version"))
    }

    /// The same, compiled.
    async fn released(&self, id: &str, version: &str) -> Result<Arc<Connector>> {
        let files = self.catalog.released(id, version).await?.ok_or(Error::NotFound("version"))?;
        let id = id.to_owned();
        let checked = tokio::task::spawn_blocking(move || files.check(&id)).await.unwrap_or_default();
        checked.connector.ok_or_else(|| {
            let detail = "this version was right once, and can't be read by this engine any more";
            Error::conflict(detail, "Publish a new version of it.")
        })
    }

    /// What orgs have that are not pinned and try nothing: the active version, or else the folder's.
    fn current(&self, id: &str) -> Option<Arc<Connector>> {
        let snapshot = self.catalog.snapshot();
        let active = snapshot.registry.get(id).and_then(|it| it.active.clone());
        active.or_else(|| snapshot.folder.get(id).cloned())
    }
}

/// An id by which an org's own connector is never found.
fn checked_id(id: &str) -> Result<()> {
    if is_id(id) && !own::is_own(id) {
        return Ok(());
    }
    let why = if own::is_own(id) { "is of an org's own connector, which the org publishes" } else { "is no id" };
    Err(Error::BadRequest(format!("`{id}` {why}: a connector's is lower-case-with-dashes")))
}

fn changed_meanwhile() -> Error {
    Error::conflict(
        "somebody else changed what is live meanwhile",
        "Look at it again, then repeat what is still wanted.",
    )
}

/// By semantic versioning. The checker lets nothing else through.
pub(super) fn compared(a: &str, b: &str) -> Ordering {
    match (Version::parse(a), Version::parse(b)) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}
