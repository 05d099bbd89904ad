//! Tables: rows of cells whose first row names the columns.

use std::collections::HashMap;

use minijinja::{Value, value::ValueKind};

use super::{Call, Entry, Kind, Outcome, call, filter, optional, required};

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
    ),
    filter(
        "align",
        Kind::Mapping,
        &[required("header", Kind::List)],
        "A mapping as the row of a table: `row` has a cell for each name in `header`, null where the mapping has nothing, and `unknown` lists the keys that name no column. Names are the same whatever their case and the space around them.",
        ("{'phone': '+62', 'Notes': 'x'} | align(['Name', 'Phone '])", r#"{"row":[null,"+62"],"unknown":["Notes"]}"#),
        align,
    ),
    filter(
        "column_letter",
        Kind::Integer,
        &[],
        "What a spreadsheet calls the column of that number, from 1 on.",
        ("28 | column_letter", r#""AB""#),
        column_letter,
    ),
];

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
