//! `closeloop serve`: the engine until it is told to stop.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;

use crate::{
    app::{App, logging},
    config::{Config, process_environment},
};

/// What `serve` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A settings file; `src/config/default.yaml` shows every setting.
    #[arg(long, env = "CLOSELOOP_CONFIG")]
    config: Option<PathBuf>,
}

/// Serves until SIGINT or SIGTERM, then lets running calls end.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = Config::load(arguments.config.as_deref(), &process_environment)?;
    logging::start(&config);
    let app = App::start(config).await?;
    tracing::info!(address = %app.address(), "the API is at /v1, its page at /docs");
    stop_signal().await;
    tracing::info!("stopping; running calls may end");
    app.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// Completes at SIGINT or SIGTERM.
pub(super) async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // without a handler only Ctrl-C is left
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
