//! One host of a provider: its places and its breakers.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Bounds, Isolation, OrgShare, SOON, Sent, Shut,
    breaker::{Admission, Breaker, Change, Outcome, Rule},
    held_back,
    places::{self, Crowded, Place, Places},
};
use crate::{
    base::{Clock, Code, ConnectionId, OrgId, lock},
    transport::SendError,
};

/// A connection at a host.
const OF_CONNECTION: Rule = Rule { in_a_row: 5, of_the_last: 48, of_several: false };

/// The host as a whole.
const OF_HOST: Rule = Rule { in_a_row: 20, of_the_last: 56, of_several: true };

/// Connections whose failures are remembered, of one host.
const MAX_CONNECTIONS: usize = 10_000;

/// A host that is called.
#[derive(Debug)]
pub(super) struct Host {
    name: Box<str>,
    own: Option<OrgId>,
    places: Arc<Places>,
    /// Something is remembered in `breakers`.
    troubled: AtomicBool,
    breakers: Mutex<Breakers>,
}

#[derive(Debug, Default)]
struct Breakers {
    all: Breaker,
    /// Those that have failed lately.
    connections: HashMap<ConnectionId, Breaker>,
}

/// A request that may go. Say how it [ended](Self::ended); dropped without, that tells nothing.
#[derive(Debug)]
#[must_use = "dropped, it gives its place back"]
pub struct Pass<'i> {
    isolation: &'i Isolation,
    host: Arc<Host>,
    by: Sent,
    probe: Probe,
    place: Place,
    _org: OrgShare,
}

/// Of which breakers it is the probe.
#[derive(Debug, Clone, Copy, Default)]
struct Probe {
    all: bool,
    connection: bool,
}

impl Host {
    pub(super) fn new(name: &str, own: Option<OrgId>, bounds: Bounds) -> Self {
        let bounds =
            places::Bounds { at_once: bounds.at_host, of_org: bounds.at_host_of_org, waiting: bounds.waiting_of_org };
        let places = Places::new(bounds);
        Self { name: name.into(), own, places, troubled: AtomicBool::new(false), breakers: Mutex::default() }
    }

    /// Refuses what can't pass now in any case.
    pub(super) fn refuse(&self, by: Sent, clock: &dyn Clock) -> Result<(), SendError> {
        if !self.troubled.load(Ordering::Acquire) {
            return Ok(());
        }
        let now = clock.now();
        self.shut_until(by.connection, now).map_or(Ok(()), |until| Err(self.is_left_alone(until, now)))
    }

    pub(super) async fn enter<'i>(
        self: Arc<Self>,
        isolation: &'i Isolation,
        by: Sent,
        org: OrgShare,
        patience: Duration,
    ) -> Result<Pass<'i>, SendError> {
        let place = self.places.take(by.org, patience).await.map_err(|why| {
            let why = match why {
                Crowded::Full => "so many of this org's requests wait for their turn already",
                Crowded::TooLong => "no turn came in time",
            };
            held_back(Code::RateLimited, SOON, format!("{}: {why}", self.name))
        })?;
        let probe = self.admit(by, isolation.clock.as_ref())?;
        Ok(Pass { isolation, host: self, by, probe, place, _org: org })
    }

    pub(super) fn enter_anyway(self: Arc<Self>, isolation: &Isolation, by: Sent, org: OrgShare) -> Pass<'_> {
        let place = self.places.take_anyway(by.org);
        Pass { isolation, host: self, by, probe: Probe::default(), place, _org: org }
    }

    pub(super) fn shut_until(&self, connection: ConnectionId, now: Timestamp) -> Option<Timestamp> {
        if !self.troubled.load(Ordering::Acquire) {
            return None;
        }
        let breakers = lock(&self.breakers);
        let own = breakers.connections.get(&connection).and_then(|it| it.shut_until(now));
        breakers.all.shut_until(now).max(own)
    }

    pub(super) fn heard(&self, connection: Option<ConnectionId>, until: Option<Timestamp>) {
        let mut breakers = lock(&self.breakers);
        match connection {
            None => breakers.all.heard(until),
            Some(id) => {
                if let Some(breaker) = breakers.of(id, until.is_some()) {
                    breaker.heard(until);
                }
                breakers.forget_if_well(id);
            }
        }
        self.troubled.store(breakers.remember_something(), Ordering::Release);
    }

    fn admit(&self, by: Sent, clock: &dyn Clock) -> Result<Probe, SendError> {
        if !self.troubled.load(Ordering::Acquire) {
            return Ok(Probe::default());
        }
        let now = clock.now();
        let mut breakers = lock(&self.breakers);
        let mut probe = Probe::default();
        if let Some(of_connection) = breakers.connections.get_mut(&by.connection) {
            match of_connection.admit(now) {
                Admission::Free => {}
                Admission::Probe => probe.connection = true,
                Admission::Shut(until) => return Err(self.is_left_alone(until, now)),
            }
        }
        match breakers.all.admit(now) {
            Admission::Free => {}
            Admission::Probe => probe.all = true,
            Admission::Shut(until) => {
                if probe.connection
                    && let Some(of_connection) = breakers.connections.get_mut(&by.connection)
                {
                    of_connection.give_up_probe();
                }
                return Err(self.is_left_alone(until, now));
            }
        }
        Ok(probe)
    }

    fn note(&self, isolation: &Isolation, by: Sent, outcome: Outcome, probe: Probe) {
        let failed = matches!(outcome, Outcome::Failed { .. });
        if !failed && !self.troubled.load(Ordering::Acquire) {
            return;
        }
        let (now, random) = (isolation.clock.now(), isolation.random.as_ref());
        let mut breakers = lock(&self.breakers);
        let of_all = breakers.all.note(OF_HOST, (outcome, probe.all), by.connection, now, random);
        let of_connection = breakers
            .of(by.connection, failed)
            .and_then(|it| it.note(OF_CONNECTION, (outcome, probe.connection), by.connection, now, random));
        breakers.forget_if_well(by.connection);
        self.troubled.store(breakers.remember_something(), Ordering::Release);
        drop(breakers);
        for (change, connection) in [(of_all, None), (of_connection, Some(by.connection))] {
            if let Some(change) = change {
                self.tell(isolation, connection, change);
            }
        }
    }

    fn tell(&self, isolation: &Isolation, connection: Option<ConnectionId>, change: Change) {
        let of = connection.map(tracing::field::display);
        let until = match change {
            Change::Opened(until) => {
                tracing::warn!(host = &*self.name, connection.id = of, %until, "a provider fails and is left alone");
                Some(until)
            }
            Change::Closed => {
                tracing::info!(host = &*self.name, connection.id = of, "a provider works again");
                None
            }
        };
        if let Some(herald) = &isolation.herald {
            herald.tell(&Shut { host: self.name.to_string(), own: self.own, connection, until });
        }
    }

    fn is_left_alone(&self, until: Timestamp, now: Timestamp) -> SendError {
        let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
        held_back(
            Code::Unavailable,
            wait,
            format!("{} fails again and again, and is left alone for a while", self.name),
        )
    }
}

impl Breakers {
    /// That of a connection; a new one only if `failed`, and there is room.
    fn of(&mut self, connection: ConnectionId, failed: bool) -> Option<&mut Breaker> {
        if failed && self.connections.len() < MAX_CONNECTIONS {
            return Some(self.connections.entry(connection).or_default());
        }
        self.connections.get_mut(&connection)
    }

    fn forget_if_well(&mut self, connection: ConnectionId) {
        if self.connections.get(&connection).is_some_and(Breaker::is_well) {
            self.connections.remove(&connection);
        }
    }

    fn remember_something(&self) -> bool {
        !self.connections.is_empty() || !self.all.is_well()
    }
}

impl Pass<'_> {
    /// Whether there was no place at once.
    pub fn has_waited(&self) -> bool {
        self.place.has_waited
    }

    /// Notes how the request ended, and gives the place back.
    pub fn ended(mut self, outcome: Outcome) {
        self.note(outcome);
    }

    fn note(&mut self, outcome: Outcome) {
        let probe = std::mem::take(&mut self.probe);
        self.host.note(self.isolation, self.by, outcome, probe);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe.all || self.probe.connection {
            self.note(Outcome::Unclear);
        }
    }
}
