//! Lists and mappings.

use minijinja::{Value, filters, value::ValueKind};

use super::{Call, Entry, Kind, Outcome, Role, Run, optional, required};

const ATTRIBUTE_TEST: &[super::Param] =
    &[required("attribute", Kind::Text), optional("test", Kind::Test), optional("value", Kind::Any)];
const ANY_TEST: &[super::Param] = &[optional("test", Kind::Test), optional("value", Kind::Any)];
const SORTED_BY: &[super::Param] = &[optional("attribute", Kind::Text)];

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        takes: Kind::Any,
        ..filter(
            "default",
            &[required("otherwise", Kind::Any), optional("falsy", Kind::Boolean)],
            "`otherwise` if it is missing or null; with `falsy=true` also if it is empty, zero or false.",
            ("none | default('-')", r#""-""#),
            Run::Own(default),
        )
    },
    Entry {
        takes: Kind::Any,
        ..filter(
            "length",
            &[],
            "How many characters, entries or keys; 0 if missing.",
            ("[1, 2] | length", "2"),
            Run::Own(length),
        )
    },
    filter(
        "first",
        &[],
        "The first entry.",
        ("[1, 2] | first", "1"),
        Run::Own(|it| Ok(it.list()?.into_iter().next().unwrap_or_default())),
    ),
    filter(
        "last",
        &[],
        "The last entry.",
        ("[1, 2] | last", "2"),
        Run::Own(|it| Ok(it.list()?.pop().unwrap_or_default())),
    ),
    filter(
        "map",
        &[optional("filter", Kind::Filter), optional("attribute", Kind::Text), optional("default", Kind::Any)],
        "Each entry's `attribute`, or each entry through a filter.",
        ("[{'id': 1}, {'id': 2}] | map(attribute='id')", "[1,2]"),
        Run::Builtin(|| Value::from_function(filters::map)),
    ),
    filter(
        "select",
        ANY_TEST,
        "The entries that are true, or that pass a test.",
        ("[1, 5, 9] | select('gt', 4)", "[5,9]"),
        Run::Builtin(|| Value::from_function(filters::select)),
    ),
    filter(
        "reject",
        ANY_TEST,
        "The other entries.",
        ("[1, 5, 9] | reject('gt', 4)", "[1]"),
        Run::Builtin(|| Value::from_function(filters::reject)),
    ),
    filter(
        "selectattr",
        ATTRIBUTE_TEST,
        "The entries whose attribute is true, or passes a test.",
        ("[{'a': 1}, {'a': 2}] | selectattr('a', 'eq', 2)", r#"[{"a":2}]"#),
        Run::Builtin(|| Value::from_function(filters::selectattr)),
    ),
    filter(
        "rejectattr",
        ATTRIBUTE_TEST,
        "The other entries.",
        ("[{'a': 1}, {'a': 2}] | rejectattr('a', 'eq', 2)", r#"[{"a":1}]"#),
        Run::Builtin(|| Value::from_function(filters::rejectattr)),
    ),
    filter(
        "compact",
        &[],
        "Without missing, null and empty entries.",
        ("['a', none, ''] | compact", r#"["a"]"#),
        Run::Own(compact),
    ),
    filter(
        "unique",
        SORTED_BY,
        "Each entry once.",
        ("['b', 'a', 'b'] | unique", r#"["b","a"]"#),
        Run::Builtin(|| Value::from_function(filters::unique)),
    ),
    filter(
        "sort",
        &[optional("reverse", Kind::Boolean), optional("attribute", Kind::Text)],
        "In ascending order, by an attribute if given.",
        ("[3, 1, 2] | sort(reverse=true)", "[3,2,1]"),
        Run::Builtin(|| Value::from_function(filters::sort)),
    ),
    filter(
        "reverse",
        &[],
        "The other way round.",
        ("[1, 2] | reverse", "[2,1]"),
        Run::Own(|it| Ok(it.list()?.into_iter().rev().collect())),
    ),
    filter(
        "min",
        SORTED_BY,
        "The smallest entry.",
        ("[3, 1] | min", "1"),
        Run::Builtin(|| Value::from_function(filters::min)),
    ),
    filter(
        "max",
        SORTED_BY,
        "The largest entry.",
        ("[3, 1] | max", "3"),
        Run::Builtin(|| Value::from_function(filters::max)),
    ),
    filter(
        "sum",
        &[],
        "The entries added up.",
        ("[1, 2] | sum", "3"),
        Run::Builtin(|| Value::from_function(filters::sum)),
    ),
    Entry {
        takes: Kind::Mapping,
        ..filter(
            "items",
            &[],
            "A mapping's `[key, value]` pairs.",
            ("{'a': 1} | items", r#"[["a",1]]"#),
            Run::Own(items),
        )
    },
];

const fn filter(
    name: &'static str,
    params: &'static [super::Param],
    doc: &'static str,
    example: (&'static str, &'static str),
    run: Run,
) -> Entry {
    Entry { name, role: Role::Filter, takes: Kind::List, params, doc, example, run }
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

fn items(call: &Call) -> Outcome {
    let keys = Some(&call.input).filter(|it| it.kind() == ValueKind::Map).and_then(|it| it.try_iter().ok());
    let keys = keys.ok_or_else(|| call.unfit("a mapping"))?;
    Ok(keys.map(|key| Value::from_iter([key.clone(), call.input.get_item(&key).unwrap_or_default()])).collect())
}

fn compact(call: &Call) -> Outcome {
    let empty = |it: &Value| match it.kind() {
        ValueKind::Undefined | ValueKind::None => true,
        ValueKind::Bool | ValueKind::Number => false,
        _ => !it.is_true(),
    };
    Ok(call.list()?.into_iter().filter(|it| !empty(it)).collect())
}
