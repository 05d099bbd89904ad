use super::*;
use crate::store::Error;

#[tokio::test]
async fn an_enabled_action_is_found_by_id_by_function_and_by_connection() {
    let fresh = fresh().await;
    let actions = fresh.store.enabled_actions();
    let org = new_org(&fresh.store).await;
    let connection = new_connection(&fresh.store, org).await;
    let mut it = enabled(org, connection);
    actions.insert(&it).await.unwrap();
    assert_eq!(actions.get(org, it.id).await.unwrap(), Some(it.clone()));
    assert_eq!(actions.by_function(org, "shop", "book").await.unwrap(), Some(it.clone()));
    assert_eq!(actions.by_function(org, "clinic", "book").await.unwrap(), None);
    assert_eq!(actions.of_connection(org, connection).await.unwrap(), [it.clone()]);

    it.config = json!({"calendar": "b"});
    it.function = "book_a_table".into();
    it.description = Some("Book a table.".into());
    it.updated_at = at(9);
    assert!(actions.update(&it).await.unwrap());
    assert_eq!(actions.get(org, it.id).await.unwrap(), Some(it.clone()));

    assert!(actions.remove(org, it.id).await.unwrap());
    assert!(!actions.remove(org, it.id).await.unwrap());
    assert!(!actions.update(&it).await.unwrap());
}

#[tokio::test]
async fn a_function_name_is_unique_for_its_agent() {
    let fresh = fresh().await;
    let actions = fresh.store.enabled_actions();
    let org = new_org(&fresh.store).await;
    let connection = new_connection(&fresh.store, org).await;
    let first = enabled(org, connection);
    actions.insert(&first).await.unwrap();
    assert!(matches!(actions.insert(&enabled(org, connection)).await, Err(Error::Taken)));

    let elsewhere = EnabledAction { agent: "clinic".into(), ..enabled(org, connection) };
    actions.insert(&elsewhere).await.unwrap();
    let mut other = EnabledAction { function: "cancel".into(), ..enabled(org, connection) };
    actions.insert(&other).await.unwrap();
    other.function = "book".into();
    assert!(matches!(actions.update(&other).await, Err(Error::Taken)));

    let ids = |list: Vec<EnabledAction>| list.into_iter().map(|it| it.id).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(ids(actions.list(org, Some("shop")).await.unwrap()), [first.id, other.id].into());
    assert_eq!(ids(actions.list(org, None).await.unwrap()), [first.id, other.id, elsewhere.id].into());
}

#[tokio::test]
async fn an_enabled_action_needs_a_connection_of_its_own_org() {
    let fresh = fresh().await;
    let actions = fresh.store.enabled_actions();
    let (org, other) = (new_org(&fresh.store).await, new_org(&fresh.store).await);
    let connection = new_connection(&fresh.store, other).await;
    assert!(matches!(actions.insert(&enabled(org, connection)).await, Err(Error::Missing)));
}
