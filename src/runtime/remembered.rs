//! Rows as they were last read, for a short while. What this process changes is never remembered wrongly.

use std::{
    hash::Hash,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use moka::sync::Cache;

use crate::base::lock;

/// A cached row may be this old when another replica changed it.
const LIFE: Duration = Duration::from_secs(5);

/// A cache that can't keep what was read before a change and came after it.
///
/// A read and a change may overlap: the read sees the old row, the change is made and forgets what is cached, and only then
/// the read would put the old row back. So a read takes a [`Mark`] before it asks the store.
pub(super) struct Remembered<K, V> {
    rows: Cache<K, V>,
    changes: Mutex<u64>,
}

/// When a read began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(u64);

impl<K, V> Remembered<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Keeps at most so many rows.
    pub(super) fn new(most: u64) -> Self {
        let rows = Cache::builder().max_capacity(most).time_to_live(LIFE).support_invalidation_closures().build();
        Self { rows, changes: Mutex::default() }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.rows.get(key)
    }

    /// To be taken before the store is asked.
    pub(super) fn mark(&self) -> Mark {
        Mark(*self.changes())
    }

    /// Keeps what was read since `mark`, unless something was changed meanwhile.
    pub(super) fn keep(&self, mark: Mark, key: K, row: V) {
        let changes = self.changes();
        if *changes == mark.0 {
            self.rows.insert(key, row);
        }
    }

    /// A row was changed.
    pub(super) fn forget(&self, key: &K) {
        let mut changes = self.changes();
        *changes += 1;
        self.rows.invalidate(key);
    }

    /// All rows whose key is `one_of` these may have been changed.
    pub(super) fn forget_all(&self, one_of: impl Fn(&K) -> bool + Send + Sync + 'static) {
        let mut changes = self.changes();
        *changes += 1;
        // an error means that the cache was built without support for this, which it was not
        let _ = self.rows.invalidate_entries_if(move |key, _| one_of(key));
    }

    /// The lock is held for an insertion or an invalidation only, never while the store is asked.
    fn changes(&self) -> MutexGuard<'_, u64> {
        lock(&self.changes)
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
}
