//! How long a token lives, as providers tell it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::{Bench, Reply, me};

/// Connects, and gives how many logins there are after each of these times.
async fn logins(section: &str, answer: Json, times: &[SignedDuration]) -> Vec<usize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let bench = Bench::of(section, move |asked| match asked.line().as_str() {
        "POST /login" => {
            counted.fetch_add(1, Ordering::Relaxed);
            asked.json(&json!({"key": "k3y-12345"}))?;
            Ok(Reply::json(&answer))
        }
        _ => me(),
    })
    .await;
    let connection = bench.connect(json!({"api_key": "k3y-12345"})).await;
    bench.call(&connection, "look").await;
    let before = count.load(Ordering::Relaxed);
    let mut after = Vec::new();
    for time in times {
        bench.advance(*time);
        bench.call(&connection, "look").await;
        after.push(count.load(Ordering::Relaxed) - before);
    }
    after
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

#[tokio::test]
async fn for_a_fixed_time_or_for_ever() {
    let (short, long) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (shorts, longs) = (Arc::clone(&short), Arc::clone(&long));
    let bench = Bench::of("For a fixed time, or for ever", move |asked| match asked.line().as_str() {
        "POST /short" => {
            shorts.fetch_add(1, Ordering::Relaxed);
            Ok(Reply::json(&json!({"token": "short"})))
        }
        "POST /long" => {
            let number = longs.fetch_add(1, Ordering::Relaxed);
            Ok(Reply::json(&json!({"token": format!("long-{number}")})))
        }
        "GET /long/me" if asked.bearer("long-0").is_ok() && longs.load(Ordering::Relaxed) > 1 => {
            Ok(Reply::json(&json!({})).status(401))
        }
        "GET /long/me" => me(),
        _ => {
            asked.bearer("short")?;
            me()
        }
    })
    .await;
    let connection = bench.connect(json!({"api_key": "k3y-12345"})).await;
    bench.call(&connection, "look").await;
    bench.call(&connection, "look_long").await;
    let (shorts, longs) = (short.load(Ordering::Relaxed), long.load(Ordering::Relaxed));
    bench.advance(SignedDuration::from_hours(10_000));
    bench.call(&connection, "look").await;
    bench.call(&connection, "look_long").await;
    assert_eq!((short.load(Ordering::Relaxed), long.load(Ordering::Relaxed)), (shorts + 1, longs));
}

#[tokio::test]
async fn in_other_units() {
    let answer = json!({"token": "t-12345", "milliseconds": 600_000});
    // renewed half a minute before the end
    let found = logins("In other units", answer, &[minutes(9), SignedDuration::from_secs(31)]).await;
    assert_eq!(found, [0, 1]);
}

#[tokio::test]
async fn until_an_instant() {
    for end in [json!(1_795_597_200 + 600), json!("2026-11-25T09:10:00Z"), json!("Wed, 25 Nov 2026 09:10:00 GMT")] {
        let answer = json!({"token": "t-12345", "expires": end});
        let found = logins("Until an instant", answer, &[minutes(8), minutes(2)]).await;
        assert_eq!(found[0], 0, "{end}");
        assert!(found[1] > 0, "{end}");
    }
}

#[tokio::test]
async fn as_the_token_itself_claims() {
    let claims = json!({"exp": 1_795_597_200 + 600, "tenant": "acme"}).to_string();
    let jwt = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let bench = Bench::of("As the token itself claims", move |asked| match asked.line().as_str() {
        "POST /login" => {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(Reply::json(&json!({"jwt": jwt})))
        }
        _ => {
            asked.bearer(&jwt)?;
            asked.has("x-tenant", "acme")?;
            me()
        }
    })
    .await;
    let connection = bench.connect(json!({"api_key": "k3y-12345"})).await;
    bench.call(&connection, "look").await;
    let before = count.load(Ordering::Relaxed);
    bench.advance(minutes(8));
    bench.call(&connection, "look").await;
    assert_eq!(count.load(Ordering::Relaxed), before);
    bench.advance(minutes(2));
    bench.call(&connection, "look").await;
    assert!(count.load(Ordering::Relaxed) > before);
}
