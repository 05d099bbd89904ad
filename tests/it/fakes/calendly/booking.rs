//! Event types, free times, and what is booked.

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::{API, Calendly, Refusal, Shared, World, answer, refuse};
use crate::fakes::{pairs, param};

pub(super) const READ_EVENTS: &[&str] = &["scheduled_events:read", "scheduled_events:write"];
const WRITE_EVENTS: &[&str] = &["scheduled_events:write"];

/// An event with its only invitee.
pub(super) struct Booking {
    id: String,
    start: Timestamp,
    invitee: Json,
    location: Json,
    answers: Json,
    active: bool,
    cancellation: Json,
}

impl Booking {
    fn event(&self, world: &World) -> Json {
        let minutes = world.event_type["duration"].as_i64().expect("it has one");
        json!({
            "uri": format!("{API}/scheduled_events/{}", self.id), "name": world.event_type["name"],
            "status": if self.active { "active" } else { "canceled" }, "start_time": time(self.start),
            "end_time": time(self.start + SignedDuration::from_mins(minutes)), "event_type": Calendly::EVENT_TYPE,
            // what is `kind` elsewhere is `type` here
            "location": {"type": self.location["kind"], "location": self.location["location"]},
        })
    }

    /// What is told of it: the invitee, and the event within.
    fn told(&self, world: &World) -> Json {
        let mut told = self.invitee();
        told["scheduled_event"] = self.event(world);
        told
    }

    fn invitee(&self) -> Json {
        let id = format!("IN{}", self.id);
        json!({
            "uri": format!("{API}/scheduled_events/{}/invitees/{id}", self.id),
            "event": format!("{API}/scheduled_events/{}", self.id), "email": self.invitee["email"],
            "name": self.invitee["name"], "timezone": self.invitee["timezone"],
            "status": if self.active { "active" } else { "canceled" }, "questions_and_answers": self.answers,
            "cancel_url": format!("https://calendly.com/cancellations/{id}"),
            "reschedule_url": format!("https://calendly.com/reschedulings/{id}"), "rescheduled": false,
            "old_invitee": null, "new_invitee": null, "cancellation": self.cancellation,
        })
    }
}

impl World {
    /// The times that are booked.
    pub(crate) fn booked(&self) -> Vec<Timestamp> {
        self.bookings.iter().filter(|it| it.active).map(|it| it.start).collect()
    }

    /// How often somebody booked.
    pub(crate) fn booking_count(&self) -> usize {
        self.bookings.len()
    }

    fn is_free(&self, start: Timestamp) -> bool {
        start > self.now() && self.open.contains(&start) && !self.booked().contains(&start)
    }
}

/// With six digits of a second.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string()
}

pub(super) fn invalid(parameter: &str, code: Option<&str>, message: &str) -> Refusal {
    let mut detail = json!({"parameter": parameter, "message": message});
    if let Some(code) = code {
        detail["code"] = code.into();
    }
    let message = "The supplied parameters are invalid.";
    Box::new(answer(400, &json!({"title": "Invalid Argument", "message": message, "details": [detail]})))
}

pub(super) fn not_found() -> Refusal {
    refuse(404, "Resource Not Found", "The server could not find the requested resource.")
}

fn page(collection: &[Json]) -> Response<Body> {
    let pagination = json!({"count": collection.len(), "next_page": null, "next_page_token": null});
    answer(200, &json!({"collection": collection, "pagination": pagination}))
}

pub(super) async fn event_types(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = pairs(&query.unwrap_or_default());
    let world = shared.world();
    if let Err(refusal) = world.allow(&headers, &["event_types:read"]) {
        return *refusal;
    }
    if param(&query, "user").is_none() {
        return *invalid("user", None, "must be set, or organization");
    }
    page(std::slice::from_ref(&world.event_type))
}

pub(super) async fn event_type(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let world = shared.world();
    let outcome = world.allow(&headers, &["event_types:read"]).and_then(|()| {
        let known = Calendly::EVENT_TYPE.ends_with(&format!("/{id}"));
        if known { Ok(answer(200, &json!({"resource": world.event_type}))) } else { Err(not_found()) }
    });
    outcome.unwrap_or_else(|it| *it)
}

pub(super) async fn available_times(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = pairs(&query.unwrap_or_default());
    let world = shared.world();
    let outcome = (|| {
        world.allow(&headers, &["availability:read", "event_types:read"])?;
        if param(&query, "event_type") != Some(Calendly::EVENT_TYPE) {
            return Err(not_found());
        }
        let bound = |name: &str| param(&query, name).and_then(|it| it.parse::<Timestamp>().ok());
        let (Some(from), Some(to)) = (bound("start_time"), bound("end_time")) else {
            return Err(invalid("start_time", None, "is missing"));
        };
        if from <= world.now() {
            return Err(invalid("start_time", None, "must be in the future"));
        }
        if to <= from || to.duration_since(from) > SignedDuration::from_hours(24 * world.longest_days) {
            return Err(invalid("end_time", None, "The date range can be no greater than 1 week (7 days)"));
        }
        let free = world.open.iter().filter(|it| (from..to).contains(it) && world.is_free(**it));
        // without a fraction here
        let slots =
            free.map(|it| json!({"status": "available", "invitees_remaining": 1, "start_time": it.to_string()}));
        Ok(answer(200, &json!({"collection": slots.collect::<Vec<_>>()})))
    })();
    outcome.unwrap_or_else(|it: Refusal| *it)
}

/// Checks the plan, the body, the place, and only then whether the time is free.
pub(super) async fn book(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    let outcome = (|| {
        world.allow(&headers, WRITE_EVENTS)?;
        if world.throttled {
            return Err(refuse(429, "Too Many Requests", "The limit of bookings is reached"));
        }
        if !world.paid_plan {
            return Err(refuse(403, "Permission Denied", "Please upgrade your Calendly account to Professional"));
        }
        let asked: Json = serde_json::from_str(&body).unwrap_or_default();
        let invitee = &asked["invitee"];
        if asked["event_type"] != Calendly::EVENT_TYPE {
            return Err(not_found());
        }
        for name in ["name", "email", "timezone"] {
            if !invitee[name].is_string() {
                return Err(invalid(&format!("invitee.{name}"), None, "is missing"));
            }
        }
        let offered = world.event_type["locations"].as_array().cloned().unwrap_or_default();
        if !offered.is_empty() && !offered.iter().any(|it| it["kind"] == asked["location"]["kind"]) {
            return Err(invalid("event.location_configuration.kind", Some("invalid_location_choice"), "is invalid"));
        }
        let start = asked["start_time"].as_str().and_then(|it| it.parse().ok());
        let Some(start) = start.filter(|it| world.is_free(*it)) else {
            return Err(invalid("event.start_time", Some("already_filled"), "has already been filled"));
        };
        for (index, given) in asked["questions_and_answers"].as_array().into_iter().flatten().enumerate() {
            for name in ["question", "position"] {
                if given[name].is_null() {
                    return Err(invalid(&format!("questions_and_answers[{index}].{name}"), None, "is missing"));
                }
            }
        }
        let booking = Booking {
            id: format!("EV{:014}", world.next()),
            start,
            invitee: invitee.clone(),
            location: asked["location"].clone(),
            answers: asked["questions_and_answers"].clone(),
            active: true,
            cancellation: Json::Null,
        };
        let made = booking.invitee();
        let told = booking.told(&world);
        world.bookings.push(booking);
        world.tell("invitee.created", &told);
        Ok(answer(201, &json!({"resource": made})))
    })();
    outcome.unwrap_or_else(|it: Refusal| *it)
}

pub(super) async fn link(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    if let Err(refusal) = world.allow(&headers, &["scheduling_links:write"]) {
        return *refusal;
    }
    let asked: Json = serde_json::from_str(&body).unwrap_or_default();
    if asked != json!({"max_event_count": 1, "owner": Calendly::EVENT_TYPE, "owner_type": "EventType"}) {
        return *invalid("owner", None, "is invalid");
    }
    world.links += 1;
    let url = format!("https://calendly.com/d/link-{}/intro", world.links);
    answer(201, &json!({"resource": {"booking_url": url, "owner": Calendly::EVENT_TYPE, "owner_type": "EventType"}}))
}

pub(super) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = pairs(&query.unwrap_or_default());
    let world = shared.world();
    if let Err(refusal) = world.allow(&headers, READ_EVENTS) {
        return *refusal;
    }
    if param(&query, "user").is_none() {
        return *refuse(403, "Permission Denied", "You do not have permission");
    }
    let bound = |name: &str| param(&query, name).and_then(|it| it.parse::<Timestamp>().ok());
    let (from, to) = (bound("min_start_time"), bound("max_start_time"));
    let found = world.bookings.iter().filter(|it| {
        from.is_none_or(|from| it.start >= from)
            && to.is_none_or(|to| it.start <= to)
            && param(&query, "status").is_none_or(|status| (status == "active") == it.active)
            && param(&query, "invitee_email").is_none_or(|email| it.invitee["email"] == email)
    });
    page(&found.map(|it| it.event(&world)).collect::<Vec<_>>())
}

pub(super) async fn read(State(shared): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    let outcome = world.allow(&headers, READ_EVENTS).and_then(|()| {
        let booking = world.bookings.iter().find(|it| it.id == id).ok_or_else(not_found)?;
        Ok(answer(200, &json!({"resource": booking.event(&world)})))
    });
    outcome.unwrap_or_else(|it| *it)
}

pub(super) async fn invitees(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let world = shared.world();
    let outcome = world.allow(&headers, READ_EVENTS).and_then(|()| {
        let booking = world.bookings.iter().find(|it| it.id == id).ok_or_else(not_found)?;
        Ok(page(&[booking.invitee()]))
    });
    outcome.unwrap_or_else(|it| *it)
}

pub(super) async fn cancel(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    let now = world.now();
    let outcome = world.allow(&headers, WRITE_EVENTS).and_then(|()| {
        let booking = world.bookings.iter_mut().find(|it| it.id == id).ok_or_else(not_found)?;
        if !booking.active {
            return Err(refuse(403, "Permission Denied", "Event is already canceled"));
        }
        if booking.start <= now {
            return Err(refuse(403, "Permission Denied", "Event in the past"));
        }
        booking.active = false;
        let asked: Json = serde_json::from_str(&body).unwrap_or_default();
        let made = json!({
            "canceled_by": "Ines Roth", "reason": asked["reason"], "canceler_type": "host", "created_at": time(now),
        });
        booking.cancellation = made.clone();
        let told = world.bookings.iter().find(|it| it.id == id).expect("it was found").told(&world);
        world.tell("invitee.canceled", &told);
        Ok(answer(201, &json!({"resource": made})))
    });
    outcome.unwrap_or_else(|it| *it)
}
