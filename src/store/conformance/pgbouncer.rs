//! The suite on PostgreSQL behind pgbouncer, which gives each transaction another of few connections.

#[allow(clippy::duplicate_mod, reason = "one suite, run on each database")]
#[path = "suite/mod.rs"]
mod suite;

use futures_util::future::join_all;

use self::suite::{at, execution, new_org};
use super::{Fresh, Store, postgres};
use crate::{
    servers::{Pgbouncer, Postgres},
    store::{Begun, ExecutionStatus},
};

/// What operations.md says is to be put behind the address.
const UNPREPARED: &str = "?statement-cache-capacity=0";

async fn fresh() -> Fresh {
    let url = url();
    Fresh { store: Store::open(&url).await.unwrap(), url, _folder: Box::new(()) }
}

fn url() -> String {
    let direct = postgres::database(Postgres::shared());
    let (_, name) = direct.rsplit_once('/').unwrap();
    format!("postgres://postgres@127.0.0.1:{}/{name}{UNPREPARED}", Pgbouncer::shared().port())
}

#[tokio::test]
async fn replicas_that_start_together_bring_the_schema_up_to_date_once() {
    let url = url();
    for store in join_all((0..8).map(|_| Store::open(&url))).await {
        assert_eq!(store.unwrap().orgs().list().await.unwrap(), []);
    }
}

/// Many at a time, of several replicas, over two connections: nobody meets what another one has prepared, or has begun.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_many_do_at_the_same_time_over_two_connections_stays_apart() {
    let url = url();
    let stores = join_all((0..3).map(|_| Store::open(&url))).await;
    let stores: Vec<_> = stores.into_iter().map(Result::unwrap).collect();
    let org = new_org(&stores[0]).await;
    let work = (0..60_usize).map(|number| {
        let store = stores[number % 3].clone();
        tokio::spawn(async move {
            let new = execution(org, at(i64::try_from(number).unwrap()));
            assert_eq!(store.executions().begin(&new, None).await.unwrap(), Begun::New);
            let kept = store.executions().get(org, new.id).await.unwrap().unwrap();
            assert_eq!((kept.id, kept.status), (new.id, ExecutionStatus::Running));
            assert!(store.executions().tell(org, new.id).await.unwrap());
        })
    });
    for done in join_all(work).await {
        done.unwrap();
    }
}
