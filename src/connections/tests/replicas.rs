//! Three replicas over one PostgreSQL, against a provider that ends the whole grant when an old refresh token comes again.

use super::*;
use crate::{coordination::Settings, servers};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Over a database of its own; waiting takes time here.
async fn bench(postgres: &servers::Postgres) -> Arc<Bench> {
    Arc::new(Bench::over(postgres.database(), tempfile::tempdir().unwrap(), true).await)
}

fn over_redis(redis: &servers::Redis, name: &str) -> Coordination {
    let patience = Duration::from_secs(5);
    let settings = Settings { url: Secret::new(redis.url()), prefix: "test".into(), ca: None, patience };
    Coordination::over_redis(name, &settings).unwrap()
}

/// So many calls at once, spread over the replicas; gives the tokens that they would send.
async fn all_at_once(bench: &Arc<Bench>, replicas: &[Connections], id: ConnectionId, count: usize) -> Vec<String> {
    let calls = (0..count).map(|number| {
        let (bench, replica) = (Arc::clone(bench), replicas[number % replicas.len()].clone());
        tokio::spawn(async move { bench.token(&replica, "calendar", id).await.unwrap() })
    });
    futures_util::future::join_all(calls).await.into_iter().map(Result::unwrap).collect()
}

/// One refresh for 300 calls, over and over.
async fn one_refresh_for_all(bench: Arc<Bench>, replicas: [Coordination; 3]) {
    let connection = bench.calendar().await;
    let [one, two, three] = replicas;
    let replicas = [
        bench.replica_apart(one, "one").await,
        bench.replica_apart(two, "two").await,
        bench.replica_apart(three, "three").await,
    ];
    for round in 1..=3 {
        bench.clock.advance(HOUR);
        let tokens = all_at_once(&bench, &replicas, connection.id, 300).await;
        let book = bench.provider.book();
        assert_eq!(book.refreshes, round);
        assert!(tokens.iter().all(|it| *it == book.access));
    }
    assert_eq!(bench.status(connection.id).await, Status::Connected);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_calls_at_three_replicas_refresh_once() {
    let redis = servers::Redis::start();
    let replicas = ["one", "two", "three"].map(|name| over_redis(&redis, name));
    one_refresh_for_all(bench(servers::Postgres::shared()).await, replicas).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_so_do_replicas_without_redis() {
    let replicas = ["one", "two", "three"].map(|name| Coordination::in_memory(name, &Arc::default()));
    one_refresh_for_all(bench(servers::Postgres::shared()).await, replicas).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_came_while_the_database_was_away_is_stored_when_it_is_back() {
    let postgres = servers::Postgres::durable();
    let bench = bench(&postgres).await;
    let connection = bench.calendar().await;
    let [one, two] = ["one", "two"].map(|name| Coordination::in_memory(name, &Arc::default()));
    let (one, two) = (bench.replica_apart(one, "one").await, bench.replica_apart(two, "two").await);
    bench.clock.advance(HOUR);
    bench.provider.hold_refreshes();
    let renewing = {
        let (bench, one) = (Arc::clone(&bench), one.clone());
        tokio::spawn(async move { bench.token(&one, "calendar", connection.id).await })
    };
    bench.provider.refresh_arrived().await;
    postgres.kill();
    bench.provider.let_refreshes_go();
    assert!(bench.token(&two, "calendar", connection.id).await.is_err(), "nothing is known without the database");
    postgres.again();
    let token = renewing.await.unwrap().unwrap();
    assert_eq!(bench.token(&two, "calendar", connection.id).await.unwrap(), token);
    let book = bench.provider.book();
    assert_eq!((book.refreshes, book.access.as_str()), (1, token.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_dies_while_it_renews_blocks_nobody_once_that_is_known() {
    let bench = bench(servers::Postgres::shared()).await;
    let connection = bench.calendar().await;
    bench.clock.advance(HOUR);
    let (now, connections, replicas) = (bench.clock.now(), bench.store.connections(), bench.store.replicas());
    replicas.join("dying", false, now).await.unwrap();
    connections.take_lease(bench.org, connection.id, 1, "dying", now, now + HOUR).await.unwrap();
    let two = bench.replica_apart(Coordination::in_memory("two", &Arc::default()), "two").await;
    let waiting = {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { bench.token(&two, "calendar", connection.id).await })
    };
    replicas.leave("dying", now).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), bench.provider.book().access);
    assert_eq!(bench.provider.book().refreshes, 1);
}
