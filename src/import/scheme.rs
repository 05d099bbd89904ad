//! Sign-in as it is written, and as it shows in the requests of cases.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map as JsonMap, Value as Json, json};

use super::{
    draft::texts,
    emit::{Map, Yaml},
};

/// `auth`
#[derive(Debug, Default, Clone)]
pub(super) struct Auth {
    /// What the builder fills in.
    pub(super) fields: Vec<(String, Json)>,
    /// The first is the default.
    pub(super) schemes: Vec<Scheme>,
    pub(super) scopes: Vec<String>,
    /// What cases give: the fields, and `token`.
    pub(super) credentials: Vec<(String, String)>,
    /// What cases give: fields that decide where requests go.
    pub(super) connection: JsonMap<String, Json>,
    /// What is left to do, a sentence each.
    pub(super) todos: Vec<String>,
}

/// How requests are signed.
#[derive(Debug, Clone)]
pub(super) struct Scheme {
    pub(super) name: String,
    pub(super) word: &'static str,
    /// The keys beside `scheme`.
    pub(super) keys: Map,
    /// What a signed request carries in a case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) query: Vec<(String, String)>,
}

/// Whether everybody may see a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Secret,
    Public,
}

impl Auth {
    /// Without sign-in.
    pub(super) fn none() -> Self {
        Self { schemes: vec![Scheme::new("none", "none")], ..Self::default() }
    }

    /// A user and a password.
    pub(super) fn basic() -> Self {
        let mut auth = Self::default();
        let (user, password) =
            (auth.field("username", "User name", Seen::Public), auth.field("password", "Password", Seen::Secret));
        let scheme =
            Scheme::new("basic", "basic").key("username", filled("username")).key("password", filled("password"));
        auth.with(scheme.header("authorization", &basic_header(&user, &password)))
    }

    /// A token that the builder fills in.
    pub(super) fn bearer(title: &str) -> Self {
        let mut auth = Self::default();
        let token = auth.field("api_token", title, Seen::Secret);
        let scheme = Scheme::new("bearer", "bearer").key("token", filled("api_token"));
        auth.with(scheme.header("authorization", &format!("Bearer {token}")))
    }

    /// A key in a header.
    pub(super) fn header_key(header: &str, field: &str, title: &str) -> Self {
        let mut auth = Self::default();
        let key = auth.field(field, title, Seen::Secret);
        let scheme = Scheme::new("api_key", "api_key").key("headers", Map::default().set(header, filled(field)));
        auth.with(scheme.header(header, &key))
    }

    /// A key in the query.
    pub(super) fn query_key(parameter: &str, field: &str, title: &str) -> Self {
        let mut auth = Self::default();
        let key = auth.field(field, title, Seen::Secret);
        let mut scheme = Scheme::new("api_key", "api_key").key("query", Map::default().set(parameter, filled(field)));
        scheme.query.push((parameter.to_owned(), key));
        auth.with(scheme)
    }

    /// A key in a cookie.
    pub(super) fn cookie_key(cookie: &str, field: &str, title: &str) -> Self {
        let mut auth = Self::default();
        let key = auth.field(field, title, Seen::Secret);
        let cookies = format!("{cookie}={{{{ auth.{field} | urlencode }}}}");
        let scheme = Scheme::new("api_key", "api_key").key("headers", Map::default().set("Cookie", cookies));
        auth.with(scheme.header("cookie", &format!("{cookie}={key}")))
    }

    /// A consent in the browser.
    pub(super) fn oauth2(authorize_url: &str, token_url: &str) -> Self {
        let scheme = Scheme::new("oauth2", "oauth2").key("authorize_url", authorize_url).key("token_url", token_url);
        Self::default().with_token(scheme)
    }

    /// A consent where the issuer says.
    pub(super) fn found(issuer: &str) -> Self {
        Self::default().with_token(Scheme::new("oauth2", "oauth2").key("issuer", issuer))
    }

    /// A token for what the builder fills in: `grant` is `client_credentials` or `password`.
    pub(super) fn exchange(token_url: &str, grant: &str, scopes: &[String]) -> Self {
        let mut auth = Self::default();
        let mut form = Map::default().set("grant_type", grant);
        let mut fields =
            vec![("client_id", "Client ID", Seen::Public), ("client_secret", "Client secret", Seen::Secret)];
        if grant == "password" {
            fields.extend([("username", "User name", Seen::Public), ("password", "Password", Seen::Secret)]);
        }
        for (name, title, seen) in fields {
            auth.field(name, title, seen);
            form = form.set(name, filled(name));
        }
        if !scopes.is_empty() {
            form = form.set("scope", scopes.join(" "));
        }
        let request = Map::default().set("method", "POST").set("url", token_url).set("form", form);
        let scheme = Scheme::new("token_exchange", "token_exchange").key("request", request);
        let token = Map::default().set("access_token", "$.access_token").set("expires_in", "$.expires_in");
        let scheme = scheme.key("token", token).key("lifetime", "1h");
        auth.with_token(scheme)
    }

    /// Requests signed by OAuth 1, with tokens from the form.
    pub(super) fn oauth1() -> Self {
        let signed = [
            ("client_key", "consumer_key", "Consumer key"),
            ("client_secret", "consumer_secret", "Consumer secret"),
            ("token", "token_id", "Token id"),
            ("token_secret", "token_secret", "Token secret"),
        ];
        Self::signed(Scheme::new("oauth1", "oauth1").key("signature", "HMAC-SHA256"), &signed)
    }

    /// Requests signed by Signature Version 4.
    pub(super) fn sigv4() -> Self {
        let signed = [
            ("access_key", "access_key", "Access key"),
            ("secret_key", "secret_key", "Secret key"),
            ("region", "region", "Region"),
        ];
        Self::signed(Scheme::new("sigv4", "sigv4").key("service", "execute-api"), &signed)
    }

    /// Signed by what the builder fills in: key of the scheme, field, title. A signature is another one at each instant, so that no
    /// case says what it is.
    fn signed(mut scheme: Scheme, by: &[(&str, &str, &str)]) -> Self {
        let mut auth = Self::default();
        for (key, field, title) in by {
            auth.field(field, title, Seen::Secret);
            scheme = scheme.key(key, filled(field));
        }
        auth.with(scheme)
    }

    /// Declares a field, and gives what the cases fill it in with.
    pub(super) fn field(&mut self, name: &str, title: &str, seen: Seen) -> String {
        let mut schema = json!({"type": "string", "title": title});
        if seen == Seen::Public {
            schema["secret"] = Json::Bool(false);
        }
        let value = format!("test-{}", name.replace('_', "-"));
        if !self.fields.iter().any(|(it, _)| it == name) {
            self.fields.push((name.to_owned(), schema));
            self.credentials.push((name.to_owned(), value.clone()));
        }
        value
    }

    fn with(mut self, scheme: Scheme) -> Self {
        self.schemes.push(scheme);
        self
    }

    fn with_token(mut self, scheme: Scheme) -> Self {
        self.credentials.push(("token".to_owned(), "test-token".to_owned()));
        self.with(scheme.header("authorization", "Bearer test-token"))
    }

    /// The first scheme, which requests use that name none.
    pub(super) fn default_scheme(&self) -> Option<&Scheme> {
        self.schemes.first()
    }

    /// As it is written.
    pub(super) fn yaml(&self) -> Map {
        let mut map = Map::default();
        if !self.fields.is_empty() {
            map = map.set(
                "fields",
                self.fields.iter().fold(Map::default().block(), |map, (name, schema)| map.set(name, schema.clone())),
            );
        }
        map = match self.schemes.as_slice() {
            [scheme] => map.and(scheme.yaml()),
            several => {
                map.set("schemes", several.iter().fold(Map::default().block(), |map, it| map.set(&it.name, it.yaml())))
            }
        };
        if !self.scopes.is_empty() {
            map = map.set("scopes", self.scopes.clone());
        }
        map
    }
}

impl Scheme {
    pub(super) fn new(name: &str, word: &'static str) -> Self {
        Self { name: name.to_owned(), word, keys: Map::default(), headers: Vec::new(), query: Vec::new() }
    }

    pub(super) fn key(mut self, key: &str, value: impl Into<Yaml>) -> Self {
        self.keys = self.keys.set(key, value);
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    fn yaml(&self) -> Map {
        Map::default().set("scheme", self.word).and(self.keys.clone())
    }

    /// The headers that a case expects.
    pub(super) fn expected(&self) -> Option<Map> {
        (!self.headers.is_empty()).then(|| texts(&self.headers))
    }
}

/// The placeholder of a sign-in field.
pub(super) fn filled(field: &str) -> String {
    format!("{{{{ auth.{field} }}}}")
}

/// What a user and a password come to.
pub(super) fn basic_header(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
