//! Our own limits towards providers: waiting our turn is cheaper than being refused.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use jiff::Timestamp;

use crate::{
    base::{BoxFuture, Clock, Code, lock},
    spec::RateLimit,
    transport::SendError,
};

/// Where turns at providers are reserved: in this process, or by all replicas together.
pub trait Turns: Send + Sync {
    /// Takes the next turn under `key`, at the instant `now`, and tells how long until it comes. `Err`: it took none, since it
    /// would come after so long, which is more than `patience`.
    fn reserve<'a>(
        &'a self,
        key: &'a str,
        limit: RateLimit,
        patience: Duration,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Duration, Duration>>;
}

/// Waits for a turn under `key`, and tells how long that was.
///
/// # Errors
/// `rate_limited`, at once and without taking a turn, if the wait would be longer than `patience`.
pub async fn turn(
    turns: &dyn Turns,
    key: &str,
    limit: RateLimit,
    patience: Duration,
    clock: &dyn Clock,
) -> Result<Duration, SendError> {
    let wait = turns.reserve(key, limit, patience, clock.now()).await.map_err(|wait| SendError {
        retry_after: Some(wait),
        ..SendError::not_sent(Code::RateLimited, "our own limit towards the provider is used up")
    })?;
    if !wait.is_zero() {
        clock.sleep(wait).await;
    }
    Ok(wait)
}

/// More keys than this are never remembered.
const MAX_KEYS: usize = 10_000;

/// Turns kept in this process, by the generic cell rate algorithm (ITU-T I.371): per key one instant is all that is kept.
///
/// A limit of 300 in 60 s lets 300 through at once when nothing was asked for a while, and then one every 0.2 s. Turns are
/// reserved in the order they are asked for, so that nobody starves.
#[derive(Debug)]
pub struct RateLimiter {
    /// By key, the nanosecond (since the epoch) at which all reserved turns will have been paid for.
    paid: Mutex<HashMap<String, i128>>,
    max_keys: usize,
}

impl Default for RateLimiter {
    fn default() -> Self {
        Self { paid: Mutex::default(), max_keys: MAX_KEYS }
    }
}

impl RateLimiter {
    /// How long until the turn that this takes; or, taking none, how long it would have been.
    fn take(&self, key: &str, limit: RateLimit, patience: Duration, now: Timestamp) -> Result<Duration, Duration> {
        let now = now.as_nanosecond();
        let window = nanoseconds(limit.window);
        let cost = window / i128::from(limit.requests.max(1));
        let mut paid = lock(&self.paid);
        let before = paid.get(key).copied().unwrap_or(now).max(now);
        let wait = u64::try_from((before + cost - now - window).max(0)).map_or(Duration::MAX, Duration::from_nanos);
        if wait > patience {
            return Err(wait);
        }
        self.set(&mut paid, key, before + cost, now);
        Ok(wait)
    }

    /// Keeps what somebody else knows of a key: all turns reserved under it will have been paid for in so long from `now`.
    pub fn owe(&self, key: &str, debt: Duration, now: Timestamp) {
        let now = now.as_nanosecond();
        let mut paid = lock(&self.paid);
        self.set(&mut paid, key, now.saturating_add(nanoseconds(debt)), now);
    }

    fn set(&self, paid: &mut HashMap<String, i128>, key: &str, to: i128, now: i128) {
        if let Some(instant) = paid.get_mut(key) {
            *instant = to;
        } else {
            if paid.len() >= self.max_keys {
                make_room(paid, now);
            }
            paid.insert(key.to_owned(), to);
        }
    }
}

impl Turns for RateLimiter {
    fn reserve<'a>(
        &'a self,
        key: &'a str,
        limit: RateLimit,
        patience: Duration,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Duration, Duration>> {
        Box::pin(std::future::ready(self.take(key, limit, patience, now)))
    }
}

/// Forgets the keys that owe nothing, which is as good as knowing them, and if there are none the one that owes least.
fn make_room(paid: &mut HashMap<String, i128>, now: i128) {
    let before = paid.len();
    paid.retain(|_, instant| *instant > now);
    if paid.len() == before
        && let Some(least) = paid.iter().min_by_key(|(_, instant)| **instant).map(|(key, _)| key.clone())
    {
        paid.remove(&least);
    }
}

fn nanoseconds(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::FixedClock;

    const LIMIT: RateLimit = RateLimit { per_connection: true, requests: 3, window: Duration::from_secs(6) };

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    /// Asks at these instants (ms) with a patience of 4 s; a wait (ms) or the refused one.
    fn check(limiter: &RateLimiter, key: &str, calls: &[(i64, Result<u64, u64>)]) {
        for (index, (instant, expected)) in calls.iter().enumerate() {
            let wait = limiter.take(key, LIMIT, Duration::from_secs(4), at(*instant));
            let expected = expected.map(Duration::from_millis).map_err(Duration::from_millis);
            assert_eq!(wait, expected, "call {index} of {key}");
        }
    }

    #[test]
    fn a_burst_goes_through_and_then_turns_come_evenly() {
        let limiter = RateLimiter::default();
        let burst = [(0, Ok(0)), (0, Ok(0)), (0, Ok(0)), (0, Ok(2000)), (0, Ok(4000)), (0, Err(6000)), (0, Err(6000))];
        check(&limiter, "a", &burst);
        check(&limiter, "b", &[(0, Ok(0))]);
        check(
            &limiter,
            "a",
            &[(4000, Ok(2000)), (30_000, Ok(0)), (30_000, Ok(0)), (30_000, Ok(0)), (30_000, Ok(2000))],
        );
    }

    #[test]
    fn no_more_keys_are_kept_than_allowed_and_busy_ones_longest() {
        let limiter = RateLimiter { max_keys: 2, ..RateLimiter::default() };
        check(&limiter, "idle", &[(0, Ok(0))]);
        check(&limiter, "busy", &[(0, Ok(0)), (0, Ok(0)), (0, Ok(0))]);
        check(&limiter, "third", &[(1000, Ok(0))]);
        assert_eq!(limiter.paid.lock().unwrap().len(), 2);
        check(&limiter, "busy", &[(1000, Ok(1000))]);
        check(&limiter, "fourth", &[(60_000, Ok(0))]);
        assert_eq!(limiter.paid.lock().unwrap().keys().collect::<Vec<_>>(), ["fourth"]);
    }

    #[test]
    fn what_others_know_of_a_key_is_gone_on_from() {
        let limiter = RateLimiter::default();
        limiter.owe("a", Duration::from_secs(4), at(0));
        check(&limiter, "a", &[(0, Ok(0)), (0, Ok(2000))]);
        limiter.owe("a", Duration::ZERO, at(0));
        check(&limiter, "a", &[(0, Ok(0)), (0, Ok(0)), (0, Ok(0)), (0, Ok(2000))]);
    }

    #[tokio::test]
    async fn whoever_would_wait_too_long_is_told_when_to_come_back() {
        let limiter = RateLimiter::default();
        let clock = FixedClock(at(0));
        let ask = async || turn(&limiter, "a", LIMIT, Duration::from_secs(1), &clock).await;
        for _ in 0..3 {
            assert_eq!(ask().await.unwrap(), Duration::ZERO);
        }
        let error = ask().await.unwrap_err();
        assert_eq!((error.code, error.may_have_arrived), (Code::RateLimited, false));
        assert_eq!(error.retry_after, Some(Duration::from_secs(2)));
    }

    #[test]
    fn odd_limits_do_not_panic() {
        for limit in [
            RateLimit { per_connection: false, requests: 0, window: Duration::ZERO },
            RateLimit { per_connection: false, requests: u32::MAX, window: Duration::from_nanos(1) },
            RateLimit { per_connection: false, requests: 1, window: Duration::MAX },
        ] {
            let limiter = RateLimiter::default();
            for _ in 0..3 {
                let _ = limiter.take("a", limit, Duration::MAX, at(0));
            }
        }
    }
}
