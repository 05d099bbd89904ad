//! RFC 9535's own examples, from a data file, and what authors are told.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    diag::{Diagnostics, FileId, Span},
    expr::Path,
};

fn compile(source: &str) -> Result<Path, String> {
    let mut diagnostics = Diagnostics::default();
    let path = Path::compile(source, &|at| Span::new(FileId(0), at.start, at.end), &mut diagnostics);
    path.ok_or_else(|| {
        let it = &diagnostics.sorted()[0];
        format!("{} `{}`: {}", it.code, &source[it.span.start..it.span.end], it.message)
    })
}

#[derive(Deserialize)]
struct Section {
    section: String,
    document: Json,
    cases: Vec<Case>,
}

/// With neither `values` nor `value`, a singular path that finds nothing.
#[derive(Deserialize)]
struct Case {
    path: String,
    values: Option<Vec<Json>>,
    #[serde(default, deserialize_with = "present")]
    value: Option<Json>,
    /// Whether a filter takes the only entry.
    matches: Option<bool>,
    #[serde(default)]
    refused: bool,
}

/// Null is a value here.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(from).map(Some)
}

#[test]
fn the_examples_of_the_rfc() {
    let sections: Vec<Section> = serde_json::from_str(include_str!("rfc9535.json")).expect("the cases are JSON");
    let mut wrong = Vec::new();
    for Section { section, document, cases } in sections {
        for case in cases {
            let found = compile(&case.path);
            if case.refused != found.is_err() {
                wrong.push(format!("{section} {}: {:?}", case.path, found.err()));
                continue;
            }
            let Ok(path) = found else { continue };
            let found = path.eval(&document).expect("the path can be evaluated");
            let expected = match (case.values, case.value, case.matches) {
                (Some(values), _, _) => Some(Json::Array(values)),
                (_, _, Some(true)) => Some(document.clone()),
                (_, _, Some(false)) => Some(json!([])),
                (_, value, _) => value,
            };
            if found != expected {
                wrong.push(format!("{section} {}: {found:?} instead of {expected:?}", case.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_paths_of_names_and_indexes_are_singular() {
    for (source, singular) in
        [("$", true), ("$.a['b'][-1]", true), ("$.a[*]", false), ("$.a[0:1]", false), ("$..a", false)]
    {
        assert_eq!(compile(source).map(|it| it.singular), Ok(singular), "{source}");
    }
}

#[test]
fn values_are_shared_with_the_document() {
    let document = json!({"a": [{"b": 1}, {"b": 2}]});
    let path = compile("$.a[*].b").expect("a path");
    assert_eq!(path.all(&document), Ok(vec![&json!(1), &json!(2)]));
    assert_eq!(path.one(&document), Ok(Some(&json!(1))));
    let path = compile("$.a[?@.b > 1].b").expect("a path");
    let found = path.one(&document).expect("evaluates").expect("finds");
    assert!(std::ptr::eq(found, &raw const document["a"][1]["b"]));
}

#[test]
fn mistakes_are_told_at_their_place() {
    for (source, expected) in [
        ("$.items[", "C309 `$.items[`: this path breaks off"),
        ("$.items[*].@id", "C309 `@id`: this is not a JSONPath from here on"),
        (
            "$.items[?@[?@.a]]",
            "C310 `$.items[?@[?@.a]]`: a filter can't stand inside a filter; use two steps, or `each` with `when`",
        ),
    ] {
        assert_eq!(compile(source).err().as_deref(), Some(expected), "{source}");
    }
    let long = format!("$.{}", "a".repeat(600));
    assert!(compile(&long).err().is_some_and(|it| it.ends_with("longer than 512 bytes")));
    compile(&format!("${}", "[0]".repeat(150))).expect("long, not deep");
    assert!(compile(&format!("$[?{}@.a{}]", "(".repeat(200), ")".repeat(200))).is_err());
}
