//! Tables for the corners, properties for the rest.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::base::zone;

fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn interval(start: &str, end: &str) -> Interval {
    Interval { start: instant(start), end: instant(end) }
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// Every day 09:00 to 12:00 in Jakarta (UTC+7, no daylight saving), 1 December 2026, slots of 60 minutes.
fn wanted() -> Wanted {
    Wanted {
        within: interval("2026-12-01T00:00:00+07", "2026-12-02T00:00:00+07"),
        earliest: Timestamp::MIN,
        zone: zone("Asia/Jakarta").expect("a zone"),
        hours: std::array::from_fn(|_| vec![(540, 720)]),
        length: minutes(60),
        step: minutes(60),
        buffers: (minutes(0), minutes(0)),
        limit: 1000,
    }
}

/// The slots' beginnings on the wall clock.
#[track_caller]
fn check(wanted: &Wanted, busy: &[Interval], expected: &[&str]) {
    let slots = free(wanted, busy).expect("in range");
    let starts: Vec<_> =
        slots.iter().map(|it| it.start.to_zoned(wanted.zone.clone()).strftime("%d %H:%M%:z").to_string()).collect();
    assert_eq!(starts, expected);
    assert!(slots.iter().all(|it| it.end.duration_since(it.start) == wanted.length));
}

#[test]
fn a_free_day_is_its_grid() {
    check(&wanted(), &[], &["01 09:00+07:00", "01 10:00+07:00", "01 11:00+07:00"]);
    let half_hours = Wanted { step: minutes(30), ..wanted() };
    check(
        &half_hours,
        &[],
        &["01 09:00+07:00", "01 09:30+07:00", "01 10:00+07:00", "01 10:30+07:00", "01 11:00+07:00"],
    );
    check(&Wanted { step: minutes(90), ..wanted() }, &[], &["01 09:00+07:00", "01 10:30+07:00"]);
    check(&Wanted { length: minutes(181), ..wanted() }, &[], &[]);
    check(&Wanted { limit: 1, ..wanted() }, &[], &["01 09:00+07:00"]);
}

#[test]
fn busy_times_are_half_open() {
    let day =
        |start: &str, end: &str| interval(&format!("2026-12-01T{start}:00+07"), &format!("2026-12-01T{end}:00+07"));
    check(&wanted(), &[day("10:00", "11:00")], &["01 09:00+07:00", "01 11:00+07:00"]);
    check(&wanted(), &[day("09:59", "10:01")], &["01 11:00+07:00"]);
    check(&wanted(), &[day("10:30", "10:30")], &["01 09:00+07:00", "01 10:00+07:00", "01 11:00+07:00"]);
    check(&wanted(), &[day("11:30", "11:40"), day("08:00", "09:30"), day("09:20", "10:00")], &["01 10:00+07:00"]);
    check(&wanted(), &[interval("2026-11-30T00:00:00Z", "2026-12-05T00:00:00Z")], &[]);
}

#[test]
fn buffers_keep_a_distance_to_busy_times() {
    let busy = [interval("2026-12-01T10:00:00+07", "2026-12-01T10:30:00+07")];
    let with = |before, after| Wanted {
        length: minutes(30),
        step: minutes(30),
        buffers: (minutes(before), minutes(after)),
        ..wanted()
    };
    check(
        &with(0, 0),
        &busy,
        &["01 09:00+07:00", "01 09:30+07:00", "01 10:30+07:00", "01 11:00+07:00", "01 11:30+07:00"],
    );
    check(&with(15, 0), &busy, &["01 09:00+07:00", "01 09:30+07:00", "01 11:00+07:00", "01 11:30+07:00"]);
    check(&with(0, 15), &busy, &["01 09:00+07:00", "01 10:30+07:00", "01 11:00+07:00", "01 11:30+07:00"]);
}

#[test]
fn slots_lie_within_the_range_and_after_the_notice() {
    let within = interval("2026-12-01T09:10:00+07", "2026-12-01T11:30:00+07");
    check(&Wanted { within, ..wanted() }, &[], &["01 10:00+07:00"]);
    check(
        &Wanted { earliest: instant("2026-12-01T10:00:00+07"), ..wanted() },
        &[],
        &["01 10:00+07:00", "01 11:00+07:00"],
    );
    let days = interval("2026-12-01T23:00:00+07", "2026-12-03T09:59:00+07");
    check(
        &Wanted { within: days, length: minutes(60), ..wanted() },
        &[],
        &["02 09:00+07:00", "02 10:00+07:00", "02 11:00+07:00"],
    );
}

#[test]
fn closed_days_have_none_and_a_day_may_open_twice() {
    let mut hours: [Day; 7] = Default::default();
    hours[1] = vec![(0, 60), (1380, 1440)];
    let within = interval("2026-11-30T00:00:00+07", "2026-12-07T00:00:00+07");
    check(&Wanted { within, hours, ..wanted() }, &[], &["01 00:00+07:00", "01 23:00+07:00"]);
}

#[test]
fn clocks_put_forward_skip_an_hour() {
    // Berlin, 29 March 2026: 02:00 becomes 03:00.
    let wanted = Wanted {
        within: interval("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        zone: zone("Europe/Berlin").expect("a zone"),
        hours: std::array::from_fn(|_| vec![(60, 300)]),
        ..wanted()
    };
    check(&wanted, &[], &["29 01:00+01:00", "29 03:00+02:00", "29 04:00+02:00"]);
    // An opening in the gap is when the clock goes on, and what lies in the gap as a whole is no time at all.
    let inside = Wanted { hours: std::array::from_fn(|_| vec![(121, 135), (150, 300)]), ..wanted };
    check(&inside, &[], &["29 03:00+02:00", "29 04:00+02:00"]);
}

#[test]
fn clocks_put_back_repeat_an_hour() {
    // Berlin, 25 October 2026: 03:00 becomes 02:00 again.
    let wanted = Wanted {
        within: interval("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        zone: zone("Europe/Berlin").expect("a zone"),
        hours: std::array::from_fn(|_| vec![(60, 240)]),
        ..wanted()
    };
    check(&wanted, &[], &["25 01:00+02:00", "25 02:00+02:00", "25 02:00+01:00", "25 03:00+01:00"]);
}

#[test]
fn a_day_that_a_zone_left_out_has_none() {
    // Samoa had no 30 December 2011.
    let wanted = Wanted {
        within: interval("2011-12-30T00:00:00Z", "2012-01-01T00:00:00Z"),
        zone: zone("Pacific/Apia").expect("a zone"),
        ..wanted()
    };
    let slots = free(&wanted, &[]).expect("in range");
    assert!(slots.is_sorted());
    assert_eq!(slots.len(), 6, "{slots:?}");
}

/// Any zone with its oddities, any hours, any busy times.
fn any_wanted() -> impl Strategy<Value = (Wanted, Vec<Interval>)> {
    let zones = prop::sample::select(vec![
        "UTC",
        "Asia/Jakarta",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "America/Sao_Paulo",
        "Pacific/Apia",
    ]);
    let day = prop::collection::vec(0_u16..=1440, 0..=4).prop_map(|mut edges| {
        edges.sort_unstable();
        edges.dedup();
        edges.chunks_exact(2).map(|it| (it[0], it[1])).collect::<Day>()
    });
    let start = 1_767_000_000_i64..1_800_000_000;
    let busy = prop::collection::vec((-86_400_i64..8 * 86_400, 0_i64..30_000), 0..12);
    (
        zones,
        prop::array::uniform7(day),
        start,
        0_i64..7 * 86_400,
        5_i64..240,
        5_i64..120,
        (0_i64..60, 0_i64..60),
        busy,
        -86_400_i64..86_400,
    )
        .prop_map(|(name, hours, start, span, length, step, (before, after), busy, notice)| {
            let instant = |second: i64| Timestamp::from_second(second).expect("in range");
            let wanted = Wanted {
                within: Interval { start: instant(start), end: instant(start + span) },
                earliest: instant(start + notice),
                zone: zone(name).expect("a zone"),
                hours,
                length: minutes(length),
                step: minutes(step),
                buffers: (minutes(before), minutes(after)),
                limit: usize::MAX,
            };
            let busy = busy
                .into_iter()
                .map(|(at, long)| Interval { start: instant(start + at), end: instant(start + at + long) });
            (wanted, busy.collect())
        })
}

/// The definition, without any cleverness: every point of every grid, each tested against every busy time.
fn by_definition(wanted: &Wanted, busy: &[Interval]) -> Vec<Interval> {
    let mut slots = Vec::new();
    let first = wanted.within.start.to_zoned(wanted.zone.clone()).date();
    let last = wanted.within.end.to_zoned(wanted.zone.clone()).date();
    for day in first.series(jiff::ToSpan::days(1)).take_while(|it| *it <= last) {
        for (opens, closes) in &wanted.hours[day.weekday().to_monday_zero_offset() as usize] {
            let (opens, closes) =
                (at(day, *opens, &wanted.zone).expect("in range"), at(day, *closes, &wanted.zone).expect("in range"));
            let mut start = opens;
            while start < closes {
                let slot = Interval { start, end: start + wanted.length };
                let wide = Interval { start: slot.start - wanted.buffers.0, end: slot.end + wanted.buffers.1 };
                let fits = slot.end <= closes && slot.start >= wanted.within.start && slot.end <= wanted.within.end;
                if fits && slot.start >= wanted.earliest && !busy.iter().any(|it| it.overlaps(wide)) {
                    slots.push(slot);
                }
                start += wanted.step;
            }
        }
    }
    slots
}

proptest! {
    #[test]
    fn exactly_the_free_points_of_the_grid_are_offered((wanted, busy) in any_wanted()) {
        let slots = free(&wanted, &busy).expect("in range");
        prop_assert!(slots.is_sorted_by(|a, b| a.start < b.start));
        prop_assert_eq!(slots, by_definition(&wanted, &busy));
    }
}
