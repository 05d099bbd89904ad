use super::{deliveries::delivery, doubts::doubted, *};
use crate::store::{Beats, Subscription, Taken};

fn beats(replica: &str, beats: i64) -> Beats {
    Beats { replica: replica.into(), beats }
}

#[tokio::test]
async fn a_replica_beats_until_it_is_declared_dead() {
    let fresh = fresh().await;
    let replicas = fresh.store.replicas();
    assert!(!replicas.beat("a").await.unwrap(), "nobody knows of it");
    replicas.join("a", false, at(0)).await.unwrap();
    assert!(replicas.beat("a").await.unwrap());
    assert!(!replicas.declare_dead(&beats("a", 0), at(1)).await.unwrap(), "it has beaten since");
    assert!(replicas.declare_dead(&beats("a", 1), at(1)).await.unwrap());
    assert!(!replicas.declare_dead(&beats("a", 1), at(1)).await.unwrap(), "once");
    assert!(!replicas.beat("a").await.unwrap());
    replicas.join("a", false, at(2)).await.unwrap();
    assert!(!replicas.beat("a").await.unwrap(), "the dead don't come back");
}

#[tokio::test]
async fn each_watches_those_behind_it_in_a_circle() {
    let fresh = fresh().await;
    let replicas = fresh.store.replicas();
    for id in ["a", "b", "c", "d", "e"] {
        replicas.join(id, false, at(0)).await.unwrap();
    }
    replicas.leave("e", at(1)).await.unwrap();
    replicas.beat("a").await.unwrap();
    let behind = async |id, most| replicas.behind(id, most).await.unwrap();
    assert_eq!(behind("b", 2).await, [beats("c", 0), beats("d", 0)]);
    assert_eq!(behind("c", 2).await, [beats("d", 0), beats("a", 1)]);
    assert_eq!(behind("d", 8).await, [beats("a", 1), beats("b", 0), beats("c", 0)], "all others, and not itself");
}

#[tokio::test]
async fn where_one_is_alone_all_others_are_dead() {
    let fresh = fresh().await;
    let replicas = fresh.store.replicas();
    replicas.join("before", true, at(0)).await.unwrap();
    replicas.join("now", true, at(1)).await.unwrap();
    assert!(!replicas.beat("before").await.unwrap());
    assert!(replicas.beat("now").await.unwrap());
}

#[tokio::test]
async fn the_dead_are_forgotten_once_they_leave_nothing_behind() {
    let fresh = fresh().await;
    let replicas = fresh.store.replicas();
    let org = new_org(&fresh.store).await;
    for id in ["alive", "dead", "left"] {
        replicas.join(id, false, at(0)).await.unwrap();
    }
    let new = NewExecution { owner: "left".into(), ..execution(org, at(0)) };
    fresh.store.executions().begin(&new, None).await.unwrap();
    replicas.leave("dead", at(1)).await.unwrap();
    replicas.leave("left", at(1)).await.unwrap();
    assert_eq!(replicas.bury(at(1)).await.unwrap(), 0, "it is too soon");
    assert_eq!(replicas.bury(at(2)).await.unwrap(), 1);
    assert!(fresh.store.running().claim(&new.owned(), "alive", at(3)).await.unwrap().is_some());
    assert_eq!(replicas.bury(at(3)).await.unwrap(), 1);
}

/// What a replica has taken: a delivery, a subscription, and a doubt of which something was told. Gives how much of it is due.
async fn due(fresh: &Fresh, owner: &str, second: i64) -> [usize; 3] {
    let (now, until) = (at(second), at(second + 120));
    let deliveries = fresh.store.deliveries().claim(owner, now, until, 10, &[]).await.unwrap();
    let subscriptions = fresh.store.subscriptions().claim(owner, now, until, 10, &[]).await.unwrap();
    let doubts = fresh.store.waits().claim_doubts(owner, now, until, 10, &[]).await.unwrap();
    [deliveries.len(), subscriptions.len(), doubts.len()]
}

#[tokio::test]
async fn what_the_dead_had_taken_is_given_back_at_once() {
    let fresh = fresh().await;
    let replicas = fresh.store.replicas();
    for id in ["dies", "leaves", "lives"] {
        replicas.join(id, false, at(0)).await.unwrap();
    }
    let new = doubted(&fresh).await;
    let (org, of) = (new.org, new.connection);
    assert!(fresh.store.deliveries().add(&delivery(org, of, 1), 9).await.unwrap());
    fresh.store.subscriptions().want(org, of, "connector", &sealed("s"), at(1), at(1)).await.unwrap();
    assert_eq!(due(&fresh, "dies", 9).await, [1, 1, 1]);
    assert_eq!(due(&fresh, "lives", 10).await, [0, 0, 0], "somebody is at it");
    assert!(!replicas.declare_dead(&beats("dies", 7), at(11)).await.unwrap());
    assert_eq!(due(&fresh, "lives", 12).await, [0, 0, 0], "it has beaten since");
    assert!(replicas.declare_dead(&beats("dies", 0), at(13)).await.unwrap());
    assert_eq!(due(&fresh, "leaves", 13).await, [1, 1, 1]);
    replicas.leave("leaves", at(14)).await.unwrap();
    assert_eq!(due(&fresh, "lives", 14).await, [1, 1, 1]);
    replicas.join("alone", true, at(15)).await.unwrap();
    assert_eq!(due(&fresh, "alone", 15).await, [1, 1, 1], "where one is alone all others are dead");
    let kept: Vec<Subscription> = fresh.store.subscriptions().of(org, of).await.unwrap();
    fresh.store.subscriptions().keep(&Subscription { next_at: Some(at(500)), ..kept[0].clone() }).await.unwrap();
    replicas.join("next", true, at(16)).await.unwrap();
    assert_eq!(due(&fresh, "next", 16).await, [1, 0, 1], "what has been ended stays as it is");
}

#[tokio::test]
async fn a_replica_gives_back_what_it_never_heard_that_it_has_taken() {
    let fresh = fresh().await;
    let replicas = fresh.store.replicas();
    let new = doubted(&fresh).await;
    let (org, of) = (new.org, new.connection);
    let [first, second] = [1, 2].map(|second| delivery(org, of, second));
    for it in [&first, &second] {
        assert!(fresh.store.deliveries().add(it, 9).await.unwrap());
    }
    fresh.store.subscriptions().want(org, of, "connector", &sealed("s"), at(1), at(1)).await.unwrap();
    assert_eq!(replicas.taken("me").await.unwrap(), [], "nobody has anything");
    assert_eq!(due(&fresh, "me", 9).await, [2, 1, 1]);
    let all = [
        Taken::Delivery(org, first.id),
        Taken::Delivery(org, second.id),
        Taken::Subscription(org, of, "connector".into()),
        Taken::Doubt(org, new.id),
    ];
    let mut taken = replicas.taken("me").await.unwrap();
    taken.sort_by_key(|it| all.iter().position(|other| it == other));
    assert_eq!(taken, all);
    assert_eq!(replicas.taken("another").await.unwrap(), []);
    replicas.give_back("another", &all, at(10)).await.unwrap();
    assert_eq!(due(&fresh, "another", 10).await, [0, 0, 0], "it is not the other one's to give");
    // what is under way is not given back
    replicas.give_back("me", &all[1..], at(11)).await.unwrap();
    assert_eq!(replicas.taken("me").await.unwrap(), all[..1]);
    assert_eq!(due(&fresh, "another", 11).await, [1, 1, 1]);
    // nor what is another one's by now, or was ended meanwhile
    fresh.store.deliveries().done(org, first.id).await.unwrap();
    replicas.give_back("me", &all, at(12)).await.unwrap();
    assert_eq!(due(&fresh, "me", 12).await, [0, 0, 0]);
}
