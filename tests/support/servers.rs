//! PostgreSQL, pgbouncer and Redis, each a real server of the test's own, on a free port of loopback.
//!
//! It knows nothing of this project: the library's tests include it by `#[path]`, the integration tests too.

#![allow(dead_code, reason = "each of those that include it uses a part")]

pub(crate) mod process;

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use process::{Guarded, Log, Process, free_port};

/// How a server is started, in a folder and at a port.
type MakeCommand = Box<dyn Fn(&Path, u16) -> Command + Send + Sync>;

/// A server that keeps its port and its data while it is killed and started again.
struct Server {
    command: MakeCommand,
    ready: &'static str,
    port: u16,
    process: Mutex<Option<Process>>,
    log: Log,
    folder: Guarded,
}

impl Server {
    /// `prepare` is given the empty folder, `command` the folder and a port.
    fn start(
        ready: &'static str,
        prepare: impl FnOnce(&Path),
        command: impl Fn(&Path, u16) -> Command + Send + Sync + 'static,
    ) -> Self {
        let folder = Guarded::new();
        prepare(folder.path());
        let command = Box::new(command);
        let mut server = Self { command, ready, port: 0, process: Mutex::default(), log: Log::default(), folder };
        let mut complaint = String::new();
        // another program may take the port first: then it ends, and gets another
        for _ in 0..5 {
            server.port = free_port();
            match server.try_start() {
                Ok(()) => return server,
                Err(error) => complaint = error,
            }
        }
        panic!("it does not start:\n{complaint}");
    }

    fn try_start(&self) -> Result<(), String> {
        let mut process = Process::spawn((self.command)(self.folder.path(), self.port), self.ready, &self.log);
        self.folder.watch("server", &process);
        if !process.is_ready() {
            return Err(process::text(&self.log));
        }
        TcpStream::connect(("127.0.0.1", self.port)).map_err(|error| error.to_string())?;
        *self.process() = Some(process);
        Ok(())
    }

    fn again(&self) {
        assert!(self.process().is_none(), "it runs already");
        if let Err(complaint) = self.try_start() {
            panic!("it does not start again:\n{complaint}");
        }
    }

    fn kill(&self) {
        self.process().take().expect("it runs").kill();
        self.folder.forget("server");
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = self.process().take() {
            process.signal("INT");
            process.wait();
        }
        self.folder.forget("server");
    }
}

/// A PostgreSQL cluster.
pub(crate) struct Postgres(Server);

impl Postgres {
    /// A new one for tests of what is written and read: it is quick, and a crash of the machine would break it.
    pub(crate) fn start() -> Self {
        Self::with(&["fsync=off", "synchronous_commit=off", "full_page_writes=off"])
    }

    /// A new one that writes to disk before it says that it has.
    pub(crate) fn durable() -> Self {
        Self::with(&[])
    }

    /// The one of this test program, [`Postgres::start`]ed at its first use. Whoever kills servers starts their own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn with(settings: &'static [&'static str]) -> Self {
        let prepare = |folder: &Path| {
            give_away(folder);
            let mut initdb = postgres_program("initdb");
            initdb.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]);
            let made = initdb.arg("--pgdata").arg(folder.join("data")).output().expect("initdb can be started");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        };
        let command = move |folder: &Path, port: u16| {
            let mut command = postgres_program("postgres");
            command.arg("-D").arg(folder.join("data")).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
            let common = ["unix_socket_directories=", "max_connections=300", "shared_buffers=64MB"];
            for setting in common.iter().chain(settings) {
                command.args(["-c", setting]);
            }
            command
        };
        Self(Server::start("database system is ready to accept connections", prepare, command))
    }

    /// A new, empty database; gives its URL.
    pub(crate) fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name}"));
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port())
    }

    /// Runs a statement in the database `postgres` and gives what it says.
    pub(crate) fn run(&self, statement: &str) -> String {
        let mut psql = Command::new(program("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres"]);
        psql.args(["-p", &self.port().to_string(), "-c", statement, "postgres"]);
        let output = psql.output().expect("psql can be started");
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(&self) {
        self.0.kill();
    }

    /// Starts it again where it was killed: same port, same data.
    pub(crate) fn again(&self) {
        self.0.again();
    }
}

/// A pgbouncer in front of a PostgreSQL cluster: each transaction gets one of two connections of its database.
pub(crate) struct Pgbouncer(Server);

impl Pgbouncer {
    pub(crate) fn start(postgres: &Postgres) -> Self {
        let behind = postgres.port();
        let command = move |folder: &Path, port: u16| {
            let settings = folder.join("pgbouncer.ini");
            let text = format!(
                "[databases]\n* = host=127.0.0.1 port={behind} user=postgres\n[pgbouncer]\nlisten_addr=127.0.0.1\n\
                 listen_port={port}\nunix_socket_dir=\nauth_type=any\npool_mode=transaction\ndefault_pool_size=2\n\
                 server_idle_timeout=2\nmax_client_conn=2000\nignore_startup_parameters=extra_float_digits\n"
            );
            fs::write(&settings, text).expect("the folder is writable");
            let mut command = postgres_program("pgbouncer");
            command.arg(settings);
            command
        };
        Self(Server::start("process up", give_away, command))
    }

    /// The one of this test program, in front of [`Postgres::shared`].
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Pgbouncer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(Postgres::shared()))
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }
}

/// A Redis server that keeps nothing on disk.
pub(crate) struct Redis(Server);

impl Redis {
    /// A new, empty one. It takes a few milliseconds: one for each test is no luxury.
    pub(crate) fn start() -> Self {
        let command = |folder: &Path, port: u16| {
            let mut command = Command::new(program("redis-server"));
            command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
            command.arg("--dir").arg(folder);
            command
        };
        Self(Server::start("Ready to accept connections", |_| {}, command))
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.0.port)
    }

    /// Ends it at once; what it held is lost.
    pub(crate) fn kill(&self) {
        self.0.kill();
    }

    /// Starts it again at the same port, empty.
    pub(crate) fn again(&self) {
        self.0.again();
    }
}

/// Lets the programs of PostgreSQL use a folder that root has made.
fn give_away(folder: &Path) {
    if fs::metadata(folder).expect("the folder is there").uid() == 0 {
        let user = account().iter().map(|name| name.parse().expect("an id is a number")).collect::<Vec<u32>>();
        chown(folder, Some(user[0]), Some(user[1])).expect("root may give a folder away");
    }
}

/// A program of PostgreSQL's, which refuse to run as root: then it runs as a user who may do little.
fn postgres_program(name: &str) -> Command {
    if !is_root() {
        return Command::new(program(name));
    }
    let [user, group] = account();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", group, "--clear-groups"]).arg(program(name));
    // not where root is, which that user may not see
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("there is a /proc").uid() == 0
}

/// The ids of the user and the group of PostgreSQL's programs, when root starts them.
fn account() -> &'static [String; 2] {
    static ACCOUNT: OnceLock<[String; 2]> = OnceLock::new();
    ACCOUNT.get_or_init(|| {
        let id = |what: &str, user: &str| {
            let output = Command::new("id").args([what, user]).output().expect("there is `id`");
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let user = ["postgres", "nobody"].into_iter().find(|user| id("-u", user).is_some()).expect("one is there");
        ["-u", "-g"].map(|what| id(what, user).expect("it was there"))
    })
}

/// Where a program is. Debian keeps PostgreSQL's own out of the path, a folder for each version, and others out of that of
/// people who are not root.
fn program(name: &str) -> PathBuf {
    let system = Path::new("/usr/sbin").join(name);
    if system.is_file() {
        return system;
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let mut found: Vec<PathBuf> =
        versions.map(|it| it.path().join("bin").join(name)).filter(|it| it.is_file()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from(name))
}
