//! What every database behind the store must do, and what is each one's own.

mod pgbouncer;
mod portability;
mod postgres;
mod sqlite;

use std::any::Any;

use super::Store;

/// A store of its own.
struct Fresh {
    store: Store,
    url: String,
    /// Gone when this is dropped.
    _folder: Box<dyn Any + Send>,
}
