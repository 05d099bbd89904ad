//! `closeloop keys`: API keys for orgs, keys for whoever runs the engine, encryption keys for the engine.

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Result, bail};
use clap::Subcommand;

use super::settings::Settings;
use crate::{app::App, config::Config, crypto::KeyRing, runtime::Engine, system::SystemRandom};

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
        #[command(flatten)]
        settings: Settings,
    },
    /// Print a new key of whoever runs the engine, for `closeloop connectors`. The key is shown this once.
    Operator {
        /// Whose it is: it stands beside what is published with it.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Refuse an API key, or an operator's key, from now on.
    Revoke {
        /// The key's id: the part before its dot.
        id: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Seal every stored credential with the first of the encryption keys, so that the others can be dropped.
    Reseal {
        #[command(flatten)]
        settings: Settings,
    },
}

/// Prints a key alone, so that a script can take it; where it is kept is told beside it.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        Command::Encryption { id } => println!("{}", KeyRing::generate(&id, &SystemRandom).expose()),
        Command::Api { org, settings } => {
            let Opened { engine, place } = open(&settings).await?;
            println!("{}", engine.new_api_key(&org).await?.expose());
            eprintln!("made in {place}");
            engine.stop(Duration::ZERO).await;
        }
        Command::Operator { name, settings } => {
            let Opened { engine, place } = open(&settings).await?;
            println!("{}", engine.new_operator_key(&name).await?.expose());
            eprintln!("made in {place}");
            engine.stop(Duration::ZERO).await;
        }
        Command::Revoke { id, settings } => {
            // whoever pastes the whole key means its id
            let id = id.split('.').next().unwrap_or_default().to_owned();
            let Opened { engine, place } = open(&settings).await?;
            let revoked = match (id.parse(), id.parse()) {
                (Ok(id), _) => engine.revoke_api_key(id).await?,
                (_, Ok(id)) => engine.revoke_operator_key(id).await?,
                _ => false,
            };
            engine.stop(Duration::ZERO).await;
            if !revoked {
                bail!("there is no key `{id}` that is not revoked already in {place}");
            }
            println!("{id} is refused from now on");
        }
        Command::Reseal { settings } => {
            let Opened { engine, .. } = open(&settings).await?;
            let resealed = engine.connections().reseal().await?;
            engine.stop(Duration::ZERO).await;
            println!("{resealed} sealed again; every stored credential now opens with the first key");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An engine that serves nobody.
struct Opened {
    engine: Arc<Engine>,
    /// Where it keeps things, in words and without a password.
    place: String,
}

async fn open(settings: &Settings) -> Result<Opened> {
    let config = settings.load()?;
    let place = place(&config);
    Ok(Opened { engine: App::engine_of(&config).await?, place })
}

/// A database file is made where there is none: then it may be that another one was meant.
fn place(config: &Config) -> String {
    let url = config.database_url.expose();
    let Some(file) = url.strip_prefix("sqlite://") else {
        let server = url::Url::parse(url).ok();
        let server = server.and_then(|it| Some(format!("{}{}", it.host_str()?, it.path())));
        return server.unwrap_or_else(|| "the database of these settings".to_owned());
    };
    let file = Path::new(file.split('?').next().unwrap_or_default());
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    match file.exists() {
        true => whole.display().to_string(),
        false => format!("{}, which is new (`--config` names the database of an engine)", whole.display()),
    }
}
