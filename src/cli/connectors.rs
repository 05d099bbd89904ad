//! `closeloop docs` and `schema`, and how the commands load connectors.

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
    diag::{Severity, did_you_mean, render},
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

/// The connector of that id in a folder, or in a directory of its own.
pub(super) fn load_one(folder: &Path, id: &str) -> Result<Arc<Connector>> {
    if is_one(Path::new(id)) {
        return load_all(Path::new(id))?.into_iter().next().with_context(|| format!("there is no connector in {id}"));
    }
    if !folder.join(id).is_dir() {
        let ids = folder::ids(folder)?;
        let near = did_you_mean(id, ids.iter().map(String::as_str));
        let near = near.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default();
        bail!("there is no connector `{id}` in {}{near}", folder.display());
    }
    let connectors = load_all(&folder.join(id)).with_context(|| format!("connector `{id}`"))?;
    connectors.into_iter().next().with_context(|| format!("there is no connector `{id}` in {}", folder.display()))
}

/// All connectors at a path; mistakes are printed, and then nothing goes on.
fn load_all(path: &Path) -> Result<Vec<Arc<Connector>>> {
    Ok(load_right(path)?.connectors)
}

/// The same with the files that they are made of.
pub(super) fn load_right(path: &Path) -> Result<Loaded> {
    let path = &meant(path);
    let loaded = if is_one(path) { folder::load_one(path)? } else { folder::load(path)? };
    if loaded.diagnostics.has_errors() {
        let diagnostics = loaded.diagnostics.sorted();
        let errors: Vec<_> = diagnostics.into_iter().filter(|it| it.severity == Severity::Error).collect();
        eprintln!("{}", render::text(&loaded.sources, &errors, std::io::stderr().is_terminal()));
        bail!("the mistakes above come first");
    }
    Ok(loaded)
}

/// What is wrong with a folder of connectors, or with one connector's own directory; with texts that stand for those of its files.
pub(super) fn check(path: &Path, unsaved: &Unsaved) -> Result<Loaded> {
    let path = &meant(path);
    Ok(if is_one(path) { folder::load_one_with(path, unsaved)? } else { folder::check_with(path, unsaved)? })
}

/// A path; or, where there is nothing, the connector of that id in the usual folder.
fn meant(path: &Path) -> PathBuf {
    let usual = Path::new("connectors").join(path);
    if !path.exists() && is_one(&usual) { usual } else { path.to_owned() }
}

fn is_one(path: &Path) -> bool {
    path.join("connector.yaml").is_file() || path.join("connector.yml").is_file()
}
