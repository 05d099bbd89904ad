//! Whether a delivery is the provider's.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use super::{Entry, entries};
use crate::{
    auth::{self, Credentials},
    base::{Clock, Secret},
    crypto,
    expr::{Scope, Sink},
    spec::{Events, Verification},
};

/// More notifications are in no provider's delivery. Each is checked alone, and whoever sends them is not known yet.
const MOST: usize = 1_000;

/// Why a delivery is not believed, for ops. It holds nothing of the delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The connection lacks what it would be checked with.
    #[error("the connection has no `{0}` to check it with")]
    NoSecret(String),
    /// It isn't what only the provider can have written.
    #[error("its signature or token is not the expected one")]
    Different,
    /// It says when it was written, and that is too long ago, or not yet.
    #[error("it was not written just now")]
    Stale,
    /// An expression fails on it.
    #[error("it can't be checked: {0}")]
    Unreadable(String),
}

/// The notifications of a delivery that are believed; at least one. Where several stand in one delivery, each is checked
/// alone, since other subscriptions' may stand beside them.
///
/// # Errors
/// If none is.
pub fn believe(
    events: &Events,
    scope: &Scope,
    connection: &Json,
    credentials: &Credentials,
    secret: Option<&Secret>,
    clock: &dyn Clock,
) -> Result<Vec<Entry>, Refused> {
    let all = entries(events, scope).map_err(|it| Refused::Unreadable(it.to_string()))?;
    if all.len() > MOST {
        return Err(Refused::Unreadable(format!(
            "it holds {} notifications, and {MOST} at most are looked at",
            all.len()
        )));
    }
    let Some(verify) = &events.receive.verify else { return Ok(all) };
    for (root, name) in &verify.secrets {
        let known = match root.as_str() {
            "auth" => credentials.fields.get(name),
            _ => secret,
        };
        // Without it, what is expected is made of what anybody can send.
        if known.is_none_or(|it| it.expose().is_empty()) {
            return Err(Refused::NoSecret(format!("{root}.{name}")));
        }
    }
    let mut refused = Refused::Different;
    let mut believed = Vec::new();
    for entry in all {
        match verified(verify, &with_secrets(&entry.scope, connection, credentials, secret, clock), clock.now()) {
            Ok(()) => believed.push(entry),
            Err(why) => refused = why,
        }
    }
    if believed.is_empty() { Err(refused) } else { Ok(believed) }
}

/// The scope of a notification, and beside it the secrets that verifying needs: they are in no other.
fn with_secrets(
    scope: &Scope,
    connection: &Json,
    credentials: &Credentials,
    secret: Option<&Secret>,
    clock: &dyn Clock,
) -> Scope {
    let mut scope = scope.clone();
    scope.set("auth", auth::fields(credentials));
    scope.set("connection", connection.clone());
    scope.set_instant("now", clock.now());
    if let Some(secret) = secret {
        scope.set_part("subscription", "secret", Json::from(secret.expose()));
    }
    scope
}

fn verified(verify: &Verification, scope: &Scope, now: Timestamp) -> Result<(), Refused> {
    // No message of an expression is repeated: it may hold a value.
    let text = |text: &crate::expr::Text| {
        text.render(scope, Sink::Plain).map_err(|_| Refused::Unreadable("an expression of `verify` fails".to_owned()))
    };
    let (given, expected) = (text(&verify.given)?, text(&verify.expected)?);
    if given.is_empty() || expected.is_empty() || !crypto::is_same(&given, &expected) {
        return Err(Refused::Different);
    }
    if let Some((timestamp, tolerance)) = &verify.timestamp {
        let written = timestamp.eval(scope).ok().flatten().as_ref().and_then(instant).ok_or(Refused::Stale)?;
        let tolerance = SignedDuration::try_from(*tolerance).unwrap_or(SignedDuration::ZERO);
        if now.duration_since(written).abs() > tolerance {
            return Err(Refused::Stale);
        }
    }
    Ok(())
}

/// Seconds since 1970, as a number or as text; or a date-time.
fn instant(value: &Json) -> Option<Timestamp> {
    let text = match value {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    match text.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).ok(),
        Err(_) => text.parse().ok(),
    }
}
