//! A large catalog: the shipped connectors, and a thousand generated from them, each under an id of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use closeloop::catalog::{folder, watch};

use super::shared::{Process, median};

const MANY: usize = 1000;
const ROUNDS: usize = 5;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors")
}

/// Loads the folder as an engine does, says how long that took and how many there are, and holds them.
pub async fn run(connectors: &str) {
    let start = Instant::now();
    let (_, parts) = watch::Folder::open(Path::new(connectors)).expect("a folder");
    let mut connectors = Vec::new();
    for part in parts {
        let read = part.expect("it can be read");
        assert!(read.mistakes.is_empty(), "{:?}", read.mistakes);
        // without the files, as the engine holds them once they are in the store
        connectors.extend(read.loaded.connectors);
    }
    let took = start.elapsed().as_secs_f64();
    super::shared::announce(&format!("{took} {}", connectors.len()));
    std::future::pending::<()>().await;
    drop(connectors);
}

/// Prints what loading, checking and compiling cost.
pub fn measure() {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let loaded = folder::load(&shipped()).expect("a folder");
        times.push(start.elapsed().as_secs_f64() * 1e3);
        assert!(!loaded.connectors.is_empty());
    }
    println!("loading, checking and compiling the shipped connectors: {:.1} ms", median(&mut times));

    let folder = tempfile::tempdir().expect("a folder");
    let bytes = generate(folder.path());
    let (process, line) = Process::start(&["catalog", &folder.path().display().to_string()]);
    let (took, loaded) = line.split_once(' ').expect("a time and a number");
    let took: f64 = took.parse().expect("seconds");
    assert_eq!(loaded, MANY.to_string());
    println!(
        "the same for {MANY} connectors of {:.1} MB YAML: {took:.2} s, {:.0} a second; CPU {:.2} s; resident {:.0} MB",
        bytes as f64 / 1e6,
        MANY as f64 / took,
        process.cpu(),
        process.resident(),
    );
}

/// A thousand connectors into `folder`; tells how many bytes of YAML.
fn generate(folder: &Path) -> usize {
    let mut bytes = 0;
    let mut copy = |from: &Path, to: &Path, id: Option<(&str, &str)>| {
        let mut text = fs::read_to_string(from).expect("a file");
        if let Some((old, new)) = id {
            text = text.replacen(&format!("id: {old}\n"), &format!("id: {new}\n"), 1);
        }
        bytes += text.len();
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::write(to, text).expect("a file");
    };
    let entries = |folder: &Path| {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).expect("a folder").map(|it| it.expect("it").path()).collect();
        paths.sort();
        paths
    };
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    for account in entries(&shipped().join("_accounts")) {
        copy(&account, &folder.join("_accounts").join(name(&account)), None);
    }
    let connectors: Vec<_> = entries(&shipped()).into_iter().filter(|it| it.join("connector.yaml").is_file()).collect();
    for (number, from) in connectors.iter().cycle().take(MANY).enumerate() {
        let old = name(from);
        let new = format!("{old}-{number}");
        for file in ["connector.yaml", "tests.yaml"] {
            copy(&from.join(file), &folder.join(&new).join(file), Some((&old, &new)));
        }
    }
    bytes
}
