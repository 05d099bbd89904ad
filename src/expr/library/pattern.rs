//! Regular expressions.

use std::{
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
};

use regex::Regex;

use super::{Call, Entry, Gives, Kind, Outcome, filter, required};
use crate::expr::types::Type;

pub(super) const ENTRIES: &[Entry] = &[filter(
    "extract",
    Kind::Text,
    &[required("pattern", Kind::Pattern)],
    "The first part of the text that the regular expression matches, or its first group if it has one; missing if there is none. Without look-around.",
    ("'https://sheets.example.com/d/1AbC/edit#gid=0' | extract('/d/([A-Za-z0-9_-]+)')", r#""1AbC""#),
    extract,
)
.gives(Gives::Of(|_| Type::TEXT.or_undefined()))];

/// How many patterns are kept. They stand in connectors, so there are few; a computed one may be compiled again.
const KEPT: usize = 4096;

/// A pattern takes no more memory than this when it is compiled, whatever it repeats.
const LARGEST: usize = 1 << 20;

fn extract(call: &Call) -> Outcome {
    let pattern = call.text_arg("pattern")?.unwrap_or_default();
    let regex = compiled(&pattern).ok_or_else(|| call.about("`pattern` is not a regular expression"))?;
    let text = call.text()?;
    let found = regex.captures(&text).and_then(|it| it.get(usize::from(regex.captures_len() > 1)));
    Ok(found.map(|it| it.as_str().into()).unwrap_or_default())
}

/// Whether it can be used.
pub(super) fn is_pattern(pattern: &str) -> bool {
    compiled(pattern).is_some()
}

/// Compiled once, when the connector is checked.
fn compiled(pattern: &str) -> Option<Regex> {
    static KNOWN: LazyLock<RwLock<HashMap<String, Regex>>> = LazyLock::new(RwLock::default);
    if let Some(regex) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(pattern) {
        return Some(regex.clone());
    }
    let regex = regex::RegexBuilder::new(pattern).size_limit(LARGEST).build().ok()?;
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() < KEPT {
        known.insert(pattern.to_owned(), regex.clone());
    }
    Some(regex)
}
