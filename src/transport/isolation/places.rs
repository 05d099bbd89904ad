//! Bounded concurrency with fair queues: how many requests are under way at one host, and whose turn is next.
//!
//! A request holds a [`Place`]. Where there is none, it waits in its org's own queue, and the orgs take turns: one that sends
//! a thousand waits behind itself, and not before the others. A queue is bounded; whoever finds it full is refused.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::sync::oneshot;

use crate::base::{OrgId, lock};

/// How many requests there may be at one host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Under way at the same time.
    pub(super) at_once: usize,
    /// Of these, of one org.
    pub(super) of_org: usize,
    /// Waiting, of one org.
    pub(super) waiting: usize,
}

/// The places at one host.
#[derive(Debug)]
pub(super) struct Places {
    bounds: Bounds,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// Those that have something under way or waiting.
    orgs: HashMap<OrgId, Share>,
    /// Whose turn it is: orgs that wait and may have another place, each once.
    turns: VecDeque<OrgId>,
}

/// What one org has of it.
#[derive(Debug, Default)]
struct Share {
    taken: usize,
    waiting: VecDeque<oneshot::Sender<Place>>,
    /// It stands in `turns`.
    listed: bool,
}

/// A request under way. Dropped, it goes to whoever is next.
#[derive(Debug)]
pub(super) struct Place {
    of: Arc<Places>,
    org: OrgId,
    /// It was not there at once.
    pub(super) has_waited: bool,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crowded {
    /// So many of the same org wait already.
    Full,
    /// None came free in time.
    TooLong,
}

impl Places {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, state: Mutex::default() })
    }

    /// A place, in turn, within `patience`.
    pub(super) async fn take(self: &Arc<Self>, org: OrgId, patience: Duration) -> Result<Place, Crowded> {
        let turn = match self.now_or_queued(org)? {
            Turn::Now(place) => return Ok(place),
            Turn::Later(turn) => turn,
        };
        // boxed, since every request has room for what it awaits
        match Box::pin(tokio::time::timeout(patience, turn)).await {
            Ok(Ok(place)) => Ok(place),
            // who waits is never forgotten: the sender is dropped with the host only
            Ok(Err(_)) | Err(_) => Err(Crowded::TooLong),
        }
    }

    /// A place beyond all bounds, at once: of what must not be kept waiting.
    pub(super) fn take_anyway(self: &Arc<Self>, org: OrgId) -> Place {
        let mut state = self.state();
        state.taken += 1;
        state.orgs.entry(org).or_default().taken += 1;
        Place { of: Arc::clone(self), org, has_waited: false }
    }

    fn now_or_queued(self: &Arc<Self>, org: OrgId) -> Result<Turn, Crowded> {
        let mut state = self.state();
        let State { taken, orgs, turns } = &mut *state;
        let share = orgs.entry(org).or_default();
        let may_have_one = share.taken < self.bounds.of_org;
        // a free place that somebody waits for is on its way there
        if may_have_one && *taken < self.bounds.at_once && share.waiting.is_empty() {
            *taken += 1;
            share.taken += 1;
            return Ok(Turn::Now(Place { of: Arc::clone(self), org, has_waited: false }));
        }
        if share.waiting.len() >= self.bounds.waiting {
            // those that have gone meanwhile take no room
            share.waiting.retain(|it| !it.is_closed());
            if share.waiting.len() >= self.bounds.waiting {
                if share.taken == 0 && share.waiting.is_empty() {
                    orgs.remove(&org);
                }
                return Err(Crowded::Full);
            }
        }
        let (sender, turn) = oneshot::channel();
        share.waiting.push_back(sender);
        if may_have_one && !share.listed {
            share.listed = true;
            turns.push_back(org);
        }
        Ok(Turn::Later(turn))
    }

    /// Takes a place back, and finds who is next.
    fn give_back(&self, org: OrgId) -> Option<(OrgId, oneshot::Sender<Place>)> {
        let mut state = self.state();
        let State { taken, orgs, turns } = &mut *state;
        *taken -= 1;
        if let Some(share) = orgs.get_mut(&org) {
            share.taken -= 1;
            if share.waiting.is_empty() && share.taken == 0 {
                orgs.remove(&org);
            } else if !share.waiting.is_empty() && !share.listed && share.taken < self.bounds.of_org {
                share.listed = true;
                turns.push_back(org);
            }
        }
        while *taken < self.bounds.at_once
            && let Some(org) = turns.pop_front()
        {
            let Some(share) = orgs.get_mut(&org) else { continue };
            share.listed = false;
            if share.taken >= self.bounds.of_org {
                continue; // listed again when it gives one back
            }
            let next = std::iter::from_fn(|| share.waiting.pop_front()).find(|it| !it.is_closed());
            let Some(next) = next else {
                if share.taken == 0 {
                    orgs.remove(&org);
                }
                continue;
            };
            *taken += 1;
            share.taken += 1;
            if !share.waiting.is_empty() && share.taken < self.bounds.of_org {
                share.listed = true;
                turns.push_back(org);
            }
            return Some((org, next));
        }
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

enum Turn {
    Now(Place),
    Later(oneshot::Receiver<Place>),
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((org, next)) = self.of.give_back(self.org) {
            // Whoever has gone in this very moment drops it, and so hands it on.
            drop(next.send(Place { of: Arc::clone(&self.of), org, has_waited: true }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::Pin, task::Poll};

    use futures_util::poll;
    use jiff::Timestamp;

    use super::*;
    use crate::system::SystemRandom;

    const LONG: Duration = Duration::from_secs(3600);

    fn places(at_once: usize, of_org: usize, waiting: usize) -> Arc<Places> {
        Places::new(Bounds { at_once, of_org, waiting })
    }

    fn org() -> OrgId {
        OrgId::new(Timestamp::UNIX_EPOCH, &SystemRandom)
    }

    type Waiting = Pin<Box<dyn Future<Output = Result<Place, Crowded>>>>;

    /// One that stands in the queue.
    async fn waits(places: &Arc<Places>, org: OrgId) -> Waiting {
        let places = Arc::clone(places);
        let mut future: Waiting = Box::pin(async move { places.take(org, LONG).await });
        assert!(poll!(&mut future).is_pending());
        future
    }

    async fn came(future: &mut Waiting) -> Option<Place> {
        match poll!(future) {
            Poll::Ready(place) => Some(place.unwrap()),
            Poll::Pending => None,
        }
    }

    /// Nothing is under way, and nobody is remembered.
    #[track_caller]
    fn is_idle(places: &Places) {
        let state = places.state();
        assert_eq!((state.taken, state.orgs.len(), state.turns.len()), (0, 0, 0));
    }

    #[tokio::test]
    async fn orgs_take_turns_however_many_one_of_them_sends() {
        let (places, noisy, quiet) = (places(2, 2, 100), org(), org());
        let first = places.take(noisy, LONG).await.unwrap();
        let second = places.take(noisy, LONG).await.unwrap();
        let mut flood = Vec::new();
        for _ in 0..50 {
            flood.push(waits(&places, noisy).await);
        }
        let mut one = waits(&places, quiet).await;
        let mut two = waits(&places, quiet).await;
        drop(first);
        let one = came(&mut one).await.expect("the quiet org is next, though fifty came before it");
        drop(second);
        let of_flood = came(&mut flood[0]).await.expect("then it is the other's turn again");
        assert!(came(&mut two).await.is_none());
        drop(one);
        let _two = came(&mut two).await.expect("and so on");
        drop(of_flood);
        let _next = came(&mut flood[1]).await.expect("in each org who came first goes first");
        assert!(came(&mut flood[2]).await.is_none());
    }

    #[tokio::test]
    async fn an_org_has_no_more_than_its_share_and_no_longer_queue() {
        let (places, noisy, quiet) = (places(10, 2, 3), org(), org());
        let held = [places.take(noisy, LONG).await.unwrap(), places.take(noisy, LONG).await.unwrap()];
        let mut queue = [waits(&places, noisy).await, waits(&places, noisy).await, waits(&places, noisy).await];
        assert_eq!(places.take(noisy, LONG).await.unwrap_err(), Crowded::Full);
        let other = places.take(quiet, LONG).await.unwrap();
        drop(held);
        for turn in &mut queue {
            assert!(came(turn).await.is_some());
        }
        drop((queue, other));
        is_idle(&places);
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_takes_nothing_along() {
        let (places, one, other) = (places(1, 1, 2), org(), org());
        let held = places.take(one, LONG).await.unwrap();
        let gone = [waits(&places, one).await, waits(&places, one).await];
        drop(gone);
        let stays = waits(&places, one).await;
        let mut of_other = waits(&places, other).await;
        drop(held);
        drop(stays); // a place was on its way to it
        assert!(came(&mut of_other).await.is_some());
        drop(of_other);
        is_idle(&places);
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_it_may() {
        let (places, org) = (places(1, 1, 2), org());
        let _held = places.take(org, LONG).await.unwrap();
        assert_eq!(places.take(org, Duration::ZERO).await.unwrap_err(), Crowded::TooLong);
        let anyway = places.take_anyway(org);
        assert_eq!(places.state().taken, 2);
        drop(anyway);
        assert_eq!(places.state().taken, 1);
    }
}
