//! Renews a grant: once for all calls that wait, in this process and in those that share its store.
//!
//! A renewal outlives the call that needed it. Providers may take the old token back the moment they give a new one, so
//! what they gave is stored whatever becomes of the call, and before anybody uses it.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use tracing::{error, warn};

use super::{
    context,
    credential::{self, Credential, Grant},
    slots::Opened,
    sorted,
    tokens::{StoredTokens, failed, reauthorize},
};
use crate::{
    auth::Token,
    base::{Code, EventId},
    crypto::Purpose,
    store::{self, Connection, Event, EventType},
    transport::SendError,
};

/// Longer than a renewal may take: afterwards its process counts as dead.
const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// How often a process looks whether another one has renewed …
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// … and how many times: a little longer than a lease.
const LOOKS: usize = 140;

/// How often storing a new token is tried: it can't be got again.
const SAVES: usize = 3;

/// Between two of them.
const SAVE_AGAIN_AFTER: Duration = Duration::from_millis(500);

impl StoredTokens {
    /// A newer grant than that of version `seen`.
    pub(super) async fn renew_grant(&self, seen: i64) -> Result<Opened, SendError> {
        let this = self.clone();
        let on_its_way = self.shared.renewals.clone().read_owned().await;
        let renewal = tokio::spawn(async move {
            let _on_its_way = on_its_way;
            let _alone = this.slot.renewal.lock().await;
            this.renew_alone(seen).await
        });
        renewal.await.unwrap_or_else(|_| Err(SendError::not_sent(Code::Unavailable, "the renewal was cut off")))
    }

    /// Renews, as the only one in this process.
    async fn renew_alone(&self, seen: i64) -> Result<Opened, SendError> {
        if let Some(newer) = self.slot.opened(self.now()).filter(|it| it.version() != seen) {
            return Ok(newer);
        }
        self.slot.may_try(self.now())?;
        let opened = self.read().await?;
        if opened.version() != seen {
            return Ok(opened);
        }
        for _ in 0..LOOKS {
            if self.take_lease(seen).await? {
                return self.renew_leased(&opened).await;
            }
            // Another process renews, or died: then its lease ends.
            self.shared.setup.clock.sleep(LOOK_EVERY).await;
            let newer = self.read().await?;
            if newer.version() != seen {
                return Ok(newer);
            }
        }
        Err(SendError::not_sent(Code::Unavailable, "another process has been renewing the token for too long"))
    }

    async fn take_lease(&self, seen: i64) -> Result<bool, SendError> {
        let (now, process) = (self.now(), &self.shared.setup.process);
        let connections = self.shared.setup.store.connections();
        connections.take_lease(self.org, self.id, seen, process, now, now + LEASE).await.map_err(|it| failed(&it))
    }

    /// Renews, as the only one of all.
    async fn renew_leased(&self, opened: &Opened) -> Result<Opened, SendError> {
        match self.provider(opened).refresh().await {
            Ok(token) => self.keep(opened, token).await,
            Err(error) if error.code == Code::Reauthorize => self.refused(opened.version(), error).await,
            Err(error) => {
                self.slot.pause(self.now(), &error);
                let leases = self.shared.setup.store.connections();
                if let Err(error) = leases.release_lease(self.org, self.id, &self.shared.setup.process).await {
                    warn!(connection.id = %self.id, %error, "a lease could not be given back; it ends by itself");
                }
                Err(error)
            }
        }
    }

    /// Stores what the provider gave, then lets it be used.
    async fn keep(&self, opened: &Opened, token: Token) -> Result<Opened, SendError> {
        let (connection, setup) = (&*opened.connection, &self.shared.setup);
        let old = opened.credential.grant.as_ref().and_then(|it| it.refresh.as_ref());
        let grant = Grant::new(&token, old, self.now());
        let credential = Credential { fields: opened.credential.fields.clone(), grant: Some(grant) };
        let keys = self.shared.keys().map_err(|error| SendError::not_sent(Code::Unavailable, error.to_string()))?;
        let sealed = credential::seal(keys, &context(connection, Purpose::Credential), &credential, &*setup.random);
        let mut renewed = Connection { token_version: opened.version() + 1, ..connection.clone() };
        renewed.scopes = token.scopes.map_or(renewed.scopes, sorted);
        renewed.metadata.extend(token.captured);
        let row = store::Credential { scopes: &renewed.scopes, metadata: &renewed.metadata, sealed: Some(&sealed) };
        if !self.save(opened.version(), &row).await? {
            // It was connected again, or taken off, while we asked: what we got is of no use any more.
            return self.read().await;
        }
        let renewed = Opened { connection: renewed.into(), credential: credential.into(), read_at: self.now() };
        self.slot.set_opened(renewed.clone());
        Ok(renewed)
    }

    async fn save(&self, seen: i64, row: &store::Credential<'_>) -> Result<bool, SendError> {
        let mut tries = 1;
        loop {
            match self.shared.setup.store.connections().renew(self.org, self.id, seen, row).await {
                Ok(kept) => return Ok(kept),
                Err(error) if tries == SAVES => {
                    error!(connection.id = %self.id, %error, "a renewed token could not be stored and is lost");
                    return Err(failed(&error));
                }
                Err(_) => self.shared.setup.clock.sleep(SAVE_AGAIN_AFTER).await,
            }
            tries += 1;
        }
    }

    /// What the chatbot is told of a connection whose credential is dead.
    fn dead(&self, problem: &str) -> Event {
        let at = self.now();
        Event {
            org: self.org,
            id: EventId::new(at, &*self.shared.setup.random),
            kind: EventType::ConnectionReauthorize,
            at,
            connection: Some(self.id),
            execution: None,
            data: json!({"account": self.connector.account.id, "problem": problem}),
        }
    }

    /// The provider calls the credential of version `seen` dead. If there is a newer one, gives that.
    pub(super) async fn refused(&self, seen: i64, error: SendError) -> Result<Opened, SendError> {
        let connections = self.shared.setup.store.connections();
        let told = connections.reauthorize(self.org, self.id, seen, &error.message, &self.dead(&error.message)).await;
        if told.map_err(|it| failed(&it))? {
            self.slot.forget();
            warn!(org.id = %self.org, connection.id = %self.id, reason = error.message, "a connection needs a new consent");
            return Err(error);
        }
        let opened = self.read().await?;
        if opened.version() == seen { Err(reauthorize(error.message)) } else { Ok(opened) }
    }
}
