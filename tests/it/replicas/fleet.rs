//! Replicas: the real program, started as often as wanted over one database.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use closeloop::{base::Secret, crypto::KeyRing, system::SystemRandom};
use serde_json::{Map, Value as Json, json};

use crate::{
    harness::Client,
    servers::process::{self, Guarded, Log, Process, free_port},
};

/// What all replicas are told.
#[derive(Default)]
pub(crate) struct Settings {
    /// By default SQLite, of which there can be one replica only.
    pub(crate) database_url: Option<String>,
    /// By default none.
    pub(crate) redis_url: Option<String>,
    /// By default the shipped ones.
    pub(crate) connectors: Option<PathBuf>,
    /// A provider's origin → a stand-in's.
    pub(crate) overrides: Vec<(&'static str, String)>,
    /// Provider account → client id and secret.
    pub(crate) accounts: Vec<(&'static str, String, String)>,
    /// How providers reach them; by default they can't.
    pub(crate) public_url: Option<&'static str>,
    /// Further settings by their names, such as `lease_seconds`.
    pub(crate) more: Vec<(&'static str, Json)>,
}

/// Some replicas. Those that run are killed when it is dropped.
pub(crate) struct Fleet {
    /// With the key of the org `acme`, at the first replica.
    pub(crate) client: Client,
    replicas: Vec<Replica>,
    environment: Vec<(String, String)>,
    files: Guarded,
}

struct Replica {
    port: u16,
    process: Mutex<Option<Process>>,
    log: Log,
}

impl Fleet {
    /// Makes `count` of them; none runs yet.
    pub(crate) fn new(count: usize, settings: Settings) -> Self {
        let files = Guarded::new();
        let environment = environment(files.path(), settings);
        let key = command(&environment, &["keys", "api", "--org", "acme"]);
        let replica = |_| Replica { port: free_port(), process: Mutex::default(), log: Log::default() };
        let replicas: Vec<_> = (0..count).map(replica).collect();
        let client = Client::at(base(&replicas[0]), Secret::new(key.trim()));
        Self { client, replicas, environment, files }
    }

    /// Makes `count` of them and starts them all.
    pub(crate) fn started(count: usize, settings: Settings) -> Self {
        let fleet = Self::new(count, settings);
        (0..count).for_each(|it| fleet.spawn(it));
        (0..count).for_each(|it| fleet.await_ready(it));
        fleet
    }

    /// Runs a command of the program beside them, and gives what it prints.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        command(&self.environment, arguments)
    }

    /// How many there are, running or not.
    pub(crate) fn count(&self) -> usize {
        self.replicas.len()
    }

    /// `http://127.0.0.1:<port>` of a replica, running or not.
    pub(crate) fn base(&self, number: usize) -> String {
        base(&self.replicas[number])
    }

    /// A client of one replica.
    pub(crate) fn client_of(&self, number: usize) -> Client {
        self.client.elsewhere(self.base(number))
    }

    /// Starts one, at the same port as always; it is not ready yet.
    pub(crate) fn spawn(&self, number: usize) {
        let replica = &self.replicas[number];
        let mut command = program(&self.environment);
        command.arg("serve").env("CLOSELOOP_LISTEN", format!("127.0.0.1:{}", replica.port));
        let process = Process::spawn(command, "the API is at", &replica.log);
        self.files.watch(&number.to_string(), &process);
        let before = replica.process().replace(process);
        assert!(before.is_none(), "replica {number} runs already");
    }

    /// Waits until one that was started takes calls.
    pub(crate) fn await_ready(&self, number: usize) {
        let replica = &self.replicas[number];
        let is_ready = replica.process().as_mut().is_some_and(Process::is_ready);
        assert!(is_ready, "replica {number} does not start:\n{}", self.log(number));
    }

    /// Ends one at once, as `kill -9` does.
    pub(crate) fn kill(&self, number: usize) {
        self.replicas[number].process().take().expect("it runs").kill();
        self.files.forget(&number.to_string());
    }

    /// Sends a signal by its short name: `STOP` lets one stand still, `CONT` go on.
    pub(crate) fn signal(&self, number: usize, name: &str) {
        self.replicas[number].process().as_ref().expect("it runs").signal(name);
    }

    /// Asks one to stop and waits until it has.
    pub(crate) fn stop(&self, number: usize) {
        let process = self.replicas[number].process().take().expect("it runs");
        process.signal("TERM");
        assert!(process.wait(), "replica {number} does not stop well:\n{}", self.log(number));
        self.files.forget(&number.to_string());
    }

    /// Its process's number.
    pub(crate) fn process_id(&self, number: usize) -> u32 {
        self.replicas[number].process().as_ref().expect("it runs").id()
    }

    /// What one has logged lately.
    pub(crate) fn log(&self, number: usize) -> String {
        process::text(&self.replicas[number].log)
    }

    /// Where the SQLite database is.
    pub(crate) fn files(&self) -> &Path {
        self.files.path()
    }
}

#[expect(clippy::print_stdout, reason = "a failed test tells what the replicas said")]
impl Drop for Fleet {
    fn drop(&mut self) {
        for replica in &self.replicas {
            if let Some(process) = replica.process().take() {
                process.kill();
            }
        }
        if std::thread::panicking() {
            for number in 0..self.count() {
                let log = self.log(number);
                let last: Vec<_> = log.lines().rev().take(20).collect();
                println!("\nthe last that replica {number} says:");
                last.iter().rev().for_each(|line| println!("{line}"));
            }
        }
    }
}

impl Replica {
    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn base(replica: &Replica) -> String {
    format!("http://127.0.0.1:{}", replica.port)
}

/// The program in an environment of its own.
fn program(environment: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_closeloop"));
    command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

/// Runs a command to its end, and gives what it prints.
fn command(environment: &[(String, String)], arguments: &[&str]) -> String {
    let printed = program(environment).args(arguments).output().expect("the program is there");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    String::from_utf8(printed.stdout).expect("what it prints is text")
}

/// Writes the settings file, and gives the environment.
fn environment(folder: &Path, settings: Settings) -> Vec<(String, String)> {
    let sqlite = || format!("sqlite://{}", folder.join("engine.sqlite").display());
    let shipped = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("connectors");
    let mut file = Map::from_iter([
        ("database_url".to_owned(), json!(settings.database_url.unwrap_or_else(sqlite))),
        ("connectors".to_owned(), json!(settings.connectors.unwrap_or_else(shipped))),
        ("endpoint_overrides".to_owned(), settings.overrides.into_iter().collect()),
        ("stop_timeout_seconds".to_owned(), json!(10)),
    ]);
    let mut environment =
        vec![("CLOSELOOP_ENCRYPTION_KEYS".to_owned(), KeyRing::generate("test", &SystemRandom).expose().to_owned())];
    let mut accounts = Map::new();
    for (account, id, secret) in settings.accounts {
        let name = format!("SECRET_OF_{}", account.to_uppercase());
        accounts.insert(account.to_owned(), json!({"client_id": id, "client_secret_env": name}));
        environment.push((name, secret));
    }
    file.insert("accounts".to_owned(), accounts.into());
    let further = [
        settings.redis_url.map(|it| ("redis_url", json!(it))),
        settings.public_url.map(|it| ("public_url", json!(it))),
    ];
    for (name, value) in further.into_iter().flatten().chain(settings.more) {
        file.insert(name.to_owned(), value);
    }
    let path = folder.join("closeloop.yaml");
    // every JSON text is YAML
    fs::write(&path, Json::from(file).to_string()).expect("a temporary folder can be written");
    environment.push(("CLOSELOOP_CONFIG".to_owned(), path.display().to_string()));
    environment
}
