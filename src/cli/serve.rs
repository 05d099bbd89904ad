//! `closeloop serve`: the engine until it is told to stop.

use std::process::ExitCode;

use anyhow::Result;

use super::settings::Settings;
use crate::app::{App, logging};

/// What `serve` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

/// Serves until SIGINT or SIGTERM, then lets running calls end. At SIGTERM, which comes from what looks after many replicas,
/// it goes on taking calls until load balancers have noticed.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = arguments.settings.load()?;
    logging::start(&config);
    let drain = config.drain;
    let app = App::start(config).await?;
    tracing::info!(address = %app.address(), "the API is at /v1, its page at /docs");
    if stop_signal().await == Stop::Terminate {
        tracing::info!(seconds = drain.as_secs(), "about to stop; calls are still taken, `/readyz` says 503");
        app.begin_stop();
        // whoever asks again means at once
        let _ = tokio::time::timeout(drain, stop_signal()).await;
    }
    tracing::info!("stopping; running calls may end");
    app.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// Which signal asks to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// SIGINT, as from a keyboard.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// Completes at SIGINT or SIGTERM.
pub(super) async fn stop_signal() -> Stop {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // without a handler only Ctrl-C is left
        let _ = tokio::signal::ctrl_c().await;
        return Stop::Interrupt;
    };
    tokio::select! {
        _ = terminate.recv() => Stop::Terminate,
        _ = tokio::signal::ctrl_c() => Stop::Interrupt,
    }
}
