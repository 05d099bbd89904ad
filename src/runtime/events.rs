//! What the chatbot is told without asking.

use serde_json::Value as Json;

use super::{Engine, Result};
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
        Ok(self.store.events().add(&self.event(org, kind, about, data)).await?)
    }

    /// Something to tell, of now.
    pub(super) fn event(&self, org: OrgId, kind: EventType, about: About, data: Json) -> Event {
        let at = self.now();
        let id = EventId::new(at, self.random.as_ref());
        Event { org, id, kind, at, connection: about.connection, execution: about.execution, data }
    }

    /// At most `limit` events behind the cursor `after`, oldest first, each with its own cursor.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn events(
        &self,
        org: OrgId,
        kind: Option<EventType>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, Event)>> {
        Ok(self.store.events().list(org, kind, after, limit).await?)
    }
}
