//! Numbers and booleans.

use minijinja::{Value, filters};

use super::{Call, Entry, Kind, Outcome, Role, Run, optional};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        takes: Kind::Any,
        ..filter(
            "int",
            &[optional("default", Kind::Integer)],
            "A whole number from a number (cut off) or text; `default` if it is none.",
            ("'30' | int", "30"),
            Run::Own(int),
        )
    },
    Entry {
        takes: Kind::Any,
        ..filter(
            "float",
            &[optional("default", Kind::Number)],
            "A number from a number or text; `default` if it is none.",
            ("'1.5' | float", "1.5"),
            Run::Own(float),
        )
    },
    Entry {
        takes: Kind::Any,
        ..filter("bool", &[], "Whether it is true, not empty and not zero.", ("[] | bool", "false"), Run::Own(bool))
    },
    filter(
        "abs",
        &[],
        "Without its sign.",
        ("-5 | abs", "5"),
        Run::Builtin(|it, name| it.add_filter(name, filters::abs)),
    ),
    filter(
        "round",
        &[optional("precision", Kind::Integer)],
        "Rounded to so many digits after the point, none if not given.",
        ("2.345 | round(2)", "2.35"),
        Run::Builtin(|it, name| it.add_filter(name, filters::round)),
    ),
];

const fn filter(
    name: &'static str,
    params: &'static [super::Param],
    doc: &'static str,
    example: (&'static str, &'static str),
    run: Run,
) -> Entry {
    Entry { name, role: Role::Filter, takes: Kind::Number, params, doc, example, run }
}

fn int(call: &Call<'_>) -> Outcome {
    let value = &call.input;
    let found = match value.as_str() {
        Some(text) => text.trim().parse::<i64>().ok(),
        None if value.is_integer() => return Ok(value.clone()),
        None => f64::try_from(value.clone()).ok().and_then(whole),
    };
    found.map(Value::from).or_else(|| call.arg("default").cloned()).ok_or_else(|| call.unfit("a number"))
}

/// The number without its fraction, if it fits 64 bits.
fn whole(number: f64) -> Option<i64> {
    // 2^63 is exactly a float; i64::MAX isn't.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is to be cut off, and the range is checked")]
    (number.is_finite() && (-LIMIT..LIMIT).contains(&number)).then_some(number as i64)
}

fn float(call: &Call<'_>) -> Outcome {
    let value = &call.input;
    let found = match value.as_str() {
        Some(text) => text.trim().parse::<f64>().ok().filter(|it| it.is_finite()),
        None => f64::try_from(value.clone()).ok(),
    };
    found.map(Value::from).or_else(|| call.arg("default").cloned()).ok_or_else(|| call.unfit("a number"))
}

fn bool(call: &Call<'_>) -> Outcome {
    Ok(call.input.is_true().into())
}
