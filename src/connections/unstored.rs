//! The tokens of a credential that is not stored yet: while an account is being connected.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use tokio::sync::Mutex;

use super::{
    credential::Fresh,
    provider::{Exchanged, Provider},
    tokens::{no_consent, reauthorize},
};
use crate::{
    auth::{Credentials, Tokens},
    base::BoxFuture,
    spec::{Scheme, SchemeKind, TokenExchange},
    transport::SendError,
};

/// A credential that was just given.
pub(super) struct UnstoredTokens<'a> {
    provider: Provider<'a>,
    got: Mutex<Got>,
}

/// What was got by exchange.
#[derive(Default)]
pub(super) struct Got {
    /// By scheme.
    tokens: IndexMap<String, Fresh>,
    /// For `connection`, once.
    captured: Map<String, Json>,
}

impl<'a> UnstoredTokens<'a> {
    pub(super) fn new(provider: Provider<'a>) -> Self {
        Self::with(provider, Got::default())
    }

    /// With what was got before.
    pub(super) fn with(provider: Provider<'a>, got: Got) -> Self {
        Self { provider, got: Mutex::new(got) }
    }

    /// What was got, and what was captured on the way.
    pub(super) fn into_parts(self) -> (Got, Map<String, Json>) {
        let mut got = self.got.into_inner();
        let captured = std::mem::take(&mut got.captured);
        (got, captured)
    }

    async fn exchanged(
        &self,
        scheme: &str,
        exchange: &TokenExchange,
        stale: Option<&Credentials>,
    ) -> Result<Credentials, SendError> {
        let base = match exchange.from.as_ref().and_then(|it| self.provider.connector.account.scheme(Some(it))) {
            Some(base) => Some(self.credentials(base).await?),
            None => None,
        };
        let mut got = self.got.lock().await;
        let at_hand = got.tokens.get(scheme).filter(|it| !stale.is_some_and(|stale| it.is_in(stale)));
        let token = match at_hand {
            Some(token) => token.clone(),
            None => {
                let Exchanged { token, captured } = self.provider.exchange(exchange, base.as_ref()).await?;
                got.captured.extend(captured);
                token
            }
        };
        let credentials = self.with_token(Some(&token));
        got.tokens.insert(scheme.to_owned(), token);
        Ok(credentials)
    }

    fn with_token(&self, token: Option<&Fresh>) -> Credentials {
        self.provider.credential.with_token(token, &*self.provider.shared.setup.random)
    }
}

impl Tokens for UnstoredTokens<'_> {
    fn credentials<'a>(&'a self, scheme: &'a Scheme) -> BoxFuture<'a, Result<Credentials, SendError>> {
        Box::pin(async move {
            match &scheme.kind {
                SchemeKind::None | SchemeKind::Static => Ok(self.with_token(None)),
                SchemeKind::OAuth2(oauth2) => {
                    let grant = self.provider.credential.grant_of(&scheme.name, oauth2).ok_or_else(no_consent)?;
                    Ok(self.with_token(Some(&grant.token)))
                }
                SchemeKind::TokenExchange(exchange) => self.exchanged(&scheme.name, exchange, None).await,
            }
        })
    }

    /// A consent that was given a moment ago and is refused already can't be renewed.
    fn renew<'a>(
        &'a self,
        scheme: &'a Scheme,
        stale: &'a Credentials,
    ) -> BoxFuture<'a, Result<Credentials, SendError>> {
        Box::pin(async move {
            match &scheme.kind {
                SchemeKind::TokenExchange(exchange) => self.exchanged(&scheme.name, exchange, Some(stale)).await,
                _ => Err(reauthorize("the provider refuses what was just given")),
            }
        })
    }
}
