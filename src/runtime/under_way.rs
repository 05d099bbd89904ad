//! What is being done here, by what it is: whoever is at it holds a [`One`] of it until that is dropped. The same may be done
//! twice at a time, by somebody who has lost it and does not know yet, and by the next.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::base::lock;

/// How often what is being done.
#[derive(Debug)]
pub(super) struct UnderWay<K>(Arc<Mutex<HashMap<K, usize>>>);

/// That somebody is at something.
#[derive(Debug)]
pub(super) struct One<K: Eq + Hash> {
    all: UnderWay<K>,
    of: K,
}

impl<K> Clone for UnderWay<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Default for UnderWay<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Clone> UnderWay<K> {
    /// It is being done until what is given is dropped.
    pub(super) fn begun(&self, of: K) -> One<K> {
        *self.counts().entry(of.clone()).or_default() += 1;
        One { all: self.clone(), of }
    }
}

impl<K: Eq + Hash> UnderWay<K> {
    /// Whether somebody is at it.
    pub(super) fn has(&self, of: &K) -> bool {
        self.counts().contains_key(of)
    }

    /// How often each is being done; nothing that is not.
    pub(super) fn counts(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        lock(&self.0)
    }
}

impl<K: Eq + Hash> Drop for One<K> {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        if let Some(count) = counts.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_being_done_until_the_last_one_has_ended() {
        let under_way = UnderWay::default();
        let (first, second) = (under_way.begun("pay"), under_way.clone().begun("pay"));
        assert_eq!(under_way.counts()["pay"], 2);
        drop(first);
        assert!(under_way.has(&"pay"));
        drop(second);
        assert!(!under_way.has(&"pay") && under_way.counts().is_empty());
    }
}
