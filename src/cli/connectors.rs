//! `closeloop docs` and `schema`, and how the commands load connectors.

use std::{io::IsTerminal, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};

use super::SchemaOf;
use crate::{
    catalog::{
        folder::{self, Loaded, Unsaved},
        page,
    },
    diag::{Severity, render},
    spec::{Connector, schema as schemas},
};

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
    Ok(load_right(path)?.connectors)
}

/// The same with the files that they are made of.
pub(super) fn load_right(path: &Path) -> Result<Loaded> {
    let loaded = load(path, &Unsaved::new())?;
    if loaded.diagnostics.has_errors() {
        let diagnostics = loaded.diagnostics.sorted();
        let errors: Vec<_> = diagnostics.into_iter().filter(|it| it.severity == Severity::Error).collect();
        eprintln!("{}", render::text(&loaded.sources, &errors, std::io::stderr().is_terminal()));
        bail!("the mistakes above come first");
    }
    Ok(loaded)
}

/// A folder of connectors, or one connector's own directory; with texts that stand for those of its files.
pub(super) fn load(path: &Path, unsaved: &Unsaved) -> Result<Loaded> {
    let one = path.join("connector.yaml").is_file() || path.join("connector.yml").is_file();
    Ok(if one { folder::load_one_with(path, unsaved)? } else { folder::load_with(path, unsaved)? })
}
