//! Whether a delivery is the provider's.

use serde_json::Value as Json;

use super::{Asking, Entry, KeySets, entries, proof};
use crate::{
    auth::{self, Credentials},
    base::{Clock, Secret},
    expr::Scope,
    signing::KeySet,
    spec::{Events, Jwt, Keys, Verification},
    transport::{SendError, render::address},
};

/// More notifications are in no provider's delivery. Each is checked alone, and whoever sends them is not known yet.
const MOST: usize = 1_000;

/// Why a delivery is not believed, for ops. It holds nothing of the delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The connection lacks what it would be checked with.
    #[error("the connection has no `{0}` to check it with")]
    NoSecret(String),
    /// What it would be checked with can't be used.
    #[error("the key that it would be checked with {0}")]
    NoKey(String),
    /// It isn't what only the provider can have written.
    #[error("its signature or token is not the expected one")]
    Different,
    /// The provider has no key of that name.
    #[error("it is signed with a key that the provider does not publish")]
    UnknownKey,
    /// It says when it was written, and that is too long ago, or not yet.
    #[error("it was not written just now")]
    Stale,
    /// An expression fails on it.
    #[error("it can't be checked: {0}")]
    Unreadable(String),
}

/// Why there is nothing to believe.
#[derive(Debug)]
pub enum Unbelieved {
    /// It is not the provider's.
    Refused(Refused),
    /// Nobody can tell now: the provider's keys can't be read.
    Unknown(SendError),
}

impl From<Refused> for Unbelieved {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// What deliveries to a connection are checked with.
pub struct Checks<'a> {
    /// How they are read and believed.
    pub events: &'a Events,
    /// What `connection` holds.
    pub connection: &'a Json,
    /// `auth.<field>`
    pub credentials: &'a Credentials,
    /// `subscription.secret`
    pub secret: Option<&'a Secret>,
    /// The time.
    pub clock: &'a dyn Clock,
}

impl Checks<'_> {
    /// The notifications of a delivery that are believed; at least one. Where several stand in one delivery, each is checked
    /// alone, since other subscriptions' may stand beside them. The provider is asked for its keys only if all else is right,
    /// and seldom.
    ///
    /// # Errors
    /// If none is.
    pub async fn believe(&self, scope: &Scope, sets: &KeySets, asking: &Asking<'_>) -> Result<Vec<Entry>, Unbelieved> {
        let all = entries(self.events, scope).map_err(|it| Refused::Unreadable(it.to_string()))?;
        if all.len() > MOST {
            let why = format!("it holds {} notifications, and {MOST} at most are looked at", all.len());
            return Err(Refused::Unreadable(why).into());
        }
        if self.events.receive.verify.is_empty() {
            return Ok(all);
        }
        let verify = self.rule(scope).ok_or(Refused::Different)?;
        self.holds_all(verify)?;
        let Some(Jwt { keys: Keys::At(url), .. }) = &verify.jwt else {
            return Ok(self.believed(verify, &all, None)?);
        };
        let url = address(url, scope).map_err(|it| Refused::NoKey(format!("is nowhere: {}", it.message)))?;
        let at_hand = sets.at_hand(&url, self.clock);
        match self.believed(verify, &all, at_hand.as_deref()) {
            Err(Refused::UnknownKey) => {}
            judged => return Ok(judged?),
        }
        let (newer, failed) = sets.newer(&url, at_hand.as_ref(), asking, self.clock).await;
        match (self.believed(verify, &all, newer.as_deref()), failed) {
            (Err(Refused::UnknownKey), Some(error)) => Err(Unbelieved::Unknown(error)),
            (judged, _) => Ok(judged?),
        }
    }

    /// What the first notification of a delivery gives and what is expected of it, where the two are compared as texts: for the
    /// author of a case. Of a real delivery it would tell how to forge one.
    pub fn compared(&self, scope: &Scope) -> Option<[String; 2]> {
        let all = entries(self.events, scope).ok()?;
        let verify = self.rule(scope)?;
        proof::compared(verify, &self.with_secrets(&all.first()?.scope))
    }

    /// The first that is for such a delivery.
    fn rule(&self, scope: &Scope) -> Option<&Verification> {
        let is_for = |it: &&Verification| it.when.as_ref().is_none_or(|it| it.test(scope).unwrap_or(false));
        self.events.receive.verify.iter().find(is_for)
    }

    /// Without it, what is expected is made of what anybody can send.
    fn holds_all(&self, verify: &Verification) -> Result<(), Refused> {
        for (root, name) in &verify.secrets {
            let known = match root.as_str() {
                "auth" => self.credentials.fields.get(name),
                _ => self.secret,
            };
            if known.is_none_or(|it| it.expose().is_empty()) {
                return Err(Refused::NoSecret(format!("{root}.{name}")));
            }
        }
        Ok(())
    }

    /// Those that are believed by these keys. One whose key is not known leaves all in doubt: it may be a newer one.
    fn believed(&self, verify: &Verification, all: &[Entry], keys: Option<&KeySet>) -> Result<Vec<Entry>, Refused> {
        let mut refused = Refused::Different;
        let mut believed = Vec::new();
        for entry in all {
            match proof::holds(verify, &self.with_secrets(&entry.scope), keys, self.clock.now()) {
                Ok(()) => believed.push(entry.clone()),
                Err(_) if refused == Refused::UnknownKey => {}
                Err(why) => refused = why,
            }
        }
        if believed.is_empty() || refused == Refused::UnknownKey { Err(refused) } else { Ok(believed) }
    }

    /// The scope of a notification, and beside it the secrets that verifying needs: they are in no other.
    fn with_secrets(&self, scope: &Scope) -> Scope {
        let mut scope = scope.clone();
        scope.set("auth", auth::fields(self.credentials));
        scope.set("connection", self.connection.clone());
        scope.set_instant("now", self.clock.now());
        if let Some(secret) = self.secret {
            scope.set_part("subscription", "secret", Json::from(secret.expose()));
        }
        scope
    }
}
