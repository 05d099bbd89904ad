//! What `new` and `import` do with a connector that they made: write it, never over another, and show whether it is right.

use std::{
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};

use crate::{
    catalog::folder,
    diag::{Severity, codes, render},
    import::{Draft, draft::Schemas},
    testing,
};

/// Writes a connector's directory.
///
/// # Errors
/// If there is one already, which stays as it is.
pub(super) fn create(folder: &Path, draft: &Draft) -> Result<PathBuf> {
    let directory = folder.join(&draft.id);
    fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    let [connector, tests] = ["connector", "tests"].map(|of| schema(&directory, of));
    let files = draft.files(Schemas { connector: connector.as_deref(), tests: tests.as_deref() });
    if let Err(error) = fs::create_dir(&directory) {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            bail!("there is `{}` already; nothing was written", directory.display());
        }
        return Err(error).with_context(|| format!("{}", directory.display()));
    }
    for (name, text) in [("connector.yaml", &files.connector), ("tests.yaml", &files.tests), ("logo.svg", &files.logo)]
    {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("{}", path.display()))?;
    }
    println!("made {}: connector.yaml, tests.yaml, logo.svg", directory.display());
    Ok(directory)
}

/// Writes files anew: each is there as a whole, or as it was.
pub(super) fn replace(files: &[(&Path, &str)]) -> Result<()> {
    for (path, text) in files {
        let beside = path.with_extension("yaml.new");
        fs::write(&beside, text).with_context(|| beside.display().to_string())?;
        fs::rename(&beside, path).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Where the schema of a file stands, seen from the connector's directory: in the nearest folder that has it, or in its `docs`.
fn schema(directory: &Path, of: &str) -> Option<String> {
    let name = format!("{of}.schema.json");
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf());
    let mut up = "..".to_owned();
    for ancestor in absolute.ancestors().skip(1).take(6) {
        for (folder, seen) in [(ancestor.to_path_buf(), up.clone()), (ancestor.join("docs"), format!("{up}/docs"))] {
            if folder.join(&name).is_file() {
                return Some(format!("{seen}/{name}"));
            }
        }
        up.push_str("/..");
    }
    None
}

/// Shows what there is to do, and whether its cases pass.
pub(super) async fn tell(directory: &Path) -> Result<ExitCode> {
    let loaded = folder::load_one(directory)?;
    let found = loaded.diagnostics.sorted();
    let wrong = found.iter().any(|it| it.severity == Severity::Error);
    if !found.is_empty() {
        println!("\n{}", render::text(&loaded.sources, &found, std::io::stdout().is_terminal()).trim_end());
        println!("{}\n", render::summary(&found).unwrap_or_default());
    }
    let mut failed = wrong;
    for connector in &loaded.connectors {
        let report = testing::run_all(connector).await;
        failed |= !report.passed();
        println!("{report}");
    }
    let todos = found.iter().filter(|it| it.code == codes::TODO).count();
    let next = match todos {
        0 => format!("next: edit it, then `closeloop validate {0}` and `closeloop test {0}`", directory.display()),
        _ => format!("next: do what the TODOs say, until `closeloop validate {}` shows none", directory.display()),
    };
    println!("{next}");
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
