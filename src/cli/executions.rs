//! `closeloop executions`: what nobody knows the outcome of, and what somebody found.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};

use super::{
    client::{ApiClient, AsOrg},
    refusal::refusal,
};

/// What `executions` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    engine: AsOrg,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List those of which nobody knows whether they happened, with what to look for at the provider.
    Unknown,
    /// Say what you found at the provider.
    Resolve {
        /// The execution's id.
        execution: String,
        /// Whether it happened.
        #[arg(long, value_parser = ["succeeded", "failed"])]
        outcome: String,
        /// What the action would have given, as JSON; of one that succeeded it is needed, and `null` if nobody knows.
        #[arg(long)]
        output: Option<String>,
        /// How you know.
        #[arg(long)]
        note: String,
    },
}

/// Prints what is unknown, or the resolved execution.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let client = arguments.engine.client()?;
    match arguments.command {
        Command::Unknown => unknown(&client).await,
        Command::Resolve { execution, outcome, output, note } => {
            if outcome == "succeeded" && output.is_none() {
                bail!(
                    "say what the action would have given, by --output: the chatbot goes on with it (`null` if nobody knows)"
                );
            }
            let mut body = json!({"outcome": outcome, "note": note});
            if let Some(output) = output {
                body["output"] = serde_json::from_str(&output).context("--output is not JSON")?;
            }
            let path = format!("/v1/executions/{execution}/resolve");
            let reply = client.send("POST", &path, Some(&body), None).await?;
            if !reply.is_good() {
                bail!("{}", refusal(&reply));
            }
            println!("{}", serde_json::to_string_pretty(&reply.body)?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn unknown(client: &ApiClient) -> Result<ExitCode> {
    let mut cursor = String::new();
    let mut count = 0;
    loop {
        let reply = client.send("GET", &format!("/v1/executions?in_doubt=true{cursor}"), None, None).await?;
        if !reply.is_good() {
            bail!("{}", refusal(&reply));
        }
        let body = reply.body;
        for it in body["data"].as_array().into_iter().flatten() {
            count += 1;
            print_one(it);
        }
        match body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    if count == 0 {
        println!("The outcome of every execution is known.");
    }
    Ok(ExitCode::SUCCESS)
}

fn print_one(it: &Json) {
    let text = |name: &str| it[name].as_str().unwrap_or_default();
    println!("{}  {} {}  {}", text("id"), text("connector"), text("action"), text("started_at"));
    println!("  {}", it["error"]["detail"].as_str().unwrap_or_default());
    for write in it["check"].as_array().into_iter().flatten() {
        let text = |name: &str| write[name].as_str().unwrap_or_default();
        println!("  look for: {}  ({}, {})", text("request"), text("step"), text("sent_at"));
    }
    if let Some(key) = it["provider_key"].as_str() {
        println!("  the provider may know it by {key}");
    }
    println!();
}
