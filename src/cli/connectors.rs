//! `closeloop test`, `docs` and `schema`: what an author runs while writing a connector.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, bail};

use super::SchemaOf;
use crate::{
    catalog::{
        folder::{self, Loaded, Unsaved},
        page,
    },
    diag::{Severity, render},
    spec::{Connector, schema as schemas},
    testing::{self, Total},
};

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
    let loaded = load(path, &Unsaved::new())?;
    if loaded.diagnostics.has_errors() {
        let diagnostics = loaded.diagnostics.sorted();
        let errors: Vec<_> = diagnostics.into_iter().filter(|it| it.severity == Severity::Error).collect();
        eprintln!("{}", render::text(&loaded.sources, &errors, std::io::stderr().is_terminal()));
        bail!("the mistakes above come first");
    }
    Ok(loaded.connectors)
}

/// A folder of connectors, or one connector's own directory; with texts that stand for those of its files.
pub(super) fn load(path: &Path, unsaved: &Unsaved) -> Result<Loaded> {
    let one = path.join("connector.yaml").is_file() || path.join("connector.yml").is_file();
    Ok(if one { folder::load_one_with(path, unsaved)? } else { folder::load_with(path, unsaved)? })
}
