use super::*;
use crate::{
    base::EventId,
    store::{Error, Event, EventType},
};

fn event(org: OrgId, kind: EventType, second: i64) -> Event {
    Event {
        org,
        id: EventId::new(at(second), &SystemRandom),
        kind,
        at: at(second),
        connection: Some(ConnectionId::new(at(0), &SystemRandom)),
        execution: None,
        data: input(),
    }
}

#[tokio::test]
async fn whoever_reads_on_from_a_cursor_gets_each_event_once() {
    let fresh = fresh().await;
    let events = fresh.store.events();
    let (org, other) = (new_org(&fresh.store).await, new_org(&fresh.store).await);
    let mut told = Vec::new();
    // the order in which they are added counts, not what time they say
    for second in [3, 1, 2] {
        let event = event(org, EventType::ProviderEvent, second);
        events.add(&event).await.unwrap();
        events.add(&self::event(other, EventType::ProviderEvent, second)).await.unwrap();
        told.push(event);
    }
    let first = events.list(org, None, 0, 2).await.unwrap();
    assert_eq!(first.iter().map(|(_, it)| it).collect::<Vec<_>>(), told[..2].iter().collect::<Vec<_>>());
    let cursor = first[1].0;
    let rest = events.list(org, None, cursor, 2).await.unwrap();
    assert_eq!(rest.iter().map(|(_, it)| it).collect::<Vec<_>>(), [&told[2]]);
    assert_eq!(events.list(org, None, rest[0].0, 2).await.unwrap(), []);
}

#[tokio::test]
async fn a_cursor_outlives_the_event_that_it_is_of() {
    let fresh = fresh().await;
    let events = fresh.store.events();
    let org = new_org(&fresh.store).await;
    events.add(&event(org, EventType::ProviderEvent, 1)).await.unwrap();
    let cursor = events.list(org, None, 0, 10).await.unwrap()[0].0;
    fresh.store.retention().forget_events(org, at(1), 10).await.unwrap();
    assert_eq!(events.list(org, None, 0, 10).await.unwrap().len(), 1);
    fresh.store.retention().forget_events(org, at(2), 10).await.unwrap();
    assert_eq!(events.list(org, None, 0, 10).await.unwrap(), []);
    events.add(&event(org, EventType::ProviderEvent, 3)).await.unwrap();
    let after = events.list(org, None, cursor, 10).await.unwrap();
    assert_eq!(after.len(), 1, "no number is used twice");
}

#[tokio::test]
async fn every_type_reads_back_and_can_be_asked_for() {
    let fresh = fresh().await;
    let events = fresh.store.events();
    let org = new_org(&fresh.store).await;
    for kind in EventType::ALL {
        events.add(&event(org, kind, 1)).await.unwrap();
    }
    for kind in EventType::ALL {
        let found = events.list(org, Some(kind), 0, 10).await.unwrap();
        assert_eq!(found.iter().map(|(_, it)| it.kind).collect::<Vec<_>>(), [kind]);
    }
}

#[tokio::test]
async fn an_event_needs_an_org() {
    let fresh = fresh().await;
    let nobody = OrgId::new(at(0), &SystemRandom);
    let refused = fresh.store.events().add(&event(nobody, EventType::ProviderEvent, 1)).await;
    assert!(matches!(refused, Err(Error::Missing)));
}
