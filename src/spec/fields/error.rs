//! Why a field can't be used, for people and for language models: which, what would be accepted, what came.

use jsonschema::{ValidationError, error::ValidationErrorKind};
use serde_json::Value as Json;

use super::words;
use crate::{base::pointer, diag::did_you_mean};

/// A field that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where, as a JSON Pointer (RFC 6901) into what was given.
    pub path: String,
    /// What would be accepted.
    pub expected: String,
    /// What came, shortened; never the value of a secret.
    pub got: String,
    /// Both as a sentence.
    pub message: String,
}

impl FieldError {
    /// One that no schema found.
    pub fn of(path: &str, expected: &str, got: &str) -> Self {
        Self::new(path.to_owned(), "must be", expected.to_owned(), got.to_owned())
    }

    /// The same, inside of what `outer` points to.
    #[must_use]
    pub fn inside(mut self, outer: &str) -> Self {
        self.path.insert_str(0, outer);
        self
    }

    fn new(path: String, verb: &str, expected: String, got: String) -> Self {
        let message = format!("{} {verb} {expected}, not {got}", called(&path));
        Self { path, expected, got, message }
    }
}

/// A field as one would call it: `` `start` ``, `` `guests[0].email` ``.
fn called(path: &str) -> String {
    let mut name = String::new();
    for part in path.split('/').skip(1) {
        let part = pointer::key(part);
        if part.bytes().all(|it| it.is_ascii_digit()) {
            name.push_str(&format!("[{part}]"));
        } else {
            name.push_str(if name.is_empty() { "" } else { "." });
            name.push_str(&part);
        }
    }
    if name.is_empty() { "what was given".to_owned() } else { format!("`{name}`") }
}

/// One error of the validator, in words.
pub(super) fn explain(schema: &Json, error: &ValidationError<'_>) -> FieldError {
    let path = error.instance_path().to_string();
    let keyword = error.schema_path().to_string();
    // The schema of the place: what the failed keyword stands in.
    let place = keyword.rsplit_once('/').and_then(|(parent, _)| schema.pointer(parent)).unwrap_or(schema);
    let value = error.instance();
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            let path = format!("{path}/{}", pointer::token(property));
            let expected = words::accepted(&place["properties"][property]);
            let message = format!("{} is missing; it must be {expected}", called(&path));
            FieldError { path, expected, got: "nothing".to_owned(), message }
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => unknown(place, &path, unexpected),
        ValidationErrorKind::Enum { .. } => {
            let values = closest(place, value);
            FieldError::new(path, "must be", words::one_of(&values), got(place, value))
        }
        ValidationErrorKind::UniqueItems => {
            let expected = "entries that differ from each other".to_owned();
            FieldError::new(path, "must have", expected, "the same twice".to_owned())
        }
        _ => FieldError::new(path, "must be", words::accepted(place), got(place, value)),
    }
}

fn got(schema: &Json, value: &Json) -> String {
    if schema["writeOnly"] == true { words::kind(value).to_owned() } else { words::shown(value) }
}

fn unknown(schema: &Json, path: &str, unexpected: &[String]) -> FieldError {
    let name = unexpected.first().map(String::as_str).unwrap_or_default();
    let path = format!("{path}/{}", pointer::token(name));
    let known: Vec<_> = schema["properties"].as_object().into_iter().flatten().map(|(it, _)| it.as_str()).collect();
    let expected = match did_you_mean(name, known.iter().copied()) {
        Some(near) => format!("`{near}`"),
        None if known.is_empty() => "no fields".to_owned(),
        None => known.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", "),
    };
    let message = match did_you_mean(name, known.iter().copied()) {
        Some(near) => format!("there is no field {}; did you mean `{near}`?", called(&path)),
        None => format!("there is no field {}; there are {expected}", called(&path)),
    };
    FieldError { got: format!("`{name}`"), path, expected, message }
}

/// The allowed values, the most similar first.
fn closest<'a>(schema: &'a Json, value: &Json) -> Vec<&'a Json> {
    let mut values: Vec<_> = schema["enum"].as_array().into_iter().flatten().collect();
    let given = plain(value);
    let near = did_you_mean_any(&given, &values);
    values.sort_by_key(|it| (Some(plain(it)) != near, !plain(it).contains(&given)));
    values
}

fn did_you_mean_any(given: &str, values: &[&Json]) -> Option<String> {
    let texts: Vec<_> = values.iter().map(|it| plain(it)).collect();
    did_you_mean(given, texts.iter().map(String::as_str)).map(str::to_owned)
}

/// For comparing: text without case, anything else as JSON.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_lowercase)
}

/// Errors in the order of the fields, one for each place: the validator goes by keyword.
pub(super) fn in_order(schema: &Json, mut errors: Vec<FieldError>) -> Vec<FieldError> {
    let names: Vec<_> =
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| pointer::token(name)).collect();
    let position = |error: &FieldError| {
        let name = error.path.split('/').nth(1).unwrap_or_default();
        names.iter().position(|it| it == name).unwrap_or(names.len())
    };
    errors.sort_by_key(position);
    let mut seen = std::collections::HashSet::new();
    errors.retain(|it| seen.insert(it.path.clone()));
    errors
}
