//! VTIMEZONE (RFC 5545 §3.6.5) → a time zone like any other: its changes are written as TZif (RFC 9636), which the time
//! library reads.

use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

use super::{component::Component, rule, time::parse_time};

/// Of one STANDARD or DAYLIGHT.
const MAX_ONSETS: usize = 2_000;
/// No calendar has times before it that matter.
const FIRST_YEAR: i16 = 1970;
/// An offset's place is one byte in TZif.
const MAX_OFFSETS: usize = 255;

/// When clocks are changed, and what they are then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    at: i64,
    offset: i32,
}

/// The zone that a definition describes, up to `until`. None if it can't be read.
pub(super) fn make(definition: &Component, until: Timestamp) -> Option<TimeZone> {
    let mut first: Option<(i64, i32)> = None;
    let mut changes = Vec::new();
    for observance in definition.components.iter().filter(|it| matches!(it.name.as_str(), "STANDARD" | "DAYLIGHT")) {
        let before = offset(&observance.line("TZOFFSETFROM")?.value)?;
        let after = offset(&observance.line("TZOFFSETTO")?.value)?;
        for onset in onsets(observance, before, until)? {
            // an onset is local time before the change
            let at = before.to_timestamp(onset).ok()?.as_second();
            if first.is_none_or(|(earliest, _)| at < earliest) {
                first = Some((at, before.seconds()));
            }
            changes.push(Change { at, offset: after.seconds() });
        }
    }
    changes.sort_unstable();
    changes.dedup_by_key(|it| it.at);
    let name = definition.line("TZID")?.value.trim();
    TimeZone::tzif(name, &tzif(first?.1, &changes)?).ok()
}

/// The local times at which an observance begins.
fn onsets(observance: &Component, before: Offset, until: Timestamp) -> Option<Vec<DateTime>> {
    let (start, _) = parse_time(observance.line("DTSTART")?.value.trim())?;
    let end = before.to_datetime(until.saturating_add(SignedDuration::from_hours(48)).ok()?);
    let mut onsets = vec![start];
    for line in observance.lines("RRULE") {
        let times = rule::times(&line.value, recent(start, &line.value), |at| Some(before.to_datetime(at)))?;
        onsets.extend(times.take_while(|it| *it < end).take(MAX_ONSETS));
    }
    for line in observance.lines("RDATE") {
        onsets.extend(line.value.split(',').filter_map(|it| Some(parse_time(it.trim())?.0)).take(MAX_ONSETS));
    }
    Some(onsets)
}

/// Where a rule is followed from: programs let those of every year begin in 1601.
fn recent(start: DateTime, rule: &str) -> DateTime {
    let has = |test: &dyn Fn(&str) -> bool| rule.split(';').any(|it| test(it.trim()));
    let every_year = has(&|it| it == "FREQ=YEARLY")
        && !has(&|it| it.starts_with("COUNT=") || (it.starts_with("INTERVAL=") && it != "INTERVAL=1"));
    if start.year() >= FIRST_YEAR || !every_year {
        return start;
    }
    // 29 February, which that year has not, is followed from where it begins
    start.with().year(FIRST_YEAR).build().unwrap_or(start)
}

/// `+0100`, `-053000`
fn offset(text: &str) -> Option<Offset> {
    let text = text.trim();
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let pair = |at: usize| digits.get(at..at + 2).map_or(Some(0), |it| it.parse::<i32>().ok());
    Offset::from_seconds(sign * (pair(0)? * 3600 + pair(2)? * 60 + pair(4)?)).ok()
}

/// TZif, version 2: an empty block of version 1, then the changes with 64 bits, then no rule for what comes after them.
fn tzif(before: i32, changes: &[Change]) -> Option<Vec<u8>> {
    // the first offset is what holds before the first change
    let mut offsets = vec![before];
    let mut places = Vec::with_capacity(changes.len());
    for change in changes {
        let place = offsets.iter().position(|it| *it == change.offset).unwrap_or_else(|| {
            offsets.push(change.offset);
            offsets.len() - 1
        });
        places.push(u8::try_from(place).ok().filter(|_| offsets.len() <= MAX_OFFSETS)?);
    }
    let mut data = header(0, 1);
    data.extend_from_slice(&type_record(0));
    data.extend_from_slice(DESIGNATION);
    data.extend(header(u32::try_from(changes.len()).ok()?, u32::try_from(offsets.len()).ok()?));
    for change in changes {
        data.extend_from_slice(&change.at.to_be_bytes());
    }
    data.extend(places);
    for offset in offsets {
        data.extend_from_slice(&type_record(offset));
    }
    data.extend_from_slice(DESIGNATION);
    data.extend_from_slice(b"\n\n");
    Some(data)
}

/// The abbreviation of every offset: there is none.
const DESIGNATION: &[u8] = b"-00\0";

fn header(changes: u32, types: u32) -> Vec<u8> {
    let mut header = b"TZif2".to_vec();
    header.extend_from_slice(&[0; 15]);
    // isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt
    for count in [0, 0, 0, changes, types, 4] {
        header.extend_from_slice(&u32::to_be_bytes(count));
    }
    header
}

/// Offset, no daylight saving flag, designation at 0.
fn type_record(offset: i32) -> [u8; 6] {
    let [a, b, c, d] = offset.to_be_bytes();
    [a, b, c, d, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::zone, format::ics::component::calendars};

    fn make_zone(definition: &str) -> Option<TimeZone> {
        let text = format!("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Own\n{definition}\nEND:VTIMEZONE\nEND:VCALENDAR");
        let calendars = calendars(&text).expect("a calendar");
        make(&calendars[0].components[0], "2030-01-01T00:00:00Z".parse().expect("a time"))
    }

    const BERLIN: &str = "BEGIN:DAYLIGHT\nDTSTART:19700329T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\n\
        TZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nTZNAME:CEST\nEND:DAYLIGHT\n\
        BEGIN:STANDARD\nDTSTART:19701025T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\n\
        TZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nTZNAME:CET\nEND:STANDARD";

    #[test]
    fn a_definition_is_the_zone_that_it_describes() {
        let (made, berlin) = (make_zone(BERLIN).expect("a zone"), zone("Europe/Berlin").expect("a zone"));
        let mut at: Timestamp = "1996-01-01T00:30:00Z".parse().expect("a time");
        while at < "2030-01-01T00:00:00Z".parse().expect("a time") {
            assert_eq!(made.to_offset(at), berlin.to_offset(at), "{at}");
            at += SignedDuration::from_hours(13);
        }
        for local in ["2026-03-29T02:30:00", "2026-10-25T02:30:00", "2026-10-25T03:00:00"] {
            let local: DateTime = local.parse().expect("a time");
            let in_zone = |zone: &TimeZone| local.to_zoned(zone.clone()).expect("a time").timestamp();
            assert_eq!(in_zone(&made), in_zone(&berlin), "{local}");
        }
    }

    #[test]
    fn the_first_offset_holds_before_the_first_change() {
        let zone = make_zone(
            "BEGIN:STANDARD\nDTSTART:20260101T000000\nTZOFFSETFROM:-0430\nTZOFFSETTO:-040010\n\
             RDATE:20270101T000000\nEND:STANDARD",
        )
        .expect("a zone");
        let offset = |at: &str| zone.to_offset(at.parse().expect("a time")).seconds();
        assert_eq!(offset("2020-01-01T00:00:00Z"), -16_200);
        assert_eq!(offset("2026-01-01T04:29:59Z"), -16_200);
        assert_eq!(offset("2026-01-01T04:30:00Z"), -14_410);
        assert_eq!(offset("2040-01-01T00:00:00Z"), -14_410);
    }

    #[test]
    fn what_describes_no_zone_is_none() {
        for definition in [
            "",
            "BEGIN:STANDARD\nDTSTART:20260101T000000\nTZOFFSETFROM:+0100\nEND:STANDARD",
            "BEGIN:STANDARD\nDTSTART:20260101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:1\nEND:STANDARD",
            "BEGIN:STANDARD\nDTSTART:soon\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD",
        ] {
            assert_eq!(make_zone(definition), None, "{definition}");
        }
    }
}
