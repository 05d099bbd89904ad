//! A shell that is given one block of commands after the other, as a reader pastes them.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::fs::symlink,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use closeloop::config::process_environment;

/// Ends what hangs, so that a wrong page fails instead of waiting for ever.
const LONGEST: &str = "120";

/// Printed after each block with its status.
const MARK: &str = "--- end of block";

/// The shell, with `closeloop` in its path.
pub(super) struct Shell {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Shell {
    /// In an empty folder with the shipped connectors; `variables` are set beside what the test's own environment has.
    pub(super) fn start(folder: &Path, variables: &[(&str, String)]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(&root.join("connectors"), &folder.join("connectors"));
        let bin = folder.join("bin");
        std::fs::create_dir(&bin).unwrap();
        symlink(env!("CARGO_BIN_EXE_closeloop"), bin.join("closeloop")).unwrap();
        let path = process_environment("PATH").unwrap();
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", LONGEST, "sh"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CLOSELOOP_")) {
            command.env_remove(name);
        }
        command.env("PATH", format!("{}:{path}", bin.display())).env("no_proxy", "*");
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let mut child = command.spawn().expect("`timeout` and `sh` are on every Debian machine");
        let mut input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        // whatever a page leaves running ends with its shell: `timeout` made a process group of it all
        writeln!(input, "exec 2>&1\ntrap 'kill 0' EXIT").unwrap();
        Self { child, input, output }
    }

    /// Runs a block; gives what it printed, and whether it succeeded.
    pub(super) fn run(&mut self, block: &str) -> (String, bool) {
        write!(self.input, "{block}\necho \"\n{MARK} $?\"\n").unwrap();
        self.input.flush().unwrap();
        let mut printed = String::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).expect("commands print UTF-8");
            assert_ne!(read, 0, "the shell ended during\n{block}\nafter it printed\n{printed}");
            match line.strip_prefix(MARK) {
                Some(status) => return (printed.trim_end().to_owned(), status.trim() == "0"),
                None => printed.push_str(&line),
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // the trap runs when the shell is told to end
        let _ = self.input.write_all(b"\nexit\n");
        let _ = self.child.wait();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
