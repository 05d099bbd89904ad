//! When a request is sent once more, and how long to wait before.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use crate::base::{Code, Effect};

/// After the first attempt.
pub(super) const REPETITIONS: u32 = 2;

/// The longest pause after the first attempt; it doubles with each.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// What is known of a request that brought no success.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    /// What the request does to the world.
    pub(super) effect: Effect,
    /// Whether the connector says that it may be sent twice.
    pub(super) idempotent: bool,
    /// What became of it.
    pub(super) code: Code,
    /// Whether the provider may have seen it.
    pub(super) arrived: bool,
    /// Whether it may have taken effect.
    pub(super) unsure: bool,
}

/// Whether sending the same bytes again can help and can't harm.
///
/// A read that timed out isn't repeated: it would most likely use up the time again. An idempotent write is, because the
/// repetition also tells what became of the first one.
pub(super) fn may_repeat(attempt: Attempt) -> bool {
    let passing = matches!(attempt.code, Code::Unavailable | Code::RateLimited);
    match attempt.effect {
        Effect::Read => passing,
        _ if attempt.idempotent => passing || attempt.unsure,
        _ => passing && !attempt.arrived,
    }
}

/// The pause before the next attempt (`attempt` counts from 0): full jitter under a ceiling that doubles, on top of what the
/// provider asked for.
///
/// The jitter comes from the execution's key, so a run is the same every time and yet executions don't march in step.
pub(super) fn pause(key: &str, step: &str, attempt: u32, asked: Option<Duration>) -> Duration {
    let mut hasher = DefaultHasher::new();
    (key, step, attempt).hash(&mut hasher);
    // The upper 32 bits as a fraction of one.
    let fraction = (hasher.finish() >> 32) as f64 / f64::from(u32::MAX);
    let ceiling = FIRST_PAUSE * 2_u32.saturating_pow(attempt);
    asked.unwrap_or_default().saturating_add(ceiling.mul_f64(fraction))
}

/// Never less than was asked.
pub(super) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_safe_and_may_help_is_repeated() {
        use Code::*;
        use Effect::*;
        // effect, idempotent, code, arrived, unsure → repeated
        let table = [
            (Read, false, Unavailable, true, false, true),
            (Read, false, RateLimited, true, false, true),
            (Read, false, Timeout, true, false, false),
            (Read, false, NotFound, true, false, false),
            (Write, false, Unavailable, true, true, false),
            (Write, false, Unavailable, false, false, true),
            (Write, false, RateLimited, false, false, true),
            (Write, false, RateLimited, true, false, false),
            (Write, false, Reauthorize, false, false, false),
            (Write, true, Unavailable, true, true, true),
            (Write, true, Timeout, true, true, true),
            (Write, true, RateLimited, true, false, true),
            (Write, true, Conflict, true, false, false),
            (Money, false, Timeout, true, true, false),
        ];
        for (effect, idempotent, code, arrived, unsure, expected) in table {
            let attempt = Attempt { effect, idempotent, code, arrived, unsure };
            assert_eq!(may_repeat(attempt), expected, "{attempt:?}");
        }
    }

    #[test]
    fn pauses_are_jittered_bounded_and_repeatable() {
        for attempt in 0..3 {
            let ceiling = FIRST_PAUSE * 2_u32.pow(attempt);
            let pauses: Vec<_> = (0..50).map(|it| pause(&format!("key-{it}"), "s", attempt, None)).collect();
            assert!(pauses.iter().all(|it| *it <= ceiling));
            assert!(pauses.iter().any(|it| *it < ceiling / 2) && pauses.iter().any(|it| *it > ceiling / 2));
            assert_eq!(pauses[0], pause("key-0", "s", attempt, None));
        }
        let asked = Duration::from_secs(7);
        assert!(pause("key", "s", 0, Some(asked)) >= asked);
        // a provider may ask for any time, and the pause is reckoned before it is found to be too long
        let forever = Duration::from_secs(u64::MAX);
        assert!((0..50).all(|it| pause(&format!("key-{it}"), "s", 2, Some(forever)) >= forever));
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }
}
