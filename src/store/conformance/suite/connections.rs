use super::*;
use crate::{
    base::EventId,
    crypto::Digest,
    store::{Authorization, Credential, Error, Event, EventType, Lease},
};

fn credential<'a>(scopes: &'a [String], metadata: &'a Map<String, Json>, sealed: &'a Sealed) -> Credential<'a> {
    Credential { scopes, metadata, sealed: Some(sealed), renew_by: None }
}

/// A connection that is connected, with `token_version` 1 and the credential `first`.
async fn connected(store: &Store) -> (OrgId, ConnectionId) {
    let org = new_org(store).await;
    let id = new_connection(store, org).await;
    let (none, first) = (Map::new(), sealed("first"));
    assert!(store.connections().connect(org, id, Some("a"), &credential(&[], &none, &first), at(1)).await.unwrap());
    (org, id)
}

fn dead(org: OrgId, second: i64) -> Event {
    let id = EventId::new(at(second), &SystemRandom);
    let kind = EventType::ConnectionReauthorize;
    Event { org, id, kind, at: at(second), connection: None, execution: None, data: json!({}) }
}

#[tokio::test]
async fn a_connection_goes_from_pending_to_connected_to_disconnected() {
    let fresh = fresh().await;
    let connections = fresh.store.connections();
    let org = new_org(&fresh.store).await;
    let begun = connection(org);
    connections.insert(&begun).await.unwrap();
    assert_eq!(connections.get_sealed(org, begun.id).await.unwrap(), Some((begun.clone(), None)));

    let scopes = vec!["a".to_owned(), "b".to_owned()];
    let metadata = Map::from_iter([("instance_url".to_owned(), json!("https://eu.example.com"))]);
    let secret = sealed("secret");
    let credential = credential(&scopes, &metadata, &secret);
    assert!(connections.connect(org, begun.id, Some("me@example.com"), &credential, at(5)).await.unwrap());
    let expected = Connection {
        status: Status::Connected,
        label: Some("me@example.com".into()),
        scopes,
        metadata,
        token_version: 1,
        updated_at: at(5),
        ..begun
    };
    assert_eq!(connections.get_sealed(org, begun.id).await.unwrap(), Some((expected.clone(), Some(secret))));
    assert_eq!(connections.list(org).await.unwrap(), [expected]);

    assert!(connections.disconnect(org, begun.id, at(6)).await.unwrap());
    assert!(!connections.disconnect(org, begun.id, at(7)).await.unwrap(), "again");
    let (off, secret) = connections.get_sealed(org, begun.id).await.unwrap().unwrap();
    assert_eq!((off.status, secret), (Status::Disconnected, None));
}

#[tokio::test]
async fn another_org_neither_sees_nor_changes_a_connection() {
    let fresh = fresh().await;
    let connections = fresh.store.connections();
    let (org, id) = connected(&fresh.store).await;
    let other = new_org(&fresh.store).await;
    let (none, stolen) = (Map::new(), sealed("stolen"));
    let credential = credential(&[], &none, &stolen);
    assert_eq!(connections.get(other, id).await.unwrap(), None);
    assert_eq!(connections.list(other).await.unwrap(), []);
    assert!(!connections.connect(other, id, None, &credential, at(2)).await.unwrap());
    assert!(!connections.renew(other, id, 1, &credential).await.unwrap());
    assert!(!connections.reauthorize(other, id, 1, "no", &dead(other, 2)).await.unwrap());
    assert_eq!(connections.take_lease(other, id, 1, "x", at(2), at(3)).await.unwrap(), Lease::Elsewhere);
    assert!(!connections.disconnect(other, id, at(2)).await.unwrap());
    assert_eq!(connections.get_sealed(org, id).await.unwrap().unwrap().1, Some(sealed("first")));
}

#[tokio::test]
async fn of_two_renewals_of_one_credential_the_first_is_kept() {
    let fresh = fresh().await;
    let connections = fresh.store.connections();
    let (org, id) = connected(&fresh.store).await;
    let (none, second, third) = (Map::new(), sealed("second"), sealed("third"));
    assert!(connections.renew(org, id, 1, &credential(&[], &none, &second)).await.unwrap());
    assert!(!connections.renew(org, id, 1, &credential(&[], &none, &third)).await.unwrap());
    let (connection, secret) = connections.get_sealed(org, id).await.unwrap().unwrap();
    assert_eq!((connection.token_version, secret), (2, Some(second)));
}

#[tokio::test]
async fn a_dead_grant_is_told_once_and_a_newer_consent_wins() {
    let fresh = fresh().await;
    let connections = fresh.store.connections();
    let (org, id) = connected(&fresh.store).await;
    assert!(connections.reauthorize(org, id, 1, "refused", &dead(org, 2)).await.unwrap());
    assert!(!connections.reauthorize(org, id, 1, "refused", &dead(org, 3)).await.unwrap(), "told before");
    let told = fresh.store.events().list(org, None, 0, 10).await.unwrap();
    assert_eq!(told.iter().map(|(_, it)| it.kind).collect::<Vec<_>>(), [EventType::ConnectionReauthorize]);
    let left = connections.get(org, id).await.unwrap().unwrap();
    assert_eq!((left.status, left.problem.as_deref()), (Status::Reauthorize, Some("refused")));

    let (none, second) = (Map::new(), sealed("second"));
    assert!(!connections.renew(org, id, 1, &credential(&[], &none, &second)).await.unwrap(), "only a consent helps");
    assert!(connections.connect(org, id, Some("a"), &credential(&[], &none, &second), at(4)).await.unwrap());
    assert!(!connections.reauthorize(org, id, 1, "refused", &dead(org, 5)).await.unwrap(), "of the credential before");
    let alive = connections.get(org, id).await.unwrap().unwrap();
    assert_eq!((alive.status, alive.problem), (Status::Connected, None));
}

#[tokio::test]
async fn of_many_who_want_to_renew_one_gets_the_lease() {
    let fresh = fresh().await;
    let (org, id) = connected(&fresh.store).await;
    let takers = (0..50).map(|number| {
        let store = fresh.store.clone();
        tokio::spawn(async move {
            let connections = store.connections();
            let owner = format!("taker {number}");
            let (none, next) = (Map::new(), sealed(&owner));
            connections.take_lease(org, id, 1, &owner, at(10), at(40)).await.unwrap() == Lease::Taken
                && connections.renew(org, id, 1, &credential(&[], &none, &next)).await.unwrap()
        })
    });
    let renewed = futures_util::future::join_all(takers).await.into_iter().filter(|it| *it.as_ref().unwrap()).count();
    assert_eq!(renewed, 1);
    assert_eq!(fresh.store.connections().get(org, id).await.unwrap().unwrap().token_version, 2);
}

#[tokio::test]
async fn a_lease_ends_by_time_or_by_its_owner() {
    let fresh = fresh().await;
    let connections = fresh.store.connections();
    let (org, id) = connected(&fresh.store).await;
    let take = async |by: &str, now| connections.take_lease(org, id, 1, by, at(now), at(now + 30)).await.unwrap();
    assert_eq!(take("one", 0).await, Lease::Taken);
    assert_eq!(take("two", 29).await, Lease::Elsewhere);
    assert_eq!(take("two", 30).await, Lease::TakenOver, "its owner died");
    assert_eq!(take("two", 31).await, Lease::TakenOver, "it does not know that it has it");
    connections.release_lease(org, id, "one", false).await.unwrap();
    assert_eq!(take("three", 31).await, Lease::Elsewhere, "not one's to give back");
    connections.release_lease(org, id, "two", false).await.unwrap();
    assert_eq!(take("three", 31).await, Lease::Taken);
    connections.release_lease(org, id, "three", true).await.unwrap();
    assert_eq!(take("four", 31).await, Lease::TakenOver, "nobody knows what became of it");
    let (none, second) = (Map::new(), sealed("second"));
    assert!(connections.renew(org, id, 1, &credential(&[], &none, &second)).await.unwrap());
    assert_eq!(take("five", 100).await, Lease::Elsewhere, "it was renewed");

    let replicas = fresh.store.replicas();
    replicas.join("five", false, at(100)).await.unwrap();
    let take = async |by: &str| connections.take_lease(org, id, 2, by, at(100), at(700)).await.unwrap();
    assert_eq!(take("five").await, Lease::Taken);
    assert_eq!(take("six").await, Lease::Elsewhere);
    replicas.leave("five", at(101)).await.unwrap();
    assert_eq!(take("six").await, Lease::TakenOver, "its owner is known to be dead");
}

#[tokio::test]
async fn a_grant_is_to_be_renewed_by_its_time_and_one_replica_does() {
    let fresh = fresh().await;
    let connections = fresh.store.connections();
    let (org, id) = connected(&fresh.store).await;
    assert_eq!(connections.to_renew(at(100), 10).await.unwrap(), []);
    let (none, next) = (Map::new(), sealed("next"));
    let idle = Credential { renew_by: Some(at(50)), ..credential(&[], &none, &next) };
    assert!(connections.renew(org, id, 1, &idle).await.unwrap());
    assert_eq!(connections.to_renew(at(49), 10).await.unwrap(), []);
    assert_eq!(connections.to_renew(at(50), 10).await.unwrap(), [(org, id, at(50))]);
    assert!(!connections.put_off(new_org(&fresh.store).await, id, at(50), at(90)).await.unwrap(), "not its own");
    assert!(connections.put_off(org, id, at(50), at(90)).await.unwrap());
    assert!(!connections.put_off(org, id, at(50), at(90)).await.unwrap(), "somebody did before");
    assert_eq!(connections.to_renew(at(89), 10).await.unwrap(), []);
    let idle = Credential { renew_by: Some(at(200)), ..credential(&[], &none, &next) };
    assert!(connections.connect(org, id, None, &idle, at(60)).await.unwrap());
    assert_eq!(connections.to_renew(at(200), 10).await.unwrap(), [(org, id, at(200))]);
    assert!(connections.disconnect(org, id, at(70)).await.unwrap());
    assert_eq!(connections.to_renew(at(200), 10).await.unwrap(), [], "only what is connected");
}

#[tokio::test]
async fn only_what_is_pending_can_fail() {
    let fresh = fresh().await;
    let connections = fresh.store.connections();
    let (org, alive) = connected(&fresh.store).await;
    let begun = new_connection(&fresh.store, org).await;
    assert!(!connections.fail(org, alive, "refused", at(2)).await.unwrap());
    assert!(connections.fail(org, begun, "refused", at(2)).await.unwrap());

    let abandoned = new_connection(&fresh.store, org).await;
    assert_eq!(connections.fail_abandoned(at(0), "left", at(3)).await.unwrap(), 0);
    assert_eq!(connections.fail_abandoned(at(1), "left", at(3)).await.unwrap(), 1);
    assert_eq!(connections.get(org, abandoned).await.unwrap().unwrap().problem.as_deref(), Some("left"));
}

#[tokio::test]
async fn credentials_are_resealed_page_by_page_unless_they_changed() {
    let fresh = fresh().await;
    let connections = fresh.store.connections();
    let mut all = vec![connected(&fresh.store).await, connected(&fresh.store).await, connected(&fresh.store).await];
    all.sort_by_key(|(_, id)| *id);
    new_connection(&fresh.store, all[0].0).await;

    let first = connections.sealed(None, 2).await.unwrap();
    let rest = connections.sealed(Some(first[1].1), 2).await.unwrap();
    let found: Vec<_> = first.iter().chain(&rest).map(|(org, id, ..)| (*org, *id)).collect();
    assert_eq!(found, all);

    let (org, id, version, _) = first[0].clone();
    assert!(connections.reseal(org, id, version, &sealed("again")).await.unwrap());
    assert!(!connections.reseal(org, id, version - 1, &sealed("old")).await.unwrap());
    let (connection, secret) = connections.get_sealed(org, id).await.unwrap().unwrap();
    assert_eq!((connection.token_version, secret), (version, Some(sealed("again"))));
}

#[tokio::test]
async fn a_consent_is_taken_exactly_once() {
    let fresh = fresh().await;
    let authorizations = fresh.store.authorizations();
    let org = new_org(&fresh.store).await;
    let authorization = Authorization {
        org,
        connection: new_connection(&fresh.store, org).await,
        connector: "connector".into(),
        sealed: sealed("verifier"),
        scopes: vec!["a".into()],
        return_to: Some("https://chatbot.example.com/done".into()),
        expires_at: at(900),
    };
    let state = Digest::of("state");
    authorizations.insert(state, &authorization).await.unwrap();
    assert_eq!(authorizations.take(org, Digest::of("guess"), at(1)).await.unwrap(), None);
    let takers = (0..10).map(|_| authorizations.take(org, state, at(1)));
    let taken: Vec<_> = futures_util::future::join_all(takers).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, std::slice::from_ref(&authorization));

    authorizations.insert(state, &authorization).await.unwrap();
    assert_eq!(authorizations.take(org, state, at(900)).await.unwrap(), None, "too late");
    assert_eq!(authorizations.take(org, state, at(1)).await.unwrap(), None, "and used up");
}

#[tokio::test]
async fn a_second_attempt_replaces_the_first_and_old_ones_are_pruned() {
    let fresh = fresh().await;
    let authorizations = fresh.store.authorizations();
    let org = new_org(&fresh.store).await;
    let connection = new_connection(&fresh.store, org).await;
    let authorization = Authorization {
        org,
        connection,
        connector: "connector".into(),
        sealed: sealed("verifier"),
        scopes: vec![],
        return_to: None,
        expires_at: at(900),
    };
    authorizations.insert(Digest::of("1"), &authorization).await.unwrap();
    authorizations.insert(Digest::of("2"), &authorization).await.unwrap();
    assert_eq!(authorizations.take(org, Digest::of("1"), at(1)).await.unwrap(), None);
    assert_eq!(authorizations.prune(at(899)).await.unwrap(), 0);
    assert_eq!(authorizations.prune(at(900)).await.unwrap(), 1);
    authorizations.insert(Digest::of("3"), &authorization).await.unwrap();
    authorizations.cancel(org, connection).await.unwrap();
    assert_eq!(authorizations.take(org, Digest::of("3"), at(1)).await.unwrap(), None);

    let nobody = Authorization { connection: ConnectionId::new(at(0), &SystemRandom), ..authorization };
    assert!(matches!(authorizations.insert(Digest::of("3"), &nobody).await, Err(Error::Missing)));
}
