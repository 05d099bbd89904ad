//! One suite for every backend, and what is Redis' own: that it goes away and comes back.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::net::TcpStream;

use super::*;
use crate::{
    base::{Code, ConnectionId, OrgId, Secret, clock::FixedClock},
    servers,
    spec::{Allowance, RateLimit, ResetUnit},
    system::SystemRandom,
    transport::{Turns, allowance::Allowances, fixtures::Served},
    wire::Answer,
};

/// Patient enough for a busy machine: how long nobody waits is for its own test.
const PATIENCE: Duration = Duration::from_secs(5);

const LIMIT: RateLimit = RateLimit { per_connection: true, requests: 4, window: Duration::from_secs(40) };

fn settings(redis: &servers::Redis) -> Settings {
    Settings { url: Secret::new(redis.url()), prefix: "test".to_owned(), ca: None, patience: PATIENCE }
}

/// A replica that has reached Redis.
async fn reached(me: &str, settings: &Settings) -> (Coordination, Listener) {
    let replica = Coordination::over_redis(me, settings).unwrap();
    let mut listener = replica.listen();
    back(&mut listener).await;
    assert_eq!(replica.reach(), Reach::There);
    (replica, listener)
}

/// Waits until Redis is reached, which is told as news.
async fn back(listener: &mut Listener) {
    let news = tokio::time::timeout(Duration::from_secs(30), listener.next()).await;
    assert_eq!(news.expect("Redis is reached"), Some(News::Everything));
}

/// Two replicas and what the second one hears.
struct Pair {
    one: Coordination,
    two: Coordination,
    heard: Listener,
    _redis: Option<servers::Redis>,
}

async fn pairs() -> [Pair; 2] {
    let memory = Arc::new(Memory::default());
    let [one, two] = ["one", "two"].map(|me| Coordination::in_memory(me, &memory));
    let heard = two.listen();
    let alone = Pair { one, two, heard, _redis: None };
    let redis = servers::Redis::start();
    let settings = settings(&redis);
    let (one, _) = reached("one", &settings).await;
    let (two, heard) = reached("two", &settings).await;
    [alone, Pair { one, two, heard, _redis: Some(redis) }]
}

fn ids() -> (OrgId, ConnectionId) {
    let now = Timestamp::UNIX_EPOCH;
    (OrgId::new(now, &SystemRandom), ConnectionId::new(now, &SystemRandom))
}

/// A turn with so much patience; what it waits, or would have, in whole seconds.
async fn turn(replica: &Coordination, key: &str, patience: u64) -> Result<u64, u64> {
    let seconds = |it: Duration| it.as_secs_f64().round() as u64;
    let turn = replica.reserve(key, LIMIT, Duration::from_secs(patience), Timestamp::UNIX_EPOCH).await;
    turn.map(seconds).map_err(seconds)
}

#[tokio::test]
async fn what_one_notes_the_other_reads_until_its_end() {
    for Pair { one, two, _redis, .. } in pairs().await {
        assert_eq!(two.noted("a").await, None);
        one.note("a", b"first\0", PATIENCE).await;
        one.note("a", b"second\xff", PATIENCE).await;
        assert_eq!(two.noted("a").await.as_deref(), Some(&b"second\xff"[..]));
        assert_eq!(two.noted("b").await, None);
        one.note("short", b"", Duration::from_millis(1)).await;
        while two.noted("short").await.is_some() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn what_one_takes_on_nobody_else_does_until_it_is_given_back_or_over() {
    for Pair { one, two, _redis, .. } in pairs().await {
        assert!(one.take("work", PATIENCE).await);
        assert!(!two.take("work", PATIENCE).await);
        two.give_back("work").await;
        assert!(!two.take("work", PATIENCE).await, "it was not its own to give back");
        one.give_back("work").await;
        assert!(two.take("work", Duration::from_millis(1)).await);
        while !one.take("work", PATIENCE).await {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn news_come_to_all_others_in_their_order() {
    let (org, connection) = ids();
    for Pair { one, two, mut heard, _redis } in pairs().await {
        let mut own = one.listen();
        let all = [News::Org(org), News::Connection(org, connection), News::Functions(org), News::Org(org)];
        for news in &all {
            one.tell(news.clone());
        }
        for news in all {
            assert_eq!(heard.next().await, Some(news));
        }
        two.tell(News::Org(org));
        assert_eq!(own.next().await, Some(News::Org(org)), "and not what it told itself");
    }
}

#[tokio::test]
async fn whoever_is_too_slow_to_hear_is_told_that_anything_may_have_changed() {
    let (memory, (org, _)) = (Arc::new(Memory::default()), ids());
    let [one, two] = ["one", "two"].map(|me| Coordination::in_memory(me, &memory));
    let mut heard = two.listen();
    for _ in 0..=news::KEPT {
        one.tell(News::Org(org));
    }
    assert_eq!(heard.next().await, Some(News::Everything));
    assert_eq!(heard.next().await, Some(News::Org(org)));
}

#[tokio::test]
async fn what_a_provider_tells_one_of_its_limit_all_keep_to() {
    let limit = Allowance {
        per_connection: true,
        remaining: "x-left".to_owned(),
        reset: "x-reset".to_owned(),
        unit: ResetUnit::Seconds,
    };
    let headers = [("x-left", "0"), ("x-reset", "60")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let url = "https://api.example.com/".parse().unwrap();
    let answer = Answer { status: 200, headers: headers.into(), body: bytes::Bytes::new(), url };
    let (_, connection) = ids();
    let clock = FixedClock(Timestamp::UNIX_EPOCH);
    for Pair { one, two, mut heard, _redis } in pairs().await {
        let first = Allowances::default().with_crier(Arc::new(one));
        let second = Allowances::default().with_crier(Arc::new(two));
        first.note(&limit, "books", connection, &answer, clock.0);
        let Some(News::Spent(spent)) = heard.next().await else { panic!("nothing was told") };
        second.heard(&spent, clock.0);
        let refused = second.turn(&limit, "books", connection, PATIENCE, &clock).await.unwrap_err();
        assert_eq!((refused.code, refused.retry_after), (Code::RateLimited, Some(Duration::from_secs(60))));
    }
}

#[tokio::test]
async fn together_replicas_get_no_more_turns_than_one_would() {
    for Pair { one, two, _redis, .. } in pairs().await {
        one.set_replicas(2);
        two.set_replicas(2);
        for replica in [&one, &two, &one, &two] {
            assert_eq!(turn(replica, "a", 0).await, Ok(0));
        }
        for replica in [&one, &two] {
            assert!(turn(replica, "a", 0).await.is_err());
            assert!(turn(replica, "a", 5).await.is_err(), "a refused turn is not taken");
            assert_eq!(turn(replica, "b", 0).await, Ok(0));
        }
    }
}

#[tokio::test]
async fn redis_counts_turns_as_one_process_does() {
    let redis = servers::Redis::start();
    let (shared, _) = reached("one", &settings(&redis)).await;
    let alone = Coordination::in_memory("one", &Arc::default());
    for (key, patience) in
        [("a", 0), ("a", 0), ("a", 0), ("a", 0), ("a", 0), ("a", 100), ("a", 15), ("a", 100), ("b", 0)]
    {
        assert_eq!(turn(&shared, key, patience).await, turn(&alone, key, patience).await, "{key} {patience}");
    }
    for limit in [
        RateLimit { per_connection: false, requests: 0, window: Duration::ZERO },
        RateLimit { per_connection: false, requests: u32::MAX, window: Duration::from_nanos(1) },
        RateLimit { per_connection: false, requests: 1, window: Duration::MAX },
    ] {
        for _ in 0..3 {
            let _ = shared.reserve("odd", limit, Duration::MAX, Timestamp::UNIX_EPOCH).await;
        }
        assert_eq!(shared.reach(), Reach::There);
    }
}

#[tokio::test]
async fn without_redis_it_goes_on_and_with_it_everything_may_have_changed() {
    let redis = servers::Redis::start();
    let settings = settings(&redis);
    let (one, _) = reached("one", &settings).await;
    let (two, mut heard) = reached("two", &settings).await;
    for replica in [&one, &two] {
        replica.set_replicas(2);
    }
    assert_eq!(turn(&one, "a", 0).await, Ok(0));
    assert_eq!(turn(&one, "a", 0).await, Ok(0));
    one.note("kept", b"x", PATIENCE).await;

    redis.kill();
    while [&one, &two].iter().any(|it| it.reach() == Reach::There) {
        assert_eq!(one.noted("nothing").await, None);
        two.note("lost", b"x", PATIENCE).await;
        tokio::task::yield_now().await;
    }
    assert!(one.take("work", PATIENCE).await && two.take("work", PATIENCE).await, "nobody can tell");
    assert_eq!(one.noted("kept").await, None);
    // It goes on from what was owed, at half the rate.
    assert_eq!(turn(&one, "a", 0).await, Ok(0));
    assert_eq!(turn(&one, "a", 0).await, Err(20));
    let (org, _) = ids();
    one.tell(News::Functions(org));

    redis.again();
    back(&mut heard).await;
    assert_eq!(heard.next().await, Some(News::Functions(org)), "it was told as soon as it could be");
    two.note("kept", b"y", PATIENCE).await;
    assert_eq!(two.noted("kept").await.as_deref(), Some(&b"y"[..]));
}

#[tokio::test]
async fn a_redis_that_hangs_holds_up_one_call_for_a_moment_and_no_other() {
    let redis = servers::Redis::start();
    let settings = Settings { patience: Duration::from_millis(50), ..settings(&redis) };
    let (replica, _) = reached("one", &settings).await;
    let other = ::redis::Client::open(redis.url()).unwrap();
    let mut other = other.get_multiplexed_async_connection().await.unwrap();
    let () = ::redis::cmd("CLIENT").arg(&["PAUSE", "60000", "ALL"]).query_async(&mut other).await.unwrap();
    let begun = tokio::time::Instant::now();
    assert_eq!(turn(&replica, "a", 0).await, Ok(0));
    assert_eq!(replica.reach(), Reach::Away);
    for _ in 0..1000 {
        assert_eq!(replica.noted("a").await, None);
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_engine_starts_without_its_redis_and_finds_it_later() {
    let redis = servers::Redis::start();
    redis.kill();
    let replica = Coordination::over_redis("one", &settings(&redis)).unwrap();
    let mut heard = replica.listen();
    assert_eq!(replica.reach(), Reach::Away);
    assert_eq!(turn(&replica, "a", 0).await, Ok(0));
    redis.again();
    back(&mut heard).await;
    assert_eq!(replica.reach(), Reach::There);
}

#[test]
fn a_url_that_can_not_be_used_is_told_without_its_password() {
    for url in ["http://:hunter2@127.0.0.1", "redis://:hunter2@", "hunter2"] {
        let settings = Settings { url: Secret::new(url), prefix: "test".to_owned(), ca: None, patience: PATIENCE };
        let Err(error) = Coordination::over_redis("one", &settings).map(drop) else { panic!("{url}") };
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    let redis =
        Settings { url: Secret::new("redis://:hunter2@host"), prefix: "p".into(), ca: None, patience: PATIENCE };
    assert!(!format!("{redis:?}").contains("hunter2"));
}

/// A way over TLS to a server, with the certificate in `tests/data/tls`.
async fn tls_before(url: &str) -> Served {
    use tokio_rustls::rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    };
    let certificate = CertificateDer::from_pem_slice(include_bytes!("../../tests/data/tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../tests/data/tls/server.key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let address = url.trim_start_matches("redis://").to_owned();
    Served::raw(move |stream| {
        let (acceptor, address) = (acceptor.clone(), address.clone());
        async move {
            let (Ok(mut near), Ok(mut far)) = (acceptor.accept(stream).await, TcpStream::connect(address).await) else {
                return;
            };
            // an error is the end of the connection, as its end is
            let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        }
    })
    .await
}

#[tokio::test]
async fn over_tls_it_trusts_the_authority_that_it_is_given() {
    let redis = servers::Redis::start();
    let tls = tls_before(&redis.url()).await;
    let url = Secret::new(tls.base.replace("http://127.0.0.1", "rediss://localhost"));
    let ca = Some(include_bytes!("../../tests/data/tls/ca.pem").to_vec());
    let (replica, _) = reached("one", &Settings { url, ca, ..settings(&redis) }).await;
    assert_eq!(turn(&replica, "a", 0).await, Ok(0));
    assert_eq!(replica.reach(), Reach::There);
}

#[tokio::test]
async fn the_rights_that_are_documented_are_enough() {
    let redis = servers::Redis::start();
    let admin = ::redis::Client::open(redis.url()).unwrap();
    let mut admin = admin.get_multiplexed_async_connection().await.unwrap();
    let page = include_str!("../../docs/operations.md");
    let rights = page.split("Access rights: `").nth(1).unwrap().split('`').next().unwrap();
    let mut user = ::redis::cmd("ACL");
    user.arg(&["SETUSER", "engine", "on", ">hunter2", "~test:*", "&test:*"]).arg(rights.split(' ').collect::<Vec<_>>());
    let () = user.query_async(&mut admin).await.unwrap();
    let url = Secret::new(redis.url().replace("redis://", "redis://engine:hunter2@"));
    let settings = Settings { url, ..settings(&redis) };
    let (one, _) = reached("one", &settings).await;
    let (_two, mut heard) = reached("two", &settings).await;
    assert_eq!(turn(&one, "a", 0).await, Ok(0));
    assert!(one.take("work", PATIENCE).await);
    assert!(!one.take("work", PATIENCE).await);
    one.give_back("work").await;
    one.note("a", b"x", PATIENCE).await;
    assert_eq!(one.noted("a").await.as_deref(), Some(&b"x"[..]));
    let (org, _) = ids();
    one.tell(News::Org(org));
    assert_eq!(heard.next().await, Some(News::Org(org)));
    assert_eq!(one.reach(), Reach::There);
}
