use super::*;
use crate::store::Begun;

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

#[tokio::test]
async fn two_programs_share_it() {
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
