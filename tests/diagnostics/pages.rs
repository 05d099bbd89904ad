//! `docs/errors`: a page for every code, and `docs/diagnostics.md`, which lists them.
//!
//! What a page says comes from three places, each once: the table in `src/diag/codes.rs` says what the code means, a case
//! of `tests/diagnostics` shows it, and `_right/<code>.yaml` beside the cases names the case and says what to write instead.

use closeloop::expr::library::{self, Role};
use similar::TextDiff;

use super::*;

/// `_right/<code>.yaml`
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Right {
    /// The case that the page shows.
    case: String,
    /// Of a case that is a folder: the file that is put right.
    #[serde(default = "connector_of_example")]
    file: String,
    /// What is written instead of what, wherever it stands; an empty `from` is the whole of a file that is not there.
    #[serde(default)]
    change: Vec<Change>,
    /// Where no text of a connector can show it: what to do, in a sentence.
    instead: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    from: String,
    to: String,
}

fn connector_of_example() -> String {
    "example/connector.yaml".to_owned()
}

impl Right {
    fn of(code: &str) -> Self {
        let path = root().join("_right").join(code).with_extension("yaml");
        let text = fs::read_to_string(&path).unwrap_or_else(|it| panic!("{}: {it}", path.display()));
        serde_yaml::from_str(&text).unwrap_or_else(|it| panic!("{}: {it}", path.display()))
    }

    /// The text that is wrong, and what is right instead.
    fn texts(&self, case: &Case) -> (String, String) {
        let wrong = match case {
            Case::File(text) => String::from_utf8(text.clone()).unwrap(),
            Case::Own(text) => text.clone(),
            Case::Folder(root) => fs::read_to_string(root.join(&self.file)).unwrap_or_default(),
        };
        let mut right = wrong.clone();
        for Change { from, to } in &self.change {
            assert!(right.contains(from.as_str()), "{} has no {from:?}", self.case);
            right = if from.is_empty() { to.clone() } else { right.replace(from, to) };
        }
        (wrong, right)
    }

    /// What is found when it is put right.
    fn found(&self, case: &Case, right: &str) -> (Sources, Diagnostics) {
        match case {
            Case::File(_) => load_file(right.as_bytes()),
            Case::Own(_) => load_own(right),
            Case::Folder(root) => {
                let folder = tempfile::tempdir().unwrap();
                copy(root, folder.path());
                fs::write(folder.path().join(&self.file), right).unwrap();
                let loaded = catalog::folder::load(folder.path()).unwrap();
                (loaded.sources, loaded.diagnostics)
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for path in entries(from) {
        let to = to.join(name(&path));
        if path.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// The lines around what differs, of the wrong text and of the right one.
fn excerpts(wrong: &str, right: &str) -> (String, String) {
    const AROUND: usize = 1;
    let diff = TextDiff::from_lines(wrong, right);
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for group in diff.grouped_ops(AROUND) {
        let (first, last) = (group.first().unwrap(), group.last().unwrap());
        let lines = |text: &str, from: usize, to: usize| {
            text.lines().take(to).skip(from).map(|it| format!("{it}\n")).collect::<String>()
        };
        old.push(lines(wrong, first.old_range().start, last.old_range().end));
        new.push(lines(right, first.new_range().start, last.new_range().end));
    }
    (old.join("# …\n"), new.join("# …\n"))
}

/// What is said about it, as it is printed.
fn said(case: &Case, code: &str) -> String {
    let head = format!("[{code}]");
    let shown = check(case);
    let mut all = shown.split("\n\n");
    let found = all.find(|it| it.lines().next().is_some_and(|it| it.contains(&head)));
    found.unwrap_or_else(|| panic!("the case of {code} does not show it")).to_owned()
}

fn page(info: &codes::Info, cases: &BTreeMap<String, Case>) -> String {
    let code = info.code;
    let right = Right::of(code);
    let case = cases.get(&right.case).unwrap_or_else(|| panic!("{code}: there is no case `{}`", right.case));
    let said = said(case, code);
    let head = format!("# {code}: {}\n\n{}\n", info.title, info.explanation);
    if let Some(instead) = right.instead {
        assert!(right.change.is_empty(), "{code}: either `change` or `instead`");
        return format!("{head}\n```text\n{said}\n```\n\n## Right\n\n{instead}\n");
    }
    let (wrong, right) = right.texts(case);
    let (wrong, right) = excerpts(&wrong, &right);
    let fence = |kind: &str, text: &str| format!("```{kind}\n{}\n```\n", text.trim_end());
    let all = if code == codes::UNKNOWN_FILTER { all_there_are() } else { String::new() };
    let shown = if wrong.is_empty() { String::new() } else { format!("{}\n", fence("yaml", &wrong)) };
    format!("{head}\n## Wrong\n\n{shown}{}\n## Right\n\n{}", fence("text", &said), fence("yaml", &right)) + &all
}

/// What expressions can call.
fn all_there_are() -> String {
    let roles = [("Filters", Role::Filter), ("Tests", Role::Test), ("Functions", Role::Function)];
    let listed = roles.map(|(title, role)| {
        let names: Vec<_> = library::entries(role).map(|it| format!("`{}`", it.name)).collect();
        format!("{title}: {}\n", names.join(", "))
    });
    format!("\n## All there are\n\n{}\n`docs/connector-reference.md` says what each does.\n", listed.join("\n"))
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Compares a file of `docs` with what is to stand in it, or writes it.
fn keep(path: &Path, text: &str) {
    if is_updating() {
        fs::write(path, text).unwrap();
    }
    let fresh = fs::read_to_string(path).unwrap_or_default() == text;
    assert!(fresh, "{} is stale: run with UPDATE=1 and read the difference", path.display());
}

#[test]
fn every_code_has_a_page_that_is_fresh() {
    let cases = cases();
    for info in codes::ALL {
        keep(&docs().join("errors").join(info.code).with_extension("md"), &page(info, &cases));
    }
    for path in entries(&docs().join("errors")) {
        let code = path.file_stem().unwrap().to_str().unwrap();
        assert!(codes::explain(code).is_some(), "{} is of no code", path.display());
    }
}

/// What a page recommends has none of the mistake, and no other one; that a single file has no cases of its own is none.
#[test]
fn what_the_pages_call_right_is_right() {
    let cases = cases();
    let mut left = Vec::new();
    for info in codes::ALL {
        let right = Right::of(info.code);
        let case = &cases[&right.case];
        if right.instead.is_some() {
            continue;
        }
        let (wrong, text) = right.texts(case);
        assert_ne!(wrong, text, "{}", info.code);
        let (sources, diagnostics) = right.found(case, &text);
        let counts = |it: &str| it != codes::MISSING_CASE || info.code == codes::MISSING_CASE;
        let found: Vec<_> = diagnostics.sorted().into_iter().filter(|it| counts(it.code)).collect();
        if !found.is_empty() {
            left.push(format!("{}\n{text}\n{}", info.code, render::text(&sources, &found, false)));
        }
    }
    assert!(left.is_empty(), "{}", left.join("\n"));
}

#[test]
fn the_page_of_all_codes_is_fresh() {
    let mut index = INDEX.to_owned();
    for (digit, family) in codes::FAMILIES {
        index.push_str(&format!("\n## {family}\n\n| code | what it is about |\n| --- | --- |\n"));
        for info in codes::ALL.iter().filter(|it| it.code[1..].starts_with(*digit)) {
            index.push_str(&format!("| [{}](errors/{}.md) | {} |\n", info.code, info.code, info.title));
        }
    }
    for info in codes::ALL {
        assert!(index.contains(&format!("[{}]", info.code)), "{} is of no family", info.code);
    }
    keep(&docs().join("diagnostics.md"), &index);
}

const INDEX: &str = "\
# Diagnostics

What `closeloop validate` can say of a connector. Errors keep it from being loaded, warnings don't. Each code has a page:
what it means, what is wrong and what is right; `closeloop explain CODE` prints it.

The pages are printed from the table in `src/diag/codes.rs` and the cases in `tests/diagnostics`.
";
