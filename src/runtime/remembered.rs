//! Rows as they were last read, for a short while. What this process changes is never remembered wrongly.

use std::{
    hash::Hash,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use indexmap::{Equivalent, IndexMap};
use tokio::time::Instant;

use crate::base::lock;

/// A row may be this old when another replica changed it.
const LIFE: Duration = Duration::from_secs(5);

/// Old rows are cleared away once there are twice as many as were left the last time, but not before there are so many.
const FEW: usize = 64;

/// A cache that can't keep what was read before a change and came after it.
///
/// A read and a change may overlap: the read sees the old row, the change is made and forgets what is cached, and only then
/// the read would put the old row back. So a read takes a [`Mark`] before it asks the store.
pub(super) struct Remembered<K, V> {
    most: usize,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    /// Each with the instant at which it was kept. This kind of map can be asked by a key that is borrowed.
    rows: IndexMap<K, (Instant, V)>,
    changes: u64,
    /// With so many rows the old ones are cleared away.
    full: usize,
}

/// When a read began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(u64);

impl<K: Hash + Eq, V: Clone> Remembered<K, V> {
    /// Keeps at most so many rows.
    pub(super) fn new(most: usize) -> Self {
        Self { most, state: Mutex::new(State { rows: IndexMap::new(), changes: 0, full: FEW }) }
    }

    pub(super) fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
        self.state().rows.get(key).filter(|(since, _)| since.elapsed() < LIFE).map(|(_, row)| row.clone())
    }

    /// To be taken before the store is asked.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.state().changes)
    }

    /// Keeps what was read since `mark`, unless something was changed meanwhile.
    pub(super) fn keep(&self, mark: Mark, key: K, row: V) {
        let mut state = self.state();
        if state.changes != mark.0 {
            return;
        }
        if state.rows.len() >= state.full {
            state.rows.retain(|_, (since, _)| since.elapsed() < LIFE);
            if state.rows.len() >= self.most {
                state.rows.clear();
            }
            state.full = (2 * state.rows.len()).clamp(FEW, self.most.max(FEW));
        }
        state.rows.insert(key, (Instant::now(), row));
    }

    /// A row was changed.
    pub(super) fn forget(&self, key: &K) {
        let mut state = self.state();
        state.changes += 1;
        state.rows.swap_remove(key);
    }

    /// All rows whose key is `one_of` these may have been changed.
    pub(super) fn forget_all(&self, one_of: impl Fn(&K) -> bool) {
        let mut state = self.state();
        state.changes += 1;
        state.rows.retain(|key, _| !one_of(key));
    }

    /// The lock is held for as long as a map is looked at, never while the store is asked.
    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let rows = Remembered::new(10);
        let before = rows.mark();
        rows.forget(&1);
        rows.keep(before, 1, "old");
        assert_eq!(rows.get(&1), None);
        rows.keep(rows.mark(), 1, "new");
        assert_eq!(rows.get(&1), Some("new"));

        let before = rows.mark();
        rows.forget_all(|key| *key == 1);
        assert_eq!(rows.get(&1), None);
        rows.keep(before, 1, "old");
        assert_eq!(rows.get(&1), None);
    }
    #[test]
    fn rows_grow_old_and_never_too_many() {
        let rows = Remembered::new(100);
        for key in 0..1000 {
            rows.keep(rows.mark(), key, key);
            assert_eq!(rows.get(&key), Some(key));
            assert!(rows.state().rows.len() <= 100);
        }
        let long_ago = Instant::now().checked_sub(LIFE).expect("the machine runs for longer");
        rows.state().rows.values_mut().for_each(|(since, _)| *since = long_ago);
        assert_eq!(rows.get(&999), None);
        for key in 0..200 {
            rows.keep(rows.mark(), key, key);
        }
        assert!(rows.state().rows.values().all(|(since, _)| *since != long_ago), "the old ones are gone");
    }
}
