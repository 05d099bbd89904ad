//! The documentation, run as it is printed: `docs/page.rs` tells how a page says what is to be done.

mod expect;
mod page;
mod providers;
mod shell;

use std::{fs, path::Path};

use closeloop::{api::problem::Kind, base::Code};
use page::Show;
use providers::Providers;
use serde_json::Value as Json;
use shell::Shell;
use tempfile::TempDir;

/// Does what the page says, in a folder of its own.
struct Reader {
    page: &'static str,
    folder: TempDir,
    /// What its commands name, and what is meant here.
    replace: Option<(&'static str, String)>,
}

impl Reader {
    fn of(page: &'static str) -> Self {
        Self { page, folder: tempfile::tempdir().unwrap(), replace: None }
    }

    /// `person` is asked at each `<!-- test: … -->` with its words and what was printed last.
    fn read(&self, variables: &[(&str, String)], mut person: impl FnMut(&str, &str)) {
        let mut shell = Shell::start(self.folder.path(), variables);
        let (mut printed, mut commands) = (String::new(), 0);
        for part in page::parts(self.page) {
            let place = format!("{}:{}", self.page, part.line);
            match part.show {
                Show::File(name) => write(&self.folder.path().join(name), &part.text),
                Show::Commands { succeed } => {
                    let commands_here = match &self.replace {
                        Some((printed, meant)) => part.text.replace(printed, meant),
                        None => part.text.clone(),
                    };
                    let (output, succeeded) = shell.run(&commands_here);
                    assert_eq!(succeeded, succeed, "{place}: {}\nprinted\n{output}", part.text);
                    (printed, commands) = (output, commands + 1);
                }
                Show::Json => {
                    let read =
                        |text: &str| serde_json::from_str(text).unwrap_or_else(|it| panic!("{place}: {it}: {text}"));
                    let different = expect::json(&read(&part.text), &read(&printed));
                    assert_eq!(different, None, "{place}: printed was\n{printed}");
                }
                Show::Lines => {
                    assert_eq!(expect::lines(&part.text, &printed), None, "{place}: printed was\n{printed}");
                }
                Show::Person => person(&part.text, &printed),
            }
        }
        assert_ne!(commands, 0, "{} has no commands", self.page);
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("{text}\n")).unwrap();
}

fn nobody(words: &str, _: &str) {
    panic!("nobody is there to: {words}");
}

#[test]
fn the_readme_works_as_printed() {
    Reader::of("README.md").read(&[], nobody);
}

/// With stand-ins for the providers of its second half.
#[tokio::test(flavor = "multi_thread")]
async fn the_api_answers_as_printed() {
    let providers = Providers::start().await;
    let address = own_address(8);
    let mut reader = Reader::of("docs/api.md");
    reader.replace = Some(("127.0.0.1:8080", address.clone()));
    let settings = reader.folder.path().join("settings.yaml");
    write(&settings, &providers.settings(&format!("http://{address}")));
    let variables = [
        ("CLOSELOOP_CONFIG", settings.display().to_string()),
        ("CLOSELOOP_LISTEN", address.clone()),
        ("CLOSELOOP_PUBLIC_URL", format!("http://{address}")),
        ("GOOGLE_SECRET", providers.secret()),
    ];
    let runtime = tokio::runtime::Handle::current();
    let read = tokio::task::spawn_blocking(move || {
        reader.read(&variables, |words, printed| {
            assert_eq!(words, "the builder consents");
            runtime.block_on(providers::consent(printed));
        });
    });
    read.await.unwrap();
}

#[test]
fn the_guide_leads_to_a_connector_that_answers() {
    let mut reader = Reader::of("docs/connector-guide.md");
    let address = own_address(9);
    reader.replace = Some(("127.0.0.1:8080", address.clone()));
    reader.read(&[("CLOSELOOP_LISTEN", address)], nobody);
}

#[test]
fn what_is_imported_comes_out_as_printed() {
    Reader::of("docs/import.md").read(&[], nobody);
}

#[test]
fn the_cookbook_can_be_copied() {
    Reader::of("docs/cookbook.md").read(&[], nobody);
}

#[test]
fn ops_find_what_is_printed() {
    let mut reader = Reader::of("docs/operations.md");
    let address = own_address(10);
    reader.replace = Some(("127.0.0.1:8080", address.clone()));
    reader.read(&[("CLOSELOOP_LISTEN", address)], nobody);
}

/// What `make demo ARGS=--once` runs after it has built: it ends by itself, and every step of the scenario went well.
#[test]
fn the_demo_plays_every_step_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors/_demo.yaml");
    let scenario: Json = serde_yaml::from_str(&fs::read_to_string(scenario).unwrap()).unwrap();
    let titles: Vec<&str> =
        scenario["steps"].as_array().unwrap().iter().filter_map(|it| it["title"].as_str()).collect();
    let mut shell = Shell::start(folder.path(), &[]);
    // the second time the actions are there already
    for time in ["first", "second"] {
        let (printed, succeeded) = shell.run("closeloop demo --once --listen 127.0.0.1:0");
        assert!(succeeded, "{time}: {printed}");
        let steps: Vec<&str> = printed.split("── ").skip(1).collect();
        assert_eq!(steps.len(), titles.len(), "{time}: {printed}");
        for (step, title) in steps.iter().zip(&titles) {
            assert!(step.contains(title) && step.contains("\n→ 20"), "{time}: {title}: {step}");
        }
        assert!(printed.trim_end().ends_with("Without --once the engine goes on serving."), "{time}: {printed}");
    }
}

/// The tests that docs/architecture.md names as keepers of the invariants are there.
#[test]
fn every_keeper_of_an_invariant_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let (_, invariants) = page.split_once("## Invariants").unwrap();
    let rules: Vec<&str> = invariants.lines().filter(|it| it.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert!(rules.len() >= 10);
    for rule in rules {
        let keepers: Vec<&str> =
            rule.split('`').skip(1).step_by(2).filter(|it| it.contains("::") && *it != "spec::load").collect();
        assert!(!keepers.is_empty(), "nobody keeps {rule}");
        for keeper in keepers {
            let path = keeper.replace("::", "/");
            let (module, name) = path.rsplit_once('/').unwrap();
            let places = ["src", "tests/it", "tests"].map(|it| root.join(it));
            let is_module = places.iter().any(|it| it.join(&path).is_dir() || it.join(format!("{path}.rs")).is_file());
            let function = format!("fn {name}(");
            let has = |file: &Path| fs::read_to_string(file).is_ok_and(|it| it.contains(&function));
            let is_test = places
                .iter()
                .flat_map(|it| [it.join(format!("{module}.rs")), it.join(module).join("mod.rs")])
                .any(|it| has(&it));
            assert!(is_module || is_test, "there is no {keeper}");
        }
    }
}

/// Every link between our pages leads to a file, and to a heading of it.
#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = |path: &Path| fs::read_dir(path).unwrap().map(|it| it.unwrap().path()).collect::<Vec<_>>();
    let pages = [folder(root), folder(&root.join("docs")), folder(&root.join("docs/decisions"))].concat();
    let mut broken = Vec::new();
    for page in pages.iter().filter(|it| it.extension().is_some_and(|it| it == "md")) {
        let text = fs::read_to_string(page).unwrap();
        let links = text.split("](").skip(1).filter_map(|it| it.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|it| !it.starts_with("http")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let found = target.is_dir() || fs::read_to_string(&target).is_ok_and(|it| has_heading(&it, heading));
            if !found {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Whether a page has that anchor, as the web makes them from headings.
fn has_heading(text: &str, anchor: &str) -> bool {
    let anchors = text.lines().filter_map(|it| it.strip_prefix('#')).map(|line| {
        let line = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        line.chars().filter(|it| it.is_alphanumeric() || matches!(it, '-' | '_')).collect::<String>()
    });
    anchor.is_empty() || anchors.into_iter().any(|it| it == anchor)
}

/// An address for this run and page alone, so that its port is free whatever else runs.
fn own_address(page: u8) -> String {
    let [_, _, a, b] = std::process::id().to_be_bytes();
    format!("127.{page}.{a}.{b}:8080")
}

/// A code that nobody explains helps nobody.
#[test]
fn every_code_stands_in_the_tables() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| line.split('|').map(|it| it.trim().trim_matches('`')).collect())
        .collect();
    for code in Code::ALL {
        let row = rows.iter().find(|it| it[0] == code.as_str() && it[2] == code.retry().as_str());
        assert!(row.is_some(), "{code} with retry {}", code.retry().as_str());
    }
    for (status, code, ..) in Kind::ALL.map(Kind::row) {
        let row = rows.iter().find(|it| it[0] == code && it[1] == status.as_str());
        assert!(row.is_some(), "{code} with status {status}");
    }
}
