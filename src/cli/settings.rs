//! The settings file, as the commands that need one take it.

use std::path::PathBuf;

use anyhow::Result;
use clap::builder::{OsStringValueParser, TypedValueParser as _};

use crate::config::{Config, process_environment};

/// Which settings.
#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// A settings file; `src/config/default.yaml` shows every setting.
    // an empty variable counts as none
    #[arg(long, env = "CLOSELOOP_CONFIG", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    config: Option<PathBuf>,
}

impl Settings {
    /// # Errors
    /// Names the setting that can't be used.
    pub(super) fn load(&self) -> Result<Config> {
        let file = self.config.as_deref().filter(|it| !it.as_os_str().is_empty());
        Config::load(file, &process_environment)
    }
}
