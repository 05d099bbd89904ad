use super::*;
use crate::{
    base::{Code, ErasureId, EventId, Failure},
    crypto::Digest,
    store::{
        Begun, Ended, Event, EventType, Execution, Idempotency, Part, Policy, Received, Subject, Write, WriteOutcome,
    },
};

const DAY: i64 = 24 * 3600;

/// An execution that was begun in that second and ended in the one after, with a write.
async fn ended(store: &Store, org: OrgId, second: i64, result: Result<&Json, &Failure>) -> ExecutionId {
    let new = NewExecution { conversation: Some("c1".into()), ..execution(org, at(second)) };
    store.executions().begin(&new, None).await.unwrap();
    end(store, &new, result).await;
    new.id
}

async fn end(store: &Store, new: &NewExecution, result: Result<&Json, &Failure>) {
    let executions = store.executions();
    let (step, request) = ("event".to_owned(), "POST https://api.example.com/sari".to_owned());
    let write = Write { number: 0, step, request, sent_at: new.started_at, outcome: None };
    assert!(store.running().intend(&new.owned(), &write, 1, &sealed("place"), &[]).await.unwrap());
    let writes = [(0, WriteOutcome::Answered(200))];
    let at = new.started_at + jiff::SignedDuration::from_secs(1);
    let ended = Ended { result, trace: r#"["sari"]"#, writes: &writes, at, doubt: None };
    assert!(executions.end(&new.owned(), &ended, false, || unreachable!("nobody is told")).await.unwrap());
}

fn failed(code: Code) -> Failure {
    Failure { say: "Sari is taken".into(), ..Failure::new(code, "Sari, in detail") }
}

async fn row(store: &Store, org: OrgId, id: ExecutionId) -> Option<Execution> {
    store.executions().get(org, id).await.unwrap()
}

/// Sweeps all of a part, in batches of two.
async fn sweep(store: &Store, org: OrgId, part: Part, before: i64) {
    let mut batches = 0;
    while store.retention().sweep(org, part, at(before), 2).await.unwrap() {
        batches += 1;
        assert!(batches < 100, "it gets on");
    }
    while store.retention().sweep_passed_over(org, part, at(before), 2).await.unwrap() {}
}

#[tokio::test]
async fn a_policy_is_an_orgs_own() {
    let fresh = fresh().await;
    let (org, other) = (new_org(&fresh.store).await, new_org(&fresh.store).await);
    let retention = fresh.store.retention();
    assert_eq!(retention.policy(org).await.unwrap(), Policy::default());
    for days in [7, 8] {
        let policy = Policy { traces_days: Some(days), ..Policy::default() };
        retention.set_policy(org, &policy, at(0)).await.unwrap();
        assert_eq!(retention.policy(org).await.unwrap(), policy);
    }
    assert_eq!(retention.policy(other).await.unwrap(), Policy::default());
}

#[tokio::test]
async fn each_part_goes_when_it_is_its_time_and_the_rest_stays() {
    let fresh = fresh().await;
    let store = &fresh.store;
    let (org, other) = (new_org(store).await, new_org(store).await);
    let output = json!({"name": "Sari"});
    let mut old = vec![];
    for second in 0..5 {
        old.push(ended(store, org, second, Ok(&output)).await);
    }
    let failure = failed(Code::Conflict);
    let conflict = ended(store, org, 5, Err(&failure)).await;
    let theirs = ended(store, other, 0, Ok(&output)).await;
    let young = ended(store, org, DAY, Ok(&output)).await;

    sweep(store, org, Part::Inputs, DAY).await;
    for id in &old {
        let it = row(store, org, *id).await.unwrap();
        assert_eq!((&it.input, it.output.as_ref()), (&Json::Null, Some(&output)));
        assert!(it.expired.input && !it.expired.output);
    }
    sweep(store, org, Part::Outputs, DAY).await;
    sweep(store, org, Part::Traces, DAY).await;
    for id in old.iter().chain([&conflict]) {
        let it = row(store, org, *id).await.unwrap();
        assert!(it.expired.input && it.expired.output && it.expired.trace && it.output.is_none());
        assert_eq!(store.executions().trace(org, *id).await.unwrap(), None);
        assert_eq!(store.executions().writes(org, *id).await.unwrap(), []);
    }
    let left = row(store, org, conflict).await.unwrap().failure.unwrap();
    assert_eq!((left.code, left.say.as_str()), (Code::Conflict, Code::Conflict.say()), "the code stays");
    assert!(!left.detail.contains("Sari"));
    sweep(store, org, Part::Executions, DAY).await;
    assert_eq!(row(store, org, old[0]).await, None);
    for (org, id) in [(org, young), (other, theirs)] {
        let it = row(store, org, id).await.unwrap();
        assert_eq!(
            (it.input, it.output.as_ref(), it.expired),
            (input(), Some(&output), crate::store::Expired::default())
        );
        assert_eq!(store.executions().writes(org, id).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_is_under_way_or_in_doubt_or_answered_by_a_key_stays_until_it_is_not() {
    let fresh = fresh().await;
    let store = &fresh.store;
    let org = new_org(store).await;
    let unknown = failed(Code::UnknownOutcome);
    let doubtful = ended(store, org, 0, Err(&unknown)).await;
    let running = execution(org, at(1));
    store.executions().begin(&running, None).await.unwrap();
    let keyed = execution(org, at(2));
    let key = Idempotency { key: "k".into(), fingerprint: Digest::of("a"), expires_at: at(10 * DAY) };
    assert_eq!(store.executions().begin(&keyed, Some(&key)).await.unwrap(), Begun::New);
    end(store, &keyed, Ok(&json!(1))).await;

    for part in Part::ALL {
        sweep(store, org, part, DAY).await;
    }
    let it = row(store, org, doubtful).await.unwrap();
    assert_eq!((it.failure.as_ref(), it.input), (Some(&unknown), input()), "somebody has to look at it");
    assert_eq!(row(store, org, running.id).await.unwrap().input, input());
    let it = row(store, org, keyed.id).await.unwrap();
    assert!(it.output.is_none() && it.expired.output, "its key tells that it was done, and that the output is gone");

    end(store, &running, Ok(&json!("late"))).await;
    while store.retention().forget_keys(at(10 * DAY), at(11 * DAY), 1).await.unwrap() {}
    for part in Part::ALL {
        sweep(store, org, part, DAY).await;
    }
    for id in [running.id, keyed.id] {
        assert_eq!(row(store, org, id).await, None, "passed over, and found again");
    }
    assert!(row(store, org, doubtful).await.is_some());
}

/// An event of the org, of an execution or not.
fn event(org: OrgId, execution: Option<ExecutionId>, second: i64) -> Event {
    Event {
        org,
        id: EventId::new(at(second), &SystemRandom),
        kind: EventType::ExecutionSucceeded,
        at: at(second),
        connection: None,
        execution,
        data: json!({"output": "Sari"}),
    }
}

#[tokio::test]
async fn events_go_oldest_first_in_batches_and_what_providers_told_with_them() {
    let fresh = fresh().await;
    let store = &fresh.store;
    let org = new_org(store).await;
    let of = new_connection(store, org).await;
    for second in 0..5 {
        let (id, output) = (second.to_string(), json!(second));
        let received = Received {
            org,
            connection: of,
            connector: "c",
            event: "paid",
            id: &id,
            correlate: None,
            output: &output,
            at: at(second),
        };
        assert!(store.waits().receive(&received, &event(org, None, second)).await.unwrap());
    }
    let left = async || store.events().list(org, None, 0, 10).await.unwrap().len();
    assert!(store.retention().forget_events(org, at(3), 2).await.unwrap(), "there are more");
    assert_eq!(left().await, 3);
    assert!(!store.retention().forget_events(org, at(3), 2).await.unwrap());
    assert_eq!(left().await, 2);
}

#[tokio::test]
async fn an_erasure_leaves_that_it_happened_and_takes_what_is_not_over_when_it_is() {
    let fresh = fresh().await;
    let store = &fresh.store;
    let (org, other) = (new_org(store).await, new_org(store).await);
    let connection = new_connection(store, org).await;
    let erasures = store.erasures();
    let output = json!({"name": "Sari"});
    let failure = failed(Code::Conflict);
    let first = ended(store, org, 0, Ok(&output)).await;
    let second = ended(store, org, 1, Err(&failure)).await;
    let theirs = ended(store, other, 0, Ok(&output)).await;
    let late = NewExecution { conversation: Some("c1".into()), ..execution(org, at(2)) };
    store.executions().begin(&late, None).await.unwrap();
    erasures.correlate((org, first), connection, "c", ("paid", "INV-1")).await.unwrap();
    erasures.correlate((org, first), connection, "c", ("paid", "INV-1")).await.unwrap();
    let received = Received {
        org,
        connection,
        connector: "c",
        event: "paid",
        id: "1",
        correlate: Some("INV-1"),
        output: &output,
        at: at(3),
    };
    assert!(store.waits().receive(&received, &event(org, None, 3)).await.unwrap());
    store.events().add(&event(org, Some(first), 4)).await.unwrap();
    store.events().add(&event(org, None, 4)).await.unwrap();
    assert_eq!(erasures.events(org, first).await.unwrap().len(), 2);

    let subject = Subject::Conversation("c1".into());
    let asked = erasures.ask(org, ErasureId::new(at(5), &SystemRandom), &subject, at(5)).await.unwrap();
    // begun afterwards: the conversation may go on
    let young = ended(store, org, 6, Ok(&output)).await;
    let erased = erasures.erase(&asked, at(7), 10).await.unwrap();
    assert_eq!((erased.executions, erased.events, erased.received), (2, 2, 1));
    assert_eq!(erasures.left(&asked).await.unwrap(), 1);
    for id in [first, second] {
        let it = row(store, org, id).await.unwrap();
        assert_eq!((it.input, it.output, it.conversation, it.erased_at), (Json::Null, None, None, Some(at(7))));
        assert_eq!(store.executions().trace(org, id).await.unwrap(), None);
        assert_eq!(store.executions().writes(org, id).await.unwrap(), []);
    }
    assert_eq!(row(store, org, second).await.unwrap().failure.unwrap().code, Code::Conflict);
    let told: Vec<_> =
        store.events().list(org, None, 0, 10).await.unwrap().into_iter().map(|(_, it)| it.data).collect();
    assert_eq!(told, [json!({"erased": true}), json!({"erased": true}), json!({"output": "Sari"})]);
    assert!(store.waits().is_known(&received).await.unwrap(), "told again, it is known");
    for (org, id) in [(org, young), (other, theirs)] {
        assert_eq!(row(store, org, id).await.unwrap().output, Some(output.clone()));
    }

    end(store, &late, Ok(&output)).await;
    let pending = erasures.pending(Timestamp::MIN, 10).await.unwrap();
    assert_eq!(pending[0].subject.as_ref(), Some(&subject));
    assert_eq!(erasures.erase(&pending[0], at(8), 10).await.unwrap().executions, 1);
    assert_eq!(erasures.left(&pending[0]).await.unwrap(), 0);
    // asked again meanwhile: that one is not done
    let again = erasures.ask(org, ErasureId::new(at(9), &SystemRandom), &subject, at(9)).await.unwrap();
    assert_eq!((again.id, again.erased.executions), (asked.id, 3), "one record");
    assert!(!erasures.done(&pending[0], at(10)).await.unwrap());
    assert_eq!(erasures.erase(&again, at(10), 10).await.unwrap().executions, 1);
    assert!(erasures.done(&again, at(10)).await.unwrap());
    let [record] = &erasures.list(org, None, 10).await.unwrap()[..] else { panic!("one record") };
    assert_eq!((record.subject.as_ref(), record.done_at, record.erased.executions), (None, Some(at(10)), 4));
    assert_eq!(record.digest, subject.digest(org));
    assert_eq!(erasures.pending(Timestamp::MIN, 10).await.unwrap(), []);
    assert_eq!(erasures.list(other, None, 10).await.unwrap(), []);
    assert_eq!(erasures.forget(org, at(10), 10).await.unwrap(), 0);
    assert_eq!(erasures.forget(org, at(11), 10).await.unwrap(), 1);
}

#[tokio::test]
async fn an_export_goes_on_where_it_stopped() {
    let fresh = fresh().await;
    let store = &fresh.store;
    let org = new_org(store).await;
    let mut ids = vec![];
    for second in 0..3 {
        ids.push(ended(store, org, second, Ok(&json!(1))).await);
    }
    let none = execution(org, at(9));
    store.executions().begin(&none, None).await.unwrap();
    let subject = Subject::Conversation("c1".into());
    let export = async |subject: Option<&Subject>, after, limit| {
        let found = store.erasures().executions(org, subject, after, limit).await.unwrap();
        found.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(export(Some(&subject), None, 2).await, ids[..2]);
    assert_eq!(export(Some(&subject), Some(ids[1]), 2).await, ids[2..]);
    assert_eq!(export(None, Some(ids[2]), 2).await, [none.id]);
    assert_eq!(export(Some(&Subject::Customer("c1".into())), None, 2).await, []);
}
