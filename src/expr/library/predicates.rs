//! What may stand behind `is`, and be named in `select` and its kin.

use minijinja::{Value, tests};

use super::{Call, Entry, Gives, Kind, Outcome, Param, Role, Run, required};
use crate::expr::types::Kinds;

const OTHER: &[Param] = &[required("other", Kind::Any)];

pub(super) const ENTRIES: &[Entry] = &[
    test(
        "defined",
        &[],
        "It is not missing.",
        ("0 is defined", "true"),
        Run::Own(|it| Ok((!it.input.is_undefined()).into())),
    ),
    test(
        "undefined",
        &[],
        "It is missing.",
        ("[] | first is undefined", "true"),
        Run::Own(|it| Ok(it.input.is_undefined().into())),
    ),
    test("none", &[], "It is null.", ("none is none", "true"), Run::Own(|it| Ok(it.input.is_none().into()))),
    test(
        "string",
        &[],
        "It is text.",
        ("'a' is string", "true"),
        Run::Builtin(|| Value::from_function(tests::is_string)),
    ),
    test(
        "number",
        &[],
        "It is a number.",
        ("1.5 is number", "true"),
        Run::Builtin(|| Value::from_function(tests::is_number)),
    ),
    test(
        "integer",
        &[],
        "It is a whole number.",
        ("1.5 is integer", "false"),
        Run::Builtin(|| Value::from_function(tests::is_integer)),
    ),
    test(
        "boolean",
        &[],
        "It is true or false.",
        ("0 is boolean", "false"),
        Run::Builtin(|| Value::from_function(tests::is_boolean)),
    ),
    test(
        "sequence",
        &[],
        "It is a list.",
        ("[] is sequence", "true"),
        Run::Builtin(|| Value::from_function(tests::is_sequence)),
    ),
    test(
        "mapping",
        &[],
        "It is a mapping.",
        ("{} is mapping", "true"),
        Run::Builtin(|| Value::from_function(tests::is_mapping)),
    ),
    test("true", &[], "It is `true`.", ("true is true", "true"), Run::Builtin(|| Value::from_function(tests::is_true))),
    test(
        "false",
        &[],
        "It is `false`.",
        ("0 is false", "false"),
        Run::Builtin(|| Value::from_function(tests::is_false)),
    ),
    test(
        "eq",
        OTHER,
        "It equals the other.",
        ("1 is eq(1)", "true"),
        Run::Builtin(|| Value::from_function(tests::is_eq)),
    ),
    test("ne", OTHER, "It doesn't.", ("1 is ne(1)", "false"), Run::Builtin(|| Value::from_function(tests::is_ne))),
    test("lt", OTHER, "It is less.", ("1 is lt(2)", "true"), Run::Builtin(|| Value::from_function(tests::is_lt))),
    test(
        "le",
        OTHER,
        "It is less or equal.",
        ("2 is le(2)", "true"),
        Run::Builtin(|| Value::from_function(tests::is_le)),
    ),
    test("gt", OTHER, "It is greater.", ("1 is gt(2)", "false"), Run::Builtin(|| Value::from_function(tests::is_gt))),
    test(
        "ge",
        OTHER,
        "It is greater or equal.",
        ("2 is ge(2)", "true"),
        Run::Builtin(|| Value::from_function(tests::is_ge)),
    ),
    test(
        "in",
        OTHER,
        "The other contains it.",
        ("1 is in([1, 2])", "true"),
        Run::Builtin(|| Value::from_function(tests::is_in)),
    ),
    test(
        "startingwith",
        &[required("prefix", Kind::Text)],
        "It is text that begins so.",
        ("'/v1/x' is startingwith('/v1')", "true"),
        Run::Own(|it| affix(it, "prefix", |text, affix| text.starts_with(affix))),
    ),
    test(
        "endingwith",
        &[required("suffix", Kind::Text)],
        "It is text that ends so.",
        ("'a.ics' is endingwith('.ics')", "true"),
        Run::Own(|it| affix(it, "suffix", |text, affix| text.ends_with(affix))),
    ),
];

const fn test(
    name: &'static str,
    params: &'static [Param],
    doc: &'static str,
    example: (&'static str, &'static str),
    run: Run,
) -> Entry {
    Entry {
        name,
        role: Role::Test,
        takes: Kind::Any,
        params,
        gives: Gives::Boolean,
        on: None,
        idle_on: Kinds::NONE,
        doc,
        example,
        run,
    }
}

fn affix(call: &Call, name: &str, holds: fn(&str, &str) -> bool) -> Outcome {
    let Some(affix) = call.text_arg(name)? else { return Ok(Value::from(false)) };
    Ok(call.input.as_str().is_some_and(|text| holds(text, &affix)).into())
}
