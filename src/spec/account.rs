//! Sign-in: what a connection signs in to, and how its credential is got and put on requests.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;

use super::{AfterConnect, ErrorRule, Fields, Http, Request, Url};
use crate::expr::{Path, Text};

/// What a connection signs in to.
#[derive(Debug)]
pub struct Account {
    /// The shared account's id, or the connector's own.
    pub id: String,
    /// For people.
    pub title: String,
    /// What the builder fills in.
    pub fields: Fields,
    /// Names of the fields that are secret.
    pub secret_fields: Vec<String>,
    /// The first is the default.
    pub schemes: IndexMap<String, Scheme>,
    /// Scope → the scopes that it includes.
    pub scope_covers: IndexMap<String, Vec<String>>,
    /// Tried after the connector's rules.
    pub errors: Vec<ErrorRule>,
    /// Identifies the account, when the connector does not.
    pub after_connect: Option<Arc<AfterConnect>>,
    /// The scopes that connectors may ask for, each in words; empty if the account does not list them.
    pub scopes: IndexMap<String, String>,
    /// Its `hosts` are those of the sign-in URLs that are written out, and those that the account allows. Connectors of the
    /// account allow them too.
    pub http: Http,
}

/// One way to sign requests.
#[derive(Debug)]
pub struct Scheme {
    /// Its name in `schemes`; `default` when there is only one.
    pub name: String,
    /// Where the credential comes from.
    pub kind: SchemeKind,
    /// How it is put on a request.
    pub apply: Apply,
    /// Answers that mean: renew the token and send once more.
    pub expired: Vec<ErrorRule>,
    /// Empty element of an XML body, such as `<s:session/>` → what stands in it, a template over `auth`.
    pub fill: Vec<(String, Text)>,
}

/// Where a scheme's credential comes from.
#[derive(Debug)]
pub enum SchemeKind {
    /// No credential.
    None,
    /// The fields themselves: basic, bearer, api_key.
    Static,
    /// A consent, with refresh.
    OAuth2(Box<OAuth2>),
    /// A request that gives a short-lived token.
    TokenExchange(Box<TokenExchange>),
}

/// How a credential is put on a request. Headers and query are templates over `auth` and `request`.
#[derive(Debug)]
pub enum Apply {
    /// Nothing to add.
    None,
    /// `Authorization: Basic …`
    Basic {
        /// May be empty.
        username: Text,
        /// May be empty.
        password: Text,
    },
    /// Headers (names in lower case) and query parameters.
    Fields {
        /// Name and value.
        headers: Vec<(String, Text)>,
        /// Name and value.
        query: Vec<(String, Text)>,
    },
}

/// OAuth 2 authorization code (RFC 6749 §4.1), PKCE (RFC 7636), refresh (§6).
#[derive(Debug)]
pub struct OAuth2 {
    /// Where the browser goes.
    pub authorize_url: Url,
    /// Code and refresh.
    pub token_url: Url,
    /// RFC 7009, if the provider has it.
    pub revoke_url: Option<Url>,
    /// S256 unless switched off.
    pub pkce: bool,
    /// Client id and secret in the form rather than by HTTP Basic.
    pub client_in_body: bool,
    /// Added to the authorize URL.
    pub params: Vec<(String, String)>,
    /// Added to both token requests.
    pub token_params: Vec<(String, String)>,
    /// Between scopes.
    pub scope_separator: String,
    /// When the answer has no `expires_in`.
    pub lifetime: Option<Duration>,
    /// The provider ends a grant that was not renewed for so long.
    pub idle: Option<Duration>,
    /// Where the token answer keeps things.
    pub token: TokenPaths,
    /// Name → parameter of the provider's redirect (RFC 6749 §4.1.2), kept in `connection` before the code is exchanged.
    pub callback: Vec<(String, String)>,
    /// Name → path in the token answer, kept in `connection`.
    pub capture: Vec<(String, Arc<Path>)>,
    /// What token answers mean, tried before all else. A rule's `reason` is the answer's `error` (RFC 6749 §5.2).
    pub token_errors: Vec<ErrorRule>,
    /// Refresh answers that mean a dead grant. A rule's `reason` is the answer's `error` (RFC 6749 §5.2).
    pub dead: Vec<ErrorRule>,
}

/// Paths into a token answer.
#[derive(Debug)]
pub struct TokenPaths {
    /// `$.access_token`
    pub access_token: Arc<Path>,
    /// `$.refresh_token`
    pub refresh_token: Arc<Path>,
    /// `$.expires_in`
    pub expires_in: Arc<Path>,
    /// `$.scope`
    pub scope: Arc<Path>,
}

/// A token got by one templated request and kept while it lives.
#[derive(Debug)]
pub struct TokenExchange {
    /// May use `auth.*`, in headers and body too.
    pub request: Request,
    /// The token in its answer.
    pub token: Arc<Path>,
    /// Seconds, as number or text.
    pub expires_in: Option<Arc<Path>>,
    /// When the answer does not tell.
    pub lifetime: Duration,
    /// Renewed this long before the end.
    pub margin: Duration,
    /// What its answers mean.
    pub errors: Vec<ErrorRule>,
}

impl Account {
    /// The scheme that a request names; the first one if it names none, and nothing for `none`.
    pub fn scheme(&self, name: Option<&str>) -> Option<&Scheme> {
        match name {
            None => self.schemes.first().map(|(_, scheme)| scheme),
            Some(name) => self.schemes.get(name),
        }
    }

    /// The scheme that asks for a consent, if there is one.
    pub fn oauth2(&self) -> Option<(&Scheme, &OAuth2)> {
        self.schemes.values().find_map(|scheme| match &scheme.kind {
            SchemeKind::OAuth2(oauth2) => Some((scheme, &**oauth2)),
            _ => None,
        })
    }

    /// Which of the `needed` scopes are neither among the `granted` ones nor included in one of them.
    pub fn missing_scopes(&self, granted: &[String], needed: &[String]) -> Vec<String> {
        needed.iter().filter(|it| !self.covers(granted, it)).cloned().collect()
    }

    /// What a scope includes may include others in turn.
    fn covers(&self, granted: &[String], needed: &str) -> bool {
        let mut reached: Vec<&str> = granted.iter().map(String::as_str).collect();
        let mut at = 0;
        while let Some(scope) = reached.get(at).copied() {
            if scope == needed {
                return true;
            }
            for included in self.scope_covers.get(scope).into_iter().flatten() {
                if !reached.contains(&included.as_str()) {
                    reached.push(included);
                }
            }
            at += 1;
        }
        false
    }
}
