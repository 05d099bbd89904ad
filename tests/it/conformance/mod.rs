//! What others test their readers of YAML and JSONPath with. The suites come from the package index; where this engine differs on
//! purpose is written down in `tests/data/conformance/`, case by case, and nothing else may differ.
//!
//! `UPDATE=1` writes the lists anew; look at what changed.

use std::{collections::BTreeMap, fs, path::Path};

mod jsonpath;
mod yaml;

/// Compares how cases differ from the suite, by their names, with what is written down about them.
fn only_differs_as_written(file: &str, about: &str, differs: &BTreeMap<String, String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/conformance").join(file);
    let lines: String = differs.iter().map(|(name, how)| format!("{name}\t{how}\n")).collect();
    let text = format!("# {about}\n{lines}");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "{file} says\n{written}\nbut it is\n{text}");
}
