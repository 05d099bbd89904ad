//! Free appointment slots: working hours minus what is busy, on a grid. Pure: instants in, instants out.

use jiff::{
    SignedDuration, Timestamp,
    civil::Date,
    tz::{AmbiguousOffset, TimeZone},
};

/// Half-open: the end does not belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Interval {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

impl Interval {
    /// Whether they have time in common; an empty one has none with any.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end && self.start < self.end && other.start < other.end
    }
}

/// Opening and closing as minutes from midnight on the wall clock, 0 to 1440, in order and apart from each other.
pub(super) type Day = Vec<(u16, u16)>;

/// What is wanted.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Slots lie in here.
    pub(super) within: Interval,
    /// And begin no earlier than this.
    pub(super) earliest: Timestamp,
    /// Where the hours are.
    pub(super) zone: TimeZone,
    /// Monday first.
    pub(super) hours: [Day; 7],
    /// How long a slot is; positive.
    pub(super) length: SignedDuration,
    /// From one slot's beginning to the next; positive. Counted from each opening.
    pub(super) step: SignedDuration,
    /// Free time needed before and after; not negative.
    pub(super) buffers: (SignedDuration, SignedDuration),
    /// At most so many.
    pub(super) limit: usize,
}

/// The free slots in order. Hours of a day are counted in real time from its opening: when clocks are put forward a slot
/// of the hour that doesn't exist is not offered, and when they are put back each instant of the repeated hour is.
pub(super) fn free(wanted: &Wanted, busy: &[Interval]) -> Result<Vec<Interval>, String> {
    let blocked = blocked(busy, wanted.buffers);
    let mut slots = Vec::new();
    let mut next_blocked = 0;
    let last = wanted.within.end.to_zoned(wanted.zone.clone()).date();
    let mut day = wanted.within.start.to_zoned(wanted.zone.clone()).date();
    while day <= last {
        let hours = &wanted.hours[usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default()];
        for &(opens, closes) in hours {
            let open = Interval { start: at(day, opens, &wanted.zone)?, end: at(day, closes, &wanted.zone)? };
            let mut start = open.start;
            while slots.len() < wanted.limit {
                let Ok(end) = start.checked_add(wanted.length) else { break };
                if end > open.end || end > wanted.within.end {
                    break;
                }
                let slot = Interval { start, end };
                while blocked.get(next_blocked).is_some_and(|it| it.end <= slot.start) {
                    next_blocked += 1;
                }
                let is_free = blocked.get(next_blocked).is_none_or(|it| !it.overlaps(slot));
                if is_free && start >= wanted.within.start && start >= wanted.earliest {
                    slots.push(slot);
                }
                let Ok(next) = start.checked_add(wanted.step) else { break };
                start = next;
            }
        }
        let Ok(next) = day.tomorrow() else { break };
        day = next;
    }
    Ok(slots)
}

/// The busy times with their buffers, in order and merged: a slot may not overlap any of them.
fn blocked(busy: &[Interval], (before, after): (SignedDuration, SignedDuration)) -> Vec<Interval> {
    let mut wide: Vec<Interval> = busy
        .iter()
        .filter(|it| it.start < it.end)
        .map(|it| Interval {
            // What comes after a slot must be free until the busy time begins; what comes before, once it has ended.
            start: it.start.saturating_sub(after).unwrap_or(it.start),
            end: it.end.saturating_add(before).unwrap_or(it.end),
        })
        .collect();
    wide.sort_unstable();
    let mut merged: Vec<Interval> = Vec::with_capacity(wide.len());
    for it in wide {
        match merged.last_mut() {
            Some(last) if it.start <= last.end => last.end = last.end.max(it.end),
            _ => merged.push(it),
        }
    }
    merged
}

/// The instant of a wall-clock minute: the first if there are two, and if there is none, when the clock goes on. So a
/// later minute is never an earlier instant.
fn at(day: Date, minutes: u16, zone: &TimeZone) -> Result<Timestamp, String> {
    const OUT: &str = "the time is out of range";
    if minutes >= 1440 {
        return at(day.tomorrow().map_err(|_| OUT)?, 0, zone);
    }
    let (hour, minute) = (i8::try_from(minutes / 60).map_err(|_| OUT)?, i8::try_from(minutes % 60).map_err(|_| OUT)?);
    let ambiguous = zone.to_ambiguous_timestamp(day.at(hour, minute, 0, 0));
    let is_gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let earlier = ambiguous.earlier().map_err(|_| OUT)?;
    if is_gap {
        return zone.following(earlier).next().map(|it| it.timestamp()).ok_or_else(|| OUT.into());
    }
    Ok(earlier)
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
