//! A provider of mail and calendars, as `outlook.md` describes it: consent with soft rotation, calendars, events, mail.
//!
//! One user, one port for the sign-in host and the API's.
//! Not modelled: recurrence, free/busy, batches, time zones other than UTC, several notifications in one delivery.

mod calendars;
mod mail;
mod subscriptions;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Response},
    routing::{get, patch, post},
};
use closeloop::base::Clock;
use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::{
    Courier, Server, consent,
    consent::{Consents, Rotation},
    json as answer,
};
use crate::clock::ManualClock;

/// The provider's state.
pub(crate) struct World {
    clock: ManualClock,
    serial: u64,
    /// Who may do what.
    pub(crate) consents: Consents,
    /// How a repeated `transactionId` is refused: 400 has been seen, and 409.
    pub(crate) duplicate_status: u16,
    events: IndexMap<String, calendars::Event>,
    /// Who is told of changes in the calendar.
    pub(crate) subscriptions: Vec<subscriptions::Subscription>,
    /// How it tells them.
    pub(crate) courier: Courier,
    /// Invitations, updates and cancellations that guests got.
    pub(crate) notices: usize,
    drafts: IndexMap<String, Json>,
    /// What was sent, with the ids that it has now.
    pub(crate) sent: Vec<Json>,
}

/// A refusal; boxed because answers are large.
type Refusal = Box<Response<Body>>;

#[derive(Clone)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The provider, running.
pub(crate) struct Outlook {
    /// Its port, log and faults.
    pub(crate) server: Server,
    shared: Shared,
}

impl Outlook {
    /// The user's own calendar.
    pub(crate) const CALENDAR: &str = "AAMkAGQ1AAA=";

    /// Starts with a calendar that can be written to and one that can't.
    pub(crate) async fn start(clock: ManualClock) -> Self {
        let world = World {
            consents: Consents::new(clock.clone(), Rotation::Soft, false, 3599),
            clock,
            serial: 0,
            duplicate_status: 400,
            events: IndexMap::new(),
            subscriptions: Vec::new(),
            courier: Courier::default(),
            notices: 0,
            drafts: IndexMap::new(),
            sent: Vec::new(),
        };
        let shared = Shared(Arc::new(Mutex::new(world)));
        let router = Router::new()
            .route("/{tenant}/oauth2/v2.0/authorize", get(authorize))
            .route("/{tenant}/oauth2/v2.0/token", post(token))
            .route("/v1.0/me", get(me))
            .route("/v1.0/me/calendars", get(calendars::list))
            .route("/v1.0/me/calendars/{calendar}/calendarView", get(calendars::view))
            .route("/v1.0/me/calendars/{calendar}/events", post(calendars::create))
            .route("/v1.0/me/events/{event}", get(calendars::get).patch(calendars::change).delete(calendars::delete))
            .route("/v1.0/subscriptions", post(subscriptions::subscribe))
            .route("/v1.0/subscriptions/{id}", patch(subscriptions::renew).delete(subscriptions::remove))
            .route("/v1.0/me/messages", post(mail::draft))
            .route("/v1.0/me/messages/{message}", get(mail::read).delete(mail::discard))
            .route("/v1.0/me/messages/{message}/send", post(mail::send))
            .route("/v1.0/me/mailFolders/{folder}/messages", get(mail::list))
            .with_state(shared.clone());
        Self { server: Server::start(router).await, shared }
    }

    /// Looks into the provider, or changes something behind the engine's back. Don't hold it while a request is under way.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }
}

impl World {
    fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How many events there are.
    pub(crate) fn event_count(&self) -> usize {
        self.events.len()
    }

    /// How many drafts lie around.
    pub(crate) fn draft_count(&self) -> usize {
        self.drafts.len()
    }

    /// Lets a request pass if its token lives and holds one of the scopes.
    fn allow(&self, headers: &HeaderMap, scopes: &[&str]) -> Result<(), Refusal> {
        let Some(held) = self.consents.scopes(headers) else {
            return Err(refuse(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid."));
        };
        if held.iter().any(|it| scopes.contains(&it.as_str())) {
            Ok(())
        } else {
            Err(refuse(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."))
        }
    }
}

fn refuse(status: u16, code: &str, message: &str) -> Refusal {
    let inner = json!({"date": "2026-11-22T10:00:00", "request-id": "5f0c", "client-request-id": "5f0c"});
    Box::new(answer(status, &json!({"error": {"code": code, "message": message, "innerError": inner}})))
}

async fn authorize(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response<Body> {
    shared.world().consents.authorize(&query.unwrap_or_default())
}

/// Names Graph's scopes only, and tells a refusal by its number.
async fn token(
    State(shared): State<Shared>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    assert!(tenant == "common" || tenant == "contoso.example", "{tenant}");
    match shared.world().consents.token(&headers, &body) {
        Ok((mut tokens, scopes)) => {
            let own = |it: &&String| !["openid", "profile", "email", "offline_access"].contains(&it.as_str());
            tokens["scope"] = scopes.iter().filter(own).cloned().collect::<Vec<_>>().join(" ").into();
            tokens["ext_expires_in"] = 3599.into();
            if !scopes.iter().any(|it| it == "offline_access") {
                tokens.as_object_mut().expect("it is one").remove("refresh_token");
            }
            answer(200, &tokens)
        }
        Err((error, description)) => {
            let number = if error == "invalid_grant" { 700_082 } else { 7_000_215 };
            let description = format!("AADSTS{number}: {description}");
            let body = json!({
                "error": error, "error_description": description, "error_codes": [number],
                "timestamp": "2026-11-22 10:00:00Z", "trace_id": "t", "correlation_id": "c",
            });
            answer(if error == "invalid_client" { 401 } else { 400 }, &body)
        }
    }
}

async fn me(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    if let Err(refusal) = world.allow(&headers, &["User.Read"]) {
        return *refusal;
    }
    let address = "ines@contoso.example";
    answer(200, &json!({"id": "u1", "displayName": "Ines Roth", "mail": address, "userPrincipalName": address}))
}

/// Client id and secret.
pub(crate) fn client() -> (String, String) {
    (consent::CLIENT.to_owned(), consent::SECRET.to_owned())
}
