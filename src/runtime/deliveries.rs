//! What providers send without being asked: verified and stored before it is answered, worked off after.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use url::Url;

use super::{
    Engine, Error, Result,
    enabled::Seen,
    run::{Begin, Inputs, Watch},
};
use crate::{
    auth::Used,
    base::{Code, DeliveryId, Failure, Secret, redact},
    crypto::{Digest, Purpose},
    delivery::{self, Asking, Checks, Delivery, Entry, Replied, Unbelieved},
    interpreter::{ExecutionNames, Ran, Unobserved},
    spec::{Connector, ProviderEvent},
    store::{Connection, Mode, Received, Status, StoredDelivery, Subscription},
};

/// A provider that can't confirm an event is asked again for so long.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// A provider that says that there is no such thing is asked so often: it may only be late to know.
const DENIALS: u32 = 5;

/// So many deliveries of a connection wait to be worked off; further ones have to be sent again. While a provider can't confirm
/// what it tells, and where anybody may send, the store must not fill.
const MOST: u32 = 2_000;

/// What a provider is answered.
#[derive(Debug)]
pub enum Welcome {
    /// This.
    Replied(Replied),
    /// It is not believed.
    Refused,
}

/// A delivery as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    delivery: Delivery,
    /// The numbers of the notifications that are believed.
    believed: Vec<usize>,
}

/// What happened to a notification.
enum Worked {
    Off,
    Later(Failure),
}

impl Engine {
    /// Takes a delivery at a webhook address: once this returns a success, it is stored.
    ///
    /// # Errors
    /// If there is no such address, or it can't be taken now: then the provider sends it again.
    pub async fn welcome(&self, connector: &str, webhook: &str, mut sent: Delivery) -> Result<Welcome> {
        let missing = || Error::NotFound("webhook address");
        let connection = self.store.connections().by_webhook(webhook).await?.ok_or_else(missing)?;
        let connector = self.connector(connection.org, connector).await.map_err(|_| missing())?;
        let Some(events) = &connector.events else { return Err(missing()) };
        if connection.account != connector.account.id || connection.mode != Mode::Live {
            return Err(missing());
        }
        match connection.status {
            Status::Connected => {}
            Status::Reauthorize => {
                return Err(Error::Unavailable("the connection has to be connected again".to_owned()));
            }
            Status::Pending | Status::Failed | Status::Disconnected => return Err(missing()),
        }
        let subscription = self.subscription(&connection, &connector).await?;
        let known = self.connections.scope_of(&connection, &connector);
        sent.path = as_called(sent.path, &known);
        let scope = sent.scope(&known, &held(subscription.as_ref()), self.clock.as_ref());
        let unreadable = |error: crate::expr::EvalError| Error::Internal(anyhow::anyhow!("{}: {error}", connector.id));
        if let Some(reply) = delivery::handshake(&events.receive, &scope).map_err(unreadable)? {
            return Ok(Welcome::Replied(reply));
        }
        let credentials = self.connections.fields(Arc::clone(&connector), &connection).await;
        let credentials = credentials.map_err(|error| Error::Unavailable(error.message))?;
        let secret = subscription.as_ref().map(|it| self.connections.secret_of(it)).transpose()?;
        let checks = Checks {
            events,
            connection: &known,
            credentials: &credentials,
            secret: secret.as_ref(),
            clock: self.clock.as_ref(),
        };
        let asking = Asking { sender: self.sender.as_ref(), http: &connector.http };
        let believed = match checks.believe(&scope, &self.key_sets, &asking).await {
            Ok(entries) => entries.iter().map(|it| it.index).collect(),
            Err(Unbelieved::Unknown(error)) => {
                tracing::warn!(
                    org.id = %connection.org, connection.id = %connection.id, connector = connector.id, why = error.message,
                    "a delivery has to be sent again"
                );
                return Err(Error::Unavailable("the provider's keys can't be read just now".to_owned()));
            }
            Err(Unbelieved::Refused(why)) => {
                tracing::warn!(
                    org.id = %connection.org, connection.id = %connection.id, connector = connector.id, %why,
                    "a delivery is not believed"
                );
                return Ok(Welcome::Refused);
            }
        };
        let reply = delivery::reply(&events.receive.answer, &scope).map_err(unreadable)?;
        let now = self.now();
        let content = Content { delivery: sent, believed };
        let stored = StoredDelivery {
            org: connection.org,
            id: DeliveryId::new(now, self.random.as_ref()),
            connection: connection.id,
            connector: connector.id.clone(),
            received_at: now,
            attempts: 0,
            content: self.connections.seal(connection.org, connection.id, Purpose::Delivery, &content),
        };
        if !self.store.deliveries().add(&stored, MOST).await? {
            return Err(Error::Unavailable("too many deliveries wait to be worked off".to_owned()));
        }
        self.waker.notify_one();
        Ok(Welcome::Replied(reply))
    }

    /// Works off a delivery that this process has taken. What it means is kept once, however often this begins.
    pub(super) async fn work_off(self: Arc<Self>, it: StoredDelivery) {
        let worked = match self.worked_off(&it).await {
            Ok(worked) => worked,
            Err(error) => Worked::Later(Failure::new(Code::Unavailable, error.to_string())),
        };
        let now = self.now();
        let deliveries = self.store.deliveries();
        let kept = match worked {
            Worked::Off => self.until_kept(|| deliveries.done(it.org, it.id)).await,
            Worked::Later(failure) if gives_up(&failure, &it, now) => {
                tracing::warn!(
                    org.id = %it.org, delivery.id = %it.id, connector = it.connector, why = failure.detail,
                    "a delivery could not be confirmed and is dropped"
                );
                self.until_kept(|| deliveries.done(it.org, it.id)).await
            }
            Worked::Later(failure) => {
                tracing::info!(org.id = %it.org, delivery.id = %it.id, why = failure.detail, "a delivery is worked off later");
                let asked = failure.retry_after_seconds.map(Duration::from_secs).unwrap_or_default();
                let at = now + pause(it.attempts).max(asked);
                self.until_kept(|| deliveries.again(it.org, it.id, at)).await
            }
        };
        if let Err(error) = kept {
            tracing::warn!(delivery.id = %it.id, %error, "a delivery is worked off again");
        }
    }

    async fn worked_off(&self, it: &StoredDelivery) -> Result<Worked> {
        let Content { delivery: sent, believed } =
            self.connections.open(it.org, it.connection, Purpose::Delivery, &it.content)?;
        let connection = self.connections.get(it.org, it.connection).await?;
        let connector = self.connector(it.org, &it.connector).await?;
        let Some(events) = &connector.events else { return Ok(Worked::Off) };
        let subscription = self.subscription(&connection, &connector).await?;
        let known = self.connections.scope_of(&connection, &connector);
        let scope = sent.scope(&known, &held(subscription.as_ref()), self.clock.as_ref());
        let secret = subscription.as_ref().map(|it| self.connections.secret_of(it)).transpose()?;
        let broken = |error: crate::expr::EvalError| Error::Internal(anyhow::anyhow!("{}: {error}", connector.id));
        let entries = delivery::entries(events, &scope).map_err(broken)?;
        // What can't be worked off now keeps nothing that stands beside it from being so.
        let mut later = None;
        if entries.is_empty() {
            self.unmeant(it);
        }
        for entry in entries.iter().filter(|it| believed.contains(&it.index)) {
            let found = match delivery::recognise(events, entry) {
                Ok(Some(found)) => found,
                Ok(None) => {
                    self.unmeant(it);
                    continue;
                }
                Err(error) => {
                    let failure = Failure::new(Code::ProviderError, format!("its `id` can't be computed: {error}"));
                    later = Some(graver(later, failure));
                    continue;
                }
            };
            let id = if found.id.is_empty() { unnamed(&sent, entry) } else { found.id };
            let at = self.now();
            let nothing = Json::Null;
            let received = Received {
                org: it.org,
                connection: it.connection,
                connector: &it.connector,
                event: &found.event.name,
                id: &id,
                correlate: None,
                output: &nothing,
                at,
            };
            if self.store.waits().is_known(&received).await? {
                continue;
            }
            let understood = self.understood(&connector, &connection, found.event, entry, it, secret.as_ref()).await;
            let (correlate, output) = match understood {
                Ok(understood) => understood,
                Err(failure) => {
                    later = Some(graver(later, failure));
                    continue;
                }
            };
            let received = Received { correlate: correlate.as_deref(), output: &output, ..received };
            if self.received(&received).await? {
                self.waker.notify_one();
            }
        }
        Ok(later.map_or(Worked::Off, Worked::Later))
    }

    /// A notification is none of the connector's events. It is told once, not again when what stands beside it is worked off later.
    fn unmeant(&self, it: &StoredDelivery) {
        if it.attempts > 1 {
            return;
        }
        tracing::debug!(
            org.id = %it.org, connection.id = %it.connection, delivery.id = %it.id, connector = it.connector,
            "a delivery is no event of this connector"
        );
        self.unmeant.count(it.connection, &it.connector, self.now());
    }

    /// Confirms an event if it has to be, and gives what it is known by and what it hands on, without secrets.
    async fn understood(
        &self,
        connector: &Arc<Connector>,
        connection: &Connection,
        event: &ProviderEvent,
        entry: &Entry,
        it: &StoredDelivery,
        secret: Option<&Secret>,
    ) -> std::result::Result<(Option<String>, Json), Failure> {
        let used = Used::default();
        let watch = Watch { observer: &Unobserved, used: &used };
        let execution = ExecutionNames::new(it.id.text(), it.id.text(), it.org.text(), "");
        let inputs = Inputs::without_arguments(Json::Null, execution);
        let beside = entry.scope.clone();
        let ran = self
            .run_beside(connector, &event.plan, &Seen::new(connection.clone()), inputs, &watch, Begin::Anew, beside)
            .await;
        let mut output = match ran {
            Ran::Ended(result) => result?,
            Ran::Waits(_) | Ran::Lost => return Err(Failure::new(Code::Unsupported, "an event can't wait")),
        };
        if let Some(secret) = secret {
            redact::values(&mut output, std::slice::from_ref(secret));
        }
        Ok(delivery::understood(output))
    }

    /// What the provider was told about where to send, for this connection and connector.
    async fn subscription(&self, connection: &Connection, connector: &Connector) -> Result<Option<Subscription>> {
        let all = self.store.subscriptions().of(connection.org, connection.id).await?;
        Ok(all.into_iter().find(|it| it.connector == connector.id))
    }
}

/// The path as the provider has called it: a proxy may have taken away what `public_url` has before it.
fn as_called(path: String, connection: &Json) -> String {
    let address = connection["webhook_url"].as_str().and_then(|it| Url::parse(it).ok());
    match address.as_ref().and_then(|it| it.path().split_once("/webhooks/")) {
        Some((before, _)) => format!("{before}{path}"),
        None => path,
    }
}

/// What `subscription.<name>` holds, without its secret.
pub(super) fn held(subscription: Option<&Subscription>) -> Json {
    Json::Object(subscription.and_then(|it| it.held.clone()).unwrap_or_default())
}

/// A notification that has no id of its own is the same if it is the same byte for byte.
fn unnamed(sent: &Delivery, entry: &Entry) -> String {
    let digest = Digest::of(&String::from_utf8_lossy(&sent.body));
    format!("{digest:?}/{}", entry.index)
}

/// Of two notifications of a delivery that can't be worked off, the failure to go by: a denial gives the delivery up soon,
/// which must not happen to the other one.
fn graver(earlier: Option<Failure>, failure: Failure) -> Failure {
    earlier.filter(|it| it.code != Code::NotFound).unwrap_or(failure)
}

fn gives_up(failure: &Failure, it: &StoredDelivery, now: jiff::Timestamp) -> bool {
    (failure.code == Code::NotFound && it.attempts >= DENIALS) || now.duration_since(it.received_at) > PATIENCE
}

/// 1, 2, 4 … seconds, at most ten minutes.
pub(super) fn pause(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.saturating_sub(1).min(9)).min(Duration::from_secs(600))
}
