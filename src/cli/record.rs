//! `closeloop test --record`: makes a case of what a provider really answers.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, anyhow, bail};

use super::dry_run::object;
use crate::{
    base::{Clock, Effect},
    catalog::{files::Files, own::Checked},
    diag::{Diagnostics, Severity, Sources, render},
    import::emit,
    spec::{Case, Connector},
    system::SystemClock,
    testing::{
        self,
        record::{self, Again, Replacements, Wanted},
    },
    transport::http::{ClientConfig, EndpointOverrides, HttpClient},
    yaml,
};

/// What `test --record` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Recording {
    /// Run this action or lookup against the provider, and add what it answers to `tests.yaml` as a case.
    #[arg(long, value_name = "ACTION")]
    pub(super) record: Option<String>,
    /// What the case shows, as a sentence.
    #[arg(long, requires = "record")]
    name: Option<String>,
    /// The agent's arguments, as a JSON object.
    #[arg(long, default_value = "{}", requires = "record")]
    input: String,
    /// What the builder fixes, as a JSON object.
    #[arg(long, default_value = "{}", requires = "record")]
    config: String,
    /// What is known of the connection, as a JSON object.
    #[arg(long, default_value = "{}", requires = "record")]
    connection: String,
    /// A file with the fields of `auth`, and the access `token` where one is got by a consent, as a JSON object.
    #[arg(long, value_name = "FILE", requires = "record")]
    credentials: Option<PathBuf>,
    /// Send to a stand-in what is for the provider: `https://api.example.com=http://127.0.0.1:4010`.
    #[arg(long, value_name = "ORIGIN=URL", requires = "record")]
    endpoint: Vec<String>,
    /// Record an action that changes something at the provider: it is really done.
    #[arg(long, requires = "record")]
    writes: bool,
}

/// Records one case of the connector in `directory`; fails if the case does not pass when it is run again.
pub(super) async fn run(arguments: &Recording, of: &str, directory: &Path) -> Result<ExitCode> {
    let files = Directory::read(directory)?;
    let wanted = wanted(arguments, of, &files)?;
    let connector = files.with(&wanted, None)?;
    let observed = record::observe(&connector, case_of(&connector, &wanted)?, &client(&arguments.endpoint)?).await;
    let observed = observed.map_err(|problem| anyhow!("it can't be recorded: {problem}"))?;

    let replacements = Replacements::of(&wanted, &observed);
    let (wanted, observed) = (replacements.wanted(&wanted), replacements.observed(observed));
    let connector = files.with(&wanted, None)?;
    let again = record::observe(&connector, case_of(&connector, &wanted)?, &Again::of(&observed)).await;
    let again = again.map_err(|problem| anyhow!("it can't be run again: {problem}"))?;

    let text = files.text(&record::case(&wanted, Some(&again)))?;
    let connector = files.with(&wanted, Some(&text))?;
    let report = testing::run_all(&connector).await;
    let problems = report.cases.iter().filter(|it| it.name == wanted.name).flat_map(|it| &it.problems);
    let problems: Vec<String> = problems.map(ToString::to_string).collect();
    if !problems.is_empty() {
        bail!("what was recorded does not come out the same again, and nothing was written:\n{}", problems.join("\n"));
    }
    fs::write(directory.join("tests.yaml"), text).context("tests.yaml can't be written")?;
    println!("{}", emit::items(&[record::case(&wanted, Some(&again))], 2));
    println!(
        "added to {}, with {} secrets, addresses and numbers replaced. Look through it: names and free texts are as they came.",
        directory.join("tests.yaml").display(),
        replacements.count()
    );
    Ok(ExitCode::SUCCESS)
}

fn wanted(arguments: &Recording, of: &str, files: &Directory) -> Result<Wanted> {
    let connector = &files.connector;
    let action = connector.actions.get(of);
    if action.is_none() && !connector.lookups.contains_key(of) {
        let all: Vec<&str> = connector.actions.keys().chain(connector.lookups.keys()).map(String::as_str).collect();
        bail!("`{}` has no action or lookup `{of}`; it has {}", connector.id, all.join(", "));
    }
    if action.is_some_and(|it| it.effect != Effect::Read) && !arguments.writes {
        bail!("`{of}` changes something at the provider; say --writes if it may really be done");
    }
    let name = arguments.name.clone().unwrap_or_else(|| format!("{}, as it was recorded", of.replace('_', " ")));
    if connector.cases.iter().any(|it| it.name == name) {
        bail!("there is a case `{name}` already; give it another --name");
    }
    let credentials = match &arguments.credentials {
        Some(file) => fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?,
        None => "{}".to_owned(),
    };
    Ok(Wanted {
        name,
        kind: if action.is_some() { "action" } else { "lookup" },
        of: of.to_owned(),
        now: SystemClock.now().round(jiff::Unit::Second).context("the clock is far from now")?,
        connection: object("--connection", &arguments.connection)?,
        credentials: object("--credentials", &credentials)?,
        config: object("--config", &arguments.config)?,
        input: object("--input", &arguments.input)?,
    })
}

/// The case of what is wanted, among those of a connector that was loaded with it.
fn case_of<'c>(connector: &'c Connector, wanted: &Wanted) -> Result<&'c Case> {
    connector.cases.iter().find(|it| it.name == wanted.name).context("the case is not among those of the connector")
}

fn client(endpoints: &[String]) -> Result<HttpClient> {
    let pairs = endpoints.iter().map(|it| it.split_once('=').with_context(|| format!("`{it}` is not ORIGIN=URL")));
    let overrides = EndpointOverrides::new(pairs.collect::<Result<Vec<_>>>()?)?;
    Ok(HttpClient::new(&ClientConfig { overrides, ..ClientConfig::default() })?)
}

/// The files of a connector.
struct Directory {
    connector: Arc<Connector>,
    files: Files,
}

impl Directory {
    fn read(directory: &Path) -> Result<Self> {
        let (id, files) = Files::read(directory).with_context(|| format!("can't read {}", directory.display()))?;
        Ok(Self { connector: right(files.check(&id))?, files })
    }

    /// The connector with a case of what is wanted among its tests, or with these tests.
    fn with(&self, wanted: &Wanted, tests: Option<&str>) -> Result<Arc<Connector>> {
        let tests = match tests {
            Some(text) => text.to_owned(),
            None => self.text(&record::case(wanted, None))?,
        };
        right(Files { tests: Some(tests), ..self.files.clone() }.check(&self.connector.id))
    }

    /// `tests.yaml` with one more case behind the others.
    fn text(&self, case: &emit::Yaml) -> Result<String> {
        let old = self.files.tests.as_deref().unwrap_or_default();
        let mut sources = Sources::default();
        let file = sources.add("tests.yaml", old);
        let tree = yaml::parse(&sources, file, &mut Diagnostics::default());
        let cases = tree.as_ref().and_then(|it| it.get("cases"));
        let Some(last) = cases.and_then(|it| it.as_list()).and_then(|it| it.last()) else {
            return Ok(format!("cases:\n{}{}{old}", emit::items(std::slice::from_ref(case), 2), gap(old)));
        };
        let line = old[..last.span.start].rsplit('\n').next().unwrap_or_default();
        let Some(indent) = line.find('-').filter(|_| line.trim() == "-") else {
            bail!("write the `cases` of tests.yaml one below the other, each behind its `-`");
        };
        let end = old[last.span.end..].find('\n').map_or(old.len(), |it| last.span.end + it);
        let (before, after) = (&old[..end], old[end..].trim_start_matches('\n'));
        let added = emit::items(std::slice::from_ref(case), indent);
        Ok(format!("{before}\n\n{added}{}{after}", gap(after)))
    }
}

/// Between the new case and what follows it.
fn gap(after: &str) -> &'static str {
    if after.trim().is_empty() { "" } else { "\n" }
}

/// The connector, or all that is wrong with it.
fn right(checked: Checked) -> Result<Arc<Connector>> {
    let Checked { connector, sources, diagnostics } = checked;
    connector.with_context(|| {
        let errors = diagnostics.sorted().into_iter().filter(|it| it.severity == Severity::Error);
        let errors: Vec<_> = errors.collect();
        format!("these mistakes come first:\n{}", render::text(&sources, &errors, false).trim_end())
    })
}
