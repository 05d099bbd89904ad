use std::time::Duration;

use super::*;
use crate::{
    base::EventId,
    crypto::Digest,
    store::{Begun, Ended, Event, EventType, ExecutionStatus, Idempotency, Owned, Received, Wait, Write, WriteOutcome},
};

pub(in super::super) fn wait(new: &NewExecution, due: i64) -> Wait {
    Wait {
        owned: new.owned(),
        connection: new.connection,
        connector: "connector".into(),
        event: Some(("paid".into(), "o1".into())),
        since: new.started_at,
        seen: 0,
        due_at: at(due),
        until: at(1000),
        lease: Duration::from_secs(60),
    }
}

pub(super) fn told(org: OrgId) -> Event {
    Event {
        org,
        id: EventId::new(at(0), &SystemRandom),
        kind: EventType::ProviderEvent,
        at: at(1),
        connection: None,
        execution: None,
        data: json!({}),
    }
}

pub(in super::super) fn received<'a>(
    new: &'a NewExecution,
    id: &'a str,
    correlate: &'a str,
    output: &'a Json,
    second: i64,
) -> Received<'a> {
    let correlate = Some(correlate);
    Received {
        org: new.org,
        connection: new.connection,
        connector: "connector",
        event: "paid",
        id,
        correlate,
        output,
        at: at(second),
    }
}

/// An execution that `process` runs, with one write behind it.
async fn running(fresh: &Fresh) -> NewExecution {
    let new = execution(new_org(&fresh.store).await, at(0));
    assert_eq!(fresh.store.executions().begin(&new, None).await.unwrap(), Begun::New);
    let write = Write { number: 0, step: "pay".into(), request: "POST /".into(), sent_at: at(1), outcome: None };
    assert!(fresh.store.running().intend(&new.owned(), &write, 1, &sealed("at"), &[]).await.unwrap());
    new
}

/// Parks it there. `false`: it is somebody else's.
async fn park(fresh: &Fresh, wait: &Wait, place: &str) -> bool {
    fresh.store.waits().park(wait, &sealed(place), 1, None, &[], at(1)).await.unwrap()
}

async fn status(fresh: &Fresh, new: &NewExecution) -> ExecutionStatus {
    fresh.store.executions().get(new.org, new.id).await.unwrap().unwrap().status
}

#[tokio::test]
async fn only_whoever_runs_it_parks_it_and_of_many_one_claims_it() {
    let fresh = fresh().await;
    let (new, waits) = (running(&fresh).await, fresh.store.waits());
    let another = Owned { owner: "another".into(), ..new.owned() };
    assert!(!park(&fresh, &Wait { owned: another, ..wait(&new, 9) }, "at").await);
    let trace = json!([{"step": "pay"}]);
    let written = trace.to_string();
    let settled = [(0, WriteOutcome::Answered(201))];
    assert!(waits.park(&wait(&new, 9), &sealed("waits"), 2, Some(&written), &settled, at(1)).await.unwrap());
    assert_eq!(status(&fresh, &new).await, ExecutionStatus::Waiting);
    assert_eq!(fresh.store.executions().trace(new.org, new.id).await.unwrap(), Some(trace));
    assert_eq!(waits.claim("a", at(8), 10, &[]).await.unwrap().len(), 0, "it is not due");
    assert_eq!(waits.next_due().await.unwrap(), Some(at(9)));
    let busy = ["other".to_owned(), new.connector.clone()];
    assert_eq!(waits.claim("a", at(9), 10, &busy).await.unwrap().len(), 0, "enough of its connector is looked at");
    let claims = (0..20).map(|_| {
        let store = fresh.store.clone();
        tokio::spawn(async move { store.waits().claim("a", at(9), 10, &[]).await.unwrap() })
    });
    let claimed: Vec<_> = futures_util::future::join_all(claims).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!((claimed.len(), status(&fresh, &new).await), (1, ExecutionStatus::Running));
    let owned = &claimed[0].owned;
    assert_eq!((&*owned.owner, owned.epoch), ("a", 1));
    assert_eq!(fresh.store.running().kept(owned).await.unwrap().checkpoint, Some(sealed("waits")));
    assert_eq!(waits.next_due().await.unwrap(), None);
    let ended = Ended { result: Ok(&json!(1)), trace: "[]", writes: &[], at: at(9), doubt: None };
    assert!(fresh.store.executions().end_told(owned, &ended, &told(new.org)).await.unwrap());
    assert!(!fresh.store.executions().end_told(owned, &ended, &told(new.org)).await.unwrap(), "once");
    assert!(waits.get(owned).await.unwrap().is_none());
    assert_eq!(fresh.store.events().list(new.org, None, 0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_event_is_kept_once_and_makes_due_what_waits_for_it() {
    let fresh = fresh().await;
    let (new, waits) = (running(&fresh).await, fresh.store.waits());
    assert!(park(&fresh, &wait(&new, 900), "at").await);
    let output = json!({"status": "paid"});
    assert!(waits.receive(&received(&new, "n1", "o2", &output, 2), &told(new.org)).await.unwrap());
    assert_eq!(waits.claim("a", at(3), 10, &[]).await.unwrap().len(), 0, "it is of another");
    assert!(waits.receive(&received(&new, "n2", "o1", &output, 3), &told(new.org)).await.unwrap());
    assert!(!waits.receive(&received(&new, "n2", "o1", &json!("other"), 4), &told(new.org)).await.unwrap());
    assert!(waits.is_known(&received(&new, "n2", "o1", &output, 4)).await.unwrap());
    assert_eq!(fresh.store.events().list(new.org, None, 0, 10).await.unwrap().len(), 2);
    let mut claimed = waits.claim("a", at(3), 10, &[]).await.unwrap().remove(0);
    let unseen = waits.unseen(&claimed, 10).await.unwrap();
    assert_eq!(unseen.iter().map(|it| &it.output).collect::<Vec<_>>(), [&output]);
    // one more, while it is looked at
    assert!(waits.receive(&received(&new, "n3", "o1", &output, 5), &told(new.org)).await.unwrap());
    (claimed.seen, claimed.due_at) = (unseen[0].number, at(900));
    assert!(waits.park(&claimed, &sealed("at"), 1, None, &[], at(6)).await.unwrap());
    let again = waits.claim("a", at(6), 10, &[]).await.unwrap();
    assert_eq!(again.len(), 1, "parking does not hide what came meanwhile");
    assert_eq!(waits.unseen(&again[0], 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_came_since_the_execution_began_counts_and_what_came_before_does_not() {
    let fresh = fresh().await;
    let (new, waits) = (running(&fresh).await, fresh.store.waits());
    let mut owned = new.owned();
    for (id, second, counts) in [("n1", -1, false), ("n2", 1, true)] {
        waits.receive(&received(&new, id, "o1", &json!(1), second), &told(new.org)).await.unwrap();
        let wait = Wait { owned: owned.clone(), ..wait(&new, 900) };
        assert!(waits.park(&wait, &sealed("at"), 1, None, &[], at(2)).await.unwrap());
        assert_eq!(waits.claim("process", at(2), 10, &[]).await.unwrap().len(), usize::from(counts), "{id}");
        if !counts {
            owned = waits.claim("process", at(900), 10, &[]).await.unwrap().remove(0).owned;
        }
    }
}

#[tokio::test]
async fn whoever_lost_it_parks_it_no_more_and_what_it_waits_for_stays_known() {
    let fresh = fresh().await;
    let (new, waits, running) = (running(&fresh).await, fresh.store.waits(), fresh.store.running());
    assert!(park(&fresh, &wait(&new, 2), "first").await);
    let dead = waits.claim("dead", at(2), 10, &[]).await.unwrap().remove(0);
    let claimed = running.claim(&dead.owned, "alive", at(3)).await.unwrap().unwrap();
    assert!(!park(&fresh, &dead, "late").await);
    let again = waits.get(&claimed.owned).await.unwrap().unwrap();
    assert_eq!((again.event, again.until, again.owned), (dead.event, dead.until, claimed.owned.clone()));
    assert_eq!(running.kept(&claimed.owned).await.unwrap().checkpoint, Some(sealed("first")));
}

#[tokio::test]
async fn an_idempotency_key_is_kept_for_as_long_as_its_execution_waits() {
    let fresh = fresh().await;
    let (executions, waits) = (fresh.store.executions(), fresh.store.waits());
    let new = execution(new_org(&fresh.store).await, at(0));
    let call = Idempotency { key: "k".into(), fingerprint: Digest::of("a"), expires_at: at(10) };
    assert_eq!(executions.begin(&new, Some(&call)).await.unwrap(), Begun::New);
    assert!(park(&fresh, &wait(&new, 900), "at").await);
    assert!(!fresh.store.retention().forget_keys(at(20), at(30), 10).await.unwrap());
    let later = NewExecution { id: execution(new.org, at(20)).id, started_at: at(20), ..new.clone() };
    for begun in [executions.begin(&later, Some(&call)).await, executions.begun(new.org, &call, at(20)).await] {
        let Begun::Same(same) = begun.unwrap() else { panic!("it would be done a second time") };
        assert_eq!((same.id, same.status), (new.id, ExecutionStatus::Waiting));
    }
    let claimed = waits.claim("process", at(900), 1, &[]).await.unwrap().remove(0);
    let ended = Ended { result: Ok(&json!(1)), trace: "[]", writes: &[], at: at(900), doubt: None };
    assert!(executions.end_told(&claimed.owned, &ended, &told(new.org)).await.unwrap());
    let later = NewExecution { started_at: at(30), ..later };
    assert_eq!(executions.begin(&later, Some(&call)).await.unwrap(), Begun::New);
}

/// A provider's ids may be longer than an index can hold.
#[tokio::test]
async fn events_with_endless_ids_are_told_apart_and_wake_what_waits_for_them() {
    let fresh = fresh().await;
    let (new, waits) = (running(&fresh).await, fresh.store.waits());
    // of the same beginning and length; and of characters that can't be put more shortly
    let text = |last: char| {
        (0..40_000_u32).map(|it| char::from_u32(0x4e00 + it * 7919 % 20_000).unwrap()).chain([last]).collect::<String>()
    };
    let (order, id, other) = (text('a'), text('b'), text('c'));
    let wait = Wait { event: Some(("paid".into(), order.clone())), ..wait(&new, 900) };
    assert!(park(&fresh, &wait, "at").await);
    fresh.store.erasures().correlate((new.org, new.id), new.connection, "connector", ("paid", &order)).await.unwrap();
    let output = json!(1);
    let [first, elsewhere] = [(&id, &order), (&other, &other)].map(|(id, of)| received(&new, id, of, &output, 2));
    assert!(waits.receive(&elsewhere, &told(new.org)).await.unwrap());
    assert_eq!(waits.claim("a", at(3), 10, &[]).await.unwrap().len(), 0, "it is of another");
    assert!(waits.receive(&first, &told(new.org)).await.unwrap());
    assert!(!waits.receive(&first, &told(new.org)).await.unwrap(), "once");
    assert!(waits.is_known(&first).await.unwrap());
    let claimed = waits.claim("a", at(3), 10, &[]).await.unwrap().remove(0);
    assert_eq!(waits.unseen(&claimed, 10).await.unwrap().len(), 1);
    assert!(waits.park(&Wait { due_at: at(900), ..claimed }, &sealed("at"), 1, None, &[], at(4)).await.unwrap());
    assert_eq!(waits.claim("a", at(4), 10, &[]).await.unwrap().len(), 1, "it is found again by what was kept of it");
}
