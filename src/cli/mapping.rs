//! `closeloop mapping`: an org's mappings as YAML, at a running engine.

use std::{fs, path::Path, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value as Json, json};

use super::{
    client::{ApiClient, AsOrg, Reply},
    refusal::refusal,
};
use crate::{
    base::pointer,
    diag::{Diagnostic, Diagnostics, Sources, Span, codes, render},
    yaml::{self, Node},
};

/// What `mapping` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    engine: AsOrg,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print the mapping in use, as YAML.
    Show(At),
    /// Print a mapping that the org's fields suggest, as YAML.
    Suggest(At),
    /// Save the mapping in a file, if it fits the org's fields.
    Set(File),
    /// Check the mapping in a file against the org's fields.
    Check(File),
}

/// Which object.
#[derive(Debug, clap::Args)]
struct At {
    /// The connection's id.
    connection: String,
    /// The object's name.
    object: String,
    /// What the org's fields depend on, as a JSON object.
    #[arg(long, default_value = "{}")]
    config: String,
    /// The connector, if it isn't the one that the account was connected for.
    #[arg(long)]
    connector: Option<String>,
}

/// A mapping in a file.
#[derive(Debug, clap::Args)]
struct File {
    /// The connection's id.
    connection: String,
    /// YAML with `object`, `fields`, …
    file: PathBuf,
    /// The connector, if it isn't the one that the account was connected for.
    #[arg(long)]
    connector: Option<String>,
}

/// Prints what was asked for; fails if the mapping doesn't fit.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let client = arguments.engine.client()?;
    match arguments.command {
        Command::Show(at) => show(&client, &at, false).await,
        Command::Suggest(at) => show(&client, &at, true).await,
        Command::Set(file) => write(&client, &file, true).await,
        Command::Check(file) => write(&client, &file, false).await,
    }
}

async fn show(client: &ApiClient, at: &At, suggest: bool) -> Result<ExitCode> {
    let config: Json = serde_json::from_str(&at.config).context("--config is not JSON")?;
    let (method, suffix) = if suggest { ("POST", "/suggest") } else { ("GET", "") };
    let address = address(&at.connection, &at.object, suffix, at.connector.as_deref(), Some(&config));
    let reply = answered(client.send(method, &address, None, None).await?)?;
    let mapping = if suggest { &reply["mapping"] } else { &reply };
    let mut file = Map::from_iter([("object".to_owned(), json!(at.object))]);
    let config = if suggest { &config } else { &reply["config"] };
    for (name, part) in [
        ("config", config),
        ("fields", &mapping["fields"]),
        ("constants", &mapping["constants"]),
        ("extra", &mapping["extra"]),
    ] {
        if part.as_object().is_some_and(|it| !it.is_empty()) {
            file.insert(name.to_owned(), part.clone());
        }
    }
    let file = serde_yaml::to_string(&Json::Object(file)).context("the mapping can't be written as YAML")?;
    println!("{}", file.trim_end());
    if suggest {
        let unmatched: Vec<_> = reply["unmatched"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        if !unmatched.is_empty() {
            eprintln!("nothing was found for {}", unmatched.join(", "));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn write(client: &ApiClient, file: &File, save: bool) -> Result<ExitCode> {
    let mut sources = Sources::default();
    let node = read(&file.file, &mut sources)?;
    let mapping = yaml::to_json(&node);
    let object = mapping["object"].as_str().context("the file lacks the key `object`")?;
    let (method, suffix) = if save { ("PUT", "") } else { ("POST", "/check") };
    let address = address(&file.connection, object, suffix, file.connector.as_deref(), None);
    let reply = client.send(method, &address, Some(&mapping), None).await?;
    let errors = reply.body["errors"].as_array().cloned().unwrap_or_default();
    let warnings = reply.body["warnings"].as_array().cloned().unwrap_or_default();
    let mut found = Diagnostics::default();
    for (list, is_error) in [(&errors, true), (&warnings, false)] {
        for problem in list {
            found.push(diagnostic(&node, problem, is_error));
        }
    }
    if !errors.is_empty() || !warnings.is_empty() {
        let found = found.sorted();
        println!("{}\n", render::text(&sources, &found, false).trim_end());
        println!("{}", render::summary(&found).unwrap_or_default());
    }
    if !errors.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    answered(reply)?;
    println!("{}", if save { "saved" } else { "it fits" });
    Ok(ExitCode::SUCCESS)
}

/// A file that is YAML; mistakes in it are printed.
fn read(path: &Path, sources: &mut Sources) -> Result<Node> {
    let bytes = fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
    let mut diagnostics = Diagnostics::default();
    let file = yaml::read(sources, &path.display().to_string(), &bytes, &mut diagnostics);
    match file.and_then(|it| yaml::parse(sources, it, &mut diagnostics)).filter(|_| !diagnostics.has_errors()) {
        Some(node) => Ok(node),
        None => {
            eprintln!("{}", render::text(sources, &diagnostics.sorted(), false));
            bail!("the mistakes above come first");
        }
    }
}

/// What the engine says of a place in the mapping, at that place in the file.
fn diagnostic(node: &Node, problem: &Json, is_error: bool) -> Diagnostic {
    let text = |key: &str| problem[key].as_str().unwrap_or_default();
    let span = place(node, text("path"));
    let message = problem["message"].as_str().map_or_else(|| format!("expected {}", text("expected")), str::to_owned);
    match is_error {
        true => Diagnostic::error(codes::BAD_MAPPING, span, message),
        false => Diagnostic::warning(codes::BAD_MAPPING, span, message),
    }
}

/// The place that a JSON Pointer means, as far as it leads.
fn place(node: &Node, path: &str) -> Span {
    yaml::at_pointer(node, path.split('/').skip(1).map(pointer::key))
}

fn address(connection: &str, object: &str, suffix: &str, connector: Option<&str>, config: Option<&Json>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(connector) = connector {
        query.append_pair("connector", connector);
    }
    if let Some(config) = config.filter(|it| it.as_object().is_some_and(|it| !it.is_empty())) {
        query.append_pair("config", &config.to_string());
    }
    let query = query.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("/v1/connections/{connection}/mappings/{object}{suffix}{mark}{query}")
}

fn answered(reply: Reply) -> Result<Json> {
    if reply.is_good() {
        return Ok(reply.body);
    }
    bail!("{}", refusal(&reply))
}
