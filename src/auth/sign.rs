//! Puts a credential on a request: the only way out for secrets.

pub(crate) mod oauth1;
mod sigv4;

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};
use url::Position;

use super::Credentials;
use crate::{
    base::Secret,
    expr::{EvalError, Lazy, Scope, Shape, Sink, Text},
    signing::{self, Hash},
    spec::{Apply, Assertion, ClientCertificate, Scheme},
    transport::{Identity, Signed, render::header},
    wire,
};

/// What the templates of a scheme see: `auth`, `connection` and `now`.
pub fn scope(credentials: &Arc<Credentials>, connection: &Arc<Json>, now: Timestamp) -> Scope {
    let mut scope = Scope::new();
    scope.set_lazy("auth", Arc::<Credentials>::clone(credentials));
    scope.set("connection", Arc::clone(connection));
    scope.set_instant("now", now);
    scope
}

/// `auth`. A token and the nonce stand before fields of those names.
impl Lazy for Credentials {
    fn names(&self) -> Vec<&str> {
        let own: &[&str] = if self.token.is_some() { &["nonce", "token"] } else { &["nonce"] };
        let fields = self.fields.keys().map(String::as_str).filter(|it| !own.contains(it));
        fields.chain(own.iter().copied()).collect()
    }

    fn part(&self, name: &str) -> Option<Arc<Json>> {
        let text = match (name, &self.token) {
            ("nonce", _) => self.nonce.as_str(),
            ("token", Some(token)) => token.expose(),
            _ => self.fields.get(name)?.expose(),
        };
        Some(Json::from(text).into())
    }
}

/// `auth.<field>`, without a token: what a delivery is checked with.
pub fn fields(credentials: &Credentials) -> Json {
    credentials.fields.iter().map(|(name, value)| (name.clone(), Json::from(value.expose()))).collect()
}

/// Signs `request`: the bytes that are signed are those that are sent.
///
/// # Errors
/// When a template can't be evaluated, or a credential can't stand where it should. No message holds a value.
pub fn sign(
    scheme: &Scheme,
    credentials: &Arc<Credentials>,
    request: impl Into<Arc<wire::Request>>,
    connection: &Arc<Json>,
    now: Timestamp,
) -> Result<Signed, EvalError> {
    let mut signed = Signed::unsigned(request);
    match &scheme.apply {
        Apply::None => {}
        Apply::Basic { username, password } => {
            let value = basic(username, password, &scope(credentials, connection, now))?;
            signed.headers.push(("authorization".to_owned(), value));
        }
        Apply::Fields(placed) => {
            let mut scope = scope(credentials, connection, now);
            if placed.headers.iter().chain(&placed.query).any(|(_, text)| text.reads("request")) {
                scope.set("request", described(&signed.request));
            }
            for (name, text) in &placed.headers {
                let value = header(text, &scope)?.map(|value| (name.clone(), Secret::new(value)));
                signed.headers.extend(value);
            }
            for (name, text) in &placed.query {
                signed.query.push((name.clone(), Secret::new(text.render(&scope, Sink::Plain)?)));
            }
            for (name, text) in &placed.body {
                signed.members.push((name.clone(), Secret::new(text.render(&scope, Sink::Plain)?)));
            }
            if let Some(text) = &placed.path {
                signed.path = Some(path(text, &scope)?);
            }
        }
        Apply::OAuth1(it) => {
            let scope = scope(credentials, connection, now);
            let value = oauth1::authorization(it, &signed.request, &scope, now, &credentials.nonce)?;
            signed.headers.push(("authorization".to_owned(), value));
        }
        Apply::SigV4(it) => {
            let scope = scope(credentials, connection, now);
            signed.headers = sigv4::headers(it, &signed.request, &scope, now)?;
        }
    }
    if let Some(certificate) = &scheme.certificate {
        signed.identity = Some(identity(certificate, &scope(credentials, connection, now))?);
    }
    if !scheme.fill.is_empty() && is_xml(&signed.request) {
        let scope = scope(credentials, connection, now);
        for (element, text) in &scheme.fill {
            signed.fill.push((element.clone(), Secret::new(text.render(&scope, Sink::Xml)?)));
        }
    }
    Ok(signed)
}

/// The token by which a client shows who it is.
pub(crate) fn assertion(it: &Assertion, scope: &Scope) -> Result<Secret, EvalError> {
    let evaluated = |all: &[(String, Shape)]| -> Result<Map<String, Json>, EvalError> {
        let mut map = Map::new();
        for (name, shape) in all {
            map.extend(shape.eval(scope)?.map(|it| (name.clone(), it)));
        }
        Ok(map)
    };
    let (claims, header) = (Json::Object(evaluated(&it.claims)?), evaluated(&it.header)?);
    let key = Secret::new(it.key.render(scope, Sink::Plain)?);
    let token = signing::jwt(&claims, &header, it.algorithm, key.expose().as_bytes());
    token.map(Secret::new).map_err(|why| EvalError { span: it.key.span, message: format!("the key {why}") })
}

/// Who the provider sees when a connection is opened.
pub(crate) fn identity(it: &ClientCertificate, scope: &Scope) -> Result<Identity, EvalError> {
    let text = |text: &Text| text.render(scope, Sink::Plain).map(Secret::new);
    Ok(Identity { certificate: text(&it.certificate)?, key: text(&it.key)? })
}

/// What stands before the path: as it is, since providers compare it so. It stays one, and below the server's root.
fn path(text: &Text, scope: &Scope) -> Result<Secret, EvalError> {
    let path = text.render(scope, Sink::Plain)?;
    let ends = |it: char| it.is_whitespace() || it.is_control() || "?#%\\".contains(it);
    let climbs = path.split('/').any(|it| matches!(it, "." | ".."));
    if path.contains(ends) || climbs || path.ends_with('/') || path.contains("//") {
        let message = "what is put before the path can't stand in one".to_owned();
        return Err(EvalError { span: text.span, message });
    }
    Ok(Secret::new(path))
}

/// The elements to fill can't come from a value that somebody gave: in XML those are escaped.
fn is_xml(request: &wire::Request) -> bool {
    request.header("content-type").is_some_and(|it| it.contains("xml"))
}

/// RFC 7617, in UTF-8. Sent without being asked for: some providers' challenges name other schemes first.
fn basic(username: &Text, password: &Text, scope: &Scope) -> Result<Secret, EvalError> {
    let name = username.render(scope, Sink::Plain)?;
    if name.contains(':') {
        // It would end the name early, and the rest of it would become part of the password.
        let message = "the user name holds a colon, which Basic can't carry".to_owned();
        return Err(EvalError { span: username.span, message });
    }
    let pair = format!("{name}:{}", password.render(scope, Sink::Plain)?);
    Ok(Secret::new(format!("Basic {}", STANDARD.encode(pair))))
}

/// The `request` that a signing template sees. `path` has no query; `body_sha256` is lower-case hex of the exact bytes.
pub(crate) fn described(request: &wire::Request) -> Json {
    json!({
        "method": request.method,
        "path": &request.url[Position::BeforePath..Position::AfterPath],
        "url": request.url.as_str(),
        "body": String::from_utf8_lossy(&request.body),
        "body_sha256": signing::hex(&Hash::Sha256.digest(&request.body)),
    })
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::{
        auth::fixtures::{credentials, scheme},
        spec::{Placed, SchemeKind},
        transport::fixtures::text,
    };

    fn request(method: &str, url: &str, body: &'static str) -> wire::Request {
        wire::Request {
            method: method.to_owned(),
            url: Url::parse(url).unwrap(),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    fn signed(apply: Apply, credentials: &Credentials, request: wire::Request) -> Result<Signed, EvalError> {
        let now = "2026-11-22T02:30:00Z".parse().unwrap();
        let connection = json!({"id": "con_1", "region": "eu"}).into();
        sign(&scheme(SchemeKind::Static, apply), &Arc::new(credentials.clone()), request, &connection, now)
    }

    fn fields(headers: &[(&str, &str)], query: &[(&str, &str)]) -> Apply {
        let all = |list: &[(&str, &str)]| list.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
        Apply::Fields(Box::new(Placed { headers: all(headers), query: all(query), ..Placed::default() }))
    }

    fn shown(list: &[(String, Secret)]) -> Vec<(&str, &str)> {
        list.iter().map(|(name, value)| (name.as_str(), value.expose())).collect()
    }

    #[test]
    fn basic_is_base_64_of_user_and_password_in_utf_8() {
        let check = |fields: &[(&str, &str)], expected: Result<&str, &str>| {
            let basic = Apply::Basic { username: text("{{ auth.user }}"), password: text("{{ auth.password }}") };
            let signed = signed(basic, &credentials(fields, None), request("GET", "https://api.example.com/", ""));
            let headers = signed.map(|it| it.headers).map_err(|it| it.message);
            assert_eq!(
                headers.as_deref().map(shown).map_err(String::as_str),
                expected.map(|it| vec![("authorization", it)])
            );
        };
        let app_password = [("user", "anna@example.com"), ("password", "abcd-efgh-ijkl-mnop")];
        check(&app_password, Ok("Basic YW5uYUBleGFtcGxlLmNvbTphYmNkLWVmZ2gtaWprbC1tbm9w"));
        let key_only = [("user", "SB-Mid-server-EXAMPLEKEY0000"), ("password", "")];
        check(&key_only, Ok("Basic U0ItTWlkLXNlcnZlci1FWEFNUExFS0VZMDAwMDo="));
        check(&[("user", "test"), ("password", "123£")], Ok("Basic dGVzdDoxMjPCow=="));
        check(&[("user", "a:b"), ("password", "c")], Err("the user name holds a colon, which Basic can't carry"));
    }

    #[test]
    fn headers_and_query_are_kept_apart_from_the_request() {
        let headers = [
            ("authorization", "Bearer {{ auth.token }}"),
            ("x-key", "{{ auth.key }}"),
            ("x-region", "{{ connection.region }}"),
            ("x-absent", "{{ auth.absent }}"),
            ("x-time", "{{ now }}"),
        ];
        let apply = fields(&headers, &[("key", "{{ auth.key }}")]);
        let credentials = credentials(&[("key", "a b")], Some("t0ken"));
        let signed = signed(apply, &credentials, request("GET", "https://api.example.com/x?y=1", "")).unwrap();
        let expected = [
            ("authorization", "Bearer t0ken"),
            ("x-key", "a b"),
            ("x-region", "eu"),
            ("x-time", "2026-11-22T02:30:00Z"),
        ];
        assert_eq!(shown(&signed.headers), expected);
        assert_eq!(shown(&signed.query), [("key", "a b")]);
        assert_eq!(signed.request.url.as_str(), "https://api.example.com/x?y=1");
        assert!(!format!("{signed:?}").contains("t0ken"));
    }

    #[test]
    fn an_empty_element_of_an_xml_body_is_filled_and_nothing_that_looks_like_it() {
        let filled = |content_type: &str, body: &'static str| {
            let mut scheme = scheme(SchemeKind::Static, fields(&[], &[]));
            scheme.fill = vec![("<s:session/>".to_owned(), text("{{ auth.token }}"))];
            let mut request = request("POST", "https://api.example.com/soap", body);
            request.headers.push(("content-type".to_owned(), content_type.to_owned()));
            let now = "2026-11-22T02:30:00Z".parse().unwrap();
            let credentials = credentials(&[], Some("a<&!")).into();
            let signed = sign(&scheme, &credentials, request, &json!({}).into(), now).unwrap();
            assert!(!format!("{signed:?}").contains("a<&!"));
            String::from_utf8(signed.body().to_vec()).unwrap()
        };
        let body = "<s:e><s:session/><s:x>&lt;s:session/&gt;</s:x><s:session/></s:e>";
        let expected = "<s:e><s:session>a&lt;&amp;!</s:session><s:x>&lt;s:session/&gt;</s:x><s:session/></s:e>";
        assert_eq!(filled("text/xml; charset=utf-8", body), expected);
        assert_eq!(filled("application/json", "\"<s:session/>\""), "\"<s:session/>\"", "JSON does not escape it");
    }

    #[test]
    fn a_credential_that_would_break_the_header_is_refused_without_showing_it() {
        let apply = fields(&[("x-key", "{{ auth.key }}")], &[]);
        let credentials = credentials(&[("key", "s3cret\r\nx-evil: 1")], None);
        let error = signed(apply, &credentials, request("GET", "https://api.example.com/", "")).unwrap_err();
        assert!(!error.message.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_request_can_be_signed_over_what_is_sent() {
        let to_sign =
            "request.method ~ ':' ~ request.path ~ ':' ~ auth.token ~ ':' ~ request.body_sha256 ~ ':' ~ auth.time";
        let signature = format!("{{{{ ({to_sign}) | hmac('sha512', auth.secret, 'base64') }}}}");
        let apply = fields(&[("x-signature", &signature)], &[]);
        let credentials = credentials(
            &[("secret", "exampleClientSecret456"), ("time", "2026-11-22T09:30:00+07:00")],
            Some("exampleAccessToken123"),
        );
        let body = r#"{"partnerReferenceNo":"INV-2026-0001","merchantId":"G123456789","amount":{"value":"150000.00","currency":"IDR"}}"#;
        let request = request("POST", "https://api.example.com/v1.0/qr/qr-mpm-generate?x=1", body);
        let signed = signed(apply, &credentials, request).unwrap();
        let expected = "DlyRaiJxz8ybng5PbSRdfJFQlMH9w70otG/BZFlQ3SZig1xTRKl+y5wzEq2OVp4FQgnscpOek4YrKq+RvamPgA==";
        assert_eq!(shown(&signed.headers), [("x-signature", expected)]);
    }

    #[test]
    fn a_published_signature_is_reproduced() {
        // From the documentation of a provider, with its own key.
        let to_sign = "POST:/v1.0/debit/payment-host-to-host:gp9HjjEj813Y9JGoqwOeOPWbnt4CupvIJbU1Mmu4a11MNDZ7Sg5u9a:\
                       56fa5f4999ad8014de49d7898c1d1d53472569db8999de3c1b752a0dd181e98c:2020-01-01T00:00:00+07:00";
        let signature = "{{ auth.text | hmac('sha512', auth.secret, 'base64') }}";
        let apply = fields(&[("x-signature", signature)], &[]);
        let credentials = credentials(&[("text", to_sign), ("secret", "fdppqbF5wq7vVegyvsV1CROMv646nJ7A")], None);
        let signed = signed(apply, &credentials, request("GET", "https://api.example.com/", "")).unwrap();
        let expected = "FSlidRHe4ow9qppNifGVQNcdv67lBjgCiP0BHylh+IKXo4fs2rHaGsFNUY0N8t0rPlZs4iAHAOCDklnCccwuJw==";
        assert_eq!(shown(&signed.headers), [("x-signature", expected)]);
    }
}
