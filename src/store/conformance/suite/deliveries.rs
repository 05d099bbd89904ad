use super::*;
use crate::{base::DeliveryId, store::StoredDelivery};

pub(super) fn delivery(org: OrgId, connection: ConnectionId, second: i64) -> StoredDelivery {
    StoredDelivery {
        org,
        id: DeliveryId::new(at(second), &SystemRandom),
        connection,
        connector: "connector".into(),
        received_at: at(second),
        attempts: 0,
        content: sealed("content"),
    }
}

#[tokio::test]
async fn a_delivery_is_kept_until_it_is_worked_off() {
    let fresh = fresh().await;
    let deliveries = fresh.store.deliveries();
    let org = new_org(&fresh.store).await;
    let of = new_connection(&fresh.store, org).await;
    let (first, second) = (delivery(org, of, 1), delivery(org, of, 2));
    for it in [&first, &second] {
        assert!(deliveries.add(it, 2).await.unwrap());
    }
    let claimed = deliveries.claim("me", at(2), at(60), 10, &[]).await.unwrap();
    assert_eq!(claimed.iter().map(|it| (it.id, it.attempts)).collect::<Vec<_>>(), [(first.id, 1), (second.id, 1)]);
    assert_eq!(deliveries.claim("me", at(59), at(120), 10, &[]).await.unwrap().len(), 0, "somebody works on them");
    deliveries.done(org, first.id).await.unwrap();
    deliveries.again(org, second.id, at(10)).await.unwrap();
    assert_eq!(deliveries.claim("me", at(10), at(60), 10, &[]).await.unwrap()[0].attempts, 2);
    assert_eq!(deliveries.claim("another", at(60), at(90), 10, &[]).await.unwrap()[0].attempts, 3, "nobody ended it");
}

#[tokio::test]
async fn one_connection_keeps_so_many_and_no_more() {
    let fresh = fresh().await;
    let deliveries = fresh.store.deliveries();
    let org = new_org(&fresh.store).await;
    let (of, other) = (new_connection(&fresh.store, org).await, new_connection(&fresh.store, org).await);
    let first = delivery(org, of, 1);
    assert!(deliveries.add(&first, 2).await.unwrap());
    assert!(deliveries.add(&delivery(org, of, 2), 2).await.unwrap());
    assert!(!deliveries.add(&delivery(org, of, 3), 2).await.unwrap());
    assert!(deliveries.add(&delivery(org, other, 3), 2).await.unwrap(), "another's do not count");
    deliveries.done(org, first.id).await.unwrap();
    assert!(deliveries.add(&delivery(org, of, 4), 2).await.unwrap());
}
