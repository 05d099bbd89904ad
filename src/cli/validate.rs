//! `closeloop validate`: every mistake, for people, programs and code hosts; and the edits that take the certain ones away.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clap::ValueEnum;

use super::{connectors::check, fix};
use crate::{
    catalog::folder::{Loaded, Unsaved},
    diag::{Diagnostic, Severity, render, sarif},
};

/// What `validate` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Folders of connectors, or single connector directories.
    #[arg(default_value = "connectors")]
    paths: Vec<PathBuf>,
    /// How mistakes are printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Fail on warnings too.
    #[arg(long)]
    deny_warnings: bool,
    /// Make the edits of which nothing else can be meant, and print what is left. A file is changed as a whole or not at all.
    #[arg(long)]
    fix: bool,
}

/// How diagnostics are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With carets, for people.
    Text,
    /// One JSON object a line, for programs.
    Json,
    /// One SARIF 2.1.0 log, for code hosts.
    Sarif,
}

/// Prints every mistake; fails if there is an error.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut all = Vec::new();
    for path in &arguments.paths {
        all.push(checked(path, arguments)?);
    }
    match arguments.format {
        Format::Text => text(&all),
        Format::Json => {
            for (loaded, found) in &all {
                found.iter().for_each(|it| println!("{}", render::json(&loaded.sources, it)));
            }
        }
        Format::Sarif => {
            let log = sarif::sarif(all.iter().map(|(loaded, found)| (&loaded.sources, found.as_slice())));
            println!("{}", serde_json::to_string_pretty(&log)?);
        }
    }
    let refused = |it: &Diagnostic| it.severity == Severity::Error || arguments.deny_warnings;
    let failed = all.iter().flat_map(|(_, found)| found).any(refused);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A path's connectors and what is wrong with them, once the certain fixes are made if they are asked for.
fn checked(path: &Path, arguments: &Arguments) -> Result<(Loaded, Vec<Diagnostic>)> {
    let mut loaded = if arguments.fix {
        fix::run(path, |line| match arguments.format {
            Format::Text => println!("{line}"),
            // There the output is for a program.
            Format::Json | Format::Sarif => eprintln!("{line}"),
        })?
    } else {
        check(path, &Unsaved::new())?
    };
    let found = std::mem::take(&mut loaded.diagnostics).sorted();
    Ok((loaded, found))
}

fn text(all: &[(Loaded, Vec<Diagnostic>)]) {
    let styled = std::io::stdout().is_terminal();
    let mut good = 0;
    for (loaded, found) in all {
        good += loaded.connectors.len();
        if found.is_empty() {
            continue;
        }
        println!("{}\n", render::text(&loaded.sources, found, styled).trim_end());
        println!("{}", render::summary(found).unwrap_or_default());
        let fixable = found.iter().filter(|it| it.fix.as_ref().is_some_and(|it| it.certain)).count();
        if fixable > 0 {
            println!("{fixable} can be put right by `closeloop validate --fix`");
        }
    }
    println!("{good} connector{} can run", if good == 1 { "" } else { "s" });
}
