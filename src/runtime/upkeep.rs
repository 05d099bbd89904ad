//! What has to be done now and then, without anybody asking.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{Engine, Result};
use crate::base::{Code, Failure};

/// So often.
const PERIOD: Duration = Duration::from_secs(60);

/// So long the chatbot may take to read an event.
const EVENT_LIFE: Duration = Duration::from_hours(30 * 24);

impl Engine {
    /// Ends what another process left behind. The store has one process at a time for now, so whatever another one began
    /// is over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recover(&self) -> Result<()> {
        let now = self.now();
        self.store.waits().give_back(Some(&self.process), now).await?;
        self.store.deliveries().give_back(now).await?;
        self.end_orphans(Some(&self.process), now).await
    }

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
        if self.store.waits().give_back(None, now).await? > 0 {
            self.waker.notify_one();
        }
        self.end_orphans(None, now).await?;
        self.store.waits().prune(now - EVENT_LIFE).await?;
        self.connections.fail_abandoned().await?;
        self.store.executions().forget_keys(now).await?;
        self.store.events().prune(self.now() - EVENT_LIFE).await?;
        Ok(())
    }

    /// Executions past their deadline at `now`, and with `only` those of every other process: nobody is going to end them.
    /// What could be given back was given back as of the same instant, so that none of that is ended.
    async fn end_orphans(&self, only: Option<&str>, now: Timestamp) -> Result<()> {
        let unknown = Failure::new(Code::UnknownOutcome, "the engine stopped while a change was on its way");
        let nothing = Failure::new(Code::Unavailable, "the engine stopped before anything was changed");
        for (org, id) in self.store.executions().recover(only, now, &unknown, &nothing).await? {
            tracing::warn!(org.id = %org, execution.id = %id, "an execution was left behind; its `writes` tell what may have arrived");
        }
        // those that another process ended and died before it could tell, too
        for (org, id) in self.store.waits().over().await? {
            if let Some(ended) = self.store.executions().get(org, id).await? {
                self.store.waits().forget(org, id, &self.ended_event(&ended)).await?;
            }
        }
        Ok(())
    }
}
