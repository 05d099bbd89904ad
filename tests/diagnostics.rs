//! Every mistake that an author can make, and exactly what is said about it.
//!
//! A case in `tests/diagnostics` is one file, the `connector.yaml` of a directory `example`, or a folder as `connectors/`
//! is one. Beside it stands the text that must come out: `<case>.txt`. To write it anew, run with `UPDATE=1` and read
//! the difference. A case shows one mistake, or a few of one kind.

// Whatever fails here fails the test.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use closeloop::{
    catalog,
    diag::{Diagnostics, Sources, codes, render},
    spec::{self, AccountFile, ConnectorFiles},
    yaml,
};

/// Files of one case: path inside the folder of connectors → bytes.
type Files = BTreeMap<String, Vec<u8>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics")
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// A connector that is one file stands alone: its cases come from here.
fn alone(connector: Vec<u8>) -> Files {
    let tests = fs::read(root().join("_tests.yaml")).unwrap();
    Files::from([("example/connector.yaml".to_owned(), connector), ("example/tests.yaml".to_owned(), tests)])
}

/// Mistakes that are too large, or no text, to be kept as files.
fn generated() -> BTreeMap<String, Files> {
    let valid = fs::read_to_string(root().join("short_description.yaml")).unwrap();
    let latin1 = valid.replace("Example", "Caf\u{e9}").chars().map(|it| u8::try_from(u32::from(it)).unwrap()).collect();
    let numbers = format!("values: [{}]\n", "1, ".repeat(200_000));
    BTreeMap::from([
        ("generated_not_utf8".to_owned(), alone(latin1)),
        ("generated_too_many_values".to_owned(), alone(numbers.into_bytes())),
        ("generated_too_large".to_owned(), alone(vec![b'#'; 2 * 1024 * 1024])),
    ])
}

/// All cases by name.
fn cases() -> BTreeMap<String, Files> {
    let mut cases = generated();
    for path in entries(&root()).into_iter().filter(|it| !name(it).starts_with('_')) {
        if path.is_dir() {
            let mut files = Files::new();
            for directory in entries(&path) {
                for file in entries(&directory) {
                    files.insert(format!("{}/{}", name(&directory), name(&file)), fs::read(&file).unwrap());
                }
            }
            cases.insert(name(&path), files);
        } else if let Some(case) = name(&path).strip_suffix(".yaml") {
            cases.insert(case.to_owned(), alone(fs::read(&path).unwrap()));
        }
    }
    cases
}

/// What an author sees.
fn check(files: &Files) -> String {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let mut take = |path: &str| yaml::read(&mut sources, path, files.get(path)?, &mut diagnostics);
    let mut accounts = Vec::new();
    let mut connectors = Vec::new();
    for path in files.keys() {
        let (directory, file) = path.split_once('/').unwrap();
        if directory == "_accounts" {
            let stem = file.strip_suffix(".yaml").unwrap().to_owned();
            accounts.extend(take(path).map(|file| AccountFile { stem, file }));
        } else if file == "connector.yaml"
            && let Some(connector) = take(path)
        {
            let tests = take(&format!("{directory}/tests.yaml"));
            connectors.push(ConnectorFiles { directory: directory.to_owned(), connector, tests, logo: None });
        }
    }
    spec::load(&connectors, &accounts, &sources, &mut diagnostics);
    let found = diagnostics.sorted();
    format!("{}{}\n", render::text(&sources, &found, false), render::summary(&found).unwrap_or_default())
}

fn is_updating() -> bool {
    std::env::var_os("UPDATE").is_some()
}

#[test]
fn every_mistake_is_explained_as_agreed() {
    let mut wrong = Vec::new();
    for (case, files) in cases() {
        let path = root().join(&case).with_extension("txt");
        let shown = check(&files);
        if is_updating() {
            fs::write(&path, &shown).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected != shown {
            wrong.push(format!("{case}\n--- expected\n{expected}--- shown\n{shown}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases differ; run with UPDATE=1 and read the difference\n\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_text_belongs_to_a_case_and_every_case_has_a_mistake() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    for path in entries(&root()).iter().filter(|it| name(it).ends_with(".txt")) {
        let case = name(path);
        let case = case.strip_suffix(".txt").unwrap();
        assert!(cases.contains_key(case), "{case}.txt is of no case");
    }
    for (case, files) in cases {
        assert!(check(&files).contains("[C"), "{case} shows nothing");
    }
}

#[test]
fn a_line_that_is_left_out_panics_nowhere() {
    for files in cases().into_values() {
        let Some(text) = files.get("example/connector.yaml").and_then(|it| std::str::from_utf8(it).ok()) else {
            continue;
        };
        let lines: Vec<_> = text.lines().collect();
        for left_out in 0..lines.len().min(40) {
            let rest: Vec<_> = lines.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, it)| *it).collect();
            let mut files = files.clone();
            files.insert("example/connector.yaml".to_owned(), rest.join("\n").into_bytes());
            check(&files);
        }
    }
}

#[test]
fn a_file_of_100_mb_is_refused_without_being_read() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("example");
    fs::create_dir(&directory).unwrap();
    fs::File::create(directory.join("connector.yaml")).unwrap().set_len(100 * 1024 * 1024).unwrap();
    let loaded = catalog::folder::load(folder.path()).unwrap();
    let found = loaded.diagnostics.sorted();
    assert_eq!(found.iter().map(|it| it.code).collect::<Vec<_>>(), [codes::FILE_TOO_LARGE]);
    assert_eq!(loaded.sources.get(found[0].span.file).text, "");
}
