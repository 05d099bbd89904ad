use super::*;
use crate::{
    base::OperatorKeyId,
    crypto::api_key,
    store::{Canary, ConnectorVersion, Limits, Live, OperatorKey, Pin, Release, Tally},
};

fn source(version: &str) -> ConnectorVersion {
    ConnectorVersion {
        digest: format!("digest of {version}"),
        id: "shop".into(),
        version: version.into(),
        files: json!({"connector": version}),
        created_at: at(0),
    }
}

fn release(version: &str, second: i64) -> Release {
    Release {
        connector: "shop".into(),
        version: version.into(),
        digest: format!("digest of {version}"),
        tests: Some("cases: []".into()),
        logo: None,
        published_at: at(second),
        published_by: "ops".into(),
    }
}

fn active(version: &str) -> Live {
    Live { active: Some(version.into()), ..Live::default() }
}

#[tokio::test]
async fn a_release_never_changes_and_whoever_comes_second_changes_nothing() {
    let fresh = fresh().await;
    let registry = fresh.store.registry();
    assert_eq!(registry.revision().await.unwrap(), 0);
    assert_eq!(registry.entry("shop").await.unwrap().revision, 0);
    let (first, second) = (release("1.0.0", 0), release("1.1.0", 1));
    assert!(registry.add(&first, &source("1.0.0"), &active("1.0.0"), 0).await.unwrap());
    let again = registry.add(&first, &source("1.0.0"), &active("1.0.0"), 1).await;
    assert!(matches!(again, Err(crate::store::Error::Taken)), "{again:?}");
    assert!(!registry.add(&second, &source("1.1.0"), &active("1.1.0"), 0).await.unwrap(), "another was first");
    assert_eq!(registry.releases("shop").await.unwrap(), std::slice::from_ref(&first), "and nothing was added");
    assert!(registry.add(&second, &source("1.1.0"), &active("1.1.0"), 1).await.unwrap());
    assert_eq!(registry.releases("shop").await.unwrap(), [second, first.clone()]);
    assert_eq!(registry.release("shop", "1.0.0").await.unwrap(), Some(first));
    assert_eq!(registry.release("shop", "3.0.0").await.unwrap(), None);
    let kept = fresh.store.connector_versions().get("digest of 1.1.0").await.unwrap();
    assert_eq!(kept.unwrap().files, json!({"connector": "1.1.0"}));

    let canary = Canary {
        version: "1.1.0".into(),
        orgs: vec![new_org(&fresh.store).await],
        share: 10,
        limits: Limits::default(),
        begun_at: at(2),
    };
    let live = Live { previous: vec![None], canary: Some(canary), ..active("1.0.0") };
    assert!(!registry.set("shop", &live, 1).await.unwrap());
    assert!(registry.set("shop", &live, 2).await.unwrap());
    let entries = registry.entries().await.unwrap();
    assert_eq!(
        (entries.len(), entries[0].0.as_str(), &entries[0].1.live, entries[0].1.revision),
        (1, "shop", &live, 3)
    );
    assert_eq!(registry.revision().await.unwrap(), 3);
}

#[tokio::test]
async fn pins_are_an_org_s_own_and_count_as_changes() {
    let fresh = fresh().await;
    let registry = fresh.store.registry();
    let (one, two) = (new_org(&fresh.store).await, new_org(&fresh.store).await);
    registry.add(&release("1.0.0", 0), &source("1.0.0"), &active("1.0.0"), 0).await.unwrap();
    let pin = |org, version: &str| Pin { org, connector: "shop".into(), version: version.into() };
    registry.pin(&pin(one, "1.0.0")).await.unwrap();
    registry.pin(&pin(one, "1.1.0")).await.unwrap();
    registry.pin(&pin(two, "1.0.0")).await.unwrap();
    assert_eq!(registry.revision().await.unwrap(), 4);
    assert!(registry.unpin(two, "shop").await.unwrap());
    assert!(!registry.unpin(two, "shop").await.unwrap());
    assert_eq!(registry.pins().await.unwrap(), [pin(one, "1.1.0")]);
    assert_eq!(registry.revision().await.unwrap(), 5, "what changes nothing counts nothing");
    let nobody = OrgId::new(at(9), &SystemRandom);
    assert!(matches!(registry.pin(&pin(nobody, "1.0.0")).await, Err(crate::store::Error::Missing)));
}

#[tokio::test]
async fn what_replicas_count_adds_up() {
    let fresh = fresh().await;
    let registry = fresh.store.registry();
    let tally = Tally { calls: 3, failed: 1, timed: 2, logs: 9_000_000_000, squares: 7 };
    for _ in 0..2 {
        registry.count("shop", at(1), "1.1.0", &tally).await.unwrap();
    }
    registry.count("shop", at(2), "1.1.0", &tally).await.unwrap();
    let twice = Tally { calls: 6, failed: 2, timed: 4, logs: 18_000_000_000, squares: 14 };
    assert_eq!(registry.counts("shop", at(1)).await.unwrap(), [("1.1.0".to_owned(), twice)].into());
    registry.forget_counts("shop", at(2)).await.unwrap();
    assert!(registry.counts("shop", at(1)).await.unwrap().is_empty());
    assert_eq!(registry.counts("shop", at(2)).await.unwrap()["1.1.0"], tally);
}

#[tokio::test]
async fn an_operator_s_key_is_refused_once_it_is_revoked() {
    let fresh = fresh().await;
    let operators = fresh.store.operators();
    let id = OperatorKeyId::new(at(0), &SystemRandom);
    let key = OperatorKey { id, name: "ops".into(), created_at: at(0), revoked_at: None };
    let (_, digest) = api_key::issue(id, &SystemRandom);
    operators.add(&key, digest).await.unwrap();
    assert_eq!(operators.get(id).await.unwrap(), Some((key, digest)));
    assert!(operators.revoke(id, at(5)).await.unwrap());
    assert!(!operators.revoke(id, at(6)).await.unwrap());
    assert_eq!(operators.get(id).await.unwrap().unwrap().0.revoked_at, Some(at(5)));
    assert_eq!(operators.get(OperatorKeyId::new(at(1), &SystemRandom)).await.unwrap(), None);
}
