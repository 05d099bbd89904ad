//! How many requests an org may send to the API: none takes the engine from the others.

use std::{collections::HashMap, num::NonZeroU32, sync::Mutex, time::Duration};

use crate::base::{Clock, OrgId, lock};

/// What an org has not asked for lately it may ask for at once, but not more than this.
const SAVED: i128 = 2_000_000_000;

/// So many orgs are remembered.
const MAX_ORGS: usize = 50_000;

/// The requests of each org, by the generic cell rate algorithm, as [`crate::transport::RateLimiter`] has it.
#[derive(Debug)]
pub(super) struct Rates {
    /// Nanoseconds for each request; nothing if there is no limit.
    cost: Option<i128>,
    /// By org, the nanosecond (since the epoch) at which all that it sent will have been paid for.
    paid: Mutex<HashMap<OrgId, i128>>,
}

impl Rates {
    pub(super) fn new(per_second: Option<NonZeroU32>) -> Self {
        Self { cost: per_second.map(|it| 1_000_000_000 / i128::from(it.get())), paid: Mutex::default() }
    }

    /// Counts a request, or tells in what time the next may come.
    pub(super) fn admit(&self, org: OrgId, clock: &dyn Clock) -> Result<(), Duration> {
        let Some(cost) = self.cost else { return Ok(()) };
        let now = clock.now().as_nanosecond();
        let mut paid = lock(&self.paid);
        if paid.len() >= MAX_ORGS {
            paid.retain(|_, instant| *instant > now);
        }
        let owed = paid.entry(org).or_insert(now);
        let next = (*owed).max(now) + cost;
        let wait = next - now - SAVED.max(cost);
        if wait > 0 {
            return Err(Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX)));
        }
        *owed = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{base::clock::FixedClock, system::SystemRandom};

    #[test]
    fn an_org_that_asks_too_often_is_told_when_to_come_back_and_others_are_not() {
        let org = || OrgId::new(Timestamp::UNIX_EPOCH, &SystemRandom);
        let (noisy, quiet) = (org(), org());
        let at = |milliseconds| FixedClock(Timestamp::from_millisecond(milliseconds).unwrap());
        let rates = Rates::new(NonZeroU32::new(10));
        for _ in 0..20 {
            assert_eq!(rates.admit(noisy, &at(0)), Ok(()));
        }
        for _ in 0..2 {
            assert_eq!(rates.admit(noisy, &at(0)), Err(Duration::from_millis(100)));
        }
        assert_eq!(rates.admit(quiet, &at(0)), Ok(()));
        assert_eq!(rates.admit(noisy, &at(100)), Ok(()));
        assert_eq!(rates.admit(noisy, &at(150)), Err(Duration::from_millis(50)));
        let free = Rates::new(None);
        assert!((0..10_000).all(|_| free.admit(noisy, &at(0)).is_ok()));
        let slow = Rates::new(NonZeroU32::new(1));
        assert!(
            slow.admit(noisy, &at(0)).is_ok()
                && slow.admit(noisy, &at(0)).is_ok()
                && slow.admit(noisy, &at(0)).is_err()
        );
    }
}
