//! Sign-in: what a connection signs in to, and how its credential is got and put on requests.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;

use super::{
    AfterConnect, Assertion, ClientCertificate, ErrorRule, Fields, Http, Introduction, OAuth1, Request, SigV4, Url,
};
use crate::expr::{Expr, Shape, Text};

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
    /// Whether an app that ops registered at the provider is needed: the setting `accounts`.
    pub needs_app: bool,
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
    /// Shown to the provider by every connection that is opened for it.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// Empty element of an XML body, such as `<s:session/>` → what stands in it, a template over `auth`.
    pub fill: Vec<(String, Text)>,
    /// Before anything is asked for.
    pub introduction: Introduction,
}

/// Where a scheme's credential comes from.
#[derive(Debug)]
pub enum SchemeKind {
    /// No credential.
    None,
    /// The fields themselves: basic, bearer, api_key, sigv4, oauth1.
    Static,
    /// A grant that is kept, and renewed by what came with it.
    OAuth2(Box<OAuth2>),
    /// A token that can be got again at any time.
    TokenExchange(Box<TokenExchange>),
}

/// How a credential is put on a request. All of them are templates over `auth` and `request`.
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
    /// Wherever the scheme says.
    Fields(Box<Placed>),
    /// `Authorization: OAuth …`
    OAuth1(Box<OAuth1>),
    /// `Authorization: AWS4-HMAC-SHA256 …`, and the headers that go with it.
    SigV4(Box<SigV4>),
}

/// Where a credential stands in a request.
#[derive(Debug, Default)]
pub struct Placed {
    /// Headers (names in lower case) and their values.
    pub headers: Vec<(String, Text)>,
    /// Query parameters.
    pub query: Vec<(String, Text)>,
    /// Members of a JSON or form body.
    pub body: Vec<(String, Text)>,
    /// What stands before the path.
    pub path: Option<Text>,
}

impl Placed {
    /// All that is put on a request.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let named = self.headers.iter().chain(&self.query).chain(&self.body).map(|(_, it)| it);
        named.chain(&self.path)
    }
}

/// A consent in the browser: OAuth 2 (RFC 6749 §4.1), PKCE (RFC 7636), or what a provider has in their place.
#[derive(Debug)]
pub struct Consent {
    /// Asked before the browser goes there; what it keeps is in `auth` until the consent is over.
    pub before: Option<TokenCall>,
    /// Where the browser goes.
    pub authorize_url: Url,
    /// All parameters, with those that the loader writes. What has no value, or an empty one, is left out.
    pub params: Vec<(String, Shape)>,
    /// Those of them that stand in the address as they are.
    pub unencoded: Vec<String>,
    /// Between scopes.
    pub scope_separator: String,
    /// The parameter of the redirect that holds the code; `None`: it comes back without one.
    pub code: Option<String>,
    /// Name → parameter of the redirect, kept in `connection` before anything is asked.
    pub callback: Vec<(String, String)>,
}

/// A grant: what the consent, or a refresh token that was filled in, is exchanged for, and its renewal.
#[derive(Debug)]
pub struct OAuth2 {
    /// `None` without a consent of its own.
    pub consent: Option<Consent>,
    /// The scheme whose consent and first answer it shares.
    pub from: Option<String>,
    /// Gets the first token; of a scheme that is `from` another it is never made.
    pub exchange: TokenCall,
    /// Gets the next one, if there is a way.
    pub refresh: Option<TokenCall>,
    /// Takes the grant back, if the provider can.
    pub revoke: Option<TokenCall>,
    /// The provider ends a grant that was not renewed for so long.
    pub idle: Option<Duration>,
    /// What its answers give and mean.
    pub answers: TokenAnswers,
}

/// A token that is kept only while it lives, since it can be got again.
#[derive(Debug)]
pub struct TokenExchange {
    /// A consent that ends without a code: of an installation, or of an administrator.
    pub consent: Option<Consent>,
    /// The scheme whose token, and refresh token, it is made from.
    pub from: Option<String>,
    /// Gets the token.
    pub call: TokenCall,
    /// Asked when the account is taken off.
    pub revoke: Option<TokenCall>,
    /// What its answers give and mean.
    pub answers: TokenAnswers,
}

/// Requests that get a token, in order. What each needs is in `auth`.
#[derive(Debug, Default)]
pub struct TokenCall {
    /// None only where it is never made.
    pub requests: Vec<Arc<TokenRequest>>,
}

/// One request of a [`TokenCall`].
#[derive(Debug)]
pub struct TokenRequest {
    /// Its `auth` has the fields, the client, what the consent gave, the token so far, and what was kept.
    pub request: Request,
    /// Made for it, and then `auth.client_assertion`.
    pub assertion: Option<Arc<Assertion>>,
    /// Headers that see the rest of it, as `request`: they may sign it.
    pub signing: Vec<(String, Text)>,
    /// Signs it, over the same `auth`.
    pub sign: Option<OAuth1>,
    /// Name → value found in its answer: `auth.<name>` from here on.
    pub keep: Vec<(String, Shape)>,
}

impl TokenRequest {
    /// Of its headers those that read `request` are made last.
    pub(crate) fn new(mut request: Request, keep: Vec<(String, Shape)>) -> Self {
        let (signing, headers) = request.headers.into_iter().partition(|(_, it)| it.reads("request"));
        request.headers = headers;
        Self { request, assertion: None, signing, sign: None, keep }
    }

    /// Calls `visit` with each expression in what is sent and kept.
    pub(crate) fn for_each_expr<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Expr>)) {
        self.request.for_each_expr(visit);
        self.assertion.iter().for_each(|it| it.for_each_expr(visit));
        self.signing.iter().for_each(|(_, it)| it.for_each_expr(visit));
        self.sign.iter().flat_map(OAuth1::texts).for_each(|it| it.for_each_expr(visit));
        self.keep.iter().for_each(|(_, it)| it.for_each_expr(visit));
    }
}

/// [`RESULTS`] → value found in an answer.
pub(super) type Places = Vec<(&'static str, Shape)>;

/// What the answers of a token call give and mean.
#[derive(Debug)]
pub struct TokenAnswers {
    /// [`RESULTS`] → value found in an answer, of the scheme itself; and for each scheme that is `from` it, by its name. The
    /// last answer that has a value counts.
    pub places: Vec<(Option<String>, Places)>,
    /// Name → value found in an answer, kept in `connection`.
    pub capture: Vec<(String, Shape)>,
    /// How long the token lives when the answers do not tell; `None`: until the provider calls it expired.
    pub lifetime: Option<Duration>,
    /// Renewed this long before its end.
    pub margin: Duration,
    /// Whether they are read as RFC 6749 §5 says, and a rule's `reason` is the answer's `error`; else as any other answer.
    pub by_the_book: bool,
    /// Whether the client is the connection's own, by its fields.
    pub own_client: bool,
    /// What answers mean, tried first.
    pub errors: Vec<ErrorRule>,
    /// Answers that mean a dead grant.
    pub dead: Vec<ErrorRule>,
}

/// What a token call comes to, by the names under which it is kept.
pub const RESULTS: [&str; 5] = ["token", "refresh_token", "scope", "expires_in", "expires_at"];

impl TokenCall {
    /// Whether one of its requests needs `auth.<name>`.
    pub fn reads(&self, name: &str) -> bool {
        let mut found = false;
        for request in &self.requests {
            request.request.for_each_expr(&mut |it| {
                found |= it
                    .names
                    .iter()
                    .any(|it| matches!(it.path.as_slice(), [root, part, ..] if root == "auth" && part == name));
            });
        }
        found
    }
}

impl Scheme {
    /// The consent that it asks for.
    pub fn consent(&self) -> Option<&Consent> {
        match &self.kind {
            SchemeKind::OAuth2(oauth2) => oauth2.consent.as_ref(),
            SchemeKind::TokenExchange(exchange) => exchange.consent.as_ref(),
            SchemeKind::None | SchemeKind::Static => None,
        }
    }

    /// The scheme that its token is made from.
    pub fn from(&self) -> Option<&str> {
        match &self.kind {
            SchemeKind::OAuth2(oauth2) => oauth2.from.as_deref(),
            SchemeKind::TokenExchange(exchange) => exchange.from.as_deref(),
            SchemeKind::None | SchemeKind::Static => None,
        }
    }

    /// Whether it gets a token, which comes to an end.
    pub fn gets_token(&self) -> bool {
        matches!(self.kind, SchemeKind::OAuth2(_) | SchemeKind::TokenExchange(_))
    }

    /// Its token calls, with the registration of its client and what is asked before a consent.
    pub fn token_calls(&self) -> impl Iterator<Item = &TokenCall> {
        let before = self.consent().and_then(|it| it.before.as_ref());
        let first = self.introduction.registration.iter().chain(before);
        let calls = match &self.kind {
            SchemeKind::OAuth2(it) => [Some(&it.exchange), it.refresh.as_ref(), it.revoke.as_ref()],
            SchemeKind::TokenExchange(it) => [Some(&it.call), it.revoke.as_ref(), None],
            SchemeKind::None | SchemeKind::Static => [None; 3],
        };
        first.chain(calls.into_iter().flatten())
    }

    pub(crate) fn answers_mut(&mut self) -> Option<&mut TokenAnswers> {
        match &mut self.kind {
            SchemeKind::OAuth2(it) => Some(&mut it.answers),
            SchemeKind::TokenExchange(it) => Some(&mut it.answers),
            SchemeKind::None | SchemeKind::Static => None,
        }
    }

    /// Calls `visit` with each expression that is put on requests, or asks for what is.
    pub(crate) fn for_each_expr<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Expr>)) {
        match &self.apply {
            Apply::None => {}
            Apply::Basic { username, password } => [username, password].iter().for_each(|it| it.for_each_expr(visit)),
            Apply::Fields(placed) => placed.texts().for_each(|it| it.for_each_expr(visit)),
            Apply::OAuth1(it) => it.texts().for_each(|it| it.for_each_expr(visit)),
            Apply::SigV4(it) => it.texts().for_each(|it| it.for_each_expr(visit)),
        }
        self.certificate.iter().flat_map(|it| it.texts()).for_each(|it| it.for_each_expr(visit));
        self.fill.iter().for_each(|(_, it)| it.for_each_expr(visit));
        self.introduction.discovery.iter().for_each(|it| it.url.for_each_expr(visit));
        for request in self.token_calls().flat_map(|it| &it.requests) {
            request.for_each_expr(visit);
        }
        if let Some(consent) = self.consent() {
            consent.authorize_url.for_each_expr(visit);
            consent.params.iter().for_each(|(_, it)| it.for_each_expr(visit));
        }
    }

    /// What its token answers give and mean.
    pub fn answers(&self) -> Option<&TokenAnswers> {
        match &self.kind {
            SchemeKind::OAuth2(it) => Some(&it.answers),
            SchemeKind::TokenExchange(it) => Some(&it.answers),
            SchemeKind::None | SchemeKind::Static => None,
        }
    }
}

impl Account {
    /// The scheme that a request names; the first one if it names none, and nothing for `none`.
    pub fn scheme(&self, name: Option<&str>) -> Option<&Scheme> {
        match name {
            None => self.schemes.first().map(|(_, scheme)| scheme),
            Some(name) => self.schemes.get(name),
        }
    }

    /// The scheme that has a grant of its own, if there is one.
    pub fn oauth2(&self) -> Option<(&Scheme, &OAuth2)> {
        self.grants().find(|(_, oauth2)| oauth2.from.is_none())
    }

    /// All schemes with a grant: its own, or one that came with another's.
    pub fn grants(&self) -> impl Iterator<Item = (&Scheme, &OAuth2)> {
        self.schemes.values().filter_map(|scheme| match &scheme.kind {
            SchemeKind::OAuth2(oauth2) => Some((scheme, &**oauth2)),
            _ => None,
        })
    }

    /// The consent that a builder gives in the browser, if there is one.
    pub fn consent(&self) -> Option<&Consent> {
        self.asks().map(|(_, consent)| consent)
    }

    /// The scheme that asks for a consent, and that consent.
    pub fn asks(&self) -> Option<(&Scheme, &Consent)> {
        self.schemes.values().find_map(|it| Some((it, it.consent()?)))
    }

    /// What is done before anybody signs in, and by which scheme, if anything is.
    pub fn introduction(&self) -> Option<(&Scheme, &Introduction)> {
        self.schemes.values().map(|it| (it, &it.introduction)).find(|(_, it)| !it.is_empty())
    }

    /// Whether the provider tells which scopes it granted. What a key may do, only the provider knows.
    pub fn grants_scopes(&self) -> bool {
        self.consent().is_some_and(|it| it.code.is_some())
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
