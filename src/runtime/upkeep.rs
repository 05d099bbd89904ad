//! What has to be done now and then, without anybody asking.

use std::time::Duration;

use super::{Engine, Result};

/// So long after its death a replica is remembered.
const DEAD: Duration = Duration::from_hours(24);

/// So long the chatbot may take to read an event.
const EVENT_LIFE: Duration = Duration::from_hours(30 * 24);

impl Engine {
    /// Forgets what nobody needs any more.
    pub(super) async fn keep_up(&self) -> Result<()> {
        let now = self.now();
        self.store.replicas().bury(now - DEAD).await?;
        self.store.waits().prune(now - EVENT_LIFE).await?;
        self.connections.fail_abandoned().await?;
        self.store.executions().forget_keys(now).await?;
        self.store.events().prune(self.now() - EVENT_LIFE).await?;
        Ok(())
    }
}
