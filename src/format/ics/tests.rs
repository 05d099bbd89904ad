//! Whole calendars: what is read from them, and what becomes of them.

use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::base::zone;

mod updates;

fn berlin() -> TimeZone {
    zone("Europe/Berlin").expect("a zone")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn calendar(body: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n{}\r\nEND:VCALENDAR\r\n", body.replace('\n', "\r\n"))
}

fn event(lines: &str) -> String {
    calendar(&format!("BEGIN:VEVENT\nUID:1\nDTSTAMP:20261101T000000Z\n{lines}\nEND:VEVENT"))
}

/// Start and end of the events in a window, seen from Berlin: `2026-12-01T10:30:00+01:00/2026-12-01T11:00:00+01:00`.
#[track_caller]
fn check_between(text: &str, from: &str, to: &str, expected: &[&str]) {
    let found = events([text], at(from), at(to), &berlin()).expect(text);
    let found: Vec<String> = found
        .iter()
        .map(|it| {
            let it = serde_json::to_value(it).expect("JSON");
            format!("{}/{}", it["start"].as_str().expect("text"), it["end"].as_str().expect("text"))
        })
        .collect();
    assert_eq!(found, expected, "{text}");
}

/// As [`check_between`], in the weeks around the end of summer time and the turn of the year.
#[track_caller]
fn check(lines: &str, expected: &[&str]) {
    check_between(&event(lines), "2026-10-12T00:00:00Z", "2027-01-08T00:00:00Z", expected);
}

#[test]
fn an_event_is_as_it_was_written() {
    let text = event(
        "DTSTART:20261201T093000Z\nDTEND:20261201T100000Z\nSUMMARY:Consultation\\, Müller & Söhne\n\
         DESCRIPTION:Booked by chat\\nPhone: +44 20 79\n 46 0018\nLOCATION;LANGUAGE=en:12 High Street\\, Leeds\n\
         STATUS:TENTATIVE\nTRANSP:TRANSPARENT\n\
         ATTENDEE;CN=\"Keller: Anna, Dr. ^'X^'\";PARTSTAT=ACCEPTED:MAILTO:anna@example.com\nATTENDEE:mailto:b@example.com\n\
         BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Reminder\nTRIGGER:-PT15M\nEND:VALARM",
    );
    let found =
        events([text.as_str()], at("2026-12-01T00:00:00Z"), at("2026-12-02T00:00:00Z"), &berlin()).expect("events");
    let expected = json!([{
        "start": "2026-12-01T10:30:00+01:00",
        "end": "2026-12-01T11:00:00+01:00",
        "all_day": false,
        "recurring": false,
        "uid": "1",
        "summary": "Consultation, Müller & Söhne",
        "description": "Booked by chat\nPhone: +44 20 7946 0018",
        "location": "12 High Street, Leeds",
        "status": "TENTATIVE",
        "transparent": true,
        "attendees": [
            {"address": "anna@example.com", "name": "Keller: Anna, Dr. \"X\"", "answer": "ACCEPTED"},
            {"address": "b@example.com", "answer": "NEEDS-ACTION"},
        ],
    }]);
    assert_eq!(serde_json::to_value(found).expect("JSON"), expected);
}

#[test]
fn an_end_is_given_or_follows_from_the_start() {
    let start = "DTSTART;TZID=Europe/Berlin:20261201T103000";
    let ends =
        |lines: &str, end: &str| check(&format!("{start}\n{lines}"), &[&format!("2026-12-01T10:30:00+01:00/{end}")]);
    ends("DTEND;TZID=Europe/Berlin:20261201T113000", "2026-12-01T11:30:00+01:00");
    ends("DTEND;TZID=America/New_York:20261201T053000", "2026-12-01T11:30:00+01:00");
    ends("DTEND:20261201T103000Z", "2026-12-01T11:30:00+01:00");
    ends("DURATION:PT30M", "2026-12-01T11:00:00+01:00");
    ends("DURATION:P1DT1H", "2026-12-02T11:30:00+01:00");
    ends("DURATION:P1W", "2026-12-08T10:30:00+01:00");
    ends("DURATION:-PT30M", "2026-12-01T10:30:00+01:00");
    ends("DTEND:20261201T000000Z", "2026-12-01T10:30:00+01:00");
    ends("SUMMARY:no end", "2026-12-01T10:30:00+01:00");
    // days are of the calendar, hours and what DTEND says are exact
    check(
        "DTSTART;TZID=Europe/Berlin:20261024T120000\nDURATION:P1D",
        &["2026-10-24T12:00:00+02:00/2026-10-25T12:00:00+01:00"],
    );
    check(
        "DTSTART;TZID=Europe/Berlin:20261024T120000\nDURATION:PT24H",
        &["2026-10-24T12:00:00+02:00/2026-10-25T11:00:00+01:00"],
    );
}

#[test]
fn whole_days_and_floating_times_are_on_the_business_s_clock() {
    check("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227", &["2026-12-24/2026-12-27"]);
    check("DTSTART;VALUE=DATE:20261224", &["2026-12-24/2026-12-25"]);
    check("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261224", &["2026-12-24/2026-12-25"]);
    check("DTSTART;VALUE=DATE:20261224\nDURATION:P2D", &["2026-12-24/2026-12-26"]);
    check("DTSTART:20261201T103000\nDTEND:20261201T110000", &["2026-12-01T10:30:00+01:00/2026-12-01T11:00:00+01:00"]);
    // a day of Berlin ends an hour before that of UTC
    let day = event("DTSTART;VALUE=DATE:20261224");
    check_between(&day, "2026-12-24T22:59:59Z", "2026-12-25T09:00:00Z", &["2026-12-24/2026-12-25"]);
    check_between(&day, "2026-12-24T23:00:00Z", "2026-12-25T09:00:00Z", &[]);
    check_between(&day, "2026-12-23T20:00:00Z", "2026-12-23T23:00:00Z", &[]);
}

#[test]
fn the_window_is_half_open() {
    let half_hour = event("DTSTART:20261201T093000Z\nDTEND:20261201T100000Z");
    let found = ["2026-12-01T10:30:00+01:00/2026-12-01T11:00:00+01:00"];
    check_between(&half_hour, "2026-12-01T09:59:59Z", "2026-12-01T12:00:00Z", &found);
    check_between(&half_hour, "2026-12-01T10:00:00Z", "2026-12-01T12:00:00Z", &[]);
    check_between(&half_hour, "2026-12-01T09:00:00Z", "2026-12-01T09:30:00Z", &[]);
    check_between(&half_hour, "2026-12-01T09:00:00Z", "2026-12-01T09:30:01Z", &found);
    let instant = event("DTSTART:20261201T093000Z");
    let found = ["2026-12-01T10:30:00+01:00/2026-12-01T10:30:00+01:00"];
    check_between(&instant, "2026-12-01T09:30:00Z", "2026-12-01T10:00:00Z", &found);
    check_between(&instant, "2026-12-01T09:00:00Z", "2026-12-01T09:30:00Z", &[]);
    assert!(events([instant.as_str()], at("2026-12-01T00:00:00Z"), at("2026-11-01T00:00:00Z"), &berlin()).is_err());
    assert!(events([instant.as_str()], at("2026-12-01T00:00:00Z"), at("2027-12-03T00:00:00Z"), &berlin()).is_err());
}

#[test]
fn a_weekly_event_keeps_its_local_time_when_clocks_change() {
    let lines =
        "DTSTART;TZID=Europe/Berlin:20260105T093000\nDTEND;TZID=Europe/Berlin:20260105T101500\nRRULE:FREQ=WEEKLY";
    let expected =
        ["2026-10-19T09:30:00+02:00/2026-10-19T10:15:00+02:00", "2026-10-26T09:30:00+01:00/2026-10-26T10:15:00+01:00"];
    check_between(&event(lines), "2026-10-19T00:00:00Z", "2026-10-27T00:00:00Z", &expected);
    let spring =
        ["2026-03-23T09:30:00+01:00/2026-03-23T10:15:00+01:00", "2026-03-30T09:30:00+02:00/2026-03-30T10:15:00+02:00"];
    check_between(&event(lines), "2026-03-20T00:00:00Z", "2026-04-01T00:00:00Z", &spring);
    // skipped on 29 March, there twice on 25 October
    let night = event("DTSTART;TZID=Europe/Berlin:20260101T023000\nDURATION:PT30M\nRRULE:FREQ=DAILY");
    check_between(
        &night,
        "2026-03-29T00:00:00Z",
        "2026-03-29T12:00:00Z",
        &["2026-03-29T03:30:00+02:00/2026-03-29T04:00:00+02:00"],
    );
    check_between(
        &night,
        "2026-10-25T00:00:00Z",
        "2026-10-25T12:00:00Z",
        &["2026-10-25T02:30:00+02:00/2026-10-25T02:00:00+01:00"],
    );
}

#[test]
fn rules_end_by_count_or_until() {
    let weekly =
        |rule: &str| format!("DTSTART;TZID=Europe/Berlin:20261201T103000\nDURATION:PT30M\nRRULE:FREQ=WEEKLY;{rule}");
    let all = [
        "2026-12-01T10:30:00+01:00/2026-12-01T11:00:00+01:00",
        "2026-12-08T10:30:00+01:00/2026-12-08T11:00:00+01:00",
        "2026-12-15T10:30:00+01:00/2026-12-15T11:00:00+01:00",
    ];
    check(&weekly("COUNT=3"), &all);
    check(&weekly("UNTIL=20261215T093000Z"), &all);
    check(&weekly("UNTIL=20261215T092959Z"), &all[..2]);
    check(&weekly("UNTIL=20261215T103000"), &all);
    check(&weekly("UNTIL=20261215"), &all);
    check(&weekly("UNTIL=20261214"), &all[..2]);
    check(&weekly("UNTIL=20261101T000000Z"), &all[..1]);
    let daily = "DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=DAILY;UNTIL=";
    check(&format!("{daily}20261225"), &["2026-12-24/2026-12-25", "2026-12-25/2026-12-26"]);
    check(&format!("{daily}20261225T000000Z"), &["2026-12-24/2026-12-25", "2026-12-25/2026-12-26"]);
}

#[test]
fn the_last_friday_of_the_month() {
    check(
        "DTSTART;TZID=Europe/Berlin:20260130T160000\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;BYDAY=-1FR",
        &[
            "2026-10-30T16:00:00+01:00/2026-10-30T17:00:00+01:00",
            "2026-11-27T16:00:00+01:00/2026-11-27T17:00:00+01:00",
            "2026-12-25T16:00:00+01:00/2026-12-25T17:00:00+01:00",
        ],
    );
}

#[test]
fn dates_are_added_and_taken_away() {
    let daily = "DTSTART;TZID=Europe/Berlin:20261201T103000\nDURATION:PT30M\nRRULE:FREQ=DAILY;COUNT=3";
    let [first, second, third] =
        ["01", "02", "03"].map(|day| format!("2026-12-{day}T10:30:00+01:00/2026-12-{day}T11:00:00+01:00"));
    let check = |lines: &str, expected: &[&String]| {
        check(&format!("{daily}\n{lines}"), &expected.iter().map(|it| it.as_str()).collect::<Vec<_>>());
    };
    check("EXDATE;TZID=Europe/Berlin:20261202T103000", &[&first, &third]);
    check("EXDATE:20261202T093000Z,20261201T093000Z", &[&third]);
    check("EXDATE;TZID=America/New_York:20261202T043000\nEXDATE:20261203T093000Z", &[&first]);
    check("EXDATE;VALUE=DATE:20261202", &[&first, &third]);
    check("EXDATE;TZID=Europe/Berlin:20261202T110000", &[&first, &second, &third]);
    let added = "2026-12-05T10:30:00+01:00/2026-12-05T11:00:00+01:00".to_owned();
    check("RDATE:20261205T093000Z,20261202T093000Z", &[&first, &second, &third, &added]);
    check("RDATE:20261205T093000Z\nEXDATE:20261205T093000Z", &[&first, &second, &third]);
    let longer = "2026-12-05T10:30:00+01:00/2026-12-05T12:30:00+01:00".to_owned();
    check("RDATE;VALUE=PERIOD:20261205T093000Z/PT2H", &[&first, &second, &third, &longer]);
    check("RDATE;VALUE=PERIOD:20261205T093000Z/20261205T113000Z", &[&first, &second, &third, &longer]);
}

#[test]
fn whole_days_are_taken_away_by_day_or_by_midnight() {
    let daily = "DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=DAILY;COUNT=2";
    check(&format!("{daily}\nEXDATE;VALUE=DATE:20261224"), &["2026-12-25/2026-12-26"]);
    check(&format!("{daily}\nEXDATE:20261224T000000"), &["2026-12-25/2026-12-26"]);
}

#[test]
fn another_event_stands_in_for_an_instance() {
    let text = calendar(
        "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=Europe/Berlin:20261208T103000\n\
         DTSTART;TZID=Europe/Berlin:20261209T150000\nDTEND;TZID=Europe/Berlin:20261209T160000\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20261201T103000\nDURATION:PT30M\nRRULE:FREQ=WEEKLY;COUNT=3\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:2\nRECURRENCE-ID:20261208T093000Z\nDTSTART:20261220T090000Z\nEND:VEVENT",
    );
    let found = [
        "2026-12-01T10:30:00+01:00/2026-12-01T11:00:00+01:00",
        "2026-12-09T15:00:00+01:00/2026-12-09T16:00:00+01:00",
        "2026-12-15T10:30:00+01:00/2026-12-15T11:00:00+01:00",
        "2026-12-20T10:00:00+01:00/2026-12-20T10:00:00+01:00",
    ];
    check_between(&text, "2026-12-01T00:00:00Z", "2026-12-31T00:00:00Z", &found);
    // the instance is gone from its own time, even if one looks at nothing else
    check_between(&text, "2026-12-08T00:00:00Z", "2026-12-09T00:00:00Z", &[]);
}

#[test]
fn a_zone_is_iana_s_or_the_body_s_own() {
    let zone = "BEGIN:VTIMEZONE\nTZID:W. Europe Standard Time\n\
        BEGIN:STANDARD\nDTSTART:16010101T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\nEND:STANDARD\n\
        BEGIN:DAYLIGHT\nDTSTART:16010101T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\nEND:DAYLIGHT\nEND:VTIMEZONE";
    let in_zone = |tzid: &str| {
        calendar(&format!(
            "BEGIN:VEVENT\nUID:1\nDTSTART;TZID={tzid}:20261019T093000\nDURATION:PT45M\nRRULE:FREQ=WEEKLY\nEND:VEVENT\n{zone}"
        ))
    };
    let expected =
        ["2026-10-19T09:30:00+02:00/2026-10-19T10:15:00+02:00", "2026-10-26T09:30:00+01:00/2026-10-26T10:15:00+01:00"];
    for tzid in
        ["W. Europe Standard Time", "\"W. Europe Standard Time\"", "Europe/Berlin", "/example.org/2026a/Europe/Berlin"]
    {
        check_between(&in_zone(tzid), "2026-10-19T00:00:00Z", "2026-10-27T00:00:00Z", &expected);
    }
    // nobody knows it: the business's own
    check_between(&in_zone("Mars/Olympus"), "2026-10-19T00:00:00Z", "2026-10-27T00:00:00Z", &expected);
    let tokyo = "2026-10-19T02:30:00+02:00/2026-10-19T03:15:00+02:00";
    check_between(&in_zone("Asia/Tokyo"), "2026-10-19T00:00:00Z", "2026-10-20T00:00:00Z", &[tokyo]);
}

#[test]
fn one_odd_event_does_not_close_the_calendar() {
    let text = calendar(
        "BEGIN:VEVENT\nUID:1\nDTSTART:soon\nEND:VEVENT\nBEGIN:VEVENT\nEND:VEVENT\nno content line\nX\n\
         BEGIN:VEVENT\nUID:2\nDTSTART:20261201T093000Z\nDTEND:never\nRRULE:FREQ=SOMETIMES\nEXDATE:\nEND:VEVENT",
    );
    check_between(
        &text,
        "2026-12-01T00:00:00Z",
        "2026-12-31T00:00:00Z",
        &["2026-12-01T10:30:00+01:00/2026-12-01T10:30:00+01:00"],
    );
}

#[test]
fn several_calendars_in_one_text_are_read_in_order_of_time() {
    let text = event("DTSTART:20261202T093000Z") + &event("DTSTART:20261201T093000Z").replace("\r\n", "\n");
    let found =
        ["2026-12-01T10:30:00+01:00/2026-12-01T10:30:00+01:00", "2026-12-02T10:30:00+01:00/2026-12-02T10:30:00+01:00"];
    check_between(&text, "2026-12-01T00:00:00Z", "2026-12-31T00:00:00Z", &found);
}

#[test]
fn what_is_stored_under_one_address_is_found_wherever_it_is() {
    let check = |text: &str, expected: serde_json::Value| {
        let found = serde_json::to_value(single(text, &berlin()).expect(text)).expect("JSON");
        for (key, value) in expected.as_object().expect("an object") {
            assert_eq!(&found[key], value, "{key} of {text}");
        }
    };
    check(
        &event("DTSTART:20311201T093000Z\nDURATION:PT45M"),
        json!({"start": "2031-12-01T10:30:00+01:00", "end": "2031-12-01T11:15:00+01:00", "recurring": false, "all_day": false}),
    );
    check(
        &event("DTSTART;VALUE=DATE:19991231"),
        json!({"start": "1999-12-31", "end": "2000-01-01", "recurring": false, "all_day": true}),
    );
    check(
        &event("DTSTART:20261201T093000Z\nRRULE:FREQ=WEEKLY"),
        json!({"start": "2026-12-01T10:30:00+01:00", "recurring": true}),
    );
    // the series, though another comes first
    check(
        &calendar(
            "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20261208T093000Z\nDTSTART:20261208T110000Z\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:1\nDTSTART:20261201T093000Z\nEND:VEVENT",
        ),
        json!({"uid": "1", "start": "2026-12-01T10:30:00+01:00", "recurring": true}),
    );
    // summer time by the body's own zone
    check(
        &calendar(
            "BEGIN:VTIMEZONE\nTZID:Office\n\
             BEGIN:DAYLIGHT\nDTSTART:19700329T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:DAYLIGHT\n\
             BEGIN:STANDARD\nDTSTART:19701025T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD\n\
             END:VTIMEZONE\n\
             BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Office:20270701T090000\nEND:VEVENT",
        ),
        json!({"start": "2027-07-01T09:00:00+02:00"}),
    );
    let none = single(&event("SUMMARY:x"), &berlin()).expect_err("it has no start");
    assert_eq!(none.to_string(), "iCalendar: there is no event whose start can be read");
}

#[track_caller]
fn refused(text: &str, why: &str) {
    let window = (at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z"));
    let error = events([text], window.0, window.1, &berlin()).expect_err(text);
    assert!(error.why.contains(why), "{} ≠ {why}", error.why);
}

#[test]
fn what_is_no_calendar_is_told() {
    refused("", "no VCALENDAR");
    refused("<html>", "no VCALENDAR");
    refused("BEGIN:VEVENT\nEND:VEVENT", "no VCALENDAR");
    refused("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR", "an END is not");
    refused("END:VCALENDAR", "an END is not");
    refused("BEGIN:VCALENDAR\nBEGIN:VEVENT", "ends inside");
    refused(&"BEGIN:VCALENDAR\n".repeat(9), "8 deep");
}

#[test]
fn a_flood_of_events_is_refused() {
    refused(&event("DTSTART:20260101T000000Z\nRRULE:FREQ=MINUTELY"), "more than 5000 events");
    refused(&event("DTSTART:20150101T000000Z\nRRULE:FREQ=SECONDLY"), "1000000 instances");
    let text = event(&format!("DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY\nDESCRIPTION:{}", "x".repeat(100_000)));
    refused(&text, "16777216 bytes");
}

#[test]
fn busy_is_what_blocks_the_owner_s_time() {
    let text = calendar(
        "BEGIN:VEVENT\nUID:day\nDTSTART;VALUE=DATE:20261224\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:cancelled\nDTSTART:20261201T093000Z\nDURATION:PT1H\nSTATUS:cancelled\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:transparent\nDTSTART:20261201T093000Z\nDURATION:PT1H\nTRANSP:TRANSPARENT\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:no length\nDTSTART:20261201T093000Z\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:tentative\nDTSTART:20261202T093000Z\nDURATION:PT1H\nSTATUS:TENTATIVE\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:declined\nDTSTART:20261203T093000Z\nDURATION:PT1H\nATTENDEE;PARTSTAT=DECLINED:mailto:Anna@example.com\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:declined by another\nDTSTART:20261204T093000Z\nDURATION:PT1H\nATTENDEE;PARTSTAT=DECLINED:mailto:b@example.com\nEND:VEVENT",
    );
    let own = ["mailto:anna@example.com", "/1234/principal/"];
    let (from, to) = (at("2026-12-01T00:00:00Z"), at("2026-12-31T00:00:00Z"));
    let found = busy([text.as_str()], from, to, &berlin(), &own).expect("busy times");
    let expected = json!([
        {"start": "2026-12-02T10:30:00+01:00", "end": "2026-12-02T11:30:00+01:00", "uid": "tentative"},
        {"start": "2026-12-04T10:30:00+01:00", "end": "2026-12-04T11:30:00+01:00", "uid": "declined by another"},
        {"start": "2026-12-24T00:00:00+01:00", "end": "2026-12-25T00:00:00+01:00", "uid": "day"},
    ]);
    assert_eq!(serde_json::to_value(found).expect("JSON"), expected);
    let utc = busy([text.as_str()], from, to, &TimeZone::UTC, &["anna@example.com"]).expect("busy times");
    assert_eq!(serde_json::to_value(&utc[0]).expect("JSON")["start"], "2026-12-02T09:30:00Z");
}

proptest! {
    #[test]
    fn never_panics(
        lines in prop::collection::vec("(BEGIN|END|DTSTART|DTEND|DURATION|RRULE|EXDATE|RDATE|RECURRENCE-ID|TZID)(;TZID=[A-Z/]{1,4})?:(VEVENT|VTIMEZONE|[-P0-9TZ,;=A-Z/]{0,20})", 0..12),
        text in "\\PC*",
    ) {
        let window = (at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z"));
        for text in [event(&lines.join("\n")), calendar(&lines.join("\n")), text.clone(), event(&text)] {
            let _ = events([text.as_str()], window.0, window.1, &berlin());
            let _ = update(&text, &Changes { start: Some(window.0), ..Changes::default() }, window.1);
            let _ = fold(&text);
        }
    }
}
