//! What stands in queries beside text.

use minijinja::{Value, value::ValueKind};

use super::{
    Call, Entry, Gives, Kind, Outcome, call, filter,
    moment::{Instant, Moment},
};
use crate::expr::types::Kinds;

const LONGEST_NAME: usize = 200;

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "identifier",
        Kind::Any,
        &[],
        "A name in a query (`literals`), without quotes; of a list, the names with commas between them. Only letters, digits, `_` and `.` pass. Only at the end of a placeholder.",
        ("['Id', 'Owner.Name'] | identifier", r#"["Id","Owner.Name"]"#),
        identifier,
    )
    .gives(Gives::Same)
    .on(Kinds::TEXT.or(Kinds::LIST)),
    filter(
        "time_literal",
        Kind::Time,
        &[],
        "A date, or an instant in UTC, as a query (`literals`) writes it: without quotes where the language has such literals. Only at the end of a placeholder.",
        ("'2026-12-01T09:30:00+07:00' | time_literal", r#""2026-12-01T02:30:00Z""#),
        time_literal,
    )
    .gives(Gives::Text),
];

fn identifier(call: &Call) -> Outcome {
    let names = match call.input.kind() {
        ValueKind::Undefined | ValueKind::None => return Ok(call.input.clone()),
        ValueKind::Seq | ValueKind::Iterable => call::list(&call.input).unwrap_or_default(),
        _ => vec![call.input.clone()],
    };
    if names.iter().all(|it| it.as_str().is_some_and(is_identifier)) {
        return Ok(call.input.clone());
    }
    Err(call.about("a name has only letters, digits, `_` and `.`, and begins with a letter or `_`"))
}

fn is_identifier(text: &str) -> bool {
    text.len() <= LONGEST_NAME
        && text.split('.').all(|part| {
            part.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
                && part.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
        })
}

fn time_literal(call: &Call) -> Outcome {
    let text = call.input.as_str().ok_or_else(|| call.unfit("a date-time or a date"))?;
    Ok(match Moment::parse(text).map_err(|message| call.about(&message))? {
        Moment::Date(date) => Value::from(date.to_string()),
        Moment::Instant(it) => Value::from(Instant::utc(it.at).to_string()),
    })
}
