use super::{
    waits::{received, told, wait},
    *,
};
use crate::{
    base::{Code, Failure},
    store::{Begun, Doubted, Ended, ExecutionStatus, Filter, Kept, NEVER, Owned, Resolution, Wait, Write},
};

/// An execution that ended in doubt, of which something was told before that.
pub(super) async fn doubted(fresh: &Fresh) -> NewExecution {
    let new = ends_in_doubt(fresh, &["n1"]).await;
    assert_eq!(fresh.store.waits().next_due().await.unwrap(), Some(at(5)));
    new
}

/// An execution that ended in doubt, after these events had come.
async fn ends_in_doubt(fresh: &Fresh, before: &[&str]) -> NewExecution {
    let org = new_org(&fresh.store).await;
    let new = NewExecution { connection: new_connection(&fresh.store, org).await, ..execution(org, at(0)) };
    let executions = fresh.store.executions();
    assert_eq!(executions.begin(&new, None).await.unwrap(), Begun::New);
    let write = Write { number: 0, step: "pay".into(), request: "POST /".into(), sent_at: at(1), outcome: None };
    assert!(fresh.store.running().intend(&new.owned(), &write, 1, &sealed("sent"), &[]).await.unwrap());
    for id in before {
        fresh.store.waits().receive(&received(&new, id, "o1", &json!("paid"), 2), &told(org)).await.unwrap();
    }
    let doubt = Doubted { wait: awaited(&new), place: sealed("doubt") };
    let failure = Failure::new(Code::UnknownOutcome, "no answer");
    let ended = Ended { result: Err(&failure), trace: "[]", writes: &[], at: at(5), doubt: Some(&doubt) };
    assert!(executions.end(&new.owned(), &ended, false, || unreachable!("nobody is told")).await.unwrap());
    new
}

fn awaited(new: &NewExecution) -> Wait {
    Wait { due_at: NEVER, until: NEVER, ..wait(new, 0) }
}

async fn claim(fresh: &Fresh, second: i64) -> Vec<Wait> {
    fresh.store.waits().claim_doubts("me", at(second), at(second + 120), 10, &[]).await.unwrap()
}

async fn in_doubt(fresh: &Fresh, org: OrgId) -> usize {
    let filter = Filter { in_doubt: true, ..Filter::default() };
    fresh.store.executions().list(org, &filter, 10).await.unwrap().len()
}

fn resolution(second: i64) -> Resolution {
    Resolution { happened: true, note: "told by paid".into(), at: at(second) }
}

async fn reopen(fresh: &Fresh, from: &Owned, second: i64) -> Option<Owned> {
    let to = Owned { owner: "me".into(), epoch: from.epoch + 1, ..from.clone() };
    let (running, place) = (fresh.store.running(), sealed("behind"));
    let trace = r#"[{"event":"resolved"}]"#;
    let is = running.reopen((from, &to), at(60), (7, &place), trace, &resolution(second)).await.unwrap();
    is.then_some(to)
}

#[tokio::test]
async fn what_is_told_of_a_doubt_is_looked_at_and_ends_it_once() {
    let fresh = fresh().await;
    let new = ends_in_doubt(&fresh, &[]).await;
    let waits = fresh.store.waits();
    assert!(claim(&fresh, 900).await.is_empty(), "nothing was told");
    assert_eq!(waits.claim("me", at(900), 10, &[]).await.unwrap().len(), 0, "it has ended");
    waits.receive(&received(&new, "n0", "o2", &json!(0), 6), &told(new.org)).await.unwrap();
    assert!(claim(&fresh, 6).await.is_empty(), "it is of another");
    waits.receive(&received(&new, "n1", "o1", &json!(1), 7), &told(new.org)).await.unwrap();
    let looked = claim(&fresh, 7).await.remove(0);
    assert!(claim(&fresh, 8).await.is_empty(), "one looks at it");
    let kept = fresh.store.running().kept(&looked.owned).await.unwrap();
    assert_eq!((kept.beginning, kept.checkpoint), (Some(sealed("beginning")), Some(sealed("doubt"))));
    let unseen = waits.unseen(&looked, 10).await.unwrap();
    assert_eq!(unseen.iter().map(|it| &it.output).collect::<Vec<_>>(), [&json!(1)]);
    // it was not about that; one more came while it was looked at
    waits.receive(&received(&new, "n2", "o1", &json!(2), 9), &told(new.org)).await.unwrap();
    let on = Wait { seen: unseen[0].number, due_at: NEVER, ..looked };
    waits.doubts_on(&on, at(10)).await.unwrap();
    assert_eq!(in_doubt(&fresh, new.org).await, 1);
    let looked = claim(&fresh, 10).await.remove(0);
    assert_eq!(waits.unseen(&looked, 10).await.unwrap()[0].output, json!(2));
    let owned = reopen(&fresh, &looked.owned, 11).await.expect("it is in doubt");
    assert_eq!(reopen(&fresh, &looked.owned, 11).await, None, "once");
    let now = fresh.store.executions().get(new.org, new.id).await.unwrap().unwrap();
    assert_eq!((now.status, now.in_doubt, &now.failure), (ExecutionStatus::Running, false, &None));
    assert_eq!((now.resolution, now.ended_at), (Some(resolution(11)), None));
    assert_eq!(fresh.store.running().kept(&owned).await.unwrap().checkpoint, Some(sealed("behind")));
    waits.doubts_on(&on, at(12)).await.unwrap();
    assert!(waits.get(&owned).await.unwrap().is_none(), "nothing is waited for any more");
    assert_eq!(in_doubt(&fresh, new.org).await, 0);
    let output = json!({"id": 7});
    let ended = Ended { result: Ok(&output), trace: "[]", writes: &[], at: at(12), doubt: None };
    assert!(!fresh.store.executions().end(&new.owned(), &ended, true, || told(new.org)).await.unwrap());
    assert!(fresh.store.executions().end_told(&owned, &ended, &told(new.org)).await.unwrap());
    let kept = fresh.store.running().kept(&owned).await.unwrap();
    assert_eq!((kept.beginning, kept.checkpoint), (None, None));
}

#[tokio::test]
async fn a_doubt_that_could_not_be_looked_at_is_due_again_unless_it_is_another_ones() {
    let fresh = fresh().await;
    let new = doubted(&fresh).await;
    let looked = claim(&fresh, 5).await.remove(0);
    let waits = fresh.store.waits();
    waits.doubts_again("another", &looked.owned, at(9)).await.unwrap();
    assert!(claim(&fresh, 9).await.is_empty(), "it is not the other one's");
    waits.doubts_again("me", &looked.owned, at(10)).await.unwrap();
    assert!(claim(&fresh, 9).await.is_empty(), "it is not due");
    assert_eq!(claim(&fresh, 10).await[0].owned.id, new.id);
}

#[tokio::test]
async fn what_was_told_before_the_doubt_began_is_not_missed() {
    let fresh = fresh().await;
    doubted(&fresh).await;
    assert_eq!(claim(&fresh, 5).await.len(), 1);
}

#[tokio::test]
async fn what_it_needs_to_go_on_is_sealed_anew_with_the_rest() {
    let fresh = fresh().await;
    let new = ends_in_doubt(&fresh, &[]).await;
    for (kind, text) in [(Kept::Beginnings, "beginning"), (Kept::Checkpoints, "doubt")] {
        let kept = fresh.store.kept(kind, "", 10).await.unwrap();
        let seals: Vec<_> = kept.iter().map(|it| (it.key.clone(), it.sealed.clone())).collect();
        assert_eq!(seals, [(new.id.to_string(), sealed(text))]);
    }
}

#[tokio::test]
async fn a_doubt_that_a_person_ended_waits_for_nothing_more() {
    let fresh = fresh().await;
    let new = doubted(&fresh).await;
    let output = json!({"id": 7});
    let found = Ended { result: Ok(&output), trace: "[]", writes: &[], at: at(9), doubt: None };
    let executions = fresh.store.executions();
    assert!(executions.resolve(new.org, new.id, &found, &resolution(9), &told(new.org)).await.unwrap());
    assert!(claim(&fresh, 900).await.is_empty());
    assert_eq!(fresh.store.waits().next_due().await.unwrap(), None);
    let kept = fresh.store.running().kept(&new.owned()).await.unwrap();
    assert_eq!((kept.beginning, kept.checkpoint), (None, None));
    assert_eq!(reopen(&fresh, &new.owned(), 10).await, None);
}
