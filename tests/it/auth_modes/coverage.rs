//! The committed list of what providers ask for: each line has a section of docs/auth.md that shows it, and a test that holds
//! a provider to it.

use std::{collections::HashSet, fs, path::Path};

use super::bench::snippet;

/// `feature`, section of docs/auth.md, test.
const LIST: &str = include_str!("../../data/auth-coverage.tsv");

/// All test functions in a folder.
fn tests(folder: &Path, found: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            tests(&entry.path(), found);
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let names = text.split("#[tokio::test").skip(1).filter_map(|it| it.split_once("fn ")?.1.split('(').next());
        found.extend(names.map(str::to_owned));
    }
}

#[test]
fn every_feature_has_a_section_and_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = HashSet::new();
    tests(&root.join("tests/it"), &mut known);
    let mut features = HashSet::new();
    for line in LIST.lines().skip(1) {
        let [feature, section, test] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("three columns: {line}")
        };
        assert!(features.insert(feature), "{feature} is listed twice");
        assert!(!snippet(section).is_empty());
        assert!(known.contains(test), "{feature}: there is no test `{test}`");
    }
    // what was counted among the sign-ins of a thousand providers
    assert!(features.len() >= 75, "{} features", features.len());
}
