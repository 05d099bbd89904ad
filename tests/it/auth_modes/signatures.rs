//! Providers that verify a signature over what was sent.

use std::sync::{Arc, Mutex};

use aws_lc_rs::{
    digest,
    encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der},
    hmac,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey,
        VerificationAlgorithm,
    },
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value as Json, json};

use super::{Asked, Bench, Reply, me, signed_in, token};

/// 2026-11-25T09:00:00Z
const NOW: i64 = 1_795_597_200;

/// A key made for this test.
struct Pair {
    pem: String,
    public: Vec<u8>,
    algorithm: &'static dyn VerificationAlgorithm,
}

impl Pair {
    fn new(der: &[u8], public: &[u8], algorithm: &'static dyn VerificationAlgorithm) -> Self {
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der));
        Self { pem, public: public.to_vec(), algorithm }
    }

    fn rsa(algorithm: &'static dyn VerificationAlgorithm) -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        Self::new(der.as_ref(), public.as_ref(), algorithm)
    }

    fn p256() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = key.to_pkcs8v1().unwrap();
        Self::new(der.as_ref(), key.public_key().as_ref(), &signature::ECDSA_P256_SHA256_FIXED)
    }

    fn ed25519() -> Self {
        let key = Ed25519KeyPair::generate().unwrap();
        let der = key.to_pkcs8v1().unwrap();
        Self::new(der.as_ref(), key.public_key().as_ref(), &signature::ED25519)
    }

    fn signed(&self, message: &[u8], signature: &[u8]) -> Result<(), String> {
        let key = UnparsedPublicKey::new(self.algorithm, &self.public);
        key.verify(message, signature).map_err(|_| "the signature is not right".to_owned())
    }

    /// Header and claims of a token, if it is signed by this key.
    fn token(&self, token: &str) -> Result<(Json, Json), String> {
        let (signed, signature) = token.rsplit_once('.').ok_or("this is no token")?;
        self.signed(signed.as_bytes(), &base64url(signature)?)?;
        parts(signed)
    }
}

fn base64url(text: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(text).map_err(|error| error.to_string())
}

fn parts(signed: &str) -> Result<(Json, Json), String> {
    let (header, claims) = signed.split_once('.').ok_or("this is no token")?;
    let json = |part: &str| serde_json::from_slice(&base64url(part)?).map_err(|error| error.to_string());
    Ok((json(header)?, json(claims)?))
}

fn same(what: &str, got: &Json, wanted: &Json) -> Result<(), String> {
    if got == wanted { Ok(()) } else { Err(format!("{what} is {got}, not {wanted}")) }
}

fn bearer(asked: &Asked) -> &str {
    asked.header("authorization").strip_prefix("Bearer ").unwrap_or_default()
}

#[tokio::test]
async fn a_signed_token_as_the_key() {
    let pair = Pair::p256();
    let fields = json!({"issuer": "i-1", "key_id": "k-1", "private_key": pair.pem.replace('\n', "\\n")});
    let bench = Bench::of("A signed token as the key", move |asked| {
        let (header, claims) = pair.token(bearer(asked))?;
        same("header", &header, &json!({"alg": "ES256", "typ": "JWT", "kid": "k-1"}))?;
        same("claims", &claims, &json!({"iss": "i-1", "iat": NOW, "exp": NOW + 600, "aud": "it-v1"}))?;
        me()
    })
    .await;
    assert_eq!(bench.look(fields).await["name"], "Ana");

    let refused = bench.try_connect(json!({"issuer": "i-1", "key_id": "k-1", "private_key": "s3cret-key"})).await;
    assert_eq!(refused["errors"][0]["path"], "/private_key", "{refused:#}");
    let told = refused.to_string();
    assert!(told.contains("a private key in PEM") && !told.contains("s3cret-key"), "{refused:#}");
    let other = Pair::ed25519();
    let connection = bench.connect(json!({"issuer": "i-1", "key_id": "k-1", "private_key": other.pem})).await;
    let failed = bench.try_call_of("b", &connection, "look").await;
    assert_eq!(failed["error"]["code"], "reauthorize", "{failed:#}");
}

#[tokio::test]
async fn an_assertion_for_a_token() {
    let pair = Pair::rsa(&signature::RSA_PKCS1_2048_8192_SHA256);
    let (pem, seen) = (pair.pem.clone(), Arc::new(Mutex::new(Vec::new())));
    let subjects = Arc::clone(&seen);
    let bench = Bench::of("An assertion for a token", move |asked| match asked.line().as_str() {
        "POST /token" => {
            let assertion = asked.in_form("assertion");
            let (_, mut claims) = pair.token(&assertion)?;
            subjects.lock().unwrap().push(claims.as_object_mut().unwrap().remove("sub"));
            let wanted = json!({
                "iss": "robot@example.com", "scope": "files.read", "aud": "https://auth.example.com/token",
                "iat": NOW, "exp": NOW + 3600,
            });
            same("claims", &claims, &wanted)?;
            asked.form(&[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &assertion)])?;
            token("t-12345")
        }
        _ => signed_in(asked),
    })
    .await;
    let fields = json!({"email": "robot@example.com", "private_key": pem});
    assert_eq!(bench.look(fields.clone()).await["name"], "Ana");
    let mut acting = fields;
    acting["subject"] = json!("ana@example.com");
    bench.connect(acting).await;
    let mut seen = seen.lock().unwrap();
    // once while it is connected, and once for the first call
    seen.dedup();
    assert_eq!(*seen, [None, Some(json!("ana@example.com"))]);
}

#[tokio::test]
async fn an_assertion_as_it_was_given() {
    let bench = Bench::of("An assertion as it was given", |asked| match asked.line().as_str() {
        "POST /token" => {
            asked.form(&[
                ("grant_type", "urn:ietf:params:oauth:grant-type:saml2-bearer"),
                ("client_id", "c-1"),
                ("company_id", "acme"),
                ("assertion", "PHNhbWwyOkFzc2VydGlvbi8-"),
            ])?;
            token("t-12345")
        }
        _ => signed_in(asked),
    });
    let fields = json!({"client_id": "c-1", "company": "acme", "assertion": "<saml2:Assertion/>"});
    assert_eq!(bench.await.look(fields).await["name"], "Ana");
}

/// The claims of a client's assertion, without its number and its times, which must be good.
fn of_client(asked: &Asked, claims: &Json, used: &Mutex<Vec<String>>) -> Result<Json, String> {
    let kind = asked.in_form("client_assertion_type");
    if kind != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || !asked.in_form("client_secret").is_empty() {
        return Err("the client does not sign".to_owned());
    }
    let mut claims = claims.clone();
    let all = claims.as_object_mut().ok_or("no claims")?;
    let number = all.remove("jti").unwrap_or_default().to_string();
    let mut used = used.lock().unwrap();
    if used.contains(&number) {
        return Err("an assertion was used twice".to_owned());
    }
    used.push(number);
    same("iat", &all.remove("iat").unwrap_or_default(), &json!(NOW))?;
    same("exp", &all.remove("exp").unwrap_or_default(), &json!(NOW + 300))?;
    Ok(claims)
}

#[tokio::test]
async fn a_client_that_signs() {
    let pair = Pair::rsa(&signature::RSA_PSS_2048_8192_SHA256);
    let (pem, used) = (pair.pem.clone(), Mutex::default());
    let certificate = include_str!("../../data/tls/client.pem");
    let der = STANDARD.decode(certificate.lines().filter(|it| !it.starts_with('-')).collect::<String>()).unwrap();
    let x5t = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &der));
    let bench = Bench::of("A client that signs", move |asked| match asked.line().as_str() {
        "POST /token" => {
            let (header, claims) = pair.token(&asked.in_form("client_assertion"))?;
            same("header", &header, &json!({"alg": "PS256", "typ": "JWT", "x5t": x5t}))?;
            let wanted = json!({"iss": "c-1", "sub": "c-1", "aud": "https://auth.example.com/token"});
            same("claims", &of_client(asked, &claims, &used)?, &wanted)?;
            token("t-12345")
        }
        _ => signed_in(asked),
    })
    .await;
    let fields = json!({"client_id": "c-1", "private_key": pem, "certificate": certificate});
    assert_eq!(bench.look(fields.clone()).await["name"], "Ana");
    bench.look(fields).await;
    let told = bench.app.client.answers();
    assert!(!told.contains("PRIVATE KEY"), "{told}");
}

#[tokio::test]
async fn a_client_that_signs_in_anothers_name() {
    let pair = Pair::rsa(&signature::RSA_PKCS1_2048_8192_SHA256);
    let pem = pair.pem.clone();
    let bench = Bench::of("A client that signs in another's name", move |asked| match asked.line().as_str() {
        "GET /authorize" => asked.back(&[("code", "c-12345")]),
        "POST /token" => {
            let (_, mut claims) = pair.token(&asked.in_form("client_assertion"))?;
            let exp = claims.as_object_mut().unwrap().remove("exp").and_then(|it| it.as_i64()).unwrap_or_default();
            let wanted = json!({"iss": "shop.example.com", "sub": "app", "aud": "https://api.example.com"});
            same("claims", &claims, &wanted)?;
            match asked.in_form("grant_type").as_str() {
                "authorization_code" if asked.in_form("code") == "c-12345" && exp == NOW + 300 => {
                    Ok(Reply::json(&json!({"access_token": "t-1", "refresh_token": "r-1", "expires_in": 3600})))
                }
                "refresh_token" if asked.in_form("refresh_token") == "r-1" && exp > NOW + 3600 => token("t-2"),
                other => Err(format!("no such grant: {other}")),
            }
        }
        _ if asked.bearer("t-1").is_ok() || asked.bearer("t-2").is_ok() => me(),
        _ => Err("no token".to_owned()),
    })
    .await;
    let connection = bench.connect(json!({"private_key": pem, "domain": "shop.example.com"})).await;
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    bench.advance(jiff::SignedDuration::from_hours(2));
    assert_eq!(bench.try_call_of("b", &connection, "look").await["output"]["name"], "Ana");
}

#[tokio::test]
async fn a_secret_that_signs() {
    let used = Mutex::default();
    let bench = Bench::of("A secret that signs", move |asked| match asked.line().as_str() {
        "POST /token" => {
            let assertion = asked.in_form("client_assertion");
            let (signed, signature) = assertion.rsplit_once('.').ok_or("this is no token")?;
            let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cret-12345");
            hmac::verify(&key, signed.as_bytes(), &base64url(signature)?).map_err(|_| "another's signature")?;
            let wanted = json!({"iss": "c-1", "sub": "c-1", "aud": "https://auth.example.com/token"});
            same("claims", &of_client(asked, &parts(signed)?.1, &used)?, &wanted)?;
            token("t-12345")
        }
        _ => signed_in(asked),
    });
    let fields = json!({"client_id": "c-1", "client_secret": "s3cret-12345"});
    assert_eq!(bench.await.look(fields).await["name"], "Ana");
}

#[tokio::test]
async fn a_password_digest() {
    let used = Mutex::new(Vec::new());
    let bench = Bench::of("A password digest", move |asked| {
        let header = asked.header("x-wsse");
        let part = |name: &str| {
            let rest = header.split_once(&format!("{name}=\"")).map(|(_, rest)| rest);
            rest.and_then(|it| it.split('"').next()).unwrap_or_default()
        };
        let (nonce, created) = (part("Nonce"), part("Created"));
        if !header.starts_with("UsernameToken ") || part("Username") != "ana" || created != "2026-11-25T09:00:00Z" {
            return Err(format!("this is no UsernameToken of ana's: {header}"));
        }
        let mut used = used.lock().unwrap();
        if nonce.len() != 32 || used.contains(&nonce.to_owned()) {
            return Err("the number was used before".to_owned());
        }
        used.push(nonce.to_owned());
        let text = format!("{nonce}{created}s3cret-12345");
        let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        let hex: String = sha1.as_ref().iter().map(|it| format!("{it:02x}")).collect();
        if part("PasswordDigest") == STANDARD.encode(hex) { me() } else { Err("another digest".to_owned()) }
    })
    .await;
    let connection = bench.connect(json!({"user": "ana", "secret": "s3cret-12345"})).await;
    for agent in ["a", "b"] {
        assert_eq!(bench.try_call_of(agent, &connection, "look").await["output"]["name"], "Ana");
    }
}

#[tokio::test]
async fn a_signature_over_each_request() {
    let pair = Pair::ed25519();
    let pem = pair.pem.clone();
    let bench = Bench::of("A signature over each request", move |asked| {
        asked.has("x-key", "k-1")?;
        asked.has("x-time", &(NOW * 1000).to_string())?;
        let sha256: String = digest::digest(&digest::SHA256, asked.body.as_bytes())
            .as_ref()
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect();
        let text = format!("{}{}{}{sha256}", asked.method, asked.path, NOW * 1000);
        let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, b"\x00\xffs3cret"), text.as_bytes());
        asked.has("x-signature", &STANDARD.encode(code.as_ref()))?;
        let proof = STANDARD.decode(asked.header("x-proof")).map_err(|error| error.to_string())?;
        pair.signed(asked.body.as_bytes(), &proof)?;
        if asked.body.is_empty() { Err("there is nothing to sign".to_owned()) } else { me() }
    });
    let fields = json!({"key": "k-1", "secret": STANDARD.encode(b"\x00\xffs3cret"), "private_key": pem});
    assert_eq!(bench.await.look(fields).await["name"], "Ana");
}

#[tokio::test]
async fn a_signed_token_call() {
    let bench = Bench::of("A signed token call", |asked| match asked.line().as_str() {
        "POST /token" => {
            asked.has("appkey", "a-1")?;
            let text = format!("{}{}", asked.body, asked.header("timestamp"));
            let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"s3cret-12345"), text.as_bytes());
            let code: String = code.as_ref().iter().map(|it| format!("{it:02x}")).collect();
            asked.has("sign", &code)?;
            asked.json(&json!({"grant": "app"}))?;
            Ok(Reply::json(&json!({"data": {"accessToken": "t-12345"}})))
        }
        _ => signed_in(asked),
    });
    assert_eq!(bench.await.look(json!({"app": "a-1", "secret": "s3cret-12345"})).await["name"], "Ana");
}
