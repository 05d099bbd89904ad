//! The table of filters: every example is what it says.

use serde_json::Value as Json;

use super::{eval, scope};
use crate::expr::library::{FAMILIES, Kind, Role};

#[test]
fn every_example_gives_what_the_reference_says() {
    for entry in FAMILIES.iter().flat_map(|(_, entries)| *entries) {
        let (source, expected) = entry.example;
        if expected == "…" {
            super::expr(source);
            continue;
        }
        let found = eval(source, &scope()).unwrap_or_else(|it| panic!("{source}: {it}"));
        let found = found.map_or("undefined".into(), |it: Json| it.to_string());
        assert_eq!(found, expected, "{source}");
    }
}

/// Run with `CLOSELOOP_REGENERATE=1` to write it anew.
#[test]
fn the_reference_lists_what_there_is() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/connector-reference.md");
    let page = std::fs::read_to_string(&path).expect("the reference is there");
    let start = page.find("<!-- generated: filters -->\n").expect("the start of the tables is marked");
    let end = page.find("<!-- end -->").expect("the end of the tables is marked");
    let tables = format!("<!-- generated: filters -->\n\n{}\n", crate::expr::library::reference());
    #[expect(clippy::disallowed_methods, reason = "a switch of the developer's, not a setting of the program")]
    if std::env::var("CLOSELOOP_REGENERATE").is_ok() {
        let page = format!("{}{tables}{}", &page[..start], &page[end..]);
        std::fs::write(&path, page).expect("the reference can be written");
    } else {
        assert!(page[start..end] == tables, "the tables are out of date: run this test with CLOSELOOP_REGENERATE=1");
    }
}

#[test]
fn names_are_unique_in_their_role() {
    for role in [Role::Filter, Role::Test, Role::Function] {
        let mut names: Vec<_> = crate::expr::library::entries(role).map(|it| it.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{role:?}");
    }
}

#[track_caller]
fn check(source: &str, expected: &str) {
    let found = eval(source, &scope()).unwrap_or_else(|it| panic!("{source}: {it}"));
    assert_eq!(found, Some(Json::from(expected)), "{source}");
}

#[track_caller]
fn check_error(source: &str, expected: &str) {
    let message = eval(source, &scope()).expect_err(source);
    assert_eq!(message.split_once("}}`: ").map(|(_, it)| it), Some(expected), "{source}");
}

#[test]
fn times_keep_their_offset_and_dates_stay_dates() {
    check("'2026-12-01T23:30:00+07:00' | plus_minutes(45)", "2026-12-02T00:15:00+07:00");
    check("'2026-12-01T09:30:00-03:30' | plus_hours(-10)", "2026-11-30T23:30:00-03:30");
    check("'2026-12-01T09:30:00.250Z' | plus_days(1)", "2026-12-02T09:30:00.25Z");
    check("'2028-02-28' | plus_days(1)", "2028-02-29");
    check("'2026-12-01' | plus_days(-1)", "2026-11-30");
    check("'2026-03-29T02:30:00+01:00' | in_zone('Europe/Berlin')", "2026-03-29T03:30:00+02:00");
    check("'2026-10-25T02:30:00+01:00' | in_zone('Europe/Berlin')", "2026-10-25T02:30:00+01:00");
    check("'2026-12-01T20:00:00-05:00' | date", "2026-12-01");
    check("'2026-12-01T20:00:00-05:00' | date('UTC')", "2026-12-02");
    check("'2026-12-01' | ics_date", "20261201");
    check("'2026-12-01T20:00:00Z' | start_of_day('Asia/Jakarta')", "2026-12-02T00:00:00+07:00");
    check("'2018-11-04' | start_of_day('America/Sao_Paulo')", "2018-11-04T01:00:00-02:00");
    check("'2026-12-01' | format_time('%A')", "Tuesday");
    check("'2026-11-22 10:00:00 +0700' | parse_time('%Y-%m-%d %H:%M:%S %z')", "2026-11-22T10:00:00+07:00");
    check("'2026-11-22 10:00:00 +0700' | parse_time('%Y-%m-%d %H:%M:%S %z', 'UTC')", "2026-11-22T03:00:00+00:00");
    check("'2026-03-29 02:30' | parse_time('%Y-%m-%d %H:%M', 'Europe/Berlin')", "2026-03-29T03:30:00+02:00");
    check("'1426325213000' | from_epoch_ms | utc", "2015-03-14T09:26:53Z");
}

#[test]
fn times_that_are_none_are_told() {
    const NONE: &str = "it is not a date-time with offset, nor a date";
    check_error("input.name | plus_minutes(1)", &format!("`plus_minutes`: {NONE}"));
    check_error("5 | utc", "`utc` works on a date-time or a date, and was given a number");
    check_error("'2026-12-01' | plus_minutes(1)", "`plus_minutes`: it works on a date-time, and was given a date");
    check_error(
        "'2026-12-01T09:30:00' | utc",
        "`utc`: the date-time has no offset, such as `+07:00`; `parse_time` reads one in a zone",
    );
    check_error("'2026-12-01T09:30:00+07:00[Asia/Jakarta]' | utc", &format!("`utc`: {NONE}"));
    check_error(
        "'2026-12-01T09:30:00Z' | in_zone(input.name)",
        "`in_zone`: `zone` is not a time zone such as `Asia/Jakarta`",
    );
    check_error("'2026-12-01T09:30:00Z' | plus_days(99999999999)", "`plus_days`: it is too far away");
    check_error("'2026-12-01T09:30:00Z' | plus_days(2000000000)", "`plus_days`: the time is out of range");
    check_error("'2026-12-01' | plus_days(99999999999)", "the time is out of range");
    check_error("'10:00' | parse_time('%H:%M', 'UTC')", "`parse_time`: the text is no date-time");
    check_error("'x' | parse_time('%Y', 'UTC')", "`parse_time`: the text does not fit the pattern");
    check_error(
        "'2026-12-01 10' | parse_time('%Y-%m-%d %H')",
        "`parse_time`: the text has no offset, so it needs `zone`",
    );
    check_error("'1e99' | from_epoch", "`from_epoch` works on a whole number, and was given text");
    check_error("99999999999999 | from_epoch", "the time is out of range");
}

#[test]
fn signatures_are_those_of_the_providers_documents() {
    let message = "POST:/v1.0/debit/payment-host-to-host:gp9HjjEj813Y9JGoqwOeOPWbnt4CupvIJbU1Mmu4a11MNDZ7Sg5u9a:56fa5f4999ad8014de49d7898c1d1d53472569db8999de3c1b752a0dd181e98c:2020-01-01T00:00:00+07:00";
    check(
        &format!("'{message}' | hmac('sha512', 'fdppqbF5wq7vVegyvsV1CROMv646nJ7A', 'base64')"),
        "FSlidRHe4ow9qppNifGVQNcdv67lBjgCiP0BHylh+IKXo4fs2rHaGsFNUY0N8t0rPlZs4iAHAOCDklnCccwuJw==",
    );
    let body = r#"{"partnerReferenceNo":"INV-2026-0001","merchantId":"G123456789","amount":{"value":"150000.00","currency":"IDR"}}"#;
    check(
        &format!(
            "('POST:/v1.0/qr/qr-mpm-generate:exampleAccessToken123:' ~ ('{body}' | digest('sha256')) ~ ':2026-11-22T09:30:00+07:00') | hmac('sha512', 'exampleClientSecret456', 'base64')"
        ),
        "DlyRaiJxz8ybng5PbSRdfJFQlMH9w70otG/BZFlQ3SZig1xTRKl+y5wzEq2OVp4FQgnscpOek4YrKq+RvamPgA==",
    );
    check("'abc' | digest('sha1', 'base64')", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
    check_error("input.nope | hmac('sha256', 'key')", "`hmac` has nothing to work on: the value is missing");
    check_error("'a' | hmac('sha256', input.nope)", "`hmac` needs `key`, which has no value");
    check_error(
        "'a' | hmac(input.name, 'key')",
        "`hmac`: `hash` must be `sha256` or `sha384` or `sha512` or `sha1` or `md5`",
    );
    check_error(
        "'a' | digest('sha256', input.name)",
        "`encoding` must be `hex` or `base64` or `base64url` or `base32hex`",
    );
}

#[test]
fn encodings_are_those_of_rfc_4648() {
    for (text, base32hex, base64) in [
        ("", "", ""),
        ("f", "co", "Zg=="),
        ("fo", "cpng", "Zm8="),
        ("foo", "cpnmu", "Zm9v"),
        ("foob", "cpnmuog", "Zm9vYg=="),
        ("fooba", "cpnmuoj1", "Zm9vYmE="),
        ("foobar", "cpnmuoj1e8", "Zm9vYmFy"),
    ] {
        check(&format!("'{text}' | base32hex"), base32hex);
        check(&format!("'{text}' | base64"), base64);
        check(&format!("'{text}' | base64url"), base64.trim_end_matches('='));
    }
    check_error("'{' | from_json", "`from_json`: the text is not JSON");
}

const SLOTS: &str =
    "from='2026-12-01', to='2026-12-02', timezone='Asia/Jakarta', minutes=60, now='2026-11-25T09:00:00Z'";

#[test]
fn slots_come_from_hours_and_busy_times() {
    let check = |arguments: &str, expected: &[&str]| {
        let source = format!("free_slots({SLOTS}, {arguments}) | map(attribute='start')");
        assert_eq!(eval(&source, &scope()), Ok(Some(Json::from(expected.to_vec()))), "{source}");
    };
    check("hours={'tue': ['09:00-11:00']}, busy=[]", &["2026-12-01T09:00:00+07:00", "2026-12-01T10:00:00+07:00"]);
    check(
        "hours={'tue': ['09:00-10:00', '10:00-11:00']}, busy=[], step=30, limit=2",
        &["2026-12-01T09:00:00+07:00", "2026-12-01T09:30:00+07:00"],
    );
    check("hours={'tue': ['23:00-24:00'], 'mon': []}, busy=[]", &["2026-12-01T23:00:00+07:00"]);
    check("hours={'tue': ['09:00-11:00']}, busy=[{'start': '2026-12-01', 'end': '2026-12-02'}]", &[]);
    check(
        "hours={'tue': ['09:00-11:00']}, busy=[{'start': '2026-12-01T03:00:00Z', 'end': '2026-12-01T03:10:00Z'}]",
        &["2026-12-01T09:00:00+07:00"],
    );
    check("hours={'tue': ['09:00-11:00']}, busy=[], notice=8280", &["2026-12-01T10:00:00+07:00"]);
    check("hours={'wed': ['09:00-11:00']}, busy=steps.busy.conflicts", &[]);
}

#[test]
fn slots_that_make_no_sense_are_told() {
    let check = |arguments: &str, expected: &str| {
        check_error(&format!("free_slots({SLOTS}, {arguments})"), &format!("`free_slots`: {expected}"));
    };
    let open = "hours={'tue': ['09:00-11:00']}";
    check(
        &format!("{open}, busy=[{{'start': 'x', 'end': 'y'}}]"),
        "entry 0 of `busy`: it is not a date-time with offset, nor a date",
    );
    check(&format!("{open}, busy=[{{'start': '2026-12-01'}}]"), "entry 0 of `busy`: it has no `end`");
    check(
        &format!("{open}, busy=[{{'start': '2026-12-02', 'end': '2026-12-01'}}]"),
        "entry 0 of `busy`: it ends before it starts",
    );
    check(&format!("{open}, busy=input"), "`busy` must be a list of `{start, end}`");
    check(&format!("{open}, busy=[], limit=1001"), "`limit` is 1 to 1,000");
    check(&format!("{open}, busy=[], step=0"), "`step` is 1 to 527,040 minutes");
    check("busy=[], hours={'monday': []}", "the days of `hours` are mon, tue, wed, thu, fri, sat and sun");
    for hours in ["9-17", "17:00-09:00", "09:00-24:01", "09:60-10:00", "a:00-b:00", "09:00"] {
        check(&format!("busy=[], hours={{'tue': ['{hours}']}}"), "an entry of `hours` is not as `09:00-17:00`");
    }
    check_error(
        &format!("free_slots({SLOTS}, {open}, busy=input.nope)"),
        "`free_slots` needs `busy`, which has no value",
    );
    let far = SLOTS.replace("to='2026-12-02'", "to='2027-02-02'");
    check_error(
        &format!("free_slots({far}, {open}, busy=[])"),
        "`free_slots`: from `from` to `to` are more than 62 days",
    );
    let back = SLOTS.replace("to='2026-12-02'", "to='2026-11-02'");
    check_error(&format!("free_slots({back}, {open}, busy=[])"), "`free_slots`: `to` is before `from`");
}

#[test]
fn overlaps_are_the_entries_themselves() {
    let busy = "[{'start': '2026-12-01T02:00:00Z', 'end': '2026-12-01T03:00:00Z', 'id': 1}, {'start': '2026-12-01', 'end': '2026-12-02', 'id': 2}]";
    let source = |rest: &str| {
        format!(
            "overlaps({busy}, '2026-12-01T09:30:00+07:00', '2026-12-01T10:30:00+07:00'{rest}) | map(attribute='id')"
        )
    };
    assert_eq!(eval(&source(", timezone='Asia/Jakarta'"), &scope()), Ok(Some(serde_json::json!([1, 2]))));
    check_error(&source(""), "`overlaps`: entry 1 of `busy`: whole days need `timezone`");
    check_error("overlaps([], '2026-12-01', '2026-12-01', 'UTC')", "`overlaps`: `end` is not after `start`");
}
fn calendar(event: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

#[test]
fn calendars_are_read_together_and_in_order() {
    let mut scope = scope();
    let later = calendar(
        "UID:later\r\nDTSTART:20261201T040000Z\r\nDTEND:20261201T050000Z\r\nATTENDEE;PARTSTAT=DECLINED:mailto:ana@example.com",
    );
    let day = calendar("UID:day\r\nDTSTART;VALUE=DATE:20261201\r\nRRULE:FREQ=DAILY;COUNT=2");
    scope.set("item", serde_json::json!({"data": [later, day]}));
    let check = |source: &str, expected: Json| assert_eq!(eval(source, &scope), Ok(Some(expected)), "{source}");
    let window = "from='2026-12-01', to='2026-12-03', timezone='Asia/Jakarta'";
    check(
        &format!("item.data | ics_events({window}) | map(attribute='uid')"),
        serde_json::json!(["day", "later", "day"]),
    );
    check(
        &format!("item.data | ics_events({window}) | map(attribute='all_day')"),
        serde_json::json!([true, false, true]),
    );
    check(
        &format!("item.data | ics_busy({window}) | map(attribute='uid')"),
        serde_json::json!(["day", "later", "day"]),
    );
    check(
        &format!("item.data | ics_busy({window}, own=['ana@example.com']) | map(attribute='uid')"),
        serde_json::json!(["day", "day"]),
    );
    check(
        &format!("overlaps(item.data | ics_busy({window}), '2026-12-01T04:30:00Z', '2026-12-01T04:40:00Z') | length"),
        serde_json::json!(2),
    );
    let moved = eval(
        "item.data[0] | ics_update({'start': '2026-12-02T04:00:00+07:00', 'summary': 'a;b', 'location': input.nope}, now='2026-11-25T09:00:00Z')",
        &scope,
    );
    let moved = moved.expect("updates").expect("a value");
    let moved = moved.as_str().expect("text");
    for line in [
        "DTSTART:20261201T210000Z\r\n",
        "DTEND:20261201T220000Z\r\n",
        "SUMMARY:a\\;b\r\n",
        "SEQUENCE:1\r\n",
        "ATTENDEE;PARTSTAT=DECLINED:mailto:ana@example.com\r\n",
    ] {
        assert!(moved.contains(line), "{line:?} in {moved}");
    }
}

#[test]
fn calendars_that_cannot_be_read_are_told() {
    let window = "from='2026-12-01', to='2026-12-03', timezone='Asia/Jakarta'";
    check_error(&format!("'x' | ics_busy({window})"), "`ics_busy`: iCalendar: there is no VCALENDAR in the text");
    check_error(&format!("[1] | ics_events({window})"), "`ics_events`: an entry of the list is not text");
    check_error(&format!("input | ics_events({window})"), "`ics_events` works on text, and was given a mapping");
    check_error(
        "'x' | ics_events(input.name, input.name, 'UTC')",
        "`ics_events`: `from`: it is not a date-time with offset, nor a date",
    );
    check_error("'x' | ics_update({'begin': 'x'}, now)", "`ics_update` needs `now`, which has no value");
    let now = "now='2026-11-25T09:00:00Z'";
    check_error(
        &format!("'x' | ics_update({{'begin': 'x'}}, {now})"),
        "`ics_update`: `changes` may have start, end, summary, description, location and status",
    );
    check_error(
        &format!("'x' | ics_update({{'start': '2026-12-01'}}, {now})"),
        "`ics_update`: `start` must be a date-time, and is a date",
    );
    check_error(&format!("'x' | ics_update({{'summary': []}}, {now})"), "`ics_update`: `summary` must be text");
}

#[test]
fn no_filter_stumbles_over_a_value_that_it_does_not_work_on() {
    for entry in crate::expr::library::entries(Role::Filter) {
        let call = entry.example.0.rsplit_once(&format!("| {}", entry.name)).map_or("", |(_, arguments)| arguments);
        for input in
            ["input.nope", "none", "true", "5", "-1.5e300", "'x'", "[]", "input", "[[1], {'a': 2}, none, 'x', 3]"]
        {
            let source = format!("{input} | {}{call}", entry.name);
            if let Err(message) = eval(&source, &scope()) {
                let (_, message) = message.split_once("}}`: ").expect("it says where");
                let named = message.starts_with(&format!("`{}`", entry.name));
                assert!(named || entry.takes == Kind::List || entry.name == "string", "{source}: {message}");
            } else {
                let passed = eval(&source, &scope()) == eval(input, &scope());
                let missing = matches!(input, "input.nope" | "none");
                assert!(!missing || passed || entry.takes == Kind::Any, "{source}");
            }
        }
    }
}

#[test]
fn a_row_follows_its_header() {
    let json = |source: &str, expected: &str| {
        let found = eval(source, &scope()).unwrap_or_else(|it| panic!("{source}: {it}"));
        assert_eq!(found.map(|it| it.to_string()).as_deref(), Some(expected), "{source}");
    };
    json(
        "{'b': 0, 'A ': none, 'c': input.nope} | align([' a', 'B', 'C', ''])",
        r#"{"row":[null,0,null,null],"unknown":[]}"#,
    );
    json("{'': 1, '2026': true} | align(['', 2026, 2026])", r#"{"row":[null,true,null],"unknown":[""]}"#);
    json("[['A', '', 'A', 2026], [1, 2, 3, none], []] | records", r#"[{"A":1,"2026":null},{"A":"","2026":""}]"#);
    json("[[1]] | records(header=['n', 'm'])", r#"[{"n":1,"m":""}]"#);
    json("[] | records", "[]");
    json("[1, 26, 27, 702, 703, 18278] | map('column_letter')", r#"["A","Z","AA","ZZ","AAA","ZZZ"]"#);
    check_error("['x'] | records(header=['a'])", "`records`: a row is no list");
    check_error("{} | align([['a']])", "`align`: a name in the header is neither text nor a number");
    check_error("0 | column_letter", "`column_letter` works on a whole number from 1 on, and was given a number");
}

#[test]
fn a_pattern_finds_its_group() {
    check("'a1b22' | extract('[0-9]{2,}')", "22");
    check("'order 7 of 9' | extract('of ([0-9]+)')", "9");
    assert_eq!(eval("'abc' | extract('[0-9]')", &scope()), Ok(None));
    assert_eq!(eval("'abc' | extract('a(x)?')", &scope()), Ok(None));
    check_error("'abc' | extract(input.name ~ '(')", "`extract`: `pattern` is not a regular expression");
    check("'aMO8PyM=' | from_base64", "hü?#");
    check("'aMO8Pz4_' | from_base64", "hü?>?");
    check("'/w' | from_base64", "\u{fffd}");
    check_error("'a*' | from_base64", "`from_base64`: the text is not base64");
}

#[test]
fn places_are_found_however_a_sheet_names_its_columns() {
    let places = "[{'n': 'a', ' Latitude ': '-6,2', 'LONG': '106.8'}, {'n': 'b', 'lat': 91, 'lng': 0}, {'n': 'c'}, 'd', \
                  {'n': 'e', 'lat': -6.3, 'lon': 106.8}]";
    let near = |more: &str| eval(&format!("nearest({places}, '-6.2', 106.8{more}) | map(attribute='n')"), &scope());
    assert_eq!(near(""), Ok(Some(serde_json::json!(["a", "e"]))));
    assert_eq!(near(", max_km=5"), Ok(Some(serde_json::json!(["a"]))));
    assert_eq!(near(", limit=1"), Ok(Some(serde_json::json!(["a"]))));
    check_error("nearest([], 91, 0)", "`nearest`: `latitude` is -90 to 90 and `longitude` -180 to 180, in degrees");
    check_error("nearest([], none, 0)", "`nearest`: `latitude` is -90 to 90 and `longitude` -180 to 180, in degrees");
    // Half the way around the Earth, and across the date line.
    let far = "nearest([{'lat': 0, 'lng': 180}], 0, 0) | map(attribute='distance_km')";
    assert_eq!(eval(far, &scope()), Ok(Some(serde_json::json!([20015.11]))));
    let near = "nearest([{'lat': 0, 'lng': -179.9}], 0, 179.9) | map(attribute='distance_km')";
    assert_eq!(eval(near, &scope()), Ok(Some(serde_json::json!([22.24]))));
}

#[test]
fn a_place_is_open_on_its_own_clock() {
    let open = |hours: &str, at: &str| eval(&format!("open_at({hours}, '{at}', 'Asia/Jakarta')"), &scope());
    assert_eq!(open("{'tue': ['09:00-17:00']}", "2026-12-01T02:00:00Z"), Ok(Some(Json::from(true))));
    assert_eq!(open("{'tue': ['09:00-17:00']}", "2026-12-01T10:00:00Z"), Ok(Some(Json::from(false))));
    assert_eq!(open("'call us'", "2026-12-01T10:00:00Z"), Ok(None));
    assert_eq!(open("none", "2026-12-01T10:00:00Z"), Ok(None));
}

#[test]
fn windows_follow_each_other_without_a_gap() {
    let parts = "windows('2026-12-01T00:00:00+07:00', '2026-12-03T12:00:00+07:00', 2)";
    let expected = serde_json::json!([
        {"start": "2026-12-01T00:00:00+07:00", "end": "2026-12-03T00:00:00+07:00"},
        {"start": "2026-12-03T00:00:00+07:00", "end": "2026-12-03T12:00:00+07:00"},
    ]);
    assert_eq!(eval(parts, &scope()), Ok(Some(expected)));
    assert_eq!(eval("windows('2026-12-02', '2026-12-01', 2)", &scope()), Ok(Some(serde_json::json!([]))));
    check_error("windows('2026-12-01', '2029-12-01', 2)", "`windows`: from `from` to `to` are more than 100 parts");
    check_error(
        "windows('2026-12-01', '2026-12-01T00:00:00Z', 2)",
        "`windows`: `from` and `to` are both days or both instants",
    );
}
