//! Comma-separated values (RFC 4180), as spreadsheets write them: also with semicolons or tabs.

use serde_json::{Map, Value as Json};

use super::FormatError;

/// More cells are refused.
const MAX_CELLS: usize = 200_000;

/// What may stand between cells.
pub const SEPARATORS: &[char] = &[',', ';', '\t'];

/// The rows of a text; empty lines are passed over. Rows may differ in length. Without a `separator` it is the one that
/// the first line has most of.
///
/// # Errors
/// If it has more than 200,000 cells, or is not UTF-8.
pub fn rows(text: &[u8], separator: Option<char>) -> Result<Vec<Vec<String>>, FormatError> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let separator = separator.unwrap_or_else(|| guessed(text));
    let separator =
        u8::try_from(separator).map_err(|_| FormatError::new("CSV", "the separator is no ASCII character"))?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text);
    let (mut rows, mut cells) = (Vec::new(), 0_usize);
    for row in reader.records() {
        let row = row.map_err(|_| FormatError::new("CSV", "the text is not UTF-8"))?;
        cells += row.len();
        if cells > MAX_CELLS {
            return Err(FormatError::new("CSV", "it has more than 200,000 cells"));
        }
        rows.push(row.iter().map(str::to_owned).collect());
    }
    Ok(rows)
}

/// The rows as mappings by the first one's names. A row that is too short has empty text for the rest; columns without a
/// name are left out, and of two with the same name the second.
///
/// # Errors
/// As [`rows`].
pub fn records(text: &[u8]) -> Result<Json, FormatError> {
    let mut rows = rows(text, None)?.into_iter();
    let header: Vec<String> = rows.next().unwrap_or_default().iter().map(|it| it.trim().to_owned()).collect();
    let record = |row: Vec<String>| {
        let mut record = Map::with_capacity(header.len());
        for (at, name) in header.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if !record.contains_key(name) {
                record.insert(name.clone(), Json::from(row.get(at).cloned().unwrap_or_default()));
            }
        }
        Json::Object(record)
    };
    Ok(rows.map(record).collect())
}

/// Rows of text, with CRLF at every line's end.
///
/// # Errors
/// If the separator is none.
pub fn write<'t>(rows: impl Iterator<Item = Vec<String>> + 't, separator: char) -> Result<String, FormatError> {
    let wrong = || FormatError::new("CSV", "the separator is no ASCII character");
    let separator = u8::try_from(separator).map_err(|_| wrong())?;
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .delimiter(separator)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row).map_err(|_| FormatError::new("CSV", "a row can't be written"))?;
    }
    let bytes = writer.into_inner().map_err(|_| FormatError::new("CSV", "it can't be written"))?;
    String::from_utf8(bytes).map_err(|_| FormatError::new("CSV", "it is not text"))
}

/// The separator that the first line has most of, outside of quotes.
fn guessed(text: &[u8]) -> char {
    let mut counts = [0_usize; 3];
    let mut quoted = false;
    for &byte in text {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            byte if !quoted => {
                if let Some(at) = SEPARATORS.iter().position(|it| u32::from(*it) == u32::from(byte)) {
                    counts[at] += 1;
                }
            }
            _ => {}
        }
    }
    let best = (0..counts.len()).rev().max_by_key(|&at| counts[at]).unwrap_or_default();
    SEPARATORS[best]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_spreadsheets_write_is_read() {
        let check = |text: &str, expected: Json| assert_eq!(records(text.as_bytes()).unwrap(), expected, "{text}");
        check("a,b\n1,2\n", json!([{"a": "1", "b": "2"}]));
        check("\u{feff}a;b\r\n\"1;x\";\"say \"\"hi\"\"\nthere\"\r\n", json!([{"a": "1;x", "b": "say \"hi\"\nthere"}]));
        check("a\tb\n1\n\n2\t3\t4\n", json!([{"a": "1", "b": ""}, {"a": "2", "b": "3"}]));
        check(" a ,,a,b\n1,2,3,4\n", json!([{"a": "1", "b": "4"}]));
        check("", json!([]));
        check("a,b\n", json!([]));
        assert!(rows(b"a,\xff\n", None).is_err());
        assert!(rows(",".repeat(MAX_CELLS + 1).as_bytes(), None).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back(table in prop::collection::vec(prop::collection::vec("[^\u{feff}]*", 2..5), 1..5)) {
            for separator in SEPARATORS {
                let text = write(table.iter().cloned(), *separator).expect("written");
                prop_assert_eq!(&rows(text.as_bytes(), Some(*separator)).expect("read"), &table);
            }
        }
    }
}
