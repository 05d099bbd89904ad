//! Dates and times.

use jiff::{
    SignedDuration, Span, Timestamp, Zoned,
    fmt::strtime::{self, BrokenDownTime},
    tz::TimeZone,
};
use minijinja::Value;

use super::{
    Call, Entry, Gives, Kind, Outcome, Param, filter,
    moment::{Instant, Moment, first_instant},
    optional, required,
};
use crate::base::zone;
use crate::expr::types::Kinds;

const ZONE: &[Param] = &[required("zone", Kind::Zone)];
const OPTIONAL_ZONE: &[Param] = &[optional("zone", Kind::Zone)];

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "plus_minutes",
        Kind::Time,
        &[required("minutes", Kind::Integer)],
        "Later by so many minutes, with the same offset.",
        ("'2026-12-01T09:30:00+07:00' | plus_minutes(45)", r#""2026-12-01T10:15:00+07:00""#),
        |it| later(it, "minutes", SignedDuration::from_mins(1)),
    )
    .gives(Gives::Time),
    filter(
        "minus_minutes",
        Kind::Time,
        &[required("minutes", Kind::Integer)],
        "Earlier by so many minutes.",
        ("'2026-12-01T09:30:00Z' | minus_minutes(45)", r#""2026-12-01T08:45:00Z""#),
        |it| later(it, "minutes", -SignedDuration::from_mins(1)),
    )
    .gives(Gives::Time),
    filter(
        "plus_hours",
        Kind::Time,
        &[required("hours", Kind::Integer)],
        "Later by so many hours.",
        ("'2026-12-01T23:30:00Z' | plus_hours(1)", r#""2026-12-02T00:30:00Z""#),
        |it| later(it, "hours", SignedDuration::from_hours(1)),
    )
    .gives(Gives::Time),
    filter(
        "plus_days",
        Kind::Time,
        &[required("days", Kind::Integer)],
        "Later by so many days: of 24 hours for a date-time, of the calendar for a date.",
        ("'2026-12-31' | plus_days(1)", r#""2027-01-01""#),
        plus_days,
    )
    .gives(Gives::Same),
    filter(
        "in_zone",
        Kind::Time,
        ZONE,
        "The same instant, with the offset that the zone has then.",
        ("'2026-12-01T02:30:00Z' | in_zone('Asia/Jakarta')", r#""2026-12-01T09:30:00+07:00""#),
        |it| Ok(Instant::in_zone(instant(it)?.at, &zone_of(it, "zone")?).to_string().into()),
    )
    .gives(Gives::Time),
    filter(
        "utc",
        Kind::Time,
        &[],
        "The same instant in UTC.",
        ("'2026-12-01T09:30:00+07:00' | utc", r#""2026-12-01T02:30:00Z""#),
        |it| Ok(Instant::utc(instant(it)?.at).to_string().into()),
    )
    .gives(Gives::Time),
    filter(
        "date",
        Kind::Time,
        OPTIONAL_ZONE,
        "Its date, in its own offset or in the zone.",
        ("'2026-12-01T20:00:00Z' | date('Asia/Jakarta')", r#""2026-12-02""#),
        |it| Ok(civil(it)?.date().to_string().into()),
    )
    .gives(Gives::Date),
    filter(
        "start_of_day",
        Kind::Time,
        ZONE,
        "When its day begins in the zone.",
        ("'2026-12-01' | start_of_day('Asia/Jakarta')", r#""2026-12-01T00:00:00+07:00""#),
        start_of_day,
    )
    .gives(Gives::Time),
    filter(
        "format_time",
        Kind::Time,
        &[required("format", Kind::TimeFormat), optional("zone", Kind::Zone)],
        "As text by a pattern of strftime, in its own offset or in the zone.",
        ("'2026-12-01T02:30:00Z' | format_time('%d %B %Y, %H:%M', 'Asia/Jakarta')", r#""01 December 2026, 09:30""#),
        format_time,
    )
    .gives(Gives::Text),
    filter(
        "parse_time",
        Kind::Time,
        &[required("format", Kind::TimeFormat), optional("zone", Kind::Zone)],
        "A date-time from text by a pattern of strptime; the zone is needed unless the text has an offset.",
        ("'2026-12-01 09:30:00' | parse_time('%Y-%m-%d %H:%M:%S', 'Asia/Jakarta')", r#""2026-12-01T09:30:00+07:00""#),
        parse_time,
    )
    .gives(Gives::Time),
    filter("epoch", Kind::Time, &[], "Seconds since 1970.", ("'1970-01-01T00:01:00Z' | epoch", "60"), |it| {
        Ok(instant(it)?.at.as_second().into())
    })
    .gives(Gives::Integer),
    filter(
        "epoch_ms",
        Kind::Time,
        &[],
        "Milliseconds since 1970.",
        ("'1970-01-01T00:00:01.5Z' | epoch_ms", "1500"),
        |it| Ok(instant(it)?.at.as_millisecond().into()),
    )
    .gives(Gives::Integer),
    filter(
        "from_epoch",
        Kind::Time,
        &[],
        "A date-time from seconds since 1970, as a number or text.",
        ("60 | from_epoch", r#""1970-01-01T00:01:00Z""#),
        |it| from_epoch(it, Timestamp::from_second),
    )
    .gives(Gives::Time)
    .on(Kinds::TEXT.or(Kinds::NUMBER)),
    filter(
        "from_epoch_ms",
        Kind::Time,
        &[],
        "A date-time from milliseconds since 1970, as a number or text.",
        ("'1500' | from_epoch_ms", r#""1970-01-01T00:00:01.5Z""#),
        |it| from_epoch(it, Timestamp::from_millisecond),
    )
    .gives(Gives::Time)
    .on(Kinds::TEXT.or(Kinds::NUMBER)),
    filter(
        "ics_utc",
        Kind::Time,
        &[],
        "As iCalendar writes an instant.",
        ("'2026-12-01T09:30:00+07:00' | ics_utc", r#""20261201T023000Z""#),
        |it| Ok(strtime::format("%Y%m%dT%H%M%SZ", instant(it)?.at).map_err(out_of_range)?.into()),
    )
    .gives(Gives::Text),
    filter(
        "ics_date",
        Kind::Time,
        &[],
        "As iCalendar writes a date.",
        ("'2026-12-24' | ics_date", r#""20261224""#),
        |it| Ok(strtime::format("%Y%m%d", moment(it)?.date()).map_err(out_of_range)?.into()),
    )
    .gives(Gives::Text),
];

/// Whether jiff can write and read times by that pattern.
pub(super) fn is_format(pattern: &str) -> bool {
    strtime::format(pattern, &Zoned::new(Timestamp::UNIX_EPOCH, TimeZone::UTC)).is_ok()
}

fn moment(call: &Call) -> Result<Moment, String> {
    let text = call.input.as_str().ok_or_else(|| call.unfit("a date-time or a date"))?;
    Moment::parse(text).map_err(|message| call.about(&message))
}

fn instant(call: &Call) -> Result<Instant, String> {
    match moment(call)? {
        Moment::Instant(it) => Ok(it),
        Moment::Date(_) => Err(call.about("it works on a date-time, and was given a date")),
    }
}

/// The zone that an argument names.
pub(super) fn zone_of(call: &Call, name: &str) -> Result<TimeZone, String> {
    let text = call.text_arg(name)?.unwrap_or_default();
    zone(&text).ok_or_else(|| call.about(&format!("`{name}` is not a time zone such as `Asia/Jakarta`")))
}

/// The input with the wall clock of the `zone` argument, or of its own offset; a date is its midnight.
fn civil(call: &Call) -> Result<Zoned, String> {
    match moment(call)? {
        Moment::Instant(it) if call.arg("zone").is_some() => Ok(it.at.to_zoned(zone_of(call, "zone")?)),
        Moment::Instant(it) => Ok(it.in_own_offset()),
        Moment::Date(date) => date.to_zoned(TimeZone::UTC).map_err(out_of_range),
    }
}

fn later(call: &Call, argument: &str, unit: SignedDuration) -> Outcome {
    let count = call.integer_arg(argument)?.and_then(|it| i32::try_from(it).ok());
    let by = count.and_then(|it| unit.checked_mul(it)).ok_or_else(|| call.about("it is too far away"))?;
    Ok(instant(call)?.plus(by).map_err(|it| call.about(&it))?.to_string().into())
}

fn plus_days(call: &Call) -> Outcome {
    match moment(call)? {
        Moment::Instant(_) => later(call, "days", SignedDuration::from_hours(24)),
        Moment::Date(date) => {
            let days = call.integer_arg("days")?.unwrap_or_default();
            let days = Span::new().try_days(days).map_err(out_of_range)?;
            Ok(date.checked_add(days).map_err(out_of_range)?.to_string().into())
        }
    }
}

fn start_of_day(call: &Call) -> Outcome {
    let zone = zone_of(call, "zone")?;
    let date = match moment(call)? {
        Moment::Instant(it) => it.at.to_zoned(zone.clone()).date(),
        Moment::Date(date) => date,
    };
    Ok(Instant::in_zone(first_instant(date, &zone)?, &zone).to_string().into())
}

fn format_time(call: &Call) -> Outcome {
    let format = call.text_arg("format")?.unwrap_or_default();
    let text = strtime::format(&*format, &civil(call)?);
    Ok(text.map_err(|_| call.about("the pattern cannot be used"))?.into())
}

fn parse_time(call: &Call) -> Outcome {
    let (text, format) = (call.text()?, call.text_arg("format")?.unwrap_or_default());
    let time = BrokenDownTime::parse(&*format, &*text).map_err(|_| call.about("the text does not fit the pattern"))?;
    if time.offset().is_some() {
        let at = time.to_timestamp().map_err(|_| call.about("the text is no date-time"))?;
        let zone = match call.arg("zone") {
            Some(_) => zone_of(call, "zone")?,
            None => time.offset().map_or(TimeZone::UTC, jiff::tz::Offset::to_time_zone),
        };
        return Ok(Instant::in_zone(at, &zone).to_string().into());
    }
    if call.arg("zone").is_none() {
        return Err(call.about("the text has no offset, so it needs `zone`"));
    }
    let zone = zone_of(call, "zone")?;
    let local = time.to_datetime().map_err(|_| call.about("the text is no date-time"))?;
    let at = zone.to_ambiguous_timestamp(local).compatible().map_err(out_of_range)?;
    Ok(Instant::in_zone(at, &zone).to_string().into())
}

fn from_epoch(call: &Call, read: fn(i64) -> Result<Timestamp, jiff::Error>) -> Outcome {
    let number = match call.input.as_str() {
        Some(text) => text.trim().parse::<i64>().ok(),
        None => call.input.as_i64(),
    };
    let number = number.ok_or_else(|| call.unfit("a whole number"))?;
    let at = read(number).map_err(out_of_range)?;
    Ok(Value::from(Instant::utc(at).to_string()))
}

fn out_of_range(_: jiff::Error) -> String {
    "the time is out of range".into()
}
