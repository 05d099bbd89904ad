//! A host that fails or hangs, and orgs that send too much.

use std::sync::Mutex;

use futures_util::poll;
use jiff::SignedDuration;

use super::*;
use crate::{base::BoxFuture, system::SystemRandom};

const HOST: &str = "api.example.com";
const PATIENCE: Duration = Duration::from_secs(10);
const FAILED: Outcome = Outcome::Failed { asked: None };

/// A clock that is moved by hand.
#[derive(Default)]
struct Moved(Mutex<Timestamp>);

impl Moved {
    fn on(&self, seconds: i64) {
        *self.0.lock().unwrap() += SignedDuration::from_secs(seconds);
    }
}

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Keeps what it is to tell.
#[derive(Default)]
struct Told(Mutex<Vec<Shut>>);

impl Herald for Told {
    fn tell(&self, shut: &Shut) {
        self.0.lock().unwrap().push(shut.clone());
    }
}

struct Scene {
    isolation: Isolation,
    clock: Arc<Moved>,
    told: Arc<Told>,
}

fn scene(bounds: Bounds) -> Scene {
    let (clock, told) = (Arc::new(Moved::default()), Arc::new(Told::default()));
    let isolation = Isolation::new(bounds, clock.clone(), Arc::new(SystemRandom)).with_herald(told.clone());
    Scene { isolation, clock, told }
}

fn somebody() -> Sent {
    let epoch = Timestamp::UNIX_EPOCH;
    let (org, connection) = (OrgId::new(epoch, &SystemRandom), ConnectionId::new(epoch, &SystemRandom));
    Sent { org, connection, own: false }
}

impl Scene {
    async fn sends(&self, by: Sent, outcome: Outcome) -> Result<(), SendError> {
        self.isolation.enter(by, HOST, PATIENCE, false).await.map(|pass| pass.ended(outcome))
    }

    #[track_caller]
    fn is_shut(&self, result: Result<(), SendError>) {
        let error = result.unwrap_err();
        assert_eq!((error.code, error.may_have_arrived, error.held_back), (Code::Unavailable, false, true));
        assert!(error.retry_after.unwrap() <= Duration::from_secs(5), "{error:?}");
    }
}

#[tokio::test]
async fn an_account_that_fails_again_and_again_is_left_alone_and_the_others_are_not() {
    let scene = scene(Bounds::default());
    let (broken, well) = (somebody(), somebody());
    for _ in 0..5 {
        scene.sends(broken, FAILED).await.unwrap();
    }
    scene.is_shut(scene.sends(broken, FAILED).await);
    scene.sends(well, Outcome::Answered).await.unwrap();
    assert!(scene.isolation.enter(broken, "other.example.com", PATIENCE, false).await.is_ok(), "only there");
    assert_eq!(scene.isolation.shut(broken.connection).len(), 1);
    assert_eq!(scene.isolation.shut(well.connection), []);

    scene.clock.on(5);
    let probe = scene.isolation.enter(broken, HOST, PATIENCE, false).await.unwrap();
    scene.is_shut(scene.sends(broken, FAILED).await);
    probe.ended(Outcome::Answered);
    scene.sends(broken, Outcome::Answered).await.unwrap();
    assert_eq!(scene.isolation.shut(broken.connection), []);
    let told: Vec<_> = scene.told.0.lock().unwrap().iter().map(|it| (it.connection, it.until.is_some())).collect();
    assert_eq!(told, [(Some(broken.connection), true), (Some(broken.connection), false)]);
}

#[tokio::test]
async fn a_host_that_fails_everybody_is_left_alone_by_everybody() {
    let scene = scene(Bounds::default());
    let (own, orgs) = (Sent { own: true, ..somebody() }, [somebody(), somebody(), somebody(), somebody(), somebody()]);
    for by in [own; 4] {
        scene.sends(by, FAILED).await.unwrap();
    }
    for _ in 0..4 {
        for by in orgs {
            scene.sends(by, FAILED).await.unwrap();
        }
    }
    scene.is_shut(scene.sends(somebody(), FAILED).await);
    scene.sends(own, FAILED).await.unwrap();
    scene.sends(Sent { own: true, ..somebody() }, FAILED).await.unwrap();
    // what may have happened is found out nevertheless, and if that works the host is well again
    scene.isolation.enter(somebody(), HOST, PATIENCE, true).await.unwrap().ended(Outcome::Answered);
    scene.sends(somebody(), FAILED).await.unwrap();
    let told: Vec<_> = scene.told.0.lock().unwrap().iter().map(|it| (it.connection, it.until.is_some())).collect();
    assert_eq!(told, [(None, true), (Some(own.connection), true), (None, false)]);
}

#[tokio::test]
async fn what_another_replica_tells_counts_here() {
    let scene = scene(Bounds::default());
    let by = somebody();
    let until = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(3);
    let mut shut = Shut { host: HOST.to_owned(), own: None, connection: Some(by.connection), until: Some(until) };
    scene.isolation.heard(&shut);
    scene.is_shut(scene.sends(by, FAILED).await);
    shut.until = None;
    scene.isolation.heard(&shut);
    scene.sends(by, Outcome::Answered).await.unwrap();
    assert_eq!(*scene.told.0.lock().unwrap(), [], "and is not told on");
}

#[tokio::test]
async fn who_waits_for_a_host_that_turns_out_to_hang_is_told_at_once() {
    let scene = scene(Bounds { at_host: 5, at_host_of_org: 5, ..Bounds::default() });
    let by = somebody();
    let mut hanging = Vec::new();
    for _ in 0..5 {
        hanging.push(scene.isolation.enter(by, HOST, PATIENCE, false).await.unwrap());
    }
    let mut waits = Box::pin(scene.isolation.enter(by, HOST, PATIENCE, false));
    assert!(poll!(&mut waits).is_pending());
    for pass in hanging {
        pass.ended(FAILED);
    }
    let error = waits.await.unwrap_err();
    assert_eq!((error.code, error.held_back), (Code::Unavailable, true));
}

#[tokio::test]
async fn an_org_that_sends_too_much_is_refused_and_the_others_are_not() {
    let bounds = Bounds { at_host: 4, at_host_of_org: 2, waiting_of_org: 3, of_org: 6 };
    let scene = scene(bounds);
    let (noisy, quiet) = (somebody(), somebody());
    let enter = |by, host| scene.isolation.enter(by, host, PATIENCE, false);
    let _held = [enter(noisy, HOST).await.unwrap(), enter(noisy, HOST).await.unwrap()];
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(enter(noisy, HOST))).collect();
    for it in &mut waiting {
        assert!(poll!(it).is_pending());
    }
    let full = enter(noisy, HOST).await.unwrap_err();
    assert_eq!((full.code, full.retry_after, full.held_back), (Code::RateLimited, Some(SOON), true));
    let _elsewhere = enter(noisy, "other.example.com").await.unwrap();
    let too_much = enter(noisy, "third.example.com").await.unwrap_err();
    assert_eq!((too_much.code, too_much.may_have_arrived), (Code::RateLimited, false));
    assert!(scene.isolation.enter(noisy, HOST, PATIENCE, true).await.is_ok(), "to find out what happened");
    for host in [HOST, "other.example.com", "third.example.com"] {
        assert!(enter(quiet, host).await.is_ok());
    }
    drop((waiting, _held, _elsewhere));
    assert!(lock(&scene.isolation.orgs).is_empty());
}

#[tokio::test]
async fn no_more_hosts_are_remembered_than_allowed() {
    let scene = scene(Bounds::default());
    let by = somebody();
    let held = scene.isolation.enter(by, HOST, PATIENCE, false).await.unwrap();
    for number in 0..MAX_HOSTS + 5 {
        drop(scene.isolation.enter(by, &format!("h{number}.example.com"), PATIENCE, false).await.unwrap());
    }
    let hosts = scene.isolation.hosts.read().unwrap();
    let names = &hosts[&None];
    assert!(names.len() < MAX_HOSTS && names.contains_key(HOST));
    drop(held);
}
