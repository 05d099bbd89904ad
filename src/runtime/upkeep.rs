//! What has to be done now and then, without anybody asking.

use std::time::Duration;

use super::{Engine, Result};

/// So long after its death a replica is remembered.
const DEAD: Duration = Duration::from_hours(24);

impl Engine {
    /// Forgets what nobody needs any more.
    pub(super) async fn keep_up(&self) -> Result<()> {
        let now = self.now();
        self.store.replicas().bury(now - DEAD).await?;
        self.connections.fail_abandoned().await?;
        Ok(())
    }
}
