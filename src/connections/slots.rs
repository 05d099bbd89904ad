//! The opened credentials of the connections in use, so that a call neither reads the store nor opens a seal.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};

use super::credential::{Credential, Fresh};
use crate::{
    base::{ConnectionId, lock},
    store::Connection,
    transport::SendError,
};

/// More connections at once push out those that nobody uses at the moment.
const MOST: usize = 10_000;

/// So long a credential is used without looking whether another replica changed it and could not say so.
const TRUSTED: SignedDuration = SignedDuration::from_secs(5);

/// After an attempt to get a token that failed for now, so long nobody tries again …
const PAUSE: SignedDuration = SignedDuration::from_secs(2);

/// … and never longer than this, whatever the provider says: a consent may come meanwhile.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// One slot per connection in use.
#[derive(Debug, Default)]
pub(super) struct Slots(Mutex<HashMap<ConnectionId, Arc<Slot>>>);

/// A connection in use.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Whoever gets or renews something holds it: one at a time.
    pub(super) renewal: tokio::sync::Mutex<()>,
    /// Told when another replica changed the connection.
    pub(super) changed: tokio::sync::Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How often it was forgotten.
    changes: u64,
    opened: Option<Opened>,
    /// Tokens got by exchange, by scheme; they are not stored.
    exchanged: IndexMap<String, Fresh>,
    /// Why the last attempt to get a token failed, and until when nobody tries again.
    trouble: Option<(Timestamp, SendError)>,
}

/// When a read began. What was changed meanwhile it may not have seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(u64);

/// An opened credential.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    /// As it was in the store.
    pub(super) connection: Arc<Connection>,
    pub(super) credential: Arc<Credential>,
    /// When it was read.
    pub(super) read_at: Timestamp,
}

impl Opened {
    /// Which of the connection's credentials it is.
    pub(super) fn version(&self) -> i64 {
        self.connection.token_version
    }
}

impl Slots {
    /// The slot of a connection; a new one if it has none.
    pub(super) fn get(&self, id: ConnectionId) -> Arc<Slot> {
        let mut slots = lock(&self.0);
        if slots.len() >= MOST && !slots.contains_key(&id) {
            // A slot that somebody holds must stay: a second one would let two renewals run at once.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        slots.entry(id).or_default().clone()
    }

    /// Forgets what was opened: the connection changed.
    pub(super) fn forget(&self, id: ConnectionId) {
        if let Some(slot) = lock(&self.0).get(&id) {
            slot.forget();
        }
    }

    /// Forgets it of all connections.
    pub(super) fn forget_all(&self) {
        for slot in lock(&self.0).values() {
            slot.forget();
        }
    }
}

impl Slot {
    /// What was opened, unless that was too long ago.
    pub(super) fn opened(&self, now: Timestamp) -> Option<Opened> {
        lock(&self.state).opened.clone().filter(|it| now.duration_since(it.read_at) < TRUSTED)
    }

    /// The token of a scheme that exchanges, if one was got.
    pub(super) fn exchanged(&self, scheme: &str) -> Option<Fresh> {
        lock(&self.state).exchanged.get(scheme).cloned()
    }

    /// Whether somebody is getting a token.
    pub(super) fn is_renewing(&self) -> bool {
        self.renewal.try_lock().is_err()
    }

    /// Refuses while an attempt failed a moment ago: all who waited for it would try in turn.
    pub(super) fn may_try(&self, now: Timestamp) -> Result<(), SendError> {
        match &lock(&self.state).trouble {
            Some((until, error)) if now < *until => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// An attempt failed, but not for ever.
    pub(super) fn pause(&self, now: Timestamp, error: &SendError) {
        let asked = error.retry_after.filter(|it| !it.is_zero());
        let pause = asked.and_then(|it| it.try_into().ok()).unwrap_or(PAUSE);
        let until = now.checked_add(pause.min(LONGEST_PAUSE)).unwrap_or(now);
        lock(&self.state).trouble = Some((until, error.clone()));
    }

    /// To be taken before the store is asked.
    pub(super) fn mark(&self) -> Mark {
        Mark(lock(&self.state).changes)
    }

    /// Keeps a credential that was read since `mark`, unless it was changed meanwhile.
    pub(super) fn keep(&self, mark: Mark, opened: Opened) {
        let state = lock(&self.state);
        if state.changes == mark.0 {
            Self::set(state, opened);
        }
    }

    /// Keeps the newest credential that there is. Tokens that were got with another one are dropped.
    pub(super) fn set_opened(&self, opened: Opened) {
        Self::set(lock(&self.state), opened);
    }

    fn set(mut state: MutexGuard<'_, State>, opened: Opened) {
        if state.opened.as_ref().is_some_and(|it| it.version() != opened.version()) {
            state.exchanged.clear();
            state.trouble = None;
        }
        state.opened = Some(opened);
    }

    /// Keeps a token got by exchange, if it was got with the credential of `version`.
    pub(super) fn set_exchanged(&self, scheme: &str, version: i64, token: Fresh) {
        let mut state = lock(&self.state);
        if state.opened.as_ref().is_some_and(|it| it.version() == version) {
            state.exchanged.insert(scheme.to_owned(), token);
        }
    }

    /// Forgets all of it.
    pub(super) fn forget(&self) {
        let mut state = lock(&self.state);
        *state = State { changes: state.changes + 1, ..State::default() };
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::OrgId,
        store::{Mode, Status},
        system::SystemRandom,
    };

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let (slot, now) = (Slot::default(), Timestamp::UNIX_EPOCH);
        let connection = Connection {
            org: OrgId::new(now, &SystemRandom),
            id: ConnectionId::new(now, &SystemRandom),
            account: String::new(),
            connector: String::new(),
            mode: Mode::Live,
            status: Status::Connected,
            problem: None,
            label: None,
            scopes: Vec::new(),
            metadata: serde_json::Map::new(),
            webhook: String::new(),
            token_version: 1,
            created_at: now,
            updated_at: now,
        };
        let opened = Opened { connection: connection.into(), credential: Arc::default(), read_at: now };
        let before = slot.mark();
        slot.forget();
        slot.keep(before, opened.clone());
        assert!(slot.opened(now).is_none());
        slot.keep(slot.mark(), opened);
        assert_eq!(slot.opened(now).map(|it| it.version()), Some(1));
    }

    #[test]
    fn only_slots_that_nobody_holds_are_pushed_out() {
        let slots = Slots::default();
        let id = || ConnectionId::new(Timestamp::UNIX_EPOCH, &SystemRandom);
        let (held, idle) = (id(), id());
        let slot = slots.get(held);
        let was = Arc::downgrade(&slots.get(idle));
        while lock(&slots.0).len() < MOST {
            slots.get(id());
        }
        slots.get(id());
        assert_eq!(lock(&slots.0).len(), 2);
        assert!(Arc::ptr_eq(&slot, &slots.get(held)));
        assert!(was.upgrade().is_none());
    }
}
