//! The committed description of the API is what the engine serves, and it holds together.

use std::{fs, path::Path};

use serde_json::Value as Json;

fn document() -> Json {
    serde_json::to_value(closeloop::api::document()).unwrap()
}

/// `UPDATE=1 cargo test --test it openapi` writes it anew.
#[test]
#[allow(clippy::disallowed_methods, reason = "a test may be told to write")]
fn the_committed_document_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let served = format!("{:#}\n", document());
    if std::env::var("UPDATE").is_ok() {
        fs::write(&path, &served).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == served,
        "docs/openapi.json is not what the engine serves; run with UPDATE=1 and read the change"
    );
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_is_described() {
    let document = document();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 20, "{references:?}");
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut ids = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        assert!(path.starts_with("/v1/"), "{path}");
        for (method, operation) in operations.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{method} {path}");
            assert!(
                operation["responses"].as_object().unwrap().keys().any(|it| it.starts_with('2')),
                "{method} {path}"
            );
        }
    }
}

fn collect(value: &Json, into: &mut Vec<String>) {
    match value {
        Json::Object(map) => {
            into.extend(map.get("$ref").and_then(Json::as_str).map(str::to_owned));
            map.values().for_each(|it| collect(it, into));
        }
        Json::Array(list) => list.iter().for_each(|it| collect(it, into)),
        _ => {}
    }
}
