//! The suite on SQLite, and what only a file does.

#[path = "suite/mod.rs"]
mod suite;

use sqlx::SqlitePool;
use tempfile::TempDir;

use self::suite::{at, execution, new_org};
use super::{Fresh, Store};
use crate::store::{Error, ExecutionStatus};

async fn fresh() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let url = url(&folder);
    Fresh { store: Store::open(&url).await.unwrap(), url, _folder: Box::new(folder) }
}

fn url(folder: &TempDir) -> String {
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
