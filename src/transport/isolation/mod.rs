//! What keeps one provider, and one org, from harming the others: bounded concurrency with fair queues, and circuit breakers.
//!
//! | module | does |
//! | --- | --- |
//! | `places` | how many requests are under way at a host, and whose turn is next |
//! | `breaker` | what fails again and again is left alone for a while |
//! | `host` | both, for one host |
//!
//! All of it is by host, since a host is what hangs: connectors share hosts, and a provider may have one for each tenant. An
//! org's own connectors have hosts of their own, so that nothing which an org writes can shut a provider for others.
//!
//! Where nothing is crowded and nothing fails, a request costs two look-ups and a few counters.

mod breaker;
mod host;
mod places;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::host::Host;
pub use self::{breaker::Outcome, host::Pass};
use crate::{
    base::{Clock, Code, ConnectionId, OrgId, Random, lock},
    transport::SendError,
};

/// Hosts beyond this number are forgotten when nothing is under way at them.
const MAX_HOSTS: usize = 10_000;

/// Whoever is refused because too much is going on is told to come back after this.
const SOON: Duration = Duration::from_secs(2);

/// How much may go on at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Requests under way at one host.
    pub at_host: usize,
    /// Of these, of one org.
    pub at_host_of_org: usize,
    /// Waiting for their turn at one host, of one org.
    pub waiting_of_org: usize,
    /// Under way or waiting, of one org at all hosts.
    pub of_org: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { at_host: 512, at_host_of_org: 128, waiting_of_org: 512, of_org: 1024 }
    }
}

/// For whom a request is sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// Its org.
    pub org: OrgId,
    /// Whose account.
    pub connection: ConnectionId,
    /// By a connector that is the org's own.
    pub own: bool,
}

/// That something is left alone until an instant: what replicas tell each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shut {
    /// The host.
    pub host: String,
    /// The org whose own connectors call it; shipped ones are nobody's.
    pub own: Option<OrgId>,
    /// Of one connection only, or the host as a whole.
    pub connection: Option<ConnectionId>,
    /// Nothing goes through before; `None`: it is well again.
    pub until: Option<Timestamp>,
}

/// Tells other replicas. What is lost on the way costs a few requests that fail, and nothing else.
pub trait Herald: Send + Sync {
    /// Doesn't wait.
    fn tell(&self, shut: &Shut);
}

/// By name.
type Hosts = HashMap<Box<str>, Arc<Host>>;

/// Bulkheads and breakers; one for the process.
pub struct Isolation {
    bounds: Bounds,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    herald: Option<Arc<dyn Herald>>,
    /// By whose connectors (`None`: shipped).
    hosts: RwLock<HashMap<Option<OrgId>, Hosts>>,
    /// What each org has under way or waiting.
    orgs: Arc<Mutex<HashMap<OrgId, usize>>>,
}

impl Isolation {
    /// Nothing is under way yet.
    pub fn new(bounds: Bounds, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { bounds, clock, random, herald: None, hosts: RwLock::default(), orgs: Arc::default() }
    }

    /// Tells other replicas what is shut.
    #[must_use]
    pub fn with_herald(self, herald: Arc<dyn Herald>) -> Self {
        Self { herald: Some(herald), ..self }
    }

    /// Lets a request pass, in turn, within `patience`. With `settles` it finds out or takes back what may have happened:
    /// that is never held back.
    ///
    /// # Errors
    /// `unavailable` while the provider is left alone, `rate_limited` where too much is going on: at once, or when patience
    /// ends. Nothing was sent.
    pub async fn enter(&self, by: Sent, host: &str, patience: Duration, settles: bool) -> Result<Pass<'_>, SendError> {
        let host = self.host(by, host);
        if settles {
            let org = self.org(by.org, usize::MAX)?;
            return Ok(host.enter_anyway(self, by, org));
        }
        // before it waits, and again after: what waited for a host that hangs is told as soon as that is known
        host.refuse(by, self.clock.as_ref())?;
        let org = self.org(by.org, self.bounds.of_org)?;
        host.enter(self, by, org, patience).await
    }

    /// What of a connection is left alone now: the host, and until when.
    pub fn shut(&self, connection: ConnectionId) -> Vec<(String, Timestamp)> {
        let now = self.clock.now();
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
        let all = hosts.values().flatten();
        let mut shut: Vec<_> =
            all.filter_map(|(name, host)| Some((name.to_string(), host.shut_until(connection, now)?))).collect();
        shut.sort();
        shut
    }

    /// Another replica has told this.
    pub fn heard(&self, shut: &Shut) {
        self.of(shut.own, &shut.host).heard(shut.connection, shut.until);
    }

    fn host(&self, by: Sent, name: &str) -> Arc<Host> {
        self.of(by.own.then_some(by.org), name)
    }

    fn of(&self, own: Option<OrgId>, name: &str) -> Arc<Host> {
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(&own).and_then(|it| it.get(name)) {
            return Arc::clone(host);
        }
        drop(hosts);
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        if hosts.values().map(HashMap::len).sum::<usize>() >= MAX_HOSTS {
            for of_one in hosts.values_mut() {
                // what is under way or waiting has its host still
                of_one.retain(|_, host| Arc::strong_count(host) > 1);
            }
            hosts.retain(|_, of_one| !of_one.is_empty());
        }
        let host = hosts.entry(own).or_default().entry(name.into());
        Arc::clone(host.or_insert_with_key(|name| Arc::new(Host::new(name, own, self.bounds))))
    }

    /// Counts one more of an org, unless it has `most`.
    fn org(&self, org: OrgId, most: usize) -> Result<OrgShare, SendError> {
        let mut orgs = lock(&self.orgs);
        let count = orgs.entry(org).or_default();
        if *count >= most {
            return Err(held_back(
                Code::RateLimited,
                SOON,
                "too much of this org is going on at the same time".to_owned(),
            ));
        }
        *count += 1;
        Ok(OrgShare { org, orgs: Arc::clone(&self.orgs) })
    }
}

impl std::fmt::Debug for Isolation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Isolation").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

/// One of what an org has going on.
#[derive(Debug)]
struct OrgShare {
    org: OrgId,
    orgs: Arc<Mutex<HashMap<OrgId, usize>>>,
}

impl Drop for OrgShare {
    fn drop(&mut self) {
        let mut orgs = lock(&self.orgs);
        if let Some(count) = orgs.get_mut(&self.org) {
            *count -= 1;
            if *count == 0 {
                orgs.remove(&self.org);
            }
        }
    }
}

fn held_back(code: Code, retry_after: Duration, why: String) -> SendError {
    SendError { retry_after: Some(retry_after), held_back: true, ..SendError::not_sent(code, why) }
}

#[cfg(test)]
mod tests;
