//! Recurrence rules (RFC 5545 §3.3.10), by the `ical` crate: `docs/decisions/0003-icalendar-recurrence.md`.

use ical::recur::{IcalRecurDateTime, IcalRecurRule, expand::IcalRecurExpand};
use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

use super::time::parse_time;

/// No program writes one that long; lists are looked through for every day.
const MAX_RULE: usize = 2_000;
/// A day's times are made all at once.
const MAX_TIMES_A_DAY: usize = 1_440;

/// The local times of a rule, in order, none before `start`. They may be endless.
///
/// `local` tells what the clock of `start` shows at an instant: a rule's UNTIL is in UTC. One that is a date includes
/// that day. None if the rule can't be read, or is of a calendar other than the Gregorian (RFC 7529).
pub(super) fn times(
    rule: &str,
    start: DateTime,
    local: impl Fn(Timestamp) -> Option<DateTime>,
) -> Option<impl Iterator<Item = DateTime>> {
    if rule.len() > MAX_RULE {
        return None;
    }
    let mut rule = without_until(rule, local)?;
    let times = [&mut rule.by_hour, &mut rule.by_minute, &mut rule.by_second].map(|list| {
        list.sort_unstable();
        list.dedup();
        list.len().max(1)
    });
    if times.into_iter().product::<usize>() > MAX_TIMES_A_DAY
        || rule.scale.as_deref().is_some_and(|it| it != "GREGORIAN")
    {
        return None;
    }
    Some(IcalRecurExpand::new(rule, to_ical(start)).map_while(from_ical))
}

/// The rule, with its UNTIL on the clock of the start.
fn without_until(rule: &str, local: impl Fn(Timestamp) -> Option<DateTime>) -> Option<IcalRecurRule> {
    let is_until = |part: &&str| part.get(..6).is_some_and(|it| it.eq_ignore_ascii_case("UNTIL="));
    let (until, others): (Vec<_>, Vec<_>) = rule.split(';').map(str::trim).partition(is_until);
    let mut parsed = IcalRecurRule::parse(&others.join(";")).ok()?;
    if let Some(part) = until.first() {
        parsed.until = Some(to_ical(read_until(part[6..].trim(), local)?));
    }
    Some(parsed)
}

fn read_until(text: &str, local: impl Fn(Timestamp) -> Option<DateTime>) -> Option<DateTime> {
    let Some((time, utc)) = parse_time(text) else {
        let day: Date = super::time::parse_date(text)?;
        return Some(day.to_datetime(Time::constant(23, 59, 59, 0)));
    };
    if utc { local(time.to_zoned(TimeZone::UTC).ok()?.timestamp()) } else { Some(time) }
}

fn to_ical(time: DateTime) -> IcalRecurDateTime {
    // jiff's parts are positive and small but for the year
    IcalRecurDateTime {
        year: time.year().into(),
        month: time.month().unsigned_abs(),
        day: time.day().unsigned_abs(),
        hour: time.hour().unsigned_abs(),
        minute: time.minute().unsigned_abs(),
        second: time.second().unsigned_abs(),
    }
}

fn from_ical(time: IcalRecurDateTime) -> Option<DateTime> {
    let part = |it: u8| i8::try_from(it).ok();
    // BYSECOND=60 is a leap second
    let second = part(time.second.min(59))?;
    DateTime::new(
        time.year.try_into().ok()?,
        part(time.month)?,
        part(time.day)?,
        part(time.hour)?,
        part(time.minute)?,
        second,
        0,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(start: &str, rule: &str) -> Option<String> {
        let (start, _) = parse_time(start).expect("a time");
        let utc = |at: Timestamp| Some(TimeZone::UTC.to_datetime(at));
        let times = times(rule, start, utc)?.take(12);
        Some(times.map(|it| it.strftime("%Y%m%dT%H%M%S").to_string()).collect::<Vec<_>>().join(","))
    }

    /// What another implementation answers, over rules made at random: `tests/python/recurrence.py`.
    #[test]
    fn rules_mean_what_others_take_them_to_mean() {
        let cases = include_str!("../../../tests/data/recurrence.tsv");
        let cases: Vec<_> = cases.lines().filter(|it| !it.starts_with('#')).collect();
        assert_eq!(cases.len(), 300);
        for case in cases {
            let mut fields = case.split('\t');
            let mut field = || fields.next().expect("three fields");
            let (start, rule, expected) = (field(), field(), field());
            assert_eq!(answer(start, rule).as_deref(), Some(expected), "{start} {rule}");
        }
    }

    /// 1 January 2039 is in week 52 of 2038 (ISO 8601): not every implementation knows.
    #[test]
    fn a_week_number_is_of_the_year_that_has_most_of_the_week() {
        let rule = "FREQ=YEARLY;BYDAY=SA;BYWEEKNO=53;COUNT=3";
        assert_eq!(answer("20270801T140000", rule).as_deref(), Some("20330101T140000,20380102T140000,20440102T140000"));
    }

    #[test]
    fn what_cannot_be_read_is_no_rule() {
        for rule in [
            "",
            "COUNT=3",
            "FREQ=FORTNIGHTLY",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;UNTIL=tomorrow",
            "FREQ=YEARLY;RSCALE=CHINESE",
            &format!("FREQ=DAILY;BYMONTHDAY={}1", "1,".repeat(2_000)),
        ] {
            assert_eq!(answer("20260101T000000", rule), None, "{rule}");
        }
        let all = |count: u8| (0..count).map(|it| it.to_string()).collect::<Vec<_>>().join(",");
        let rule = format!("FREQ=YEARLY;BYHOUR={};BYMINUTE={};BYSECOND={}", all(24), all(60), all(60));
        assert_eq!(answer("20260101T000000", &rule), None);
    }

    #[test]
    fn a_rule_that_no_day_meets_ends() {
        for rule in [
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
            "FREQ=SECONDLY;BYSETPOS=2",
            "FREQ=MINUTELY;BYDAY=MO;BYMONTHDAY=31;BYMONTH=2",
            "FREQ=DAILY;UNTIL=20251231",
        ] {
            assert_eq!(answer("20260101T000000", rule).as_deref(), Some(""), "{rule}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(freq in "(SECONDLY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY)", parts in "(;(INTERVAL|COUNT|BYDAY|BYMONTHDAY|BYMONTH|BYWEEKNO|BYYEARDAY|BYSETPOS|BYHOUR|SKIP|UNTIL)=[-0-9A-Z,]{1,6}){0,3}") {
            let _ = answer("20260131T093000", &format!("FREQ={freq}{parts}"));
        }
    }
}
