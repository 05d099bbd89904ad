//! The credentials that a case gives.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::{
    auth::{Caller, Credentials, Given, Tokens, Used},
    base::{BoxFuture, Code, Secret, lock},
    spec::{Case, Connector, Scheme, SchemeKind, TokenExchange},
    transport::{SendError, Sender},
};

/// `auth.nonce` of all requests: what is signed with it is the same in each run.
const NONCE: &str = "0123456789abcdef0123456789abcdef";

/// The case's fields and its token. A token exchange without a given token is made.
pub(super) struct CaseTokens<'c> {
    connector: &'c Connector,
    case: &'c Case,
    sender: &'c dyn Sender,
    fields: IndexMap<String, Secret>,
    /// Got by exchange, by scheme.
    got: Mutex<HashMap<String, Credentials>>,
    /// Asked for, and not got.
    lacks: AtomicBool,
    /// Takes in what was got.
    used: &'c Used,
}

impl<'c> CaseTokens<'c> {
    pub(super) fn new(connector: &'c Connector, case: &'c Case, sender: &'c dyn Sender, used: &'c Used) -> Self {
        let fields = fields(connector, case);
        Self { connector, case, sender, fields, got: Mutex::default(), lacks: AtomicBool::new(false), used }
    }

    /// Whether a token was asked for that the case does not give, and did not come.
    pub(super) fn lacks_one(&self) -> bool {
        self.lacks.load(Ordering::Relaxed) && self.given().is_none()
    }

    fn got(&self) -> MutexGuard<'_, HashMap<String, Credentials>> {
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
        Credentials { fields: self.fields.clone().into(), token, nonce: NONCE.to_owned() }
    }

    async fn exchanged(&self, scheme: &Scheme, exchange: &TokenExchange) -> Result<Credentials, SendError> {
        let Case { connection, now, .. } = self.case;
        let mut given: Given = self.fields.clone();
        given.insert("nonce".to_owned(), Secret::new(NONCE));
        given.extend(self.case.credentials.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))));
        if let Some(base) = exchange.from.as_ref().and_then(|it| self.connector.account.scheme(Some(it))) {
            given.extend(Box::pin(self.first(base)).await?.token.map(|it| ("token".to_owned(), it)));
        }
        let (account, connector) = (&self.connector.account.http, &self.connector.http);
        let caller = Caller { account, connector, connection, sender: self.sender, now: *now, registered: false };
        self.lacks.store(true, Ordering::Relaxed);
        let token = caller.get(&exchange.call, &exchange.answers, given).await.map_err(SendError::from)?.token;
        self.lacks.store(false, Ordering::Relaxed);
        token.kept.values().chain(&token.refresh).chain([&token.access]).for_each(|it| self.used.add(it));
        let mut credentials = self.with(Some(token.access.clone()));
        Arc::make_mut(&mut credentials.fields).extend(token.kept);
        self.got().insert(scheme.name.clone(), credentials.clone());
        Ok(credentials)
    }

    async fn first(&self, scheme: &Scheme) -> Result<Credentials, SendError> {
        let known = self.got().get(&scheme.name).cloned();
        let known = known.or_else(|| Some(self.with(Some(self.given()?))));
        match &scheme.kind {
            SchemeKind::None | SchemeKind::Static => Ok(self.with(None)),
            SchemeKind::TokenExchange(exchange) if known.is_none() => self.exchanged(scheme, exchange).await,
            SchemeKind::OAuth2(_) if known.is_none() => {
                Err(SendError::not_sent(Code::Reauthorize, "the case's `credentials` have no `token`"))
            }
            SchemeKind::TokenExchange(_) | SchemeKind::OAuth2(_) => Ok(known.unwrap_or_else(|| self.with(None))),
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
