use super::{
    executions::{event, failure},
    *,
};
use crate::{
    base::Code,
    store::{Begun, Ended, Owned, Write, WriteOutcome},
};

fn write(number: u32) -> Write {
    Write {
        number,
        step: "event".into(),
        request: "POST https://api.example.com/events".into(),
        sent_at: at(1),
        outcome: None,
    }
}

/// A run of `owner`.
async fn begun(store: &Store, org: OrgId, owner: &str) -> NewExecution {
    let new = NewExecution { owner: owner.into(), ..execution(org, at(0)) };
    assert_eq!(store.executions().begin(&new, None).await.unwrap(), Begun::New);
    new
}

async fn checkpoint(store: &Store, owned: &Owned) -> Option<Sealed> {
    store.running().kept(owned).await.unwrap().checkpoint
}

#[tokio::test]
async fn writes_are_noted_before_and_after() {
    let fresh = fresh().await;
    let (executions, running) = (fresh.store.executions(), fresh.store.running());
    let new = begun(&fresh.store, new_org(&fresh.store).await, "me").await;
    let owned = new.owned();
    let intend = async |number: u32, earlier: &[(u32, WriteOutcome)]| {
        assert!(running.intend(&owned, &write(number), number + 1, &sealed("at"), earlier).await.unwrap());
    };
    intend(0, &[]).await;
    assert_eq!(executions.writes(new.org, new.id).await.unwrap(), [write(0)]);
    intend(1, &[(0, WriteOutcome::Answered(201))]).await;
    intend(2, &[(1, WriteOutcome::NotSent)]).await;
    let writes = [(2, WriteOutcome::Lost)];
    let ended =
        Ended { result: Err(&failure(Code::UnknownOutcome)), trace: "[]", writes: &writes, at: at(5), doubt: None };
    assert!(executions.end(&owned, &ended, false, || unreachable!("nobody is told")).await.unwrap());
    let outcomes: Vec<_> =
        executions.writes(new.org, new.id).await.unwrap().into_iter().map(|it| it.outcome.unwrap()).collect();
    assert_eq!(outcomes, [WriteOutcome::Answered(201), WriteOutcome::NotSent, WriteOutcome::Lost]);
}

#[tokio::test]
async fn of_the_checkpoints_of_writes_under_way_together_the_one_that_knows_all_stays() {
    let fresh = fresh().await;
    let running = fresh.store.running();
    let owned = begun(&fresh.store, new_org(&fresh.store).await, "me").await.owned();
    for (number, revision, text, stays) in
        [(0, 2, "second", "second"), (1, 1, "first", "second"), (2, 3, "third", "third")]
    {
        assert!(running.intend(&owned, &write(number), revision, &sealed(text), &[]).await.unwrap());
        assert_eq!(checkpoint(&fresh.store, &owned).await, Some(sealed(stays)));
    }
}

#[tokio::test]
async fn what_it_needs_to_go_on_is_kept_from_its_first_row_to_its_end() {
    let fresh = fresh().await;
    let new = begun(&fresh.store, new_org(&fresh.store).await, "me").await;
    let kept = fresh.store.running().kept(&new.owned()).await.unwrap();
    assert_eq!((kept.beginning, kept.checkpoint), (Some(sealed("beginning")), None));
    let ended = Ended { result: Ok(&json!(1)), trace: "[]", writes: &[], at: at(5), doubt: None };
    assert!(fresh.store.executions().end(&new.owned(), &ended, true, || event(&new)).await.unwrap());
    let kept = fresh.store.running().kept(&new.owned()).await.unwrap();
    assert_eq!((kept.beginning, kept.checkpoint), (None, None));
    let row = fresh.store.executions().get(new.org, new.id).await.unwrap().unwrap();
    assert_eq!(row.connector_digest.as_deref(), Some("digest"));
}

#[tokio::test]
async fn whoever_lost_it_can_change_nothing_any_more() {
    let fresh = fresh().await;
    let (executions, running) = (fresh.store.executions(), fresh.store.running());
    let new = begun(&fresh.store, new_org(&fresh.store).await, "before").await;
    let old = new.owned();
    let claimed = running.claim(&old, "me", at(9)).await.unwrap().unwrap();
    assert_eq!((claimed.owned.epoch, &*claimed.owned.owner, claimed.recoveries), (1, "me", 1));
    assert_eq!(running.claim(&old, "late", at(9)).await.unwrap(), None);
    let ended =
        Ended { result: Ok(&json!(1)), trace: "[]", writes: &[(0, WriteOutcome::Lost)], at: at(9), doubt: None };
    let again = Owned { owner: "me".into(), ..old.clone() };
    for lost in [&old, &again] {
        assert!(!running.intend(lost, &write(0), 9, &sealed("theirs"), &[]).await.unwrap());
        assert!(!executions.end(lost, &ended, false, || event(&new)).await.unwrap());
        assert!(!executions.end_told(lost, &ended, &event(&new)).await.unwrap());
    }
    assert_eq!(executions.writes(new.org, new.id).await.unwrap(), []);
    assert_eq!(fresh.store.events().list(new.org, None, 0, 10).await.unwrap(), []);
    assert!(running.intend(&claimed.owned, &write(0), 1, &sealed("mine"), &[]).await.unwrap());
    assert_eq!(checkpoint(&fresh.store, &old).await, Some(sealed("mine")));
    assert!(executions.end_told(&claimed.owned, &ended, &event(&new)).await.unwrap());
    assert_eq!(running.claim(&claimed.owned, "late", at(9)).await.unwrap(), None, "it has ended");
}

#[tokio::test]
async fn of_many_that_claim_it_one_has_it() {
    let fresh = fresh().await;
    let from = begun(&fresh.store, new_org(&fresh.store).await, "dead").await.owned();
    let claims = (0..20).map(|number| {
        let (store, from) = (fresh.store.clone(), from.clone());
        tokio::spawn(async move { store.running().claim(&from, &format!("r{number}"), at(9)).await.unwrap().is_some() })
    });
    let claimed = futures_util::future::join_all(claims).await.into_iter().filter(|it| *it.as_ref().unwrap()).count();
    assert_eq!(claimed, 1);
}

#[tokio::test]
async fn recoveries_are_counted_until_it_comes_further() {
    let fresh = fresh().await;
    let running = fresh.store.running();
    let mut owned = begun(&fresh.store, new_org(&fresh.store).await, "r0").await.owned();
    for number in 1..=3 {
        let claimed = running.claim(&owned, &format!("r{number}"), at(9)).await.unwrap().unwrap();
        assert_eq!(claimed.recoveries, number);
        owned = claimed.owned;
    }
    assert!(running.intend(&owned, &write(0), 1, &sealed("at"), &[]).await.unwrap());
    assert_eq!(running.claim(&owned, "r4", at(9)).await.unwrap().unwrap().recoveries, 1);
}

#[tokio::test]
async fn nobody_is_at_what_belongs_to_the_dead_or_to_nobody_known() {
    let fresh = fresh().await;
    let (replicas, running) = (fresh.store.replicas(), fresh.store.running());
    for id in ["me", "alive", "dead"] {
        replicas.join(id, false, at(0)).await.unwrap();
    }
    replicas.leave("dead", at(1)).await.unwrap();
    let org = new_org(&fresh.store).await;
    let mut begun_by = Vec::new();
    for owner in ["me", "alive", "dead", "nobody"] {
        begun_by.push(begun(&fresh.store, org, owner).await.owned());
    }
    assert_eq!(running.orphans(10).await.unwrap(), begun_by[2..3]);
    assert_eq!(running.of_nobody(10).await.unwrap(), begun_by[3..]);
}

#[tokio::test]
async fn a_replica_finds_what_it_has_and_first_what_should_have_ended_first() {
    let fresh = fresh().await;
    let (org, running) = (new_org(&fresh.store).await, fresh.store.running());
    let first = begun(&fresh.store, org, "me").await.owned();
    let second = begun(&fresh.store, org, "me").await.owned();
    begun(&fresh.store, org, "another").await;
    let claimed = running.claim(&first, "me", at(9)).await.unwrap().unwrap().owned;
    assert_eq!(running.of("me", 10).await.unwrap(), [second.clone(), claimed], "it has as much time again");
    assert_eq!(running.of("me", 1).await.unwrap(), std::slice::from_ref(&second));
    let output = json!(1);
    let ended = Ended { result: Ok(&output), trace: "[]", writes: &[], at: at(10), doubt: None };
    assert!(fresh.store.executions().end(&second, &ended, false, || unreachable!("nobody is told")).await.unwrap());
    assert_eq!(running.of("me", 10).await.unwrap().len(), 1, "it has ended");
}
