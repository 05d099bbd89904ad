//! Changes to a calendar text.

use proptest::prelude::*;

use super::*;

/// As another program wrote it: a property twice, a folded line, a zone, an alarm, lines that only it understands.
const WRITTEN: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Work\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\n\
    DTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nDTSTAMP:20261122T070000Z\r\n\
    UID:2ad69d57\r\nDTSTART;TZID=Europe/Berlin:20261201T103000\r\nDURATION:PT30M\r\nDESCRIPTION:A line that was\r\n  folded early\r\n\
    X-VENDOR-TRAVEL;VALUE=DURATION:PT15M\r\nDTSTAMP:20261122T070001Z\r\nSEQUENCE:4\r\nBEGIN:VALARM\r\nDESCRIPTION:Reminder\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n\
    END:VEVENT\r\nEND:VCALENDAR\r\n";

fn updated(text: &str, changes: &Changes<'_>) -> Result<String, FormatError> {
    update(text, changes, at("2026-11-25T09:00:00Z"))
}

#[test]
fn an_update_changes_its_lines_and_no_other() {
    let start = Some(at("2026-12-02T09:30:00Z"));
    let changes = Changes { start, summary: Some("Consultation, moved"), ..Changes::default() };
    let expected = WRITTEN
        .replace("DTSTART;TZID=Europe/Berlin:20261201T103000", "DTSTART:20261202T093000Z")
        .replace("DURATION:PT30M\r\n", "")
        .replace("DTSTAMP:20261122T070001Z\r\n", "")
        .replace("DTSTAMP:20261122T070000Z", "DTSTAMP:20261125T090000Z")
        .replace("SEQUENCE:4\r\n", "SEQUENCE:5\r\nDTEND:20261202T100000Z\r\nSUMMARY:Consultation\\, moved\r\nLAST-MODIFIED:20261125T090000Z\r\n");
    assert_eq!(updated(WRITTEN, &changes).expect("an update"), expected);
    assert_eq!(updated(&WRITTEN.replace("\r\n", "\n"), &changes).expect("an update"), expected);
}

#[test]
fn an_update_with_nothing_to_change_counts_up() {
    let text = event("DTSTART;VALUE=DATE:20261201\nLOCATION:here");
    let counted = |text: &str| {
        text.replace("20261101T000000Z", "20261125T090000Z")
            .replace("END:VEVENT", "LAST-MODIFIED:20261125T090000Z\r\nSEQUENCE:1\r\nEND:VEVENT")
    };
    assert_eq!(updated(&text, &Changes::default()).expect("an update"), counted(&text));
    let gone = Changes { location: Some(""), status: Some("CANCELLED"), ..Changes::default() };
    let text_gone = text.replace("LOCATION:here\r\n", "");
    let expected = counted(&text_gone).replace("LAST-MODIFIED", "STATUS:CANCELLED\r\nLAST-MODIFIED");
    assert_eq!(updated(&text, &gone).expect("an update"), expected);
}

#[test]
fn an_update_keeps_the_length_or_takes_the_end() {
    let times = |lines: &str, changes: &Changes<'_>| {
        let text = updated(&event(lines), changes).expect("an update");
        let found = events([text.as_str()], at("2026-12-01T00:00:00Z"), at("2026-12-31T00:00:00Z"), &TimeZone::UTC)
            .expect("events");
        let found = serde_json::to_value(&found[0]).expect("JSON");
        format!("{} {}", found["start"].as_str().expect("text"), found["end"].as_str().expect("text"))
    };
    let (start, end) = (Some(at("2026-12-02T08:00:00Z")), Some(at("2026-12-02T09:00:00Z")));
    let hour = "DTSTART:20261201T093000Z\nDTEND:20261201T103000Z";
    let moved = Changes { start, ..Changes::default() };
    assert_eq!(times(hour, &moved), "2026-12-02T08:00:00Z 2026-12-02T09:00:00Z");
    let both = Changes { start, end, ..Changes::default() };
    assert_eq!(times(&format!("{hour}\nSUMMARY:x"), &both), "2026-12-02T08:00:00Z 2026-12-02T09:00:00Z");
    let later = Changes { end, ..Changes::default() };
    assert_eq!(times(hour, &later), "2026-12-01T09:30:00Z 2026-12-02T09:00:00Z");
}

/// An event in summer is read in summer time, though its calendar's own zone is read in winter.
#[test]
fn an_update_reads_the_old_start_in_the_body_s_own_zone() {
    let zone = "BEGIN:VTIMEZONE\nTZID:Office\n\
        BEGIN:DAYLIGHT\nDTSTART:16010325T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:DAYLIGHT\n\
        BEGIN:STANDARD\nDTSTART:16011028T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD\n\
        END:VTIMEZONE";
    let text = calendar(&format!(
        "{zone}\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=Office:20270701T090000\nDURATION:PT1H\nEND:VEVENT"
    ));
    let changes = Changes { end: Some(at("2027-07-01T09:00:00Z")), ..Changes::default() };
    let text = updated(&text, &changes).expect("an update");
    assert!(text.contains("\r\nDTSTART:20270701T070000Z\r\n"), "{text}");
}

#[test]
fn an_update_that_cannot_be_right_is_refused() {
    let refused = |text: &str, changes: &Changes<'_>, why: &str| {
        let error = updated(text, changes).expect_err(why);
        assert!(error.why.contains(why), "{} ≠ {why}", error.why);
    };
    let moved = Changes { start: Some(at("2026-12-02T08:00:00Z")), ..Changes::default() };
    refused("", &moved, "no VCALENDAR");
    refused(&calendar("X:1"), &moved, "exactly one event");
    refused(&calendar("BEGIN:VEVENT\nEND:VEVENT\nBEGIN:VEVENT\nEND:VEVENT"), &moved, "exactly one event");
    refused(&event("DTSTART:20261201T093000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY"), &moved, "recurring");
    refused(&event("DTSTART;VALUE=DATE:20261201"), &moved, "whole days");
    refused(&event("DTSTART:soon"), &moved, "can't be read");
    refused(&event("DTSTART:20261201T093000Z"), &moved, "not after its start");
    refused(&event("DTSTART:20261201T093000Z"), &Changes { status: Some("X\r\nY:1"), ..Changes::default() }, "status");
}

#[test]
fn an_update_s_text_stays_inside_its_line() {
    let changes = Changes { summary: Some("x\r\nATTENDEE:mailto:evil@example.com"), ..Changes::default() };
    let text = updated(&event("DTSTART:20261201T093000Z"), &changes).expect("an update");
    assert!(text.contains("\r\nSUMMARY:x\\nATTENDEE:mailto:evil@example.com\r\n"), "{text}");
}

proptest! {
    #[test]
    fn an_update_only_adds_and_replaces(extra in prop::collection::vec("X-[A-Z]{1,8}(;A=\"[^\"\\x00-\\x1F\\x7F]{0,9}\")?:[^\\x00-\\x1F\\x7F]{0,120}", 0..6)) {
        let text = fold(&event(&format!("DTSTART:20261201T093000Z\nDTEND:20261201T100000Z\n{}", extra.join("\n"))));
        let changes = Changes { start: Some(at("2026-12-05T09:30:00Z")), ..Changes::default() };
        let text = updated(&text, &changes).expect("an update");
        let lines: Vec<_> = line::unfold(&text).map(|it| it.text.into_owned()).collect();
        prop_assert!(extra.iter().all(|it| lines.contains(it)));
        prop_assert!(lines.contains(&"DTEND:20261205T100000Z".to_owned()));
        prop_assert!(text.split("\r\n").all(|it| it.len() <= 75));
    }
}
