//! Tells providers where to send what they tell unasked: once an account is connected, again before it ends, and that it is
//! over when the account is disconnected.
//!
//! The secret that deliveries are recognised by is stored before the provider is told: its first delivery may come before its
//! answer. It stays the same, so that one subscription too many does no harm.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::{
    Engine, Error, Result,
    deliveries::pause,
    enabled::Seen,
    run::{Begin, Inputs, Watch},
    unmeant::Unmeant,
    waker::LEASE,
};
use crate::{
    auth::Used,
    base::{Code, ConnectionId, Failure, OrgId, Random},
    crypto::{Purpose, random_token},
    expr::Scope,
    interpreter::{ExecutionNames, Ran, Unobserved},
    spec::{Connector, Plan, Subscribe},
    store::{Connection, Mode, Status, Subscription},
};

/// What the provider refuses for good is tried again so seldom: a plan may be bought, a right be given.
const REFUSED_PAUSE: Duration = Duration::from_hours(6);

/// A subscription is not made or renewed sooner than this after the last time, whatever end its provider tells.
const SOONEST: SignedDuration = SignedDuration::from_secs(60);

/// Why a webhook is not set.
const UNREACHABLE: &str = "`public_url` is no https address that a provider could reach";

/// An address at which a connection takes what a provider tells.
#[derive(Debug)]
pub struct Webhook {
    /// For which connector.
    pub connector: String,
    /// The address.
    pub url: String,
    /// Whether the provider was told it.
    pub subscribed: bool,
    /// Why the provider could not be told, or could not reach it.
    pub problem: Option<String>,
    /// Until when the provider sends there.
    pub expires_at: Option<Timestamp>,
    /// What came there and meant nothing.
    pub unmeant: Option<Unmeant>,
}

impl Engine {
    /// The webhook addresses of a connection.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn webhooks(&self, connection: &Connection) -> Result<Vec<Webhook>> {
        let all = self.store.subscriptions().of(connection.org, connection.id).await?;
        let webhook = |it: Subscription| {
            let reached = self.connections.webhook_url(connection, &it.connector).is_some();
            let url = self.connections.webhook_address(connection, &it.connector)?;
            let unmeant = self.unmeant.of(connection.id, &it.connector);
            let Subscription { connector, held, problem, expires_at, .. } = it;
            let problem = problem.or_else(|| (!reached).then(|| UNREACHABLE.to_owned()));
            Some(Webhook { connector, url, subscribed: held.is_some(), problem, expires_at, unmeant })
        };
        Ok(all.into_iter().filter_map(webhook).collect())
    }

    /// Wants the subscriptions of all connections: what a crash kept from being wanted.
    pub(super) async fn want_all_subscriptions(&self) -> Result<()> {
        for org in self.store.orgs().list().await? {
            for connection in self.store.connections().list(org.id).await? {
                self.want_subscriptions(org.id, connection.id).await?;
            }
        }
        Ok(())
    }

    /// Wants the subscriptions of all connectors that use a connection.
    pub(super) async fn want_subscriptions(&self, org: OrgId, id: ConnectionId) -> Result<()> {
        let connection = self.connections.get(org, id).await?;
        if connection.mode != Mode::Live || connection.status != Status::Connected {
            return Ok(());
        }
        let enabled = self.store.enabled_actions().of_connection(org, id).await?;
        let mut connectors: Vec<String> = enabled.into_iter().map(|it| it.connector).collect();
        connectors.push(connection.connector.clone());
        connectors.sort();
        connectors.dedup();
        for name in connectors {
            let Ok(connector) = self.connector(org, &name).await else { continue };
            // Without a subscription of its own the secret still serves: an author may put it into an address or a body.
            if connector.events.is_some() {
                let secret = random_token(self.random.as_ref());
                let sealed = self.connections.seal(org, id, Purpose::Subscription, &secret.expose());
                let now = self.now();
                self.store.subscriptions().want(org, id, &name, &sealed, now, now + LEASE).await?;
            }
        }
        self.waker.notify_one();
        Ok(())
    }

    /// The same, where whoever connects or enables must not wait for it or fail by it.
    pub(super) async fn want_subscriptions_later(&self, org: OrgId, id: ConnectionId) {
        if let Err(error) = self.want_subscriptions(org, id).await {
            tracing::warn!(org.id = %org, connection.id = %id, %error, "subscriptions are wanted again by upkeep");
        }
    }

    /// Subscribes, or renews, and keeps what came of it.
    pub(super) async fn keep_subscribed(self: Arc<Self>, mut it: Subscription) {
        let now = self.now();
        match self.subscribed(&it).await {
            Ok(Some(held)) => {
                it.expires_at = held.get("expires_at").and_then(Json::as_str).and_then(|it| it.parse().ok());
                (it.held, it.problem, it.attempts) = (Some(held), None, 0);
                let before = self.before(&it).await;
                it.next_at = it.expires_at.map(|end| renewal(now, end, before));
            }
            Ok(None) => (it.next_at, it.problem) = (None, None),
            Err(failure) => {
                it.attempts += 1;
                let lasts = matches!(
                    failure.code,
                    Code::PermissionDenied | Code::Unsupported | Code::InvalidInput | Code::PreconditionFailed
                );
                let wait = if lasts { REFUSED_PAUSE } else { pause(it.attempts + 4) };
                it.next_at = Some(now + wait);
                tracing::warn!(
                    org.id = %it.org, connection.id = %it.connection, connector = it.connector, why = failure.detail,
                    "a provider could not be told where to send"
                );
                it.problem = Some(failure.detail);
            }
        }
        // the provider was told: if that were forgotten, it would be told again, and have two
        let subscriptions = self.store.subscriptions();
        if let Err(error) = self.until_kept(|| subscriptions.keep(&it)).await {
            tracing::warn!(connection.id = %it.connection, %error, "a subscription is made again");
        }
    }

    /// How long before its end it is renewed.
    async fn before(&self, it: &Subscription) -> SignedDuration {
        let connector = self.connector(it.org, &it.connector).await.ok();
        let before = connector.and_then(|it| it.events.as_ref()?.subscribe.as_ref().map(|it| it.before));
        before.and_then(|it| it.try_into().ok()).unwrap_or_default()
    }

    /// What `subscription` holds now; nothing if there is nothing to be told.
    async fn subscribed(&self, it: &Subscription) -> std::result::Result<Option<Map<String, Json>>, Failure> {
        let failed = |error: Error| Failure::new(Code::Unavailable, error.to_string());
        let connector = self.connector(it.org, &it.connector).await.map_err(failed)?;
        let Some(subscribe) = connector.events.as_ref().and_then(|it| it.subscribe.as_ref()) else { return Ok(None) };
        let connection = self.connections.get(it.org, it.connection).await.map_err(|it| failed(it.into()))?;
        if connection.status != Status::Connected {
            return Err(Failure::new(Code::Reauthorize, "the connection is not connected"));
        }
        if self.connections.webhook_url(&connection, &connector.id).is_none() {
            return Err(Failure::new(Code::PreconditionFailed, UNREACHABLE));
        }
        let missing = connector.account.missing_scopes(&connection.scopes, &subscribe.scopes);
        if connector.account.grants_scopes() && !missing.is_empty() {
            let detail = format!("the connection lacks the scopes {}", missing.join(", "));
            return Err(Failure::new(Code::PermissionDenied, detail));
        }
        if let (Some(held), Some(renew)) = (&it.held, &subscribe.renew) {
            match self.tell_provider(&connector, &connection, renew, it, held.clone()).await {
                // it is gone there: a new one is needed
                Err(failure) if failure.code == Code::NotFound => {}
                renewed => return renewed.map(|more| Some(held.clone().into_iter().chain(more).collect())),
            }
        }
        let fresh = self.subscribe(&connector, &connection, subscribe, it).await?;
        if let (Some(held), Some(remove), None) = (&it.held, &subscribe.remove, &subscribe.renew)
            && let Err(failure) = self.tell_provider(&connector, &connection, remove, it, held.clone()).await
        {
            tracing::info!(connection.id = %connection.id, why = failure.detail, "an old subscription ends by itself");
        }
        Ok(Some(fresh))
    }

    async fn subscribe(
        &self,
        connector: &Arc<Connector>,
        connection: &Connection,
        subscribe: &Subscribe,
        it: &Subscription,
    ) -> std::result::Result<Map<String, Json>, Failure> {
        let key = Map::from_iter([("key".to_owned(), json!(new_key(self.random.as_ref())))]);
        let told = self.tell_provider(connector, connection, &subscribe.subscribe, it, key.clone()).await?;
        Ok(key.into_iter().chain(told).collect())
    }

    /// Runs one of the requests, and gives its output without secrets.
    async fn tell_provider(
        &self,
        connector: &Arc<Connector>,
        connection: &Connection,
        plan: &Plan,
        it: &Subscription,
        mut held: Map<String, Json>,
    ) -> std::result::Result<Map<String, Json>, Failure> {
        let secret =
            self.connections.secret_of(it).map_err(|error| Failure::new(Code::Unavailable, error.to_string()))?;
        held.insert("secret".to_owned(), json!(secret.expose()));
        let mut beside = Scope::new();
        beside.set("subscription", Json::Object(held));
        let used = Used::default();
        used.add(&secret);
        let watch = Watch { observer: &Unobserved, used: &used };
        let execution = ExecutionNames::new(connection.id.text(), connection.id.text(), connection.org.text(), "");
        let inputs = Inputs::without_arguments(Json::Null, execution);
        match self
            .run_beside(connector, plan, &Seen::new(connection.clone()), inputs, &watch, Begin::Anew, beside)
            .await
        {
            Ran::Ended(Ok(Json::Object(told))) => Ok(told),
            Ran::Ended(Ok(_)) => Ok(Map::new()),
            Ran::Ended(Err(failure)) => Err(failure),
            Ran::Waits(_) | Ran::Lost => Err(Failure::new(Code::Unsupported, "a subscription can't wait")),
        }
    }

    /// Tells the providers that it is over, as far as they can be reached.
    pub(super) async fn end_subscriptions(&self, org: OrgId, id: ConnectionId) -> Result<()> {
        let connection = self.connections.get(org, id).await?;
        for it in self.store.subscriptions().of(org, id).await? {
            let Some(held) = it.held.clone() else { continue };
            let Ok(connector) = self.connector(org, &it.connector).await else { continue };
            let remove = connector.events.as_ref().and_then(|it| it.subscribe.as_ref()?.remove.as_ref());
            if let Some(remove) = remove.filter(|_| connection.status == Status::Connected)
                && let Err(failure) = self.tell_provider(&connector, &connection, remove, &it, held).await
            {
                tracing::info!(connection.id = %id, why = failure.detail, "a subscription could not be ended at the provider");
            }
        }
        Ok(self.store.subscriptions().forget(org, id).await?)
    }
}

/// Some time before the end, but not before half of its life is over.
fn renewal(now: Timestamp, end: Timestamp, before: SignedDuration) -> Timestamp {
    let half = end.duration_since(now) / 2;
    end.checked_sub(before.min(half)).unwrap_or(now).max(now + SOONEST)
}

fn new_key(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_renewed_before_its_end_and_never_at_once_again() {
        let now: Timestamp = "2026-12-01T09:00:00Z".parse().unwrap();
        let seconds = |seconds| now + SignedDuration::from_secs(seconds);
        for (end, before, expected) in
            [(7200, 600, 6600), (7200, 86_400, 3600), (90, 10, 80), (30, 10, 60), (-60, 10, 60)]
        {
            assert_eq!(
                renewal(now, seconds(end), SignedDuration::from_secs(before)),
                seconds(expected),
                "{end} {before}"
            );
        }
    }
}
