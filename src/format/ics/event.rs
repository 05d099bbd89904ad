//! VEVENT (RFC 5545 §3.6.1): what it says, before its instances are made.

use serde::Serialize;

use super::{
    component::Component,
    line::Line,
    text::unescape,
    time::{Length, When, Zones, parse_duration},
};

/// Somebody who was invited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attendee {
    /// Usually an e-mail address; without `mailto:`.
    pub address: String,
    /// Their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `NEEDS-ACTION`, `ACCEPTED`, `DECLINED`, `TENTATIVE` …
    pub answer: String,
}

/// What all instances of an event share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Details {
    pub(super) uid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    /// `CONFIRMED` unless it says otherwise.
    pub(super) status: String,
    /// Does not block its time.
    pub(super) transparent: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) attendees: Vec<Attendee>,
}

impl Details {
    /// Bytes of text, about.
    pub(super) fn size(&self) -> usize {
        let texts = [&self.summary, &self.description, &self.location];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let attendee = |it: &Attendee| it.address.len() + it.answer.len() + it.name.as_ref().map_or(0, String::len);
        self.uid.len() + self.status.len() + texts + self.attendees.iter().map(attendee).sum::<usize>()
    }
}

/// An event as written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) details: Details,
    pub(super) start: When,
    pub(super) length: Length,
    /// Raw.
    pub(super) rules: Vec<String>,
    /// Further instances, some with a length of their own.
    pub(super) dates: Vec<(When, Option<Length>)>,
    pub(super) exceptions: Vec<When>,
    /// The instance that this one stands in for.
    pub(super) instead_of: Option<When>,
}

impl Written {
    /// Reads an event. None if it has no start that can be read.
    pub(super) fn read(event: &Component, zones: &Zones<'_>) -> Option<Self> {
        let one = |name: &str| event.line(name).and_then(|it| zones.when(it, &it.value));
        let start = one("DTSTART")?;
        let given = one("DTEND").and_then(|end| zones.between(&start, &end));
        let length = given.or_else(|| duration(event, &start)).unwrap_or(match start {
            When::Date(_) => Length::Days(1),
            When::Time(..) => Length::Exact(Default::default()),
        });
        let values = |name| event.lines(name).flat_map(|line| line.value.split(',').map(move |it| (line, it)));
        Some(Self {
            details: details(event),
            length,
            rules: event.lines("RRULE").map(|it| it.value.clone()).collect(),
            dates: values("RDATE").filter_map(|(line, it)| zones.period(line, it)).collect(),
            exceptions: values("EXDATE").filter_map(|(line, it)| zones.when(line, it)).collect(),
            instead_of: one("RECURRENCE-ID"),
            start,
        })
    }
}

fn duration(event: &Component, start: &When) -> Option<Length> {
    let span = parse_duration(&event.line("DURATION")?.value)?;
    match start {
        When::Time(..) => Some(Length::Nominal(span)),
        When::Date(first) => {
            let after = first.to_datetime(Default::default()).checked_add(span).ok()?;
            let days = (after.date() - *first).get_days() + i32::from(after.time() != Default::default());
            Some(Length::Days(days.max(1)))
        }
    }
}

fn details(event: &Component) -> Details {
    let word = |name: &str| event.line(name).map(|it| it.value.trim().to_ascii_uppercase());
    Details {
        uid: event.text("UID").unwrap_or_default().trim().to_owned(),
        summary: event.text("SUMMARY"),
        description: event.text("DESCRIPTION"),
        location: event.text("LOCATION"),
        status: word("STATUS").unwrap_or_else(|| "CONFIRMED".to_owned()),
        transparent: word("TRANSP").is_some_and(|it| it == "TRANSPARENT"),
        attendees: event.lines("ATTENDEE").map(attendee).collect(),
    }
}

fn attendee(line: &Line) -> Attendee {
    Attendee {
        address: address(&unescape(&line.value)).to_owned(),
        name: line.param("CN").map(str::to_owned),
        answer: line.param("PARTSTAT").unwrap_or("NEEDS-ACTION").to_ascii_uppercase(),
    }
}

/// An address without `mailto:`.
pub(super) fn address(text: &str) -> &str {
    let text = text.trim();
    match text.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => text[7..].trim(),
        _ => text,
    }
}
