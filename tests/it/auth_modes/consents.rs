//! What is asked in the browser, and what comes back.

use std::sync::{Arc, Mutex};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value as Json, json};

use super::{Bench, Reply, bench::snippet, me, signed_in, token};

const USUAL: [(&str, &str); 3] = [("response_type", "code"), ("client_id", "app"), ("code_challenge_method", "S256")];

#[tokio::test]
async fn an_address_from_the_form() {
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let came = Arc::clone(&tokens);
    let bench = Bench::of("An address from the form", move |asked| match asked.line().as_str() {
        "GET /authorize" => {
            asked.consent(&USUAL)?;
            asked.back(&[("code", "c-12345")])
        }
        "POST /token" => {
            came.lock().unwrap().push(asked.header("host").to_owned());
            token("t-12345")
        }
        _ => me(),
    })
    .await;
    assert_eq!(bench.look(json!({})).await["name"], "Ana");
    assert_eq!(bench.look(json!({"domain": "eu", "region": "eu"})).await["name"], "Ana");
    let begun = bench.begin(json!({"domain": "other"})).await;
    let address = begun["authorization_url"].as_str().unwrap();
    assert!(address.starts_with("https://other.example.com/authorize?"), "{address}");
    let refused = bench.try_connect(json!({"domain": "evil.com/x?"})).await;
    assert_ne!(refused["status"], "connected");
    assert_eq!(tokens.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn more_parameters() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let nonces = Arc::clone(&seen);
    let bench = Bench::of("More parameters", move |asked| match asked.line().as_str() {
        "GET /authorize" => {
            let nonce = asked.in_query("nonce");
            nonces.lock().unwrap().push(nonce.to_owned());
            let account = asked.in_query("account");
            let own = [("prompt", "consent"), ("nonce", nonce), ("account", account)];
            let own = if account.is_empty() { &own[..2] } else { &own[..] };
            asked.consent(&[&USUAL[..], own].concat())?;
            asked.back(&[("code", "c-12345")])
        }
        "POST /token" => token("t-12345"),
        _ => me(),
    })
    .await;
    bench.look(json!({})).await;
    bench.connect(json!({"account": "acme & co"})).await;
    let seen = seen.lock().unwrap();
    assert!(seen[0] != seen[1] && seen.iter().all(|it| it.len() == 32), "{seen:?}");
}

#[tokio::test]
async fn scopes_in_another_way() {
    let bench = Bench::of("Scopes in another way", |asked| match asked.line().as_str() {
        "GET /authorize" => {
            asked.consent(&[&USUAL[..], &[("user_scope", "files,people")]].concat())?;
            asked.back(&[("code", "c-12345")])
        }
        "POST /token" => token("t-12345"),
        _ => me(),
    });
    assert_eq!(bench.await.look(json!({})).await["name"], "Ana");
}

/// What stands behind the `#` no server sees: the page reads it.
#[tokio::test]
async fn a_page_behind_a_fragment() {
    let bench = Bench::of("A page behind a fragment", |asked| match asked.line().as_str() {
        "POST /token" => token("t-12345"),
        _ => me(),
    })
    .await;
    let begun = bench.begin(json!({})).await;
    let address = begun["authorization_url"].as_str().unwrap();
    let parts = address.split_once("/#/oauth/authorize?response_type=code&client_id=app&state=");
    let fragment = parts.unwrap_or_else(|| panic!("{address}")).1;
    assert!(
        fragment.ends_with("&redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Foauth%2Fcallback&scope=files:read"),
        "{address}"
    );
    let state = fragment.split('&').next().unwrap();
    let back = format!("{}/oauth/callback?state={state}&code=c-12345", bench.app.client.base);
    assert_eq!(bench.app.client.browse(&back).await.0, 200);
}

#[tokio::test]
async fn the_code_under_another_name() {
    let bench = Bench::of("The code under another name", |asked| match asked.line().as_str() {
        "GET /authorize" => asked.back(&[("spapi_oauth_code", "c-12345")]),
        "POST /token" if asked.in_form("code") == "c-12345" => token("t-12345"),
        "POST /token" => Err("no code".to_owned()),
        _ => me(),
    });
    assert_eq!(bench.await.look(json!({})).await["name"], "Ana");
}

#[tokio::test]
async fn values_from_the_redirect() {
    let bench = Bench::of("Values from the redirect", |asked| match asked.line().as_str() {
        "GET /authorize" => {
            asked.back(&[("code", "c-12345"), ("realmId", "4711"), ("accounts-server", "https://auth.example.com/in")])
        }
        "POST /in/token" => token("t-12345"),
        _ => {
            asked.has("x-realm", "4711")?;
            me()
        }
    });
    assert_eq!(bench.await.look(json!({})).await["name"], "Ana");
}

#[tokio::test]
async fn an_administrators_consent() {
    let answers = Arc::new(Mutex::new(vec![("admin_consent", "True"), ("tenant", "t-1")]));
    let answered = Arc::clone(&answers);
    let bench = Bench::of("An administrator's consent", move |asked| match asked.line().as_str() {
        "GET /adminconsent" => {
            asked.consent(&[("client_id", "app")])?;
            asked.back(&answered.lock().unwrap())
        }
        "POST /t-1/token" => {
            let scope = ("scope", "https://api.example.com/.default");
            let client = [("client_id", "app"), ("client_secret", "app-secret")];
            asked.form(&[&client[..], &[("grant_type", "client_credentials"), scope]].concat())?;
            token("t-12345")
        }
        _ => signed_in(asked),
    })
    .await;
    assert_eq!(bench.look(json!({})).await["name"], "Ana");
    answers.lock().unwrap().pop();
    let failed = bench.try_connect(json!({})).await;
    assert_eq!(failed["status"], "failed", "{failed:#}");
    assert!(failed["problem"].as_str().unwrap().contains("no tenant"), "{failed:#}");
}

#[tokio::test]
async fn an_installation() {
    let key_pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key_pair.as_der().unwrap();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()));
    let public: PublicKeyX509Der<'_> = key_pair.public_key().as_der().unwrap();
    let public = public.as_ref().to_vec();
    let yaml = snippet("An installation");
    let bench = Bench::with(&yaml, &pem, move |asked| match asked.line().as_str() {
        "GET /apps/closeloop/installations/new" => {
            if asked.query.keys().ne(["state"]) {
                return Err(format!("only a state is taken along: {:?}", asked.query));
            }
            asked.back(&[("installation_id", "99"), ("setup_action", "install")])
        }
        "POST /app/installations/99/access_tokens" => {
            let jwt = asked.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
            let (signed, signature) = jwt.rsplit_once('.').ok_or("no JWT")?;
            let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "no signature")?;
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public);
            key.verify(signed.as_bytes(), &signature).map_err(|_| "another's signature")?;
            let claims =
                URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap_or_default()).map_err(|_| "no claims")?;
            let claims: Json = serde_json::from_slice(&claims).map_err(|_| "no claims")?;
            if claims != json!({"iss": "app", "exp": 1_795_597_200 + 600}) {
                return Err(format!("other claims: {claims}"));
            }
            let answer = json!({"token": "t-12345", "expires_at": "2026-11-25T10:00:00Z"});
            Ok(Reply::json(&answer).status(201))
        }
        _ => signed_in(asked),
    });
    assert_eq!(bench.await.look(json!({})).await["name"], "Ana");
}
