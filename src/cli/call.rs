//! `closeloop call`: call a function of an agent at a running engine.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};

use super::{
    client::{ApiClient, AsOrg},
    refusal::{all, instead, refusal, texts},
};

/// What `call` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The agent whose function it is.
    agent: String,
    /// The function's name, as the model sees it.
    function: String,
    /// The arguments, as a JSON object.
    #[arg(long, default_value = "{}")]
    input: String,
    /// Repeating a call with the same key gives the same answer.
    #[arg(long)]
    idempotency_key: Option<String>,
    /// The conversation that it is part of, by the chatbot's own id.
    #[arg(long)]
    conversation: Option<String>,
    /// The turn of the conversation; repeating its call gives the same answer.
    #[arg(long, requires = "conversation")]
    turn: Option<String>,
    /// The customer that it is for, by the chatbot's own id.
    #[arg(long)]
    customer: Option<String>,
    /// Wait for the end for at most so many seconds; then print the execution as it stands. Without it, until there is an end.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=600))]
    wait: Option<u64>,
    #[command(flatten)]
    engine: AsOrg,
}

/// Prints the execution; succeeds when the action did, or waits for something, or runs on after `--wait`.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let input: Json = serde_json::from_str(&arguments.input).context("--input is not JSON")?;
    let client = arguments.engine.client()?;
    let path = format!("/v1/agents/{}/calls", arguments.agent);
    let mut body = json!({"function": arguments.function, "arguments": input});
    for (name, id) in
        [("conversation", arguments.conversation), ("turn", arguments.turn), ("customer", arguments.customer)]
    {
        if let Some(id) = id {
            body[name] = json!(id);
        }
    }
    let mut headers = Vec::new();
    headers.extend(arguments.idempotency_key.map(|key| ("idempotency-key", key)));
    headers.extend(arguments.wait.map(|seconds| ("prefer", format!("wait={seconds}"))));
    let reply = client.send_with("POST", &path, Some(&body), &headers).await?;
    if !reply.is_good() {
        let missing = reply.body["code"] == "not_found";
        let why = if missing { missing_function(&client, &arguments.agent, &arguments.function).await? } else { None };
        bail!("{}", why.unwrap_or_else(|| refusal(&reply)));
    }
    println!("{}", serde_json::to_string_pretty(&reply.body)?);
    let is_well = reply.body["status"].as_str().is_some_and(|it| ["succeeded", "waiting", "running"].contains(&it));
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why an agent has no such function, by what the org's key may see: it is enabled and can't be called, or is another one.
async fn missing_function(client: &ApiClient, agent: &str, function: &str) -> Result<Option<String>> {
    let enabled = client.send("GET", &format!("/v1/agents/{agent}/actions"), None, None).await?;
    if !enabled.is_good() {
        return Ok(None);
    }
    let rows = all(&enabled.body["data"]);
    if let Some(row) = rows.iter().find(|it| it["name"] == function) {
        let problems: Vec<_> = all(&row["problems"]).iter().filter_map(Json::as_str).collect();
        let why = match &problems[..] {
            [] => "its connector or its action is not there".to_owned(),
            problems => problems.join("; "),
        };
        return Ok(Some(format!("`{function}` of the agent `{agent}` can't be called: {why}")));
    }
    let there = texts(&enabled.body["data"], "name");
    Ok(Some(format!("the agent `{agent}` has no function `{function}`{}", instead(function, &there))))
}
