//! Numbers and booleans.

use minijinja::Value;

use super::{Call, Entry, Given, Gives, Kind, Outcome, filter, optional};
use crate::expr::types::{Kinds, Type};

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "int",
        Kind::Any,
        &[optional("default", Kind::Integer)],
        "A whole number from a number (cut off) or text; `default` if it is none.",
        ("'30' | int", "30"),
        int,
    )
    .gives(Gives::Of(|it| read_as(it, Type::INTEGER)))
    .on(Kinds::SCALAR)
    .idle_on(Kinds::INTEGER),
    filter(
        "float",
        Kind::Any,
        &[optional("default", Kind::Number)],
        "A number from a number or text; `default` if it is none.",
        ("'1.5' | float", "1.5"),
        float,
    )
    .gives(Gives::Of(|it| read_as(it, Type::NUMBER)))
    .on(Kinds::SCALAR),
    filter("bool", Kind::Any, &[], "Whether it is true, not empty and not zero.", ("[] | bool", "false"), bool)
        .gives(Gives::Boolean)
        .idle_on(Kinds::BOOLEAN),
    filter("abs", Kind::Number, &[], "Without its sign.", ("-5 | abs", "5"), abs).gives(Gives::Same).on(Kinds::NUMBER),
    filter(
        "round",
        Kind::Number,
        &[optional("digits", Kind::Integer)],
        "Rounded to a whole number, or to so many digits after the point.",
        ("2.345 | round(2)", "2.35"),
        round,
    )
    .gives(Gives::Of(|it| if it.arg(0).is_some() { Type::NUMBER } else { Type::INTEGER }))
    .on(Kinds::NUMBER)
    .idle_on(Kinds::INTEGER),
];

fn int(call: &Call) -> Outcome {
    let value = &call.input;
    let found = match value.as_str() {
        Some(text) => text.trim().parse::<i64>().ok(),
        None if value.is_integer() => return Ok(value.clone()),
        None => f64::try_from(value.clone()).ok().and_then(whole),
    };
    or_default(call, found.map(Value::from))
}

/// The number without its fraction, if it fits 64 bits.
fn whole(number: f64) -> Option<i64> {
    // 2^63 is exactly a float; i64::MAX isn't.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is to be cut off, and the range is checked")]
    (number.is_finite() && (-LIMIT..LIMIT).contains(&number)).then_some(number as i64)
}

fn float(call: &Call) -> Outcome {
    let value = &call.input;
    let found = match value.as_str() {
        Some(text) => text.trim().parse::<f64>().ok().filter(|it| it.is_finite()),
        None => f64::try_from(value.clone()).ok(),
    };
    or_default(call, found.map(Value::from))
}

/// What was found, else the default; a missing value without default stays missing.
fn or_default(call: &Call, found: Option<Value>) -> Outcome {
    let missing = || (call.input.is_undefined() || call.input.is_none()).then(|| call.input.clone());
    found.or_else(|| call.arg("default").cloned()).or_else(missing).ok_or_else(|| call.unfit("a number"))
}

fn number(call: &Call) -> Result<f64, String> {
    let number = Some(&call.input).filter(|it| it.is_number()).and_then(|it| f64::try_from(it.clone()).ok());
    number.ok_or_else(|| call.unfit("a number"))
}

fn abs(call: &Call) -> Outcome {
    let number = number(call)?;
    if !call.input.is_integer() {
        return Ok(number.abs().into());
    }
    let number = i128::try_from(call.input.clone()).map_err(|_| call.unfit("a number of 64 bits"))?;
    Ok(number.abs().into())
}

fn round(call: &Call) -> Outcome {
    let number = number(call)?;
    if call.input.is_integer() {
        return Ok(call.input.clone());
    }
    match call.integer_arg("digits")? {
        None => whole(number.round()).map(Value::from).ok_or_else(|| call.about("the number has more than 64 bits")),
        Some(digits @ 0..=15) => {
            let factor = 10_f64.powi(i32::try_from(digits).unwrap_or_default());
            let rounded = (number * factor).round() / factor;
            Ok(if rounded.is_finite() { rounded } else { number }.into())
        }
        Some(_) => Err(call.about("`digits` is 0 to 15")),
    }
}

fn bool(call: &Call) -> Outcome {
    Ok(call.input.is_true().into())
}

/// A missing value without default stays missing.
fn read_as(given: &Given<'_>, known: Type) -> Type {
    let missing = given.input.kinds.and(Kinds::ABSENT);
    match given.arg(0) {
        Some(default) => known.or(default.clone()),
        None if given.input.is_any() => known,
        None => known.or(Type::of(missing)),
    }
}
