//! Several engines, each a real process, that are one engine together.

mod balancer;
pub(crate) mod fleet;
mod news;
mod rolling;
mod servers;
mod tokens;

use std::path::PathBuf;

use crate::servers::{Postgres, Redis};

/// What replicas share.
struct Shared {
    database_url: String,
    redis: Redis,
}

impl Shared {
    /// A database of its own, and a Redis of its own.
    fn start() -> Self {
        Self { database_url: Postgres::shared().database(), redis: Redis::start() }
    }

    /// Settings of replicas with the connectors of `tests/data/<folder>`.
    fn settings(&self, folder: &str) -> fleet::Settings {
        let connectors = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder);
        fleet::Settings {
            database_url: Some(self.database_url.clone()),
            redis_url: Some(self.redis.url()),
            connectors: Some(connectors),
            ..fleet::Settings::default()
        }
    }
}
