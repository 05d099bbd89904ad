//! Python with the packages of `tests/python/requirements.txt`: made once, kept under `target/`.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
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
    run_with_input(program, arguments, "")
}

/// The same for a program that reads `input`.
pub(crate) fn run_with_input(program: &Path, arguments: &[&str], input: &str) -> String {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{} can't be started: {error}", program.display()));
    // a program that does not read its input may have ended already
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("its output can be read");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?} failed:\n{complaint}", program.display());
    String::from_utf8(output.stdout).expect("programs print UTF-8")
}
