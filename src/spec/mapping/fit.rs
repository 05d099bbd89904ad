//! A value as a field of an org takes it.

use serde_json::{Number, Value as Json};

use super::{OrgField, OrgOption, org::scalar};
use crate::{
    diag::closest_first,
    spec::{OrgType, fields::words},
};

/// The value as the field takes it, or what would be accepted instead, as in "must be …".
pub(super) fn fitted(field: &OrgField, value: Json) -> Result<Json, String> {
    match field.kind {
        OrgType::Other => Ok(value),
        OrgType::Picklist if field.options.is_empty() => text(field, value),
        OrgType::MultiPicklist if field.options.is_empty() => Ok(Json::Array(entries(value))),
        OrgType::Picklist => option(field, &value),
        OrgType::MultiPicklist => entries(value).iter().map(|it| option(field, it)).collect(),
        OrgType::Integer => {
            number(&value).filter(is_whole).map(Json::Number).ok_or_else(|| "a whole number".to_owned())
        }
        OrgType::Number => number(&value).map(Json::Number).ok_or_else(|| "a number".to_owned()),
        OrgType::Boolean => match scalar(&value).as_deref() {
            Some("true") => Ok(Json::Bool(true)),
            Some("false") => Ok(Json::Bool(false)),
            _ => Err("true or false".to_owned()),
        },
        OrgType::Date => match day(&value) {
            Some(day) => Ok(Json::String(day)),
            None => Err("a date, such as 2026-12-01".to_owned()),
        },
        OrgType::DateTime => match value.as_str().is_some_and(|it| it.parse::<jiff::Timestamp>().is_ok()) {
            true => Ok(value),
            false => Err("a date and time with offset, such as 2026-12-01T10:00:00+07:00".to_owned()),
        },
        // A reference may be more than its id: what it is made of is the connector's business.
        OrgType::Reference if value.is_object() => Ok(value),
        OrgType::String
        | OrgType::Text
        | OrgType::Time
        | OrgType::Email
        | OrgType::Phone
        | OrgType::Url
        | OrgType::Reference => text(field, value),
    }
}

fn text(field: &OrgField, value: Json) -> Result<Json, String> {
    let text = match value {
        Json::String(text) => text,
        other => scalar(&other).ok_or_else(|| "text".to_owned())?,
    };
    match field.length {
        Some(most) if text.chars().count() as u64 > most => Err(format!("text of at most {most} characters")),
        _ => Ok(Json::String(text)),
    }
}

/// A single value counts as a list of it.
fn entries(value: Json) -> Vec<Json> {
    match value {
        Json::Array(entries) => entries,
        one => vec![one],
    }
}

/// The option that is meant: by its value or label, in whatever case.
fn option(field: &OrgField, value: &Json) -> Result<Json, String> {
    let given = scalar(value).unwrap_or_default();
    find(&field.options, &given).map(|it| it.value.clone()).ok_or_else(|| allowed(field, &given))
}

/// The option whose value or label is `given`; the very same first, then in whatever case.
pub(super) fn find<'o>(options: &'o [OrgOption], given: &str) -> Option<&'o OrgOption> {
    let value = |it: &OrgOption| scalar(&it.value).unwrap_or_default();
    let folded = given.trim().to_lowercase();
    options.iter().find(|it| value(it) == given).or_else(|| options.iter().find(|it| it.label == given)).or_else(|| {
        options.iter().find(|it| [value(it), it.label.clone()].iter().any(|it| it.to_lowercase() == folded))
    })
}

/// The allowed values in words, the closest first.
pub(super) fn allowed(field: &OrgField, given: &str) -> String {
    let mut values: Vec<(String, &Json)> =
        field.options.iter().map(|it| (scalar(&it.value).unwrap_or_default(), &it.value)).collect();
    closest_first(given, &mut values, |(text, _)| text);
    words::one_of(&values.into_iter().map(|(_, it)| it).collect::<Vec<_>>())
}

fn number(value: &Json) -> Option<Number> {
    match value {
        Json::Number(number) => Some(number.clone()),
        Json::String(text) => serde_json::from_str::<Number>(text.trim()).ok(),
        _ => None,
    }
}

fn is_whole(number: &Number) -> bool {
    number.is_i64() || number.is_u64()
}

/// The day of a date, or of a date and time on the clock that it was said on.
fn day(value: &Json) -> Option<String> {
    let text = value.as_str()?;
    let day = text.get(..10)?;
    let is_instant = text.len() > 10 && text.parse::<jiff::Timestamp>().is_ok();
    (day.parse::<jiff::civil::Date>().is_ok() && (text.len() == 10 || is_instant)).then(|| day.to_owned())
}
