//! An org of a CRM behind OAuth 2, as `salesforce.md` describes it: sign-in with tokens that rotate, records with the org's
//! own fields and rules, describe, queries, and the conversion of leads.
//!
//! Two servers, since the sign-in and the org are at different hosts. Not modelled: search, composite requests,
//! sharing, record types' own picklists.

mod oauth;
mod query;
mod records;
mod soap;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Response},
    middleware::{self, Next},
    routing::{get, patch, post},
};

pub(crate) use world::{Field, World};

use super::Server;
use crate::clock::ManualClock;

/// Where the org says it is.
pub(crate) const INSTANCE: &str = "https://acme.my.salesforce.com";

/// The provider's state, shared by its handlers.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The provider, running.
pub(crate) struct Salesforce {
    /// The sign-in's port, log and faults.
    pub(crate) login: Server,
    /// The org's.
    pub(crate) org: Server,
    shared: Shared,
}

impl Salesforce {
    /// Starts with one registered client and an org with one user.
    pub(crate) async fn start(clock: ManualClock) -> Self {
        let shared = Shared(Arc::new(Mutex::new(World::new(clock))));
        let login = Router::new()
            .route("/services/oauth2/authorize", get(oauth::authorize))
            .route("/services/oauth2/token", post(oauth::token))
            .route("/services/oauth2/revoke", post(oauth::revoke))
            .with_state(shared.clone());
        let org = Router::new()
            .route("/services/data/v66.0/query", get(records::query))
            .route("/services/data/v66.0/sobjects/{object}", post(records::create))
            .route("/services/data/v66.0/sobjects/{object}/describe", get(records::describe))
            .route("/services/data/v66.0/sobjects/{object}/{id}", get(records::read).patch(records::update))
            .route("/services/data/v66.0/sobjects/{object}/{field}/{value}", patch(records::upsert))
            .route("/services/Soap/u/66.0", post(soap::call))
            .layer(middleware::from_fn_with_state(shared.clone(), count))
            .with_state(shared.clone());
        Self { login: Server::start(login).await, org: Server::start(org).await, shared }
    }

    /// Looks into the provider, or changes something behind the engine's back. Don't hold it while a request is under way.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }
}

/// Each request counts, and each answer tells how many there were.
async fn count(State(shared): State<Shared>, request: Request, next: Next) -> Response<Body> {
    let told = {
        let mut world = shared.world();
        world.used += 1;
        format!("api-usage={}/{}", world.used, world.limit)
    };
    let mut answer = next.run(request).await;
    answer.headers_mut().insert("sforce-limit-info", HeaderValue::from_str(&told).expect("digits are printable"));
    answer
}
