//! The compliance suite of RFC 9535.

use std::{collections::BTreeMap, fs};

use closeloop::{
    diag::{Diagnostics, Sources, Span},
    expr::Path,
};
use serde_json::Value as Json;

use super::only_differs_as_written;
use crate::harness::npm;

/// A package that carries the suite.
const SUITE: (&str, &str) = ("jsonpath-rfc9535", "1.3.0");

#[test]
fn a_path_means_what_the_rfc_says_or_is_refused() {
    let file = npm::package(SUITE.0, SUITE.1).join("src/__tests__/jsonpath-compliance-test-suite/cts.json");
    let suite: Json = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let cases = suite["tests"].as_array().unwrap();
    assert!(cases.len() >= 680, "the suite has {} cases", cases.len());
    let (mut right, mut differs) = (0, BTreeMap::new());
    for case in cases {
        match difference(case) {
            None => right += 1,
            Some(how) => _ = differs.insert(case["selector"].to_string(), how),
        }
    }
    println!("{right} of {} cases as the RFC says, {} refused", cases.len(), differs.len());
    only_differs_as_written(
        "jsonpath.tsv",
        "Paths of the RFC 9535 suite that are refused though they are right, and why. None gives anything else than the RFC says.",
        &differs,
    );
}

/// How a case differs: refused, with the sentence of the mistake.
///
/// # Panics
/// If the path gives something else than the suite says, or is taken though it is wrong: that may never be.
fn difference(case: &Json) -> Option<String> {
    let source = case["selector"].as_str().unwrap();
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let file = sources.add("path", source);
    let path = Path::compile(source, &|it| Span::new(file, it.start, it.end), &mut diagnostics);
    let refused = diagnostics.iter().next().map(|it| it.message.clone());
    if case["invalid_selector"] == true {
        assert!(refused.is_some(), "{source:?} is taken though it is wrong");
        return None;
    }
    if let Some(why) = refused {
        return Some(why);
    }
    let path = path.unwrap();
    let found: Vec<Json> = path.all(&case["document"]).unwrap().into_iter().cloned().collect();
    let found = Json::Array(found);
    let as_it_says = match case.get("results") {
        Some(any) => any.as_array().unwrap().contains(&found),
        None => case["result"] == found,
    };
    assert!(as_it_says, "{source:?} gives {found}, not {}", case["result"]);
    None
}
