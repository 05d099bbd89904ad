//! `closeloop keys`: API keys for orgs, keys for whoever runs the engine, encryption keys for the engine.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::{
    app::App,
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
    /// Print a new key of whoever runs the engine, for `closeloop connectors`. The key is shown this once.
    Operator {
        /// Whose it is: it stands beside what is published with it.
        #[arg(long)]
        name: String,
        /// A settings file, as for `serve`.
        #[arg(long, env = "CLOSELOOP_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Refuse an API key, or an operator's key, from now on.
    Revoke {
        /// The key's id: the part before its dot.
        id: String,
        /// A settings file, as for `serve`.
        #[arg(long, env = "CLOSELOOP_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Seal every stored credential with the first of the encryption keys, so that the others can be dropped.
    Reseal {
        /// A settings file, as for `serve`.
        #[arg(long, env = "CLOSELOOP_CONFIG")]
        config: Option<PathBuf>,
    },
}

/// Prints a key alone, so that a script can take it.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        Command::Encryption { id } => println!("{}", KeyRing::generate(&id, &SystemRandom).expose()),
        Command::Api { org, config } => {
            let engine = engine(config).await?;
            println!("{}", engine.new_api_key(&org).await?.expose());
            engine.stop(Duration::ZERO).await;
        }
        Command::Operator { name, config } => {
            let engine = engine(config).await?;
            println!("{}", engine.new_operator_key(&name).await?.expose());
            engine.stop(Duration::ZERO).await;
        }
        Command::Revoke { id, config } => {
            // whoever pastes the whole key means its id
            let id = id.split('.').next().unwrap_or_default().to_owned();
            let engine = engine(config).await?;
            let revoked = match (id.parse(), id.parse()) {
                (Ok(id), _) => engine.revoke_api_key(id).await?,
                (_, Ok(id)) => engine.revoke_operator_key(id).await?,
                _ => false,
            };
            engine.stop(Duration::ZERO).await;
            if !revoked {
                bail!("there is no key `{id}` that is not revoked already");
            }
            println!("{id} is refused from now on");
        }
        Command::Reseal { config } => {
            let engine = engine(config).await?;
            let resealed = engine.connections().reseal().await?;
            engine.stop(Duration::ZERO).await;
            println!("{resealed} sealed again; every stored credential now opens with the first key");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn engine(config: Option<PathBuf>) -> Result<Arc<Engine>> {
    App::engine_of(&Config::load(config.as_deref(), &process_environment)?).await
}
