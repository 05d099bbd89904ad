//! Gives calls over a stored connection their credentials.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Connections, Error, Shared, context,
    credential::{self, Credential, Fresh},
    provider::Provider,
    slots::{Opened, Slot},
};
use crate::{
    auth::{Credentials, Tokens},
    base::{BoxFuture, Code, ConnectionId, OrgId},
    crypto::{Purpose, Sealed},
    spec::{Connector, OAuth2, Scheme, SchemeKind},
    store::{self, Connection, Status},
    transport::SendError,
};

/// The tokens of one stored connection.
#[derive(Clone)]
pub struct StoredTokens {
    pub(super) shared: Arc<Shared>,
    pub(super) connector: Arc<Connector>,
    pub(super) org: OrgId,
    pub(super) id: ConnectionId,
    pub(super) slot: Arc<Slot>,
}

impl Connections {
    /// The credentials of a connection, for calls of `connector`. Nothing is read yet.
    pub fn tokens(&self, connector: Arc<Connector>, org: OrgId, id: ConnectionId) -> StoredTokens {
        let slot = self.0.slots.get(id);
        StoredTokens { shared: self.0.clone(), connector, org, id, slot }
    }
}

impl Tokens for StoredTokens {
    /// For nearly every request: those of a credential that was opened, with a token that need not be renewed yet.
    fn at_hand(&self, scheme: &Scheme) -> Option<Credentials> {
        let now = self.now();
        let opened = self.slot.opened(now)?;
        self.must_hold_all(&opened.credential).ok()?;
        match &scheme.kind {
            SchemeKind::None | SchemeKind::Static => Some(self.with(&opened, None)),
            SchemeKind::OAuth2(oauth2) => {
                let grant = opened.credential.grant_of(&scheme.name, oauth2)?;
                (grant.token.works(now) && !grant.token.is_due(now)).then(|| self.with(&opened, Some(&grant.token)))
            }
            SchemeKind::TokenExchange(_) => None,
        }
    }

    fn credentials<'a>(&'a self, scheme: &'a Scheme) -> BoxFuture<'a, Result<Credentials, SendError>> {
        Box::pin(async move {
            let opened = self.opened().await?;
            self.must_hold_all(&opened.credential)?;
            match &scheme.kind {
                SchemeKind::None | SchemeKind::Static => Ok(self.with(&opened, None)),
                SchemeKind::OAuth2(oauth2) => self.granted(scheme, oauth2, opened).await,
                SchemeKind::TokenExchange(exchange) => self.exchanged(scheme, exchange, None).await,
            }
        })
    }

    fn renew<'a>(
        &'a self,
        scheme: &'a Scheme,
        stale: &'a Credentials,
    ) -> BoxFuture<'a, Result<Credentials, SendError>> {
        Box::pin(async move {
            match &scheme.kind {
                SchemeKind::None | SchemeKind::Static => {
                    Err(SendError::not_sent(Code::Reauthorize, "the provider refuses the credentials"))
                }
                SchemeKind::OAuth2(oauth2) => {
                    let mut opened = self.opened().await?;
                    if opened.credential.grant_of(&scheme.name, oauth2).is_some_and(|it| it.token.is_in(stale)) {
                        opened = Box::pin(self.renew_grant(&scheme.name, &opened)).await?;
                    }
                    self.with_grant(scheme, oauth2, &opened)
                }
                SchemeKind::TokenExchange(exchange) => self.exchanged(scheme, exchange, Some(stale)).await,
            }
        })
    }
}

impl StoredTokens {
    pub(super) fn provider<'a>(&'a self, opened: &'a Opened) -> Provider<'a> {
        let Self { shared, connector, .. } = self;
        Provider { shared, connector, connection: &opened.connection, credential: &opened.credential }
    }

    /// What it signs with, without a token.
    pub(super) async fn fields(&self) -> Result<Credentials, SendError> {
        Ok(self.with(&self.opened().await?, None))
    }

    /// Whether something else is known of the connection than when it was `seen`, as by the answer that brought a new token.
    pub fn knows_otherwise(&self, seen: &Connection) -> bool {
        self.slot.opened(self.now()).is_some_and(|it| it.connection.metadata != seen.metadata)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.setup.clock.now()
    }

    pub(super) fn with(&self, opened: &Opened, token: Option<&Fresh>) -> Credentials {
        opened.credential.with_token(token, &*self.shared.setup.random)
    }

    fn with_grant(&self, scheme: &Scheme, oauth2: &OAuth2, opened: &Opened) -> Result<Credentials, SendError> {
        let grant = opened.credential.grant_of(&scheme.name, oauth2).ok_or_else(no_consent)?;
        Ok(self.with(opened, Some(&grant.token)))
    }

    /// A scheme of the account; the connector can have been replaced by a version that has it no more.
    pub(super) fn scheme(&self, name: &str) -> Result<&Scheme, SendError> {
        self.connector.account.schemes.get(name).ok_or_else(no_consent)
    }

    /// The opened credential, read again if that was long ago.
    pub(super) async fn opened(&self) -> Result<Opened, SendError> {
        match self.slot.opened(self.now()) {
            Some(opened) => Ok(opened),
            None => Box::pin(self.read()).await,
        }
    }

    /// A version whose sign-in asks for more than it did when the account was connected signs nothing with half of it. The
    /// connection stays as it is: the version may be rolled back.
    fn must_hold_all(&self, credential: &Credential) -> Result<(), SendError> {
        if self.connector.account.introduction().is_some() && credential.found.is_empty() {
            return Err(reauthorize(NOT_FOUND));
        }
        let missing = self.connector.account.fields.required().find(|it| !credential.fields.contains_key(*it));
        missing.map_or(Ok(()), |it| {
            Err(reauthorize(format!("the sign-in asks for `{it}`, which was not given when the account was connected")))
        })
    }

    /// The credential as it is in the store.
    pub(super) async fn read(&self) -> Result<Opened, SendError> {
        let mark = self.slot.mark();
        let found =
            self.shared.setup.store.connections().get_sealed(self.org, self.id).await.map_err(|it| failed(&it))?;
        let (connection, sealed) = found.ok_or_else(|| reauthorize("the connection is gone"))?;
        if connection.status != Status::Connected {
            self.slot.forget();
            return Err(reauthorize(format!("the connection is `{}`, not connected", connection.status)));
        }
        let sealed = sealed.ok_or_else(|| reauthorize("a sandbox connection has no credentials"))?;
        let credential = self.open(&connection, &sealed);
        let credential = credential.map_err(|error| SendError::not_sent(Code::Unavailable, error.to_string()))?;
        let opened = Opened { connection: connection.into(), credential: credential.into(), read_at: self.now() };
        self.slot.keep(mark, opened.clone());
        Ok(opened)
    }

    fn open(&self, connection: &Connection, sealed: &Sealed) -> Result<Credential, Error> {
        Ok(credential::open(self.shared.keys()?, &context(connection, Purpose::Credential), sealed)?)
    }

    /// The grant's token, or a new one if it has come to its end. One that still works is used, and renewed beside it in time.
    async fn granted(&self, scheme: &Scheme, oauth2: &OAuth2, opened: Opened) -> Result<Credentials, SendError> {
        let grant = opened.credential.grant_of(&scheme.name, oauth2).ok_or_else(no_consent)?;
        let now = self.now();
        if !grant.token.works(now) {
            let renewed = Box::pin(self.renew_grant(&scheme.name, &opened)).await?;
            return self.with_grant(scheme, oauth2, &renewed);
        }
        if grant.token.is_due(now) && !self.slot.is_renewing() && self.slot.may_try(now).is_ok() {
            Box::pin(self.begin_renewal(&scheme.name, opened.version())).await;
        }
        self.with_grant(scheme, oauth2, &opened)
    }
}

/// Of an account that was connected before its provider was looked for.
pub(super) const NOT_FOUND: &str =
    "the sign-in looks for its provider, which was not done when the account was connected";

pub(super) fn no_consent() -> SendError {
    reauthorize("there was no consent yet")
}

/// Only whoever owns the account can help.
pub(super) fn reauthorize(why: impl Into<String>) -> SendError {
    SendError::not_sent(Code::Reauthorize, why)
}

/// The store is of no use now.
pub(super) fn failed(error: &store::Error) -> SendError {
    SendError::not_sent(Code::Unavailable, error.to_string())
}
