//! `closeloop validate`, `test` and `schema`: what an author runs while writing a connector.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, bail};

use super::{Format, SchemaOf};
use crate::{
    catalog::{
        folder::{self, Loaded},
        page,
    },
    diag::{Severity, render},
    spec::{Connector, schema as schemas},
    testing::{self, Total},
};

/// Prints every mistake; fails if there is an error.
pub(super) fn validate(paths: &[PathBuf], format: Format, deny_warnings: bool) -> Result<ExitCode> {
    let mut failed = false;
    let mut good = 0;
    for path in paths {
        let loaded = load(path)?;
        good += loaded.connectors.len();
        let diagnostics = loaded.diagnostics.sorted();
        failed |= diagnostics.iter().any(|it| it.severity == Severity::Error || deny_warnings);
        match format {
            Format::Text if diagnostics.is_empty() => {}
            Format::Text => {
                let styled = std::io::stdout().is_terminal();
                println!("{}\n", render::text(&loaded.sources, &diagnostics, styled).trim_end());
                println!("{}", render::summary(&diagnostics).unwrap_or_default());
            }
            Format::Json => {
                for diagnostic in &diagnostics {
                    println!("{}", render::json(&loaded.sources, diagnostic));
                }
            }
        }
    }
    if format == Format::Text {
        println!("{good} connector{} can run", if good == 1 { "" } else { "s" });
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs the cases of every connector; fails if one fails. Of several connectors it tells how many there are of everything.
pub(super) async fn test(paths: Vec<PathBuf>) -> Result<ExitCode> {
    let mut total = Total::default();
    for path in &paths {
        for connector in load_all(path)? {
            let report = testing::run_all(&connector).await;
            println!("{report}");
            total.add(&connector, &report);
        }
    }
    if total.connectors > 1 {
        println!("{total}");
    }
    Ok(if total.wrong > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Prints the page of all connectors.
pub(super) fn docs(path: &Path) -> Result<ExitCode> {
    print!("{}", page::markdown(&load_all(path)?));
    Ok(ExitCode::SUCCESS)
}

/// Prints a JSON Schema.
pub(super) fn schema(of: SchemaOf) -> Result<ExitCode> {
    let schema = match of {
        SchemaOf::Connector => schemas::connector(),
        SchemaOf::Account => schemas::account(),
        SchemaOf::Tests => schemas::tests(),
    };
    println!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(ExitCode::SUCCESS)
}

/// The connector of that id in a folder.
pub(super) fn load_one(folder: &Path, id: &str) -> Result<Arc<Connector>> {
    let connectors = load_all(&folder.join(id)).with_context(|| format!("connector `{id}`"))?;
    connectors.into_iter().next().with_context(|| format!("there is no connector `{id}` in {}", folder.display()))
}

/// All connectors at a path; mistakes are printed, and then nothing goes on.
fn load_all(path: &Path) -> Result<Vec<Arc<Connector>>> {
    let loaded = load(path)?;
    if loaded.diagnostics.has_errors() {
        let diagnostics = loaded.diagnostics.sorted();
        let errors: Vec<_> = diagnostics.into_iter().filter(|it| it.severity == Severity::Error).collect();
        eprintln!("{}", render::text(&loaded.sources, &errors, std::io::stderr().is_terminal()));
        bail!("the mistakes above come first");
    }
    Ok(loaded.connectors)
}

/// A folder of connectors, or one connector's own directory.
fn load(path: &Path) -> Result<Loaded> {
    let one = path.join("connector.yaml").is_file() || path.join("connector.yml").is_file();
    Ok(if one { folder::load_one(path)? } else { folder::load(path)? })
}
