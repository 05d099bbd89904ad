//! Tokens that are given without anybody consenting.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use jiff::SignedDuration;
use serde_json::json;

use super::{Bench, Reply, me, signed_in, token};

#[tokio::test]
async fn client_credentials() {
    let bench = Bench::of("Client credentials", |asked| {
        if asked.path == "/oauth/token" {
            asked.basic("org", "org-secret")?;
            asked.form(&[("grant_type", "client_credentials"), ("audience", "https://api.example.com")])?;
            return token("t-12345");
        }
        signed_in(asked)
    })
    .await;
    assert_eq!(bench.look(json!({"client_id": "org", "client_secret": "org-secret"})).await["name"], "Ana");
    let refused = bench.try_connect(json!({"client_id": "org", "client_secret": "wrong"})).await;
    assert_ne!(refused["status"], "connected", "{refused:#}");
}

#[tokio::test]
async fn a_persons_name_and_password() {
    let logins = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&logins);
    let bench = Bench::of("A person's name and password", move |asked| {
        if asked.path == "/oauth/token" {
            let name = ("username", "ana");
            asked.form(&[
                ("grant_type", "password"),
                name,
                ("password", "p4ss"),
                ("client_id", "shared-app"),
                ("scope", "read"),
            ])?;
            return token(&format!("t-{}", counted.fetch_add(1, Ordering::Relaxed)));
        }
        asked.bearer(&format!("t-{}", counted.load(Ordering::Relaxed) - 1))?;
        me()
    })
    .await;
    let connection = bench.connect(json!({"username": "ana", "password": "p4ss"})).await;
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    let before = logins.load(Ordering::Relaxed);
    bench.advance(SignedDuration::from_hours(2));
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    assert_eq!(logins.load(Ordering::Relaxed), before + 1, "it is asked for again");
}

#[tokio::test]
async fn a_grant_of_the_providers_own() {
    let bench = Bench::of("A grant of the provider's own", |asked| {
        if asked.path == "/oauth/token" {
            asked.basic("org", "org-secret")?;
            asked.form(&[("grant_type", "account_credentials"), ("account_id", "acc-1")])?;
            return token("t-12345");
        }
        signed_in(asked)
    });
    let fields = json!({"account_id": "acc-1", "client_id": "org", "client_secret": "org-secret"});
    assert_eq!(bench.await.look(fields).await["name"], "Ana");
}

/// Each refresh token is good once: what came in its place is used, also after the engine began anew.
#[tokio::test]
async fn a_refresh_token_that_is_filled_in() {
    let used = Arc::new(AtomicUsize::new(0));
    let mut bench = Bench::of("A refresh token that is filled in", move |asked| {
        let number = used.load(Ordering::Relaxed);
        if asked.path == "/oauth/token" {
            let client = [("client_id", "org"), ("client_secret", "org-secret")];
            let refresh = format!("r-{number}");
            asked.form(&[&client[..], &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]].concat())?;
            used.store(number + 1, Ordering::Relaxed);
            let (access, refresh) = (format!("t-{}", number + 1), format!("r-{}", number + 1));
            return Ok(Reply::json(&json!({"access_token": access, "refresh_token": refresh, "expires_in": 3600})));
        }
        asked.bearer(&format!("t-{number}"))?;
        me()
    })
    .await;
    let connection =
        bench.connect(json!({"client_id": "org", "client_secret": "org-secret", "refresh_token": "r-0"})).await;
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    bench.advance(SignedDuration::from_hours(2));
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    bench.app.restart().await;
    bench.advance(SignedDuration::from_hours(2));
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
}

#[tokio::test]
async fn a_login() {
    let bench = Bench::of("A login", |asked| match asked.line().as_str() {
        "POST /login" => {
            asked.json(&json!({"credentials": {"name": "ana", "password": "p4ssw0rd", "site": {"contentUrl": ""}}}))?;
            Ok(Reply::json(&json!({"data": {"session": {"jwtToken": "t-12345"}}})).status(201))
        }
        _ => {
            asked.has("x-session", "t-12345")?;
            me()
        }
    })
    .await;
    assert_eq!(bench.look(json!({"user": "ana", "password": "p4ssw0rd"})).await["name"], "Ana");
    let refused = bench.try_connect(json!({"user": "ana", "password": "wr0ng-word"})).await;
    assert!(!refused.to_string().contains("wr0ng-word"), "the provider repeats it: {refused:#}");
}

#[tokio::test]
async fn a_login_in_xml() {
    let bench = Bench::of("A login in XML", |asked| match asked.line().as_str() {
        "POST /xml" => {
            let body = "<request><control senderid=\"me\"/><login user=\"ana\"><password>a&lt;b&amp;c</password></login></request>\n";
            if asked.body != body {
                return Err(format!("not what is wanted: {}", asked.body));
            }
            let answer = "<response><session><id>t-12345</id></session></response>";
            Ok(Reply::of(200, "text/xml", answer.to_owned()))
        }
        _ => signed_in(asked),
    });
    assert_eq!(bench.await.look(json!({"user": "ana", "password": "a<b&c"})).await["name"], "Ana");
}

#[tokio::test]
async fn several_calls_in_a_row() {
    let bench = Bench::of("Several calls in a row", |asked| match asked.line().as_str() {
        "POST /login" => {
            asked.form(&[("user", "ana"), ("password", "p4ssw0rd")])?;
            Ok(Reply::json(&json!({"ticket": "ticket-1", "vaults": [{"id": "v-1"}, {"id": "v-2"}]})))
        }
        "GET /session" => {
            asked.has("authorization", "Ticket ticket-1")?;
            asked.only_query(&[("vault", "v-1")])?;
            Ok(Reply::json(&json!({"session": "s-12345", "seconds": "900"})))
        }
        _ => {
            asked.has("authorization", "Session s-12345")?;
            asked.has("x-vault", "v-1")?;
            me()
        }
    });
    assert_eq!(bench.await.look(json!({"user": "ana", "password": "p4ssw0rd"})).await["name"], "Ana");
}

#[tokio::test]
async fn a_token_in_a_header_or_a_cookie() {
    let bench = Bench::of("A token in a header or a cookie", |asked| match asked.line().as_str() {
        "POST /login" => {
            asked.json(&json!({"Password": "p4ssw0rd"}))?;
            let reply = Reply::of(204, "text/plain", String::new()).header("x-minutes", "30");
            Ok(reply.header("set-cookie", "SESSION=s-12345; HttpOnly; path=/").header("set-cookie", "NODE=2"))
        }
        _ => {
            asked.has("cookie", "SESSION=s-12345")?;
            me()
        }
    });
    assert_eq!(bench.await.look(json!({"password": "p4ssw0rd"})).await["name"], "Ana");
}

#[tokio::test]
async fn the_answer_is_the_token() {
    let bench = Bench::of("The answer is the token", |asked| match asked.line().as_str() {
        "GET /token" => {
            asked.has("authorization", "Key k3y-12345")?;
            Ok(Reply::of(200, "text/plain", "t=12345==\n".to_owned()))
        }
        _ => {
            asked.bearer("t=12345==")?;
            me()
        }
    });
    assert_eq!(bench.await.look(json!({"api_key": "k3y-12345"})).await["name"], "Ana");
}
