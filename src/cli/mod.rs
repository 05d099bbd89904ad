//! The commands. The only part that prints.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks by printing")]

mod call;
mod client;
mod connectors;
mod data;
mod demo;
mod dry_run;
mod executions;
mod explain;
mod fix;
mod import;
mod keys;
mod lsp;
mod made;
mod mapping;
mod new;
mod record;
mod refusal;
mod registry;
mod scenario;
mod serve;
mod settings;
mod test;
mod validate;
mod watch;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

/// YAML connectors become actions that an AI agent can call.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play one conversation against sandbox connections, then keep serving. Needs no account.
    Demo(demo::Arguments),
    /// Serve the HTTP API.
    Serve(serve::Arguments),
    /// Check connectors; every mistake is shown with its place.
    Validate(validate::Arguments),
    /// Print what a diagnostic means, with a wrong example and the right one.
    Explain {
        /// Such as `C101`; without it all codes are listed.
        code: Option<String>,
    },
    /// Serve an editor over stdin and stdout (Language Server Protocol).
    Lsp,
    /// Run the connectors' own tests, offline.
    Test(test::Arguments),
    /// Make a connector that validates and whose tests pass: asks what it needs to know, or takes it as flags.
    New(Box<new::Arguments>),
    /// Make a connector from an OpenAPI description, or an action from a curl command.
    Import(import::Arguments),
    /// Print every request that an action would send, and what would come out. Opens no socket.
    DryRun(dry_run::Arguments),
    /// Call a function of an agent at a running engine.
    Call(call::Arguments),
    /// Print the JSON Schema of connector files, for editors.
    Schema {
        /// Of which file.
        #[arg(value_enum, default_value_t = SchemaOf::Connector)]
        of: SchemaOf,
    },
    /// Print what the connectors can do, need and lack, as a page in Markdown (`docs/providers.md`).
    Docs {
        /// A folder of connectors.
        #[arg(default_value = "connectors")]
        path: PathBuf,
    },
    /// Versions of everybody's connectors, put live at a running engine.
    Connectors(registry::Arguments),
    /// How an org maps an object to its own fields, at a running engine.
    Mapping(mapping::Arguments),
    /// How long an org keeps what, at a running engine.
    Retention(data::Retention),
    /// Erase what a conversation or a customer left behind, at a running engine.
    Erase(data::Erase),
    /// Print all that is kept of an org, a conversation or a customer, one JSON object a line.
    Export(data::Export),
    /// Executions of which nobody knows whether they happened, at a running engine.
    Executions(executions::Arguments),
    /// API keys of orgs, and encryption keys of the engine.
    Keys(keys::Arguments),
}

/// The files of a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SchemaOf {
    /// `connector.yaml`
    Connector,
    /// `_accounts/*.yaml`
    Account,
    /// `tests.yaml`
    Tests,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    end_quietly_when_nobody_reads();
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("closeloop: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whoever reads our output may have seen enough (`| head`). Rust makes a panic of that, since it ignores `SIGPIPE`.
fn end_quietly_when_nobody_reads() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or_default();
        if text.starts_with("failed printing to stdout") && text.contains("Broken pipe") {
            std::process::exit(0);
        }
        usual(info);
    }));
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Demo(arguments) => block_on(demo::run(arguments)),
        Command::Serve(arguments) => block_on(serve::run(arguments)),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Explain { code } => explain::run(code.as_deref()),
        Command::Lsp => lsp::run(),
        Command::Test(arguments) => test::run(&arguments),
        Command::New(arguments) => block_on(new::run(*arguments)),
        Command::Import(arguments) => block_on(import::run(arguments)),
        Command::DryRun(arguments) => block_on(dry_run::run(arguments)),
        Command::Call(arguments) => block_on(call::run(arguments)),
        Command::Schema { of } => connectors::schema(of),
        Command::Docs { path } => connectors::docs(&path),
        Command::Connectors(arguments) => block_on(registry::run(arguments)),
        Command::Mapping(arguments) => block_on(mapping::run(arguments)),
        Command::Retention(arguments) => block_on(data::retention(arguments)),
        Command::Erase(arguments) => block_on(data::erase(arguments)),
        Command::Export(arguments) => block_on(data::export(arguments)),
        Command::Executions(arguments) => block_on(executions::run(arguments)),
        Command::Keys(arguments) => block_on(keys::run(arguments)),
    }
}

/// One runtime for the whole process, made only by the commands that need it.
fn block_on(future: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_can_be_parsed() {
        Arguments::command().debug_assert();
    }
}
