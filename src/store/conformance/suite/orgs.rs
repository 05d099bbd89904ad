use super::*;
use crate::{
    base::ApiKeyId,
    crypto::api_key,
    store::{ApiKey, Error},
};

#[tokio::test]
async fn orgs_read_back_oldest_first() {
    let fresh = fresh().await;
    let orgs = fresh.store.orgs();
    let org =
        |second| Org {
            id: OrgId::new(at(second), &SystemRandom), name: format!("“{second}”"), created_at: at(second)
        };
    let (second, first) = (org(2), org(1));
    orgs.create(&second).await.unwrap();
    orgs.create(&first).await.unwrap();
    assert_eq!(orgs.list().await.unwrap(), [first.clone(), second]);
    assert_eq!(orgs.get(first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(orgs.get(org(1).id).await.unwrap(), None);
    assert!(matches!(orgs.create(&first).await, Err(Error::Taken)));
}

#[tokio::test]
async fn a_key_is_found_by_its_id_until_it_is_revoked() {
    let fresh = fresh().await;
    let orgs = fresh.store.orgs();
    let (org, other) = (new_org(&fresh.store).await, new_org(&fresh.store).await);
    let id = ApiKeyId::new(at(0), &SystemRandom);
    let (text, digest) = api_key::issue(id, &SystemRandom);
    let key = ApiKey { org, id, name: "chatbot".into(), created_at: at(1), revoked_at: None };
    orgs.add_key(&key, digest).await.unwrap();

    let (id, presented) = api_key::parse(text.expose()).unwrap();
    assert_eq!(orgs.key(id).await.unwrap(), Some((key.clone(), presented)));
    assert_eq!(orgs.keys(org).await.unwrap(), [key]);
    assert_eq!(orgs.keys(other).await.unwrap(), []);

    assert!(!orgs.revoke_key(other, id, at(2)).await.unwrap(), "another org's");
    assert!(orgs.revoke_key(org, id, at(3)).await.unwrap());
    assert!(!orgs.revoke_key(org, id, at(4)).await.unwrap(), "again");
    assert_eq!(orgs.key(id).await.unwrap().unwrap().0.revoked_at, Some(at(3)));
}

#[tokio::test]
async fn a_key_needs_its_org() {
    let fresh = fresh().await;
    let (org, id) = (OrgId::new(at(0), &SystemRandom), ApiKeyId::new(at(0), &SystemRandom));
    let key = ApiKey { org, id, name: "lost".into(), created_at: at(1), revoked_at: None };
    let (_, digest) = api_key::issue(id, &SystemRandom);
    assert!(matches!(fresh.store.orgs().add_key(&key, digest).await, Err(Error::Missing)));
}
