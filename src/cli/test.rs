//! `closeloop test`: runs the authors' cases.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};

use super::{block_on, connectors, record, watch};
use crate::{
    diag::Sources,
    testing::{self, Coverage, Total},
};

/// What `test` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Folders of connectors, or single connector directories.
    #[arg(default_value = "connectors")]
    paths: Vec<PathBuf>,
    /// List the steps, branches, error rules and pages that no case shows.
    #[arg(long)]
    coverage: bool,
    /// Run them again whenever a file changes.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    recording: record::Recording,
}

/// Runs the cases of every connector; fails if one fails.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(of) = &arguments.recording.record {
        let [directory] = arguments.paths.as_slice() else {
            bail!("a case is recorded for one connector: name its directory")
        };
        return block_on(record::run(&arguments.recording, of, directory));
    }
    if arguments.watch {
        return watch::again(&arguments.paths, || block_on(cases(arguments)));
    }
    block_on(cases(arguments))
}

/// Of several connectors it tells how many there are of everything.
async fn cases(arguments: &Arguments) -> Result<ExitCode> {
    let mut total = Total::default();
    for path in &arguments.paths {
        let loaded = connectors::load_right(path)?;
        if loaded.connectors.is_empty() {
            bail!("there is no connector in {}", path.display());
        }
        for connector in &loaded.connectors {
            let report = testing::run_all(connector).await;
            println!("{report}");
            if arguments.coverage {
                print_coverage(&loaded.sources, &report.coverage);
            }
            total.add(connector, &report);
        }
    }
    if total.connectors > 1 {
        println!("{total}");
    }
    Ok(if total.wrong > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// How much the cases show; and what they don't, as `connectors/shop/connector.yaml:12:9: no case skips the step …`, of which
/// editors and terminals make links.
fn print_coverage(sources: &Sources, coverage: &Coverage) {
    println!("  {} of {} steps, branches, error rules and pages are shown", coverage.covered(), coverage.of);
    for place in &coverage.missing {
        let (line, column) = sources.position(place.at.file, place.at.start);
        println!("  {}:{line}:{column}: {}", sources.get(place.at.file).name, place.missing);
    }
}
