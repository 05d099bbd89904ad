//! Python with the packages of `tests/python/requirements.txt`: made once, kept under `target/`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The scripts and what they need.
pub(crate) const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python");

/// The interpreter. The first call on a machine needs a Python 3.11 with `venv`, and the package index.
pub(crate) fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(prepare)
}

fn prepare() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(folder).expect("the target folder can be written");
    // tests may run in several processes
    let lock = File::create(folder.join("python.lock")).expect("the target folder can be written");
    lock.lock().expect("a file can be locked");

    let requirements = Path::new(SCRIPTS).join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).expect("the requirements stand beside the scripts");
    let environment = folder.join("python");
    let python = environment.join("bin/python");
    let made = environment.join("made-from.txt");
    if fs::read_to_string(&made).is_ok_and(|it| it == wanted) {
        return python;
    }
    let at = environment.to_str().expect("the target folder's path is text");
    run(Path::new("python3"), &["-m", "venv", "--clear", at]);
    let requirements = requirements.to_str().expect("the sources' path is text");
    run(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements]);
    fs::write(made, wanted).expect("the target folder can be written");
    python
}

/// Runs a program to its end and gives what it printed.
pub(crate) fn run(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{} can't be started: {error}", program.display()));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?} failed:\n{complaint}", program.display());
    String::from_utf8(output.stdout).expect("programs print UTF-8")
}
