//! Events: insert, get, list, patch, delete.

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Response, StatusCode},
};
use jiff::{Timestamp, civil, tz::TimeZone};
use serde_json::{Map, Value as Json, json};

use super::{
    Shared,
    calendars::{page, rfc3339, zone},
    wire::{self, Refusal, refuse},
    world::{Event, World},
};
use crate::fakes::{self, param};

const WRITE: [&str; 4] = ["calendar.events", "calendar.events.owned", "calendar.app.created", "calendar"];
pub(super) const READ: [&str; 6] = [
    "calendar.events.readonly",
    "calendar.events",
    "calendar.events.owned",
    "calendar.app.created",
    "calendar.readonly",
    "calendar",
];

/// `events.insert`
pub(super) async fn insert(
    State(shared): State<Shared>,
    Path(calendar): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let query = fakes::pairs(&query.unwrap_or_default());
    let mut world = shared.world();
    let outcome = (|| {
        let calendar = open(&world, &headers, &WRITE, &calendar)?;
        must_be_writer(&world, &calendar)?;
        let fields = object(&body)?;
        let id = match fields.get("id").and_then(Json::as_str) {
            Some(id) => id.to_owned(),
            None => format!("generated{:05}", world.next()),
        };
        check_new_id(&world, &calendar, &id)?;
        store(&mut world, &calendar, &id, fields)?;
        notify(&mut world, &calendar, &id, &query);
        Ok(show(&world, &calendar, &id))
    })();
    outcome.unwrap_or_else(|it: Refusal| *it)
}

/// A deleted event keeps its id: it can't be had again.
fn check_new_id(world: &World, calendar: &str, id: &str) -> Result<(), Refusal> {
    let base32hex = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'v');
    if !(5..=1024).contains(&id.len()) || !id.bytes().all(base32hex) {
        return Err(refuse(400, "global", "invalid", "Invalid resource id value."));
    }
    if world.calendars[calendar].events.contains_key(id) {
        return Err(refuse(409, "global", "duplicate", "The requested identifier already exists."));
    }
    Ok(())
}

/// `events.get`: deleted events too, with `status: cancelled`.
pub(super) async fn get(
    State(shared): State<Shared>,
    Path((calendar, event)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    let world = shared.world();
    let outcome = open(&world, &headers, &READ, &calendar).and_then(|calendar| {
        known(&world, &calendar, &event)?;
        Ok(show(&world, &calendar, &event))
    });
    outcome.unwrap_or_else(|it| *it)
}

/// `events.list`: those that end after `timeMin` and start before `timeMax`.
pub(super) async fn list(
    State(shared): State<Shared>,
    Path(calendar): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = fakes::pairs(&query.unwrap_or_default());
    let world = shared.world();
    let outcome = open(&world, &headers, &READ, &calendar).and_then(|calendar| {
        let events = select(&world, &calendar, &query)?;
        let zone = match param(&query, "timeZone") {
            Some(name) => zone(Some(&name.into()))?,
            None => world.calendars[&calendar].zone.clone(),
        };
        let shown: Vec<Json> = events.into_iter().map(|it| render(it, &zone)).collect();
        Ok(fakes::json(200, &page(&shown, &query, 250, "calendar#events")))
    });
    outcome.unwrap_or_else(|it| *it)
}

fn select<'a>(world: &'a World, calendar: &str, query: &[(String, String)]) -> Result<Vec<&'a Event>, Refusal> {
    let bound = |name: &str| match param(query, name) {
        None => Ok(None),
        Some(text) => {
            text.parse::<Timestamp>().map(Some).map_err(|_| refuse(400, "global", "badRequest", "Bad Request"))
        }
    };
    let (from, to, since) = (bound("timeMin")?, bound("timeMax")?, bound("updatedMin")?);
    let is = |name: &str| param(query, name) == Some("true");
    if param(query, "orderBy") == Some("startTime") && !is("singleEvents") {
        let message = "The requested ordering is not available for the particular query.";
        return Err(refuse(400, "calendar", "invalid", message));
    }
    let wanted = param(query, "privateExtendedProperty").and_then(|it| it.split_once('='));
    let mut events: Vec<&Event> = world.calendars[calendar]
        .events
        .values()
        .filter(|it| is("showDeleted") || since.is_some() || !it.is_cancelled())
        .filter(|it| since.is_none_or(|since| it.updated() >= since))
        .filter(|it| from.is_none_or(|from| it.end > from) && to.is_none_or(|to| it.start < to))
        .filter(|it| {
            wanted.is_none_or(|(key, value)| {
                it.fields.get("extendedProperties").is_some_and(|it| it["private"][key] == value)
            })
        })
        .collect();
    match param(query, "orderBy") {
        Some("startTime") => events.sort_by_key(|it| it.start),
        Some("updated") => events.sort_by_key(|it| it.updated()),
        _ => {}
    }
    Ok(events)
}

/// `events.patch`: objects are merged, lists are replaced, null deletes.
pub(super) async fn patch(
    State(shared): State<Shared>,
    Path((calendar, event)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let query = fakes::pairs(&query.unwrap_or_default());
    let mut world = shared.world();
    let outcome = (|| {
        let calendar = open(&world, &headers, &WRITE, &calendar)?;
        must_be_writer(&world, &calendar)?;
        let current = known(&world, &calendar, &event)?;
        if_match(current, &headers)?;
        let mut fields = Json::Object(current.fields.clone());
        merge(&mut fields, Json::Object(object(&body)?));
        let Json::Object(fields) = fields else { return Err(refuse(400, "global", "parseError", "Parse Error")) };
        store(&mut world, &calendar, &event, fields)?;
        notify(&mut world, &calendar, &event, &query);
        Ok(show(&world, &calendar, &event))
    })();
    outcome.unwrap_or_else(|it: Refusal| *it)
}

fn merge(into: &mut Json, from: Json) {
    match (into, from) {
        (Json::Object(into), Json::Object(from)) => {
            for (key, value) in from {
                if value.is_null() {
                    into.shift_remove(&key);
                } else {
                    merge(into.entry(key).or_insert(Json::Null), value);
                }
            }
        }
        (into, from) => *into = from,
    }
}

/// `events.delete`: the second time it is gone.
pub(super) async fn delete(
    State(shared): State<Shared>,
    Path((calendar, event)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = fakes::pairs(&query.unwrap_or_default());
    let mut world = shared.world();
    let outcome = (|| {
        let calendar = open(&world, &headers, &WRITE, &calendar)?;
        must_be_writer(&world, &calendar)?;
        let current = known(&world, &calendar, &event)?;
        if current.is_cancelled() {
            return Err(refuse(410, "global", "deleted", "Resource has been deleted"));
        }
        if_match(current, &headers)?;
        notify(&mut world, &calendar, &event, &query);
        let (version, now) = (world.next(), world.now_ordered());
        let stored = &mut world.calendars[&calendar].events[&event];
        stored.fields.insert("status".into(), "cancelled".into());
        stored.fields.insert("updated".into(), now.into());
        stored.version = version;
        world.tell(&calendar);
        Ok(())
    })();
    match outcome {
        Err(refusal) => *refusal,
        Ok(()) => {
            let answer = Response::builder().status(StatusCode::NO_CONTENT).body(Body::empty());
            answer.expect("a status alone makes an answer")
        }
    }
}

/// The calendar's stored id, if the token may and the calendar exists.
pub(super) fn open(world: &World, headers: &HeaderMap, scopes: &[&str], calendar: &str) -> Result<String, Refusal> {
    wire::authorise(world, headers, scopes)?;
    world.calendar_id(calendar).map(str::to_owned).ok_or_else(|| refuse(404, "global", "notFound", "Not Found"))
}

fn must_be_writer(world: &World, calendar: &str) -> Result<(), Refusal> {
    if matches!(world.calendars[calendar].role.as_str(), "writer" | "owner") {
        return Ok(());
    }
    Err(refuse(403, "calendar", "requiredAccessLevel", "You need to have writer access to this calendar."))
}

fn known<'a>(world: &'a World, calendar: &str, event: &str) -> Result<&'a Event, Refusal> {
    world.calendars[calendar].events.get(event).ok_or_else(|| refuse(404, "global", "notFound", "Not Found"))
}

fn if_match(event: &Event, headers: &HeaderMap) -> Result<(), Refusal> {
    let wanted = fakes::header(headers, "if-match");
    if wanted.is_empty() || wanted == event.etag() {
        return Ok(());
    }
    Err(refuse(412, "global", "conditionNotMet", "Precondition Failed"))
}

fn object(body: &str) -> Result<Map<String, Json>, Refusal> {
    serde_json::from_str(body).map_err(|_| refuse(400, "global", "parseError", "Parse Error"))
}

/// Guests are mailed only when it is asked for.
fn notify(world: &mut World, calendar: &str, event: &str, query: &[(String, String)]) {
    if param(query, "sendUpdates") != Some("all") {
        return;
    }
    let guests = world.calendars[calendar].events[event].fields.get("attendees").and_then(Json::as_array);
    let guests: Vec<String> =
        guests.into_iter().flatten().filter_map(|it| it["email"].as_str().map(str::to_owned)).collect();
    world.mails.extend(guests.into_iter().map(|guest| (guest, event.to_owned())));
}

/// Puts an event in its place, new or changed.
pub(super) fn store(world: &mut World, calendar: &str, id: &str, mut fields: Map<String, Json>) -> Result<(), Refusal> {
    let zone = &world.calendars[calendar].zone;
    let (start, end) = (moment(fields.get("start"), zone, "start")?, moment(fields.get("end"), zone, "end")?);
    if end < start {
        return Err(refuse(400, "calendar", "timeRangeEmpty", "The specified time range is empty."));
    }
    fields.insert("id".into(), id.into());
    fields.entry("status").or_insert_with(|| "confirmed".into());
    let (version, now) = (world.next(), world.now_ordered());
    fields.entry("created").or_insert_with(|| now.as_str().into());
    fields.insert("updated".into(), now.into());
    world.calendars[calendar].events.insert(id.to_owned(), Event { fields, start, end, version });
    world.tell(calendar);
    Ok(())
}

/// `{dateTime, timeZone?}` or `{date}` as an instant.
fn moment(value: Option<&Json>, own: &TimeZone, name: &str) -> Result<Timestamp, Refusal> {
    let value = value.ok_or_else(|| refuse(400, "global", "required", &format!("Missing {name} time.")))?;
    let wrong = || refuse(400, "global", "invalid", &format!("Invalid time zone definition for {name} time."));
    let in_zone =
        |local: civil::DateTime, zone: TimeZone| local.to_zoned(zone).map(|it| it.timestamp()).map_err(|_| wrong());
    if let Some(date) = value["date"].as_str() {
        let date: civil::Date = date.parse().map_err(|_| wrong())?;
        return in_zone(date.at(0, 0, 0, 0), own.clone());
    }
    let text = value["dateTime"].as_str().ok_or_else(wrong)?;
    let named = value["timeZone"].as_str().map(TimeZone::get).transpose().map_err(|_| wrong())?;
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    in_zone(text.parse().map_err(|_| wrong())?, named.ok_or_else(wrong)?)
}

fn show(world: &World, calendar: &str, event: &str) -> Response<Body> {
    let calendar = &world.calendars[calendar];
    fakes::json(200, &render(&calendar.events[event], &calendar.zone))
}

/// The event as it is answered.
pub(super) fn render(event: &Event, own: &TimeZone) -> Json {
    let mut shown = event.fields.clone();
    for (name, instant) in [("start", event.start), ("end", event.end)] {
        if shown[name].get("date").is_some() {
            continue;
        }
        let zone = shown[name].get("timeZone").cloned().unwrap_or_else(|| own.iana_name().into());
        shown.insert(name.into(), json!({"dateTime": rfc3339(instant, own), "timeZone": zone}));
    }
    let id = shown["id"].as_str().unwrap_or_default().to_owned();
    shown.insert("kind".into(), "calendar#event".into());
    shown.insert("etag".into(), event.etag().into());
    shown.insert("htmlLink".into(), format!("https://www.google.com/calendar/event?eid={id}").into());
    shown.insert("iCalUID".into(), format!("{id}@google.com").into());
    Json::Object(shown)
}
