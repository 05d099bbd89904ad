//! Secrets go out by signing and nowhere else: not into what is kept, not into what is returned, not into the log.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use serde_json::json;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
};

use crate::{
    fakes::{Fault, Server, pairs},
    harness::{
        Calendar, Options, Payments, TestApp,
        calendar::{booking, that_day},
    },
};

/// The engine's log at its most talkative.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What providers were sent that nobody else may see.
#[derive(Default)]
struct Secrets(BTreeSet<String>);

impl Secrets {
    fn add(&mut self, secret: &str) {
        // a key of several lines may be found by any of them
        self.0.extend(
            secret.lines().map(str::trim).filter(|it| it.len() >= 6 && !it.starts_with("---")).map(str::to_owned),
        );
    }

    /// From the requests of a provider: what follows the scheme in `Authorization`, and secret parts of forms.
    fn add_sent_to(&mut self, server: &Server) {
        for seen in server.seen() {
            let authorization = seen.headers.get("authorization").and_then(|it| it.to_str().ok());
            if let Some((_, parameters)) = authorization.and_then(|it| it.split_once(' ')) {
                self.add(parameters);
            }
            let secret =
                |name: &str| ["client_secret", "refresh_token", "code", "code_verifier", "token"].contains(&name);
            pairs(&seen.body).iter().filter(|(name, _)| secret(name)).for_each(|(_, value)| self.add(value));
        }
    }

    /// Looks for them in everything that the engine of `app` has kept and answered.
    async fn are_not_in(&self, app: &TestApp) {
        let executions = app.client.get("/v1/executions").await;
        for execution in executions["data"].as_array().unwrap() {
            let shown = app.client.get(&format!("/v1/executions/{}", execution["id"].as_str().unwrap())).await;
            assert!(shown["trace"].is_array(), "{shown:#}");
        }
        app.client.get("/v1/connections").await;
        self.are_not_in_bytes("an answer", app.client.answers().as_bytes());
        self.are_not_in_bytes("the database", &app.stored_bytes());
    }

    fn are_not_in_bytes(&self, place: &str, bytes: &[u8]) {
        for secret in &self.0 {
            let found = bytes.windows(secret.len()).position(|it| it == secret.as_bytes());
            if let Some(at) = found {
                let around = &bytes[at.saturating_sub(300)..(at + 100).min(bytes.len())];
                panic!("{secret} is in {place}: …{}…", String::from_utf8_lossy(around));
            }
        }
    }
}

#[tokio::test]
async fn nothing_that_is_kept_or_returned_holds_a_credential() {
    let log = Log::default();
    let filter = Targets::new().with_target("closeloop", LevelFilter::TRACE);
    let lines = fmt::layer().with_ansi(false).with_writer(log.clone());
    // for this thread: the engines of this test run on it, those of other tests don't
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(filter).with(lines));

    let mut secrets = Secrets::default();
    let calendar = talk_about_a_consent(&mut secrets).await;
    let payments = talk_about_keys(&mut secrets).await;
    let password = talk_about_a_password(&mut secrets).await;
    assert!(secrets.0.len() > 30, "{:?}", secrets.0);
    for app in [&calendar.app, &payments.app, &password] {
        secrets.are_not_in(app).await;
    }
    let log = log.0.lock().unwrap();
    secrets.are_not_in_bytes("the log", &log);
    // and not because nothing was repeated
    let told = [calendar.app.client.answers(), payments.app.client.answers(), String::from_utf8_lossy(&log).into()];
    assert!(told.iter().all(|it| it.contains("•••")));
}

/// A provider with a consent repeats client secret, tokens and codes in its errors.
async fn talk_about_a_consent(secrets: &mut Secrets) -> Calendar {
    let (bench, connection) = Calendar::connected().await;
    let (client, server) = (&bench.app.client, &bench.google.server);
    client.output("book_appointment", booking("10:00")).await;
    server.fail_next("POST", "/freeBusy", Fault::Echo(400));
    client.failure("check_availability", that_day()).await;
    // the token that was called expired is repeated, and replaced in the same call
    server.fail_next("POST", "/freeBusy", Fault::Echo(401));
    client.output("check_availability", that_day()).await;
    server.fail_next("GET", "/calendarList", Fault::Echo(400));
    let lookup = format!("/v1/connectors/google-calendar/lookups/calendars?connection={connection}");
    assert_eq!(client.send("GET", &lookup, None, None).await.0, 502);
    for path in ["/token", "/userinfo"] {
        let begun = bench.begin(&[]).await;
        server.fail_next(if path == "/token" { "POST" } else { "GET" }, path, Fault::Echo(400));
        assert_eq!(bench.consent(&begun).await.0, 400);
    }
    bench.google.world().expire_access_tokens();
    server.fail_next("POST", "/token", Fault::Echo(400));
    client.failure("check_availability", that_day()).await;
    // the grant dies in the very call whose answer repeats the token
    bench.google.world().revoke_everything();
    let path = format!("/v1/connections/{connection}/authorize");
    let again = client.post(&path, json!({"connector": "google-calendar"})).await;
    assert_eq!(bench.consent(&again).await.0, 200);
    bench.google.world().revoke_everything();
    server.fail_next("POST", "/freeBusy", Fault::Echo(401));
    assert_eq!(client.failure("check_availability", that_day()).await["code"], "reauthorize");
    assert_eq!(client.send("DELETE", &format!("/v1/connections/{connection}"), None, None).await.0, 204);
    secrets.add(client.key.expose().split_once('.').unwrap().1);
    secrets.add_sent_to(server);
    bench
}

/// A provider repeats keys, the pair of Basic and signatures in its errors.
async fn talk_about_keys(secrets: &mut Secrets) -> Payments {
    let (bench, connection) = Payments::connected().await;
    let (client, midtrans) = (&bench.app.client, &bench.midtrans);
    bench.enable(&connection, "create_virtual_account", json!({"bank": "bca", "prefix": "12345"})).await;
    bench.paid("INV-1", 45_000).await;
    for server in [&midtrans.api, &midtrans.app] {
        server.fail_next("GET", "/status", Fault::Echo(400));
        server.fail_next("POST", "/transactions", Fault::Echo(400));
    }
    client.failure("check_payment", json!({"order_id": "INV-1"})).await;
    let order = json!({"order_id": "INV-2", "amount": 1000, "description": "Batik scarf"});
    client.failure("create_payment", order).await;
    let account = json!({"order_id": "VA-1", "amount": 50_000, "customer_number": "1", "name": "Ana Ruiz"});
    let fails = async |part, status| {
        midtrans.merchants.fail_next("POST", part, Fault::Echo(status));
        client.failure("create_virtual_account", account.clone()).await;
    };
    fails("/create-va", 400).await;
    midtrans.world().expire_tokens();
    fails("/access-token", 401).await;
    let again = json!({"connector": "midtrans", "fields": bench.fields()});
    client.post(&format!("/v1/connections/{connection}/authorize"), again).await;
    fails("/access-token", 500).await;
    midtrans.api.fail_next("GET", "/status", Fault::Echo(401));
    let body = json!({"connector": "midtrans", "fields": bench.fields()});
    assert_eq!(client.send("POST", "/v1/connections", Some(&body), None).await.1["code"], "connect_failed");
    // one that doesn't fit, and one under a wrong name
    for (name, key) in [("server_key", "SB-Mid server with-a-space"), ("sever_key", "SB-Mid-server-misnamed")] {
        let body = json!({"connector": "midtrans", "fields": {name: key}});
        assert_eq!(client.send("POST", "/v1/connections", Some(&body), None).await.1["code"], "invalid_arguments");
        client.connect("midtrans", "sandbox", body["fields"].clone()).await;
        secrets.add(key);
    }
    for name in ["server_key", "client_secret", "private_key"] {
        secrets.add(bench.fields()[name].as_str().unwrap());
    }
    for server in [&midtrans.api, &midtrans.app, &midtrans.merchants] {
        secrets.add_sent_to(server);
    }
    bench
}

/// A provider repeats the password that it refuses.
async fn talk_about_a_password(secrets: &mut Secrets) -> TestApp {
    let server = Server::start(axum::Router::new()).await;
    server.fail_next("PROPFIND", "/", Fault::Echo(401));
    let overrides = vec![("https://caldav.icloud.com", server.url().to_owned())];
    let app = TestApp::with(Options { overrides, ..Options::default() }).await;
    let fields = json!({"username": "anna@example.test", "password": "hunter2-hunter2-hunter2"});
    let body = json!({"connector": "apple-calendar", "fields": fields});
    assert_eq!(app.client.send("POST", "/v1/connections", Some(&body), None).await.1["code"], "connect_failed");
    secrets.add("hunter2-hunter2-hunter2");
    secrets.add_sent_to(&server);
    app
}
