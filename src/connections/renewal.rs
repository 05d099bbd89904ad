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
    credential::{self, Credential, Grant, Hidden},
    idle::renew_by,
    slots::Opened,
    sorted,
    tokens::{StoredTokens, failed, no_consent, reauthorize},
};
use crate::{
    auth::{Failed, Token},
    base::{Code, EventId},
    coordination::News,
    crypto::Purpose,
    spec::OAuth2,
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
    /// A newer grant of `scheme` than the one that `seen` holds.
    pub(super) async fn renew_grant(&self, scheme: &str, seen: &Opened) -> Result<Opened, SendError> {
        let number = |it: &Opened| Some(self.grant(scheme, it)?.number);
        let mut newest = seen.clone();
        for _ in 0..=self.connector.account.grants().count() {
            let renewal = self.begin_renewal(scheme, newest.version()).await;
            newest = renewal.await.map_err(|_| SendError::not_sent(Code::Unavailable, "the renewal was cut off"))??;
            // Somebody may have renewed another grant of the connection.
            if number(&newest) != number(seen) {
                return Ok(newest);
            }
        }
        Err(SendError::not_sent(Code::Unavailable, "the other tokens of the connection are being renewed"))
    }

    /// Begins to renew, whether somebody waits for it or not.
    pub(super) async fn begin_renewal(&self, scheme: &str, seen: i64) -> JoinHandle<Result<Opened, SendError>> {
        let (this, scheme) = (self.clone(), scheme.to_owned());
        let on_its_way = self.shared.renewals.clone().read_owned().await;
        tokio::spawn(async move {
            let _on_its_way = on_its_way;
            let _alone = this.slot.renewal.lock().await;
            this.renew_alone(&scheme, seen).await
        })
    }

    fn oauth2(&self, scheme: &str) -> Option<&OAuth2> {
        let mut grants = self.connector.account.grants();
        grants.find(|(it, _)| it.name == scheme).map(|(_, oauth2)| oauth2)
    }

    fn grant<'o>(&self, scheme: &str, opened: &'o Opened) -> Option<&'o Grant> {
        opened.credential.grant_of(scheme, self.oauth2(scheme)?)
    }

    /// Renews, as the only one in this replica.
    async fn renew_alone(&self, scheme: &str, seen: i64) -> Result<Opened, SendError> {
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
                Lease::Taken if holds => return self.renew_leased(scheme, &opened, &owner, false).await,
                Lease::TakenOver if holds => return self.renew_leased(scheme, &opened, &owner, true).await,
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
    async fn renew_leased(
        &self,
        scheme: &str,
        opened: &Opened,
        owner: &str,
        after_cut_off: bool,
    ) -> Result<Opened, SendError> {
        let oauth2 = self.oauth2(scheme).ok_or_else(no_consent)?;
        let grant = opened.credential.grant_of(scheme, oauth2);
        let Failed { mut error, refresh, .. } = match self.provider(opened).refresh(oauth2, grant).await {
            Ok(token) => {
                let kept = self.kept(opened, scheme, &token);
                return self.keep(opened, kept, Some(token)).await;
            }
            Err(failed) => failed,
        };
        // A later request of the call failed, but what comes next needs the new refresh token.
        let opened = match (refresh, grant) {
            (Some(refresh), Some(grant)) => {
                let grant = Grant { refresh: Some(Hidden(refresh)), ..grant.clone() };
                self.keep(opened, opened.credential.with_grant(scheme, oauth2, grant), None).await?
            }
            _ => opened.clone(),
        };
        if error.code == Code::Reauthorize {
            if after_cut_off {
                error.message.push_str(CUT_OFF);
            }
            return self.refused(opened.version(), error).await;
        }
        self.slot.pause(self.now(), &error);
        let leases = self.shared.setup.store.connections();
        let cut_off = after_cut_off || error.may_have_arrived;
        if let Err(error) = leases.release_lease(self.org, self.id, owner, cut_off).await {
            warn!(connection.id = %self.id, %error, "a lease could not be given back; it ends by itself");
        }
        Err(error)
    }

    /// The credential with a new token of `scheme`.
    fn kept(&self, opened: &Opened, scheme: &str, token: &Token) -> Credential {
        let Some(oauth2) = self.oauth2(scheme) else { return (*opened.credential).clone() };
        let before = opened.credential.grant_of(scheme, oauth2);
        let old = before.and_then(|it| it.refresh.as_ref());
        let grant = Grant::new(token, old, &oauth2.answers, self.now());
        let number = before.map_or(0, |it| it.number) + 1;
        opened.credential.with_grant(scheme, oauth2, Grant { number, ..grant })
    }

    /// Stores what the provider gave, then lets it be used.
    async fn keep(&self, opened: &Opened, credential: Credential, token: Option<Token>) -> Result<Opened, SendError> {
        let (connection, setup) = (&*opened.connection, &self.shared.setup);
        let renew_by = renew_by(&self.connector, credential.grant.as_ref(), self.now());
        let keys = self.shared.keys().map_err(|error| SendError::not_sent(Code::Unavailable, error.to_string()))?;
        let sealed = credential::seal(keys, &context(connection, Purpose::Credential), &credential, &*setup.random);
        let mut renewed = Connection { token_version: opened.version() + 1, ..connection.clone() };
        if let Some(token) = token {
            renewed.scopes = token.scopes.map_or(renewed.scopes, sorted);
            renewed.metadata.extend(token.captured);
        }
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
