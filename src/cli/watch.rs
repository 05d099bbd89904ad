//! Does something again whenever a file changes.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::mpsc::{RecvTimeoutError, channel},
    time::Duration,
};

use anyhow::{Context, Result};
use notify::{RecursiveMode, Watcher as _};

/// Nothing is done before files have been quiet for so long: one may be half written.
const QUIET: Duration = Duration::from_millis(150);

/// Does `work` now, and again after each change in one of `paths`, until the process is ended. What goes wrong in it is printed.
pub(super) fn again(paths: &[PathBuf], mut work: impl FnMut() -> Result<ExitCode>) -> Result<ExitCode> {
    let (send, changes) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // what is only read changes nothing, and reading is what we do
        if event.map_or(true, |it| !it.kind.is_access()) {
            let _ = send.send(());
        }
    })?;
    for path in paths {
        let failed = || format!("{} can't be watched", path.display());
        watcher.watch(path, RecursiveMode::Recursive).with_context(failed)?;
        // the accounts that it shares with others stand beside it
        let accounts = path.parent().unwrap_or(Path::new("..")).join("_accounts");
        if path.join("connector.yaml").is_file() && accounts.is_dir() {
            watcher.watch(&accounts, RecursiveMode::Recursive).with_context(failed)?;
        }
    }
    loop {
        if let Err(error) = work() {
            eprintln!("closeloop: {error:#}");
        }
        println!("\nwaiting for changes; Ctrl+C ends\n");
        changes.recv().context("nothing is watched any more")?;
        while changes.recv_timeout(QUIET) != Err(RecvTimeoutError::Timeout) {}
    }
}
