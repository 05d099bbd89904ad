//! What every database behind the store must do.

mod clients;
mod connections;
mod connector_versions;
mod deliveries;
mod doubts;
mod duties;
mod enabled_actions;
mod events;
mod executions;
mod mappings;
mod opening;
mod orgs;
mod own_connectors;
mod owned;
mod registry;
mod replicas;
mod retention;
pub(super) mod waits;

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::fresh;
use crate::{
    base::{ConnectionId, EnabledActionId, ExecutionId, OrgId},
    crypto::Sealed,
    store::{Connection, EnabledAction, Mode, NewExecution, Org, Status, Store, conformance::Fresh},
    system::SystemRandom,
};

/// `second` seconds after some instant, a fraction of which survives too.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_microsecond(1_764_000_000_000_001 + second * 1_000_000).unwrap()
}

pub(super) fn sealed(text: &str) -> Sealed {
    Sealed::from_bytes(text.as_bytes().to_vec())
}

pub(super) async fn new_org(store: &Store) -> OrgId {
    let org = Org { id: OrgId::new(at(0), &SystemRandom), name: "Acme".into(), created_at: at(0) };
    store.orgs().create(&org).await.unwrap();
    org.id
}

fn connection(org: OrgId) -> Connection {
    Connection {
        org,
        id: ConnectionId::new(at(0), &SystemRandom),
        account: "account".into(),
        connector: "connector".into(),
        mode: Mode::Live,
        status: Status::Pending,
        problem: None,
        label: None,
        scopes: vec![],
        metadata: Map::from_iter([("environment".to_owned(), json!("sandbox"))]),
        webhook: crate::crypto::random_token(&SystemRandom).expose().to_owned(),
        token_version: 0,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(super) async fn new_connection(store: &Store, org: OrgId) -> ConnectionId {
    let connection = connection(org);
    store.connections().insert(&connection).await.unwrap();
    connection.id
}

fn enabled(org: OrgId, connection: ConnectionId) -> EnabledAction {
    EnabledAction {
        org,
        id: EnabledActionId::new(at(0), &SystemRandom),
        agent: "shop".into(),
        connector: "connector".into(),
        action: "book".into(),
        connection,
        config: json!({"calendar": "a", "minutes": 30}),
        function: "book".into(),
        description: None,
        attention: Vec::new(),
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(super) fn execution(org: OrgId, started_at: Timestamp) -> NewExecution {
    NewExecution {
        org,
        id: ExecutionId::new(started_at, &SystemRandom),
        agent: "shop".into(),
        enabled_action: EnabledActionId::new(at(0), &SystemRandom),
        connector: "connector".into(),
        connector_version: "1.0.0".into(),
        action: "book".into(),
        connection: ConnectionId::new(at(0), &SystemRandom),
        conversation: None,
        customer: None,
        input: input(),
        owner: "process".into(),
        deadline: started_at + jiff::SignedDuration::from_secs(30),
        connector_digest: Some("digest".into()),
        provider_key: Some("key".into()),
        beginning: Some(sealed("beginning")),
        started_at,
    }
}

/// Numbers keep their digits, text its characters, keys their order.
pub(super) fn input() -> Json {
    serde_json::from_str(r#"{"z": 1.5, "a": 9007199254740993, "text": "“é”\u0000", "null": null}"#).unwrap()
}
