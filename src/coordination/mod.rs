//! What replicas share beside the database: turns at providers, short-lived notes, and news of what changed.
//!
//! It makes many replicas quick, and is never the truth: whatever is asked of it can be answered wrongly by "nothing", and then
//! the store decides, or the provider does. Two backends: this process alone, and Redis.
//!
//! | module | does |
//! | --- | --- |
//! | `news` | what replicas tell each other |
//! | `memory` | shares it within this process |
//! | `redis`, `link` | share it by Redis, and notice when that is away |
//! | `turns` | our own limits towards providers, whoever can be asked |

mod link;
mod memory;
mod news;
mod redis;
#[cfg(test)]
mod tests;
mod turns;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

pub use self::{
    memory::Memory,
    news::{Listener, News},
    redis::Settings,
};
use crate::transport::{
    RateLimiter,
    allowance::{Crier, Spent},
    isolation::{Herald, Shut},
};
use news::Told;
use redis::Redis;

/// One replica's door to what all share.
#[derive(Clone)]
pub struct Coordination(Arc<Shared>);

struct Shared {
    /// This replica.
    me: String,
    backend: Backend,
    /// Turns while nobody else can be asked.
    alone: RateLimiter,
    /// So many replicas are alive.
    replicas: AtomicUsize,
}

enum Backend {
    Memory(Arc<Memory>),
    Redis(Redis),
}

/// Whether what is shared can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// There is nothing to reach: replicas share the database only.
    Unset,
    /// It answers.
    There,
    /// It does not, and is tried again all the time.
    Away,
}

impl Coordination {
    /// Within this process, for the replica `me`. Those that are given the same `memory` share it.
    pub fn in_memory(me: &str, memory: &Arc<Memory>) -> Self {
        Self::over(me, Backend::Memory(Arc::clone(memory)))
    }

    /// Over Redis, for the replica `me`; it is connected to in the background, now and whenever it was lost. Needs a tokio
    /// runtime.
    ///
    /// # Errors
    /// If the URL can't be used.
    pub fn over_redis(me: &str, settings: &Settings) -> Result<Self, ::redis::RedisError> {
        Ok(Self::over(me, Backend::Redis(Redis::start(me, settings)?)))
    }

    fn over(me: &str, backend: Backend) -> Self {
        let (alone, replicas) = (RateLimiter::default(), AtomicUsize::new(1));
        Self(Arc::new(Shared { me: me.to_owned(), backend, alone, replicas }))
    }

    /// Whether what is shared can be reached now.
    pub fn reach(&self) -> Reach {
        match &self.0.backend {
            Backend::Memory(_) => Reach::Unset,
            Backend::Redis(redis) if redis.is_there() => Reach::There,
            Backend::Redis(_) => Reach::Away,
        }
    }

    /// So many replicas are alive, this one among them: without Redis each keeps to its part of a limit.
    pub fn set_replicas(&self, count: usize) {
        self.0.replicas.store(count.max(1), Ordering::Relaxed);
    }

    /// Tells all other replicas; returns at once. If it can't be told now it is as soon as possible.
    pub fn tell(&self, news: News) {
        match &self.0.backend {
            Backend::Memory(memory) => memory.tell(Told { from: self.0.me.clone(), news }),
            Backend::Redis(redis) => redis.tell(news),
        }
    }

    /// Waits until all is told, for a moment at most. To be called before the process ends.
    pub async fn finish(&self) {
        if let Backend::Redis(redis) = &self.0.backend {
            redis.finish().await;
        }
    }

    /// Hears what others tell from now on.
    pub fn listen(&self) -> Listener {
        let told = match &self.0.backend {
            Backend::Memory(memory) => memory.listen(),
            Backend::Redis(redis) => redis.listen(),
        };
        Listener::new(&self.0.me, told)
    }

    /// Notes something for all replicas, for at most so long. What must stay secret has to be sealed.
    pub async fn note(&self, key: &str, value: &[u8], life: Duration) {
        match &self.0.backend {
            Backend::Memory(memory) => memory.note(key, value, life),
            Backend::Redis(redis) => redis.note(key, value, life).await,
        }
    }

    /// What was noted. Nothing if nothing was, or nobody can be asked.
    pub async fn noted(&self, key: &str) -> Option<Vec<u8>> {
        match &self.0.backend {
            Backend::Memory(memory) => memory.noted(key),
            Backend::Redis(redis) => redis.noted(key).await,
        }
    }

    /// Takes something on for all replicas, for at most so long. `false`: another one has. If nobody can be asked it is taken:
    /// what must not be done twice is not to be guarded by this.
    pub async fn take(&self, key: &str, life: Duration) -> bool {
        match &self.0.backend {
            Backend::Memory(memory) => memory.take(key, &self.0.me, life),
            Backend::Redis(redis) => redis.take(key, life).await,
        }
    }

    /// Gives back what this replica took on.
    pub async fn give_back(&self, key: &str) {
        match &self.0.backend {
            Backend::Memory(memory) => memory.give_back(key, &self.0.me),
            Backend::Redis(redis) => redis.give_back(key).await,
        }
    }
}

impl Herald for Coordination {
    fn tell(&self, shut: &Shut) {
        Coordination::tell(self, News::Shut(shut.clone()));
    }
}

impl Crier for Coordination {
    fn cry(&self, spent: &Spent) {
        Coordination::tell(self, News::Spent(spent.clone()));
    }
}
