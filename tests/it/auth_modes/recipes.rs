//! OAuth 1 and Signature Version 4, verified by a provider that makes the signature itself.

use std::{collections::BTreeMap, sync::Mutex};

use aws_lc_rs::{
    digest,
    encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der},
    hmac,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{Asked, Bench, Reply, me};
use crate::fakes::pairs;

/// 2026-11-25T09:00:00Z
const NOW: &str = "1795597200";

/// RFC 5849 §3.6
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// A request that says `Authorization: OAuth …`, taken apart.
struct OAuth {
    parameters: BTreeMap<String, String>,
    base: String,
}

impl OAuth {
    /// `host` is the one that the caller meant; `used` has the numbers that were used.
    fn of(asked: &Asked, host: &str, used: &Mutex<Vec<String>>) -> Result<Self, String> {
        let header = asked.header("authorization").strip_prefix("OAuth ").ok_or("this is not signed")?;
        let parameters: BTreeMap<String, String> = header
            .split(", ")
            .filter_map(|it| it.split_once('='))
            .map(|(name, value)| {
                let value = value.trim_matches('"');
                let decoded = pairs(&format!("x={}", value.replace('+', "%2B"))).remove(0).1;
                (name.to_owned(), decoded)
            })
            .collect();
        let mut all: Vec<(String, String)> = parameters
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "realm" | "oauth_signature"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        all.extend(pairs(&asked.raw_query));
        if asked.header("content-type") == "application/x-www-form-urlencoded" {
            all.extend(pairs(&asked.body));
        }
        let mut all: Vec<_> = all.iter().map(|(name, value)| (encoded(name), encoded(value))).collect();
        all.sort();
        let all: Vec<_> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let url = format!("https://{host}{}", asked.path);
        let base = format!("{}&{}&{}", asked.method, encoded(&url), encoded(&all.join("&")));
        let this = Self { parameters, base };
        let mut used = used.lock().unwrap();
        let number = this.get("oauth_nonce").to_owned();
        if number.is_empty() || used.contains(&number) || this.get("oauth_timestamp") != NOW {
            return Err("this was sent before".to_owned());
        }
        used.push(number);
        Ok(this)
    }

    fn get(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    fn has(&self, name: &str, value: &str) -> Result<(), String> {
        if self.get(name) == value { Ok(()) } else { Err(format!("{name} is `{}`, not `{value}`", self.get(name))) }
    }

    fn hmac(&self, algorithm: hmac::Algorithm, client: &str, token: &str) -> Result<(), String> {
        let key = format!("{}&{}", encoded(client), encoded(token));
        let code = hmac::sign(&hmac::Key::new(algorithm, key.as_bytes()), self.base.as_bytes());
        self.has("oauth_signature", &STANDARD.encode(code.as_ref()))
    }
}

#[tokio::test]
async fn oauth_1_with_a_consent() {
    const SHA1: hmac::Algorithm = hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
    let (used, callback) = (Mutex::default(), Mutex::new(String::new()));
    let bench = Bench::of("OAuth 1 with a consent", move |asked| match asked.line().as_str() {
        "POST /oauth/request_token" => {
            let signed = OAuth::of(asked, "auth.example.com", &used)?;
            signed.has("oauth_consumer_key", "app")?;
            signed.hmac(SHA1, "app-secret", "")?;
            signed.get("oauth_callback").clone_into(&mut callback.lock().unwrap());
            let answer = "oauth_token=rt-1&oauth_token_secret=rs-1&oauth_callback_confirmed=true";
            Ok(Reply::of(200, "text/html", answer.to_owned()))
        }
        "GET /oauth/authorize" => {
            asked.consent(&[("oauth_token", "rt-1"), ("name", "It"), ("expiration", "never")])?;
            // the person agrees, and goes back to the address that was told before
            let back = callback.lock().unwrap().clone();
            Ok(Reply::redirect(&back, &[("oauth_token", "rt-1"), ("oauth_verifier", "v-12345")]))
        }
        "POST /oauth/access_token" => {
            let signed = OAuth::of(asked, "auth.example.com", &used)?;
            signed.has("oauth_token", "rt-1")?;
            signed.has("oauth_verifier", "v-12345")?;
            signed.hmac(SHA1, "app-secret", "rs-1")?;
            Ok(Reply::of(200, "text/plain", "oauth_token=at-1&oauth_token_secret=as-1&user=ana".to_owned()))
        }
        _ => {
            let signed = OAuth::of(asked, "api.example.com", &used)?;
            signed.has("oauth_consumer_key", "app")?;
            signed.has("oauth_token", "at-1")?;
            signed.hmac(SHA1, "app-secret", "as-1")?;
            me()
        }
    })
    .await;
    let connection = bench.connect(json!({})).await;
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    assert_eq!(bench.try_call_of("b", &connection, "look").await["output"]["name"], "Ana");
}

#[tokio::test]
async fn oauth_1_with_tokens_from_the_form() {
    let used = Mutex::default();
    let bench = Bench::of("OAuth 1 with tokens from the form", move |asked| {
        let signed = OAuth::of(asked, "api.example.com", &used)?;
        for (name, value) in [
            ("realm", "1234_SB1"),
            ("oauth_consumer_key", "ck&1"),
            ("oauth_token", "ti-1"),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_version", "1.0"),
        ] {
            signed.has(name, value)?;
        }
        if !asked.raw_query.contains("q=a%20b%26c") || asked.body.is_empty() {
            return Err("there is little to sign".to_owned());
        }
        signed.hmac(hmac::HMAC_SHA256, "c s", "t/s")?;
        me()
    });
    let fields = json!({"account": "1234_SB1", "consumer_key": "ck&1", "consumer_secret": "c s", "token_id": "ti-1", "token_secret": "t/s"});
    assert_eq!(bench.await.look(fields).await["name"], "Ana");
}

#[tokio::test]
async fn oauth_1_with_a_private_key() {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()));
    let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    let (public, used) = (public.as_ref().to_vec(), Mutex::default());
    let bench = Bench::of("OAuth 1 with a private key", move |asked| {
        let signed = OAuth::of(asked, "api.example.com", &used)?;
        let hash = digest::digest(&digest::SHA256, asked.body.as_bytes());
        signed.has("oauth_body_hash", &STANDARD.encode(hash.as_ref()))?;
        let signature = STANDARD.decode(signed.get("oauth_signature")).map_err(|error| error.to_string())?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public);
        key.verify(signed.base.as_bytes(), &signature).map_err(|_| "another's signature")?;
        me()
    });
    let fields = json!({"consumer_key": "ck-1", "private_key": pem});
    assert_eq!(bench.await.look(fields).await["name"], "Ana");
}

#[tokio::test]
async fn oauth_1_in_plain_text() {
    let used = Mutex::default();
    let bench = Bench::of("OAuth 1 in plain text", move |asked| {
        let signed = OAuth::of(asked, "api.example.com", &used)?;
        signed.has("oauth_signature_method", "PLAINTEXT")?;
        signed.has("oauth_signature", "c%20s&")?;
        if signed.parameters.contains_key("oauth_token") { Err("there is no token".to_owned()) } else { me() }
    });
    assert_eq!(bench.await.look(json!({"consumer_key": "ck-1", "consumer_secret": "c s"})).await["name"], "Ana");
}

/// The signature that a service makes itself, of the headers that the caller says it signed.
fn version_4(asked: &Asked, host: &str) -> Result<(), String> {
    let header = asked.header("authorization").strip_prefix("AWS4-HMAC-SHA256 ").ok_or("this is not signed")?;
    let part = |name: &str| {
        let found = header.split(", ").find_map(|it| it.strip_prefix(&format!("{name}=")));
        found.ok_or_else(|| format!("no {name}"))
    };
    if part("Credential")? != "AK-1/20261125/ap-southeast-3/execute-api/aws4_request" {
        return Err(format!("other credentials: {header}"));
    }
    asked.has("x-amz-date", "20261125T090000Z")?;
    asked.has("x-amz-security-token", "st-1")?;
    let names = part("SignedHeaders")?;
    for name in ["host", "x-amz-date", "x-amz-security-token", "content-type"] {
        if !names.split(';').any(|it| it == name) {
            return Err(format!("`{name}` is not signed"));
        }
    }
    let value = |name: &str| if name == "host" { host.to_owned() } else { asked.header(name).to_owned() };
    let lines: String = names.split(';').map(|name| format!("{name}:{}\n", value(name))).collect();
    let path: Vec<String> = asked.path.split('/').map(encoded).collect();
    let mut query: Vec<String> =
        pairs(&asked.raw_query).iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    query.sort();
    let body = hex(digest::digest(&digest::SHA256, asked.body.as_bytes()).as_ref());
    let canonical = format!("{}\n{}\n{}\n{lines}\n{names}\n{body}", asked.method, path.join("/"), query.join("&"));
    let canonical = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign =
        format!("AWS4-HMAC-SHA256\n20261125T090000Z\n20261125/ap-southeast-3/execute-api/aws4_request\n{canonical}");
    let sign =
        |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec();
    let mut key = b"AWS4s3cret-12345".to_vec();
    for text in ["20261125", "ap-southeast-3", "execute-api", "aws4_request", &to_sign] {
        key = sign(&key, text);
    }
    if part("Signature")? == hex(&key) { Ok(()) } else { Err("another signature".to_owned()) }
}

#[tokio::test]
async fn signature_version_4() {
    let bench = Bench::of("Signature Version 4", |asked| {
        version_4(asked, "api.example.com")?;
        asked.json(&json!({"name": "Ana"}))?;
        if asked.raw_query == "b=1%202&a=x" { me() } else { Err(format!("another query: {}", asked.raw_query)) }
    })
    .await;
    let fields = json!({"access_key": "AK-1", "secret_key": "s3cret-12345", "session_token": "st-1", "region": "ap-southeast-3"});
    assert_eq!(bench.look(fields).await["name"], "Ana");
    assert!(!bench.app.client.answers().contains("s3cret-12345"));
    let other =
        json!({"access_key": "AK-1", "secret_key": "an0ther", "session_token": "st-1", "region": "ap-southeast-3"});
    let connection = bench.connect(other).await;
    assert_eq!(bench.try_call_of("b", &connection, "look").await["status"], "failed");
}
