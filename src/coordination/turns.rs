//! Our own limits towards providers: kept by all replicas together where they can, by each for its part where they can't.

use std::{sync::atomic::Ordering, time::Duration};

use jiff::Timestamp;

use super::{Backend, Coordination};
use crate::{base::BoxFuture, spec::RateLimit, transport::Turns};

impl Turns for Coordination {
    fn reserve<'a>(
        &'a self,
        key: &'a str,
        limit: RateLimit,
        patience: Duration,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Duration, Duration>> {
        Box::pin(async move {
            let alone = &self.0.alone;
            if let Backend::Redis(redis) = &self.0.backend
                && let Some(turn) = redis.reserve(key, limit, patience).await
            {
                // Should Redis go now, this replica goes on from what all owe rather than from nothing.
                alone.owe(key, turn.debt, now);
                return if turn.taken { Ok(turn.wait) } else { Err(turn.wait) };
            }
            let replicas = self.0.replicas.load(Ordering::Relaxed);
            alone.reserve(key, part(limit, replicas), patience, now).await
        })
    }
}

/// One replica's part of a limit: of `replicas` such parts the rate is that of the whole, and the burst no higher.
fn part(limit: RateLimit, replicas: usize) -> RateLimit {
    let replicas = u32::try_from(replicas).unwrap_or(u32::MAX).max(1);
    let whole = limit.requests.max(1);
    let requests = (whole / replicas).max(1);
    let window =
        limit.window.as_nanos().saturating_mul(u128::from(replicas) * u128::from(requests)) / u128::from(whole);
    let window = u64::try_from(window).map_or(Duration::MAX, Duration::from_nanos);
    RateLimit { requests, window, ..limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_limit_are_no_more_than_the_whole() {
        let seconds = Duration::from_secs;
        for (requests, window, replicas, expected) in [
            (300, seconds(60), 1, (300, seconds(60))),
            (300, seconds(60), 3, (100, seconds(60))),
            (10, seconds(60), 3, (3, seconds(54))),
            (1, seconds(1), 5, (1, seconds(5))),
            (2, seconds(4), 4, (1, seconds(8))),
            (0, seconds(1), 2, (1, seconds(2))),
        ] {
            let limit = RateLimit { per_connection: true, requests, window };
            let part = part(limit, replicas);
            assert_eq!((part.requests, part.window), expected, "{requests} by {replicas}");
        }
        let huge = RateLimit { per_connection: false, requests: 1, window: Duration::MAX };
        assert_eq!(part(huge, usize::MAX).window, Duration::MAX);
    }
}
