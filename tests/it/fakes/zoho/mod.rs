//! Three products behind one sign-in, each in the data centre of the account, as `zoho.md` describes them.
//!
//! The sign-in of two data centres, and the products of one. What is modelled of the products is where they differ: verdicts
//! inside successes, empty answers, organizations, and who may ask.

mod books;
mod crm;
mod desk;
mod notifications;
mod oauth;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    body::Body,
    extract::Extension,
    http::{HeaderMap, Response},
    routing::{get, post, put},
};
use serde_json::{Value as Json, json};

pub(crate) use world::{World, picklist};

use super::{Server, header};
use crate::clock::ManualClock;

/// The state, shared by the handlers.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A data centre, as the redirect names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DataCentre(pub(crate) &'static str);

/// A refusal; boxed because answers are large.
type Refusal = Box<Response<Body>>;

/// The provider, running.
pub(crate) struct Zoho {
    /// Where the consent begins.
    pub(crate) accounts_us: Server,
    /// Where the account is at home.
    pub(crate) accounts_eu: Server,
    /// CRM and Books.
    pub(crate) api: Server,
    pub(crate) desk: Server,
    shared: Shared,
}

impl Zoho {
    /// Starts with one registered client, and one account in Europe.
    pub(crate) async fn start(clock: ManualClock) -> Self {
        let shared = Shared(Arc::new(Mutex::new(World::new(clock))));
        let accounts = |name: &'static str| {
            Router::new()
                .route("/oauth/v2/auth", get(oauth::authorize))
                .route("/oauth/v2/token", post(oauth::token))
                .route("/oauth/v2/token/revoke", post(oauth::revoke))
                .layer(Extension(DataCentre(name)))
                .with_state(shared.clone())
        };
        let api = Router::new()
            .route("/crm/v8/users", get(crm::users))
            .route("/crm/v8/settings/fields", get(crm::fields))
            .route("/crm/v8/settings/layouts", get(crm::layouts))
            .route("/crm/v8/coql", post(crm::coql))
            .route("/crm/v8/actions/watch", post(notifications::watch).delete(notifications::stop))
            .route("/crm/v8/Leads", post(crm::insert).get(crm::list))
            .route("/crm/v8/Leads/upsert", post(crm::upsert))
            .route("/crm/v8/Leads/{id}", put(crm::update))
            .route("/books/v3/organizations", get(books::organizations))
            .route("/books/v3/customerpayments", get(books::payments).post(books::pay))
            .with_state(shared.clone());
        let desk = Router::new()
            .route("/api/v1/organizations", get(desk::organizations))
            .route("/api/v1/tickets", post(desk::open).get(desk::list))
            .route("/api/v1/tickets/search", get(desk::search))
            .with_state(shared.clone());
        Self {
            accounts_us: Server::start(accounts("us")).await,
            accounts_eu: Server::start(accounts("eu")).await,
            api: Server::start(api).await,
            desk: Server::start(desk).await,
            shared,
        }
    }

    /// Looks into the provider, or changes something behind the engine's back. Don't hold it while a request is under way.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }
}

/// Whether the request shows a token that lives, in the words that the products want.
fn is_authorised(world: &World, headers: &HeaderMap) -> bool {
    let token = header(headers, "authorization").strip_prefix("Zoho-oauthtoken ").unwrap_or_default();
    world.access_tokens.contains(token)
}

fn answer(outcome: Result<Response<Body>, Refusal>) -> Response<Body> {
    outcome.unwrap_or_else(|it| *it)
}

/// Nothing found.
fn no_content() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = axum::http::StatusCode::NO_CONTENT;
    answer
}

fn refuse(status: u16, body: &Json) -> Refusal {
    Box::new(super::json(status, body))
}

/// A refusal of CRM's.
fn crm_error(status: u16, code: &str, message: &str) -> Refusal {
    refuse(status, &json!({"code": code, "details": {}, "message": message, "status": "error"}))
}
