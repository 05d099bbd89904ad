//! Locks that are held for a moment.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also if somebody panicked with it: what these locks guard is whole at every moment.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
