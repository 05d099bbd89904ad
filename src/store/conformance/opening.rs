use super::*;
use crate::store::{Begun, Error, ExecutionStatus};

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let fresh = fresh().await;
    let org = new_org(&fresh.store).await;
    let new = execution(org, at(0));
    assert_eq!(fresh.store.executions().begin(&new, None).await.unwrap(), Begun::New);
    fresh.store.close().await;
    let again = Store::open(&fresh.url).await.unwrap();
    assert_eq!(again.orgs().list().await.unwrap().len(), 1);
    assert_eq!(again.executions().get(org, new.id).await.unwrap().unwrap().input, input());
}

/// The files as they are in the middle of everything are what a killed process leaves.
#[tokio::test]
async fn what_was_written_outlives_a_crash_and_what_was_not_committed_does_not() {
    let fresh = fresh().await;
    let org = new_org(&fresh.store).await;
    let new = execution(org, at(0));
    fresh.store.executions().begin(&new, None).await.unwrap();
    let mut open = fresh.store.db.begin().await.unwrap();
    open.write("UPDATE executions SET status = 'succeeded'", []).await.unwrap();

    let after = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(fresh.folder.path()).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), after.path().join(file.file_name())).unwrap();
    }
    let url = format!("sqlite://{}", after.path().join("store.sqlite").display());
    let again = Store::open(&url).await.unwrap();
    let left = again.executions().get(org, new.id).await.unwrap().unwrap();
    assert_eq!((left.id, left.status), (new.id, ExecutionStatus::Running));
}

#[tokio::test]
async fn two_programs_share_a_file() {
    let fresh = fresh().await;
    let other = Store::open(&fresh.url).await.unwrap();
    let (one, two) = (fresh.store.clone(), other.clone());
    let creating = |store: Store| async move {
        for _ in 0..20 {
            new_org(&store).await;
        }
    };
    tokio::join!(creating(one), creating(two));
    assert_eq!(other.orgs().list().await.unwrap().len(), 40);
}

#[tokio::test]
async fn other_urls_are_refused() {
    for url in ["", "file.sqlite", "mysql://localhost", "sqlite::memory:", "sqlite://:memory:"] {
        assert!(matches!(Store::open(url).await, Err(Error::Url)), "{url}");
    }
    assert!(matches!(Store::open("sqlite:///no/such/folder/x.sqlite").await, Err(Error::Database(_))));
}
