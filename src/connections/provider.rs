//! What is asked of providers about one connection: consent, tokens, revocation.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use url::Url;

use super::{
    Error, Shared, as_scope,
    credential::{self, Credential, Fresh, Grant, Pending},
    tokens::NOT_FOUND,
};
use crate::{
    auth::{self, Caller, Client, Credentials, Failed, Given, Got, Token, consent},
    base::{Code, Secret},
    spec::{Account, Connector, OAuth2, SchemeKind, TokenCall, TokenExchange},
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

/// A token that was got by exchange.
pub(super) struct Exchanged {
    pub(super) token: Fresh,
    /// For `connection`.
    pub(super) captured: Map<String, Json>,
}

impl<'a> Provider<'a> {
    /// Where the browser goes for the consent, and what was kept of what is asked before it goes.
    pub(super) async fn consent(
        &self,
        scopes: &[String],
        state: &Secret,
        verifier: &Secret,
    ) -> Result<(Url, Given), Error> {
        let setup = &self.shared.setup;
        let (scheme, consent) = self.account().asks().ok_or_else(changed)?;
        let connection = as_scope(self.connection);
        let mut given = self.given()?;
        let asked = [
            ("state", state.expose()),
            ("redirect_uri", setup.redirect_uri.as_str()),
            ("scope", &scopes.join(&consent.scope_separator)),
            ("code_challenge", &consent::challenge(verifier)),
        ];
        given.extend(asked.map(|(name, value)| (name.to_owned(), Secret::new(value))));
        let kept = match (&consent.before, scheme.answers()) {
            (Some(call), Some(answers)) => self.caller(&connection).ask(call, answers, given.clone()).await?,
            _ => Given::new(),
        };
        given.extend(kept.iter().map(|(name, it)| (name.clone(), it.clone())));
        given.shift_remove("client_secret");
        let nonce = given.get("nonce").map(|it| it.expose().to_owned()).unwrap_or_default();
        let credentials = Credentials { fields: given.into(), nonce, token: None }.into();
        let scope = auth::scope(&credentials, &connection, setup.clock.now());
        let url = consent::authorization_url(consent, &scope)?;
        let Some(mut stand_in) = setup.overrides.target(&url) else { return Ok((url, kept)) };
        stand_in.set_fragment(url.fragment());
        Ok((stand_in, kept))
    }

    /// What a consent gave: by its code, or by the refresh token that was filled in.
    pub(super) async fn first(&self, code: Option<(&Secret, &Pending)>) -> Result<Got, Error> {
        let (_, oauth2) = self.account().oauth2().ok_or_else(changed)?;
        let mut given = self.given()?;
        if let Some((code, pending)) = code {
            let redirect_uri = Secret::new(self.shared.setup.redirect_uri.as_str());
            given.extend([("code".to_owned(), code.clone()), ("redirect_uri".to_owned(), redirect_uri)]);
            given.insert("code_verifier".to_owned(), pending.verifier.0.clone());
            given.extend(pending.state.as_ref().map(|it| ("state".to_owned(), it.0.clone())));
            given.extend(credential::given(&pending.kept));
        }
        let connection = as_scope(self.connection);
        let got = self.caller(&connection).get(&oauth2.exchange, &oauth2.answers, given).await;
        Ok(self.noted(got).await.map_err(SendError::from)?)
    }

    /// The next token of a grant.
    pub(super) async fn refresh(&self, oauth2: &OAuth2, grant: Option<&Grant>) -> Result<Token, Failed> {
        let nothing = || {
            SendError::not_sent(
                Code::Reauthorize,
                "the token has expired, and the provider gave nothing to renew it with",
            )
        };
        let failed = |error| Failed { error, refresh: None, of_client: false };
        let (Some(call), Some(grant)) = (&oauth2.refresh, grant) else { return Err(failed(nothing())) };
        if grant.refresh.is_none() && call.reads("refresh_token") {
            return Err(failed(nothing()));
        }
        let unready = |error: Error| failed(unready(error));
        let given = with_grant(self.given().map_err(unready)?, grant);
        let connection = as_scope(self.connection);
        let got = self.caller(&connection).get(call, &oauth2.answers, given).await;
        Ok(self.noted(got).await?.token)
    }

    /// A client that the provider does not know any more serves nobody who signs in from now on.
    async fn noted(&self, got: Result<Got, Failed>) -> Result<Got, Failed> {
        if got.as_ref().is_err_and(|it| it.of_client) {
            self.forget_client().await;
        }
        got
    }

    /// A short-lived token for the fields, or for the token of another scheme that `base` holds.
    pub(super) async fn exchange(
        &self,
        exchange: &TokenExchange,
        base: Option<&Credentials>,
    ) -> Result<Exchanged, SendError> {
        let mut given = self.given().map_err(unready)?;
        if let Some(base) = base {
            given.extend(base.token.clone().map(|it| ("token".to_owned(), it)));
            let refresh = self.refresh_token_of(exchange.from.as_deref());
            given.extend(refresh.map(|it| ("refresh_token".to_owned(), it)));
        }
        let connection = as_scope(self.connection);
        let got = self.caller(&connection).get(&exchange.call, &exchange.answers, given).await?;
        let margin = exchange.answers.margin.try_into().unwrap_or_default();
        let token = Fresh::new(&got.token, margin, self.shared.setup.clock.now());
        Ok(Exchanged { token, captured: got.token.captured })
    }

    /// Takes back what was granted. Tells whether the provider can do that.
    pub(super) async fn revoke(&self) -> Result<bool, Error> {
        let mut revoked = false;
        for scheme in self.account().schemes.values() {
            match &scheme.kind {
                SchemeKind::OAuth2(oauth2) => {
                    let grant = self.credential.grant_of(&scheme.name, oauth2);
                    let (Some(call), Some(grant)) = (&oauth2.revoke, grant) else { continue };
                    self.give_back(call, &oauth2.answers, with_grant(self.given()?, grant)).await?;
                }
                SchemeKind::TokenExchange(exchange) => {
                    let Some(call) = &exchange.revoke else { continue };
                    let mut given = self.given()?;
                    if call.reads("token") {
                        let base = exchange.from.as_deref().and_then(|it| self.token_of(it));
                        let token = self.exchange(exchange, base.as_ref()).await?.token;
                        given.insert("token".to_owned(), token.access.0);
                        given.extend(token.kept.into_iter().map(|(name, it)| (name, it.0)));
                    }
                    self.give_back(call, &exchange.answers, given).await?;
                }
                SchemeKind::None | SchemeKind::Static => continue,
            }
            revoked = true;
        }
        Ok(revoked)
    }

    async fn give_back(
        &self,
        call: &TokenCall,
        answers: &crate::spec::TokenAnswers,
        given: Given,
    ) -> Result<(), SendError> {
        let connection = as_scope(self.connection);
        self.caller(&connection).give_back(call, answers, given).await
    }

    /// The token of another scheme with a grant, as it is at hand.
    fn token_of(&self, scheme: &str) -> Option<Credentials> {
        let (scheme, oauth2) = self.account().grants().find(|(it, _)| it.name == scheme)?;
        let grant = self.credential.grant_of(&scheme.name, oauth2)?;
        Some(Credentials { token: Some(grant.token.access.0.clone()), ..Credentials::default() })
    }

    fn refresh_token_of(&self, scheme: Option<&str>) -> Option<Secret> {
        let (scheme, oauth2) = self.account().grants().find(|(it, _)| Some(it.name.as_str()) == scheme)?;
        let grant = self.credential.grant_of(&scheme.name, oauth2)?;
        grant.refresh.as_ref().map(|it| it.0.clone())
    }

    /// What every token call is given: the fields, what was found, and the client, which may be among either.
    fn given(&self) -> Result<Given, Error> {
        let found = &self.credential.found;
        if found.is_empty() && self.account().introduction().is_some() {
            // nothing is lost: the version that asks for it may be rolled back
            return Err(SendError::not_sent(Code::Unavailable, NOT_FOUND).into());
        }
        let known = self.credential.fields.iter().chain(&found.names);
        let mut given: Given = credential::given(known).collect();
        given.insert("nonce".to_owned(), Secret::new(auth::nonce(&*self.shared.setup.random)));
        match self.client() {
            Ok(client) if !given.contains_key("client_id") => {
                given.insert("client_id".to_owned(), Secret::new(client.id.as_str()));
                if let Some(secret) = &client.secret {
                    given.insert("client_secret".to_owned(), secret.clone());
                }
            }
            Err(error) if self.account().needs_app => return Err(error),
            _ => {}
        }
        Ok(given)
    }

    pub(super) fn client(&self) -> Result<&'a Client, Error> {
        self.shared.client(&self.account().id)
    }

    pub(super) fn account(&self) -> &'a Account {
        &self.connector.account
    }

    pub(super) fn caller<'s>(&'s self, connection: &'s Arc<Json>) -> Caller<'s> {
        let setup = &self.shared.setup;
        Caller {
            account: &self.account().http,
            connector: &self.connector.http,
            connection,
            sender: &*setup.sender,
            now: setup.clock.now(),
            registered: self.credential.found.registration.is_some(),
        }
    }
}

fn with_grant(mut given: Given, grant: &Grant) -> Given {
    given.insert("token".to_owned(), grant.token.access.0.clone());
    given.extend(credential::given(&grant.token.kept));
    given.shift_remove("refresh_token");
    given.extend(grant.refresh.as_ref().map(|it| ("refresh_token".to_owned(), it.0.clone())));
    given
}

/// Whatever waits for a token was not sent.
#[expect(clippy::needless_pass_by_value, reason = "taken by `map_err`")]
fn unready(error: Error) -> SendError {
    SendError::not_sent(Code::Unavailable, error.to_string())
}

/// A connector can be replaced by a version that signs in another way.
fn changed() -> Error {
    SendError::not_sent(Code::Reauthorize, "the account takes no consent any more").into()
}
