//! A provider of calendars, spreadsheets, files, documents and mail behind one OAuth 2 consent.
//!
//! One user, one client, one port for what are six hosts (their paths don't meet).
//! Not modelled: recurrence, conferences, synchronisation tokens, formulas, HTML parts of mail.

mod a1;
mod calendars;
mod channels;
mod docs;
mod drive;
mod events;
mod mail;
mod mask;
mod oauth;
mod query;
mod sheets;
#[cfg(test)]
mod tests;
mod wire;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    routing::{get, post},
};

pub(crate) use wire::{exhausted, rate_limited};
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
            .route("/calendar/v3/calendars/{calendar}/events/watch", post(channels::watch))
            .route("/calendar/v3/channels/stop", post(channels::stop))
            .route("/v4/spreadsheets/{spreadsheet}", get(sheets::get))
            .route("/v4/spreadsheets/{spreadsheet}/values:batchGet", get(sheets::batch_get))
            .route(
                "/v4/spreadsheets/{spreadsheet}/values/{range}",
                get(sheets::values).put(sheets::update).post(sheets::append),
            )
            .route("/drive/v3/files", get(drive::list))
            .route("/drive/v3/files/generateIds", get(drive::generate_ids))
            .route("/drive/v3/files/{file}", get(drive::get).patch(drive::update))
            .route("/drive/v3/files/{file}/copy", post(drive::copy))
            .route("/drive/v3/files/{file}/export", get(drive::export))
            .route("/drive/v3/files/{file}/permissions", post(drive::share))
            .route("/upload/drive/v3/files", post(drive::upload))
            .route("/v1/documents/{document}", get(docs::get).post(docs::update))
            .route("/gmail/v1/users/me/messages", get(mail::list))
            .route("/gmail/v1/users/me/messages/send", post(mail::send))
            .route("/gmail/v1/users/me/messages/{message}", get(mail::get))
            .route("/gmail/v1/users/me/threads/{thread}", get(mail::thread))
            .route("/gmail/v1/users/me/drafts", post(mail::draft))
            .route("/gmail/v1/users/me/labels", get(mail::labels))
            .with_state(shared.clone());
        Self { server: Server::start(router).await, shared }
    }

    /// Looks into the provider, or changes something behind the engine's back. Don't hold it while a request is under way.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }
}
