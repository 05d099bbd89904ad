//! The committed list of what providers ask for: each line has a section of docs/auth.md that shows it, and a test that holds
//! a provider to it.

use std::{collections::HashSet, fs, path::Path};

use super::bench::snippet;

/// `feature`, section of docs/auth.md, test.
const LIST: &str = include_str!("../../data/auth-coverage.tsv");

/// `quirk`, how many of 1,013 providers need it, and the feature of [`LIST`] that serves it; or the section of the reference for
/// what is no part of signing in; or why it is not there.
const QUIRKS: &str = include_str!("../../data/auth-quirks.tsv");

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

#[test]
fn every_quirk_that_was_counted_is_served_by_a_feature() {
    let reference = include_str!("../../../docs/connector-reference.md");
    let features: HashSet<_> = LIST.lines().skip(1).filter_map(|it| it.split('\t').next()).collect();
    let (mut quirks, mut without) = (HashSet::new(), Vec::new());
    for line in QUIRKS.lines().skip(1) {
        let [quirk, providers, by] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("three columns: {line}") };
        assert!(quirks.insert(quirk) && providers.parse::<u32>().is_ok_and(|it| it > 0), "{line}");
        if let Some(section) = by.strip_prefix("reference: ") {
            assert!(reference.contains(&format!("\n## {section}\n")), "{quirk}: there is no section `{section}`");
        } else if by.starts_with("not: ") {
            without.push(quirk);
        } else {
            assert!(features.contains(by), "{quirk}: there is no feature `{by}`");
        }
    }
    assert_eq!((quirks.len(), &without[..]), (109, &["decompress"][..]));
}
