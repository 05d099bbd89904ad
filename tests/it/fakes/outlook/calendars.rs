//! Calendars and their events. Nothing is checked for conflicts, and guests are told of everything.

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Response, StatusCode},
};
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use serde_json::{Map, Value as Json, json};

use super::{Outlook, Refusal, Shared, World, answer, refuse};
use crate::fakes::{header, pairs, param};

pub(super) const READ: &[&str] = &["Calendars.Read", "Calendars.ReadWrite"];
const WRITE: &[&str] = &["Calendars.ReadWrite"];

/// An event; its text is kept as it was given.
pub(super) struct Event {
    fields: Map<String, Json>,
    start: Timestamp,
    end: Timestamp,
    version: u64,
}

pub(super) async fn list(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    if let Err(refusal) = world.allow(&headers, READ) {
        return *refusal;
    }
    let owner = json!({"name": "Ines Roth", "address": "ines@contoso.example"});
    answer(
        200,
        &json!({"value": [
            {"id": Outlook::CALENDAR, "name": "Calendar", "isDefaultCalendar": true, "canEdit": true, "owner": owner},
            {"id": "AAMkHolidays=", "name": "Holidays", "isDefaultCalendar": false, "canEdit": false, "owner": owner},
        ]}),
    )
}

/// What overlaps the time, in pages of `$top`.
pub(super) async fn view(
    State(shared): State<Shared>,
    Path(calendar): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = pairs(&query.unwrap_or_default());
    let world = shared.world();
    let outcome = (|| {
        world.allow(&headers, READ)?;
        known(&calendar)?;
        let bound = |name: &str| param(&query, name).and_then(|it| it.parse::<Timestamp>().ok());
        let (Some(from), Some(to)) = (bound("startDateTime"), bound("endDateTime")) else {
            return Err(refuse(
                400,
                "ErrorInvalidParameter",
                "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.",
            ));
        };
        let top = param(&query, "$top").and_then(|it| it.parse().ok()).unwrap_or(10);
        let skip = param(&query, "$skip").and_then(|it| it.parse().ok()).unwrap_or(0);
        let mut events: Vec<_> = world.events.iter().filter(|(_, it)| it.start < to && it.end > from).collect();
        events.sort_by_key(|(_, it)| it.start);
        let page: Vec<Json> = events.iter().skip(skip).take(top).map(|(id, it)| it.shown(id)).collect();
        let mut body = json!({"value": page});
        if events.len() > skip + top {
            let mut next = url::Url::parse("https://graph.microsoft.com").expect("it is an address");
            next.set_path(&format!("/v1.0/me/calendars/{calendar}/calendarView"));
            for (name, value) in query.iter().filter(|(name, _)| name != "$skip") {
                next.query_pairs_mut().append_pair(name, value);
            }
            next.query_pairs_mut().append_pair("$skip", &(skip + top).to_string());
            body["@odata.nextLink"] = next.as_str().into();
        }
        Ok(answer(200, &body))
    })();
    outcome.unwrap_or_else(|it: Refusal| *it)
}

/// A `transactionId` makes an event once.
pub(super) async fn create(
    State(shared): State<Shared>,
    Path(calendar): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    let outcome = (|| {
        world.allow(&headers, WRITE)?;
        known(&calendar)?;
        let Ok(Json::Object(mut fields)) = serde_json::from_str(&body) else {
            return Err(refuse(400, "RequestBodyRead", "The body is no JSON object."));
        };
        if let Some(key) = fields.get("transactionId") {
            let earlier = world.events.iter().find(|(_, it)| it.fields.get("transactionId") == Some(key));
            if let Some((id, _)) = earlier {
                let message = "Your request can't be completed. The TransactionId has already been used to create a different event.";
                let body = json!({"error": {"code": "ErrorDuplicateTransactionId", "message": message, "@event.existingEventId": id}});
                return Ok(answer(world.duplicate_status, &body));
            }
        }
        let (start, end) = (instant(&fields["start"])?, instant(&fields["end"])?);
        let serial = world.next();
        let made = world.now() + SignedDuration::from_millis(i64::try_from(serial).expect("few are made"));
        fields.insert("createdDateTime".to_owned(), made.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into());
        let id = format!("AAMkEvent{serial}=");
        world.notices += guests(&fields);
        world.events.insert(id.clone(), Event { fields, start, end, version: 1 });
        let etag = world.events[&id].etag();
        world.tell("created", &id, Some(&etag));
        Ok(answer(201, &world.events[&id].shown(&id)))
    })();
    outcome.unwrap_or_else(|it: Refusal| *it)
}

pub(super) async fn get(State(shared): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    let outcome = world.allow(&headers, READ).and_then(|()| match world.events.get(&id) {
        Some(event) => Ok(answer(200, &event.shown(&id))),
        None => Err(not_found()),
    });
    outcome.unwrap_or_else(|it| *it)
}

pub(super) async fn change(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    let outcome = (|| {
        world.allow(&headers, WRITE)?;
        let changes: Json = serde_json::from_str(&body).unwrap_or_default();
        let event = world.events.get_mut(&id).ok_or_else(not_found)?;
        let asked = header(&headers, "if-match");
        if !asked.is_empty() && asked != event.etag() {
            return Err(refuse(
                412,
                "ErrorIrresolvableConflict",
                "The change key passed in the request does not match.",
            ));
        }
        (event.start, event.end) = (instant(&changes["start"])?, instant(&changes["end"])?);
        event.version += 1;
        let told = guests(&event.fields);
        world.notices += told;
        let etag = world.events[&id].etag();
        world.tell("updated", &id, Some(&etag));
        Ok(answer(200, &world.events[&id].shown(&id)))
    })();
    outcome.unwrap_or_else(|it: Refusal| *it)
}

pub(super) async fn delete(State(shared): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let mut world = shared.world();
    if let Err(refusal) = world.allow(&headers, WRITE) {
        return *refusal;
    }
    let Some(event) = world.events.shift_remove(&id) else { return *not_found() };
    world.notices += guests(&event.fields);
    world.tell("deleted", &id, None);
    let mut done = Response::new(Body::empty());
    *done.status_mut() = StatusCode::NO_CONTENT;
    done
}

fn known(calendar: &str) -> Result<(), Refusal> {
    if calendar == Outlook::CALENDAR { Ok(()) } else { Err(not_found()) }
}

fn not_found() -> Refusal {
    refuse(404, "ErrorItemNotFound", "The specified object was not found in the store.")
}

fn guests(fields: &Map<String, Json>) -> usize {
    fields.get("attendees").and_then(Json::as_array).map_or(0, Vec::len)
}

/// A time without offset and the zone that it is in; only UTC is read.
fn instant(time: &Json) -> Result<Timestamp, Refusal> {
    let zone = time["timeZone"].as_str().unwrap_or_default();
    if zone != "UTC" {
        return Err(refuse(400, "TimeZoneNotSupportedException", "A valid TimeZone value must be specified."));
    }
    let read = time["dateTime"].as_str().and_then(|it| it.parse::<civil::DateTime>().ok());
    let read = read.and_then(|it| it.to_zoned(TimeZone::UTC).ok());
    Ok(read.ok_or_else(|| refuse(400, "ErrorPropertyValidationFailure", "The time can't be read."))?.timestamp())
}

impl Event {
    fn etag(&self) -> String {
        format!("W/\"k{}==\"", self.version)
    }

    fn shown(&self, id: &str) -> Json {
        let time = |it: Timestamp| json!({"dateTime": format!("{}.0000000", it.strftime("%Y-%m-%dT%H:%M:%S")), "timeZone": "UTC"});
        let mut shown = Json::Object(self.fields.clone());
        let set = json!({
            "@odata.etag": self.etag(), "id": id, "type": "singleInstance", "isAllDay": false, "isCancelled": false,
            "isOrganizer": true, "showAs": "busy", "responseStatus": {"response": "organizer"},
            "start": time(self.start), "end": time(self.end),
        });
        for (name, value) in set.as_object().expect("it is one") {
            shown[name] = value.clone();
        }
        shown
    }
}

impl World {
    /// Puts an event into the calendar, as the owner would by hand; gives its id.
    pub(crate) fn add_event(&mut self, start: &str, end: &str) -> String {
        let at = |it: &str| it.parse().expect("the test gives a time");
        let event = Event { fields: Map::new(), start: at(start), end: at(end), version: 1 };
        let id = format!("AAMkByHand{}=", self.next());
        let etag = event.etag();
        self.events.insert(id.clone(), event);
        self.tell("created", &id, Some(&etag));
        id
    }

    /// Takes an event away, as the owner would by hand.
    pub(crate) fn remove_event(&mut self, id: &str) {
        self.events.shift_remove(id).expect("the test names an event");
        self.tell("deleted", id, None);
    }
}
