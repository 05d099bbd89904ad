//! Two replicas, and the commands of whoever runs them.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};

use super::{folder, shop, source};
use crate::{
    harness::Client,
    replicas::fleet::{Fleet, Settings},
    servers::{Postgres, Redis},
};

async fn version(client: &Client) -> Json {
    client.output("stock", json!({"item": "x"})).await["version"].clone()
}

/// Waits until calls have that version, and tells how long it took.
async fn until(client: &Client, wanted: &str) -> Duration {
    let began = Instant::now();
    while version(client).await != wanted {
        assert!(began.elapsed() < Duration::from_secs(20), "calls never had {wanted}");
    }
    began.elapsed()
}

fn write(directory: &Path, version: &str) {
    std::fs::create_dir_all(directory).unwrap();
    std::fs::write(directory.join("connector.yaml"), source(version).to_string()).unwrap();
}

/// Publishes at one replica; the other one has it within `longest`.
#[expect(clippy::print_stdout, reason = "figures for docs/performance.md")]
async fn both_have_it(redis_url: Option<String>, longest: Duration) {
    let (shop, shipped, next) = (shop().await, folder(&source("1.0.0")), tempfile::tempdir().unwrap());
    let fleet = Fleet::started(
        2,
        Settings {
            database_url: Some(Postgres::shared().database()),
            redis_url,
            connectors: Some(shipped.path().to_owned()),
            overrides: vec![("https://api.shop.example", shop.url().to_owned())],
            ..Settings::default()
        },
    );
    let (here, there) = (&fleet.client, fleet.client_of(1));
    let connection = here.connect("shop", "live", json!({"key": "k"})).await;
    here.enable("shop", &connection, "stock", json!({})).await;
    assert_eq!((version(here).await, version(&there).await), (json!("1.0.0"), json!("1.0.0")));

    let key = fleet.command(&["keys", "operator", "--name", "Olga"]);
    let server = fleet.base(0);
    let run = |arguments: &[&str]| {
        let all: Vec<_> = ["connectors"]
            .iter()
            .chain(arguments)
            .chain(&["--server", &server, "--key", key.trim()])
            .copied()
            .collect();
        fleet.command(&all)
    };
    let directory = next.path().join("shop");
    let at = directory.to_str().unwrap();
    write(&directory, "1.1.0");
    let diff = run(&["diff", at]);
    assert!(diff.starts_with("1.0.0 → 1.1.0\n") && diff.contains("+++ connector.yaml"), "{diff}");
    let printed = run(&["publish", at]);
    assert!(printed.starts_with("shop 1.1.0 is live\n"), "{printed}");
    let took = until(&there, "1.1.0").await;
    println!("the other replica had it after {took:?}");
    assert!(took < longest, "{took:?}");
    assert_eq!(version(here).await, "1.1.0");

    run(&["pin", "shop", "1.1.0", "--org", "acme"]);
    write(&directory, "1.2.0");
    run(&["publish", at]);
    assert!(
        run(&["list"]).starts_with("shop  1.2.0  registry  (the folder has 1.0.0)  1 pinned"),
        "{}",
        run(&["list"])
    );
    assert_eq!((version(here).await, version(&there).await), (json!("1.1.0"), json!("1.1.0")));
    run(&["unpin", "shop", "--org", "acme"]);
    assert!(until(&there, "1.2.0").await < longest);
    write(&directory, "1.3.0");
    assert!(run(&["publish", at, "--stage"]).starts_with("shop 1.3.0 is staged"));
    let trying = run(&["canary", "shop", "1.3.0", "--org", "acme"]);
    assert!(trying.contains("trying 1.3.0: 1 org, 0 % of the others"), "{trying}");
    assert!(until(&there, "1.3.0").await < longest);
    let promoted = run(&["promote", "shop"]);
    assert!(promoted.starts_with("shop  1.3.0  registry") && promoted.contains("1.3.0 was promoted"), "{promoted}");
    assert!(run(&["rollback", "shop"]).starts_with("shop  1.2.0  registry"));
    assert!(until(&there, "1.2.0").await < longest);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_at_one_replica_the_other_has_at_once() {
    let redis = Redis::start();
    both_have_it(Some(redis.url()), Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_without_redis_a_second_later() {
    // it asks once a second, and a call takes its time
    both_have_it(None, Duration::from_secs(2)).await;
}
