//! An event's instances in a window (RFC 5545 §3.8.5).

use std::collections::{BTreeSet, HashSet};

use jiff::{
    SignedDuration, Timestamp, ToSpan, Zoned,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::{
    event::Written,
    fault, rule,
    time::{Length, When},
};
use crate::format::FormatError;

/// Instances that rules may make on the way to the window, in all texts together.
const MAX_STEPS: usize = 1_000_000;
/// In all texts together.
const MAX_FOUND: usize = 5_000;

/// From when to when one looks, and from where.
pub(super) struct Window<'a> {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) zone: &'a TimeZone,
}

/// When one instance is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Slot {
    /// Whole days, the end exclusive.
    Days(Date, Date),
    /// From one instant to another.
    Times(Zoned, Zoned),
}

/// Counts over all events of all texts.
#[derive(Default)]
pub(super) struct Spent {
    steps: usize,
    found: usize,
}

/// Instances that are not to be: exceptions, and those that another event stands in for.
#[derive(Default)]
pub(super) struct Gone {
    times: HashSet<Timestamp>,
    /// Named as a day; of an event with times, all of that day.
    days: HashSet<Date>,
    /// The days on which the times are: what an event of whole days compares with.
    days_of_times: HashSet<Date>,
}

impl Gone {
    pub(super) fn add(&mut self, when: &When, zone: &TimeZone) {
        match when {
            When::Date(date) => {
                self.days.insert(*date);
            }
            When::Time(time, _) => {
                self.times.extend(when.instant(zone));
                self.days_of_times.insert(time.date());
            }
        }
    }

    fn has(&self, when: &When, at: Timestamp) -> bool {
        let date = when.civil().date();
        match when {
            When::Date(_) => self.days.contains(&date) || self.days_of_times.contains(&date),
            When::Time(..) => self.times.contains(&at) || self.days.contains(&date),
        }
    }
}

/// The instances of an event that overlap the window. `gone` has those that other events stand in for.
pub(super) fn instances(
    event: &Written,
    mut gone: Gone,
    window: &Window<'_>,
    spent: &mut Spent,
) -> Result<Vec<Slot>, FormatError> {
    for when in &event.exceptions {
        gone.add(when, window.zone);
    }
    let mut starts = BTreeSet::from([event.start.civil()]);
    for rule in &event.rules {
        collect(rule, event, window, spent, &mut starts)?;
    }
    let regular = starts.into_iter().map(|it| (event.start.at(it), event.length));
    let further = event.dates.iter().map(|(start, length)| (start.clone(), length.unwrap_or(event.length)));
    let mut seen = HashSet::new();
    let mut slots = Vec::new();
    for (start, length) in regular.chain(further) {
        let Some(at) = start.instant(window.zone) else { continue };
        if gone.has(&start, at) || !seen.insert(at) {
            continue;
        }
        if let Some(slot) = slot(&start, length, window) {
            spent.found += 1;
            if spent.found > MAX_FOUND {
                return Err(fault(format!("there are more than {MAX_FOUND} events in the window")));
            }
            slots.push(slot);
        }
    }
    Ok(slots)
}

/// Adds the local times that a rule makes, as far as they can be in the window. A rule that can't be read makes none.
fn collect(
    rule: &str,
    event: &Written,
    window: &Window<'_>,
    spent: &mut Spent,
    starts: &mut BTreeSet<DateTime>,
) -> Result<(), FormatError> {
    let clock = match &event.start {
        When::Date(_) => &TimeZone::UTC,
        When::Time(_, zone) => zone,
    };
    let Some(times) = rule::times(rule, event.start.civil(), |at| Some(clock.to_datetime(at))) else { return Ok(()) };
    // no clock is more than 26 hours from UTC, so two days on either side are enough to look no closer
    let margin = 2.days();
    let first = TimeZone::UTC.to_datetime(window.from).saturating_sub(margin).saturating_sub(longest(event.length));
    let last = TimeZone::UTC.to_datetime(window.to).saturating_add(margin);
    for time in times.take_while(|it| *it < last) {
        spent.steps += 1;
        if spent.steps > MAX_STEPS {
            return Err(fault(format!(
                "recurring events have more than {MAX_STEPS} instances before the window's end"
            )));
        }
        if time >= first {
            starts.insert(time);
            if starts.len() > MAX_FOUND * 2 {
                return Err(fault(format!("there are more than {MAX_FOUND} events in the window")));
            }
        }
    }
    Ok(())
}

/// At least as long as any instance of that length.
fn longest(length: Length) -> SignedDuration {
    match length {
        Length::Days(days) => SignedDuration::from_hours(24 * i64::from(days)),
        Length::Exact(duration) => duration,
        Length::Nominal(span) => {
            let days = i64::from(span.get_years()) * 366
                + i64::from(span.get_months()) * 31
                + i64::from(span.get_weeks()) * 7
                + i64::from(span.get_days())
                + 1;
            let minutes = i64::from(span.get_hours()) * 60 + span.get_minutes() + span.get_seconds() / 60;
            SignedDuration::from_hours(24 * days).saturating_add(SignedDuration::from_mins(minutes))
        }
    }
}

/// The instance, if it overlaps the window (RFC 4791 §9.9: one without length does when it begins inside).
fn slot(start: &When, length: Length, window: &Window<'_>) -> Option<Slot> {
    let slot = whole_slot(start, length, window.zone)?;
    let (start, end) = match &slot {
        Slot::Days(first, after) => {
            let midnight = |date: &Date| date.to_zoned(window.zone.clone()).map(|it| it.timestamp()).ok();
            (midnight(first)?, midnight(after)?)
        }
        Slot::Times(start, end) => (start.timestamp(), end.timestamp()),
    };
    let overlaps = start < window.to && (end > window.from || (start == end && start >= window.from));
    overlaps.then_some(slot)
}

/// The instance that begins at `start`.
pub(super) fn whole_slot(start: &When, length: Length, zone: &TimeZone) -> Option<Slot> {
    let first = match start {
        When::Date(date) => {
            let days = if let Length::Days(days) = length { days } else { 1 };
            return Some(Slot::Days(*date, date.checked_add(days.days()).ok()?));
        }
        When::Time(..) => start.zoned(zone)?,
    };
    let end = match length {
        Length::Days(days) => first.checked_add(days.days()),
        Length::Exact(duration) => first.checked_add(duration),
        Length::Nominal(span) => first.checked_add(span),
    };
    Some(Slot::Times(first, end.ok()?))
}
