//! `closeloop connectors`: versions of everybody's connectors, put live at a running engine.

mod shown;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};

use super::{
    client::{ApiClient, AsOperator, Reply},
    refusal::{instead, refusal, texts},
};
use crate::{catalog::files::Files, format::query::unreserved};

/// What `connectors` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    engine: AsOperator,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List everybody's connectors, or all that is known of one.
    List {
        /// The connector's id.
        connector: Option<String>,
    },
    /// Publish the connector in a directory: live for all orgs, or only staged.
    Publish {
        /// With `connector.yaml`; an account that it shares stands in `../_accounts`.
        directory: PathBuf,
        /// Only keep it, to be tried, pinned to or promoted later.
        #[arg(long)]
        stage: bool,
    },
    /// Print what changes for orgs from one version to another, and the files line by line.
    Diff {
        /// The connector's id, or the directory of a version that is not published.
        of: String,
        /// A version; by default what orgs have.
        from: Option<String>,
        /// A version; by default what orgs have.
        to: Option<String>,
    },
    /// Let an org stay with a version, whichever is live.
    Pin {
        /// The connector's id.
        connector: String,
        /// The version.
        #[arg(value_name = "VERSION")]
        wanted: String,
        /// The org's name or id.
        #[arg(long)]
        org: String,
    },
    /// Let an org go with what is live again.
    Unpin {
        /// The connector's id.
        connector: String,
        /// The org's name or id.
        #[arg(long)]
        org: String,
    },
    /// Let some calls try a version; it is taken back by itself if it is worse than the active one.
    Canary(Canary),
    /// Make a version the active one; without a version, the one that is tried.
    Promote {
        /// The connector's id.
        connector: String,
        /// The version.
        #[arg(value_name = "VERSION")]
        wanted: Option<String>,
    },
    /// Take the last step back: the version that is tried, or else the active one.
    Rollback {
        /// The connector's id.
        connector: String,
    },
}

/// A version to be tried.
#[derive(Debug, clap::Args)]
struct Canary {
    /// The connector's id.
    connector: String,
    /// The version.
    #[arg(value_name = "VERSION")]
    wanted: String,
    /// The name or id of an org whose calls all try it; may be given several times.
    #[arg(long = "org")]
    orgs: Vec<String>,
    /// So many of a hundred conversations of the other orgs try it.
    #[arg(long, default_value_t = 0)]
    share: u32,
    /// So many calls of either version come before anything is concluded.
    #[arg(long, default_value_t = 20)]
    min_calls: u32,
    /// Take it back when so many more of a hundred calls fail.
    #[arg(long, default_value_t = 2.0)]
    max_more_failures: f64,
    /// Take it back when calls take so many times as long.
    #[arg(long, default_value_t = 1.5)]
    max_times_slower: f64,
}

/// Does it, and prints how things stand; fails if the engine refuses it.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let client = arguments.engine.client()?;
    let about = arguments.command.about();
    let (reply, show) = asked(&client, arguments.command).await?;
    if reply.is_good() {
        show(&reply.body);
        return Ok(ExitCode::SUCCESS);
    }
    let missing = match about {
        Some(about) if reply.body["code"] == "not_found" => about.missing(&client).await?,
        _ => None,
    };
    bail!("{}", missing.unwrap_or_else(|| refusal(&reply)))
}

/// The engine's answer, and how it is shown if it is a good one.
async fn asked(client: &ApiClient, command: Command) -> Result<(Reply, fn(&Json))> {
    let at = |connector: &str, suffix: &str| format!("/v1/registry/{connector}{suffix}");
    let how_it_stands = async |connector: &str| client.send("GET", &at(connector, ""), None, None).await;
    let reply = match command {
        Command::List { connector: None } => {
            return Ok((client.send("GET", "/v1/registry", None, None).await?, shown::list));
        }
        Command::List { connector: Some(id) } => how_it_stands(&id).await?,
        Command::Publish { directory, stage } => {
            let (id, files) = read(&directory)?;
            let body = json!({"files": files, "stage": stage});
            let reply = client.send("POST", &at(&id, "/versions"), Some(&body), None).await?;
            return Ok((reply, shown::published));
        }
        Command::Diff { of, from, to } => {
            let (id, body) = match Path::new(&of).join("connector.yaml").is_file() {
                true => {
                    let (id, files) = read(Path::new(&of))?;
                    (id, json!({"from": from, "files": files}))
                }
                false => (of, json!({"from": from, "to": to})),
            };
            let reply = client.send("POST", &at(&id, "/diff"), Some(&body), None).await?;
            return Ok((reply, shown::differing));
        }
        Command::Pin { connector, wanted, org } => {
            let path = at(&connector, &format!("/pins/{}", unreserved(org.as_bytes())));
            let done = client.send("PUT", &path, Some(&json!({"version": wanted})), None).await?;
            if done.is_good() { how_it_stands(&connector).await? } else { done }
        }
        Command::Unpin { connector, org } => {
            let path = at(&connector, &format!("/pins/{}", unreserved(org.as_bytes())));
            let done = client.send("DELETE", &path, None, None).await?;
            if done.is_good() { how_it_stands(&connector).await? } else { done }
        }
        Command::Canary(it) => {
            if it.orgs.is_empty() && it.share == 0 {
                bail!("say who tries it: --org NAME, or --share 10 for so many of a hundred conversations");
            }
            let body = json!({
                "version": it.wanted, "orgs": it.orgs, "share": it.share, "min_calls": it.min_calls,
                "max_more_failures": it.max_more_failures, "max_times_slower": it.max_times_slower,
            });
            client.send("PUT", &at(&it.connector, "/canary"), Some(&body), None).await?
        }
        Command::Promote { connector, wanted } => {
            let body = json!({"version": wanted});
            client.send("POST", &at(&connector, "/promote"), Some(&body), None).await?
        }
        Command::Rollback { connector } => client.send("POST", &at(&connector, "/rollback"), None, None).await?,
    };
    Ok((reply, shown::standing))
}

/// The connector's id and its files, as the API takes them.
fn read(directory: &Path) -> Result<(String, Json)> {
    let (id, files) = Files::read(directory).with_context(|| format!("can't read {}", directory.display()))?;
    let account = files.account.map(|it| json!({"id": it.id, "source": it.text}));
    Ok((id, json!({"source": files.connector, "tests": files.tests, "account": account, "logo": files.logo})))
}

/// What a command is about, as it was written.
struct About {
    connector: String,
    versions: Vec<String>,
}

impl Command {
    fn about(&self) -> Option<About> {
        let (connector, versions) = match self {
            Command::List { connector: None } | Command::Publish { .. } => return None,
            Command::List { connector: Some(connector) }
            | Command::Rollback { connector }
            | Command::Unpin { connector, .. } => (connector, Vec::new()),
            Command::Diff { of, from, to } => (of, from.iter().chain(to).cloned().collect()),
            Command::Pin { connector, wanted, .. } => (connector, vec![wanted.clone()]),
            Command::Canary(it) => (&it.connector, vec![it.wanted.clone()]),
            Command::Promote { connector, wanted } => (connector, wanted.iter().cloned().collect()),
        };
        Some(About { connector: connector.clone(), versions })
    }
}

impl About {
    /// What of it is not there, and what is there instead; `None`: it is something else that is missing.
    async fn missing(&self, client: &ApiClient) -> Result<Option<String>> {
        let Self { connector, versions } = self;
        let standing =
            client.send("GET", &format!("/v1/registry/{}", unreserved(connector.as_bytes())), None, None).await?;
        if !standing.is_good() {
            let there = client.send("GET", "/v1/registry", None, None).await?;
            let there = texts(&there.body["data"], "connector");
            return Ok(Some(format!("there is no connector `{connector}`{}", instead(connector, &there))));
        }
        let there = texts(&standing.body["versions"], "version");
        let missing = versions.iter().find(|it| !there.contains(it));
        Ok(missing.map(|it| {
            let instead = instead(it, &there);
            format!("there is no version {it} of `{connector}` in the registry{instead}")
        }))
    }
}
