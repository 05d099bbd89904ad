//! What the chatbot is told without asking.

use std::time::Duration;

use serde_json::Value as Json;

use super::{
    Engine, Result,
    patience::{Rest, last_moment},
};
use crate::{
    base::{ConnectionId, EventId, ExecutionId, OrgId},
    store::{Event, EventType},
};

/// What an event is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct About {
    /// A connection.
    pub connection: Option<ConnectionId>,
    /// An execution.
    pub execution: Option<ExecutionId>,
}

impl Engine {
    /// Tells an org's chatbot something.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tell(&self, org: OrgId, kind: EventType, about: About, data: Json) -> Result<()> {
        self.store.events().add(&self.event(org, kind, about, data)).await?;
        self.telling.wake(org);
        Ok(())
    }

    /// Something to tell, of now.
    pub(super) fn event(&self, org: OrgId, kind: EventType, about: About, data: Json) -> Event {
        let at = self.now();
        let id = EventId::new(at, self.random.as_ref());
        Event { org, id, kind, at, connection: about.connection, execution: about.execution, data }
    }

    /// At most `limit` events behind the cursor `after`, oldest first, each with its own cursor. Without any, it waits for the
    /// next one for as long as `patience` says.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn events(
        &self,
        org: OrgId,
        kind: Option<EventType>,
        after: i64,
        limit: u32,
        patience: Option<Duration>,
    ) -> Result<Vec<(i64, Event)>> {
        let listener = self.telling.listen(org);
        let mut rest = Rest::until(last_moment(patience.unwrap_or_default()));
        loop {
            let mut told = std::pin::pin!(listener.notify.notified());
            told.as_mut().enable();
            let found = self.store.events().list(org, kind, after, limit).await?;
            if !found.is_empty() || self.is_stopping() || !rest.wait(told).await {
                return Ok(found);
            }
        }
    }
}
