//! The public keys that providers publish, as they were last read. Whoever finds a webhook address can send tokens that name any
//! key, so an address is asked seldom, by one at a time, and what it answers is bounded.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use url::Url;

use crate::{
    base::{Clock, Code, lock},
    signing::KeySet,
    spec::Http,
    transport::{SendError, Sender, Signed},
    wire::Request,
};

/// A key that its owner has taken away counts no longer than this, as long as its address can be reached …
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// … and than this at all.
const USABLE: SignedDuration = SignedDuration::from_hours(24);

/// An address is asked once in so long, whatever is sent to us.
const BETWEEN: SignedDuration = SignedDuration::from_secs(10);

/// Some providers wait for our answer for five seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// A longer set is not read.
const LONGEST: usize = 256 << 10;

/// More addresses push out those that were not used for longest.
const MOST: u64 = 1_000;

/// How the provider is asked.
pub struct Asking<'a> {
    /// To the world, or to the script of a case.
    pub sender: &'a dyn Sender,
    /// Which hosts may be called.
    pub http: &'a Http,
}

/// Key sets by address, shared by all connections.
#[derive(Debug)]
pub struct KeySets(Cache<String, Arc<Slot>>);

#[derive(Debug, Default)]
struct Slot {
    /// Whoever has it asks; the others use what it got.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<(Timestamp, Arc<KeySet>)>,
    /// When the address was last asked, whatever came of it.
    asked: Option<Timestamp>,
}

impl Default for KeySets {
    fn default() -> Self {
        let idle = Duration::from_secs(USABLE.unsigned_abs().as_secs());
        Self(Cache::builder().max_capacity(MOST).time_to_idle(idle).build())
    }
}

impl KeySets {
    /// The keys at this address, if they were read lately.
    pub(super) fn at_hand(&self, url: &str, clock: &dyn Clock) -> Option<Arc<KeySet>> {
        self.0.get(url)?.read_within(FRESH, clock.now())
    }

    /// Keys that are newer than `seen`. If there are none, why not, and the best that there is beside `seen`.
    pub(super) async fn newer(
        &self,
        url: &str,
        seen: Option<&Arc<KeySet>>,
        asking: &Asking<'_>,
        clock: &dyn Clock,
    ) -> (Option<Arc<KeySet>>, Option<SendError>) {
        let slot = self.0.get_with_by_ref(url, Arc::default);
        let _turn = slot.turn.lock().await;
        let now = clock.now();
        let is_new = |it: &Arc<KeySet>| seen.is_none_or(|seen| !Arc::ptr_eq(seen, it));
        // somebody else may have asked meanwhile
        if let Some(newer) = slot.read_within(FRESH, now).filter(is_new) {
            return (Some(newer), None);
        }
        let read = match slot.may_ask(now) {
            true => read(url, asking).await,
            false => Err(SendError::not_sent(Code::Unavailable, "the provider was asked for its keys just now")),
        };
        match read {
            Ok(keys) => {
                let keys = Arc::new(keys);
                slot.state().last = Some((now, Arc::clone(&keys)));
                (Some(keys), None)
            }
            Err(error) => (slot.read_within(USABLE, now).filter(is_new), Some(error)),
        }
    }
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn read_within(&self, age: SignedDuration, now: Timestamp) -> Option<Arc<KeySet>> {
        let state = self.state();
        let (read, keys) = state.last.as_ref()?;
        (now.duration_since(*read) < age).then(|| Arc::clone(keys))
    }

    /// Notes that it is asked now, unless it was asked just before.
    fn may_ask(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        let may = state.asked.is_none_or(|it| now.duration_since(it).abs() >= BETWEEN);
        if may {
            state.asked = Some(now);
        }
        may
    }
}

async fn read(url: &str, asking: &Asking<'_>) -> Result<KeySet, SendError> {
    let unusable = |message: &str| SendError::not_sent(Code::ProviderError, message);
    let url = Url::parse(url).map_err(|_| unusable("the address of the provider's keys is none"))?;
    let request = Signed::unsigned(Request::get(url, "application/json"));
    let answer = asking.sender.send_signed(request, asking.http, PATIENCE).await?;
    if answer.status != 200 {
        return Err(unusable(&format!("the address of the provider's keys answers {}", answer.status)));
    }
    if answer.body.len() > LONGEST {
        return Err(unusable("the provider's keys are longer than anybody's"));
    }
    let set = serde_json::from_slice(&answer.body).ok();
    set.as_ref().and_then(KeySet::read).ok_or_else(|| unusable("the provider's keys are no JSON Web Key Set"))
}
