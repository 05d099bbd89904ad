//! What one replica changes the others know: at once with Redis, and in a few seconds without.

use std::time::{Duration, Instant};

use closeloop::base::Secret;
use serde_json::json;

use super::fleet::{Fleet, Settings};
use crate::{
    harness::Client,
    servers::{Postgres, Redis},
};

const CALLS: &str = "/v1/agents/a/calls";

/// The status that `client` gets.
async fn status(client: &Client, method: &str, path: &str) -> u16 {
    let body = (method == "POST").then(|| json!({"function": "check_payment", "arguments": {}}));
    client.send(method, path, body.as_ref(), None).await.0
}

/// How long it took until `client` got another status than `before`.
async fn until_it_changes(client: &Client, method: &str, path: &str, before: u16) -> (u16, Duration) {
    let began = Instant::now();
    loop {
        let now = status(client, method, path).await;
        if now != before {
            return (now, began.elapsed());
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{path} stays {before}");
    }
}

/// Changes at one replica what another one remembers; that one may remember it for `longest`.
async fn changes_are_known(redis: Option<String>, longest: Duration) {
    let database_url = Some(Postgres::shared().database());
    let fleet = Fleet::started(2, Settings { database_url, redis_url: redis, ..Settings::default() });
    let (here, there) = (&fleet.client, fleet.client_of(1));
    let connection = here.connect("midtrans", "sandbox", json!({})).await;
    let enabled = here.enable("midtrans", &connection, "check_payment", json!({})).await;
    assert_eq!(status(&there, "POST", CALLS).await, 422, "it is remembered, and arguments are missing");

    let path = format!("/v1/agents/a/actions/{}", enabled["id"].as_str().unwrap());
    assert_eq!(here.send("DELETE", &path, None, None).await.0, 204);
    let (now, took) = until_it_changes(&there, "POST", CALLS, 422).await;
    assert!(now == 404 && took < longest, "{now} after {took:?}");

    let key = fleet.command(&["keys", "api", "--org", "acme"]);
    let other = Client::at(fleet.base(1), Secret::new(key.trim()));
    assert_eq!(status(&other, "GET", "/v1/connections").await, 200);
    fleet.command(&["keys", "revoke", key.split('.').next().unwrap()]);
    let (now, took) = until_it_changes(&other, "GET", "/v1/connections", 200).await;
    assert!(now == 401 && took < longest, "{now} after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_at_one_replica_is_known_to_all_within_a_second() {
    let redis = Redis::start();
    changes_are_known(Some(redis.url()), Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_without_redis_within_the_five_seconds_that_rows_are_remembered() {
    changes_are_known(None, Duration::from_secs(6)).await;
}
