//! Events and busy times, as connectors get them.

use std::{collections::HashMap, sync::Arc};

use jiff::{Timestamp, Zoned, civil::Date, tz::TimeZone};
use serde::{Serialize, Serializer};

use super::{
    component::{Component, calendars},
    event::{Details, Written, address},
    fault,
    instances::{Gone, Slot, Spent, Window, instances, whole_slot},
    time::Zones,
};
use crate::format::FormatError;

/// The longest window, with an hour for the clocks.
const MAX_WINDOW_HOURS: i64 = 366 * 24 + 1;
/// Of all events together: each instance repeats its texts.
const MAX_BYTES: usize = 16 << 20;

/// One instance: when it is, whether it is one of several, and what it is of.
type Found = (Slot, bool, Arc<Details>);

/// One instance of an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// In the zone that was asked for; a day if the event is on whole days.
    pub start: Edge,
    /// Exclusive.
    pub end: Edge,
    /// On whole days.
    pub all_day: bool,
    /// One of several.
    pub recurring: bool,
    #[serde(flatten)]
    details: Details,
}

/// A time that the calendar's owner is not free.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Busy {
    /// In the zone that was asked for; never a day.
    pub start: Edge,
    /// Exclusive.
    pub end: Edge,
    /// Of the event, so that one's own can be told from others.
    pub uid: String,
}

/// A day, or an instant with its offset.
#[derive(Debug, Clone, PartialEq)]
pub enum Edge {
    /// `2026-12-24`
    Day(Date),
    /// `2026-12-01T10:30:00+01:00`; in UTC, `2026-12-01T09:30:00Z`.
    Time(Zoned),
}

impl Serialize for Edge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Edge::Day(date) => serializer.collect_str(date),
            Edge::Time(time) if *time.time_zone() == TimeZone::UTC => serializer.collect_str(&time.timestamp()),
            Edge::Time(time) => serializer.collect_str(&time.timestamp().display_with_offset(time.offset())),
        }
    }
}

/// The instances in some texts that overlap the time from `from` to `to`, by their start. `zone` is the business's: whole days and
/// floating times are on its clock, and instants are written with its offset.
///
/// # Errors
/// When a text is not iCalendar, the window is longer than 366 days or ends before it starts, or there is too much in it.
pub fn events<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    from: Timestamp,
    to: Timestamp,
    zone: &TimeZone,
) -> Result<Vec<Event>, FormatError> {
    let found = slots(texts, &Window { from, to, zone })?;
    if found.iter().map(|(_, _, details)| details.size()).sum::<usize>() > MAX_BYTES {
        return Err(fault(format!("the events in the window hold more than {MAX_BYTES} bytes of text")));
    }
    Ok(found.into_iter().map(|it| shown(it, zone)).collect())
}

/// The event that a text is about, wherever it is: what a calendar keeps under one address (RFC 4791 §4.1). Of a series it
/// is the first instance. Written as [`events`] are.
///
/// # Errors
/// When the text is not iCalendar, or has no event whose start can be read.
pub fn single(text: &str, zone: &TimeZone) -> Result<Event, FormatError> {
    let calendars = calendars(text)?;
    let components = calendars.iter().flat_map(|it| it.components("VEVENT").map(move |event| (it, event)));
    let mut found: Vec<_> = components
        .filter_map(|(calendar, event)| Written::read(event, &Zones::around(calendar, event, zone)?))
        .collect();
    let replaced = found.iter().any(|event| event.instead_of.is_some());
    found.sort_by_key(|event| event.instead_of.is_some());
    let missing = || fault("there is no event whose start can be read");
    let event = found.into_iter().next().ok_or_else(missing)?;
    let slot = whole_slot(&event.start, event.length, zone).ok_or_else(missing)?;
    let recurring = replaced || !event.rules.is_empty() || !event.dates.is_empty();
    Ok(shown((slot, recurring, Arc::new(event.details)), zone))
}

fn shown((slot, recurring, details): Found, zone: &TimeZone) -> Event {
    let (start, end, all_day) = match slot {
        Slot::Days(first, after) => (Edge::Day(first), Edge::Day(after), true),
        Slot::Times(start, end) => (time(&start, zone), time(&end, zone), false),
    };
    Event { start, end, all_day, recurring, details: Arc::unwrap_or_clone(details) }
}

/// The times at which the calendar's owner is not free: all but what is cancelled, does not block its time, or was
/// declined by one of `own` (the owner's addresses, with or without `mailto:`).
///
/// # Errors
/// As [`events`].
pub fn busy<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    from: Timestamp,
    to: Timestamp,
    zone: &TimeZone,
    own: &[&str],
) -> Result<Vec<Busy>, FormatError> {
    let mut found = slots(texts, &Window { from, to, zone })?;
    found.retain(|(_, _, details)| blocks(details, own));
    let mut busy = Vec::with_capacity(found.len());
    for (slot, _, details) in found {
        let (start, end) = match slot {
            Slot::Days(first, after) => {
                // a day that was in the window has a first instant
                let (Ok(start), Ok(end)) = (first.to_zoned(zone.clone()), after.to_zoned(zone.clone())) else {
                    continue;
                };
                (start, end)
            }
            Slot::Times(start, end) if start.timestamp() == end.timestamp() => continue,
            Slot::Times(start, end) => (start, end),
        };
        busy.push(Busy { start: time(&start, zone), end: time(&end, zone), uid: details.uid.clone() });
    }
    Ok(busy)
}

fn time(time: &Zoned, zone: &TimeZone) -> Edge {
    Edge::Time(time.with_time_zone(zone.clone()))
}

fn blocks(details: &Details, own: &[&str]) -> bool {
    let declined = |it: &super::Attendee| {
        it.answer == "DECLINED" && own.iter().any(|own| address(own).eq_ignore_ascii_case(&it.address))
    };
    details.status != "CANCELLED" && !details.transparent && !details.attendees.iter().any(declined)
}

/// Every instance in the window, by its start.
fn slots<'a>(texts: impl IntoIterator<Item = &'a str>, window: &Window<'_>) -> Result<Vec<Found>, FormatError> {
    let span = window.to.duration_since(window.from);
    if span.is_negative() || span.as_hours() > MAX_WINDOW_HOURS {
        return Err(fault("the window must end after it starts, at most 366 days later"));
    }
    let mut found = Vec::new();
    let mut spent = Spent::default();
    for text in texts {
        for calendar in calendars(text)? {
            in_calendar(&calendar, window, &mut spent, &mut found)?;
        }
    }
    found.sort_by_key(|(slot, _, _)| match slot {
        Slot::Days(first, _) => first.to_zoned(window.zone.clone()).map_or(window.from, |it| it.timestamp()),
        Slot::Times(start, _) => start.timestamp(),
    });
    Ok(found)
}

fn in_calendar(
    calendar: &Component,
    window: &Window<'_>,
    spent: &mut Spent,
    found: &mut Vec<Found>,
) -> Result<(), FormatError> {
    let zones = Zones::new(calendar, window.zone, window.to);
    let events: Vec<_> = calendar.components("VEVENT").filter_map(|it| Written::read(it, &zones)).collect();
    let mut replaced: HashMap<String, Gone> = HashMap::new();
    for event in &events {
        if let Some(when) = &event.instead_of {
            replaced.entry(event.details.uid.clone()).or_default().add(when, window.zone);
        }
    }
    for mut event in events {
        let replacement = event.instead_of.is_some();
        if replacement {
            event.rules.clear();
            event.dates.clear();
        }
        let recurring = replacement || !event.rules.is_empty() || !event.dates.is_empty();
        // only one event of a UID is the series; a second would be a fault of the server's
        let gone = if replacement { Gone::default() } else { replaced.remove(&event.details.uid).unwrap_or_default() };
        let slots = instances(&event, gone, window, spent)?;
        let details = Arc::new(event.details);
        found.extend(slots.into_iter().map(|slot| (slot, recurring, Arc::clone(&details))));
    }
    Ok(())
}
