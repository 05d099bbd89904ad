//! Renewing tokens, in thousands of orders of what happens: replicas die, stall for longer than a lease, and miss answers.

mod provider;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;

use self::provider::{LIFE, Provider, Way};
use super::{
    super::{context, credential, credential::Credential},
    Answered, Connections, Loaded, Setup, Start, clients, connectors,
};
use crate::{
    auth::{Authenticated, Used},
    base::{Clock, Code, ConnectionId, Effect, OrgId, Random, Secret, clock::FixedClock},
    coordination::Coordination,
    crypto::{KeyRing, Purpose},
    store::{EventType, Mode, Org, Status, Store},
    system::{
        SystemRandom,
        simulation::{self, Dice, Odds, World},
    },
    transport::{Outgoing, SendError, Sender, Transport, http::EndpointOverrides},
    wire::Request,
};

/// As `renewal` has it.
const LEASE: SignedDuration = SignedDuration::from_mins(10);

/// Schedules of each kind that are played.
const SCHEDULES: u64 = 400;

/// What all schedules of a test share: a store, in which each has an org of its own.
struct Ground {
    store: Store,
    connectors: Arc<Loaded>,
    keys: Secret,
    _folder: TempDir,
}

/// What became of a call, and of which replica.
type Called = (usize, Result<u16, SendError>);

/// A schedule: replicas that share a connection whose token has just ended.
struct Scene {
    ground: Arc<Ground>,
    world: World,
    provider: Provider,
    org: OrgId,
    id: ConnectionId,
    calls: Arc<Mutex<Vec<Called>>>,
}

impl Ground {
    async fn new() -> Arc<Self> {
        let folder = simulation::folder();
        let store = Store::open(&format!("sqlite://{}/store.sqlite", folder.path().display())).await.unwrap();
        let keys = KeyRing::generate("k1", &SystemRandom);
        Arc::new(Self { store, connectors: Arc::new(Loaded(connectors())), keys, _folder: folder })
    }

    /// The access token that is stored.
    async fn stored(&self, org: OrgId, id: ConnectionId) -> Option<String> {
        let (connection, sealed) = self.store.connections().get_sealed(org, id).await.unwrap()?;
        let keys = KeyRing::parse(&self.keys).unwrap();
        let opened: Credential = credential::open(&keys, &context(&connection, Purpose::Credential), &sealed?).unwrap();
        Some(opened.grant?.token.access.0.expose().to_owned())
    }
}

impl Scene {
    async fn new(ground: &Arc<Ground>, seed: u64, odds: Odds) -> Self {
        let began: Timestamp = "2026-11-25T09:00:00Z".parse().unwrap();
        let world = World::new(seed, odds, began);
        let org = Org { id: OrgId::new(began, &SystemRandom), name: "Acme".into(), created_at: began };
        ground.store.orgs().create(&org).await.unwrap();
        let mut scene = Self {
            ground: ground.clone(),
            provider: Provider::new(world.clone(), Dice::new(seed).one_in(2)),
            world,
            org: org.id,
            id: ConnectionId::new(began, &SystemRandom),
            calls: Arc::default(),
        };
        let outside = scene.outside();
        let start = Start {
            org: org.id,
            connector: "calendar".into(),
            fields: json!({}),
            scopes: vec![],
            mode: Mode::Live,
            return_to: None,
            again: None,
        };
        let started = outside.start(start).await.unwrap();
        let url = started.authorization_url.unwrap();
        let (_, state) = url.query_pairs().find(|(name, _)| name == "state").unwrap();
        let returned = outside.callback(&Secret::new(state), Answered::consented("code")).await.unwrap();
        scene.id = returned.connection.id;
        let stored = ground.stored(org.id, scene.id).await;
        scene.provider.book().stored.extend(stored);
        scene.world.advance(LIFE);
        scene
    }

    /// The connections of whoever is no part of the schedule.
    fn outside(&self) -> Connections {
        let sender = Arc::new(self.provider.clone());
        let (store, clock) = (self.ground.store.clone(), Arc::new(FixedClock(self.world.now())));
        self.connections(store, sender, clock, Arc::new(SystemRandom), "outside")
    }

    fn connections(
        &self,
        store: Store,
        sender: Arc<dyn Sender>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        process: &str,
    ) -> Connections {
        Connections::new(Setup {
            store,
            keys: Some(KeyRing::parse(&self.ground.keys).unwrap()),
            clients: clients(),
            redirect_uri: "https://closeloop.example.com/oauth/callback".parse().unwrap(),
            webhooks: None,
            connectors: self.ground.connectors.clone(),
            sender,
            // nobody hears of the others: that only makes it quicker
            coordination: Coordination::in_memory(process, &Arc::default()),
            overrides: EndpointOverrides::default(),
            clock,
            random,
            replica: process.into(),
        })
    }

    /// A further replica, that makes `calls` calls.
    fn replica(&self, calls: usize, stops_before_refresh: bool) {
        let door = self.world.replica(SignedDuration::from_secs(1));
        let sender = Arc::new(Way {
            provider: self.provider.clone(),
            door: door.clone(),
            stops_before_refresh,
            ground: self.ground.clone(),
            connection: (self.org, self.id),
        });
        let (store, doors) = (self.ground.store.through(door.clone()), Arc::new(door.clone()));
        let name = format!("replica {}", door.replica());
        let connections = self.connections(store, sender.clone(), doors.clone(), doors, &name);
        for number in 0..calls {
            let (door, sender, connections) = (door.clone(), sender.clone(), connections.clone());
            let (connectors, org, id) = (self.ground.connectors.clone(), self.org, self.id);
            let results = self.calls.clone();
            self.world.run(&door.clone(), format!("call {number} of {name}"), async move {
                let connector = connectors.connector("calendar").unwrap();
                let tokens = connections.tokens(connector.clone(), org, id);
                let live = Authenticated {
                    sender: &*sender,
                    tokens: &tokens,
                    connection: &Arc::new(json!({"id": id})),
                    connector: "calendar",
                    traffic: None,
                    clock: &door,
                    used: &Used::default(),
                };
                let url = "https://api.example.com/me".parse().unwrap();
                let answer = live
                    .send(Outgoing {
                        request: Request { method: "GET".to_owned(), url, headers: Vec::new(), body: "".into() }.into(),
                        scheme: connector.account.scheme(None),
                        http: &connector.http,
                        step: "look",
                        effect: Effect::Read,
                        settles: false,
                        timeout: Duration::from_secs(3600),
                    })
                    .await;
                results.lock().unwrap().push((door.replica(), answer.map(|it| it.status)));
            });
        }
    }

    async fn reauthorizations(&self) -> usize {
        let kind = Some(EventType::ConnectionReauthorize);
        self.ground.store.events().list(self.org, kind, 0, 100).await.unwrap().len()
    }

    /// What must be true of every schedule that is over, whatever went wrong in it.
    async fn check(&self) -> Result<(), String> {
        let faults = self.world.faults();
        let calls = std::mem::take(&mut *self.calls.lock().unwrap());
        let succeeded = calls.iter().filter(|(_, it)| matches!(it, Ok(200))).count();
        let (refreshes, reused, late, unstored) = {
            let book = self.provider.book();
            (book.refreshes, book.reused, book.late, book.unstored)
        };
        if faults == 0 && (refreshes != 1 || reused != 0 || succeeded != calls.len()) {
            return Err(format!("nothing went wrong, but {refreshes} refreshes, {reused} reused: {calls:?}"));
        }
        if unstored > 0 {
            return Err(format!("{unstored} calls with a token that was not stored"));
        }
        if late > 0 {
            return Err(format!("{late} refreshes were sent after the lease"));
        }
        if refreshes > 1 {
            return Err(format!("{refreshes} refreshes of one token"));
        }
        if reused > faults {
            return Err(format!("a token was used again {reused} times, for {faults} faults"));
        }

        // afterwards somebody comes who knows nothing
        self.world.calm();
        self.replica(1, false);
        self.world.play().await;
        let last = self.calls.lock().unwrap().pop().ok_or("the last call was lost")?.1;
        let row = self.ground.store.connections().get(self.org, self.id).await.unwrap().unwrap();
        let told = self.reauthorizations().await;
        match (&last, row.status, told) {
            (Ok(200), Status::Connected, 0) => {}
            (Err(error), Status::Reauthorize, 1) if error.code == Code::Reauthorize && faults > 0 => {}
            it => return Err(format!("it ends with {it:?}")),
        }
        Ok(())
    }
}

/// Plays a schedule, and tells it if something was wrong with it.
fn played(
    ground: &Arc<Ground>,
    seed: u64,
    odds: Odds,
    stops: bool,
    mistake: Option<(&'static str, &'static str)>,
) -> Result<World, String> {
    simulation::run(async {
        let scene = Scene::new(ground, seed, odds).await;
        if let Some(mistake) = mistake {
            scene.world.make_mistake(mistake);
        }
        let mut dice = Dice::new(seed);
        for _ in 0..2 + dice.below(3) {
            scene.replica(1 + dice.below(3), stops);
        }
        scene.world.play().await;
        scene.check().await.map_err(|problem| format!("{problem}\n{}", scene.world.told()))?;
        Ok(scene.world)
    })
}

/// The first schedule that goes wrong.
fn first_wrong(odds: Odds, stops: bool, mistake: Option<(&'static str, &'static str)>) -> Option<String> {
    let ground = simulation::run(Ground::new());
    simulation::seeds(SCHEDULES).find_map(|seed| played(&ground, seed, odds, stops, mistake).err())
}

fn all_go_well(odds: Odds) {
    if let Some(wrong) = first_wrong(odds, false, None) {
        panic!("{wrong}");
    }
}

/// Whoever waits for a lease of ten minutes does not look 2,400 times.
const FAIR: Odds = Odds { lateness: SignedDuration::from_secs(20), ..Odds::FAIR };
const DEATHS: Odds = Odds { deaths: 2, ..FAIR };
const STALLS: Odds = Odds { stalls: 3, longest_stall: SignedDuration::from_mins(20), ..FAIR };
const LOSSES: Odds = Odds { losses: 2, ..FAIR };

#[test]
fn in_whatever_order_it_happens_a_token_is_renewed_once() {
    all_go_well(FAIR);
}

#[test]
fn replicas_may_die() {
    all_go_well(DEATHS);
}

#[test]
fn replicas_may_stall_for_longer_than_a_lease() {
    all_go_well(STALLS);
}

#[test]
fn answers_may_get_lost() {
    all_go_well(LOSSES);
}

#[test]
fn all_of_it_may_happen_together() {
    all_go_well(Odds { deaths: 1, losses: 1, ..STALLS });
}

/// What the program would do with a mistake in it is found, or this proves nothing.
#[test]
fn mistakes_are_found() {
    for (right, wrong, odds, what) in [
        ("token_version = $3 AND lease_owner IS NULL", "$3 = $3 AND lease_owner IS NULL", FAIR, "nothing went wrong"),
        ("token_version = $3 AND lease_owner IS NULL", "token_version = $3", FAIR, "nothing went wrong"),
        ("(lease_until <= $5 OR", "($5 = $5 OR", FAIR, "nothing went wrong"),
        ("token_version = $3 AND status = 'connected'", "$3 = $3", DEATHS, "it ends with"),
    ] {
        let found = first_wrong(odds, false, Some((right, wrong)));
        let found = found.unwrap_or_else(|| panic!("nobody finds `{wrong}` in place of `{right}`"));
        assert!(found.starts_with(what), "`{wrong}` in place of `{right}`: {found}");
    }
}

/// No protocol can help a replica that is stopped after its last look at its lease, with the request in its hand: the
/// provider knows nothing of leases. It is the only thing that can go wrong with stalls.
#[test]
fn a_stall_between_the_last_look_and_the_request_can_not_be_helped() {
    let wrong = first_wrong(STALLS, true, None).unwrap();
    assert!(wrong.contains("after the lease"), "{wrong}");
}

#[test]
fn a_schedule_can_be_played_again() {
    let ground = simulation::run(Ground::new());
    for seed in 0..50 {
        let tell = || played(&ground, seed, Odds { deaths: 1, losses: 1, ..STALLS }, false, None).map(|it| it.told());
        assert_eq!(tell(), tell());
    }
}
