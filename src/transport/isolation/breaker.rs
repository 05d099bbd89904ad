//! A circuit breaker: what fails again and again is left alone for a while, then asked once.

use std::time::Duration;

use jiff::Timestamp;

use crate::base::{ConnectionId, Random};

/// The first pause; it doubles each time the one request that is let through fails too.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The longest, unless the provider itself asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The longest that a provider may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// Of so many requests the last outcomes are remembered.
const REMEMBERED: u32 = u64::BITS;

/// When a breaker opens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// After so many failures in a row,
    pub(super) in_a_row: u32,
    /// or when so many of the last 64 failed.
    pub(super) of_the_last: u32,
    /// Only if they are of more than one connection: what is wrong with one account says nothing about the provider.
    pub(super) of_several: bool,
}

/// How a request ended, as far as it tells whether the provider works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It answered; a refusal is an answer.
    Answered,
    /// It could not be reached, gave no answer in time, or said that it can't.
    Failed {
        /// For how long it asked to be left alone.
        asked: Option<Duration>,
    },
    /// Neither: it was given up by ourselves.
    Unclear,
}

/// Whether a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// As any.
    Free,
    /// As the one that finds out whether the provider works again.
    Probe,
    /// Not before.
    Shut(Timestamp),
}

/// What an outcome changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing goes through before.
    Opened(Timestamp),
    /// All is well again.
    Closed,
}

/// The breaker of a host, or of a connection at a host.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// The last outcomes, a failure is a one.
    outcomes: u64,
    in_a_row: u32,
    /// Whose failure was the last, and whether others' were among them.
    last: Option<ConnectionId>,
    of_several: bool,
    /// Until when nothing goes through.
    until: Option<Timestamp>,
    /// How often it has opened since all was well.
    openings: u32,
    /// The probe is under way since then.
    probing: Option<Timestamp>,
}

impl Breaker {
    /// Whether it has nothing to remember.
    pub(super) fn is_well(&self) -> bool {
        self.until.is_none() && self.outcomes == 0
    }

    /// Until when nothing goes through, if so.
    pub(super) fn shut_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > now)
    }

    pub(super) fn admit(&mut self, now: Timestamp) -> Admission {
        let Some(until) = self.until else { return Admission::Free };
        if until > now {
            return Admission::Shut(until);
        }
        match self.probing {
            // one at a time; one that was lost doesn't keep it shut for good
            Some(since) if after(since, LONGEST_PAUSE) > now => Admission::Shut(after(now, FIRST_PAUSE)),
            _ => {
                self.probing = Some(now);
                Admission::Probe
            }
        }
    }

    /// The probe was not sent after all.
    pub(super) fn give_up_probe(&mut self) {
        self.probing = None;
    }

    /// Notes how a request ended.
    pub(super) fn note(
        &mut self,
        rule: Rule,
        (outcome, probe): (Outcome, bool),
        by: ConnectionId,
        now: Timestamp,
        random: &dyn Random,
    ) -> Option<Change> {
        if probe {
            self.probing = None;
        }
        match outcome {
            Outcome::Unclear => None,
            Outcome::Answered => {
                self.outcomes <<= 1;
                self.in_a_row = 0;
                // what was sent before it opened, and comes back now, is as good as a probe
                let closes = self.until.is_some();
                if closes || self.outcomes == 0 {
                    *self = Self::default();
                }
                closes.then_some(Change::Closed)
            }
            Outcome::Failed { asked } => {
                self.outcomes = (self.outcomes << 1) | 1;
                self.in_a_row += 1;
                self.of_several |= self.last.is_some_and(|last| last != by);
                self.last = Some(by);
                let enough = self.in_a_row >= rule.in_a_row || self.outcomes.count_ones() >= rule.of_the_last;
                let opens = match self.until {
                    Some(_) => probe,
                    None => enough && (self.of_several || !rule.of_several),
                };
                opens.then(|| self.open(asked, now, random))
            }
        }
    }

    /// Another replica has found it failing, or well.
    pub(super) fn heard(&mut self, until: Option<Timestamp>) {
        match until {
            Some(until) => self.until = Some(self.until.map_or(until, |it| it.max(until))),
            None => *self = Self::default(),
        }
    }

    fn open(&mut self, asked: Option<Duration>, now: Timestamp, random: &dyn Random) -> Change {
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.openings)).min(LONGEST_PAUSE);
        // between half of it and all of it, so that replicas don't ask in step
        let mut bytes = [0; 4];
        random.fill(&mut bytes);
        let pause = pause.mul_f64(0.5 + 0.5 * f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX));
        let until = after(now, pause.max(asked.unwrap_or_default().min(LONGEST_ASKED)));
        self.openings = self.openings.saturating_add(1);
        self.until = Some(until);
        Change::Opened(until)
    }
}

const _: () = assert!(REMEMBERED == 64, "as `Rule` says");

fn after(now: Timestamp, pause: Duration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemRandom;

    const RULE: Rule = Rule { in_a_row: 3, of_the_last: 32, of_several: false };
    const FAILED: Outcome = Outcome::Failed { asked: None };

    /// The longest pauses.
    struct Full;

    impl Random for Full {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(255);
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn connection() -> ConnectionId {
        ConnectionId::new(Timestamp::UNIX_EPOCH, &SystemRandom)
    }

    /// Notes an outcome at a second, of a request that was no probe.
    fn note(breaker: &mut Breaker, outcome: Outcome, second: i64) -> Option<Change> {
        breaker.note(RULE, (outcome, false), connection(), at(second), &Full)
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_probe_closes_it() {
        let mut breaker = Breaker::default();
        for outcome in [FAILED, FAILED, Outcome::Answered, FAILED, Outcome::Unclear, FAILED] {
            assert_eq!(note(&mut breaker, outcome, 0), None);
        }
        assert_eq!(breaker.admit(at(0)), Admission::Free);
        assert_eq!(note(&mut breaker, FAILED, 0), Some(Change::Opened(at(5))));
        assert_eq!((breaker.admit(at(4)), breaker.shut_until(at(4))), (Admission::Shut(at(5)), Some(at(5))));
        assert_eq!(breaker.admit(at(5)), Admission::Probe);
        assert_eq!(breaker.admit(at(5)), Admission::Shut(at(10)), "one at a time");
        let probed = breaker.note(RULE, (Outcome::Answered, true), connection(), at(6), &Full);
        assert_eq!((probed, breaker.admit(at(6)), breaker.is_well()), (Some(Change::Closed), Admission::Free, true));
    }

    #[test]
    fn pauses_double_and_a_provider_may_ask_for_longer_ones() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            note(&mut breaker, FAILED, 0);
        }
        let mut now = 5;
        for pause in [10, 20, 40, 60, 60] {
            assert_eq!(breaker.admit(at(now)), Admission::Probe);
            let opened = breaker.note(RULE, (FAILED, true), connection(), at(now), &Full);
            assert_eq!(opened, Some(Change::Opened(at(now + pause))));
            now += pause;
        }
        for (asked, pause) in [(90, 90), (7, 60), (86_400, 300)] {
            assert_eq!(breaker.admit(at(now)), Admission::Probe);
            let asked = Outcome::Failed { asked: Some(Duration::from_secs(asked)) };
            let opened = breaker.note(RULE, (asked, true), connection(), at(now), &Full);
            assert_eq!(opened, Some(Change::Opened(at(now + pause))));
            now += pause;
        }
    }

    #[test]
    fn a_probe_that_is_given_up_makes_room_for_the_next() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            note(&mut breaker, FAILED, 0);
        }
        assert_eq!(breaker.admit(at(5)), Admission::Probe);
        breaker.note(RULE, (Outcome::Unclear, true), connection(), at(6), &Full);
        assert_eq!(breaker.admit(at(6)), Admission::Probe);
        assert_eq!(breaker.admit(at(100)), Admission::Probe, "or that nobody ever heard of again");
    }

    #[test]
    fn what_was_sent_before_it_opened_and_fails_later_does_not_prolong_it() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            note(&mut breaker, FAILED, 0);
        }
        assert_eq!(note(&mut breaker, FAILED, 4), None);
        assert_eq!(breaker.shut_until(at(4)), Some(at(5)));
        assert_eq!(note(&mut breaker, Outcome::Answered, 4), Some(Change::Closed));
    }

    #[test]
    fn half_of_the_last_ones_open_it_too() {
        let mut breaker = Breaker::default();
        let rule = Rule { in_a_row: 99, ..RULE };
        let mut opened = None;
        for number in 0..62 {
            let outcome = if number % 2 == 0 { FAILED } else { Outcome::Answered };
            assert_eq!(opened, None);
            opened = breaker.note(rule, (outcome, false), connection(), at(0), &Full);
        }
        assert_eq!(opened, None);
        assert!(breaker.note(rule, (FAILED, false), connection(), at(0), &Full).is_some());
    }

    #[test]
    fn one_account_says_nothing_about_its_provider() {
        let (mut breaker, one, rule) = (Breaker::default(), connection(), Rule { of_several: true, ..RULE });
        for _ in 0..9 {
            assert_eq!(breaker.note(rule, (FAILED, false), one, at(0), &Full), None);
        }
        assert!(breaker.note(rule, (FAILED, false), connection(), at(0), &Full).is_some());
    }

    #[test]
    fn what_another_replica_found_counts() {
        let mut breaker = Breaker::default();
        breaker.heard(Some(at(9)));
        breaker.heard(Some(at(7)));
        assert_eq!(breaker.admit(at(8)), Admission::Shut(at(9)));
        assert_eq!(breaker.admit(at(9)), Admission::Probe);
        breaker.heard(None);
        assert_eq!(breaker.admit(at(9)), Admission::Free);
    }
}
