//! Keeps the connectors that are everybody's as they are in the folder and in the registry.

use std::{sync::Arc, time::Duration};

use tokio::runtime::Handle;

use super::{Engine, Result, registry::refused};
use crate::{
    catalog::watch::{Folder, Guard, Watch},
    coordination::News,
};

/// So often it is asked whether another replica changed the registry and could not say so.
const ASK_EVERY: Duration = Duration::from_secs(1);

impl Engine {
    /// Reads what changes in the folder of connectors, until the engine is gone. `guarded`: a change has to keep what the one before
    /// promised, as it has to in the registry. Needs a tokio runtime.
    pub fn start_watching(self: &Arc<Self>, mut folder: Folder, guarded: bool) {
        let (engine, watch, handle) = (Arc::downgrade(self), Watch::of(&folder), Handle::current());
        let guard: Arc<Guard> = match guarded {
            true => Arc::new(move |next, current| handle.block_on(refused(next, current))),
            false => Arc::new(|_, _| None),
        };
        tokio::spawn(async move {
            loop {
                watch.next(&folder).await;
                let Some(engine) = engine.upgrade() else { return };
                if engine.is_stopping() {
                    return;
                }
                match engine.catalog.look_again(&mut folder, &guard, engine.now()).await {
                    Ok(others) if others.is_empty() => {}
                    Ok(others) => {
                        engine.enabled.forget_all(|_| true);
                        tracing::info!(connectors = others.join(", "), "connectors of the folder have changed");
                        engine.look_after(others);
                    }
                    Err(error) => tracing::error!(%error, "the connectors stay as they were; it is tried again"),
                }
            }
        });
    }

    /// Follows the registry, until the engine is gone. Needs a tokio runtime.
    pub fn start_following(self: &Arc<Self>) {
        let (engine, changed) = (Arc::downgrade(self), Arc::clone(&self.registry_changed));
        tokio::spawn(async move {
            let mut in_trouble = false;
            loop {
                let told = tokio::time::timeout(ASK_EVERY, changed.notified()).await.is_ok();
                let Some(engine) = engine.upgrade() else { return };
                if engine.is_stopping() {
                    return;
                }
                let followed = engine.follow(told).await;
                if let Err(error) = &followed
                    && !in_trouble
                {
                    tracing::warn!(%error, "the registry can't be read; it is tried again every second");
                }
                in_trouble = followed.is_err();
            }
        });
    }

    /// Looks whether the registry has changed, if somebody said so or could not, and how the versions do that are tried.
    async fn follow(self: &Arc<Self>, told: bool) -> Result<()> {
        // what only this process can be at, only this process changes
        let asks = told || self.store.is_shared();
        if asks && self.catalog.is_outdated().await? {
            self.read_registry().await?;
        }
        self.judge().await
    }

    /// What the registry says of a connector was changed here: this replica knows it when this has ended, and the others soon.
    pub(super) async fn registry_changed(self: &Arc<Self>, id: &str) -> Result<()> {
        self.coordination.tell(News::Registry);
        self.read_registry().await?;
        self.look_after(vec![id.to_owned()]);
        Ok(())
    }

    /// From now on calls begin with what the registry says.
    pub(super) async fn read_registry(&self) -> Result<()> {
        if self.catalog.read_registry().await? {
            self.enabled.forget_all(|_| true);
        }
        Ok(())
    }
}
