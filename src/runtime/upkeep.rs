//! What has to be done now and then, without anybody asking.

use std::{sync::Arc, time::Duration};

use super::{Engine, Result};

/// So often.
const PERIOD: Duration = Duration::from_secs(60);

/// So long after its death a replica is remembered.
const DEAD: Duration = Duration::from_hours(24);

/// So long the chatbot may take to read an event.
const EVENT_LIFE: Duration = Duration::from_hours(30 * 24);

impl Engine {
    /// Does it once a minute until the engine is gone. Needs a tokio runtime.
    pub fn start_upkeep(self: &Arc<Self>) {
        let engine = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(PERIOD);
            if let Some(engine) = engine.upgrade()
                && let Err(error) = engine.want_all_subscriptions().await
            {
                tracing::warn!(%error, "not all subscriptions are wanted; connecting or enabling wants them again");
            }
            loop {
                ticks.tick().await;
                let Some(engine) = engine.upgrade() else { return };
                if engine.is_stopping() {
                    return;
                }
                if let Err(error) = engine.keep_up().await {
                    tracing::warn!(%error, "upkeep failed; it is tried again in a minute");
                }
            }
        });
        // Beside the rest, since providers are waited for.
        let engine = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(PERIOD);
            loop {
                ticks.tick().await;
                let Some(engine) = engine.upgrade() else { return };
                if engine.is_stopping() {
                    return;
                }
                if let Err(error) = engine.describe_due().await {
                    tracing::warn!(%error, "orgs' fields could not be described; it is tried again in a minute");
                }
            }
        });
    }

    async fn keep_up(&self) -> Result<()> {
        let now = self.now();
        self.store.replicas().bury(now - DEAD).await?;
        self.store.waits().prune(now - EVENT_LIFE).await?;
        self.connections.fail_abandoned().await?;
        self.store.executions().forget_keys(now).await?;
        self.store.events().prune(self.now() - EVENT_LIFE).await?;
        Ok(())
    }
}
