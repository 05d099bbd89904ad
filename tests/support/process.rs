//! Programs that a test starts, kills and starts again. They and their files are gone when the test's own process is,
//! however that ends.

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead as _, BufReader, pipe},
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use tempfile::TempDir;

/// What is kept of a program's log, in lines.
const KEPT_LINES: usize = 4000;

/// The last lines that a program has written.
pub(crate) type Log = Arc<Mutex<VecDeque<String>>>;

/// A running program, with everything it has started itself.
pub(crate) struct Process {
    child: Child,
    /// Ends when nobody has the program's output open any more: it and its own children are gone then.
    reader: JoinHandle<()>,
    /// Told when it says that it is ready.
    told: mpsc::Receiver<()>,
    ready: bool,
}

impl Process {
    /// Starts a program that says it is ready by a line with `ready` in it.
    pub(crate) fn spawn(mut command: Command, ready: &'static str, log: &Log) -> Self {
        let (output, input) = pipe().expect("a pipe can be made");
        command.stdin(Stdio::null()).process_group(0);
        command.stdout(input.try_clone().expect("a pipe can be shared")).stderr(input);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?} can't be started: {error}"));
        // it holds the end of the pipe that is written to
        drop(command);
        let (tell, told) = mpsc::channel();
        let kept = Arc::clone(log);
        // reads to the end, so that the program never waits for room in the pipe
        let reader = thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                if line.contains(ready) {
                    // nobody may listen any more
                    let _ = tell.send(());
                }
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_back(line);
                if kept.len() > KEPT_LINES {
                    kept.pop_front();
                }
            }
        });
        Self { child, reader, told, ready: false }
    }

    /// Waits until it is ready; `false` if it ended before.
    pub(crate) fn is_ready(&mut self) -> bool {
        self.ready = self.ready || self.told.recv().is_ok();
        self.ready
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its short name.
    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.child.id());
    }

    /// Waits until it has ended by itself, with all of its own children; gives whether it was content.
    pub(crate) fn wait(mut self) -> bool {
        let status = self.child.wait().expect("a child can be waited for");
        let _ = self.reader.join();
        status.success()
    }

    /// Ends it at once, as `kill -9` does, and waits until all of its own children are gone too: they go a moment later, and
    /// would be in the way of a new one.
    pub(crate) fn kill(mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        self.wait();
    }
}

/// All lines that are kept.
pub(crate) fn text(log: &Log) -> String {
    let kept = log.lock().unwrap_or_else(PoisonError::into_inner);
    kept.iter().flat_map(|line| [line, "\n"]).collect()
}

fn signal(name: &str, process: u32) {
    // an error says that there is no such process any more
    let _ = Command::new("kill").args(["-s", name, &process.to_string()]).stderr(Stdio::null()).status();
}

/// A temporary folder which is removed, and whose processes are ended, when this process ends, however it does.
/// Processes are those whose numbers are in its files `*.pid`.
pub(crate) struct Guarded {
    folder: TempDir,
    guard: Child,
}

impl Guarded {
    /// An empty folder that other users can look into.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("closeloop-").tempdir().expect("a temporary folder can be made");
        // it reads to the end of what we never write: that comes when we are gone
        const SCRIPT: &str = r#"cat >/dev/null
            for file in "$0"/*.pid; do [ -f "$file" ] && kill -s KILL "$(cat "$file")" 2>/dev/null; done
            rm -rf "$0""#;
        let mut guard = Command::new("sh");
        guard.args(["-c", SCRIPT]).arg(folder.path()).process_group(0);
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { folder, guard: guard.spawn().expect("there is a shell") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Has a process ended when this one is gone; `name` tells it from the folder's others.
    pub(crate) fn watch(&self, name: &str, process: &Process) {
        let file = self.path().join(name).with_extension("pid");
        fs::write(file, process.id().to_string()).expect("the temporary folder can be written");
    }

    /// Forgets a process that has ended.
    pub(crate) fn forget(&self, name: &str) {
        // it may never have been watched
        let _ = fs::remove_file(self.path().join(name).with_extension("pid"));
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// A port of loopback at which nobody listens. It lies below those that the system gives to outgoing connections, so that
/// a server that was killed gets it again.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 20_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // test programs that run at the same time begin at different places
    let start = std::process::id().wrapping_mul(7919) % u32::from(COUNT);
    let start = u16::try_from(start).expect("it is less than a count");
    (0..COUNT)
        .map(|_| FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("loopback has a free port")
}
