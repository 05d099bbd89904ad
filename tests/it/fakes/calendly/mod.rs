//! A provider of booking pages, as `calendly.md` describes it: consent with refresh tokens that are used once, event types,
//! available times, direct booking on paid plans, links, cancellation.
//!
//! One user, one event type, one port for the sign-in host and the API's.
//! Not modelled: groups, round robin, payments, no-shows.

mod booking;
mod subscriptions;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Response},
    middleware::{self, Next},
    routing::{delete, get, post},
};
use closeloop::base::Clock;
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
    /// Whether the plan includes booking through the API.
    pub(crate) paid_plan: bool,
    /// Whether bookings are more than the plan's hour allows.
    pub(crate) throttled: bool,
    /// The longest time that available times may be asked for: 7 days, since July 2026 31.
    pub(crate) longest_days: i64,
    /// The event type, as it is answered.
    pub(crate) event_type: Json,
    /// When it can be booked.
    pub(crate) open: Vec<Timestamp>,
    bookings: Vec<booking::Booking>,
    /// Who is told of bookings, as it is answered.
    pub(crate) subscriptions: Vec<Json>,
    /// How it tells them.
    pub(crate) courier: Courier,
    /// Single-use links that were made.
    pub(crate) links: usize,
}

pub(crate) use subscriptions::signed;

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
pub(crate) struct Calendly {
    /// Its port, log and faults.
    pub(crate) server: Server,
    shared: Shared,
}

/// How the provider names things: by addresses.
pub(crate) const API: &str = "https://api.calendly.com";

/// What it signs with: made with the registered app.
pub(crate) const SIGNING_KEY: &str = "whsk_test_5mEzn9C";

impl Calendly {
    /// The user's event type.
    pub(crate) const EVENT_TYPE: &str = "https://api.calendly.com/event_types/E1AAAAAAAAAAAAAA";

    /// Starts with a paid plan and an event type of half an hour at a place.
    pub(crate) async fn start(clock: ManualClock) -> Self {
        let event_type = json!({
            "uri": Self::EVENT_TYPE, "name": "Intro", "active": true, "duration": 30, "booking_method": "instant",
            "is_paid": false, "kind": "solo", "locations": [{"kind": "physical", "location": "12 High Street"}],
            "custom_questions": [{"name": "What would you like to discuss?", "type": "text", "position": 0, "enabled": true, "required": false}],
        });
        let world = World {
            consents: Consents::new(clock.clone(), Rotation::SingleUse, true, 7200),
            clock,
            serial: 0,
            paid_plan: true,
            throttled: false,
            longest_days: 7,
            event_type,
            open: Vec::new(),
            bookings: Vec::new(),
            subscriptions: Vec::new(),
            courier: Courier::default(),
            links: 0,
        };
        let shared = Shared(Arc::new(Mutex::new(world)));
        let router = Router::new()
            .route("/oauth/authorize", get(authorize))
            .route("/oauth/token", post(token))
            .route("/users/me", get(me))
            .route("/event_types", get(booking::event_types))
            .route("/event_types/{id}", get(booking::event_type))
            .route("/event_type_available_times", get(booking::available_times))
            .route("/invitees", post(booking::book))
            .route("/scheduling_links", post(booking::link))
            .route("/scheduled_events", get(booking::list))
            .route("/scheduled_events/{id}", get(booking::read))
            .route("/scheduled_events/{id}/invitees", get(booking::invitees))
            .route("/scheduled_events/{id}/cancellation", post(booking::cancel))
            .route("/webhook_subscriptions", post(subscriptions::subscribe))
            .route("/webhook_subscriptions/{id}", delete(subscriptions::remove))
            .layer(middleware::from_fn(count))
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

    /// Lets a request pass if its token lives and holds one of the scopes.
    fn allow(&self, headers: &HeaderMap, scopes: &[&str]) -> Result<(), Refusal> {
        let Some(held) = self.consents.scopes(headers) else {
            return Err(refuse(401, "Unauthenticated", "The access token expired"));
        };
        if held.iter().any(|it| scopes.contains(&it.as_str())) {
            Ok(())
        } else {
            Err(refuse(403, "Permission Denied", &format!("InsufficientScopeError: {} is needed", scopes[0])))
        }
    }
}

fn refuse(status: u16, title: &str, message: &str) -> Refusal {
    Box::new(answer(status, &json!({"title": title, "message": message})))
}

/// How often may still be asked, on every answer.
async fn count(request: Request, next: Next) -> Response<Body> {
    let mut response = next.run(request).await;
    for (name, value) in [("x-ratelimit-limit", "500"), ("x-ratelimit-remaining", "499"), ("x-ratelimit-reset", "60")] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn authorize(
    State(shared): State<Shared>,
    axum::extract::RawQuery(query): axum::extract::RawQuery,
) -> Response<Body> {
    shared.world().consents.authorize(&query.unwrap_or_default())
}

async fn token(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    match shared.world().consents.token(&headers, &body) {
        Ok((mut tokens, scopes)) => {
            tokens["scope"] = scopes.join(" ").into();
            tokens["created_at"] = 1_796_031_000.into();
            tokens["owner"] = format!("{API}/users/U1AAAAAAAAAAAAAA").into();
            tokens["organization"] = format!("{API}/organizations/O1AAAAAAAAAAAAAA").into();
            answer(200, &tokens)
        }
        Err((error, description)) => {
            let status = if error == "invalid_client" { 401 } else { 400 };
            answer(status, &json!({"error": error, "error_description": description}))
        }
    }
}

async fn me(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    if let Err(refusal) = shared.world().allow(&headers, &["users:read"]) {
        return *refusal;
    }
    answer(
        200,
        &json!({"resource": {
            "uri": format!("{API}/users/U1AAAAAAAAAAAAAA"), "name": "Ines Roth", "email": "ines@example.com",
            "scheduling_url": "https://calendly.com/ines-roth", "timezone": "Asia/Jakarta",
            "current_organization": format!("{API}/organizations/O1AAAAAAAAAAAAAA"),
        }}),
    )
}

/// Client id and secret.
pub(crate) fn client() -> (String, String) {
    (consent::CLIENT.to_owned(), consent::SECRET.to_owned())
}
