//! What providers told that is no event of a connector: usually a type that nobody asked for, and, while a webhook is being
//! tried, one that should be. Counted by each replica for itself, since it started.

use std::{collections::HashMap, sync::Mutex};

use jiff::Timestamp;

use crate::base::{ConnectionId, lock};

/// At so many addresses; then counting begins anew.
const MOST: usize = 10_000;

/// Notifications that were believed and meant nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmeant {
    /// How many.
    pub count: u64,
    /// When the last one was looked at.
    pub last_at: Timestamp,
}

/// By connection and connector.
#[derive(Debug, Default)]
pub(super) struct AllUnmeant(Mutex<HashMap<(ConnectionId, String), Unmeant>>);

impl AllUnmeant {
    pub(super) fn count(&self, connection: ConnectionId, connector: &str, now: Timestamp) {
        let mut all = lock(&self.0);
        if all.len() >= MOST {
            all.clear();
        }
        let it = all.entry((connection, connector.to_owned())).or_insert(Unmeant { count: 0, last_at: now });
        *it = Unmeant { count: it.count + 1, last_at: now };
    }

    pub(super) fn of(&self, connection: ConnectionId, connector: &str) -> Option<Unmeant> {
        lock(&self.0).get(&(connection, connector.to_owned())).copied()
    }
}
