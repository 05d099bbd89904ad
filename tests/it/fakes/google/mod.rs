//! A provider of calendars behind OAuth 2, as `google.md` describes it: consent, tokens, calendar list, free/busy, events.
//!
//! One user, one client, one port for what are three hosts (their paths don't meet).
//! Not modelled: recurrence, conferences, push, synchronisation tokens.

mod calendars;
mod events;
mod oauth;
#[cfg(test)]
mod tests;
pub(crate) use wire::rate_limited;

mod wire;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    routing::{get, post},
};

pub(crate) use world::{Consent, World};

use super::Server;
use crate::clock::ManualClock;

/// The provider's state, shared by its handlers.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The provider, running.
pub(crate) struct Google {
    /// Its port, log and faults.
    pub(crate) server: Server,
    shared: Shared,
}

impl Google {
    /// Starts with one registered client, a user `owner@example.com` and that user's primary calendar.
    pub(crate) async fn start(clock: ManualClock) -> Self {
        let shared = Shared(Arc::new(Mutex::new(World::new(clock))));
        let router = Router::new()
            .route("/o/oauth2/v2/auth", get(oauth::authorize))
            .route("/token", post(oauth::token))
            .route("/revoke", post(oauth::revoke))
            .route("/oauth2/v2/userinfo", get(oauth::user_info))
            .route("/calendar/v3/users/me/calendarList", get(calendars::list))
            .route("/calendar/v3/freeBusy", post(calendars::free_busy))
            .route("/calendar/v3/calendars/{calendar}/events", get(events::list).post(events::insert))
            .route(
                "/calendar/v3/calendars/{calendar}/events/{event}",
                get(events::get).patch(events::patch).delete(events::delete),
            )
            .with_state(shared.clone());
        Self { server: Server::start(router).await, shared }
    }

    /// Looks into the provider, or changes something behind the engine's back. Don't hold it while a request is under way.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }
}
