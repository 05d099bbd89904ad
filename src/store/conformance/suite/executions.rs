use std::sync::Arc;

use super::*;
use crate::{
    base::{Code, EventId, Failure},
    crypto::Digest,
    store::{Begun, Common, Ended, Event, EventType, ExecutionStatus, Filter, Idempotency, Record, Resolution},
};

pub(super) fn failure(code: Code) -> Failure {
    Failure {
        code,
        say: code.say().into(),
        detail: "the “detail”".into(),
        step: Some("event".into()),
        retry_after_seconds: Some(7),
    }
}

fn idempotency(key: &str, of: &str) -> Idempotency {
    Idempotency { key: key.into(), fingerprint: Digest::of(of), expires_at: at(1000) }
}

async fn end(store: &Store, new: &NewExecution, result: Result<&Json, &Failure>) -> bool {
    let ended = Ended { result, trace: r#"[{"step":"event"}]"#, writes: &[], at: at(5), doubt: None };
    store.executions().end(&new.owned(), &ended, false, || event(new)).await.unwrap()
}

pub(super) fn event(of: &NewExecution) -> Event {
    Event {
        org: of.org,
        id: EventId::new(at(5), &SystemRandom),
        kind: EventType::ExecutionSucceeded,
        at: at(5),
        connection: None,
        execution: Some(of.id),
        data: json!({}),
    }
}

#[tokio::test]
async fn a_run_is_begun_and_ended_once() {
    let fresh = fresh().await;
    let executions = fresh.store.executions();
    let new = execution(new_org(&fresh.store).await, at(0));
    assert_eq!(executions.begin(&new, None).await.unwrap(), Begun::New);
    let running = executions.get(new.org, new.id).await.unwrap().unwrap();
    assert_eq!((running.status, &running.input, running.ended_at), (ExecutionStatus::Running, &input(), None));
    assert_eq!(executions.trace(new.org, new.id).await.unwrap(), None);

    let output = json!({"id": 12345678901234567890_u64, "empty": null});
    assert!(end(&fresh.store, &new, Ok(&output)).await);
    assert!(!end(&fresh.store, &new, Err(&failure(Code::Timeout))).await, "it has ended");
    let ended = executions.get(new.org, new.id).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.output, ended.ended_at), (ExecutionStatus::Succeeded, Some(output), Some(at(5))));
    assert_eq!(executions.trace(new.org, new.id).await.unwrap(), Some(json!([{"step": "event"}])));
}

#[tokio::test]
async fn ended_runs_are_kept_many_at_once() {
    let fresh = fresh().await;
    let executions = fresh.store.executions();
    let org = new_org(&fresh.store).await;
    let failure = failure(Code::NotFound);
    // more than one statement takes, and some over
    let outputs: Vec<Json> = (0..75).map(|it| json!({"number": it})).collect();
    let trace = r#"[{"step":"event"}]"#;
    let begun: Vec<_> = outputs.iter().map(|_| execution(org, at(0))).collect();
    let runs: Vec<_> = begun
        .iter()
        .zip(&outputs)
        .map(|(new, output)| {
            let result = if output["number"] == 40 { Err(&failure) } else { Ok(output) };
            (new, Ended { result, trace, writes: &[], at: at(5), doubt: None })
        })
        .collect();
    let common = Arc::new(Common::of(&begun[0]));
    let records = runs.iter().map(|(new, ended)| Record::new(Arc::clone(&common), new, ended));
    let records: Vec<_> = records.collect();
    executions.keep(&records).await.unwrap();
    executions.keep(&records).await.expect("whoever got no answer does it again");
    for (new, ended) in &runs {
        let kept = executions.get(org, new.id).await.unwrap().unwrap();
        assert_eq!((kept.output.as_ref(), kept.failure.as_ref()), (ended.result.ok(), ended.result.err()));
        assert_eq!((kept.input, kept.started_at, kept.ended_at), (input(), at(0), Some(at(5))));
        assert_eq!(executions.trace(org, new.id).await.unwrap(), Some(json!([{"step": "event"}])));
    }
}

#[tokio::test]
async fn every_failure_reads_back() {
    let fresh = fresh().await;
    let executions = fresh.store.executions();
    let org = new_org(&fresh.store).await;
    for code in Code::ALL {
        let new = execution(org, at(0));
        executions.begin(&new, None).await.unwrap();
        let failure = Failure { step: None, retry_after_seconds: None, ..failure(code) };
        assert!(end(&fresh.store, &new, Err(&failure)).await);
        assert_eq!(executions.get(org, new.id).await.unwrap().unwrap().failure, Some(failure));
    }
}

#[tokio::test]
async fn one_key_begins_one_run() {
    let fresh = fresh().await;
    let executions = fresh.store.executions();
    let (org, other) = (new_org(&fresh.store).await, new_org(&fresh.store).await);
    let first = execution(org, at(0));
    assert_eq!(executions.begin(&first, Some(&idempotency("k", "a"))).await.unwrap(), Begun::New);

    let begun = async |key, of| executions.begun(org, &idempotency(key, of), at(999)).await.unwrap();
    assert!(matches!(begun("k", "a").await, Begun::Same(it) if it.id == first.id));
    assert_eq!((begun("k", "b").await, begun("other", "a").await), (Begun::Different, Begun::New));
    assert_eq!(executions.begun(org, &idempotency("k", "a"), at(1000)).await.unwrap(), Begun::New, "it has expired");

    let Begun::Same(same) = executions.begin(&execution(org, at(1)), Some(&idempotency("k", "a"))).await.unwrap()
    else {
        panic!("a second run was begun");
    };
    assert_eq!(
        (same.id, same.status, same.idempotency_key.as_deref()),
        (first.id, ExecutionStatus::Running, Some("k"))
    );
    let different = executions.begin(&execution(org, at(1)), Some(&idempotency("k", "b"))).await.unwrap();
    assert_eq!(different, Begun::Different);
    assert_eq!(executions.list(org, &Filter::default(), 10).await.unwrap().len(), 1, "nothing else was kept");

    let elsewhere = executions.begin(&execution(other, at(1)), Some(&idempotency("k", "b"))).await.unwrap();
    assert_eq!(elsewhere, Begun::New, "a key is its org's");
    let later = executions.begin(&execution(org, at(1000)), Some(&idempotency("k", "b"))).await.unwrap();
    assert_eq!(later, Begun::New, "an expired key is free");
}

#[tokio::test]
async fn of_many_calls_with_one_key_one_runs() {
    let fresh = fresh().await;
    let org = new_org(&fresh.store).await;
    let calls = (0..50).map(|_| {
        let store = fresh.store.clone();
        tokio::spawn(async move {
            store.executions().begin(&execution(org, at(0)), Some(&idempotency("k", "a"))).await.unwrap()
        })
    });
    let begun: Vec<_> = futures_util::future::join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(begun.iter().filter(|it| **it == Begun::New).count(), 1);
    assert_eq!(begun.iter().filter(|it| matches!(it, Begun::Same(_))).count(), 49);
}

#[tokio::test]
async fn runs_are_listed_latest_first_in_pages() {
    let fresh = fresh().await;
    let executions = fresh.store.executions();
    let (org, other) = (new_org(&fresh.store).await, new_org(&fresh.store).await);
    let mut ids = vec![];
    for second in 0..5 {
        let agent = if second == 2 { "clinic" } else { "shop" };
        let new = NewExecution { agent: agent.into(), ..execution(org, at(second)) };
        executions.begin(&new, None).await.unwrap();
        if second == 3 {
            end(&fresh.store, &new, Ok(&json!(1))).await;
        }
        ids.insert(0, new.id);
    }
    executions.begin(&execution(other, at(9)), None).await.unwrap();

    let list = async |filter: Filter, limit| {
        let found = executions.list(org, &filter, limit).await.unwrap();
        found.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    let all = Filter::default();
    assert_eq!(list(all.clone(), 10).await, ids);
    assert_eq!(list(all.clone(), 2).await, ids[..2]);
    assert_eq!(list(Filter { before: Some(ids[1]), ..all.clone() }, 2).await, ids[2..4]);
    assert_eq!(list(Filter { agent: Some("clinic".into()), ..all.clone() }, 10).await, [ids[2]]);
    assert_eq!(list(Filter { status: Some(ExecutionStatus::Succeeded), ..all.clone() }, 10).await, [ids[1]]);
    let running = Some(ExecutionStatus::Running);
    let shop = Filter { agent: Some("shop".into()), status: running, before: Some(ids[0]), ..all };
    assert_eq!(list(shop, 10).await, ids[3..]);
}

#[tokio::test]
async fn runs_of_a_conversation_and_for_a_customer_are_found() {
    let fresh = fresh().await;
    let executions = fresh.store.executions();
    let org = new_org(&fresh.store).await;
    let mut ids = vec![];
    for (second, conversation, customer) in
        [(0, Some("c1"), Some("sari")), (1, Some("c1"), None), (2, Some("c2"), Some("sari")), (3, None, None)]
    {
        let (conversation, customer) = (conversation.map(str::to_owned), customer.map(str::to_owned));
        let new = NewExecution { conversation, customer, ..execution(org, at(second)) };
        executions.begin(&new, None).await.unwrap();
        ids.push(new.id);
    }
    let list = async |conversation: Option<&str>, customer: Option<&str>| {
        let (conversation, customer) = (conversation.map(str::to_owned), customer.map(str::to_owned));
        let filter = Filter { conversation, customer, ..Filter::default() };
        executions.list(org, &filter, 10).await.unwrap().iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(list(Some("c1"), None).await, [ids[1], ids[0]]);
    assert_eq!(list(None, Some("sari")).await, [ids[2], ids[0]]);
    assert_eq!(list(Some("c1"), Some("sari")).await, [ids[0]]);
    assert_eq!(list(Some("c3"), None).await, []);
    let first = executions.get(org, ids[0]).await.unwrap().unwrap();
    assert_eq!((first.conversation.as_deref(), first.customer.as_deref()), (Some("c1"), Some("sari")));
}

#[tokio::test]
async fn an_end_is_told_once_if_it_has_to_be() {
    let fresh = fresh().await;
    let executions = fresh.store.executions();
    let org = new_org(&fresh.store).await;
    let ended = Ended { result: Ok(&json!(1)), trace: "[]", writes: &[], at: at(5), doubt: None };
    let told = async |new: &NewExecution| {
        let events = fresh.store.events().list(org, None, 0, 100).await.unwrap();
        events.iter().filter(|(_, it)| it.execution == Some(new.id)).count()
    };
    for (asked, gone) in [(false, false), (true, false), (false, true), (true, true)] {
        let new = execution(org, at(0));
        executions.begin(&new, None).await.unwrap();
        if asked {
            assert!(executions.tell(org, new.id).await.unwrap());
        }
        assert!(executions.end(&new.owned(), &ended, gone, || event(&new)).await.unwrap());
        assert!(!executions.end(&new.owned(), &ended, true, || event(&new)).await.unwrap(), "it is over");
        assert!(!executions.tell(org, new.id).await.unwrap(), "it is over");
        assert_eq!(told(&new).await, usize::from(asked || gone), "{asked} {gone}");
        // its caller went away just then
        assert_eq!(executions.tell_ended(org, new.id, &event(&new)).await.unwrap(), !(asked || gone));
        assert_eq!(told(&new).await, 1);
    }
    // a read: nobody knew of it, or somebody was told to ask for it
    for begun in [false, true] {
        let new = execution(org, at(0));
        if begun {
            executions.begin(&new, None).await.unwrap();
            executions.tell(org, new.id).await.unwrap();
        }
        let record = Record::new(Common::of(&new).into(), &new, &ended);
        assert!(executions.keep_told(&record, &event(&new)).await.unwrap());
        assert!(!executions.keep_told(&record, &event(&new)).await.unwrap(), "it is over");
        assert_eq!(told(&new).await, 1);
        let kept = executions.get(org, new.id).await.unwrap().unwrap();
        assert_eq!((kept.status, kept.output), (ExecutionStatus::Succeeded, Some(json!(1))));
    }
}

#[tokio::test]
async fn what_is_in_doubt_is_listed_until_somebody_has_found_out() {
    let fresh = fresh().await;
    let executions = fresh.store.executions();
    let org = new_org(&fresh.store).await;
    let mut doubted = Vec::new();
    for (second, code) in [(0, Code::UnknownOutcome), (1, Code::Timeout), (2, Code::UnknownOutcome)] {
        let new = execution(org, at(second));
        executions.begin(&new, None).await.unwrap();
        assert!(end(&fresh.store, &new, Err(&failure(code))).await);
        let row = executions.get(org, new.id).await.unwrap().unwrap();
        assert_eq!((row.in_doubt, row.provider_key.as_deref()), (code == Code::UnknownOutcome, Some("key")));
        if row.in_doubt {
            doubted.insert(0, new);
        }
    }
    let list = async || {
        let filter = Filter { in_doubt: true, ..Filter::default() };
        executions.list(org, &filter, 10).await.unwrap().iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(list().await, [doubted[0].id, doubted[1].id]);
    let resolution = Resolution { happened: true, note: "it is there".into(), at: at(9) };
    let found = Ended {
        result: Ok(&json!({"id": 7})),
        trace: r#"[{"event":"resolved"}]"#,
        writes: &[],
        at: at(9),
        doubt: None,
    };
    let (id, event) = (doubted[0].id, event(&doubted[0]));
    assert!(executions.resolve(org, id, &found, &resolution, &event).await.unwrap());
    assert!(!executions.resolve(org, id, &found, &resolution, &event).await.unwrap(), "once");
    assert_eq!(list().await, [doubted[1].id]);
    let row = executions.get(org, id).await.unwrap().unwrap();
    assert_eq!((row.status, row.output, row.failure), (ExecutionStatus::Succeeded, Some(json!({"id": 7})), None));
    assert_eq!((row.resolution, row.ended_at), (Some(resolution), Some(at(5))), "it ended when it did");
    assert_eq!(fresh.store.events().list(org, None, 0, 10).await.unwrap().len(), 1);
}
