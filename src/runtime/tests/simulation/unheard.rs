//! The answer to a claim is lost, once for each kind of claim: a replica that has what it never heard of gives it back, and goes
//! on with it long before any lease is over.

use serde_json::Value as Json;

use super::*;
use crate::{base::ExecutionId, delivery::Delivery, signing::Hash, store::Subscription};

/// All that is wanted has come to its end after so long, whatever was lost.
const SOON: SignedDuration = SignedDuration::from_secs(40);

/// Of what the answers are lost, together.
const LOST: &[&[&str]] = &[
    &[],
    &[BEGUN_WITHOUT_KEY],
    &["INSERT INTO idempotency_keys"],
    // … and then of what claims what that has left
    &["INSERT INTO idempotency_keys", "UPDATE executions SET owner = $5"],
    &["UPDATE executions SET status = 'running', owner = $2"],
    // whoever is told of a doubt has it run again, as the second change of two
    &["DELETE FROM waits WHERE org = $1"],
    &["UPDATE waits SET due_at = $2, owner = $8"],
    &["UPDATE deliveries SET next_at = $2, owner = $8"],
    &["DELETE FROM deliveries"],
    &["UPDATE subscriptions SET next_at = $2, owner = $8"],
    &["UPDATE subscriptions SET held"],
];

const BEGUN_WITHOUT_KEY: &str = "INSERT INTO executions";

struct Wants {
    scene: Arc<Scene>,
    engine: Arc<Engine>,
    door: Door,
    end: Timestamp,
}

impl Wants {
    async fn looks<T>(&self, work: impl Future<Output = T>) -> T {
        self.door.pass("looks", |_| unreachable!("its answers are not lost"), work).await
    }

    async fn rests(&self) {
        assert!(self.scene.world.now() < self.end, "it takes until a lease is over");
        self.door.sleep(Duration::from_millis(200)).await;
    }

    async fn call(&self, action: &str, order: &str, key: Option<&str>) -> Option<Execution> {
        let call = Call {
            agent: "a".into(),
            function: action.into(),
            arguments: json!({"order": order}),
            conversation: Some(self.scene.conversation.clone()),
            customer: None,
            turn: None,
            idempotency_key: key.map(str::to_owned),
            patience: None,
        };
        match self.engine.called(self.scene.ground.org, call, None).await {
            Ok(Came::Own(it) | Came::Earlier(it)) => Some(*it),
            Err(_) => None,
        }
    }

    /// Calls until it is told of an execution that does not run any more.
    async fn insists(&self, action: &str, order: &str) -> Execution {
        let key = format!("{action} {order}");
        loop {
            if let Some(it) = self.call(action, order, Some(&key)).await
                && it.status != ExecutionStatus::Running
            {
                return it;
            }
            self.rests().await;
        }
    }

    /// The provider tells something, until it is taken.
    async fn tells(&self, body: Json) {
        let org = self.scene.ground.org;
        let connections = self.looks(self.scene.ground.store.connections().list(org)).await.unwrap();
        let body = body.to_string();
        let signature = Hash::Sha256.hmac(b"k", body.as_bytes()).unwrap();
        let signature = signature.iter().map(|it| format!("{it:02x}")).collect();
        let headers = vec![("x-signature".to_owned(), signature)];
        let sent = Delivery { method: "POST".into(), path: String::new(), query: vec![], headers, body: body.into() };
        while self.engine.welcome("purse", &connections[0].webhook, sent.clone()).await.is_err() {
            self.rests().await;
        }
    }

    async fn ends(&self, id: ExecutionId) -> Execution {
        loop {
            let executions = self.looks(self.scene.executions()).await;
            let it = executions.into_iter().find(|it| it.id == id).unwrap();
            if it.status.is_over() && !it.in_doubt {
                return it;
            }
            self.rests().await;
        }
    }

    async fn subscription(&self) -> Subscription {
        let connections = self.scene.ground.store.connections();
        let of = self.looks(connections.list(self.scene.ground.org)).await.unwrap()[0].id;
        self.looks(self.scene.ground.store.subscriptions().of(self.scene.ground.org, of)).await.unwrap().remove(0)
    }

    async fn all(self, lost: &[&'static str]) {
        let (world, store) = (&self.scene.world, &self.scene.ground.store);
        while !self.engine.may_send() {
            self.rests().await;
        }
        world.lose_answers(lost);
        let order = |of: &str| format!("{}-{of}", self.scene.conversation);

        let subscription = Subscription { next_at: Some(world.now()), ..self.subscription().await };
        self.looks(store.subscriptions().keep(&subscription)).await.unwrap();
        self.engine.waker.notify_one();

        let paid = self.call("pay", &order("once"), None).await;
        assert_eq!(paid.is_none(), lost.contains(&BEGUN_WITHOUT_KEY));
        let bought = self.insists("check_out", &order("bought")).await;
        let unknown = self.insists("pay_blindly", &order("unanswered")).await;
        assert!(unknown.in_doubt, "{unknown:?}");
        self.tells(json!({"id": order("told"), "order": order("bought")})).await;
        let key = unknown.provider_key.clone();
        self.tells(json!({"id": order("paid"), "order": order("unanswered"), "payment": "p1", "key": key})).await;

        for it in [bought, unknown] {
            let it = self.ends(it.id).await;
            assert_eq!(it.status, ExecutionStatus::Succeeded, "{it:?}");
        }
        while self.subscription().await.next_at.is_some() {
            self.rests().await;
        }
        let me = self.engine.replica();
        while !self.looks(store.replicas().taken(&me)).await.unwrap().is_empty() {
            self.rests().await;
        }
        // whoever was told that nothing was begun is right
        let executions = self.looks(self.scene.executions()).await;
        let once = executions.iter().find(|it| it.action == "pay").unwrap();
        let payments = lock(&self.scene.books).of(&order("once")).payments;
        match &once.failure {
            None => assert_eq!((paid.is_some(), payments), (true, 1)),
            Some(failure) => assert_eq!((paid, failure.code, payments), (None, Code::Unavailable, 0)),
        }
        assert_eq!(executions.len(), 3, "each was begun once");
    }
}

/// All of it, without these answers, and with a mistake in the program.
fn without(
    ground: &Arc<Ground>,
    seed: u64,
    lost: &'static [&'static str],
    mistake: Option<(&'static str, &'static str)>,
) {
    simulation::run(async {
        let scene = Arc::new(Scene::new(ground, seed, Odds::FAIR));
        if let Some(mistake) = mistake {
            scene.world.make_mistake(mistake);
        }
        scene.replica(&[]);
        let engine = scene.engines.lock().unwrap()[0].clone();
        let door = scene.world.bystander();
        let end = scene.world.now() + SOON;
        let wants = Wants { scene: scene.clone(), engine, door: door.clone(), end };
        scene.world.run(&door, format!("without the answers to {lost:?}"), wants.all(lost));
        scene.world.play().await;
        assert_eq!(scene.world.faults(), lost.len(), "{lost:?}\n{}", scene.world.told());
        ground.store.replicas().join("outside", true, Timestamp::MIN).await.unwrap();
        ground.store.replicas().bury(Timestamp::MAX).await.unwrap();
    });
}

#[test]
fn what_a_replica_never_heard_that_it_has_is_given_back_at_once() {
    let ground = simulation::run(Ground::new());
    for (seed, lost) in (10_000..).zip(LOST) {
        without(&ground, seed, lost, None);
    }
}

/// Nobody looks for what a replica has: then it takes until a lease is over, and the test above would say so.
#[test]
fn whoever_does_not_look_for_it_is_found() {
    const NOT_LOOKED_FOR: [(&str, &str, &[&str]); 4] = [
        ("AND owner = $1 ORDER BY deadline", "AND owner = 'nobody' ORDER BY deadline", LOST[4]),
        (
            "SELECT org, execution FROM waits WHERE owner = $1",
            "SELECT org, execution FROM waits WHERE owner = 'nobody'",
            LOST[6],
        ),
        (
            "SELECT org, id FROM deliveries WHERE owner = $1",
            "SELECT org, id FROM deliveries WHERE owner = 'nobody'",
            LOST[7],
        ),
        ("FROM subscriptions WHERE owner = $1", "FROM subscriptions WHERE owner = 'nobody'", LOST[9]),
    ];
    for (right, wrong, lost) in NOT_LOOKED_FOR {
        // of a ground of its own, since it stays as it is left
        let ground = simulation::run(Ground::new());
        let played = || without(&ground, 20_000, lost, Some((right, wrong)));
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(played));
        assert!(found.is_err(), "nobody finds `{wrong}` in place of `{right}`");
    }
}
