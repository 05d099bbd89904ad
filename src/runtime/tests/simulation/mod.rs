//! What `recovery` promises, in thousands of orders of what happens: three replicas run what callers want, die at any moment, stall for
//! longer than a lease and wake up again, and lose requests and answers. In the end everything has happened once, or certainly
//! not, and the engine says which.

mod provider;
mod unheard;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;

use self::provider::{Books, Way, is_declined, lock};
use super::super::{Call, Enable, Engine, Parts, call::Came};
use crate::{
    base::{BoxFuture, Clock, Code, ConnectionId, OrgId, Random, Secret, clock::FixedClock},
    catalog::{Catalog, folder},
    connections::{Connections, Setup, Start},
    coordination::Coordination,
    crypto::KeyRing,
    spec::{Connector, Http},
    store::{EventType, Execution, ExecutionStatus, Filter, Mode, Org, Retention, Store},
    system::{
        SystemRandom,
        simulation::{self, Door, Odds, World},
    },
    transport::{
        SendError, Sender, Signed,
        http::EndpointOverrides,
        isolation::{Bounds, Isolation},
    },
    wire::Answer,
};

const LEASE: Duration = Duration::from_secs(10);

/// Schedules of each kind that are played.
const SCHEDULES: u64 = 200;

/// So long what is left may take to end, once nothing goes wrong any more.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// What is wanted, by the ways in which one can find out what became of it.
const WANTED: [&str; 7] = ["pay", "pay_checked", "pay_blindly", "refund", "reserve", "reserve", "check_out"];

/// What all schedules of a test share.
struct Ground {
    store: Store,
    connectors: Vec<Arc<Connector>>,
    keys: Secret,
    org: OrgId,
    _folder: TempDir,
}

/// One thing that is to happen once.
#[derive(Clone)]
struct Intent {
    action: &'static str,
    order: String,
    /// What its caller was told; nothing if its replica died, or lost it.
    told: Option<Execution>,
}

struct Scene {
    ground: Arc<Ground>,
    world: World,
    books: Arc<Mutex<Books>>,
    network: Door,
    conversation: String,
    intents: Arc<Mutex<Vec<Intent>>>,
    engines: Mutex<Vec<Arc<Engine>>>,
}

/// While the ground is made, nobody is asked.
struct Nobody;

impl Sender for Nobody {
    fn send_signed<'a>(&'a self, _: Signed, _: &'a Http, _: Duration) -> BoxFuture<'a, Result<Answer, SendError>> {
        unreachable!("connecting by a key asks nobody")
    }
}

fn began() -> Timestamp {
    "2026-11-25T09:00:00Z".parse().unwrap()
}

impl Ground {
    async fn new() -> Arc<Self> {
        let folder = simulation::folder();
        let store = Store::open(&format!("sqlite://{}/store.sqlite", folder.path().display())).await.unwrap();
        let purse = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/chaos/purse");
        let connectors = folder::load_one(std::path::Path::new(purse)).unwrap().connectors;
        let org = Org { id: OrgId::new(began(), &SystemRandom), name: "Acme".into(), created_at: began() };
        store.orgs().create(&org).await.unwrap();
        let keys = KeyRing::generate("k1", &SystemRandom);
        let ground = Self { store, connectors, keys, org: org.id, _folder: folder };
        let clock = Arc::new(FixedClock(began()));
        let outside = ground.engine(ground.store.clone(), Arc::new(Nobody), clock, Arc::new(SystemRandom), "outside");
        let start = Start {
            org: org.id,
            connector: "purse".into(),
            fields: json!({"key": "k"}),
            scopes: vec![],
            mode: Mode::Live,
            return_to: None,
            again: None,
        };
        let connection = outside.connections().start(start).await.unwrap().connection.id;
        for action in ["pay", "pay_checked", "pay_blindly", "refund", "reserve", "check_out"] {
            ground.enable(&outside, action, connection).await;
        }
        Arc::new(ground)
    }

    async fn enable(&self, engine: &Engine, action: &str, connection: ConnectionId) {
        let enable = Enable {
            agent: "a".into(),
            connector: "purse".into(),
            action: action.into(),
            connection,
            config: json!({}),
            name: None,
            description: None,
        };
        engine.enable(self.org, enable).await.unwrap();
    }

    fn engine(
        &self,
        store: Store,
        sender: Arc<dyn Sender>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        process: &str,
    ) -> Arc<Engine> {
        let catalog = Arc::new(Catalog::new(self.connectors.clone(), store.clone()));
        let coordination = Coordination::in_memory(process, &Arc::default());
        let connections = Connections::new(Setup {
            store: store.clone(),
            keys: Some(KeyRing::parse(&self.keys).unwrap()),
            clients: std::collections::BTreeMap::new(),
            redirect_uri: "https://closeloop.example.com/oauth/callback".parse().unwrap(),
            webhooks: None,
            connectors: catalog.clone(),
            sender: sender.clone(),
            coordination: coordination.clone(),
            overrides: EndpointOverrides::default(),
            clock: clock.clone(),
            random: random.clone(),
            replica: process.into(),
        });
        let isolation = Arc::new(Isolation::new(Bounds::default(), clock.clone(), random.clone()));
        let process = process.to_owned();
        Engine::new(Parts {
            store,
            catalog,
            connections,
            sender,
            coordination,
            isolation,
            clock,
            random,
            process,
            lease: LEASE,
            org_rate: None,
            retention: Retention {
                inputs_days: 30,
                outputs_days: 30,
                traces_days: 30,
                executions_days: 30,
                events_days: 30,
                keys_hours: 24,
            },
        })
    }
}

impl Scene {
    fn new(ground: &Arc<Ground>, seed: u64, odds: Odds) -> Self {
        let world = World::new(seed, odds, began());
        let network = world.bystander();
        Self {
            ground: ground.clone(),
            world,
            books: Arc::default(),
            network,
            conversation: format!("s{seed}"),
            intents: Arc::default(),
            engines: Mutex::default(),
        }
    }

    /// A further replica, with callers that want `wanted`.
    fn replica(&self, wanted: &[(&'static str, String)]) {
        let door = self.world.replica(SignedDuration::from_secs(1));
        let (store, doors) = (self.ground.store.through(door.clone()), Arc::new(door.clone()));
        let (world, books, network) = (self.world.clone(), self.books.clone(), self.network.clone());
        let sender = Arc::new(Way { world, books, door: door.clone(), network });
        let name = format!("{}r{}", self.conversation, door.replica());
        let engine = self.ground.engine(store, sender, doors.clone(), doors, &name);
        let (starts, clock, (started, has_started)) = (engine.clone(), door.clone(), oneshot::channel());
        // not by a channel that wakes those who wait in an order of its own
        let has_started = has_started.shared();
        self.world.beside(async move {
            while starts.start_recovery().await.is_err() {
                clock.sleep(LEASE / 5).await;
            }
            starts.start_waker();
            let _ = started.send(());
        });
        self.engines.lock().unwrap().push(engine.clone());
        for (action, order) in wanted {
            let call = Call {
                agent: "a".into(),
                function: (*action).into(),
                arguments: json!({"order": order}),
                conversation: Some(self.conversation.clone()),
                customer: None,
                turn: None,
                idempotency_key: None,
                patience: None,
            };
            let intent = Intent { action, order: order.clone(), told: None };
            let number = {
                let mut intents = self.intents.lock().unwrap();
                intents.push(intent);
                intents.len() - 1
            };
            let (engine, org, intents) = (engine.clone(), self.ground.org, self.intents.clone());
            let has_started = has_started.clone();
            self.world.run(&door, format!("{action} of {order}"), async move {
                if has_started.await.is_err() {
                    return;
                }
                if let Ok(Came::Own(told)) = engine.called(org, call, None).await {
                    intents.lock().unwrap()[number].told = Some(*told);
                }
            });
        }
    }

    async fn executions(&self) -> Vec<Execution> {
        let filter = Filter { conversation: Some(self.conversation.clone()), ..Filter::default() };
        self.ground.store.executions().list(self.ground.org, &filter, 1000).await.unwrap()
    }

    /// Waits until nothing is left to be done.
    async fn settle(self: &Arc<Self>) -> Result<(), String> {
        self.world.calm();
        let (scene, door) = (self.clone(), self.world.bystander());
        let end = self.world.now() + PATIENCE;
        let stuck = Arc::new(Mutex::new(Vec::new()));
        let left = stuck.clone();
        self.world.run(&door.clone(), "what is left", async move {
            loop {
                let mut open = door.pass("looks whether all has ended", |_| Vec::new(), scene.executions()).await;
                open.retain(|it| !it.status.is_over());
                if open.is_empty() || scene.world.now() >= end {
                    *left.lock().unwrap() = open;
                    return;
                }
                door.sleep(Duration::from_secs(1)).await;
            }
        });
        self.world.play().await;
        let stuck = stuck.lock().unwrap();
        stuck.is_empty().then_some(()).ok_or_else(|| format!("stuck: {stuck:?}"))
    }

    async fn check(&self) -> Result<(), String> {
        let executions = self.executions().await;
        let intents = self.intents.lock().unwrap().clone();
        for intent in &intents {
            let found: Vec<_> = executions
                .iter()
                .filter(|it| it.action == intent.action && it.input["order"] == *intent.order)
                .collect();
            let judged = self.judge(intent, &found);
            judged.map_err(|why| format!("{} of {}: {why}", intent.action, intent.order))?;
            if let [execution] = found[..] {
                self.told(execution).await?;
            }
        }
        Ok(())
    }

    fn judge(&self, intent: &Intent, found: &[&Execution]) -> Result<(), String> {
        let happened = lock(&self.books).of(&intent.order);
        let (done, nothing) = match intent.action {
            "refund" => (happened.refunds == 1, happened.refunds == 0),
            "check_out" => (happened.orders == 1 && happened.receipts == 1, happened.receipts == 0),
            "reserve" => (
                happened.places_held == 1 && happened.payments == 1,
                happened.places_held == 0 && happened.payments == 0,
            ),
            _ => (happened.payments == 1, happened.payments == 0),
        };
        let [execution] = found else {
            return match (found, nothing) {
                ([], true) => Ok(()),
                _ => Err(format!("{} executions, and {happened:?}", found.len())),
            };
        };
        if let Some(told) = intent.told.as_ref().filter(|it| it.status.is_over())
            && (told.status, &told.output) != (execution.status, &execution.output)
        {
            return Err(format!("its caller was told {told:?}, but it is {execution:?}"));
        }
        let right = match &execution.failure {
            None => done && !is_declined(&intent.order),
            Some(failure) if failure.code == Code::UnknownOutcome => {
                intent.action == "pay_blindly" && (done || nothing)
            }
            Some(_) => nothing,
        };
        right.then_some(()).ok_or_else(|| format!("{:?} {:?}, and {happened:?}", execution.status, execution.failure))
    }

    /// An end is told once at most. Whoever was answered by nobody asks again.
    async fn told(&self, execution: &Execution) -> Result<(), String> {
        let mut told = 0;
        for kind in [EventType::ExecutionSucceeded, EventType::ExecutionFailed] {
            let events = self.ground.store.events().list(self.ground.org, Some(kind), 0, 100_000).await.unwrap();
            told += events.iter().filter(|(_, it)| it.execution == Some(execution.id)).count();
        }
        (told <= 1).then_some(()).ok_or_else(|| format!("its end was told {told} times"))
    }
}

/// Plays a schedule, and tells it if something was wrong with it.
fn played(
    ground: &Arc<Ground>,
    seed: u64,
    odds: Odds,
    mistake: Option<(&'static str, &'static str)>,
) -> Result<World, String> {
    simulation::run(async {
        let scene = Arc::new(Scene::new(ground, seed, odds));
        if let Some(mistake) = mistake {
            scene.world.make_mistake(mistake);
        }
        for replica in 0..3 {
            let wanted = [0, 1].map(|number| {
                let action = WANTED[scene.world.below(WANTED.len())];
                let declined = if action == "reserve" && scene.world.below(2) == 0 { "-declined" } else { "" };
                (action, format!("s{seed}-{replica}-{number}{declined}"))
            });
            for (action, order) in &wanted {
                if *action == "refund" {
                    provider::paid(&scene.books, order);
                }
            }
            scene.replica(&wanted);
        }
        scene.world.play().await;
        let checked = match scene.settle().await {
            Ok(()) => scene.check().await,
            stuck => stuck,
        };
        // the next schedule has replicas of its own
        let replicas = ground.store.replicas();
        replicas.join("outside", true, Timestamp::MIN).await.unwrap();
        replicas.bury(Timestamp::MAX).await.unwrap();
        checked.map_err(|problem| format!("{problem}\n{}", scene.world.told()))?;
        Ok(scene.world.clone())
    })
}

fn first_wrong(odds: Odds, mistake: Option<(&'static str, &'static str)>) -> Option<String> {
    let ground = simulation::run(Ground::new());
    simulation::seeds(SCHEDULES).find_map(|seed| played(&ground, seed, odds, mistake).err())
}

fn all_go_well(odds: Odds) {
    if let Some(wrong) = first_wrong(odds, None) {
        panic!("{wrong}");
    }
}

const DEATHS: Odds = Odds { deaths: 2, ..Odds::FAIR };
const STALLS: Odds = Odds { stalls: 3, longest_stall: SignedDuration::from_secs(40), ..Odds::FAIR };
const LOSSES: Odds = Odds { losses: 3, ..Odds::FAIR };

#[test]
fn in_whatever_order_it_happens_all_happens_once() {
    all_go_well(Odds::FAIR);
}

#[test]
fn replicas_may_die() {
    all_go_well(DEATHS);
}

#[test]
fn replicas_may_stall_and_come_back() {
    all_go_well(STALLS);
}

#[test]
fn requests_and_answers_may_get_lost() {
    all_go_well(LOSSES);
}

#[test]
fn all_of_it_may_happen_together() {
    all_go_well(Odds { deaths: 1, losses: 2, ..STALLS });
}

/// What the program would do with a mistake in it is found, or this proves nothing.
#[test]
fn mistakes_are_found() {
    // what is to be sent is noted, but not from where to go on
    let (right, wrong) = ("WHEN revision < $5 THEN $6", "WHEN revision < $5 AND $6 IS NULL THEN $6");
    let found = first_wrong(Odds { deaths: 1, ..STALLS }, Some((right, wrong)));
    assert!(found.is_some(), "nobody finds `{wrong}` in place of `{right}`");
}

/// The whole schedule is the same, whatever the machine does meanwhile: so a mistake that was found can be looked at again.
#[test]
fn a_schedule_can_be_played_again() {
    for seed in simulation::seeds(20) {
        let tell = || {
            let ground = simulation::run(Ground::new());
            played(&ground, seed, Odds { deaths: 1, losses: 2, ..STALLS }, None).map(|it| it.told())
        };
        let (first, again) = (tell().unwrap(), tell().unwrap());
        let other = first.lines().zip(again.lines()).enumerate().find(|(_, (one, other))| one != other);
        assert_eq!(other, None, "{first}\n{again}");
        assert_eq!(first.lines().count(), again.lines().count());
    }
}
