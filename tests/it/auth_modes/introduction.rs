//! Providers that are found, and clients that register themselves there.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::{Answer, Asked, Bench, Reply, bench::snippet, me, signed_in, token};

const CALLBACK: &str = "http://127.0.0.1:8080/oauth/callback";
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What a provider knows of its clients: one after the other, `client-1` with `s3cret-1` and so on.
#[derive(Default)]
struct Clients {
    registered: AtomicUsize,
    /// Those that it has forgotten.
    gone: Mutex<Vec<String>>,
}

impl Clients {
    fn count(&self) -> usize {
        self.registered.load(SeqCst)
    }

    /// RFC 7591 §3.2.1, with these beside the client.
    fn register(&self, beside: &Json) -> Answer {
        let number = self.registered.fetch_add(1, SeqCst) + 1;
        let mut answer = beside.clone();
        answer["client_id"] = json!(format!("client-{number}"));
        answer["client_secret"] = json!(format!("s3cret-{number}"));
        answer["registration_access_token"] = json!(format!("registration-{number}"));
        Ok(Reply::json(&answer).status(201))
    }

    /// Which of them asks, by the id and secret that it shows.
    fn check(&self, id: &str, secret: &str) -> Result<(), Reply> {
        let known = id.strip_prefix("client-").is_some_and(|number| secret == format!("s3cret-{number}"));
        let gone = self.gone.lock().unwrap().iter().any(|it| it == id);
        if known && !gone { Ok(()) } else { Err(Reply::json(&json!({"error": "invalid_client"})).status(401)) }
    }
}

/// A token that tells which client it was given to.
fn granted(id: &str) -> Answer {
    Ok(Reply::json(&json!({"access_token": "t-12345", "expires_in": 3600, "refresh_token": format!("r-{id}")})))
}

/// A refresh token is its client's only (RFC 6749 §10.4).
fn refreshed(asked: &Asked, id: &str) -> Result<(), String> {
    let is_refresh = asked.in_form("grant_type") == "refresh_token";
    if is_refresh && asked.in_form("refresh_token") != format!("r-{id}") {
        return Err(format!("`{id}` was not given {}", asked.in_form("refresh_token")));
    }
    Ok(())
}

#[tokio::test]
async fn a_client_that_registers_itself() {
    let clients = Arc::new(Clients::default());
    let known = Arc::clone(&clients);
    let secret_ends = Arc::new(Mutex::new(0_i64));
    let ends = Arc::clone(&secret_ends);
    let bench = Bench::of("A client that registers itself", move |asked| match asked.line().as_str() {
        "POST /register" => {
            asked.json(&json!({
                "client_name": "Booking assistant", "client_uri": "https://booking.example.com",
                "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"], "token_endpoint_auth_method": "client_secret_basic",
            }))?;
            // another way than was asked for (RFC 7591 §2)
            known.register(&json!({
                "token_endpoint_auth_method": "client_secret_post", "client_secret_expires_at": *ends.lock().unwrap()
            }))
        }
        "GET /authorize" => asked.back(&[("code", &format!("c-{}", asked.in_query("client_id")))]),
        "POST /token" => {
            let id = asked.in_form("client_id");
            if let Err(refusal) = known.check(&id, &asked.in_form("client_secret")) {
                return Ok(refusal);
            }
            refreshed(asked, &id)?;
            if !asked.header("authorization").is_empty() {
                return Err("the client shows itself twice".to_owned());
            }
            granted(&id)
        }
        _ => signed_in(asked),
    })
    .await;
    // one client for all accounts
    let first = bench.connect(json!({})).await;
    assert_eq!(bench.call(&first, "look").await["name"], "Ana");
    bench.connect(json!({})).await;
    assert_eq!(clients.count(), 1);

    // it is registered anew after a month, and what was connected keeps the one that it had
    bench.advance(DAY * 30);
    let second = bench.connect(json!({})).await;
    assert_eq!(clients.count(), 2);
    assert_eq!(bench.try_call_of("b", &first, "look").await["output"]["name"], "Ana");

    // the provider forgets the one that is used now: whoever signs in next gets another
    clients.gone.lock().unwrap().push("client-2".to_owned());
    bench.advance(SignedDuration::from_hours(2));
    let refused = bench.try_call_of("c", &second, "look").await;
    assert_eq!(refused["error"]["code"], "reauthorize", "{refused:#}");
    assert_eq!(bench.try_call_of("d", &first, "look").await["output"]["name"], "Ana", "another client's");
    // its secret will end in a day
    *secret_ends.lock().unwrap() = 1_795_597_200 + 31 * 24 * 3600;
    bench.connect(json!({})).await;
    assert_eq!(clients.count(), 3);
    *secret_ends.lock().unwrap() = 0;
    bench.advance(SignedDuration::from_hours(21));
    bench.connect(json!({})).await;
    assert_eq!(clients.count(), 3);
    bench.advance(SignedDuration::from_hours(1));
    bench.connect(json!({})).await;
    assert_eq!(clients.count(), 4);

    // and one that is forgotten before its code is exchanged
    clients.gone.lock().unwrap().push("client-4".to_owned());
    assert_eq!(bench.try_connect(json!({})).await["status"], "failed");
    bench.connect(json!({})).await;
    assert_eq!(clients.count(), 5);
    for secret in ["s3cret-", "registration-", "r-client"] {
        let stored = bench.app.stored_bytes();
        assert!(!stored.windows(secret.len()).any(|it| it == secret.as_bytes()), "`{secret}` is in the database");
        assert!(!bench.app.client.answers().contains(secret), "`{secret}` was answered");
    }
}

#[tokio::test]
async fn a_registration_that_is_refused_connects_nobody() {
    let bench = Bench::of("A client that registers itself", |asked| match asked.line().as_str() {
        "POST /register" => {
            let refusal = json!({"error": "invalid_redirect_uri", "error_description": "not on our list"});
            Ok(Reply::json(&refusal).status(400))
        }
        line => Err(format!("nobody should ask: {line}")),
    })
    .await;
    let refused = bench.try_connect(json!({})).await;
    assert_eq!(refused["code"], "connect_failed", "{refused:#}");
    assert_eq!(bench.app.client.get("/v1/connections").await["data"], json!([]));
}

#[tokio::test]
async fn an_app_that_ops_set_up_comes_before_a_registration() {
    let yaml = snippet("A provider that tells its addresses");
    let bench = Bench::with(&yaml, "app-secret", |asked| match asked.line().as_str() {
        "GET /.well-known/oauth-authorization-server/acme" => {
            let mut told = metadata("https://auth.example.com/acme");
            told["registration_endpoint"] = json!("https://auth.example.com/register");
            Ok(Reply::json(&told))
        }
        "GET /acme/authorize" => {
            asked.consent(&[("response_type", "code"), ("client_id", "app"), ("code_challenge_method", "S256")])?;
            asked.back(&[("code", "c-12345")])
        }
        "POST /acme/token" => {
            asked.basic("app", "app-secret")?;
            token("t-12345")
        }
        _ => signed_in(asked),
    });
    assert_eq!(bench.await.look(json!({"tenant": "acme"})).await["name"], "Ana");
}

#[tokio::test]
async fn a_registration_of_its_own() {
    let asked_where = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked_where);
    let bench = Bench::of("A registration of its own", move |asked| match asked.line().as_str() {
        "POST /api/v1/apps" => {
            asked.form(&[("client_name", "Closeloop"), ("redirect_uris", CALLBACK), ("scopes", "read")])?;
            let mut seen = seen.lock().unwrap();
            seen.push(());
            Ok(Reply::json(&json!({"app": {"id": format!("of-{}", seen.len()), "secret": "app-s3cret"}})))
        }
        "GET /authorize" => asked.back(&[("code", asked.in_query("client_id"))]),
        "POST /token" => {
            let id = asked.in_form("code");
            if asked.in_form("client_id") != id || asked.in_form("client_secret") != "app-s3cret" {
                return Err("another client".to_owned());
            }
            token("t-12345")
        }
        _ => signed_in(asked),
    })
    .await;
    assert_eq!(bench.look(json!({})).await["name"], "Ana");
    bench.connect(json!({})).await;
    assert_eq!(asked_where.lock().unwrap().len(), 1);
    bench.connect(json!({"server": "eu"})).await;
    bench.connect(json!({"server": "eu"})).await;
    assert_eq!(asked_where.lock().unwrap().len(), 2, "one for each server");
}

/// What an issuer tells of itself, beside its host.
fn metadata(issuer: &str) -> Json {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "revocation_endpoint": format!("{issuer}/revoke"),
        "response_types_supported": ["code"],
    })
}

#[tokio::test]
async fn a_provider_that_tells_its_addresses() {
    let revoked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&revoked);
    let asked_for = Arc::new(AtomicUsize::new(0));
    let found = Arc::clone(&asked_for);
    let bench = Bench::of("A provider that tells its addresses", move |asked| match asked.line().as_str() {
        // it knows OpenID Connect only
        "GET /.well-known/oauth-authorization-server/acme" => Ok(Reply::of(404, "text/html", "not here".to_owned())),
        "GET /acme/.well-known/openid-configuration" => {
            found.fetch_add(1, SeqCst);
            let mut told = metadata("https://auth.example.com/acme");
            told["token_endpoint"] = json!("https://eu.example.com/acme/token");
            told["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt", "client_secret_post"]);
            told["authorization_response_iss_parameter_supported"] = json!(true);
            Ok(Reply::json(&told))
        }
        "GET /acme/authorize" => asked.back(&[("code", "c-12345"), ("iss", "https://auth.example.com/acme")]),
        "POST /acme/token" => {
            asked.has("host", "eu.example.com").or_else(|_| asked.has("authorization", ""))?;
            if asked.in_form("client_secret") != "app-secret" {
                return Err("the client does not show itself".to_owned());
            }
            let grant = asked.in_form("grant_type");
            let next = if grant == "refresh_token" { "t-12345" } else { "t-old" };
            Ok(Reply::json(&json!({"access_token": next, "expires_in": 3600, "refresh_token": "r-12345"})))
        }
        "POST /acme/revoke" => {
            count.fetch_add(1, SeqCst);
            Ok(Reply::json(&json!({})))
        }
        _ => asked.bearer("t-old").or_else(|_| asked.bearer("t-12345")).and_then(|()| me()),
    })
    .await;
    let connection = bench.connect(json!({"tenant": "acme"})).await;
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    bench.advance(SignedDuration::from_hours(2));
    assert_eq!(
        bench.try_call_of("b", &connection, "look").await["output"]["name"],
        "Ana",
        "renewed where it was found"
    );
    assert_eq!(asked_for.load(SeqCst), 1, "it is found once for a connection");
    let path = format!("/v1/connections/{}", connection["id"].as_str().unwrap());
    bench.app.client.send("DELETE", &path, None, None).await;
    assert_eq!(revoked.load(SeqCst), 1);
}

/// Metadata that is not as it has to be.
#[tokio::test]
async fn metadata_is_believed_only_of_whom_it_was_asked_for() {
    let told = Arc::new(Mutex::new(Json::Null));
    let tells = Arc::clone(&told);
    let tokens = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tokens);
    let bench = Bench::of("A provider that tells its addresses", move |asked| match asked.line().as_str() {
        "GET /.well-known/oauth-authorization-server/acme" => Ok(Reply::json(&tells.lock().unwrap())),
        "GET /acme/authorize" => asked.back(&[("code", "c-12345"), ("iss", "https://eu.example.com")]),
        "POST /acme/token" => {
            count.fetch_add(1, SeqCst);
            token("t-12345")
        }
        line => Err(format!("nobody should ask: {line}")),
    })
    .await;
    let right = metadata("https://auth.example.com/acme");
    let (mut of_another, mut in_the_open) = (right.clone(), right.clone());
    of_another["issuer"] = json!("https://auth.example.com");
    in_the_open["token_endpoint"] = json!("http://auth.example.com/acme/token");
    for wrong in [of_another, in_the_open, json!(["no metadata"])] {
        *told.lock().unwrap() = wrong;
        let refused = bench.try_connect(json!({"tenant": "acme"})).await;
        assert_eq!(refused["code"], "connect_failed", "{refused:#}");
    }
    // where a token would be asked for is no host that the connector allows
    let mut elsewhere = right.clone();
    elsewhere["token_endpoint"] = json!("https://evil.example.net/token");
    // a redirect that says it is another's is nobody's
    for told_now in [elsewhere, right] {
        *told.lock().unwrap() = told_now;
        assert_eq!(bench.try_connect(json!({"tenant": "acme"})).await["status"], "failed");
    }
    assert_eq!(tokens.load(SeqCst), 0);
}

#[tokio::test]
async fn a_resource_that_tells_its_issuer() {
    const RESOURCE: &str = "https://api.example.com/mcp";
    let clients = Arc::new(Clients::default());
    let known = Arc::clone(&clients);
    let resource = Arc::new(Mutex::new(RESOURCE));
    let told_of = Arc::clone(&resource);
    let bench = Bench::of("A resource that tells its issuer", move |asked| match asked.line().as_str() {
        "GET /.well-known/oauth-protected-resource/mcp" => {
            let of = *told_of.lock().unwrap();
            Ok(Reply::json(&json!({"resource": of, "authorization_servers": ["https://auth.example.com"]})))
        }
        "GET /.well-known/oauth-authorization-server" => {
            let mut told = metadata("https://auth.example.com");
            told["registration_endpoint"] = json!("https://auth.example.com/register");
            told["token_endpoint_auth_methods_supported"] = json!(["client_secret_basic", "none"]);
            Ok(Reply::json(&told))
        }
        "POST /register" => known.register(&json!({})),
        "GET /authorize" => {
            let wanted = [("response_type", "code"), ("code_challenge_method", "S256"), ("client_id", "client-1")];
            asked.consent(&[&wanted[..], &[("resource", RESOURCE)]].concat())?;
            asked.back(&[("code", "c-12345")])
        }
        "POST /token" => {
            asked.basic("client-1", "s3cret-1")?;
            if asked.in_form("resource") != RESOURCE || !asked.in_form("client_id").is_empty() {
                return Err("it is asked for something else".to_owned());
            }
            refreshed(asked, "client-1")?;
            granted("client-1")
        }
        "GET /mcp/me" => signed_in(asked),
        line => Err(format!("nobody should ask: {line}")),
    })
    .await;
    let connection = bench.connect(json!({})).await;
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    bench.advance(SignedDuration::from_hours(2));
    assert_eq!(bench.try_call_of("b", &connection, "look").await["output"]["name"], "Ana");
    assert_eq!(clients.count(), 1);
    *resource.lock().unwrap() = "https://api.example.com/other";
    let refused = bench.try_connect(json!({})).await;
    assert_eq!(refused["code"], "connect_failed", "{refused:#}");
}
