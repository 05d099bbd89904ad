//! A provider of payments, as `midtrans.md` describes it: hosted checkout, payment links, transactions, and virtual
//! accounts behind a signed-request standard of its own.
//!
//! Each of the three hosts is a port of its own, so that a request to the wrong one fails as it does there.
//! Not modelled: linked wallets, lists.

pub(crate) mod billing;
mod checkout;
mod signed;
#[cfg(test)]
mod tests;
mod transactions;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Response, StatusCode, header},
    routing::{get, patch, post},
};
use serde_json::json;

pub(crate) use world::World;

use super::Server;
use crate::{clock::ManualClock, fakes};

/// The provider's state, shared by its handlers.
#[derive(Clone)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The provider, running.
pub(crate) struct Midtrans {
    /// `api.…`: transactions and payment links.
    pub(crate) api: Server,
    /// `app.…`: the hosted checkout.
    pub(crate) app: Server,
    /// `merchants.…`: signed requests.
    pub(crate) merchants: Server,
    shared: Shared,
}

impl Midtrans {
    /// Starts with one merchant.
    pub(crate) async fn start(clock: ManualClock) -> Self {
        let shared = Shared(Arc::new(Mutex::new(World::new(clock))));
        let api = Router::new()
            .route("/v1/payment-links", post(checkout::create_link))
            .route("/v2/charge", post(billing::charge))
            .route("/v2/capture", post(billing::capture))
            .route("/v1/subscriptions", post(billing::subscribe))
            .route("/v1/subscriptions/{id}", get(billing::subscription).patch(billing::change_subscription))
            .route("/v1/subscriptions/{id}/{verb}", post(billing::switch_subscription))
            .route("/v1/invoices", post(billing::invoice))
            .route("/v1/invoices/{id}", get(billing::read_invoice))
            .route("/v1/invoices/{id}/void", patch(billing::void_invoice))
            .route("/v2/{id}/status", get(transactions::status))
            .route("/v2/{id}/cancel", post(transactions::cancel))
            .route("/v2/{id}/expire", post(transactions::expire))
            .route("/v2/{id}/refund", post(transactions::refund))
            .route("/v2/{id}/refund/online/direct", post(transactions::refund))
            .fallback(no_such_page)
            .with_state(shared.clone());
        let app = Router::new()
            .route("/snap/v1/transactions", post(checkout::create_session))
            .route("/iris/api/v1/payouts", post(billing::pay_out))
            .route("/iris/api/v1/payouts/approve", post(billing::approve_payout))
            .fallback(no_such_page)
            .with_state(shared.clone());
        let merchants = Router::new()
            .route("/v1.0/access-token/b2b", post(signed::token))
            .route("/v1.0/transfer-va/create-va", post(signed::create_account))
            .route("/v1.0/transfer-va/status", post(signed::account_status))
            .fallback(no_such_page)
            .with_state(shared.clone());
        Self {
            api: Server::start(api).await,
            app: Server::start(app).await,
            merchants: Server::start(merchants).await,
            shared,
        }
    }

    /// Looks into the provider, or does what a customer or a bank would. Don't hold it while a request is under way.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }
}

async fn no_such_page() -> Response<Body> {
    Response::builder()
        .status(StatusCode::NOT_FOUND)
        .header(header::CONTENT_TYPE, "text/html")
        .body(Body::from("<html><head><title>404 Not Found</title></head></html>"))
        .expect("a status, one header and a body make an answer")
}

/// Whether the request carries the server key as user, with an empty password.
fn holds_key(world: &World, headers: &HeaderMap) -> bool {
    fakes::basic(headers) == Some((world.server_key.clone(), String::new()))
}

/// The error of the checkout and link families: text in a list.
fn messages(status: u16, message: &str) -> Response<Body> {
    fakes::json(status, &json!({"error_messages": [message]}))
}
