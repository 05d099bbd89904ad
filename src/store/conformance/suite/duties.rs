use super::*;

#[tokio::test]
async fn of_many_replicas_one_does_what_is_due() {
    let fresh = fresh().await;
    let takers = (0..20).map(|number| {
        let store = fresh.store.clone();
        tokio::spawn(async move {
            let owner = format!("replica {number}");
            store.duties().take("sweep", &owner, at(0), at(60)).await.unwrap().then_some(owner)
        })
    });
    let taken: Vec<_> = futures_util::future::join_all(takers).await.into_iter().filter_map(Result::unwrap).collect();
    let [owner] = &taken[..] else { panic!("{taken:?}") };
    let duties = fresh.store.duties();
    assert_eq!(duties.not_due(at(59)).await.unwrap(), ["sweep"]);
    assert!(!duties.done("sweep", "somebody else", at(100)).await.unwrap());
    assert!(duties.done("sweep", owner, at(100)).await.unwrap());
    assert!(!duties.take("sweep", "next", at(99), at(159)).await.unwrap(), "it was done");
    assert_eq!(duties.not_due(at(100)).await.unwrap(), [] as [String; 0]);
    assert!(duties.take("sweep", "next", at(100), at(160)).await.unwrap());
    assert!(duties.take("other", "next", at(100), at(160)).await.unwrap(), "duties have nothing to do with each other");
}

#[tokio::test]
async fn what_a_dead_replica_took_on_the_next_one_does() {
    let fresh = fresh().await;
    let duties = fresh.store.duties();
    assert!(duties.take("sweep", "dead", at(0), at(60)).await.unwrap());
    assert!(!duties.take("sweep", "next", at(59), at(119)).await.unwrap());
    assert!(duties.take("sweep", "next", at(60), at(120)).await.unwrap());
    assert!(!duties.done("sweep", "dead", at(200)).await.unwrap(), "it was too slow");
    assert!(duties.done("sweep", "next", at(200)).await.unwrap());

    let replicas = fresh.store.replicas();
    for id in ["known", "next"] {
        replicas.join(id, false, at(0)).await.unwrap();
    }
    assert!(duties.take("other", "known", at(0), at(60)).await.unwrap());
    assert_eq!(duties.not_due(at(1)).await.unwrap(), ["other", "sweep"]);
    replicas.leave("known", at(1)).await.unwrap();
    assert_eq!(duties.not_due(at(1)).await.unwrap(), ["sweep"]);
    assert!(duties.take("other", "next", at(1), at(61)).await.unwrap(), "it is known to be dead");
}
