//! One renewal for all replicas, at a server where a refresh token that is used twice ends everything.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, Response},
    routing::{get, post},
};
use closeloop::{base::Clock as _, system::SystemClock};
use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;

use super::{Shared, fleet::Fleet, fleet::Settings};
use crate::{
    clock::ManualClock,
    fakes::{
        Fault, Hold, Server,
        consent::{CLIENT, Consents, Rotation, SECRET},
        json as answer,
    },
};

/// Three replicas with one connection, and the provider.
struct Scene {
    fleet: Fleet,
    vault: Server,
    consents: Arc<Mutex<Consents>>,
    connection: String,
    _shared: Shared,
}

impl Scene {
    async fn start() -> Self {
        let clock = ManualClock::at(&SystemClock.now().to_string());
        let consents = Arc::new(Mutex::new(Consents::new(clock, Rotation::ReuseDetected, true, 7200)));
        let router = Router::new()
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/thing", get(thing))
            .with_state(Arc::clone(&consents));
        let vault = Server::start(router).await;
        let shared = Shared::start();
        let settings = Settings {
            overrides: vec![("https://vault.example.com", vault.url().to_owned())],
            accounts: vec![("vault", CLIENT.to_owned(), SECRET.to_owned())],
            more: vec![("lease_seconds", json!(3))],
            ..shared.settings("replicas")
        };
        let fleet = Fleet::started(3, settings);
        let connection = fleet.client.connect_by_consent("vault", json!({}), &["things"]).await;
        fleet.client.enable("vault", &connection, "look", json!({})).await;
        Self { fleet, vault, consents, connection, _shared: shared }
    }

    fn consents(&self) -> MutexGuard<'_, Consents> {
        lock(&self.consents)
    }

    /// How often a token was asked for since the consent.
    fn renewals(&self) -> usize {
        self.vault.count("POST", "/token") - 1
    }

    /// Begins `count` calls at these replicas, in turn.
    fn call(&self, count: usize, replicas: &[usize]) -> Vec<JoinHandle<Option<Json>>> {
        let clients: Vec<_> = replicas.iter().map(|it| self.fleet.client_of(*it)).collect();
        let call = |number: usize| {
            let client = clients[number % clients.len()].clone();
            tokio::spawn(async move {
                let body = json!({"function": "look", "arguments": {}});
                let answer = client.try_send("POST", "/v1/agents/a/calls", Some(&body), None).await.ok()?;
                assert_eq!(answer.0, 200, "{:#}", answer.1);
                Some(answer.1)
            })
        };
        (0..count).map(call).collect()
    }

    /// How many calls ended how: `succeeded`, the code of a failure, or `no answer` of a replica that died.
    async fn ends(calls: Vec<JoinHandle<Option<Json>>>) -> BTreeMap<String, usize> {
        let mut ends = BTreeMap::new();
        for call in calls {
            let end = match call.await.unwrap() {
                None => "no answer".to_owned(),
                Some(it) if it["status"] == "succeeded" => "succeeded".to_owned(),
                Some(it) => it["error"]["code"].as_str().unwrap_or_else(|| panic!("{it:#}")).to_owned(),
            };
            *ends.entry(end).or_default() += 1;
        }
        ends
    }

    /// How often the chatbot was told that the account has to be connected again, and whether it says so.
    async fn reauthorize(&self, replica: usize) -> (usize, Json) {
        let client = self.fleet.client_of(replica);
        let told = client.get("/v1/events?type=connection.reauthorize").await["data"].as_array().unwrap().len();
        (told, client.get(&format!("/v1/connections/{}", self.connection)).await["status"].clone())
    }
}

type World = State<Arc<Mutex<Consents>>>;

async fn authorize(State(consents): World, RawQuery(query): RawQuery) -> Response<Body> {
    lock(&consents).authorize(&query.unwrap_or_default())
}

async fn token(State(consents): World, headers: HeaderMap, body: String) -> Response<Body> {
    match lock(&consents).token(&headers, &body) {
        Ok((tokens, _)) => answer(200, &tokens),
        Err((error, description)) => answer(400, &json!({"error": error, "error_description": description})),
    }
}

async fn thing(State(consents): World, headers: HeaderMap) -> Response<Body> {
    match lock(&consents).scopes(&headers) {
        Some(_) => answer(200, &json!({"id": "thing-1"})),
        None => answer(401, &json!({"error": "the token has expired"})),
    }
}

fn lock(consents: &Mutex<Consents>) -> MutexGuard<'_, Consents> {
    consents.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tally<const N: usize>(ends: [(&str, usize); N]) -> BTreeMap<String, usize> {
    ends.map(|(end, count)| (end.to_owned(), count)).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_calls_at_three_replicas_share_one_renewal() {
    let scene = Scene::start().await;
    scene.consents().expire();
    let ends = Scene::ends(scene.call(300, &[0, 1, 2])).await;
    assert_eq!(ends, tally([("succeeded", 300)]));
    assert_eq!((scene.renewals(), scene.consents().reused()), (1, 0));
    assert_eq!(scene.reauthorize(2).await, (0, json!("connected")));
}

/// The server has given the next token, and nobody has it: only asking with the old one can tell, and it ends the grant.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_dies_with_the_next_token_costs_one_consent() {
    let scene = Scene::start().await;
    scene.consents().expire();
    let hold = Hold::default();
    scene.vault.fail_next("POST", "/token", Fault::Held(hold.clone()));
    let mut calls = scene.call(100, &[0]);
    hold.reached().await;
    calls.extend(scene.call(200, &[1, 2]));
    scene.fleet.kill(0);
    hold.release();
    let ends = Scene::ends(calls).await;
    assert_eq!(ends, tally([("no answer", 100), ("reauthorize", 200)]));
    assert_eq!((scene.renewals(), scene.consents().reused()), (2, 1), "it is tried again once");
    assert_eq!(scene.reauthorize(1).await, (1, json!("reauthorize")));
    // and is good again after the consent
    let again = format!("/v1/connections/{}/authorize", scene.connection);
    let client = scene.fleet.client_of(1);
    let begun = client.post(&again, json!({"connector": "vault", "scopes": ["things"]})).await;
    assert_eq!(client.consent(&begun).await.0, 200);
    let ends = Scene::ends(scene.call(20, &[1, 2])).await;
    assert_eq!(ends, tally([("succeeded", 20)]));
}

/// Nothing has arrived at the server: another replica renews, and nobody notices.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_dies_before_the_server_has_acted_costs_nothing() {
    let scene = Scene::start().await;
    scene.consents().expire();
    let hold = Hold::default();
    scene.vault.fail_next("POST", "/token", Fault::Waits(hold.clone()));
    let mut calls = scene.call(100, &[0]);
    hold.reached().await;
    calls.extend(scene.call(200, &[1, 2]));
    scene.fleet.kill(0);
    let ends = Scene::ends(calls).await;
    assert_eq!(ends, tally([("no answer", 100), ("succeeded", 200)]));
    assert_eq!((scene.renewals(), scene.consents().reused()), (2, 0));
    assert_eq!(scene.reauthorize(1).await, (0, json!("connected")));
}
