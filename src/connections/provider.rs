//! What is asked of providers about one connection: consent, tokens, revocation.

use url::Url;

use super::{
    Error, Shared, as_scope,
    credential::{Credential, Fresh},
};
use crate::{
    auth::{self, Credentials, Token, oauth2::Flow},
    base::{Code, Secret},
    expr::Scope,
    spec::{Connector, OAuth2, TokenExchange},
    store::Connection,
    transport::SendError,
};

/// One connection towards its provider.
#[derive(Clone, Copy)]
pub(super) struct Provider<'a> {
    pub(super) shared: &'a Shared,
    pub(super) connector: &'a Connector,
    pub(super) connection: &'a Connection,
    pub(super) credential: &'a Credential,
}

impl<'a> Provider<'a> {
    /// Where the browser goes for the consent.
    pub(super) fn authorization_url(&self, scopes: &[String], state: &Secret, verifier: &Secret) -> Result<Url, Error> {
        let setup = &self.shared.setup;
        let scope = self.scope();
        let url = self.flow(&scope)?.authorization_url(&setup.redirect_uri, scopes, state, verifier)?;
        Ok(setup.overrides.target(&url).unwrap_or(url))
    }

    /// The first token of a consent.
    pub(super) async fn exchange_code(&self, code: &Secret, verifier: &Secret) -> Result<Token, Error> {
        let scope = self.scope();
        Ok(self.flow(&scope)?.exchange_code(code, &self.shared.setup.redirect_uri, verifier).await?)
    }

    /// The next token of a grant.
    pub(super) async fn refresh(&self) -> Result<Token, SendError> {
        let grant = self.credential.grant.as_ref();
        let refresh = grant.and_then(|it| it.refresh.as_ref()).ok_or_else(|| {
            SendError::not_sent(
                Code::Reauthorize,
                "the token has expired, and the provider gave nothing to renew it with",
            )
        })?;
        let scope = self.scope();
        let flow = self.flow(&scope).map_err(|error| SendError::not_sent(Code::Unavailable, error.to_string()))?;
        flow.refresh(&refresh.0).await
    }

    /// Takes the grant back. Tells whether the provider can do that.
    pub(super) async fn revoke(&self) -> Result<bool, Error> {
        let Some(grant) = &self.credential.grant else { return Ok(false) };
        let scope = self.scope();
        let token = grant.refresh.as_ref().unwrap_or(&grant.token.access);
        Ok(self.flow(&scope)?.revoke(&token.0).await?)
    }

    /// A short-lived token for the fields.
    pub(super) async fn exchange(&self, exchange: &TokenExchange) -> Result<Fresh, SendError> {
        let now = self.shared.setup.clock.now();
        let (fields, connection) = (self.fields(), as_scope(self.connection));
        let sender = &*self.shared.setup.sender;
        let token = auth::exchange(exchange, &self.connector.http, &fields, &connection, sender, now).await?;
        Ok(Fresh::new(&token, exchange.margin.try_into().unwrap_or_default(), now))
    }

    fn fields(&self) -> Credentials {
        self.credential.with_token(None)
    }

    fn scope(&self) -> Scope {
        auth::scope(&self.fields(), &as_scope(self.connection), self.shared.setup.clock.now())
    }

    fn flow<'s>(&'s self, scope: &'s Scope) -> Result<Flow<'s>, Error> {
        let account = &self.connector.account;
        Ok(Flow {
            oauth2: self.oauth2()?,
            client: self.shared.client(&account.id)?,
            http: &account.http,
            scope,
            sender: &*self.shared.setup.sender,
            now: self.shared.setup.clock.now(),
        })
    }

    fn oauth2(&self) -> Result<&'a OAuth2, Error> {
        // A connector can be replaced by a version that signs in another way.
        let oauth2 = self.connector.account.oauth2().map(|(_, oauth2)| oauth2);
        oauth2.ok_or_else(|| SendError::not_sent(Code::Reauthorize, "the account takes no consent any more").into())
    }
}
