//! Reads a folder of connectors: a directory each, and `_accounts/*.yaml`.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    diag::{Diagnostic, Diagnostics, Sources, Span, codes},
    spec::{self, AccountFile, Connector, ConnectorFiles, Examined},
    yaml::{self, MAX_BYTES},
};

/// Where accounts stand, among the directories of the connectors.
pub(super) const ACCOUNTS: &str = "_accounts";

/// Texts that stand for those of the files of these paths: what is not saved yet.
pub type Unsaved = HashMap<PathBuf, String>;

/// What a folder holds, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Those without errors, by the names of their directories.
    pub connectors: Vec<Arc<Connector>>,
    /// What they were made of.
    pub files: Vec<ConnectorFiles>,
    /// The accounts beside them.
    pub accounts: Vec<AccountFile>,
    /// The files, for showing the diagnostics, and for keeping them.
    pub sources: Sources,
    /// All mistakes.
    pub diagnostics: Diagnostics,
}

/// Reads and checks all connectors of a folder.
///
/// # Errors
/// If the folder or a file in it can't be read. Mistakes in files are not errors: they are among the diagnostics.
pub fn load(root: &Path) -> io::Result<Loaded> {
    load_directories(root, &connectors(root)?, &Unsaved::new())
}

/// The same with texts that are not saved yet, for what is wrong with them: what connectors do is let go of as soon as it has been
/// looked at.
///
/// # Errors
/// As [`load`].
pub fn check_with(root: &Path, unsaved: &Unsaved) -> io::Result<Loaded> {
    load_and(root, &connectors(root)?, unsaved, Examined::folded)
}

/// The ids of the connectors in a folder, right or wrong.
///
/// # Errors
/// If the folder can't be read.
pub fn ids(root: &Path) -> io::Result<Vec<String>> {
    Ok(connectors(root)?.iter().map(|it| name(it)).collect())
}

/// Reads and checks one connector of a folder, with the accounts beside it.
///
/// # Errors
/// As [`load`].
pub fn load_one(directory: &Path) -> io::Result<Loaded> {
    load_one_with(directory, &Unsaved::new())
}

/// The same with texts that are not saved yet.
///
/// # Errors
/// As [`load`].
pub fn load_one_with(directory: &Path, unsaved: &Unsaved) -> io::Result<Loaded> {
    let root = directory.parent().unwrap_or(Path::new(".."));
    load_directories(root, &[directory.to_path_buf()], unsaved)
}

/// Reads and checks the accounts of a folder alone, with texts that are not saved yet.
///
/// # Errors
/// As [`load`].
pub fn load_accounts_with(accounts: &Path, unsaved: &Unsaved) -> io::Result<Loaded> {
    let root = accounts.parent().unwrap_or(Path::new(".."));
    load_directories(root, &[], unsaved)
}

/// Reads and checks those in these directories of a folder, to serve calls: what nobody uses at the moment takes little memory,
/// and there are no cases. `look` sees each that has no mistakes, while its cases are still there.
///
/// # Errors
/// As [`load`].
pub fn load_to_serve<'a>(
    root: &Path,
    directories: impl IntoIterator<Item = &'a String>,
    look: &(dyn Fn(&Connector) + Sync),
) -> io::Result<Loaded> {
    let directories: Vec<_> = directories.into_iter().map(|it| root.join(it)).collect();
    load_and(root, &directories, &Unsaved::new(), |examined, files, sources| {
        examined.connector().into_iter().for_each(look);
        examined.folded(files, sources)
    })
}

fn load_directories(root: &Path, directories: &[PathBuf], unsaved: &Unsaved) -> io::Result<Loaded> {
    load_and(root, directories, unsaved, |examined, _, _| examined)
}

fn load_and(
    root: &Path,
    directories: &[PathBuf],
    unsaved: &Unsaved,
    and: impl Fn(Examined, &ConnectorFiles, &Sources) -> Examined + Sync,
) -> io::Result<Loaded> {
    let mut loaded = Loaded::default();
    let accounts = read_accounts(&root.join(ACCOUNTS), unsaved, &mut loaded)?;
    let mut files = Vec::new();
    for directory in directories {
        files.extend(read_connector(directory, unsaved, &mut loaded)?);
    }
    let Loaded { sources, diagnostics, .. } = &mut loaded;
    let sources = &*sources;
    let connectors = spec::load_by(&accounts, sources, diagnostics, |examine| {
        on_all_cores(&files, &|files| and(examine(files), files, sources))
    });
    loaded.connectors = connectors;
    (loaded.files, loaded.accounts) = (files, accounts);
    Ok(loaded)
}

/// What `examine` makes of each of the files, in their order.
fn on_all_cores(files: &[ConnectorFiles], examine: &(dyn Fn(&ConnectorFiles) -> Examined + Sync)) -> Vec<Examined> {
    let cores = thread::available_parallelism().map_or(1, usize::from).min(files.len());
    let next = AtomicUsize::new(0);
    let some = || {
        let numbers = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
        numbers.map_while(|at| Some((at, examine(files.get(at)?)))).collect::<Vec<_>>()
    };
    let mut all = thread::scope(|scope| {
        let others: Vec<_> = (1..cores).map(|_| scope.spawn(some)).collect();
        let mut all = some();
        for other in others {
            all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, it)| it).collect()
}

/// The directories of connectors.
fn connectors(root: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(entries(root)?.into_iter().filter(|it| it.is_dir() && is_connector(it)).collect())
}

/// The directories of connectors, and that of the accounts.
pub(super) fn directories(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = entries(root)?;
    all.retain(|it| it.is_dir() && (is_connector(it) || name(it) == ACCOUNTS));
    Ok(all)
}

/// What stands in a directory; one that is taken away meanwhile has nothing.
pub(super) fn files(directory: &Path) -> Vec<PathBuf> {
    entries(directory).unwrap_or_default()
}

/// The paths in a directory, sorted.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).map_err(|error| at(directory, &error))?;
    let mut paths = entries.map(|it| it.map(|it| it.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn is_connector(path: &Path) -> bool {
    !name(path).starts_with(['.', '_'])
}

fn read_accounts(directory: &Path, unsaved: &Unsaved, loaded: &mut Loaded) -> io::Result<Vec<AccountFile>> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut accounts = Vec::new();
    for path in entries(directory)?.into_iter().filter(|it| it.extension().is_some_and(|it| it == "yaml")) {
        let stem = path.file_stem().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let file = yaml::read(&mut loaded.sources, &shown(&path), &read(&path, unsaved)?, &mut loaded.diagnostics);
        accounts.extend(file.map(|file| AccountFile { stem, file }));
    }
    Ok(accounts)
}

fn read_connector(directory: &Path, unsaved: &Unsaved, loaded: &mut Loaded) -> io::Result<Option<ConnectorFiles>> {
    let (connector, tests, logo) =
        (directory.join("connector.yaml"), directory.join("tests.yaml"), directory.join("logo.svg"));
    let Loaded { sources, diagnostics, .. } = loaded;
    let is_there = |path: &Path| unsaved.contains_key(path) || path.is_file();
    if !is_there(&connector) {
        let file = sources.add(shown(directory), "");
        let mut diagnostic =
            Diagnostic::error(codes::MISSING_FILE, Span::new(file, 0, 0), "there is no `connector.yaml`");
        if directory.join("connector.yml").is_file() {
            diagnostic = diagnostic.help("rename `connector.yml`");
        }
        diagnostics.push(diagnostic);
        return Ok(None);
    }
    let Some(connector) = yaml::read(sources, &shown(&connector), &read(&connector, unsaved)?, diagnostics) else {
        return Ok(None);
    };
    let tests = match is_there(&tests) {
        true => yaml::read(sources, &shown(&tests), &read(&tests, unsaved)?, diagnostics),
        false => None,
    };
    let logo = match logo.is_file() {
        true => Some(String::from_utf8_lossy(&read(&logo, unsaved)?).into_owned()),
        false => None,
    };
    Ok(Some(ConnectorFiles { directory: name(directory), connector, tests, logo }))
}

/// As much of a file as is needed to see that it is too large.
fn read(path: &Path, unsaved: &Unsaved) -> io::Result<Vec<u8>> {
    if let Some(text) = unsaved.get(path) {
        return Ok(text.clone().into_bytes());
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let file = File::open(path).map_err(|error| at(path, &error))?;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| at(path, &error))?;
    Ok(bytes)
}

/// The error with the path that it is about.
fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn name(path: &Path) -> String {
    path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "
id: shop
version: 1.0.0
title: Shop
summary: Sells things.
catalog: {group: other_integration, phase: ga}
auth: {account: market}
http: {base_url: https://api.example.com}
actions:
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: read
    request: {method: GET, path: /things}
";
    const MARKET: &str =
        "id: market\ntitle: Market\nfields: {key: {type: string}}\nscheme: bearer\ntoken: \"{{ auth.key }}\"\n";

    const CASES: &str = "
cases:
  - {name: looks, action: look, output: {}}
  - {name: finds nothing, action: look, error: {code: not_found}}
";

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    #[test]
    fn a_folder_gives_its_connectors_and_what_is_wrong_with_the_others() {
        let folder = tempfile::tempdir().expect("a directory");
        let root = folder.path();
        write(root, "_accounts/market.yaml", MARKET);
        write(root, "_accounts/README.md", "not an account");
        write(root, "shop/connector.yaml", SHOP);
        write(root, "shop/tests.yaml", CASES);
        write(root, "shop/logo.svg", "<svg/>");
        write(root, "broken/connector.yaml", "id: [");
        write(root, "empty/tests.yaml", "cases: []");
        write(root, ".git/config", "");
        let loaded = load(root).expect("it can be read");
        let ids: Vec<_> = loaded.connectors.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["shop"]);
        assert_eq!(loaded.connectors[0].cases.len(), 2);
        assert_eq!(loaded.connectors[0].brand.logo.as_deref(), Some("<svg/>"));
        let found = loaded.diagnostics.sorted();
        assert!(found.iter().any(|it| it.code == codes::MISSING_FILE));
        assert!(found.iter().any(|it| it.code == codes::SYNTAX));
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn one_directory_is_loaded_with_the_accounts_beside_it() {
        let folder = tempfile::tempdir().expect("a directory");
        write(folder.path(), "_accounts/market.yaml", MARKET);
        write(folder.path(), "shop/connector.yaml", SHOP);
        write(folder.path(), "shop/tests.yaml", CASES);
        write(folder.path(), "broken/connector.yaml", "id: [");
        let loaded = load_one(&folder.path().join("shop")).expect("it can be read");
        assert_eq!(loaded.connectors.len(), 1);
        assert!(loaded.diagnostics.is_empty());
    }

    #[test]
    fn what_is_let_go_of_comes_back_as_it_was_but_for_the_cases() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors");
        let whole = load(&root).expect("it can be read");
        let directories: Vec<_> = whole.connectors.iter().map(|it| it.id.clone()).collect();
        let folded = load_to_serve(&root, &directories, &|_| ()).expect("it can be read");
        assert!(!folded.diagnostics.has_errors() && whole.connectors.len() > 10);
        // its texts are in other files by then
        let spans = regex::Regex::new(r"Span \{[^}]*\}").expect("a pattern");
        for (whole, folded) in whole.connectors.iter().zip(&folded.connectors) {
            let id = &whole.id;
            assert_eq!((&whole.version, &whole.digest), (&folded.version, &folded.digest), "{id}");
            let texts = |it: &Connector| {
                let steps = it.actions.values().map(|it| format!("{:?} {:?}", it.plan.output, it.input.schema));
                let sandbox = it.sandbox.iter().map(|it| format!("{} {:?} {:?}", it.method, it.path, it.body));
                let events = it.sandbox_events.iter().map(|it| format!("{} {:?}", it.event, it.output));
                let all = steps.chain(sandbox).chain(events);
                all.map(|it| spans.replace_all(&it, "").into_owned()).collect::<Vec<_>>()
            };
            assert_eq!(texts(whole), texts(folded), "{id}");
            assert_eq!(whole.sandbox_connection, folded.sandbox_connection, "{id}");
            assert!(!whole.cases.is_empty() && folded.cases.is_empty(), "{id}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_with_its_name() {
        let error = load(Path::new("no/such/folder")).expect_err("it is not there");
        assert!(error.to_string().starts_with("no/such/folder: "), "{error}");
    }
}
