//! iCalendar: `format::ics` for expressions.

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};
use minijinja::{Value, value::ValueKind};
use serde::Serialize;

use super::{
    Call, Entry, Gives, Kind, Outcome, Param, call, filter, moment::Moment, optional, required, time::zone_of,
};
use crate::expr::types::{Kinds, Type};
use crate::{
    expr::adapter,
    format::ics::{self, Changes},
};

const WINDOW: &[Param] = &[required("from", Kind::Time), required("to", Kind::Time), required("timezone", Kind::Zone)];

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "ics_events",
        Kind::Text,
        WINDOW,
        "The events in one calendar text, or in a list of them, that overlap the time from `from` to `to`, by their start: recurring ones once for each instance. `[{uid, summary, start, end, all_day, recurring, …}]`; whole days and floating times are on the clock of `timezone`.",
        (
            r"'BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20261201\nEND:VEVENT\nEND:VCALENDAR' | ics_events('2026-12-01', '2026-12-02', 'Asia/Jakarta') | map(attribute='end')",
            r#"["2026-12-02"]"#,
        ),
        events,
    )
    .gives(Gives::Of(|_| Type::list(Type::MAPPING)))
    .on(Kinds::TEXT.or(Kinds::LIST)),
    filter(
        "ics_event",
        Kind::Text,
        &[required("timezone", Kind::Zone)],
        "The event of one calendar text, whenever it is; of a series its first instance. As those of `ics_events`.",
        (
            r"'BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20261201T023000Z\nDURATION:PT30M\nRRULE:FREQ=DAILY\nEND:VEVENT\nEND:VCALENDAR' | ics_event('Asia/Jakarta') | items | first",
            r#"["start","2026-12-01T09:30:00+07:00"]"#,
        ),
        event,
    )
    .gives(Gives::Mapping),
    filter(
        "ics_busy",
        Kind::Text,
        &[
            required("from", Kind::Time),
            required("to", Kind::Time),
            required("timezone", Kind::Zone),
            optional("own", Kind::List),
        ],
        "The times in it that are not free, as `[{start, end, uid}]`: without events that are cancelled, transparent, or declined by one of `own`, the owner's addresses.",
        (
            r"'BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20261201T023000Z\nDURATION:PT30M\nEND:VEVENT\nEND:VCALENDAR' | ics_busy('2026-12-01', '2026-12-02', 'Asia/Jakarta')",
            r#"[{"start":"2026-12-01T09:30:00+07:00","end":"2026-12-01T10:00:00+07:00","uid":"1"}]"#,
        ),
        busy,
    )
    .gives(Gives::List)
    .on(Kinds::TEXT.or(Kinds::LIST)),
    filter(
        "ics_update",
        Kind::Text,
        &[required("changes", Kind::Mapping), required("now", Kind::Time)],
        "The calendar text with its one event changed: any of `start`, `end`, `summary`, `description`, `location` and `status`; `SEQUENCE` and the stamps follow. Every other line stays.",
        (
            r"'BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20261201T023000Z\nSEQUENCE:2\nEND:VEVENT\nEND:VCALENDAR' | ics_update({'status': 'CANCELLED'}, now='2026-11-25T09:00:00Z') | split('\r\n') | select('startingwith', 'S')",
            r#"["SEQUENCE:3","STATUS:CANCELLED"]"#,
        ),
        update,
    )
    .gives(Gives::Text),
];

struct Window {
    from: Timestamp,
    to: Timestamp,
    zone: TimeZone,
}

impl Window {
    fn of(call: &Call) -> Result<Self, String> {
        let zone = zone_of(call, "timezone")?;
        let edge = |name: &str| {
            let text = call.text_arg(name)?.unwrap_or_default();
            let start = Moment::parse(&text).and_then(|it| it.start_in(&zone));
            start.map_err(|message| call.about(&format!("`{name}`: {message}")))
        };
        Ok(Self { from: edge("from")?, to: edge("to")?, zone })
    }
}

fn events(call: &Call) -> Outcome {
    let window = Window::of(call)?;
    let texts = texts(call)?;
    let found = ics::events(texts.iter().map(String::as_str), window.from, window.to, &window.zone);
    value(call, &found.map_err(|it| fault(call, &it))?)
}

fn event(call: &Call) -> Outcome {
    let event = ics::single(&call.text()?, &zone_of(call, "timezone")?).map_err(|it| fault(call, &it))?;
    value(call, &event)
}

fn busy(call: &Call) -> Outcome {
    let window = Window::of(call)?;
    let own: Vec<Value> = match call.arg("own") {
        Some(own) => call::list(own).ok_or_else(|| call.about("`own` must be a list of addresses"))?,
        None => Vec::new(),
    };
    let own: Vec<&str> = own.iter().filter_map(Value::as_str).collect();
    let texts = texts(call)?;
    let found = ics::busy(texts.iter().map(String::as_str), window.from, window.to, &window.zone, &own);
    value(call, &found.map_err(|it| fault(call, &it))?)
}

fn update(call: &Call) -> Outcome {
    let now = instant(call, "now", &call.text_arg("now")?.unwrap_or_default())?;
    let given = call.arg("changes").filter(|it| it.kind() == ValueKind::Map);
    let given = given.ok_or_else(|| call.about("`changes` must be a mapping"))?;
    let mut changes: [Option<String>; 6] = Default::default();
    const KEYS: [&str; 6] = ["start", "end", "summary", "description", "location", "status"];
    for key in given.try_iter().into_iter().flatten() {
        let place = key.as_str().and_then(|key| KEYS.iter().position(|it| *it == key));
        let place = place
            .ok_or_else(|| call.about("`changes` may have start, end, summary, description, location and status"))?;
        let text = adapter::text(&given.get_item(&key).unwrap_or_default());
        changes[place] = text.map_err(|_| call.about(&format!("`{}` must be text", KEYS[place])))?;
    }
    let [start, end, summary, description, location, status] = &changes;
    let time = |name: &str, text: &Option<String>| text.as_deref().map(|it| instant(call, name, it)).transpose();
    let changes = Changes {
        start: time("start", start)?,
        end: time("end", end)?,
        summary: summary.as_deref(),
        description: description.as_deref(),
        location: location.as_deref(),
        status: status.as_deref(),
    };
    Ok(ics::update(&call.text()?, &changes, now).map_err(|it| fault(call, &it))?.into())
}

/// One text, or a list of them.
fn texts(call: &Call) -> Result<Vec<String>, String> {
    let Some(list) = call::list(&call.input) else { return Ok(vec![call.text()?.into_owned()]) };
    let text = |it: Value| it.as_str().map(str::to_owned).ok_or_else(|| call.about("an entry of the list is not text"));
    list.into_iter().map(text).collect()
}

fn instant(call: &Call, name: &str, text: &str) -> Result<Timestamp, String> {
    match Moment::parse(text) {
        Ok(Moment::Instant(it)) => Ok(it.at),
        Ok(Moment::Date(_)) => Err(call.about(&format!("`{name}` must be a date-time, and is a date"))),
        Err(message) => Err(call.about(&format!("`{name}`: {message}"))),
    }
}

fn fault(call: &Call, error: &crate::format::FormatError) -> String {
    call.about(&error.to_string())
}

fn value(call: &Call, found: &impl Serialize) -> Outcome {
    let json = serde_json::to_value(found).map_err(|_| call.about("the events cannot be written as JSON"))?;
    Ok(adapter::to_value(&Arc::new(json)))
}
