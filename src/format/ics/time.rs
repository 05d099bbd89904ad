//! DATE, DATE-TIME, DURATION and PERIOD values (RFC 5545 §3.3.4, §3.3.5, §3.3.6, §3.3.9), and on which clock they are.

use std::collections::HashMap;

use jiff::{
    SignedDuration, Span, Timestamp, ToSpan, Zoned,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::{component::Component, line::Line, timezone};
use crate::base::zone;

/// A day, or a time on some clock.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum When {
    /// A whole day, in whatever zone one looks from.
    Date(Date),
    /// A local time and its zone.
    Time(DateTime, TimeZone),
}

impl When {
    /// The instant; a day's is its first in `zone`. A repeated local time is the first of the two, one that is skipped is
    /// moved by the gap (§3.3.5).
    pub(super) fn instant(&self, zone: &TimeZone) -> Option<Timestamp> {
        self.zoned(zone).map(|it| it.timestamp())
    }

    /// As [`When::instant`], with its zone.
    pub(super) fn zoned(&self, zone: &TimeZone) -> Option<Zoned> {
        match self {
            When::Date(date) => date.to_zoned(zone.clone()).ok(),
            When::Time(time, zone) => time.to_zoned(zone.clone()).ok(),
        }
    }

    /// What its clock shows; midnight for a day.
    pub(super) fn civil(&self) -> DateTime {
        match self {
            When::Date(date) => date.to_datetime(jiff::civil::Time::midnight()),
            When::Time(time, _) => *time,
        }
    }

    /// Another local time on the same clock.
    pub(super) fn at(&self, civil: DateTime) -> When {
        match self {
            When::Date(_) => When::Date(civil.date()),
            When::Time(_, zone) => When::Time(civil, zone.clone()),
        }
    }
}

/// How long an event is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Length {
    /// Whole days, of an event on whole days: at least one.
    Days(i32),
    /// From one instant to another: the same for every instance, whatever the clocks do (§3.8.5.3).
    Exact(SignedDuration),
    /// A DURATION: days are of the calendar, hours are exact (§3.3.6).
    Nominal(Span),
}

/// The zones that a calendar's times can be in.
pub(super) struct Zones<'a> {
    /// For floating times and names that nobody knows.
    default: TimeZone,
    /// `TZID` → its definition in the body.
    defined: HashMap<&'a str, &'a Component>,
    /// Those that were made from a definition.
    made: std::cell::RefCell<HashMap<String, Option<TimeZone>>>,
    /// How far definitions are followed.
    until: Timestamp,
}

impl<'a> Zones<'a> {
    /// Of one calendar, for times up to `until`.
    pub(super) fn new(calendar: &'a Component, default: &TimeZone, until: Timestamp) -> Self {
        let defined = calendar.components("VTIMEZONE");
        let defined = defined.filter_map(|it| Some((it.line("TZID")?.value.trim(), it))).collect();
        Self { default: default.clone(), defined, made: Default::default(), until }
    }

    /// Of one event's calendar, for the times of that event.
    pub(super) fn around(calendar: &'a Component, event: &Component, default: &TimeZone) -> Option<Self> {
        let start = event.line("DTSTART")?.value.trim();
        let date = parse_date(start.get(..8)?)?;
        let until = date.checked_add(1.year()).ok()?.to_zoned(TimeZone::UTC).ok()?;
        Some(Self::new(calendar, default, until.timestamp()))
    }

    /// The zone that a property's `TZID` names.
    fn named(&self, name: &str) -> TimeZone {
        zone(name)
            .or_else(|| self.defined_as(name))
            .or_else(|| {
                // a vendor's prefix before an IANA name
                let starts = name.match_indices('/').map(|(at, _)| at + 1);
                starts.filter_map(|start| zone(&name[start..])).next()
            })
            .unwrap_or_else(|| self.default.clone())
    }

    fn defined_as(&self, name: &str) -> Option<TimeZone> {
        if let Some(made) = self.made.borrow().get(name) {
            return made.clone();
        }
        let made = self.defined.get(name).and_then(|it| timezone::make(it, self.until));
        self.made.borrow_mut().insert(name.to_owned(), made.clone());
        made
    }

    /// One DATE or DATE-TIME of a property.
    pub(super) fn when(&self, line: &Line, value: &str) -> Option<When> {
        let value = value.trim();
        if let Some(date) = parse_date(value) {
            return Some(When::Date(date));
        }
        let (time, utc) = parse_time(value)?;
        let zone = match line.param("TZID") {
            _ if utc => TimeZone::UTC,
            Some(name) => self.named(name.trim()),
            None => self.default.clone(),
        };
        Some(When::Time(time, zone))
    }

    /// One PERIOD, or a DATE or DATE-TIME without a length of its own.
    pub(super) fn period(&self, line: &Line, value: &str) -> Option<(When, Option<Length>)> {
        let Some((start, end)) = value.split_once('/') else { return Some((self.when(line, value)?, None)) };
        let start = self.when(line, start)?;
        let length = match parse_duration(end) {
            Some(span) => Length::Nominal(span),
            None => self.between(&start, &self.when(line, end)?)?,
        };
        Some((start, Some(length)))
    }

    /// From a start to an end. An end before the start counts as the start.
    pub(super) fn between(&self, start: &When, end: &When) -> Option<Length> {
        if let When::Date(first) = start {
            let days = (end.civil().date() - *first).get_days();
            return Some(Length::Days(days.max(1)));
        }
        let length = end.instant(&self.default)?.duration_since(start.instant(&self.default)?);
        Some(Length::Exact(length.max(SignedDuration::ZERO)))
    }
}

/// `20261224`
pub(super) fn parse_date(text: &str) -> Option<Date> {
    if text.len() != 8 {
        return None;
    }
    Date::new(number(text, 0..4)?, number(text, 4..6)? as i8, number(text, 6..8)? as i8).ok()
}

/// `20261201T093000`, and whether a `Z` follows.
pub(super) fn parse_time(text: &str) -> Option<(DateTime, bool)> {
    let (text, utc) = match text.strip_suffix(['Z', 'z']) {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (date, time) = text.split_once(['T', 't'])?;
    if time.len() != 6 {
        return None;
    }
    let (hour, minute, second) = (number(time, 0..2)?, number(time, 2..4)?, number(time, 4..6)?);
    // a leap second is the last one that a clock here can show
    let second = second.min(59);
    Some((parse_date(date)?.to_datetime(jiff::civil::Time::new(hour as i8, minute as i8, second as i8, 0).ok()?), utc))
}

/// `P15DT5H0M20S`, `PT30M`, `P2W`; none if it is negative.
pub(super) fn parse_duration(text: &str) -> Option<Span> {
    let text = text.trim();
    let span: Span = text.strip_prefix('+').unwrap_or(text).parse().ok()?;
    (!span.is_negative()).then_some(span)
}

fn number(text: &str, place: std::ops::Range<usize>) -> Option<i16> {
    let digits = text.get(place)?;
    digits.bytes().all(|it| it.is_ascii_digit()).then(|| digits.parse().ok())?
}
