//! Finds a provider: its addresses are told by its metadata (RFC 8414, OpenID Connect Discovery 1.0), and who issues the tokens for
//! a resource is told by that (RFC 9728).
//!
//! Metadata is believed only of whom it was asked for. Where it leads, requests go only as the connector's `hosts` allow.

use serde_json::Value as Json;
use url::Url;

use super::{Caller, Given};
use crate::{
    base::{Code, Secret},
    expr::Scope,
    spec::{Discovery, FOUND, Told},
    transport::{SendError, Signed, render, rules},
    wire::Request,
};

/// How a client may show itself, what is preferred first. Without a word of the provider it is the first (RFC 8414 §2).
const METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];

/// How a client shows itself, unless something else is agreed.
pub const USUAL_METHOD: &str = METHODS[0];

/// A provider that was found.
#[derive(Debug)]
pub struct Discovered {
    /// By the names of [`FOUND`].
    pub found: Given,
    /// Whether its redirects say who sends them: `iss` (RFC 9207).
    pub tells_issuer: bool,
}

impl Caller<'_> {
    /// Finds a provider.
    ///
    /// # Errors
    /// `provider_error` when there is no metadata, or not of whom it was asked for; as [`Caller::get`] when nobody answers.
    pub async fn discover(&self, discovery: &Discovery, given: &Given) -> Result<Discovered, SendError> {
        let asked = Self::identifier(&self.rendered(discovery, given)?)?;
        let mut found = Given::new();
        let issuer = match discovery.of {
            Told::Issuer => asked,
            Told::Resource => {
                // without a path there is nothing but the host
                let path = Some(asked.path()).filter(|it| *it != "/").unwrap_or_default();
                let address = at(&asked, &format!("/.well-known/oauth-protected-resource{path}"));
                let told = self.metadata(&address).await?.ok_or_else(|| nothing(&address))?;
                keep(&mut found, "resource", told_of(&told, "resource", &asked)?);
                let first = told["authorization_servers"].get(0).and_then(Json::as_str);
                Self::identifier(first.ok_or_else(|| wrong("does not say who issues its tokens"))?)?
            }
        };
        let told = self.of_issuer(&issuer).await?;
        keep(&mut found, "issuer", told_of(&told, "issuer", &issuer)?);
        for name in FOUND.iter().filter(|it| it.ends_with("_endpoint")) {
            let Some(address) = told[*name].as_str() else { continue };
            if !is_address(address) {
                return Err(wrong(&format!("has no https URL as its {name}")));
            }
            keep(&mut found, name, address);
        }
        if found.get("token_endpoint").is_none() {
            return Err(wrong("has no token_endpoint"));
        }
        keep(&mut found, "token_endpoint_auth_method", method(&told));
        let tells_issuer = told["authorization_response_iss_parameter_supported"] == true;
        Ok(Discovered { found, tells_issuer })
    }

    fn rendered(&self, discovery: &Discovery, given: &Given) -> Result<String, SendError> {
        let auth = given.iter().map(|(name, value)| (name.clone(), Json::from(value.expose()))).collect();
        let mut scope = Scope::new();
        scope.set("auth", Json::Object(auth));
        scope.set("connection", std::sync::Arc::clone(self.connection));
        render::address(&discovery.url, &scope)
    }

    /// An issuer or a resource, by which it can be asked for.
    fn identifier(text: &str) -> Result<Url, SendError> {
        let url = Url::parse(text).ok().filter(|it| is_https(it) && it.query().is_none() && it.fragment().is_none());
        url.ok_or_else(|| wrong("names somebody by what is no https URL"))
    }

    /// As RFC 8414 has it, or else as OpenID Connect does.
    async fn of_issuer(&self, issuer: &Url) -> Result<Json, SendError> {
        let path = issuer.path().trim_end_matches('/');
        let address = at(issuer, &format!("/.well-known/oauth-authorization-server{path}"));
        if let Some(told) = self.metadata(&address).await? {
            return Ok(told);
        }
        let address = at(issuer, &format!("{path}/.well-known/openid-configuration"));
        self.metadata(&address).await?.ok_or_else(|| nothing(&address))
    }

    /// What is told at an address; `None` if nothing is.
    async fn metadata(&self, address: &Url) -> Result<Option<Json>, SendError> {
        let request = Request::get(address.clone(), "application/json");
        let http = self.account;
        let answer = self.sender.send_signed(Signed::unsigned(request), http, http.timeout).await?;
        match rules::by_status(answer.status) {
            None => {}
            Some(code @ (Code::RateLimited | Code::Unavailable | Code::Timeout)) => {
                let message = format!("the provider answered {address} with {}", answer.status);
                let retry_after = answer.retry_after(self.now);
                return Err(SendError { retry_after, ..SendError::not_sent(code, message) });
            }
            Some(_) => return Ok(None),
        }
        Ok(serde_json::from_slice(&answer.body).ok().filter(Json::is_object))
    }
}

/// The same host's address with this path: for metadata a word stands between host and path (RFC 8414 §3.1, RFC 9728 §3.1).
fn at(of: &Url, path: &str) -> Url {
    let mut url = of.clone();
    url.set_path(path);
    url
}

/// Who the metadata says that it is of, if that is who was `asked` (RFC 8414 §3.3, RFC 9728 §3.3).
fn told_of<'m>(told: &'m Json, name: &str, asked: &Url) -> Result<&'m str, SendError> {
    let of = told[name].as_str().filter(|it| Url::parse(it).is_ok_and(|it| it == *asked));
    of.ok_or_else(|| wrong(&format!("is not of the {name} that was asked for")))
}

fn method(told: &Json) -> &'static str {
    let supported = told["token_endpoint_auth_methods_supported"].as_array();
    let is_supported = |name: &&&str| supported.is_some_and(|all| all.iter().any(|it| it == **name));
    METHODS.iter().find(is_supported).copied().unwrap_or(USUAL_METHOD)
}

/// Whether it is what metadata tells. A field of a form may have any name, and be a secret.
pub(super) fn is_told(value: &str) -> bool {
    METHODS.contains(&value) || is_address(value)
}

fn is_https(url: &Url) -> bool {
    url.scheme() == "https" && url.has_host()
}

fn is_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|it| is_https(&it))
}

fn keep(found: &mut Given, name: &str, value: &str) {
    found.insert(name.to_owned(), Secret::new(value));
}

fn nothing(address: &Url) -> SendError {
    SendError::not_sent(Code::ProviderError, format!("the provider tells nothing of itself at {address}"))
}

fn wrong(what: &str) -> SendError {
    SendError::not_sent(Code::ProviderError, format!("the provider's metadata {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        auth::fixtures::Answers,
        spec,
        transport::fixtures::{http, text},
    };

    async fn discover(of: Told, url: &str, sender: &Answers) -> Result<Discovered, SendError> {
        let (account, connection) = (http(), json!({"tenant": "acme"}).into());
        let now = "2026-11-26T09:00:00Z".parse().unwrap();
        let (connector, connection) = (&account, &connection);
        let caller = Caller { account: &account, connector, connection, sender, now, registered: false };
        caller.discover(&Discovery { of, url: spec::Url::Text(text(url)) }, &Given::new()).await
    }

    fn metadata() -> Json {
        json!({"issuer": "https://auth.example.com/acme", "token_endpoint": "https://auth.example.com/token"})
    }

    #[tokio::test]
    async fn metadata_stands_where_the_standards_say() {
        let tells = |body: Json| Answers::default().then(200, &[], &body.to_string());
        let sender = tells(metadata());
        let discovered =
            discover(Told::Issuer, "https://auth.example.com/{{ connection.tenant }}", &sender).await.unwrap();
        assert_eq!(sender.seen(), ["GET https://auth.example.com/.well-known/oauth-authorization-server/acme"]);
        let found: Vec<_> = discovered.found.iter().map(|(name, it)| (name.as_str(), it.expose())).collect();
        let expected = [
            ("issuer", "https://auth.example.com/acme"),
            ("token_endpoint", "https://auth.example.com/token"),
            ("token_endpoint_auth_method", "client_secret_basic"),
        ];
        assert_eq!(found, expected);

        let sender = Answers::default().then(404, &[], "").then(200, &[], &metadata().to_string());
        discover(Told::Issuer, "https://auth.example.com/acme", &sender).await.unwrap();
        assert_eq!(sender.seen()[1], "GET https://auth.example.com/acme/.well-known/openid-configuration");

        let mut root = metadata();
        root["issuer"] = json!("https://auth.example.com");
        for (resource, at) in [
            ("https://api.example.com", ""),
            ("https://api.example.com/mcp", "/mcp"),
            ("https://api.example.com/a/", "/a/"),
        ] {
            let told =
                json!({"resource": resource, "authorization_servers": ["https://auth.example.com/", "https://x"]});
            let sender = tells(told).then(200, &[], &root.to_string());
            let found = discover(Told::Resource, resource, &sender).await.unwrap().found;
            assert_eq!(found["resource"].expose(), resource);
            let asked = [
                format!("GET https://api.example.com/.well-known/oauth-protected-resource{at}"),
                "GET https://auth.example.com/.well-known/oauth-authorization-server".to_owned(),
            ];
            assert_eq!(sender.seen(), asked);
        }
    }

    #[tokio::test]
    async fn metadata_that_is_not_as_it_has_to_be_is_refused() {
        for (name, value, words) in [
            ("issuer", json!("https://auth.example.com"), "is not of the issuer that was asked for"),
            ("issuer", json!("https://evil.example.net/acme"), "is not of the issuer that was asked for"),
            ("issuer", Json::Null, "is not of the issuer that was asked for"),
            ("token_endpoint", json!("http://auth.example.com/token"), "has no https URL as its token_endpoint"),
            ("token_endpoint", Json::Null, "has no token_endpoint"),
            ("authorization_endpoint", json!("javascript:alert(1)"), "has no https URL as its authorization_endpoint"),
        ] {
            let mut wrong = metadata();
            wrong[name] = value;
            let sender = Answers::default().then(200, &[], &wrong.to_string());
            let error = discover(Told::Issuer, "https://auth.example.com/acme", &sender).await.unwrap_err();
            assert_eq!((error.code, error.message.contains(words)), (Code::ProviderError, true), "{error:?}");
        }
        for (told, words) in [
            (
                json!({"resource": "https://api.example.com", "authorization_servers": ["https://x"]}),
                "is not of the resource",
            ),
            (json!({"resource": "https://api.example.com/mcp"}), "does not say who issues"),
            (
                json!({"resource": "https://api.example.com/mcp", "authorization_servers": ["http://auth.example.com"]}),
                "names somebody by what is no https URL",
            ),
        ] {
            let sender = Answers::default().then(200, &[], &told.to_string());
            let error = discover(Told::Resource, "https://api.example.com/mcp", &sender).await.unwrap_err();
            assert_eq!((error.code, error.message.contains(words)), (Code::ProviderError, true), "{error:?}");
        }
        let sender = Answers::default().then(404, &[], "").then(404, &[], "");
        let error = discover(Told::Issuer, "https://auth.example.com", &sender).await.unwrap_err();
        assert!(error.message.contains("tells nothing of itself"), "{error:?}");
        let sender = Answers::default().then(503, &[("retry-after", "9")], "");
        let error = discover(Told::Issuer, "https://auth.example.com", &sender).await.unwrap_err();
        assert_eq!((error.code, error.retry_after.map(|it| it.as_secs())), (Code::Unavailable, Some(9)));
    }

    #[test]
    fn the_client_shows_itself_as_both_know() {
        for (supported, expected) in [
            (Json::Null, "client_secret_basic"),
            (json!(["none", "client_secret_post", "client_secret_basic"]), "client_secret_basic"),
            (json!(["none", "client_secret_post"]), "client_secret_post"),
            (json!(["none"]), "none"),
            (json!(["tls_client_auth"]), "client_secret_basic"),
        ] {
            assert_eq!(method(&json!({"token_endpoint_auth_methods_supported": supported})), expected);
        }
    }
}
