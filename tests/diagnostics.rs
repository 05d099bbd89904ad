//! Every mistake that an author can make, and exactly what is said about it.
//!
//! A case in `tests/diagnostics` is one file, the `connector.yaml` of a directory `example`, or a folder as `connectors/`
//! is one; what begins with `own_` is an org's own connector. Beside it stands the text that must come out: `<case>.txt`. To write it anew, run with `UPDATE=1` and read
//! the difference. A case shows one mistake, or a few of one kind.

// Whatever fails here fails the test.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use closeloop::{
    catalog,
    diag::{Diagnostic, Diagnostics, FileId, Fix, Severity, Sources, codes, fix, render},
    spec::{self, ConnectorFiles},
    yaml,
};

#[path = "diagnostics/pages.rs"]
mod pages;

/// What is loaded.
enum Case {
    /// The `connector.yaml` of the directory `example`.
    File(Vec<u8>),
    /// A folder like `connectors/`.
    Folder(PathBuf),
    /// The source of `own-example`, an org's own connector.
    Own(String),
}

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

/// Mistakes that are too large, or no text, to be kept as files.
fn generated() -> BTreeMap<String, Case> {
    let valid = fs::read_to_string(root().join("short_description.yaml")).unwrap();
    let latin1 = valid.replace("Example", "Caf\u{e9}").chars().map(|it| u8::try_from(u32::from(it)).unwrap()).collect();
    let numbers = format!("values: [{}]\n", "1, ".repeat(200_000));
    BTreeMap::from([
        ("generated_not_utf8".to_owned(), Case::File(latin1)),
        ("generated_too_many_values".to_owned(), Case::File(numbers.into_bytes())),
        ("generated_too_large".to_owned(), Case::File(vec![b'#'; 2 * 1024 * 1024])),
    ])
}

/// All cases by name.
fn cases() -> BTreeMap<String, Case> {
    let mut cases = generated();
    for path in entries(&root()).into_iter().filter(|it| !name(it).starts_with('_')) {
        if path.is_dir() {
            cases.insert(name(&path), Case::Folder(path));
        } else if let Some(case) = name(&path).strip_suffix(".yaml") {
            let text = fs::read(&path).unwrap();
            let case_of =
                if case.starts_with("own_") { Case::Own(String::from_utf8(text).unwrap()) } else { Case::File(text) };
            cases.insert(case.to_owned(), case_of);
        }
    }
    cases
}

/// What an author sees.
fn check(case: &Case) -> String {
    match case {
        Case::File(connector) => check_file(connector),
        Case::Own(connector) => {
            let (sources, diagnostics) = load_own(connector);
            shown(&sources, diagnostics)
        }
        Case::Folder(root) => {
            let loaded = catalog::folder::load(root).unwrap();
            let root = format!("{}/", root.display());
            shown(&loaded.sources, loaded.diagnostics).replace(&root, "")
        }
    }
}

/// A connector that is one file stands alone: its cases come from `_tests.yaml`, so that none is missing.
fn check_file(connector: &[u8]) -> String {
    let (sources, diagnostics) = load_file(connector);
    shown(&sources, diagnostics)
}

fn load_own(connector: &str) -> (Sources, Diagnostics) {
    let tests = fs::read_to_string(root().join("_tests.yaml")).unwrap();
    let checked = catalog::own::check("own-example", connector, Some(&tests));
    (checked.sources, checked.diagnostics)
}

fn load_file(connector: &[u8]) -> (Sources, Diagnostics) {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    if let Some(connector) = yaml::read(&mut sources, "example/connector.yaml", connector, &mut diagnostics) {
        let tests = fs::read(root().join("_tests.yaml")).unwrap();
        let tests = yaml::read(&mut sources, "example/tests.yaml", &tests, &mut diagnostics);
        let files = ConnectorFiles { directory: "example".to_owned(), connector, tests, logo: None };
        spec::load(&[files], &[], &sources, &mut diagnostics);
    }
    (sources, diagnostics)
}

fn shown(sources: &Sources, diagnostics: Diagnostics) -> String {
    let found = diagnostics.sorted();
    format!("{}{}\n", render::text(sources, &found, false), render::summary(&found).unwrap_or_default())
}

fn is_updating() -> bool {
    std::env::var_os("UPDATE").is_some()
}

#[test]
fn every_mistake_is_explained_as_agreed() {
    let mut wrong = Vec::new();
    for (name, case) in cases() {
        let path = root().join(&name).with_extension("txt");
        let shown = check(&case);
        if is_updating() {
            fs::write(&path, &shown).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected != shown {
            wrong.push(format!("{name}\n--- expected\n{expected}--- shown\n{shown}"));
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
    assert!(cases.len() >= 150, "{} cases", cases.len());
    for path in entries(&root()).iter().filter(|it| name(it).ends_with(".txt")) {
        let case = name(path);
        let case = case.strip_suffix(".txt").unwrap();
        assert!(cases.contains_key(case), "{case}.txt is of no case");
    }
    for (name, case) in cases {
        assert!(check(&case).contains("[C"), "{name} shows nothing");
    }
}

#[test]
fn every_code_has_a_case() {
    let texts: String = cases().values().map(check).collect();
    let missing: Vec<_> = codes::ALL.iter().filter(|it| !texts.contains(&format!("[{}]", it.code))).collect();
    assert!(missing.is_empty(), "without a case: {missing:#?}");
}

/// What a case comes to with edits of its files, by their names.
fn check_edited(case: &Case, edited: &HashMap<PathBuf, String>) -> Option<(Sources, Diagnostics)> {
    match case {
        Case::File(text) => {
            let text = match edited.get(Path::new("example/connector.yaml")) {
                Some(text) => text.as_bytes(),
                None => text,
            };
            Some(load_file(text))
        }
        Case::Folder(root) => {
            let loaded = catalog::folder::check_with(root, edited).unwrap();
            Some((loaded.sources, loaded.diagnostics))
        }
        Case::Own(_) => None,
    }
}

/// The files with these edits made.
fn edited(sources: &Sources, fixes: &[&Fix]) -> HashMap<PathBuf, String> {
    let mut by_file: BTreeMap<FileId, Vec<_>> = BTreeMap::new();
    for it in fixes {
        let range = it.range(sources).unwrap_or_else(|| panic!("{it:?} has no place"));
        by_file.entry(it.span.file).or_default().push((range, it.text.as_str()));
    }
    let new = by_file.into_iter().map(|(file, edits)| {
        let source = sources.get(file);
        (PathBuf::from(&source.name), fix::apply(&source.text, &edits).0)
    });
    new.collect()
}

/// An edit that is made without asking does what it promises and breaks nothing, alone and together with all the others.
#[test]
fn every_certain_fix_takes_its_mistake_away() {
    let count = |found: &Diagnostics, code: &str| found.iter().filter(|it| it.code == code).count();
    let errors = |found: &Diagnostics| -> HashSet<String> {
        let errors = found.iter().filter(|it| it.severity == Severity::Error);
        errors.map(|it| format!("{}: {}", it.code, it.message)).collect()
    };
    let (mut fixed, mut wrong) = (0, Vec::new());
    for (name, case) in cases() {
        let Some((sources, before)) = check_edited(&case, &HashMap::new()) else { continue };
        let certain = |it: &Diagnostic| it.fix.as_ref().is_some_and(|it| it.certain);
        let mistakes: Vec<_> = before.iter().filter(|it| certain(it)).collect();
        let fixes: Vec<_> = mistakes.iter().filter_map(|it| it.fix.as_ref()).collect();
        let alone = fixes.iter().map(std::slice::from_ref);
        for fixes in alone.chain((fixes.len() > 1).then_some(&fixes[..])) {
            let (_, after) = check_edited(&case, &edited(&sources, fixes)).unwrap();
            let new: Vec<_> = errors(&after).difference(&errors(&before)).cloned().collect();
            if !new.is_empty() {
                wrong.push(format!("{name}: {fixes:?} bring {new:#?}"));
            }
            let mended = mistakes.iter().filter(|it| fixes.iter().any(|fix| it.fix.as_ref() == Some(*fix)));
            for it in mended.filter(|it| count(&after, it.code) >= count(&before, it.code)) {
                wrong.push(format!("{name}: {fixes:?} leave {}: {}", it.code, it.message));
            }
        }
        fixed += fixes.len();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(fixed >= 10, "{fixed}");
}

#[test]
fn a_line_that_is_left_out_panics_nowhere() {
    for case in cases().into_values() {
        let Case::File(text) = case else { continue };
        let Ok(text) = String::from_utf8(text) else { continue };
        let lines: Vec<_> = text.lines().collect();
        for left_out in 0..lines.len().min(40) {
            let rest: Vec<_> = lines.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, it)| *it).collect();
            check_file(rest.join("\n").as_bytes());
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
