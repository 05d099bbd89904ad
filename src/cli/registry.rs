//! `closeloop connectors`: versions of everybody's connectors, put live at a running engine.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};

use super::client::{AsOperator, Reply};
use crate::catalog::files::Files;

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
    let at = |connector: &str, suffix: &str| format!("/v1/registry/{connector}{suffix}");
    let reply = match arguments.command {
        Command::List { connector: None } => {
            return Ok(shown(&client.send("GET", "/v1/registry", None, None).await?, list));
        }
        Command::List { connector: Some(id) } => client.send("GET", &at(&id, ""), None, None).await?,
        Command::Publish { directory, stage } => {
            let (id, files) = read(&directory)?;
            let body = json!({"files": files, "stage": stage});
            let reply = client.send("POST", &at(&id, "/versions"), Some(&body), None).await?;
            return Ok(shown(&reply, published));
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
            return Ok(shown(&reply, differing));
        }
        Command::Pin { connector, wanted, org } => {
            let path = at(&connector, &format!("/pins/{}", encoded(&org)));
            done(&client.send("PUT", &path, Some(&json!({"version": wanted})), None).await?)?;
            client.send("GET", &at(&connector, ""), None, None).await?
        }
        Command::Unpin { connector, org } => {
            let path = at(&connector, &format!("/pins/{}", encoded(&org)));
            done(&client.send("DELETE", &path, None, None).await?)?;
            client.send("GET", &at(&connector, ""), None, None).await?
        }
        Command::Canary(it) => {
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
    Ok(shown(&reply, standing))
}

/// The connector's id and its files, as the API takes them.
fn read(directory: &Path) -> Result<(String, Json)> {
    let (id, files) = Files::read(directory).with_context(|| format!("can't read {}", directory.display()))?;
    let account = files.account.map(|it| json!({"id": it.id, "source": it.text}));
    Ok((id, json!({"source": files.connector, "tests": files.tests, "account": account, "logo": files.logo})))
}

/// Prints what came of it, or why it was refused.
fn shown(reply: &Reply, show: fn(&Json)) -> ExitCode {
    if (200..300).contains(&reply.status) {
        show(&reply.body);
        return ExitCode::SUCCESS;
    }
    eprintln!("closeloop: {}", refusal(reply));
    ExitCode::FAILURE
}

fn done(reply: &Reply) -> Result<()> {
    if (200..300).contains(&reply.status) { Ok(()) } else { bail!("{}", refusal(reply)) }
}

fn refusal(reply: &Reply) -> String {
    let body = &reply.body;
    let mut text = body["detail"].as_str().unwrap_or("the engine refused it").to_owned();
    for change in all(&body["changes"]) {
        text.push_str(&format!("\n  {}", change.as_str().unwrap_or_default()));
    }
    for mistake in all(&body["diagnostics"]) {
        text.push_str(&format!("\n  {}", diagnostic(mistake)));
    }
    if let Some(fix) = body["fix"].as_str() {
        text.push_str(&format!("\n{fix}"));
    }
    text
}

fn diagnostic(it: &Json) -> String {
    let text = |key: &str| it[key].as_str().unwrap_or_default();
    let place = match (it["file"].as_str(), it["line"].as_u64(), it["column"].as_u64()) {
        (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}: "),
        _ => String::new(),
    };
    format!("{place}{}[{}]: {}", text("severity"), text("code"), text("message"))
}

fn list(page: &Json) {
    for it in all(&page["data"]) {
        println!("{}", line(it));
    }
}

fn line(it: &Json) -> String {
    let text = |key: &str| it[key].as_str();
    let (from, in_folder) = (text("from").unwrap_or_default(), text("in_folder"));
    let version = text("version").unwrap_or("-");
    let mut line = format!("{}  {version}  {from}", text("connector").unwrap_or_default());
    if let Some(folder) = in_folder.filter(|it| from == "registry" && *it != version) {
        line.push_str(&format!("  (the folder has {folder})"));
    }
    if let Some(trying) = text("trying") {
        line.push_str(&format!("  trying {trying}"));
    }
    if let Some(pins @ 1..) = it["pins"].as_u64() {
        line.push_str(&format!("  {pins} pinned"));
    }
    for version in all(&it["unreadable"]) {
        line.push_str(&format!("\n  version {} can't be read any more", version.as_str().unwrap_or_default()));
    }
    if let Some(problem) = text("problem") {
        line.push_str(&format!("\n  what the folder has is not taken over: {}", problem.replace('\n', "\n    ")));
    }
    for mistake in all(&it["diagnostics"]) {
        line.push_str(&format!("\n  {}", diagnostic(mistake)));
    }
    line
}

fn standing(it: &Json) {
    println!("{}", line(it));
    for version in all(&it["versions"]) {
        let text = |key: &str| version[key].as_str().unwrap_or_default();
        let active = if version["active"] == true { "  active" } else { "" };
        println!("  {}  {}  {}{active}", text("version"), text("published_at"), text("published_by"));
    }
    for pin in all(&it["pinned"]) {
        println!(
            "  {} stays with {}",
            pin["org"].as_str().unwrap_or_default(),
            pin["version"].as_str().unwrap_or_default()
        );
    }
    if let Some(before) = all(&it["previous"]).first() {
        println!("  before it: {}", before.as_str().unwrap_or("the folder's"));
    }
    for key in ["canary", "last_canary"] {
        let canary = &it[key];
        let Some(version) = canary["version"].as_str() else { continue };
        match canary["end"].as_str() {
            None => {
                println!(
                    "  trying {version}: {} orgs, {} % of the others",
                    all(&canary["orgs"]).len(),
                    canary["share"]
                );
            }
            Some(end) => println!("  {version} was {}{}", end.replace('_', " "), why(canary)),
        }
        for (name, of) in [("of it", "of_canary"), ("of the active version", "of_active")] {
            let tally = &canary[of];
            let usual = tally["usual_milliseconds"].as_f64().map_or(String::new(), |it| format!(", usually {it} ms"));
            println!("    {} calls {name}, {} failed{usual}", tally["calls"], tally["failed"]);
        }
    }
}

fn why(canary: &Json) -> String {
    canary["why"].as_str().map_or(String::new(), |why| format!(": {why}"))
}

fn published(it: &Json) {
    let text = |key: &str| it[key].as_str().unwrap_or_default();
    let how = if it["active"] == true { "is live" } else { "is staged" };
    println!("{} {} {how}", text("connector"), text("version"));
    changes(it);
    for warning in all(&it["warnings"]) {
        println!("  {}", diagnostic(warning));
    }
}

fn differing(it: &Json) {
    println!("{} → {}", it["from"].as_str().unwrap_or("nothing"), it["to"].as_str().unwrap_or_default());
    changes(it);
    println!("{}", it["text"].as_str().unwrap_or_default().trim_end());
}

fn changes(it: &Json) {
    for change in all(&it["changes"]) {
        let sign = if change["breaks"] == true { "breaks: " } else { "" };
        println!("  {sign}{}", change["message"].as_str().unwrap_or_default());
    }
    for it in all(&it["unfit"]) {
        let text = |key: &str| it[key].as_str().unwrap_or_default();
        println!(
            "  the action `{}` of the agent `{}` of {} ({}): this version {}",
            text("action"),
            text("agent"),
            text("org"),
            text("enabled_action"),
            text("problem")
        );
    }
}

fn all(list: &Json) -> &[Json] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
