use std::time::Duration;

use super::*;
use crate::{
    base::{Code, EventId, Failure},
    crypto::Digest,
    store::{Begun, Ended, Event, EventType, ExecutionStatus, Idempotency, Received, Wait, Write, WriteOutcome},
};

fn wait(new: &NewExecution, due: i64) -> Wait {
    Wait {
        org: new.org,
        execution: new.id,
        connection: new.connection,
        connector: "connector".into(),
        event: Some(("paid".into(), "o1".into())),
        since: new.started_at,
        seen: 0,
        due_at: at(due),
        lease: Duration::from_secs(60),
        writes: 1,
        state: sealed("state"),
    }
}

fn told(org: OrgId) -> Event {
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

fn received<'a>(new: &'a NewExecution, id: &'a str, correlate: &'a str, output: &'a Json, second: i64) -> Received<'a> {
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
    note(fresh, &new, 0).await;
    new
}

async fn note(fresh: &Fresh, new: &NewExecution, number: u32) {
    let write = Write { number, step: "pay".into(), request: "POST /".into(), sent_at: at(1), outcome: None };
    fresh.store.executions().intend(new.org, new.id, &write, &[]).await.unwrap();
}

async fn status(fresh: &Fresh, new: &NewExecution) -> ExecutionStatus {
    fresh.store.executions().get(new.org, new.id).await.unwrap().unwrap().status
}

#[tokio::test]
async fn only_whoever_runs_it_parks_it_and_of_many_one_claims_it() {
    let fresh = fresh().await;
    let (new, waits) = (running(&fresh).await, fresh.store.waits());
    assert!(!waits.park(&wait(&new, 9), "another", None, &[], at(1)).await.unwrap());
    let trace = json!([{"step": "pay"}]);
    let written = trace.to_string();
    let settled = [(0, WriteOutcome::Answered(201))];
    assert!(waits.park(&wait(&new, 9), "process", Some(&written), &settled, at(1)).await.unwrap());
    assert_eq!(status(&fresh, &new).await, ExecutionStatus::Waiting);
    assert_eq!(fresh.store.executions().trace(new.org, new.id).await.unwrap(), Some(trace));
    assert_eq!(waits.claim("a", at(8), 10).await.unwrap().len(), 0, "it is not due");
    assert_eq!(waits.next_due().await.unwrap(), Some(at(9)));
    let claims = (0..20).map(|_| {
        let store = fresh.store.clone();
        tokio::spawn(async move { store.waits().claim("a", at(9), 10).await.unwrap().len() })
    });
    let claimed: usize = futures_util::future::join_all(claims).await.into_iter().map(Result::unwrap).sum();
    assert_eq!((claimed, status(&fresh, &new).await), (1, ExecutionStatus::Running));
    assert_eq!(waits.next_due().await.unwrap(), None);
    let ended = Ended { result: Ok(&json!(1)), trace: "[]", writes: &[], at: at(9) };
    assert!(waits.end(new.org, new.id, &ended, &told(new.org)).await.unwrap());
    assert!(!waits.end(new.org, new.id, &ended, &told(new.org)).await.unwrap(), "once");
    assert_eq!(fresh.store.events().list(new.org, None, 0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_event_is_kept_once_and_makes_due_what_waits_for_it() {
    let fresh = fresh().await;
    let (new, waits) = (running(&fresh).await, fresh.store.waits());
    waits.park(&wait(&new, 900), "process", None, &[], at(1)).await.unwrap();
    let output = json!({"status": "paid"});
    assert!(waits.receive(&received(&new, "n1", "o2", &output, 2), &told(new.org)).await.unwrap());
    assert_eq!(waits.claim("a", at(3), 10).await.unwrap().len(), 0, "it is of another");
    assert!(waits.receive(&received(&new, "n2", "o1", &output, 3), &told(new.org)).await.unwrap());
    assert!(!waits.receive(&received(&new, "n2", "o1", &json!("other"), 4), &told(new.org)).await.unwrap());
    assert!(waits.is_known(&received(&new, "n2", "o1", &output, 4)).await.unwrap());
    assert_eq!(fresh.store.events().list(new.org, None, 0, 10).await.unwrap().len(), 2);
    let mut claimed = waits.claim("a", at(3), 10).await.unwrap().remove(0);
    let unseen = waits.unseen(&claimed, 10).await.unwrap();
    assert_eq!(unseen.iter().map(|it| &it.output).collect::<Vec<_>>(), [&output]);
    // one more, while it is looked at
    assert!(waits.receive(&received(&new, "n3", "o1", &output, 5), &told(new.org)).await.unwrap());
    (claimed.seen, claimed.due_at) = (unseen[0].number, at(900));
    assert!(waits.park(&claimed, "a", None, &[], at(6)).await.unwrap());
    let again = waits.claim("a", at(6), 10).await.unwrap();
    assert_eq!(again.len(), 1, "parking does not hide what came meanwhile");
    assert_eq!(waits.unseen(&again[0], 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_came_since_the_execution_began_counts_and_what_came_before_does_not() {
    let fresh = fresh().await;
    let (new, waits) = (running(&fresh).await, fresh.store.waits());
    for (id, second, counts) in [("n1", -1, false), ("n2", 1, true)] {
        waits.receive(&received(&new, id, "o1", &json!(1), second), &told(new.org)).await.unwrap();
        waits.park(&wait(&new, 900), "process", None, &[], at(2)).await.unwrap();
        assert_eq!(waits.claim("process", at(2), 10).await.unwrap().len(), usize::from(counts), "{id}");
    }
}

#[tokio::test]
async fn what_a_dead_process_looked_at_is_given_back_unless_it_sent_something() {
    let fresh = fresh().await;
    let waits = fresh.store.waits();
    let (unknown, nothing) = (Code::UnknownOutcome, Code::Unavailable);
    for (sent, back) in [(None, true), (Some(Some(WriteOutcome::NotSent)), true), (Some(None), false)] {
        let new = running(&fresh).await;
        waits.park(&wait(&new, 2), "process", None, &[(0, WriteOutcome::Answered(201))], at(1)).await.unwrap();
        assert_eq!(waits.claim("dead", at(2), 10).await.unwrap().len(), 1);
        if let Some(outcome) = sent {
            note(&fresh, &new, 1).await;
            if let Some(outcome) = outcome {
                fresh.store.executions().settle(new.org, new.id, &[(1, outcome)]).await.unwrap();
            }
        }
        assert_eq!(waits.give_back(None, at(3)).await.unwrap(), 0, "its time is not over");
        assert_eq!(waits.give_back(Some("alive"), at(3)).await.unwrap(), u64::from(back), "{sent:?}");
        let failures = [unknown, nothing].map(|it| Failure::new(it, "the process died"));
        let left = fresh.store.executions().recover(Some("alive"), at(4), &failures[0], &failures[1]).await.unwrap();
        assert_eq!(left.is_empty(), back);
        // whoever ended it may die before it tells: the next one does
        assert_eq!(waits.over().await.unwrap(), left);
        for (org, id) in left {
            assert!(waits.forget(org, id, &told(org)).await.unwrap());
            assert!(!waits.forget(org, id, &told(org)).await.unwrap(), "once");
            assert_eq!(fresh.store.events().list(org, None, 0, 10).await.unwrap().len(), 1);
        }
        if back {
            assert_eq!(status(&fresh, &new).await, ExecutionStatus::Waiting);
            assert_eq!(waits.writes(new.org, new.id).await.unwrap(), 1 + u32::from(sent.is_some()));
            assert_eq!(waits.claim("alive", at(3), 10).await.unwrap().len(), 1, "it is due at once");
        }
    }
}

#[tokio::test]
async fn an_idempotency_key_is_kept_for_as_long_as_its_execution_waits() {
    let fresh = fresh().await;
    let (executions, waits) = (fresh.store.executions(), fresh.store.waits());
    let new = execution(new_org(&fresh.store).await, at(0));
    let call = Idempotency { key: "k".into(), fingerprint: Digest::of("a"), expires_at: at(10) };
    assert_eq!(executions.begin(&new, Some(&call)).await.unwrap(), Begun::New);
    assert!(waits.park(&wait(&new, 900), "process", None, &[], at(1)).await.unwrap());
    assert_eq!(executions.forget_keys(at(20)).await.unwrap(), 0);
    let later = NewExecution { id: execution(new.org, at(20)).id, started_at: at(20), ..new.clone() };
    for begun in [executions.begin(&later, Some(&call)).await, executions.begun(new.org, &call, at(20)).await] {
        let Begun::Same(same) = begun.unwrap() else { panic!("it would be done a second time") };
        assert_eq!((same.id, same.status), (new.id, ExecutionStatus::Waiting));
    }
    assert_eq!(waits.claim("process", at(900), 1).await.unwrap().len(), 1);
    let ended = Ended { result: Ok(&json!(1)), trace: "[]", writes: &[], at: at(900) };
    assert!(waits.end(new.org, new.id, &ended, &told(new.org)).await.unwrap());
    assert_eq!(executions.begin(&later, Some(&call)).await.unwrap(), Begun::New);
}
