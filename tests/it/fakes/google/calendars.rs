//! The calendar list and free/busy.

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, Response},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Map, Value as Json, json};

use super::{
    Shared,
    wire::{self, Refusal, refuse},
    world::{Calendar, World},
};
use crate::fakes::{self, param};

const LONGEST_RANGE: SignedDuration = SignedDuration::from_hours(90 * 24);
const ROLES: [&str; 4] = ["freeBusyReader", "reader", "writer", "owner"];

/// `calendarList.list`
pub(super) async fn list(
    State(shared): State<Shared>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let query = fakes::pairs(&query.unwrap_or_default());
    let world = shared.world();
    let scopes = ["calendar.calendarlist.readonly", "calendar.calendarlist", "calendar.readonly", "calendar"];
    if let Err(refusal) = wire::authorise(&world, &headers, &scopes) {
        return *refusal;
    }
    let least = param(&query, "minAccessRole").map_or(0, rank);
    let all: Vec<Json> = world
        .calendars
        .iter()
        .filter(|(_, it)| rank(&it.role) >= least)
        .map(|(id, it)| entry(id, it, *id == world.user))
        .collect();
    fakes::json(200, &page(&all, &query, 100, "calendar#calendarList"))
}

fn rank(role: &str) -> usize {
    ROLES.iter().position(|it| *it == role).unwrap_or_default()
}

fn entry(id: &str, calendar: &Calendar, primary: bool) -> Json {
    let zone = calendar.zone.iana_name();
    let mut entry = json!({"kind": "calendar#calendarListEntry", "id": id, "summary": calendar.summary, "timeZone": zone, "accessRole": calendar.role});
    if let Some(name) = &calendar.summary_override {
        entry["summaryOverride"] = name.as_str().into();
    }
    if primary {
        entry["primary"] = true.into();
    }
    entry
}

/// One page of `all`: `maxResults` at most, from `pageToken` on.
pub(super) fn page(all: &[Json], query: &[(String, String)], usual: usize, kind: &str) -> Json {
    let size = param(query, "maxResults").and_then(|it| it.parse().ok()).unwrap_or(usual).max(1);
    let from =
        param(query, "pageToken").and_then(|it| it.strip_prefix("EiB0")).and_then(|it| it.parse().ok()).unwrap_or(0);
    let items: Vec<&Json> = all.iter().skip(from).take(size).collect();
    let mut page = json!({"kind": kind, "items": items});
    if from + size < all.len() {
        page["nextPageToken"] = format!("EiB0{}", from + size).into();
    } else {
        page["nextSyncToken"] = "CPjV".into();
    }
    page
}

/// `freebusy.query`: computed from the stored events. A calendar that can't be read has its error inside the 200.
pub(super) async fn free_busy(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let world = shared.world();
    wire::answered(answer(&world, &headers, &body))
}

fn answer(world: &World, headers: &HeaderMap, body: &str) -> Result<Json, Refusal> {
    let scopes = ["calendar.freebusy", "calendar.events.freebusy", "calendar.readonly", "calendar"];
    wire::authorise(world, headers, &scopes)?;
    let asked: Json = serde_json::from_str(body).map_err(|_| refuse(400, "global", "parseError", "Parse Error"))?;
    let (from, to) = (bound(&asked, "timeMin")?, bound(&asked, "timeMax")?);
    if to <= from {
        return Err(refuse(400, "global", "timeRangeEmpty", "The specified time range is empty."));
    }
    if to.duration_since(from) > LONGEST_RANGE {
        return Err(refuse(400, "calendar", "timeRangeTooLong", "The requested time range is too long."));
    }
    let zone = zone(asked.get("timeZone"))?;
    let mut calendars = Map::new();
    for item in asked["items"].as_array().into_iter().flatten() {
        let id = item["id"].as_str().unwrap_or_default();
        calendars.insert(id.to_owned(), busy(world, id, from, to, &zone));
    }
    Ok(
        json!({"kind": "calendar#freeBusy", "timeMin": from.to_string(), "timeMax": to.to_string(), "calendars": calendars}),
    )
}

fn bound(asked: &Json, name: &str) -> Result<Timestamp, Refusal> {
    let text = asked[name].as_str();
    let text = text.ok_or_else(|| refuse(400, "global", "required", &format!("Missing {name} parameter.")))?;
    // A local time without offset is refused, even with a `timeZone` beside it.
    text.parse().map_err(|_| refuse(400, "global", "badRequest", "Bad Request"))
}

pub(super) fn zone(name: Option<&Json>) -> Result<TimeZone, Refusal> {
    let Some(name) = name.and_then(Json::as_str) else { return Ok(TimeZone::UTC) };
    TimeZone::get(name).map_err(|_| refuse(400, "global", "invalid", "Invalid time zone definition."))
}

fn busy(world: &World, id: &str, from: Timestamp, to: Timestamp, zone: &TimeZone) -> Json {
    let calendar = world.calendar_id(id).map(|it| &world.calendars[it]);
    let failing = calendar.map_or(Some("notFound"), |it| it.failing.as_deref());
    let Some(calendar) = calendar.filter(|_| failing.is_none()) else {
        return json!({"errors": [{"domain": "global", "reason": failing}], "busy": []});
    };
    let mut blocks: Vec<(Timestamp, Timestamp)> = calendar
        .events
        .values()
        .filter(|it| it.blocks() && it.start < to && it.end > from)
        .map(|it| (it.start.max(from), it.end.min(to)))
        .collect();
    blocks.sort();
    let blocks = merged(blocks);
    let busy: Vec<Json> =
        blocks.iter().map(|(start, end)| json!({"start": rfc3339(*start, zone), "end": rfc3339(*end, zone)})).collect();
    json!({"busy": busy})
}

/// Blocks that touch become one.
fn merged(sorted: Vec<(Timestamp, Timestamp)>) -> Vec<(Timestamp, Timestamp)> {
    let mut merged: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (start, end) in sorted {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// With the zone's offset; `Z` in UTC.
pub(super) fn rfc3339(instant: Timestamp, zone: &TimeZone) -> String {
    if *zone == TimeZone::UTC {
        return instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    }
    instant.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
