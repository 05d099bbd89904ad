//! What is shared by Redis. Whatever goes wrong there is nothing worse than nothing.

use std::{future::Future, sync::LazyLock, time::Duration};

use redis::{RedisError, RedisResult, Script, aio::MultiplexedConnection, cmd};
use tokio::sync::broadcast::Receiver;

use super::{
    link::{Line, Link},
    news::{News, Told},
};
use crate::{base::Secret, spec::RateLimit};

/// A turn, by the same arithmetic as `transport::limits`, in microseconds of Redis' own clock: that of replicas may differ.
///
/// The key holds the instant at which all reserved turns will have been paid for, and lives until then.
static TURN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local cost, window, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
        local paid = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
        local wait = math.ceil(math.max(paid + cost - now - window, 0))
        if wait > patience then
            return {0, wait, math.ceil(paid - now)}
        end
        paid = paid + cost
        redis.call('SET', KEYS[1], string.format('%.17g', paid), 'PX', math.ceil((paid - now) / 1000) + 1)
        return {1, wait, math.ceil(paid - now)}
        ",
    )
});

/// Longer than this nobody waits for anything, in microseconds; Lua counts exactly so far.
const LONGEST: u64 = 1 << 50;

/// Deletes what holds a value, and nothing else.
static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('GET', KEYS[1]) == ARGV[1] then
            return redis.call('DEL', KEYS[1])
        end
        return 0
        ",
    )
});

/// Where Redis is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `redis://…` or `rediss://…`; it may hold a password.
    pub url: Secret,
    /// What all keys and the channel begin with.
    pub prefix: String,
    /// The authority of its certificate, as PEM; without it the public ones are trusted.
    pub ca: Option<Vec<u8>>,
    /// How long a call waits for Redis; afterwards it counts as away.
    pub patience: Duration,
}

/// A turn, or why there was none.
pub(super) struct Turn {
    pub(super) taken: bool,
    /// Until the turn.
    pub(super) wait: Duration,
    /// Until all turns are paid for.
    pub(super) debt: Duration,
}

/// Redis, for one replica.
pub(super) struct Redis {
    me: String,
    prefix: String,
    patience: Duration,
    link: Link,
}

impl Redis {
    pub(super) fn start(me: &str, settings: &Settings) -> Result<Self, RedisError> {
        let Settings { prefix, patience, .. } = settings;
        let link = Link::start(me, settings)?;
        Ok(Self { me: me.to_owned(), prefix: prefix.clone(), patience: *patience, link })
    }

    pub(super) fn is_there(&self) -> bool {
        self.link.line().is_some()
    }

    pub(super) fn tell(&self, news: News) {
        self.link.tell(Told { from: self.me.clone(), news });
    }

    pub(super) async fn finish(&self) {
        self.link.finish().await;
    }

    pub(super) fn listen(&self) -> Receiver<Told> {
        self.link.listen()
    }

    pub(super) async fn reserve(&self, key: &str, limit: RateLimit, patience: Duration) -> Option<Turn> {
        let window = microseconds(limit.window);
        let cost = window as f64 / f64::from(limit.requests.max(1));
        let mut script = TURN.key(self.key("turns", key));
        script.arg(cost).arg(window).arg(microseconds(patience));
        let (taken, wait, debt): (u8, u64, u64) =
            self.ask(async move |mut redis| script.invoke_async(&mut redis).await).await?;
        let (wait, debt) = (Duration::from_micros(wait), Duration::from_micros(debt));
        Some(Turn { taken: taken == 1, wait, debt })
    }

    pub(super) async fn note(&self, key: &str, value: &[u8], life: Duration) {
        let mut set = cmd("SET");
        set.arg(self.key("notes", key)).arg(value).arg("PX").arg(milliseconds(life));
        let _: Option<()> = self.ask(async move |mut redis| set.query_async(&mut redis).await).await;
    }

    pub(super) async fn noted(&self, key: &str) -> Option<Vec<u8>> {
        let mut get = cmd("GET");
        get.arg(self.key("notes", key));
        self.ask(async move |mut redis| get.query_async::<Option<Vec<u8>>>(&mut redis).await).await?
    }

    pub(super) async fn take(&self, key: &str, life: Duration) -> bool {
        let mut set = cmd("SET");
        set.arg(self.key("notes", key)).arg(&self.me).arg("NX").arg("PX").arg(milliseconds(life));
        let taken = self.ask(async move |mut redis| set.query_async::<Option<String>>(&mut redis).await).await;
        taken.is_none_or(|it| it.is_some())
    }

    pub(super) async fn give_back(&self, key: &str) {
        let mut script = GIVE_BACK.key(self.key("notes", key));
        script.arg(&self.me);
        let _: Option<u8> = self.ask(async move |mut redis| script.invoke_async(&mut redis).await).await;
    }

    fn key(&self, kind: &str, key: &str) -> String {
        format!("{}:{kind}:{key}", self.prefix)
    }

    /// Nothing if Redis is away, or is found to be: then it is left alone until it was reached again.
    async fn ask<T, F>(&self, command: impl FnOnce(MultiplexedConnection) -> F) -> Option<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let Line { number, connection } = self.link.line()?;
        match tokio::time::timeout(self.patience, command(connection)).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => {
                self.link.lose(number, &error.to_string());
                None
            }
            Err(_) => {
                self.link.lose(number, "it did not answer in time");
                None
            }
        }
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(LONGEST).min(LONGEST)
}

fn milliseconds(duration: Duration) -> u64 {
    microseconds(duration).div_ceil(1000).max(1)
}
