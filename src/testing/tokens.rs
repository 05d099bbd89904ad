//! The credentials that a case gives.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::{
    auth::{self, Credentials, Tokens},
    base::{BoxFuture, Code, Secret, lock},
    spec::{Case, Connector, Scheme, SchemeKind, TokenExchange},
    transport::{SendError, script::Script},
};

/// The case's fields and its token. A token exchange without a given token is made, against the script.
pub(super) struct CaseTokens<'c> {
    connector: &'c Connector,
    case: &'c Case,
    script: &'c Script<'c>,
    fields: IndexMap<String, Secret>,
    /// Got by exchange, by scheme.
    got: Mutex<HashMap<String, Secret>>,
}

impl<'c> CaseTokens<'c> {
    pub(super) fn new(connector: &'c Connector, case: &'c Case, script: &'c Script<'c>) -> Self {
        Self { connector, case, script, fields: fields(connector, case), got: Mutex::default() }
    }

    fn got(&self) -> MutexGuard<'_, HashMap<String, Secret>> {
        lock(&self.got)
    }

    /// `auth.<field>`
    pub(super) fn fields(&self) -> Credentials {
        self.with(None)
    }

    fn given(&self) -> Option<Secret> {
        let (_, token) = self.case.credentials.iter().find(|(name, _)| name == "token")?;
        Some(Secret::new(token.as_str()))
    }

    fn with(&self, token: Option<Secret>) -> Credentials {
        Credentials { fields: self.fields.clone(), token }
    }

    async fn exchanged(&self, scheme: &Scheme, exchange: &TokenExchange) -> Result<Credentials, SendError> {
        let Case { connection, now, .. } = self.case;
        let http = &self.connector.http;
        let token = auth::exchange(exchange, http, &self.with(None), connection, self.script, *now).await?.access;
        self.got().insert(scheme.name.clone(), token.clone());
        Ok(self.with(Some(token)))
    }

    async fn first(&self, scheme: &Scheme) -> Result<Credentials, SendError> {
        let known = self.got().get(&scheme.name).cloned().or_else(|| self.given());
        match &scheme.kind {
            SchemeKind::None | SchemeKind::Static => Ok(self.with(None)),
            SchemeKind::TokenExchange(exchange) if known.is_none() => self.exchanged(scheme, exchange).await,
            SchemeKind::OAuth2(_) if known.is_none() => {
                Err(SendError::not_sent(Code::Reauthorize, "the case's `credentials` have no `token`"))
            }
            SchemeKind::TokenExchange(_) | SchemeKind::OAuth2(_) => Ok(self.with(known)),
        }
    }

    /// A case has no refresh token: its consent has ended when the provider says so.
    async fn next(&self, scheme: &Scheme) -> Result<Credentials, SendError> {
        match &scheme.kind {
            SchemeKind::TokenExchange(exchange) => self.exchanged(scheme, exchange).await,
            _ => Err(SendError::not_sent(Code::Reauthorize, "the provider calls the case's token expired")),
        }
    }
}

impl Tokens for CaseTokens<'_> {
    fn credentials<'a>(&'a self, scheme: &'a Scheme) -> BoxFuture<'a, Result<Credentials, SendError>> {
        Box::pin(self.first(scheme))
    }

    fn renew<'a>(&'a self, scheme: &'a Scheme, _: &'a Credentials) -> BoxFuture<'a, Result<Credentials, SendError>> {
        Box::pin(self.next(scheme))
    }
}

/// `auth.<field>`: the case's credentials, then what `connection` has of the fields that aren't secret, then defaults.
fn fields(connector: &Connector, case: &Case) -> IndexMap<String, Secret> {
    let declared = &connector.account.fields;
    let defaults = declared.with_defaults(Json::Object(serde_json::Map::new()));
    let value = |name: &str| {
        let given = case.credentials.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone());
        let known = || case.connection.get(name).or_else(|| defaults.get(name)).and_then(plain);
        given.or_else(known)
    };
    declared.iter().filter_map(|(name, _)| Some((name.to_owned(), Secret::new(value(name)?)))).collect()
}

fn plain(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
