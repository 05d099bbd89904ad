//! `closeloop demo`: one conversation through the HTTP API, against sandbox connections.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};

use super::{client::ApiClient, scenario, serve::stop_signal};
use crate::{
    app::{App, logging},
    base::Secret,
    config::{Config, process_environment},
    crypto::KeyRing,
    system::SystemRandom,
};

/// What `demo` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// End after the conversation instead of serving on.
    #[arg(long)]
    once: bool,
    /// Where the demo keeps its database and its encryption key.
    #[arg(long, default_value = ".demo")]
    dir: PathBuf,
    /// The folder of connectors.
    #[arg(long, default_value = "connectors")]
    connectors: PathBuf,
    /// Where it listens; a free port if this one is taken.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
}

/// What is played, beside the connectors that it plays with.
const SCENARIO: &str = "_demo.yaml";

/// Plays the conversation, then serves until it is interrupted.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = settings(&arguments)?;
    logging::start(&config);
    let app = App::start(config).await?;
    let key = app.engine().new_api_key("demo").await?;
    let base = format!("http://{}", app.address());
    println!("Closeloop demo: no account needed, every provider below is a sandbox.\n");
    let client = ApiClient::new(&base, Secret::new(key.expose()))?;
    let played = scenario::play(&arguments.connectors.join(SCENARIO), client).await;
    if let Err(error) = played {
        app.stop().await?;
        return Err(error);
    }
    if arguments.once {
        println!("That was the whole conversation. Without --once the engine goes on serving.");
    } else {
        println!("The API:            {base}/v1   (Authorization: Bearer {})", key.expose());
        println!("Its documentation:  {base}/docs");
        println!("OpenAPI:            {base}/openapi.json");
        println!("\nServing until you press Ctrl-C.");
        stop_signal().await;
    }
    app.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// Everything of the demo lives in its own folder, its encryption key too.
fn settings(arguments: &Arguments) -> Result<Config> {
    let dir = &arguments.dir;
    fs::create_dir_all(dir).with_context(|| format!("can't make {}", dir.display()))?;
    let mut config = Config::from_text("", &process_environment)?;
    config.listen = match std::net::TcpListener::bind(&arguments.listen) {
        Ok(_) => arguments.listen.parse().context("--listen is not an address")?,
        Err(_) => "127.0.0.1:0".parse().context("an address")?,
    };
    config.database_url = Secret::new(format!("sqlite://{}", dir.join("demo.sqlite").display()));
    // the conversation is to be read, not the log; what goes wrong still shows
    "warn".clone_into(&mut config.log_level);
    config.connectors.clone_from(&arguments.connectors);
    config.encryption_keys = Some(demo_key(&dir.join("encryption.key"))?);
    Ok(config)
}

/// The key of the folder's first run; readable by its owner only.
fn demo_key(path: &Path) -> Result<Secret> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Ok(text) = fs::read_to_string(path) {
        return Ok(Secret::new(text.trim()));
    }
    let key = KeyRing::generate("demo", &SystemRandom);
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("can't write {}", path.display()))?;
    std::io::Write::write_all(&mut file, key.expose().as_bytes())?;
    Ok(key)
}
