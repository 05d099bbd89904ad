//! Lists and mappings.

use indexmap::IndexMap;
use minijinja::{Value, filters, value::ValueKind};

use super::{Call, Entry, Given, Gives, Kind, Outcome, Param, Role, Run, filter, optional, required};
use crate::expr::types::{Kinds, Members, Type};

const ATTRIBUTE_TEST: &[Param] =
    &[required("attribute", Kind::Text), optional("test", Kind::Test), optional("value", Kind::Any)];
const ANY_TEST: &[Param] = &[optional("test", Kind::Test), optional("value", Kind::Any)];
const SORTED_BY: &[Param] = &[optional("attribute", Kind::Text)];

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "default",
        Kind::Any,
        &[required("otherwise", Kind::Any), optional("falsy", Kind::Boolean)],
        "`otherwise` if it is missing or null; with `falsy=true` also if it is empty, zero or false.",
        ("none | default('-')", r#""-""#),
        default,
    )
    .gives(Gives::Of(defaulted)),
    filter(
        "length",
        Kind::Any,
        &[],
        "How many characters, entries or keys; 0 if missing.",
        ("[1, 2] | length", "2"),
        length,
    )
    .gives(Gives::Integer)
    .on(Kinds::TEXT.or(Kinds::LIST).or(Kinds::MAPPING)),
    filter("first", Kind::List, &[], "The first entry.", ("[1, 2] | first", "1"), |it| {
        Ok(it.list()?.into_iter().next().unwrap_or_default())
    })
    .gives(Gives::Entry),
    filter("last", Kind::List, &[], "The last entry.", ("[1, 2] | last", "2"), |it| {
        Ok(it.list()?.pop().unwrap_or_default())
    })
    .gives(Gives::Entry),
    builtin(
        "map",
        &[optional("filter", Kind::Filter), optional("attribute", Kind::Text), optional("default", Kind::Any)],
        "Each entry's `attribute`, or each entry through a filter.",
        ("[{'id': 1}, {'id': 2}] | map(attribute='id')", "[1,2]"),
        || Value::from_function(filters::map),
    )
    .gives(Gives::Of(mapped)),
    builtin(
        "select",
        ANY_TEST,
        "The entries that are true, or that pass a test.",
        ("[1, 5, 9] | select('gt', 4)", "[5,9]"),
        || Value::from_function(filters::select),
    )
    .gives(Gives::Same),
    builtin("reject", ANY_TEST, "The other entries.", ("[1, 5, 9] | reject('gt', 4)", "[1]"), || {
        Value::from_function(filters::reject)
    })
    .gives(Gives::Same),
    builtin(
        "selectattr",
        ATTRIBUTE_TEST,
        "The entries whose attribute is true, or passes a test.",
        ("[{'a': 1}, {'a': 2}] | selectattr('a', 'eq', 2)", r#"[{"a":2}]"#),
        || Value::from_function(filters::selectattr),
    )
    .gives(Gives::Same),
    builtin(
        "rejectattr",
        ATTRIBUTE_TEST,
        "The other entries.",
        ("[{'a': 1}, {'a': 2}] | rejectattr('a', 'eq', 2)", r#"[{"a":1}]"#),
        || Value::from_function(filters::rejectattr),
    )
    .gives(Gives::Same),
    filter(
        "compact",
        Kind::List,
        &[],
        "Without missing, null and empty entries.",
        ("['a', none, ''] | compact", r#"["a"]"#),
        compact,
    )
    .gives(Gives::Of(|it| Type::list(present(it.input.entry())))),
    builtin("unique", SORTED_BY, "Each entry once.", ("['b', 'a', 'b'] | unique", r#"["b","a"]"#), || {
        Value::from_function(filters::unique)
    })
    .gives(Gives::Same),
    builtin(
        "sort",
        &[optional("reverse", Kind::Boolean), optional("attribute", Kind::Text)],
        "In ascending order, by an attribute if given.",
        ("[3, 1, 2] | sort(reverse=true)", "[3,2,1]"),
        || Value::from_function(filters::sort),
    )
    .gives(Gives::Same),
    filter("reverse", Kind::List, &[], "The other way round.", ("[1, 2] | reverse", "[2,1]"), |it| {
        Ok(it.list()?.into_iter().rev().collect())
    })
    .gives(Gives::Same),
    builtin("min", SORTED_BY, "The smallest entry.", ("[3, 1] | min", "1"), || Value::from_function(filters::min))
        .gives(Gives::Entry),
    builtin("max", SORTED_BY, "The largest entry.", ("[3, 1] | max", "3"), || Value::from_function(filters::max))
        .gives(Gives::Entry),
    builtin("sum", &[], "The entries added up.", ("[1, 2] | sum", "3"), || Value::from_function(filters::sum))
        .gives(Gives::Number),
    filter(
        "items",
        Kind::Mapping,
        &[],
        "A mapping's `[key, value]` pairs.",
        ("{'a': 1} | items", r#"[["a",1]]"#),
        items,
    )
    .gives(Gives::List),
    filter(
        "flatten",
        Kind::List,
        &[],
        "With the entries of lists in their place, one level deep.",
        ("[[1, 2], 3, [[4]]] | flatten", "[1,2,3,[4]]"),
        flatten,
    )
    .gives(Gives::List),
    filter(
        "chunk",
        Kind::List,
        &[required("size", Kind::Integer)],
        "Lists of so many entries each, the last perhaps shorter.",
        ("[1, 2, 3] | chunk(2)", "[[1,2],[3]]"),
        chunk,
    )
    .gives(Gives::Of(|it| Type::list(it.there()))),
    filter(
        "merge",
        Kind::Mapping,
        &[required("more", Kind::Mapping)],
        "With the entries of `more`, which win where both have one; a missing value changes nothing.",
        ("{'a': 1, 'b': 2} | merge({'b': 3})", r#"{"a":1,"b":3}"#),
        merge,
    )
    .gives(Gives::Of(merged)),
    filter(
        "omit",
        Kind::Mapping,
        &[required("names", Kind::List)],
        "Without the entries of these names.",
        ("{'a': 1, 'b': 2} | omit(['b'])", r#"{"a":1}"#),
        omit,
    )
    .gives(Gives::Mapping),
];

/// A filter of minijinja's own, on a list.
const fn builtin(
    name: &'static str,
    params: &'static [Param],
    doc: &'static str,
    example: (&'static str, &'static str),
    run: fn() -> Value,
) -> Entry {
    Entry {
        name,
        role: Role::Filter,
        takes: Kind::List,
        params,
        gives: Gives::Any,
        on: None,
        idle_on: Kinds::NONE,
        doc,
        example,
        run: Run::Builtin(run),
    }
}

fn default(call: &Call) -> Outcome {
    let falsy = call.boolean_arg("falsy")?.unwrap_or_default();
    let missing = call.input.is_undefined() || call.input.is_none() || (falsy && !call.input.is_true());
    Ok(if missing { call.raw("otherwise").cloned().unwrap_or_default() } else { call.input.clone() })
}

fn length(call: &Call) -> Outcome {
    if call.input.is_undefined() || call.input.is_none() {
        return Ok(0.into());
    }
    call.input.len().map(Value::from).ok_or_else(|| call.unfit("text, a list or a mapping"))
}

/// A mapping's entries in their order; `None` if it is none.
fn entries_of(value: &Value) -> Option<impl Iterator<Item = (Value, Value)>> {
    let keys = Some(value).filter(|it| it.kind() == ValueKind::Map)?.try_iter().ok()?;
    Some(keys.map(|key| (key.clone(), value.get_item(&key).unwrap_or_default())))
}

fn items(call: &Call) -> Outcome {
    let entries = entries_of(&call.input).ok_or_else(|| call.unfit("a mapping"))?;
    Ok(entries.map(|(key, value)| Value::from_iter([key, value])).collect())
}

fn flatten(call: &Call) -> Outcome {
    let entries = call.list()?.into_iter();
    Ok(entries.flat_map(|it| super::list(&it).unwrap_or_else(|| vec![it])).collect())
}

fn chunk(call: &Call) -> Outcome {
    let size = usize::try_from(call.integer_arg("size")?.unwrap_or_default()).ok().filter(|it| *it > 0);
    let size = size.ok_or_else(|| call.about("`size` is at least 1"))?;
    Ok(call.list()?.chunks(size).map(|it| Value::from(it.to_vec())).collect())
}

fn merge(call: &Call) -> Outcome {
    let own = entries_of(&call.input).ok_or_else(|| call.unfit("a mapping"))?;
    let more = call.raw("more").and_then(entries_of).ok_or_else(|| call.about("`more` must be a mapping"))?;
    Ok(own.chain(more.filter(|(_, value)| !value.is_undefined())).collect::<IndexMap<_, _>>().into())
}

fn omit(call: &Call) -> Outcome {
    let own = entries_of(&call.input).ok_or_else(|| call.unfit("a mapping"))?;
    let names = call.raw("names").and_then(super::call::list);
    let names = names.ok_or_else(|| call.about("`names` must be a list"))?;
    Ok(own.filter(|(name, _)| !names.contains(name)).collect::<IndexMap<_, _>>().into())
}

fn compact(call: &Call) -> Outcome {
    let empty = |it: &Value| match it.kind() {
        ValueKind::Undefined | ValueKind::None => true,
        ValueKind::Bool | ValueKind::Number => false,
        _ => !it.is_true(),
    };
    Ok(call.list()?.into_iter().filter(|it| !empty(it)).collect())
}

/// What isn't missing, nor null.
fn present(it: Type) -> Type {
    if it.is_any() { it } else { it.without(Kinds::ABSENT) }
}

fn defaulted(given: &Given<'_>) -> Type {
    let otherwise = given.arg(0).cloned().unwrap_or(Type::ANY);
    match given.arg(1) {
        Some(_) => present(given.input.clone()).or(otherwise),
        None if given.input.is_any() || given.input.kinds.has(Kinds::ABSENT) => {
            present(given.input.clone()).or(otherwise)
        }
        None => given.input.clone(),
    }
}

/// `attribute` of each; what a filter makes of it, nobody knows.
fn mapped(given: &Given<'_>) -> Type {
    let attribute = given.arg(1).and_then(Type::constant).filter(|it| !it.contains('.'));
    let each = attribute.and_then(|it| present(given.input.entry()).member(it).ok());
    Type::list(each.unwrap_or(Type::ANY))
}

fn merged(given: &Given<'_>) -> Type {
    let more = given.arg(0).map(|it| present(it.clone()));
    let (Some(own), Some(more)) = (&given.there().members, more.and_then(|it| it.members)) else {
        return Type::MAPPING;
    };
    let kept = own.iter().filter(|(name, _)| more.get(name).is_none());
    let known = kept.chain(more.iter()).map(|(name, it)| (std::sync::Arc::from(name), it.clone()));
    Type::with_members(Members::new(known.collect(), own.is_open() || more.is_open()))
}
