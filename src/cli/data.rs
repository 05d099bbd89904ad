//! `closeloop retention`, `closeloop erase` and `closeloop export`: what an org keeps, at a running engine.

use std::{io::Write, process::ExitCode};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value as Json, json};

use super::{
    client::{AsOrg, Reply},
    refusal::refusal,
};
use crate::format::query::unreserved;

/// What `retention` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Retention {
    #[command(subcommand)]
    command: RetentionCommand,
    #[command(flatten)]
    engine: AsOrg,
}

#[derive(Debug, clap::Subcommand)]
enum RetentionCommand {
    /// Print how long the org keeps what.
    Show,
    /// Say how long the org keeps what; what is left out is as the engine's settings say.
    Set(Policy),
}

/// How long what is kept.
#[derive(Debug, clap::Args)]
struct Policy {
    /// Arguments of executions.
    #[arg(long)]
    inputs_days: Option<u32>,
    /// Outputs, and what failures say.
    #[arg(long)]
    outputs_days: Option<u32>,
    /// Traces and writes.
    #[arg(long)]
    traces_days: Option<u32>,
    /// Executions as a whole.
    #[arg(long)]
    executions_days: Option<u32>,
    /// Events, and what providers told.
    #[arg(long)]
    events_days: Option<u32>,
    /// How long a turn or an idempotency key answers its first execution.
    #[arg(long)]
    keys_hours: Option<u32>,
}

/// What `erase` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Erase {
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    engine: AsOrg,
}

/// Whose traces.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Of {
    /// A conversation, by the chatbot's own id.
    #[arg(long)]
    conversation: Option<String>,
    /// A customer, by the chatbot's own id.
    #[arg(long)]
    customer: Option<String>,
}

/// What `export` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// Only what is of this conversation.
    #[arg(long, conflicts_with = "customer")]
    conversation: Option<String>,
    /// Only what is of this customer.
    #[arg(long)]
    customer: Option<String>,
    /// Only what follows this `cursor`, where an export broke off.
    #[arg(long)]
    after: Option<String>,
    #[command(flatten)]
    engine: AsOrg,
}

/// Prints the retention as it is then.
pub(super) async fn retention(arguments: Retention) -> Result<ExitCode> {
    let client = arguments.engine.client()?;
    let reply = match arguments.command {
        RetentionCommand::Show => client.send("GET", "/v1/retention", None, None).await?,
        RetentionCommand::Set(it) => {
            let given = [
                ("inputs_days", it.inputs_days),
                ("outputs_days", it.outputs_days),
                ("traces_days", it.traces_days),
                ("executions_days", it.executions_days),
                ("events_days", it.events_days),
                ("keys_hours", it.keys_hours),
            ];
            let policy: Map<_, _> =
                given.into_iter().filter_map(|(name, it)| Some((name.to_owned(), json!(it?)))).collect();
            client.send("PUT", "/v1/retention", Some(&Json::Object(policy)), None).await?
        }
    };
    print(&reply)
}

/// Prints what was erased.
pub(super) async fn erase(arguments: Erase) -> Result<ExitCode> {
    let client = arguments.engine.client()?;
    let (of, id) = match (arguments.of.conversation, arguments.of.customer) {
        (Some(id), _) => ("conversations", id),
        (None, id) => ("customers", id.unwrap_or_default()),
    };
    print(&client.send("DELETE", &format!("/v1/{of}/{}", unreserved(id.as_bytes())), None, None).await?)
}

/// Prints the lines as they come; fails if the end did not.
pub(super) async fn export(arguments: Export) -> Result<ExitCode> {
    let client = arguments.engine.client()?;
    let given =
        [("conversation", arguments.conversation), ("customer", arguments.customer), ("after", arguments.after)];
    let query: Vec<_> =
        given.iter().filter_map(|(name, it)| Some(format!("{name}={}", unreserved(it.as_ref()?.as_bytes())))).collect();
    let mut answer = client.open(&format!("/v1/export?{}", query.join("&"))).await?;
    let mut last = Vec::new();
    while let Some(piece) =
        answer.chunk().await.context("the export broke off; go on with --after and the last `cursor`")?
    {
        std::io::stdout().write_all(&piece).context("can't write")?;
        let start =
            piece.strip_suffix(b"\n").and_then(|it| it.iter().rposition(|it| *it == b'\n')).map_or(0, |it| it + 1);
        last = piece[start..].to_vec();
    }
    if !last.ends_with(b"{\"end\":true}\n") {
        bail!("the export broke off; go on with --after and the last `cursor`");
    }
    Ok(ExitCode::SUCCESS)
}

fn print(reply: &Reply) -> Result<ExitCode> {
    if !reply.is_good() {
        bail!("{}", refusal(reply));
    }
    println!("{}", serde_json::to_string_pretty(&reply.body)?);
    Ok(ExitCode::SUCCESS)
}
