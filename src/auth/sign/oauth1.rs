//! OAuth 1.0 (RFC 5849): a signature over the request as it is sent, in the `Authorization` header.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use url::{Url, form_urlencoded};

use crate::{
    base::Secret,
    expr::{EvalError, Scope, Sink, Text},
    format::query::unreserved,
    signing::{Algorithm, PrivateKey},
    spec::{OAuth1, OAuth1Method},
    wire::Request,
};

/// The value of `Authorization`.
///
/// `nonce` must never have been used before.
///
/// # Errors
/// If one of the templates fails, or the key is none. No message holds a value.
pub(crate) fn authorization(
    it: &OAuth1,
    request: &Request,
    scope: &Scope,
    now: Timestamp,
    nonce: &str,
) -> Result<Secret, EvalError> {
    let text = |text: &Text| text.render(scope, Sink::Plain);
    let optional = |it: &Option<Text>| -> Result<Option<String>, EvalError> {
        Ok(it.as_ref().map(text).transpose()?.filter(|it| !it.is_empty()))
    };
    let mut params = vec![
        ("oauth_consumer_key", text(&it.client_key)?),
        ("oauth_nonce", nonce.to_owned()),
        ("oauth_signature_method", it.method.word().to_owned()),
        ("oauth_timestamp", now.as_second().to_string()),
    ];
    params.extend(optional(&it.token)?.map(|token| ("oauth_token", token)));
    params.push(("oauth_version", "1.0".to_owned()));
    for (name, value) in &it.params {
        params.extend(optional_text(value, scope)?.map(|value| (*name, value)));
    }
    if it.body_hash && !is_form(request) {
        params.push(("oauth_body_hash", STANDARD.encode(it.method.hash().digest(&request.body))));
    }
    let secret = |it: &Option<Text>| Ok(Secret::new(unreserved(optional(it)?.unwrap_or_default().as_bytes())));
    let secrets = [secret(&it.client_secret)?, secret(&it.token_secret)?];
    let signature = signature(it, &secrets, &base_string(request, &params), scope)?;
    params.push(("oauth_signature", signature));
    let mut header = String::from("OAuth ");
    if let Some(realm) = optional(&it.realm)? {
        // quoted, not encoded (RFC 7235 §2.2)
        let realm = realm.replace('\\', "\\\\").replace('"', "\\\"");
        header.push_str(&format!("realm=\"{realm}\", "));
    }
    let params: Vec<_> =
        params.iter().map(|(name, value)| format!("{name}=\"{}\"", unreserved(value.as_bytes()))).collect();
    header.push_str(&params.join(", "));
    Ok(Secret::new(header))
}

fn optional_text(text: &Text, scope: &Scope) -> Result<Option<String>, EvalError> {
    Ok(Some(text.render(scope, Sink::Plain)?).filter(|it| !it.is_empty()))
}

fn signature(it: &OAuth1, secrets: &[Secret; 2], base: &str, scope: &Scope) -> Result<String, EvalError> {
    let [client, token] = secrets;
    let key = Secret::new(format!("{}&{}", client.expose(), token.expose()));
    let code = match it.method {
        OAuth1Method::Plaintext => return Ok(key.expose().to_owned()),
        OAuth1Method::HmacSha1 | OAuth1Method::HmacSha256 | OAuth1Method::HmacSha512 => {
            it.method.hash().hmac(key.expose().as_bytes(), base.as_bytes()).unwrap_or_default()
        }
        OAuth1Method::RsaSha256 => {
            let Some(text) = &it.private_key else { return Ok(String::new()) };
            let refused = |why| EvalError { span: text.span, message: format!("`private_key` {why}") };
            let key = PrivateKey::read(&text.render(scope, Sink::Plain)?).map_err(refused)?;
            key.sign(Algorithm::Rs256, base.as_bytes()).map_err(refused)?
        }
    };
    Ok(STANDARD.encode(code))
}

/// RFC 5849 §3.4.1
fn base_string(request: &Request, own: &[(&str, String)]) -> String {
    let mut params: Vec<(String, String)> = own.iter().map(|(name, value)| encoded(name, value)).collect();
    let query = request.url.query().unwrap_or_default().as_bytes();
    params.extend(form_urlencoded::parse(query).map(|(name, value)| encoded(&name, &value)));
    if is_form(request) {
        params.extend(form_urlencoded::parse(&request.body).map(|(name, value)| encoded(&name, &value)));
    }
    params.sort();
    let params: Vec<_> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let parts = [request.method.clone(), base_uri(&request.url), params.join("&")];
    parts.map(|it| unreserved(it.as_bytes())).join("&")
}

fn encoded(name: &str, value: &str) -> (String, String) {
    (unreserved(name.as_bytes()), unreserved(value.as_bytes()))
}

/// Without a query, and without a port that goes without saying (RFC 5849 §3.4.1.2): `Url` has made the rest of it.
fn base_uri(url: &Url) -> String {
    let port = url.port().map(|it| format!(":{it}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

/// RFC 5849 §3.4.1.3.1: only then the parameters of the body are signed.
fn is_form(request: &Request) -> bool {
    request.header("content-type").is_some_and(|it| it.starts_with("application/x-www-form-urlencoded"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{signing::fixtures::rsa, transport::fixtures::text};

    fn request(method: &str, url: &str, form: &'static str) -> Request {
        let headers = match form {
            "" => Vec::new(),
            _ => vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
        };
        Request { method: method.to_owned(), url: Url::parse(url).unwrap(), headers, body: form.into() }
    }

    fn by(method: OAuth1Method) -> OAuth1 {
        let template = |it: &str| Some(text(&format!("{{{{ auth.{it} }}}}")));
        OAuth1 {
            method,
            client_key: text("{{ auth.key }}"),
            client_secret: template("secret"),
            private_key: template("private_key"),
            token: template("token"),
            token_secret: template("token_secret"),
            realm: template("realm"),
            body_hash: true,
            params: vec![("oauth_verifier", text("{{ auth.verifier }}"))],
        }
    }

    fn scope(auth: serde_json::Value) -> Scope {
        let mut scope = Scope::new();
        scope.set("auth", auth);
        scope
    }

    /// RFC 5849 §3.4.1.1
    #[test]
    fn the_base_string_is_that_of_the_rfc() {
        let request = request("POST", "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", "c2&a3=2+q");
        let own = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
        ];
        let expected = "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D\
                        %26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26\
                        oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7";
        assert_eq!(base_string(&request, &own.map(|(name, value)| (name, value.to_owned()))), expected);
    }

    /// RFC 5849 §1.2; the signature of its first request is another one than its parameters give.
    #[test]
    fn the_signatures_of_the_rfc_are_reproduced() {
        let check = |request: &Request, own: &[(&str, &str)], token_secret: &str, expected: &str| {
            let mut all = vec![("oauth_consumer_key", "dpf43f3p2l4k3l03"), ("oauth_signature_method", "HMAC-SHA1")];
            all.extend(own);
            let all: Vec<_> = all.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
            let secrets = [Secret::new("kd94hf93k423kf44"), Secret::new(token_secret)];
            let base = base_string(request, &all);
            assert_eq!(signature(&by(OAuth1Method::HmacSha1), &secrets, &base, &Scope::new()).unwrap(), expected);
        };
        check(
            &request("POST", "https://photos.example.net/token", ""),
            &[
                ("oauth_token", "hh5s93j4hdidpola"),
                ("oauth_timestamp", "137131201"),
                ("oauth_nonce", "walatlh"),
                ("oauth_verifier", "hfdp7dh39dks9884"),
            ],
            "hdhd0244k9j7ao03",
            "gKgrFCywp7rO0OXSjdot/IHF7IU=",
        );
        check(
            &request("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", ""),
            &[("oauth_token", "nnch734d00sl2jdk"), ("oauth_timestamp", "137131202"), ("oauth_nonce", "chapoH")],
            "pfkkdhi9sl3r4s00",
            "MdpQcU8iPSUjWoN/UDMsK2sui9I=",
        );
    }

    #[test]
    fn the_header_has_what_there_is_and_quotes_the_realm() {
        let now = "2026-11-22T02:30:00Z".parse().unwrap();
        let auth = json!({"key": "k y", "secret": "s&", "token": "", "realm": "A\"1"});
        let it = by(OAuth1Method::Plaintext);
        let header =
            authorization(&it, &request("GET", "https://api.example.com/", "a=b"), &scope(auth), now, "n1").unwrap();
        let expected = "OAuth realm=\"A\\\"1\", oauth_consumer_key=\"k%20y\", oauth_nonce=\"n1\", \
                        oauth_signature_method=\"PLAINTEXT\", oauth_timestamp=\"1795314600\", oauth_version=\"1.0\", \
                        oauth_signature=\"s%2526%26\"";
        assert_eq!(header.expose(), expected);
    }

    #[test]
    fn a_private_key_signs_and_what_is_none_is_told_without_showing_it() {
        let (pair, now) = (rsa(), "2026-11-22T02:30:00Z".parse().unwrap());
        let it = by(OAuth1Method::RsaSha256);
        let sent = Request { body: "{}".into(), ..request("POST", "https://api.example.com/x", "") };
        let auth = |key: &str| scope(json!({"key": "k", "private_key": key, "token": "t", "verifier": "v"}));
        let header = authorization(&it, &sent, &auth(&pair.pem), now, "n1").unwrap();
        assert!(header.expose().contains("oauth_body_hash=\"RBNvo1WzZ4oRRq0W9%2BhknpT7T8If536DEMBg9hyq%2F4o%3D\""));
        let params: Vec<(String, String)> = header.expose()["OAuth ".len()..]
            .split(", ")
            .map(|it| it.split_once('=').unwrap())
            .map(|(name, value)| {
                let value = percent_encoding::percent_decode_str(value.trim_matches('"')).decode_utf8_lossy();
                (name.to_owned(), value.into_owned())
            })
            .collect();
        let (last, own) = params.split_last().unwrap();
        let own: Vec<_> = own.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        pair.verify("RS256", base_string(&sent, &own).as_bytes(), &last.1);
        let error = authorization(&it, &sent, &auth("s3cret"), now, "n1").unwrap_err();
        assert!(error.message.starts_with("`private_key` is not a private key") && !error.message.contains("s3cret"));
    }
}
