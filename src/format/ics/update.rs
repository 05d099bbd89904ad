//! Changing one event in a calendar's text, line by line: whatever other programs wrote there stays as it is.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    component::calendars,
    event::Written,
    fault,
    line::{Line, Unfolded, unfold},
    text::{escape, push_line},
    time::{Length, When, Zones},
};
use crate::format::FormatError;

/// What an event is to become; what isn't given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes<'a> {
    /// Written in UTC. Without an `end`, the event keeps its length.
    pub start: Option<Timestamp>,
    /// Written in UTC.
    pub end: Option<Timestamp>,
    /// Plain text; empty takes the property away.
    pub summary: Option<&'a str>,
    /// Plain text; empty takes the property away.
    pub description: Option<&'a str>,
    /// Plain text; empty takes the property away.
    pub location: Option<&'a str>,
    /// `CONFIRMED`, `TENTATIVE` or `CANCELLED`.
    pub status: Option<&'a str>,
}

/// The text with its one event changed, `DTSTAMP` and `LAST-MODIFIED` set to `now` and `SEQUENCE` counted up. Every line
/// ends with CRLF; lines that aren't changed keep their order and their folds.
///
/// # Errors
/// When the text is not iCalendar with exactly one event, the end is not after the start, the status is none of the three,
/// or the time of a recurring event or of one on whole days would change: that can't be said in UTC.
pub fn update(text: &str, changes: &Changes<'_>, now: Timestamp) -> Result<String, FormatError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let replacements = replacements(text, changes, now)?;
    let mut out = String::with_capacity(text.len() + 256);
    let mut written = vec![false; replacements.len()];
    // BEGINs of the components that are open
    let mut open: Vec<String> = Vec::new();
    for line in unfold(text) {
        let parsed = Line::parse(&line.text);
        let name = parsed.as_ref().map_or("", |it| it.name.as_str());
        let in_event = open.last().is_some_and(|it| it == "VEVENT");
        if in_event && matches!(name, "BEGIN" | "END") {
            // properties come before the alarms
            for (place, (_, value)) in replacements.iter().enumerate() {
                if !std::mem::replace(&mut written[place], true) {
                    value.iter().for_each(|it| push_line(&mut out, it));
                }
            }
        }
        match (name, &parsed) {
            ("BEGIN", Some(begin)) => open.push(begin.value.trim().to_ascii_uppercase()),
            ("END", _) => {
                open.pop();
            }
            _ => {}
        }
        let replaced = replacements.iter().position(|(it, _)| in_event && *it == name);
        let Some(place) = replaced else {
            push_unchanged(&mut out, text, &line);
            continue;
        };
        // a property that stands there twice is written once
        if !std::mem::replace(&mut written[place], true) {
            replacements[place].1.iter().for_each(|it| push_line(&mut out, it));
        }
    }
    Ok(out)
}

/// Property → the line that it becomes; none if it goes.
type Replacement = (&'static str, Option<String>);

fn replacements(text: &str, changes: &Changes<'_>, now: Timestamp) -> Result<Vec<Replacement>, FormatError> {
    let calendars = calendars(text)?;
    let mut events = calendars.iter().flat_map(|calendar| calendar.components("VEVENT").map(move |it| (calendar, it)));
    let (Some((calendar, event)), None) = (events.next(), events.next()) else {
        return Err(fault("only a text with exactly one event can be changed"));
    };
    let utc = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut replacements = Vec::new();
    let mut set = |name: &'static str, value: Option<String>| {
        replacements.push((name, value.map(|it| format!("{name}:{it}"))));
    };
    if changes.start.is_some() || changes.end.is_some() {
        let zones = Zones::around(calendar, event, &TimeZone::UTC);
        let written = zones.and_then(|it| Written::read(event, &it));
        let written = written.ok_or_else(|| fault("the event's start can't be read"))?;
        let (start, end) = times(&written, changes)?;
        set("DTSTART", Some(utc(start)));
        set("DTEND", Some(utc(end)));
        set("DURATION", None);
    }
    for (name, text) in
        [("SUMMARY", changes.summary), ("DESCRIPTION", changes.description), ("LOCATION", changes.location)]
    {
        if let Some(text) = text {
            set(name, (!text.is_empty()).then(|| escape(text)));
        }
    }
    if let Some(status) = changes.status {
        if !matches!(status, "CONFIRMED" | "TENTATIVE" | "CANCELLED") {
            return Err(fault("an event's status is CONFIRMED, TENTATIVE or CANCELLED"));
        }
        set("STATUS", Some(status.to_owned()));
    }
    let sequence = event.line("SEQUENCE").and_then(|it| it.value.trim().parse::<u32>().ok()).unwrap_or(0);
    set("DTSTAMP", Some(utc(now)));
    set("LAST-MODIFIED", Some(utc(now)));
    set("SEQUENCE", Some(sequence.saturating_add(1).to_string()));
    Ok(replacements)
}

/// The new start and end.
fn times(event: &Written, changes: &Changes<'_>) -> Result<(Timestamp, Timestamp), FormatError> {
    if !event.rules.is_empty() || !event.dates.is_empty() || event.instead_of.is_some() {
        return Err(fault("the event is recurring: its time can't be changed in UTC"));
    }
    let out_of_range = || fault("the event's time is out of range");
    let When::Time(..) = event.start else {
        return Err(fault("the event is on whole days: its time can't be changed in UTC"));
    };
    let old = event.start.zoned(&TimeZone::UTC).ok_or_else(out_of_range)?;
    let start = changes.start.unwrap_or(old.timestamp());
    let end = match (changes.end, event.length) {
        (Some(end), _) => end,
        (None, Length::Exact(length)) => start.checked_add(length).map_err(|_| out_of_range())?,
        (None, Length::Nominal(span)) => {
            let length = old.checked_add(span).map_err(|_| out_of_range())?.duration_since(&old);
            start.checked_add(length).map_err(|_| out_of_range())?
        }
        (None, Length::Days(days)) => {
            start.checked_add(SignedDuration::from_hours(24 * i64::from(days))).map_err(|_| out_of_range())?
        }
    };
    if end <= start { Err(fault("the event's end is not after its start")) } else { Ok((start, end)) }
}

/// A line with its folds as they are.
fn push_unchanged(out: &mut String, text: &str, line: &Unfolded<'_>) {
    for physical in text[line.place.clone()].lines() {
        out.push_str(physical);
        out.push_str("\r\n");
    }
}
