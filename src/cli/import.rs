//! `closeloop import`: connectors from OpenAPI descriptions, actions from curl commands.

use std::{
    fs::{self, File},
    io::{IsTerminal, Read},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use url::Url;

use super::made;
use crate::{
    import::{
        curl::{self, Existing},
        openapi::{self, Document, MAX_BYTES},
    },
    spec::Http,
    transport::{
        Sender, Signed,
        http::{ClientConfig, EndpointOverrides, HttpClient},
    },
    wire::Request,
};

/// How long a description may take to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// A command is a line that somebody pasted.
const MAX_COMMAND: u64 = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// A connector from an OpenAPI description (3.0 or 3.1, JSON or YAML).
    Openapi(OpenApi),
    /// An action from a curl command, in a new connector or behind the actions of one that there is.
    Curl(Curl),
}

#[derive(Debug, Args)]
struct OpenApi {
    /// A file, or an address (https).
    source: String,
    /// Show the operations that can be chosen, and make nothing.
    #[arg(long)]
    list: bool,
    /// Which operations become actions: `operationId`, "GET /pets" or tag:pets, with commas between. All without.
    #[arg(long, value_delimiter = ',')]
    operations: Vec<String>,
    /// The connector's id; made of the title without.
    #[arg(long)]
    id: Option<String>,
    /// The folder of connectors.
    #[arg(long, default_value = "connectors")]
    out: PathBuf,
    /// The address may be a private one, and without https: for a description on your own machine or network.
    #[arg(long)]
    allow_private: bool,
}

#[derive(Debug, Args)]
struct Curl {
    /// The command, in quotes; read from standard input without.
    command: Vec<String>,
    /// The connector's id; made of the host without. If there is such a connector, the action joins its actions.
    #[arg(long)]
    id: Option<String>,
    /// The action's name; made of the request without.
    #[arg(long)]
    action: Option<String>,
    /// The folder of connectors.
    #[arg(long, default_value = "connectors")]
    out: PathBuf,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.from {
        From::Openapi(arguments) => import_openapi(arguments).await,
        From::Curl(arguments) => import_curl(arguments).await,
    }
}

async fn import_openapi(arguments: OpenApi) -> Result<ExitCode> {
    let is_address = arguments.source.starts_with("https://") || arguments.source.starts_with("http://");
    let (bytes, address) = match is_address {
        true => {
            let address = Url::parse(&arguments.source).with_context(|| format!("`{}`", arguments.source))?;
            (fetch(&address, arguments.allow_private).await?, Some(address))
        }
        false => (read(Path::new(&arguments.source))?, None),
    };
    let text = String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", arguments.source))?;
    let document = Document::read(&text, address).with_context(|| arguments.source.clone())?;
    if arguments.list {
        for it in openapi::list(&document).with_context(|| arguments.source.clone())? {
            let line = format!("{:<32} {:<7} {:<40} {}", it.choice, it.method, it.path, it.summary);
            println!("{}", line.trim_end());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let wish = openapi::Wish { id: arguments.id, operations: arguments.operations };
    let draft = openapi::connector(&document, &wish).with_context(|| arguments.source.clone())?;
    let path = made::create(&arguments.out, &draft)?;
    made::tell(&path).await
}

/// As much of a file as is needed to see that it is too large.
fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| path.display().to_string())?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).with_context(|| path.display().to_string())?;
    Ok(bytes)
}

/// What an address answers: a public one, by https, through the same guard as every request of a connector.
async fn fetch(address: &Url, allow_private: bool) -> Result<Vec<u8>> {
    let mut config = ClientConfig { max_body_bytes: MAX_BYTES, ..ClientConfig::default() };
    let mut called = address.clone();
    if allow_private {
        // an address of our own making that stands for it: what is overridden is not guarded
        let stand_in = "https://description.invalid";
        config.overrides = EndpointOverrides::new([(stand_in, address.origin().ascii_serialization().as_str())])?;
        called = Url::parse(stand_in)?.join(&address[url::Position::BeforePath..url::Position::AfterQuery])?;
    }
    let host = called.host_str().unwrap_or_default().to_owned();
    let http = Http { hosts: vec![host], redirects: 3, ..Http::default() };
    let signed = Signed::unsigned(Request::get(called, "application/json, application/yaml, text/yaml, */*"));
    let client = HttpClient::new(&config)?;
    let answer = client.send_signed(signed, &http, PATIENCE).await;
    let answer = answer.map_err(|error| anyhow::anyhow!("{address} can't be read: {}", error.message))?;
    if answer.status != 200 {
        bail!("{address} answered {}", answer.status);
    }
    Ok(answer.body.to_vec())
}

async fn import_curl(arguments: Curl) -> Result<ExitCode> {
    let text = match arguments.command.as_slice() {
        [] => {
            if std::io::stdin().is_terminal() {
                eprintln!("paste the command, then end with Ctrl-D:");
            }
            let mut text = String::new();
            std::io::stdin().take(MAX_COMMAND).read_to_string(&mut text)?;
            text
        }
        [whole] => whole.clone(),
        words => shlex::try_join(words.iter().map(String::as_str)).context("the command can't be read")?,
    };
    let wish = curl::Wish { id: arguments.id, action: arguments.action };
    let directory = wish.id.as_ref().map(|id| arguments.out.join(id)).filter(|it| it.join("connector.yaml").is_file());
    let Some(directory) = directory else {
        let path = made::create(&arguments.out, &curl::connector(&text, &wish)?)?;
        return made::tell(&path).await;
    };
    let (connector, tests) = (directory.join("connector.yaml"), directory.join("tests.yaml"));
    let read = |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
    let (old, old_tests) = (read(&connector)?, if tests.is_file() { read(&tests)? } else { String::new() });
    let (new, new_tests, action) = curl::append(&text, &wish, Existing { connector: &old, tests: &old_tests })?;
    made::replace(&[(&tests, &new_tests), (&connector, &new)])?;
    println!("added the action `{action}`");
    made::tell(&directory).await
}
