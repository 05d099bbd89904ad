use super::*;
use crate::store::{Error, OwnSource, OwnVersion};

fn version(org: OrgId, id: &str, number: i64) -> OwnVersion {
    OwnVersion { org, id: id.into(), number, version: format!("1.{number}.0"), created_at: at(number) }
}

fn source(text: &str) -> OwnSource {
    OwnSource { connector: text.into(), tests: None, form: None }
}

#[tokio::test]
async fn the_highest_number_is_active_and_every_version_reads_back() {
    let fresh = fresh().await;
    let own = fresh.store.own_connectors();
    let (org, other) = (new_org(&fresh.store).await, new_org(&fresh.store).await);
    let (first, second) = (version(org, "own-shop", 1), version(org, "own-shop", 2));
    let made = OwnSource { tests: Some("cases: []".into()), form: Some(json!({"title": "“Shop”"})), ..source("a") };
    own.insert(&first, &made).await.unwrap();
    own.insert(&second, &source("b")).await.unwrap();
    own.insert(&version(org, "api-stock", 1), &source("c")).await.unwrap();
    own.insert(&version(other, "own-shop", 9), &source("d")).await.unwrap();

    assert_eq!(own.active(org, "own-shop").await.unwrap(), Some(second.clone()));
    assert_eq!(own.active(org, "own-other").await.unwrap(), None);
    assert_eq!(own.all_active(org).await.unwrap(), [version(org, "api-stock", 1), second.clone()]);
    assert_eq!(own.versions(org, "own-shop").await.unwrap(), [second, first]);
    assert_eq!(own.source(org, "own-shop", 1).await.unwrap(), Some(made));
    assert_eq!(own.source(other, "own-shop", 1).await.unwrap(), None);

    assert_eq!(own.prune(org, "own-shop", 1).await.unwrap(), 1);
    assert_eq!(own.versions(org, "own-shop").await.unwrap().len(), 1);
    assert_eq!(own.versions(other, "own-shop").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_version_never_changes() {
    let fresh = fresh().await;
    let own = fresh.store.own_connectors();
    let org = new_org(&fresh.store).await;
    let first = version(org, "own-shop", 1);
    own.insert(&first, &source("a")).await.unwrap();
    let same_number = OwnVersion { version: "2.0.0".into(), ..first.clone() };
    let same_version = OwnVersion { number: 2, ..first };
    for again in [same_number, same_version] {
        assert!(matches!(own.insert(&again, &source("b")).await, Err(Error::Taken)));
    }
    assert_eq!(own.source(org, "own-shop", 1).await.unwrap(), Some(source("a")));
}

#[tokio::test]
async fn what_is_in_use_is_not_removed() {
    let fresh = fresh().await;
    let (store, own) = (&fresh.store, fresh.store.own_connectors());
    let (org, other) = (new_org(store).await, new_org(store).await);
    for of in [org, other] {
        own.insert(&version(of, "connector", 1), &source("a")).await.unwrap();
    }
    let connection = new_connection(store, org).await;
    let enabled = enabled(org, connection);
    store.enabled_actions().insert(&enabled).await.unwrap();
    assert!(!own.remove_unused(org, "connector").await.unwrap(), "an enabled action is of it");
    store.enabled_actions().remove(org, enabled.id).await.unwrap();
    assert!(!own.remove_unused(org, "connector").await.unwrap(), "an account is connected by it");
    store.connections().disconnect(org, connection, at(1)).await.unwrap();
    assert!(own.remove_unused(org, "connector").await.unwrap());
    assert!(!own.remove_unused(org, "connector").await.unwrap(), "again");
    assert!(own.active(other, "connector").await.unwrap().is_some(), "another org's");
}
