//! The suite on SQLite, and what only a file does.

#[allow(clippy::duplicate_mod, reason = "one suite, run on each database")]
#[path = "suite/mod.rs"]
mod suite;

use sqlx::SqlitePool;
use tempfile::TempDir;

use self::suite::{at, execution, new_org};
use super::{Fresh, Store};
use crate::store::{Error, ExecutionStatus, waits};

async fn fresh() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let url = url(&folder);
    Fresh { store: Store::open(&url).await.unwrap(), url, _folder: Box::new(folder) }
}

pub(super) fn url(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("store.sqlite").display())
}

/// The files as they are in the middle of everything are what a killed process leaves.
#[tokio::test]
async fn what_was_written_outlives_a_crash_and_what_was_not_committed_does_not() {
    let before = tempfile::tempdir().unwrap();
    let store = Store::open(&url(&before)).await.unwrap();
    let org = new_org(&store).await;
    let new = execution(org, at(0));
    store.executions().begin(&new, None).await.unwrap();
    let mut open = SqlitePool::connect(&url(&before)).await.unwrap().begin().await.unwrap();
    sqlx::query("UPDATE executions SET status = 'succeeded'").execute(&mut *open).await.unwrap();

    let after = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(before.path()).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), after.path().join(file.file_name())).unwrap();
    }
    let again = Store::open(&url(&after)).await.unwrap();
    let left = again.executions().get(org, new.id).await.unwrap().unwrap();
    assert_eq!((left.id, left.status), (new.id, ExecutionStatus::Running));
}

#[tokio::test]
async fn other_urls_are_refused() {
    for url in ["", "file.sqlite", "mysql://localhost", "sqlite::memory:", "sqlite://:memory:"] {
        assert!(matches!(Store::open(url).await, Err(Error::Url)), "{url}");
    }
    assert!(matches!(Store::open("sqlite:///no/such/folder/x.sqlite").await, Err(Error::Database(_))));
}

/// However many wait, finding what is due goes by an index, and takes no longer.
#[tokio::test]
async fn among_a_hundred_thousand_that_wait_what_is_due_is_found_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&url(&folder)).await.unwrap();
    let org = new_org(&store).await.to_string();
    let raw = SqlitePool::connect(&url(&folder)).await.unwrap();
    let numbers = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)";
    for insert in [
        "INSERT INTO executions (org, id, agent, enabled_action, connector, connector_version, action, connection, status, \
         input, owner, deadline, started_at) SELECT $1, printf('exe_%026d', n), 'a', 'e', 'c', '1', 'a', 'c', 'waiting', '{}', \
         'r', 0, 0 FROM n",
        "INSERT INTO waits (org, execution, connection, connector, since, seen, due_at, until, lease) \
         SELECT $1, printf('exe_%026d', n), 'con_00000000000000000000000000', 'c', 0, 0, n, n, 0 FROM n",
    ] {
        let (into, rows) = insert.split_once("SELECT").unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("{into} {numbers} SELECT {rows}")))
            .bind(&org)
            .execute(&raw)
            .await
            .unwrap();
    }
    for sql in [waits::CLAIM, waits::CLAIM_DOUBTS, waits::NEXT_DUE] {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&raw).await.unwrap();
        let steps: Vec<_> = plan.into_iter().map(|(.., step)| step).collect();
        let by_no_index = |it: &&String| {
            let is_table = ["SCAN w ", "SCAN e ", "SCAN executions"].iter().any(|table| it.starts_with(table));
            is_table && !it.contains("USING INDEX") || it.contains("TEMP B-TREE")
        };
        assert_eq!(steps.iter().find(by_no_index), None, "{steps:#?}");
    }
    let began = std::time::Instant::now();
    assert_eq!(store.waits().next_due().await.unwrap().unwrap().as_microsecond(), 1);
    let claimed = store.waits().claim("me", at(0), 32, &[]).await.unwrap();
    assert_eq!(store.waits().next_due().await.unwrap().unwrap().as_microsecond(), 33);
    let took = began.elapsed();
    assert_eq!(claimed.len(), 32);
    assert!(took < std::time::Duration::from_millis(500), "{took:?}");
}
