//! Those who wait for something of this replica, each for one of its kind: the end of an execution, what an org is told.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use crate::base::lock;

/// Wakes whoever waits for a `K`.
#[derive(Debug)]
pub(super) struct Listeners<K> {
    waiting: Mutex<HashMap<K, Arc<Notify>>>,
    /// So that what nobody waits for takes no lock.
    count: AtomicUsize,
}

/// Somebody who waits for one of them.
pub(super) struct Listener<'a, K: Eq + Hash + Copy> {
    all: &'a Listeners<K>,
    key: K,
    pub(super) notify: Arc<Notify>,
}

impl<K> Default for Listeners<K> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), count: AtomicUsize::new(0) }
    }
}

impl<K: Eq + Hash + Copy> Listeners<K> {
    /// To be called once what they wait for can be read from the store.
    pub(super) fn wake(&self, key: K) {
        if self.count.load(Ordering::SeqCst) > 0
            && let Some(notify) = self.waiting().get(&key)
        {
            notify.notify_waiters();
        }
    }

    pub(super) fn listen(&self, key: K) -> Listener<'_, K> {
        let notify = Arc::clone(self.waiting().entry(key).or_default());
        self.count.fetch_add(1, Ordering::SeqCst);
        Listener { all: self, key, notify }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<K, Arc<Notify>>> {
        lock(&self.waiting)
    }
}

impl<K: Eq + Hash + Copy> Drop for Listener<'_, K> {
    fn drop(&mut self) {
        let mut waiting = self.all.waiting();
        self.all.count.fetch_sub(1, Ordering::SeqCst);
        // the map's, and this one
        if Arc::strong_count(&self.notify) == 2 {
            waiting.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_waited_for_wakes_all_who_do_and_leaves_nothing_behind() {
        let all = Listeners::default();
        let (awaited, other) = (1, 2);
        let listeners = [all.listen(awaited), all.listen(awaited)];
        let mut told: Vec<_> = listeners.iter().map(|it| Box::pin(it.notify.notified())).collect();
        told.iter_mut().for_each(|it| assert!(!it.as_mut().enable()));
        all.wake(other);
        assert!(told.iter_mut().all(|it| !it.as_mut().enable()), "it was another one");
        all.wake(awaited);
        futures_util::future::join_all(told).await;
        drop(listeners);
        assert!(all.waiting().is_empty());
        assert_eq!(all.count.load(Ordering::SeqCst), 0);
    }
}
