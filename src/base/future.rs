//! Futures behind traits.

use std::{future::Future, pin::Pin};

/// A future that can be sent between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
