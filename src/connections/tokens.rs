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
    spec::{Connector, Scheme, SchemeKind, TokenExchange},
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
    fn credentials<'a>(&'a self, scheme: &'a Scheme) -> BoxFuture<'a, Result<Credentials, SendError>> {
        Box::pin(async move {
            let opened = self.opened().await?;
            match &scheme.kind {
                SchemeKind::None | SchemeKind::Static => Ok(opened.credential.with_token(None)),
                SchemeKind::OAuth2(_) => self.granted(opened).await,
                SchemeKind::TokenExchange(exchange) => self.exchanged(&scheme.name, exchange, &opened, None).await,
            }
        })
    }

    fn renew<'a>(
        &'a self,
        scheme: &'a Scheme,
        stale: &'a Credentials,
    ) -> BoxFuture<'a, Result<Credentials, SendError>> {
        Box::pin(async move {
            let opened = self.opened().await?;
            match &scheme.kind {
                SchemeKind::None | SchemeKind::Static => {
                    Err(SendError::not_sent(Code::Reauthorize, "the provider refuses the credentials"))
                }
                SchemeKind::OAuth2(_) => {
                    let newer = opened.credential.grant.as_ref().is_some_and(|it| !it.token.is_in(stale));
                    let opened = if newer { opened } else { self.renew_grant(opened.version()).await? };
                    Ok(with_grant(&opened.credential))
                }
                SchemeKind::TokenExchange(exchange) => {
                    self.exchanged(&scheme.name, exchange, &opened, Some(stale)).await
                }
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
        Ok(self.opened().await?.credential.with_token(None))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.setup.clock.now()
    }

    /// The opened credential, read again if that was long ago.
    async fn opened(&self) -> Result<Opened, SendError> {
        match self.slot.opened(self.now()) {
            Some(opened) => Ok(opened),
            None => self.read().await,
        }
    }

    /// The credential as it is in the store.
    pub(super) async fn read(&self) -> Result<Opened, SendError> {
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
        self.slot.set_opened(opened.clone());
        Ok(opened)
    }

    fn open(&self, connection: &Connection, sealed: &Sealed) -> Result<Credential, Error> {
        Ok(credential::open(self.shared.keys()?, &context(connection, Purpose::Credential), sealed)?)
    }

    /// The grant's token, or a new one if it is time. One that still works is used while somebody else renews it, and
    /// also when renewing fails.
    async fn granted(&self, opened: Opened) -> Result<Credentials, SendError> {
        let Some(grant) = &opened.credential.grant else { return Err(reauthorize("there was no consent yet")) };
        let now = self.now();
        if !grant.token.is_due(now) || (grant.token.works(now) && self.slot.is_renewing()) {
            return Ok(with_grant(&opened.credential));
        }
        match self.renew_grant(opened.version()).await {
            Ok(renewed) => Ok(with_grant(&renewed.credential)),
            Err(error) if error.code != Code::Reauthorize && grant.token.works(self.now()) => {
                Ok(with_grant(&opened.credential))
            }
            Err(error) => Err(error),
        }
    }

    /// The token of a scheme that exchanges: the one at hand unless it is due or `stale`, else a new one. As with a grant,
    /// one that still works is used while somebody else gets a new one, and also when that fails.
    async fn exchanged(
        &self,
        scheme: &str,
        exchange: &TokenExchange,
        opened: &Opened,
        stale: Option<&Credentials>,
    ) -> Result<Credentials, SendError> {
        let at_hand = || self.slot.exchanged(scheme).filter(|it| !stale.is_some_and(|stale| it.is_in(stale)));
        let working = at_hand().filter(|it| it.works(self.now()));
        let token = match &working {
            Some(token) if !token.is_due(self.now()) || self.slot.is_renewing() => token.clone(),
            _ => {
                let _alone = self.slot.renewal.lock().await;
                match at_hand().filter(|it| !it.is_due(self.now())) {
                    Some(token) => token,
                    None => self.exchange_alone(scheme, exchange, opened).await.or_else(|error| match working {
                        Some(token) if error.code != Code::Reauthorize && token.works(self.now()) => Ok(token),
                        _ => Err(error),
                    })?,
                }
            }
        };
        Ok(opened.credential.with_token(Some(&token)))
    }

    /// Gets a token by exchange, as the only one in this process. It is kept here, not stored: another process gets its own.
    async fn exchange_alone(
        &self,
        scheme: &str,
        exchange: &TokenExchange,
        opened: &Opened,
    ) -> Result<Fresh, SendError> {
        self.slot.may_try(self.now())?;
        match self.provider(opened).exchange(exchange).await {
            Ok(token) => {
                self.slot.set_exchanged(scheme, opened.version(), token.clone());
                Ok(token)
            }
            Err(error) if error.code == Code::Reauthorize => {
                self.refused(opened.version(), error).await?;
                Err(SendError::not_sent(Code::Unavailable, "the account was just connected again; try once more"))
            }
            Err(error) => {
                self.slot.pause(self.now(), &error);
                Err(error)
            }
        }
    }
}

fn with_grant(credential: &Credential) -> Credentials {
    credential.with_token(credential.grant.as_ref().map(|it| &it.token))
}

/// Only whoever owns the account can help.
pub(super) fn reauthorize(why: impl Into<String>) -> SendError {
    SendError::not_sent(Code::Reauthorize, why)
}

/// The store is of no use now.
pub(super) fn failed(error: &store::Error) -> SendError {
    SendError::not_sent(Code::Unavailable, error.to_string())
}
