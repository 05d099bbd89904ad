use super::*;
use crate::store::{Kept, RegisteredClient};

async fn client(store: &Store, key: &str, text: &str, second: i64) -> RegisteredClient {
    let org = new_org(store).await;
    let connection = new_connection(store, org).await;
    RegisteredClient { key: key.into(), org, connection, sealed: sealed(text), registered_at: at(second) }
}

#[tokio::test]
async fn of_clients_that_are_registered_at_once_the_first_is_kept() {
    let fresh = fresh().await;
    let clients = fresh.store.clients();
    let [one, two] = [client(&fresh.store, "k", "one", 1).await, client(&fresh.store, "k", "two", 2).await];
    assert_eq!(clients.get("k").await.unwrap(), None);
    assert!(clients.put(&one, None).await.unwrap());
    assert!(!clients.put(&two, None).await.unwrap());
    assert_eq!(clients.get("k").await.unwrap(), Some(one.clone()));

    assert!(!clients.put(&two, Some(&sealed("other"))).await.unwrap());
    assert!(clients.put(&two, Some(&one.sealed)).await.unwrap());
    clients.remove("k", &one.sealed).await.unwrap();
    assert_eq!(clients.get("k").await.unwrap(), Some(two.clone()), "another one has taken its place");
    clients.remove("k", &two.sealed).await.unwrap();
    assert_eq!(clients.get("k").await.unwrap(), None);
}

#[tokio::test]
async fn clients_are_sealed_again() {
    let fresh = fresh().await;
    let (store, clients) = (&fresh.store, fresh.store.clients());
    for key in ["a", "b"] {
        clients.put(&client(store, key, "one", 1).await, None).await.unwrap();
    }
    let first = store.kept(Kept::Clients, "", 1).await.unwrap();
    let second = store.kept(Kept::Clients, &first[0].key, 5).await.unwrap();
    assert_eq!((first[0].key.as_str(), second.len(), second[0].key.as_str()), ("a", 1, "b"));
    assert!(store.reseal_kept(Kept::Clients, &first[0], &sealed("again")).await.unwrap());
    assert!(!store.reseal_kept(Kept::Clients, &first[0], &sealed("late")).await.unwrap());
    assert_eq!(clients.get("a").await.unwrap().unwrap().sealed, sealed("again"));
}
