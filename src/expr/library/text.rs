//! Text.

use minijinja::Value;

use super::{Call, Entry, Gives, Kind, Outcome, filter, optional, required};
use crate::expr::adapter::{self, MAX_TEXT};
use crate::expr::types::Kinds;

pub(super) const ENTRIES: &[Entry] = &[
    filter("upper", Kind::Text, &[], "In capital letters.", ("'idr' | upper", r#""IDR""#), |it| {
        Ok(it.text()?.to_uppercase().into())
    })
    .gives(Gives::Text)
    .idle_on(Kinds::NUMBER),
    filter(
        "lower",
        Kind::Text,
        &[],
        "In small letters.",
        ("'Ana@Example.com' | lower", r#""ana@example.com""#),
        |it| Ok(it.text()?.to_lowercase().into()),
    )
    .gives(Gives::Text)
    .idle_on(Kinds::NUMBER),
    filter("trim", Kind::Text, &[], "Without white space at either end.", ("' Ana ' | trim", r#""Ana""#), |it| {
        Ok(it.text()?.trim().into())
    })
    .gives(Gives::Text)
    .idle_on(Kinds::NUMBER),
    filter(
        "replace",
        Kind::Text,
        &[required("from", Kind::Text), required("to", Kind::Text)],
        "With each `from` replaced by `to`.",
        ("'10:30' | replace(':', '.')", r#""10.30""#),
        replace,
    )
    .gives(Gives::Text),
    filter(
        "split",
        Kind::Text,
        &[required("separator", Kind::Text)],
        "The parts between the separators, as a list.",
        ("'a,b' | split(',')", r#"["a","b"]"#),
        split,
    )
    .gives(Gives::Texts),
    filter(
        "truncate",
        Kind::Text,
        &[required("length", Kind::Integer)],
        "At most so many characters; the rest is cut off.",
        ("'Consultation' | truncate(7)", r#""Consult""#),
        truncate,
    )
    .gives(Gives::Text),
    filter(
        "pad_left",
        Kind::Text,
        &[required("length", Kind::Integer), optional("with", Kind::Text)],
        "Filled up to so many characters with spaces, or `with`, at the left.",
        ("7 | pad_left(3, '0')", r#""007""#),
        pad_left,
    )
    .gives(Gives::Text),
    filter("digits", Kind::Text, &[], "Only its digits 0 to 9.", ("'+62 812-3456' | digits", r#""628123456""#), |it| {
        Ok(it.text()?.chars().filter(char::is_ascii_digit).collect::<String>().into())
    })
    .gives(Gives::Text),
    filter(
        "one_line",
        Kind::Text,
        &[],
        "On one line: white space and control characters become single spaces.",
        ("'a\\n  b' | one_line", r#""a b""#),
        one_line,
    )
    .gives(Gives::Text)
    .idle_on(Kinds::NUMBER),
    filter(
        "slug",
        Kind::Text,
        &[],
        "Small letters and digits, anything else becomes a dash.",
        ("'Intro call (30 min)' | slug", r#""intro-call-30-min""#),
        slug,
    )
    .gives(Gives::Text),
    filter(
        "words",
        Kind::Text,
        &[],
        "Only its words, with single spaces: letters, digits and the signs `@ . _ - + '` inside of them. What is left can be looked for in any search.",
        ("'Re: \"Intro\" (Ana)' | words", r#""Re Intro Ana""#),
        words,
    )
    .gives(Gives::Text),
    filter(
        "string",
        Kind::Any,
        &[],
        "As text: `true`, digits without exponent, null and missing as empty text.",
        ("15 | string", r#""15""#),
        |it| Ok(adapter::text(&it.input)?.unwrap_or_default().into()),
    )
    .gives(Gives::Text)
    .on(Kinds::SCALAR)
    .idle_on(Kinds::TEXT),
    filter(
        "join",
        Kind::List,
        &[optional("separator", Kind::Text)],
        "The entries as text, with the separator between them; missing ones are left out.",
        ("['a', 1] | join(', ')", r#""a, 1""#),
        join,
    )
    .gives(Gives::Text),
    filter(
        "raw",
        Kind::Any,
        &[],
        "As it is, without escaping, in `xml`, `ics` and queries. Only at the end of a placeholder.",
        ("'<b>' | raw", r#""<b>""#),
        |it| Ok(it.input.clone()),
    )
    .gives(Gives::Same),
];

fn replace(call: &Call) -> Outcome {
    let text = call.text()?;
    let from = call.text_arg("from")?.unwrap_or_default();
    let to = call.text_arg("to")?.unwrap_or_default();
    if from.is_empty() {
        return Err("`replace` cannot look for empty text".into());
    }
    limited(text.len().saturating_add(text.matches(&*from).count().saturating_mul(to.len())))?;
    Ok(text.replace(&*from, &to).into())
}

fn split(call: &Call) -> Outcome {
    let separator = call.text_arg("separator")?.unwrap_or_default();
    if separator.is_empty() {
        return Err("`split` needs a separator that isn't empty".into());
    }
    Ok(call.text()?.split(&*separator).map(Value::from).collect())
}

fn truncate(call: &Call) -> Outcome {
    let length = usize::try_from(call.integer_arg("length")?.unwrap_or_default()).unwrap_or_default();
    let text = call.text()?;
    Ok(text.chars().take(length).collect::<String>().trim_end().into())
}

fn pad_left(call: &Call) -> Outcome {
    let length = call.integer_arg("length")?.unwrap_or_default();
    let length = usize::try_from(length).ok().filter(|it| *it <= 1000).ok_or("`length` of `pad_left` is 0 to 1000")?;
    let with = call.text_arg("with")?.unwrap_or(" ".into());
    let mut with = with.chars();
    let (Some(with), None) = (with.next(), with.next()) else {
        return Err("`with` of `pad_left` is one character".into());
    };
    let text = call.text()?;
    let missing = length.saturating_sub(text.chars().count());
    Ok(std::iter::repeat_n(with, missing).chain(text.chars()).collect::<String>().into())
}

fn one_line(call: &Call) -> Outcome {
    let text = call.text()?;
    let words = text.split(|it: char| it.is_whitespace() || it.is_control()).filter(|it| !it.is_empty());
    Ok(words.collect::<Vec<_>>().join(" ").into())
}

fn slug(call: &Call) -> Outcome {
    let text = call.text()?.to_lowercase();
    let words = text.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty());
    Ok(words.collect::<Vec<_>>().join("-").into())
}

fn words(call: &Call) -> Outcome {
    const JOINTS: &[char] = &['@', '.', '_', '-', '+', '\''];
    let text = call.text()?;
    let words = text.split(|it: char| !it.is_alphanumeric() && !JOINTS.contains(&it));
    let words = words.map(|it| it.trim_matches(JOINTS)).filter(|it| !it.is_empty());
    Ok(words.collect::<Vec<_>>().join(" ").into())
}

fn join(call: &Call) -> Outcome {
    let separator = call.text_arg("separator")?.unwrap_or_default();
    let mut joined = String::new();
    let mut first = true;
    for entry in call.list()? {
        let Some(text) = adapter::text(&entry).map_err(|_| "`join` can join text, numbers and booleans only")? else {
            continue;
        };
        if !first {
            joined.push_str(&separator);
        }
        first = false;
        limited(joined.len() + text.len())?;
        joined.push_str(&text);
    }
    Ok(joined.into())
}

fn limited(length: usize) -> Result<(), String> {
    if length > MAX_TEXT { Err("it gives too much text".into()) } else { Ok(()) }
}
