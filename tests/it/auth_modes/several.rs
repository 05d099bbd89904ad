//! Several tokens in one connection.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use jiff::SignedDuration;
use serde_json::json;

use super::{Bench, Reply, me, token};

/// Each has its own end: the person's token is renewed while the bot's still works.
#[tokio::test]
async fn a_bot_and_a_person() {
    let (bots, users) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (bot, user) = (Arc::clone(&bots), Arc::clone(&users));
    let bench = Bench::of("A bot and a person", move |asked| match asked.line().as_str() {
        "GET /authorize" => asked.back(&[("code", "c-12345")]),
        "POST /token" if asked.in_form("grant_type") == "authorization_code" => Ok(Reply::json(&json!({
            "ok": true, "access_token": "bot-0", "refresh_token": "rb-0", "expires_in": 43_200,
            "authed_user": {"id": "U1", "access_token": "user-0", "refresh_token": "ru-0", "expires_in": 3600},
        }))),
        "POST /token" => {
            let (count, kind) = match asked.in_form("refresh_token") {
                it if it == format!("rb-{}", bot.load(Ordering::Relaxed)) => (&bot, 'b'),
                it if it == format!("ru-{}", user.load(Ordering::Relaxed)) => (&user, 'u'),
                _ => return Ok(Reply::json(&json!({"ok": false, "error": "invalid_grant"}))),
            };
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            let name = if kind == 'b' { "bot" } else { "user" };
            let answer = json!({
                "ok": true, "access_token": format!("{name}-{number}"), "refresh_token": format!("r{kind}-{number}"),
                "expires_in": if kind == 'b' { 43_200 } else { 3600 },
            });
            Ok(Reply::json(&answer))
        }
        "GET /user" => {
            asked.bearer(&format!("user-{}", user.load(Ordering::Relaxed)))?;
            me()
        }
        _ => {
            asked.bearer(&format!("bot-{}", bot.load(Ordering::Relaxed)))?;
            me()
        }
    })
    .await;
    let connection = bench.connect(json!({})).await;
    let both = async || {
        assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
        assert_eq!(bench.call(&connection, "look_as_user").await["name"], "Ana");
        (bots.load(Ordering::Relaxed), users.load(Ordering::Relaxed))
    };
    assert_eq!(both().await, (0, 0));
    bench.advance(SignedDuration::from_hours(2));
    assert_eq!(both().await, (0, 1));
    bench.advance(SignedDuration::from_hours(12));
    assert_eq!(both().await, (1, 2));
    assert_eq!(both().await, (1, 2), "and both are kept");
}

#[tokio::test]
async fn one_grant_for_several_audiences() {
    let bench = Bench::of("One grant for several audiences", |asked| match asked.line().as_str() {
        "GET /authorize" => asked.back(&[("code", "c-12345")]),
        "POST /token" => match asked.in_form("scope").as_str() {
            "https://sites.example.com/.default" => {
                let client = [("client_id", "app"), ("client_secret", "app-secret")];
                let own = [("grant_type", "refresh_token"), ("refresh_token", "r-12345")];
                asked.form(&[&client[..], &own, &[("scope", "https://sites.example.com/.default")]].concat())?;
                token("sites-1")
            }
            _ => Ok(Reply::json(&json!({"access_token": "graph-1", "refresh_token": "r-12345", "expires_in": 3600}))),
        },
        "GET /sites" => {
            asked.bearer("sites-1")?;
            me()
        }
        _ => {
            asked.bearer("graph-1")?;
            me()
        }
    })
    .await;
    let connection = bench.connect(json!({})).await;
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    assert_eq!(bench.call(&connection, "look_at_sites").await["name"], "Ana");
}

/// Also when the token that it is made from has ended before its time.
#[tokio::test]
async fn a_token_made_from_another() {
    let good = Arc::new(AtomicUsize::new(0));
    let number = Arc::clone(&good);
    let bench = Bench::of("A token made from another", move |asked| match asked.line().as_str() {
        "GET /authorize" => asked.back(&[("code", "c-12345")]),
        "POST /token" => {
            let access = format!("core-{}", number.load(Ordering::Relaxed));
            Ok(Reply::json(&json!({"access_token": access, "refresh_token": "r-12345", "expires_in": 36_000})))
        }
        "POST /data/token" if asked.in_form("subject_token") == format!("core-{}", number.load(Ordering::Relaxed)) => {
            Ok(Reply::json(&json!({"access_token": "data-1", "expires_in": 600, "instance": "d1.example.com"})))
        }
        "POST /data/token" => Ok(Reply::json(&json!({"message": "who?"})).status(401)),
        "GET /data" => {
            asked.bearer("data-1")?;
            me()
        }
        _ => me(),
    })
    .await;
    let connection = bench.connect(json!({})).await;
    assert_eq!(bench.call(&connection, "look_at_data").await["name"], "Ana");
    let known = bench.app.client.get(&format!("/v1/connections/{}", connection["id"].as_str().unwrap())).await;
    assert_eq!(known["status"], "connected");
    good.store(1, Ordering::Relaxed);
    bench.advance(SignedDuration::from_mins(11));
    assert_eq!(bench.call(&connection, "look_at_data").await["name"], "Ana");
}
