//! Renews a grant: once for all calls that wait, in this replica and in all others.
//!
//! A renewal outlives the call that needed it. Providers may take the old token back the moment they give a new one, so
//! what they gave is stored whatever becomes of the call, and before anybody uses it.
//!
//! The right to renew is a lease in the connection's row. It stands there from before the provider is asked until the answer is
//! stored: if its owner dies in between, whoever takes it over knows that the provider may have answered already.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use tokio::task::JoinHandle;
use tracing::{error, warn};

use super::{
    context,
    credential::{self, Credential, Grant},
    idle::renew_by,
    slots::Opened,
    sorted,
    tokens::{StoredTokens, failed, reauthorize},
};
use crate::{
    auth::Token,
    base::{Code, EventId},
    coordination::News,
    crypto::Purpose,
    store::{self, Connection, Event, EventType, Lease},
    transport::SendError,
};

/// How long a lease is another replica's, unless that is known to be dead. Much longer than a renewal takes: while the database is
/// away, what the provider gave can't be stored, and whoever came first afterwards must not ask with the old token.
const LEASE: SignedDuration = SignedDuration::from_mins(10);

/// How often a replica looks whether another one has renewed, if it doesn't hear of it …
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// … and how many times: a little longer than a lease.
const LOOKS: usize = 2500;

/// How long storing a new token is tried, since it can't be got again: as long as nobody else may ask for one.
const SAVE_FOR: SignedDuration = SignedDuration::from_mins(9);

/// Between two of them.
const SAVE_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What is added when the provider refuses after a renewal that did not come to its end.
const CUT_OFF: &str =
    " (the renewal before was cut off before its answer was stored: the provider may have replaced the token then)";

impl StoredTokens {
    /// A newer grant than that of version `seen`.
    pub(super) async fn renew_grant(&self, seen: i64) -> Result<Opened, SendError> {
        let renewal = self.begin_renewal(seen).await;
        renewal.await.unwrap_or_else(|_| Err(SendError::not_sent(Code::Unavailable, "the renewal was cut off")))
    }

    /// Begins to renew, whether somebody waits for it or not.
    pub(super) async fn begin_renewal(&self, seen: i64) -> JoinHandle<Result<Opened, SendError>> {
        let this = self.clone();
        let on_its_way = self.shared.renewals.clone().read_owned().await;
        tokio::spawn(async move {
            let _on_its_way = on_its_way;
            let _alone = this.slot.renewal.lock().await;
            this.renew_alone(seen).await
        })
    }

    /// Renews, as the only one in this replica.
    async fn renew_alone(&self, seen: i64) -> Result<Opened, SendError> {
        if let Some(newer) = self.slot.opened(self.now()).filter(|it| it.version() != seen) {
            return Ok(newer);
        }
        self.slot.may_try(self.now())?;
        let opened = self.read().await?;
        if opened.version() != seen {
            return Ok(opened);
        }
        let standing = self.shared.standing();
        let owner = standing.id();
        for _ in 0..LOOKS {
            let changed = self.slot.changed.notified();
            let asked = self.now();
            let lease = self.take_lease(seen, &owner).await?;
            // This replica may have stood still meanwhile, and its lease be over or its owner dead to others. It is looked for
            // right before the provider is asked.
            let holds = standing.may_send(&owner) && self.now().duration_since(asked) < LEASE / 2;
            match lease {
                Lease::Taken if holds => return self.renew_leased(&opened, &owner, false).await,
                Lease::TakenOver if holds => return self.renew_leased(&opened, &owner, true).await,
                _ => {}
            }
            // Another replica renews, or died: then its lease ends.
            tokio::select! {
                () = self.shared.setup.clock.sleep(LOOK_EVERY) => {}
                () = changed => {}
            }
            let newer = self.read().await?;
            if newer.version() != seen {
                return Ok(newer);
            }
        }
        Err(SendError::not_sent(Code::Unavailable, "another replica has been renewing the token for too long"))
    }

    async fn take_lease(&self, seen: i64, owner: &str) -> Result<Lease, SendError> {
        let (now, connections) = (self.now(), self.shared.setup.store.connections());
        connections.take_lease(self.org, self.id, seen, owner, now, now + LEASE).await.map_err(|it| failed(&it))
    }

    /// Renews, as the only one of all; `after_cut_off`: the one before may have got a token that nobody has.
    ///
    /// Then the old one is tried all the same, once and at once: the provider may not have got the request, or may still take
    /// the old token for a moment; and if it does neither, nothing is left to be lost.
    async fn renew_leased(&self, opened: &Opened, owner: &str, after_cut_off: bool) -> Result<Opened, SendError> {
        match self.provider(opened).refresh().await {
            Ok(token) => self.keep(opened, token).await,
            Err(mut error) if error.code == Code::Reauthorize => {
                if after_cut_off {
                    error.message.push_str(CUT_OFF);
                }
                self.refused(opened.version(), error).await
            }
            Err(error) => {
                self.slot.pause(self.now(), &error);
                let leases = self.shared.setup.store.connections();
                let cut_off = after_cut_off || error.may_have_arrived;
                if let Err(error) = leases.release_lease(self.org, self.id, owner, cut_off).await {
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
        let renew_by = renew_by(&self.connector, Some(&grant), self.now());
        let credential = Credential { fields: opened.credential.fields.clone(), grant: Some(grant) };
        let keys = self.shared.keys().map_err(|error| SendError::not_sent(Code::Unavailable, error.to_string()))?;
        let sealed = credential::seal(keys, &context(connection, Purpose::Credential), &credential, &*setup.random);
        let mut renewed = Connection { token_version: opened.version() + 1, ..connection.clone() };
        renewed.scopes = token.scopes.map_or(renewed.scopes, sorted);
        renewed.metadata.extend(token.captured);
        let (scopes, metadata) = (&renewed.scopes, &renewed.metadata);
        let row = store::Credential { scopes, metadata, sealed: Some(&sealed), renew_by };
        if !self.save(opened.version(), &row).await? {
            // It was connected again, or taken off, while we asked: what we got is of no use any more.
            return self.read().await;
        }
        let renewed = Opened { connection: renewed.into(), credential: credential.into(), read_at: self.now() };
        self.slot.set_opened(renewed.clone());
        setup.coordination.tell(News::Connection(self.org, self.id));
        Ok(renewed)
    }

    async fn save(&self, seen: i64, row: &store::Credential<'_>) -> Result<bool, SendError> {
        let (setup, end) = (&self.shared.setup, self.now() + SAVE_FOR);
        let mut told = false;
        loop {
            match setup.store.connections().renew(self.org, self.id, seen, row).await {
                Ok(kept) => return Ok(kept),
                Err(error) if self.now() >= end => {
                    error!(connection.id = %self.id, %error, "a renewed token could not be stored and is lost");
                    return Err(failed(&error));
                }
                Err(error) if !std::mem::replace(&mut told, true) => {
                    warn!(connection.id = %self.id, %error, "a renewed token can't be stored; it is tried again");
                }
                Err(_) => {}
            }
            setup.clock.sleep(SAVE_AGAIN_AFTER).await;
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
            self.shared.changed(self.org, self.id);
            warn!(org.id = %self.org, connection.id = %self.id, reason = error.message, "a connection needs a new consent");
            return Err(error);
        }
        let opened = self.read().await?;
        if opened.version() == seen { Err(reauthorize(error.message)) } else { Ok(opened) }
    }
}
