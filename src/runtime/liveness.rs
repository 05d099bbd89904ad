//! Who lives: pure rules, told the time by a clock that only goes forward. No two replicas compare clocks.

use std::{collections::HashMap, time::Duration};

use crate::store::Beats;

/// Whether this replica may still send what changes something.
///
/// Others take over what it runs when they have seen no beat of it for a whole lease. So half a lease after its last beat began it
/// stops by itself, and what it has sent has the other half to arrive.
#[derive(Debug)]
pub(super) struct Pulse {
    lease: Duration,
    last: Option<Duration>,
}

impl Pulse {
    /// Of a replica that has not beaten yet.
    pub(super) fn new(lease: Duration) -> Self {
        Self { lease, last: None }
    }

    /// A beat that began at `at` is in the store.
    pub(super) fn beat(&mut self, at: Duration) {
        self.last = self.last.max(Some(at));
    }

    /// Whether what is sent at `at` may be.
    pub(super) fn may_send(&self, at: Duration) -> bool {
        self.last.is_some_and(|last| at.saturating_sub(last) < self.lease / 2)
    }
}

/// What a replica has seen of others.
#[derive(Debug)]
pub(super) struct Watch {
    lease: Duration,
    /// Their beats, and since when those stand still.
    seen: HashMap<String, (i64, Duration)>,
}

impl Watch {
    /// Of a replica that has seen nobody yet.
    pub(super) fn new(lease: Duration) -> Self {
        Self { lease, seen: HashMap::new() }
    }

    /// Takes in what was read by a question that began at `at`, and gives those whose beats stand still for a whole lease.
    pub(super) fn look(&mut self, at: Duration, read: Vec<Beats>) -> Vec<Beats> {
        let mut seen = HashMap::with_capacity(read.len());
        let mut dead = Vec::new();
        for it in read {
            let since = match self.seen.get(&it.replica) {
                Some((beats, since)) if *beats == it.beats => *since,
                _ => at,
            };
            seen.insert(it.replica.clone(), (it.beats, since));
            if at.saturating_sub(since) >= self.lease {
                dead.push(it);
            }
        }
        self.seen = seen;
        dead
    }

    /// Nothing could be read. Perhaps nobody could write either, so the time until now tells nothing.
    pub(super) fn missed(&mut self) {
        self.seen.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(10);

    fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    fn beats(replica: &str, beats: i64) -> Beats {
        Beats { replica: replica.to_owned(), beats }
    }

    #[test]
    fn whoever_could_not_beat_for_half_a_lease_sends_nothing() {
        let mut pulse = Pulse::new(LEASE);
        assert!(!pulse.may_send(at(0)), "nobody knows of it yet");
        pulse.beat(at(100));
        assert!(pulse.may_send(at(104)));
        assert!(!pulse.may_send(at(105)));
        pulse.beat(at(106));
        pulse.beat(at(101));
        assert!(pulse.may_send(at(110)), "an answer that comes late takes nothing back");
    }

    #[test]
    fn whose_beats_stand_still_for_a_lease_is_dead_and_nobody_else() {
        let mut watch = Watch::new(LEASE);
        assert_eq!(watch.look(at(0), vec![beats("a", 1), beats("b", 1)]), []);
        assert_eq!(watch.look(at(9), vec![beats("a", 1), beats("b", 2)]), []);
        assert_eq!(watch.look(at(10), vec![beats("a", 1), beats("b", 2)]), [beats("a", 1)]);
        assert_eq!(watch.look(at(19), vec![beats("b", 2)]), [beats("b", 2)]);
    }

    #[test]
    fn a_time_in_which_nothing_could_be_read_tells_nothing() {
        let mut watch = Watch::new(LEASE);
        watch.look(at(0), vec![beats("a", 1)]);
        watch.missed();
        assert_eq!(watch.look(at(60), vec![beats("a", 1)]), [], "the store was away for both");
        assert_eq!(watch.look(at(70), vec![beats("a", 1)]), [beats("a", 1)]);
    }
}
