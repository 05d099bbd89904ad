//! The tokens of a credential that is not stored yet: while an account is being connected.

use indexmap::IndexMap;
use tokio::sync::Mutex;

use super::{credential::Fresh, provider::Provider, tokens::reauthorize};
use crate::{
    auth::{Credentials, Tokens},
    base::BoxFuture,
    spec::{Scheme, SchemeKind, TokenExchange},
    transport::SendError,
};

/// A credential that was just given.
pub(super) struct UnstoredTokens<'a> {
    provider: Provider<'a>,
    exchanged: Mutex<IndexMap<String, Fresh>>,
}

impl<'a> UnstoredTokens<'a> {
    pub(super) fn new(provider: Provider<'a>) -> Self {
        Self { provider, exchanged: Mutex::default() }
    }

    async fn exchanged(
        &self,
        scheme: &str,
        exchange: &TokenExchange,
        stale: Option<&Credentials>,
    ) -> Result<Credentials, SendError> {
        let mut exchanged = self.exchanged.lock().await;
        let at_hand = exchanged.get(scheme).filter(|it| !stale.is_some_and(|stale| it.is_in(stale)));
        let token = match at_hand {
            Some(token) => token.clone(),
            None => self.provider.exchange(exchange).await?,
        };
        let credentials = self.provider.credential.with_token(Some(&token));
        exchanged.insert(scheme.to_owned(), token);
        Ok(credentials)
    }
}

impl Tokens for UnstoredTokens<'_> {
    fn credentials<'a>(&'a self, scheme: &'a Scheme) -> BoxFuture<'a, Result<Credentials, SendError>> {
        Box::pin(async move {
            match &scheme.kind {
                SchemeKind::None | SchemeKind::Static => Ok(self.provider.credential.with_token(None)),
                SchemeKind::OAuth2(_) => {
                    let grant = self
                        .provider
                        .credential
                        .grant
                        .as_ref()
                        .ok_or_else(|| reauthorize("there was no consent yet"))?;
                    Ok(self.provider.credential.with_token(Some(&grant.token)))
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
