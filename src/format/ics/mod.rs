//! iCalendar (RFC 5545): reading events in a window, and writing text as calendars want it.
//!
//! What [`events`], [`single`] and [`busy`] read:
//!
//! * Instances are `DTSTART`, `RRULE` and `RDATE` without `EXDATE`; an event with a `RECURRENCE-ID` stands in for the
//!   instance that it names. The end is `DTEND`, else `DURATION`, else one day for a date, else the start itself.
//! * A time is UTC (`Z`), or on the clock that its `TZID` names: an IANA zone, else the body's own `VTIMEZONE`, else an
//!   IANA zone at the end of the name (`/vendor/2026/Europe/Berlin`). Floating times, whole days and zones that nobody
//!   knows are on the clock given by the caller.
//! * A repeated local time is its first, one that clocks skip is moved by the gap. (§3.3.10 would drop the latter where a
//!   rule makes it; calendars show it, so it is busy.)
//! * An event whose start can't be read is left out; a rule that can't be read leaves the first instance. One odd entry
//!   must not close a whole calendar.
//! * A window is at most 366 days and 5,000 events.
//!
//! [`update`] edits lines in place, so that what other programs wrote stays.

mod component;
mod event;
mod instances;
mod line;
mod output;
mod rule;
mod text;
mod time;
mod timezone;
mod update;

pub use event::Attendee;
pub use output::{Busy, Edge, Event, busy, events, single};
pub use text::{escape, fold, unescape};
pub use update::{Changes, update};

use super::FormatError;

fn fault(why: impl Into<String>) -> FormatError {
    FormatError::new("iCalendar", why)
}

#[cfg(test)]
mod tests;
