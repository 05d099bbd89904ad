//! `closeloop keys`: API keys for orgs, encryption keys for the engine.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Subcommand;

use crate::{
    app::App,
    base::Secret,
    config::{Config, process_environment},
    crypto::KeyRing,
    runtime::Engine,
    system::SystemRandom,
};

/// What `keys` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a new encryption key, for CLOSELOOP_ENCRYPTION_KEYS.
    Encryption {
        /// The key's id, stored beside what it seals. Use a new one for each key.
        #[arg(long, default_value = "k1")]
        id: String,
    },
    /// Print a new API key of an org; the org is made if it is new. The key is shown this once.
    Api {
        /// The org's name.
        #[arg(long)]
        org: String,
        /// A settings file, as for `serve`.
        #[arg(long, env = "CLOSELOOP_CONFIG")]
        config: Option<PathBuf>,
    },
}

/// Prints the key alone, so that a script can take it.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        Command::Encryption { id } => println!("{}", KeyRing::generate(&id, &SystemRandom).expose()),
        Command::Api { org, config } => {
            let config = Config::load(config.as_deref(), &process_environment)?;
            let engine = App::engine_of(&config).await?;
            println!("{}", api_key(&engine, &org).await?.expose());
            engine.stop(Duration::ZERO).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A new API key of the org of that name, which is made if it is new.
pub(super) async fn api_key(engine: &Engine, org: &str) -> Result<Secret> {
    Ok(engine.new_api_key(org).await?)
}
