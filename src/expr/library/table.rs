//! Tables: rows of cells whose first row names the columns.

use std::collections::HashMap;

use indexmap::IndexMap;
use minijinja::{Value, value::ValueKind};

use super::{Call, Entry, Gives, Kind, Outcome, call, filter, optional, required};
use crate::expr::types::Type;
use crate::format::csv;

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "records",
        Kind::List,
        &[optional("header", Kind::List)],
        "Rows of cells as mappings by the names in `header`, without it in the first row. A row that is too short has empty text for the rest; columns without a name are left out, and of two with the same name the second.",
        (
            "[['Name', 'Phone'], ['Ana', 62], ['Budi']] | records",
            r#"[{"Name":"Ana","Phone":62},{"Name":"Budi","Phone":""}]"#,
        ),
        records,
    )
    .gives(Gives::Of(|_| Type::list(Type::MAPPING))),
    filter(
        "align",
        Kind::Mapping,
        &[required("header", Kind::List)],
        "A mapping as the row of a table: `row` has a cell for each name in `header`, null where the mapping has nothing, and `unknown` lists the keys that name no column. Names are the same whatever their case and the space around them.",
        ("{'phone': '+62', 'Notes': 'x'} | align(['Name', 'Phone '])", r#"{"row":[null,"+62"],"unknown":["Notes"]}"#),
        align,
    )
    .gives(Gives::Of(|_| Type::mapping([("row", Type::LIST), ("unknown", Type::list(Type::TEXT))]))),
    filter(
        "from_csv",
        Kind::Text,
        &[optional("separator", SEPARATOR)],
        "The rows of comma-separated text, as lists of text; `| records` names their cells. Without `separator` it is the one that the first line has most of.",
        ("'name;city\nAna;Medan' | from_csv | records", r#"[{"name":"Ana","city":"Medan"}]"#),
        from_csv,
    )
    .gives(Gives::Of(|_| Type::list(Type::list(Type::TEXT)))),
    filter(
        "csv",
        Kind::List,
        &[optional("separator", SEPARATOR)],
        "Rows as comma-separated text. Of mappings the first row is the names of the first one's entries.",
        ("[{'name': 'Ana', 'note': 'a, b'}] | csv", r#""name,note\r\nAna,\"a, b\"\r\n""#),
        csv,
    )
    .gives(Gives::Text),
    filter(
        "find",
        Kind::List,
        &[required("attribute", Kind::Text), required("value", Kind::Any), optional("loose", Kind::Boolean)],
        "The first entry whose attribute is the value; with `loose=true` as text, whatever the case and the space around it.",
        ("[{'name': 'Ana '}, {'name': 'Budi'}] | find('name', 'ana', loose=true)", r#"{"name":"Ana "}"#),
        find,
    )
    .gives(Gives::Entry),
    filter(
        "group_by",
        Kind::List,
        &[required("attribute", Kind::Text)],
        "The entries by what their attribute is as text; those without it are left out.",
        (
            "[{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'y'}, {'a': 3, 'b': 'x'}] | group_by('b')",
            r#"{"x":[{"a":1,"b":"x"},{"a":3,"b":"x"}],"y":[{"a":2,"b":"y"}]}"#,
        ),
        group_by,
    )
    .gives(Gives::Mapping),
    filter(
        "index_by",
        Kind::List,
        &[required("attribute", Kind::Text)],
        "The first entry for each of what their attribute is as text.",
        ("[{'id': 7, 'n': 1}, {'id': 8, 'n': 2}] | index_by('id')", r#"{"7":{"id":7,"n":1},"8":{"id":8,"n":2}}"#),
        index_by,
    )
    .gives(Gives::Mapping),
    filter(
        "column_letter",
        Kind::Integer,
        &[],
        "What a spreadsheet calls the column of that number, from 1 on.",
        ("28 | column_letter", r#""AB""#),
        column_letter,
    )
    .gives(Gives::Text),
];

const SEPARATOR: Kind = Kind::OneOf(&[",", ";", "\t"]);

fn separator(call: &Call) -> Result<Option<char>, String> {
    let Some(text) = call.text_arg("separator")? else { return Ok(None) };
    let known = csv::SEPARATORS.iter().copied().find(|it| text.chars().eq([*it]));
    known.map(Some).ok_or_else(|| call.about("`separator` is a comma, a semicolon or a tab"))
}

fn from_csv(call: &Call) -> Outcome {
    let rows = csv::rows(call.text()?.as_bytes(), separator(call)?).map_err(|error| call.about(&error.why))?;
    Ok(rows.into_iter().map(Value::from_iter).collect())
}

fn csv(call: &Call) -> Outcome {
    let entries = call.list()?;
    let names: Option<Vec<Value>> = match entries.first() {
        Some(first) if first.kind() == ValueKind::Map => Some(first.try_iter().into_iter().flatten().collect()),
        _ => None,
    };
    let header = names.clone();
    let rows = entries.iter().map(|entry| match &names {
        Some(names) => Some(names.iter().map(|it| entry.get_item(it).unwrap_or_default()).collect()),
        None => call::list(entry),
    });
    let rows = header.map(Some).into_iter().chain(rows).map(|cells| {
        let cells = cells.ok_or_else(|| call.about("a row is no list"))?;
        let text = |it: &Value| Ok::<_, String>(call::text(it)?.unwrap_or_default().into_owned());
        cells.iter().map(text).collect::<Result<Vec<_>, _>>()
    });
    let rows = rows.collect::<Result<Vec<Vec<String>>, String>>()?;
    let text = csv::write(rows.into_iter(), separator(call)?.unwrap_or(','));
    Ok(text.map_err(|error| call.about(&error.why))?.into())
}

/// The entries with what their attribute is.
fn with_attribute(call: &Call) -> Result<Vec<(Value, Value)>, String> {
    let attribute = call.text_arg("attribute")?.unwrap_or_default();
    let entries = call.list()?.into_iter();
    Ok(entries.map(|it| (it.get_attr(&attribute).unwrap_or_default(), it)).collect())
}

fn find(call: &Call) -> Outcome {
    let wanted = call.raw("value").cloned().unwrap_or_default();
    let loose = call.boolean_arg("loose")?.unwrap_or_default();
    let folded = |it: &Value| call::text(it).ok().flatten().map(|it| it.trim().to_lowercase());
    let folded_wanted = folded(&wanted);
    let mut entries = with_attribute(call)?.into_iter();
    let found = entries.find(|(value, _)| match loose {
        true => folded_wanted.is_some() && folded(value) == folded_wanted,
        false => *value == wanted,
    });
    Ok(found.map(|(_, entry)| entry).unwrap_or_default())
}

fn grouped(call: &Call) -> Result<IndexMap<String, Vec<Value>>, String> {
    let mut groups = IndexMap::<String, Vec<Value>>::new();
    for (value, entry) in with_attribute(call)? {
        if let Ok(Some(key)) = call::text(&value) {
            groups.entry(key.into_owned()).or_default().push(entry);
        }
    }
    Ok(groups)
}

fn group_by(call: &Call) -> Outcome {
    Ok(Value::from_pairs(grouped(call)?.into_iter().map(|(key, entries)| (key, Value::from(entries)))))
}

fn index_by(call: &Call) -> Outcome {
    let first = |(key, entries): (String, Vec<Value>)| Some((key, entries.into_iter().next()?));
    Ok(Value::from_pairs(grouped(call)?.into_iter().filter_map(first)))
}

fn records(call: &Call) -> Outcome {
    let mut rows = call.list()?.into_iter();
    let header = match call.arg("header") {
        Some(header) => Some(header.clone()),
        None => rows.next(),
    };
    let names = header.map(|it| names(call, &it)).transpose()?.unwrap_or_default();
    rows.map(|row| record(call, &names, &row)).collect()
}

/// One row by the names of its columns.
fn record(call: &Call, names: &[String], row: &Value) -> Outcome {
    let cells = call::list(row).ok_or_else(|| call.about("a row is no list"))?;
    let mut seen = Vec::with_capacity(names.len());
    let mut record = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() || seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let cell = cells.get(at).filter(|it| !it.is_undefined()).cloned();
        record.push((Value::from(name.as_str()), cell.unwrap_or_else(|| Value::from(""))));
    }
    Ok(Value::from_pairs(record))
}

fn align(call: &Call) -> Outcome {
    let header = call.arg("header").cloned().unwrap_or_default();
    let names = names(call, &header)?;
    let mut places = HashMap::with_capacity(names.len());
    for (at, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        places.entry(name.to_lowercase()).or_insert(at);
    }
    let given = Some(&call.input).filter(|it| it.kind() == ValueKind::Map).and_then(|it| it.try_iter().ok());
    let given = given.ok_or_else(|| call.unfit("a mapping"))?;
    let mut row = vec![Value::from(()); names.len()];
    let mut unknown = Vec::new();
    for key in given {
        let value = call.input.get_item(&key).unwrap_or_default();
        match places.get(&key.to_string().trim().to_lowercase()) {
            _ if value.is_undefined() => {}
            Some(at) => row[*at] = value,
            None => unknown.push(key),
        }
    }
    Ok(Value::from_pairs([("row", Value::from(row)), ("unknown", Value::from(unknown))]))
}

/// The names of the columns, without the space around them. A cell that is no text is named as it looks.
fn names(call: &Call, header: &Value) -> Result<Vec<String>, String> {
    let cells = call::list(header).ok_or_else(|| call.about("the header is no list"))?;
    let name = |cell: Value| match call::text(&cell) {
        Ok(name) => Ok(name.unwrap_or_default().trim().to_owned()),
        Err(_) => Err(call.about("a name in the header is neither text nor a number")),
    };
    cells.into_iter().map(name).collect()
}

fn column_letter(call: &Call) -> Outcome {
    let number = call.input.as_i64().filter(|it| *it > 0).ok_or_else(|| call.unfit("a whole number from 1 on"))?;
    let (mut rest, mut letters) = (number.unsigned_abs(), Vec::new());
    while rest > 0 {
        rest -= 1;
        let place = u8::try_from(rest % 26).unwrap_or_default();
        letters.push(char::from(b'A' + place));
        rest /= 26;
    }
    Ok(letters.iter().rev().collect::<String>().into())
}
