//! Availability: the functions that connectors of calendars share.

use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};
use minijinja::{Value, value::ValueKind};

use super::{
    Call, Entry, Gives, Kind, Outcome, call, function,
    moment::{Instant, Moment},
    optional, required,
    slots::{self, Day, Interval, Wanted},
    time::zone_of,
};
use crate::expr::types::{Text, Type};

/// A longer time is asked for in parts.
const MAX_DAYS: i64 = 62;
const MAX_SLOTS: i64 = 1000;
const MAX_BUSY: usize = 20_000;
const MAX_WINDOWS: usize = 100;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(super) const ENTRIES: &[Entry] = &[
    function(
        "free_slots",
        &[
            required("busy", Kind::List),
            required("from", Kind::Time),
            required("to", Kind::Time),
            required("timezone", Kind::Zone),
            required("hours", Kind::Mapping),
            required("minutes", Kind::Integer),
            required("now", Kind::Time),
            optional("step", Kind::Integer),
            optional("buffer_before", Kind::Integer),
            optional("buffer_after", Kind::Integer),
            optional("notice", Kind::Integer),
            optional("limit", Kind::Integer),
        ],
        "The free slots of so many `minutes` between `from` and `to`, as `[{start, end}]`: inside the weekly `hours` (`{mon: ['09:00-17:00'], …}` on the clock of `timezone`), not overlapping `busy` (`[{start, end}]`, date-times or whole days), with free minutes before and after, at least `notice` minutes from `now`. One begins every `step` minutes (default `minutes`) from each opening. At most 62 days, and `limit` slots (default 50, at most 1,000).",
        (
            "free_slots(busy=[{'start': '2026-12-01T10:00:00+07:00', 'end': '2026-12-01T11:30:00+07:00'}], from='2026-12-01', to='2026-12-02', timezone='Asia/Jakarta', hours={'tue': ['09:00-12:30']}, minutes=60, now='2026-11-25T09:00:00Z')",
            r#"[{"start":"2026-12-01T09:00:00+07:00","end":"2026-12-01T10:00:00+07:00"}]"#,
        ),
        free_slots,
    )
    .gives(Gives::Of(|_| spans())),
    function(
        "overlaps",
        &[
            required("busy", Kind::List),
            required("start", Kind::Time),
            required("end", Kind::Time),
            optional("timezone", Kind::Zone),
        ],
        "The entries of `busy` that overlap the time from `start` to `end`, unchanged. Whole days need `timezone`.",
        (
            "overlaps([{'start': '2026-12-01T02:00:00Z', 'end': '2026-12-01T03:00:00Z'}], '2026-12-01T10:00:00+07:00', '2026-12-01T10:30:00+07:00')",
            "[]",
        ),
        overlaps,
    )
    .gives(Gives::List),
    function(
        "windows",
        &[required("from", Kind::Time), required("to", Kind::Time), required("days", Kind::Integer)],
        "The time from `from` to `to` in parts of at most so many days, as `[{start, end}]`: for providers that refuse to look at more at once. Days in, days out. At most 100 parts.",
        (
            "windows('2026-12-01', '2027-01-10', 31)",
            r#"[{"start":"2026-12-01","end":"2027-01-01"},{"start":"2027-01-01","end":"2027-01-10"}]"#,
        ),
        windows,
    )
    .gives(Gives::Of(|_| spans())),
];

fn free_slots(call: &Call) -> Outcome {
    let zone = zone_of(call, "timezone")?;
    let within = Interval { start: time(call, "from", Some(&zone))?, end: time(call, "to", Some(&zone))? };
    let span = within.end.duration_since(within.start);
    if span.is_negative() {
        return Err(call.about("`to` is before `from`"));
    }
    // A day may be an hour longer where clocks are put back.
    if span > SignedDuration::from_hours(24 * MAX_DAYS + 1) {
        return Err(call.about("from `from` to `to` are more than 62 days"));
    }
    let minutes = |name: &str, default: i64, least: i64| {
        let count = call.integer_arg(name)?.unwrap_or(default);
        // A leap year's.
        let fits = (least..=527_040).contains(&count);
        if fits {
            Ok(SignedDuration::from_mins(count))
        } else {
            Err(call.about(&format!("`{name}` is {least} to 527,040 minutes")))
        }
    };
    let length = minutes("minutes", 0, 1)?;
    let limit = call.integer_arg("limit")?.unwrap_or(50);
    let limit = usize::try_from(limit).ok().filter(|_| (1..=MAX_SLOTS).contains(&limit));
    let wanted = Wanted {
        within,
        earliest: time(call, "now", None)?
            .saturating_add(minutes("notice", 0, 0)?)
            .map_err(|_| "the time is out of range")?,
        hours: hours(call)?,
        length,
        step: minutes("step", length.as_mins(), 1)?,
        buffers: (minutes("buffer_before", 0, 0)?, minutes("buffer_after", 0, 0)?),
        limit: limit.ok_or_else(|| call.about("`limit` is 1 to 1,000"))?,
        zone,
    };
    let busy = busy(call, Some(&wanted.zone))?;
    let busy: Vec<Interval> = busy.into_iter().map(|(interval, _)| interval).collect();
    let written = |at: Timestamp| Value::from(Instant::in_zone(at, &wanted.zone).to_string());
    let slots = slots::free(&wanted, &busy).map_err(|message| call.about(&message))?;
    Ok(slots
        .into_iter()
        .map(|it| Value::from_pairs([("start", written(it.start)), ("end", written(it.end))]))
        .collect())
}

fn overlaps(call: &Call) -> Outcome {
    let zone = match call.arg("timezone") {
        Some(_) => Some(zone_of(call, "timezone")?),
        None => None,
    };
    let zone = zone.as_ref();
    let asked = Interval { start: time(call, "start", zone)?, end: time(call, "end", zone)? };
    if asked.start >= asked.end {
        return Err(call.about("`end` is not after `start`"));
    }
    Ok(busy(call, zone)?.into_iter().filter(|(it, _)| it.overlaps(asked)).map(|(_, entry)| entry).collect())
}

fn windows(call: &Call) -> Outcome {
    let moment = |name: &str| {
        let text = call.text_arg(name)?.unwrap_or_default();
        Moment::parse(&text).map_err(|message| call.about(&format!("`{name}`: {message}")))
    };
    let days = call.integer_arg("days")?.filter(|it| (1..=366).contains(it));
    let days = days.ok_or_else(|| call.about("`days` is 1 to 366"))?;
    let too_many = || call.about(&format!("from `from` to `to` are more than {MAX_WINDOWS} parts"));
    let mut parts = Vec::new();
    match (moment("from")?, moment("to")?) {
        (Moment::Date(mut from), Moment::Date(to)) => {
            while from < to {
                let next = from.checked_add(Span::new().days(days)).map_err(|_| too_many())?.min(to);
                parts.push((from.to_string(), next.to_string()));
                from = next;
                (parts.len() <= MAX_WINDOWS).then_some(()).ok_or_else(too_many)?;
            }
        }
        (Moment::Instant(mut from), Moment::Instant(to)) => {
            while from.at < to.at {
                let later = from.plus(SignedDuration::from_hours(24 * days))?;
                let next = if later.at < to.at { later } else { to };
                parts.push((from.to_string(), next.to_string()));
                from = next;
                (parts.len() <= MAX_WINDOWS).then_some(()).ok_or_else(too_many)?;
            }
        }
        _ => return Err(call.about("`from` and `to` are both days or both instants")),
    }
    Ok(parts.into_iter().map(|(start, end)| Value::from_pairs([("start", start), ("end", end)])).collect())
}

/// An argument as an instant; a date is its first in the zone.
fn time(call: &Call, name: &str, zone: Option<&TimeZone>) -> Result<Timestamp, String> {
    let text = call.text_arg(name)?.unwrap_or_default();
    start(&text, zone).map_err(|message| call.about(&format!("`{name}`: {message}")))
}

fn start(text: &str, zone: Option<&TimeZone>) -> Result<Timestamp, String> {
    match (Moment::parse(text)?, zone) {
        (Moment::Instant(it), _) => Ok(it.at),
        (date @ Moment::Date(_), Some(zone)) => date.start_in(zone),
        (Moment::Date(_), None) => Err("whole days need `timezone`".into()),
    }
}

/// The busy times with the entries that they are from.
fn busy(call: &Call, zone: Option<&TimeZone>) -> Result<Vec<(Interval, Value)>, String> {
    let entries = call.arg("busy").and_then(call::list);
    let entries = entries.ok_or_else(|| call.about("`busy` must be a list of `{start, end}`"))?;
    if entries.len() > MAX_BUSY {
        return Err(call.about("`busy` has more than 20,000 entries"));
    }
    let read = |(index, entry): (usize, Value)| {
        let edge = |name: &str| {
            let value = entry.get_attr(name).unwrap_or_default();
            let text = value.as_str().ok_or_else(|| format!("it has no `{name}`"))?;
            start(text, zone)
        };
        let interval = edge("start").and_then(|start| Ok(Interval { start, end: edge("end")? }));
        let interval =
            interval.and_then(|it| if it.end < it.start { Err("it ends before it starts".into()) } else { Ok(it) });
        match interval {
            Ok(interval) => Ok((interval, entry)),
            Err(message) => Err(call.about(&format!("entry {index} of `busy`: {message}"))),
        }
    };
    entries.into_iter().enumerate().map(read).collect()
}

/// `{mon: ['09:00-12:00', '13:00-17:00'], …}`; a day that isn't there is closed.
pub(super) fn hours(call: &Call) -> Result<[Day; 7], String> {
    let wrong = || {
        call.about("`hours` must be a mapping such as `{mon: ['09:00-12:00', '13:00-17:00'], tue: ['09:00-17:00']}`")
    };
    let value = call.arg("hours").filter(|it| it.kind() == ValueKind::Map).ok_or_else(wrong)?;
    let mut week: [Day; 7] = Default::default();
    for key in value.try_iter().map_err(|_| wrong())? {
        let day = key.as_str().and_then(|key| DAYS.iter().position(|it| *it == key));
        let day = day.ok_or_else(|| call.about("the days of `hours` are mon, tue, wed, thu, fri, sat and sun"))?;
        let entries = value.get_item(&key).unwrap_or_default();
        if entries.is_none() || entries.is_undefined() {
            continue;
        }
        for entry in call::list(&entries).ok_or_else(wrong)? {
            week[day].push(
                entry
                    .as_str()
                    .and_then(opening)
                    .ok_or_else(|| call.about("an entry of `hours` is not as `09:00-17:00`"))?,
            );
        }
        week[day] = merged(std::mem::take(&mut week[day]));
    }
    Ok(week)
}

/// `09:00-17:00`, up to `24:00`.
fn opening(text: &str) -> Option<(u16, u16)> {
    let minute = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        let two_digits = |it: &str| it.len() <= 2 && it.bytes().all(|it| it.is_ascii_digit());
        if !two_digits(hour) || minute.len() != 2 || !two_digits(minute) {
            return None;
        }
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (minute < 60).then_some(hour * 60 + minute).filter(|it| *it <= 1440)
    };
    let (opens, closes) = text.split_once(['-', '–'])?;
    let (opens, closes) = (minute(opens)?, minute(closes)?);
    (opens < closes).then_some((opens, closes))
}

/// In order; what touches or overlaps becomes one.
fn merged(mut day: Day) -> Day {
    day.sort_unstable();
    let mut merged: Day = Vec::with_capacity(day.len());
    for (opens, closes) in day {
        match merged.last_mut() {
            Some(last) if opens <= last.1 => last.1 = last.1.max(closes),
            _ => merged.push((opens, closes)),
        }
    }
    merged
}

/// `[{start, end}]`
fn spans() -> Type {
    let time = || Type::text(Text::Filled);
    Type::list(Type::mapping([("start", time()), ("end", time())]))
}
