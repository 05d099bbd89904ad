//! The suite on PostgreSQL, and what happens only where several write at once, or where the database can go away.

#[allow(clippy::duplicate_mod, reason = "one suite, run on each database")]
#[path = "suite/mod.rs"]
mod suite;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::json;
use sqlx::{Connection as _, PgConnection, Row as _};

use self::suite::{at, execution, input, new_org};
use super::{Fresh, Store};
use crate::{
    base::{EventId, OrgId},
    servers::Postgres,
    store::{
        Begun, Error, Event, EventType, NewExecution, Pool,
        conformance::postgres::suite::{new_connection, sealed, waits},
        db::Change,
        waits as claims,
    },
    system::SystemRandom,
};

pub(super) async fn fresh() -> Fresh {
    let url = database(Postgres::shared());
    Fresh { store: Store::open(&url).await.unwrap(), url, _folder: Box::new(()) }
}

/// A new database that sorts text as people of some country do: nothing depends on how.
pub(super) fn database(server: &Postgres) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("store_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    server.run(&format!("CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'"));
    format!("postgres://postgres@127.0.0.1:{}/{name}", server.port())
}

fn event(org: OrgId) -> Event {
    Event {
        org,
        id: EventId::new(at(0), &SystemRandom),
        kind: EventType::ProviderEvent,
        at: at(1),
        connection: None,
        execution: None,
        data: json!({}),
    }
}

#[tokio::test]
async fn replicas_that_start_together_bring_the_schema_up_to_date_once() {
    let url = database(Postgres::shared());
    let opened = join_all((0..8).map(|_| Store::open(&url))).await;
    for store in opened {
        assert_eq!(store.unwrap().orgs().list().await.unwrap(), []);
    }
}

/// Each is received while the execution that waits for it is parked: whichever of the two is committed first, the other sees it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_event_that_comes_while_its_execution_is_parked_wakes_it() {
    let fresh = fresh().await;
    let org = new_org(&fresh.store).await;
    for round in 0..40 {
        let new = NewExecution { org, ..execution(org, at(0)) };
        assert_eq!(fresh.store.executions().begin(&new, None).await.unwrap(), Begun::New);
        let (output, told) = (json!(round), event(org));
        let id = format!("n{round}");
        let received = waits::received(&new, &id, "o1", &output, 1);
        let (wait, place) = (waits::wait(&new, 900), sealed("place"));
        let all = fresh.store.waits();
        let (parked, kept) = tokio::join!(all.park(&wait, &place, 1, None, &[], at(1)), all.receive(&received, &told));
        assert!(parked.unwrap() && kept.unwrap());
        let claimed = all.claim("process", at(2), 10, &[]).await.unwrap();
        assert_eq!(claimed.iter().map(|it| it.owned.id).collect::<Vec<_>>(), [new.id], "round {round}");
        assert_eq!(all.unseen(&claimed[0], 100).await.unwrap().last().unwrap().output, output);
    }
}

/// A number that a reader has passed never comes later.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_reads_on_misses_no_event_that_is_committed_late() {
    let fresh = fresh().await;
    let org = new_org(&fresh.store).await;
    let writers = (0..8).map(|_| {
        let store = fresh.store.clone();
        tokio::spawn(async move {
            for _ in 0..40 {
                store.events().add(&event(org)).await.unwrap();
            }
        })
    });
    let written = join_all(writers);
    let mut written = std::pin::pin!(written);
    let (mut seen, mut cursor, mut over) = (0, 0, false);
    loop {
        let page = fresh.store.events().list(org, None, cursor, 1000).await.unwrap();
        seen += page.len();
        cursor = page.last().map_or(cursor, |(number, _)| *number);
        if over {
            break;
        }
        over = tokio::select! { biased; _ = &mut written => true, () = std::future::ready(()) => false };
    }
    assert_eq!((seen, cursor), (320, 320));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_replicas_one_takes_what_is_due() {
    let fresh = fresh().await;
    let org = new_org(&fresh.store).await;
    let connection = new_connection(&fresh.store, org).await;
    for connector in 0..60 {
        let subscriptions = fresh.store.subscriptions();
        let name = connector.to_string();
        subscriptions.want(org, connection, &name, &sealed("secret"), at(0), at(0)).await.unwrap();
    }
    let takers = (0..12).map(|_| {
        let store = fresh.store.clone();
        tokio::spawn(async move { store.subscriptions().claim("me", at(1), at(60), 10, &[]).await.unwrap() })
    });
    let mut taken: Vec<_> =
        join_all(takers).await.into_iter().flat_map(Result::unwrap).map(|it| it.connector).collect();
    let all = taken.len();
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), all, "one of them was taken twice");
}

/// Two transactions that take the same two rows in opposite order: the database refuses one, and it is made again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_refused_for_what_others_do_is_done_again() {
    let fresh = fresh().await;
    let orgs = [new_org(&fresh.store).await, new_org(&fresh.store).await];
    let rename = |org: OrgId| Change::new("UPDATE orgs SET name = name || '.' WHERE id = $1", [org.into()]);
    let makers = (0..4).map(|maker| {
        let store = fresh.store.clone();
        tokio::spawn(async move {
            let (first, second) = if maker % 2 == 0 { (orgs[0], orgs[1]) } else { (orgs[1], orgs[0]) };
            store.db.write_all(vec![rename(first), rename(second)]).await
        })
    });
    for made in join_all(makers).await {
        assert_eq!(made.unwrap().unwrap(), 1);
    }
    let names: Vec<_> = fresh.store.orgs().list().await.unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["Acme....", "Acme...."]);
}

/// A rolling upgrade adds columns under the prepared statements of the older replicas.
#[tokio::test]
async fn statements_outlive_a_new_column() {
    let fresh = fresh().await;
    let org = new_org(&fresh.store).await;
    let connection = new_connection(&fresh.store, org).await;
    let read = async || {
        fresh.store.connections().get(org, connection).await.unwrap().unwrap();
        fresh.store.enabled_actions().list(org, None).await.unwrap();
        fresh.store.executions().list(org, &crate::store::Filter::default(), 10).await.unwrap();
        fresh.store.subscriptions().claim("me", at(1), at(2), 1, &[]).await.unwrap();
    };
    read().await;
    let mut other = PgConnection::connect(&fresh.url).await.unwrap();
    for table in ["connections", "enabled_actions", "executions", "subscriptions"] {
        let sql = sqlx::AssertSqlSafe(format!("ALTER TABLE {table} ADD COLUMN later TEXT"));
        sqlx::query(sql).execute(&mut other).await.unwrap();
    }
    read().await;
}

#[tokio::test]
async fn a_database_that_is_away_is_said_to_be_soon_and_is_used_again_when_it_is_back() {
    let server = Postgres::durable();
    let pool = Pool { connections: 4, wait: Duration::from_millis(500) };
    let store = Store::open_with(&database(&server), pool).await.unwrap();
    let org = new_org(&store).await;
    join_all((0..4).map(|_| store.ping())).await;
    server.kill();
    for _ in 0..6 {
        let asked = Instant::now();
        assert!(matches!(store.orgs().get(org).await, Err(Error::Unavailable(_))));
        assert!(matches!(store.events().add(&event(org)).await, Err(Error::Unavailable(_))));
        assert!(asked.elapsed() < Duration::from_secs(4));
    }
    server.again();
    assert!(store.orgs().get(org).await.unwrap().is_some());
    store.events().add(&event(org)).await.unwrap();
    assert!(matches!(store.events().add(&event(OrgId::new(at(0), &SystemRandom))).await, Err(Error::Missing)));
}

/// What a server that is told to stop sends everybody, and what a restart leaves in the pool.
#[tokio::test]
async fn connections_that_the_server_ended_are_replaced() {
    let server = Postgres::durable();
    let store = Store::open(&database(&server)).await.unwrap();
    let org = new_org(&store).await;
    for _ in 0..5 {
        join_all((0..8).map(|_| store.ping())).await;
        server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' \
                    AND pid <> pg_backend_pid()",
        );
        assert!(store.orgs().get(org).await.unwrap().is_some(), "it can be read again");
        store.events().add(&event(org)).await.expect("the server said that nothing was done");
    }
    assert_eq!(store.events().list(org, None, 0, 10).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_character_that_it_does_not_know_is_no_reason_to_fail() {
    let fresh = fresh().await;
    let org = new_org(&fresh.store).await;
    let new = NewExecution { agent: "a\0b".into(), input: input(), ..execution(org, at(0)) };
    fresh.store.executions().begin(&new, None).await.unwrap();
    let kept = fresh.store.executions().get(org, new.id).await.unwrap().unwrap();
    assert_eq!((kept.agent.as_str(), kept.input), ("a\u{fffd}b", input()));
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    assert!(matches!(Store::open("postgres://a b:c").await, Err(Error::Url)));
    let pool = Pool { connections: 1, wait: Duration::from_millis(200) };
    let nobody = Store::open_with("postgres://postgres@127.0.0.1:1/none", pool).await;
    assert!(matches!(nobody, Err(Error::Unavailable(_))));
}

/// Whoever asks while the database is known to be away is told at once: only one waits to see whether it is back.
#[tokio::test]
async fn while_it_is_known_to_be_away_one_waits_for_it_and_nobody_else() {
    const WAIT: Duration = Duration::from_secs(4);
    let server = Postgres::start();
    let pool = Pool { connections: 4, wait: WAIT };
    let store = Store::open_with(&server.database(), pool).await.unwrap();
    let ask = async || {
        let began = Instant::now();
        (store.ping().await, began.elapsed())
    };
    server.kill();
    let (found, took) = ask().await;
    assert!(
        matches!(found, Err(Error::Unavailable(_))) && took >= WAIT,
        "the first one finds it out: {found:?} {took:?}"
    );
    let asked = join_all((0..50).map(|_| ask())).await;
    assert!(asked.iter().all(|(found, _)| matches!(found, Err(Error::Unavailable(_)))));
    let waited = asked.iter().filter(|(_, took)| *took >= WAIT / 2).count();
    assert_eq!(waited, 1, "{asked:?}");
    server.again();
    while ask().await.0.is_err() {}
    assert!(join_all((0..50).map(|_| ask())).await.iter().all(|(found, _)| found.is_ok()));
}

/// Where all connections are used for longer than anybody waits, the database is busy, and not away.
#[tokio::test]
async fn a_database_that_is_busy_is_not_taken_for_one_that_is_away() {
    let url = database(Postgres::shared());
    let pool = Pool { connections: 1, wait: Duration::from_millis(300) };
    let store = Store::open_with(&url, pool).await.unwrap();
    let slow = tokio::spawn({
        let store = store.clone();
        async move { store.db.all("SELECT pg_sleep(1.5)", []).await.map(drop) }
    });
    while store.ping().await.is_ok() {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    let asked = join_all((0..4).map(|_| store.ping())).await;
    assert!(asked.iter().all(Result::is_err) && began.elapsed() >= Duration::from_millis(250), "each waits its turn");
    slow.await.unwrap().unwrap();
    store.ping().await.unwrap();
}

/// However many wait, finding what is due goes by an index, whatever it is asked for.
#[tokio::test]
async fn among_a_hundred_thousand_that_wait_what_is_due_is_found_at_once() {
    let fresh = fresh().await;
    let org = new_org(&fresh.store).await.to_string();
    let mut raw = PgConnection::connect(&fresh.url).await.unwrap();
    let id = "'exe_' || lpad(n::text, 26, '0')";
    for insert in [
        format!(
            "INSERT INTO executions (org, id, agent, enabled_action, connector, connector_version, action, connection, \
             status, input, owner, deadline, started_at) SELECT $1, {id}, 'a', 'e', 'c', '1', 'a', 'c', 'waiting', '{{}}', \
             'r', 0, 0 FROM generate_series(1, 100000) n"
        ),
        format!(
            "INSERT INTO waits (org, execution, connection, connector, since, seen, due_at, until, lease) \
             SELECT $1, {id}, 'con_00000000000000000000000000', 'c', 0, 0, n, n, 0 FROM generate_series(1, 100000) n"
        ),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(insert)).bind(&org).execute(&mut raw).await.unwrap();
    }
    sqlx::query("ANALYZE").execute(&mut raw).await.unwrap();
    for mode in ["custom", "generic"] {
        let sql = format!("SET plan_cache_mode = force_{mode}_plan");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut raw).await.unwrap();
        for (sql, args) in [
            (claims::CLAIM, "(0, 'me', 32, '', '', '', '')"),
            (claims::CLAIM_DOUBTS, "(0, 0, 32, '', '', '', '', 'me')"),
            (claims::NEXT_DUE, ""),
        ] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("PREPARE asked AS {sql}"))).execute(&mut raw).await.unwrap();
            let explain = format!("EXPLAIN EXECUTE asked{args}");
            let plan = sqlx::raw_sql(sqlx::AssertSqlSafe(explain)).fetch_all(&mut raw).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
            let is_read_whole =
                |it: &&String| it.contains("Seq Scan on waits") || it.contains("Seq Scan on executions");
            assert_eq!(plan.iter().find(is_read_whole), None, "{mode}: {plan:#?}");
            sqlx::raw_sql("DEALLOCATE asked").execute(&mut raw).await.unwrap();
        }
    }
    let waits = fresh.store.waits();
    assert_eq!(waits.next_due().await.unwrap().unwrap().as_microsecond(), 1);
    assert_eq!(waits.claim("me", at(0), 32, &[]).await.unwrap().len(), 32);
    assert_eq!(waits.next_due().await.unwrap().unwrap().as_microsecond(), 33);
}
