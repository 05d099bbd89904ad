//! `closeloop test --record`: makes a case of what a provider really answers.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value as Json};
use url::Url;

use super::dry_run::object;
use crate::{
    base::{Clock, Effect, ExecutionId},
    catalog::{files::Files, own::Checked},
    diag::{Diagnostics, Severity, Sources, did_you_mean, render},
    import::emit,
    spec::{Case, Connector},
    system::{SystemClock, SystemRandom},
    testing::{
        self,
        record::{self, Again, Observed, Replacements, Wanted},
    },
    transport::{
        check_host,
        http::{ClientConfig, EndpointOverrides, HttpClient},
    },
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
    /// Record it even if nobody answers, the sign-in is refused, or the provider fails.
    #[arg(long, requires = "record")]
    failing: bool,
}

/// Records one case of the connector in `directory`; fails if the case does not pass when it is run again.
pub(super) async fn run(arguments: &Recording, of: &str, directory: &Path) -> Result<ExitCode> {
    let files = Directory::read(directory)?;
    let wanted = wanted(arguments, of, &files)?;
    let connector = files.with(&wanted, None)?;
    let overrides = overrides(&arguments.endpoint, &connector)?;
    let client = HttpClient::new(&ClientConfig { overrides: overrides.clone(), ..ClientConfig::default() })?;
    let observed = record::observe(&connector, case_of(&connector, &wanted)?, &client).await;
    let observed = observed.map_err(|problem| anyhow!("it can't be recorded: {problem}"))?;
    is_recording(&observed, &overrides, arguments.failing)?;

    let replacements = Replacements::of(&connector, &wanted, &observed);
    let (wanted, observed) = (replacements.wanted(&wanted), replacements.observed(observed));
    let connector = files.with(&wanted, None)?;
    let case = case_of(&connector, &wanted)?;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let again = record::observe(&connector, case, &Again::of(&observed)).await;
        let again = again.map_err(|problem| anyhow!("{NOT_AGAIN}:\n{problem}"))?;
        if let Some(end) = observed.ended_otherwise(&again) {
            bail!("{NOT_AGAIN}, now that secrets are replaced:\n{}\n{FORM}", replacements.text(&end));
        }
        runs.push(again);
    }
    let written = record::case(&wanted, Some([&runs[0], &runs[1]]), &files.source());
    let text = files.text(&written)?;
    let connector = files.with(&wanted, Some(&text))?;
    let report = testing::run_all(&connector).await;
    let problems = report.cases.iter().filter(|it| it.name == wanted.name).flat_map(|it| &it.problems);
    let problems: Vec<String> = problems.map(ToString::to_string).collect();
    if !problems.is_empty() {
        bail!("{NOT_AGAIN}:\n{}", problems.join("\n"));
    }
    fs::write(directory.join("tests.yaml"), text).context("tests.yaml can't be written")?;
    println!("{}", emit::items(&[written], 2));
    println!(
        "added to {}. Replaced: {}. Look through it: everything else is as it came, names and free texts too.",
        directory.join("tests.yaml").display(),
        replacements.told()
    );
    Ok(ExitCode::SUCCESS)
}

const NOT_AGAIN: &str = "what was recorded does not come out the same again, and nothing was written";
const FORM: &str = "a secret that has to be of a certain form has no stand-in: such a case is written by hand";

/// Refuses what tells of a bad day rather than of the provider.
fn is_recording(observed: &Observed, overrides: &EndpointOverrides, failing: bool) -> Result<()> {
    const UNASKED: &str = "nothing was recorded; --failing records it all the same";
    if let Some(end) = observed.asked_nothing() {
        bail!("nothing was sent, and so there is nothing to record\n{end}");
    }
    if failing {
        return Ok(());
    }
    if let Some((url, error)) = observed.unanswered() {
        let at = overrides.target(url).unwrap_or_else(|| url.clone()).origin().ascii_serialization();
        let maybe = if error.may_have_arrived { "; it may have been done there" } else { "" };
        bail!("there was no answer from {at}{maybe}: {}\n{UNASKED}", error.message);
    }
    observed.failed().map_or(Ok(()), |end| bail!("{end}\n{UNASKED}"))
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
        Some(file) => credentials(file, connector)?,
        None => Map::new(),
    };
    let fields = &connector.account.fields;
    let is_missing = |it: &&str| fields.is_required(it) && !credentials.contains_key(*it);
    let missing: Vec<&str> = fields.iter().map(|(name, _)| name).filter(is_missing).collect();
    if !missing.is_empty() && !credentials.contains_key("token") {
        bail!(
            "the sign-in of `{}` needs {}: give a file that has them by --credentials",
            connector.id,
            missing.join(", ")
        );
    }
    Ok(Wanted {
        name,
        kind: if action.is_some() { "action" } else { "lookup" },
        of: of.to_owned(),
        now: SystemClock.now().round(jiff::Unit::Second).context("the clock is far from now")?,
        execution_key: ExecutionId::new(SystemClock.now(), &SystemRandom).uuid().to_string(),
        connection: object("--connection", &arguments.connection)?,
        credentials,
        config: object("--config", &arguments.config)?,
        input: object("--input", &arguments.input)?,
    })
}

/// The case of what is wanted, among those of a connector that was loaded with it.
fn case_of<'c>(connector: &'c Connector, wanted: &Wanted) -> Result<&'c Case> {
    connector.cases.iter().find(|it| it.name == wanted.name).context("the case is not among those of the connector")
}

/// The fields of `auth`, as texts.
fn credentials(file: &Path, connector: &Connector) -> Result<Map<String, Json>> {
    let shown = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("{shown} can't be read"))?;
    let given = object("--credentials", &text)?;
    let known: Vec<&str> = connector.account.fields.iter().map(|(name, _)| name).chain(["token"]).collect();
    if let Some(unknown) = given.keys().find(|it| !known.contains(&it.as_str())) {
        let near = did_you_mean(unknown, known.iter().copied()).map(|it| format!("; did you mean `{it}`?"));
        let known = near.unwrap_or_else(|| format!("; it has {}", known.join(", ")));
        bail!("{shown}: the sign-in of `{}` has no `{unknown}`{known}", connector.id);
    }
    let texts = given.into_iter().map(|(name, value)| match value {
        Json::String(text) if text.contains("-----BEGIN ") => {
            bail!("{shown}: `{name}` is a private key, and for one there is no stand-in: write the case by hand")
        }
        Json::String(_) => Ok((name, value)),
        Json::Number(_) | Json::Bool(_) => Ok((name, Json::from(value.to_string()))),
        _ => bail!("{shown}: `{name}` is no text"),
    });
    texts.collect()
}

/// Where stand-ins stand. One that nothing would be sent to is a slip, by which everything would go to the provider itself.
fn overrides(endpoints: &[String], connector: &Connector) -> Result<EndpointOverrides> {
    let pairs = endpoints.iter().map(|it| it.split_once('=').with_context(|| format!("`{it}` is not ORIGIN=URL")));
    let pairs = pairs.collect::<Result<Vec<_>>>()?;
    let overrides = EndpointOverrides::new(pairs.iter().copied())?;
    let all = [&connector.http, &connector.account.http];
    for (origin, _) in pairs {
        let url = Url::parse(origin)?;
        if all.iter().any(|it| check_host(it, &url).is_ok()) {
            continue;
        }
        let mut called: Vec<String> = Vec::new();
        for http in all {
            called.extend(http.servers.values().flat_map(|it| &it.origins).map(|it| it.origin().ascii_serialization()));
            called.extend(http.hosts.iter().map(|it| format!("https://{it}")));
        }
        called.sort();
        called.dedup();
        bail!("--endpoint: `{}` never calls {origin}; it calls {}", connector.id, called.join(", "));
    }
    Ok(overrides)
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
            None => self.text(&record::case(wanted, None, ""))?,
        };
        right(Files { tests: Some(tests), ..self.files.clone() }.check(&self.connector.id))
    }

    /// What the author wrote: the connector and its account.
    fn source(&self) -> String {
        format!("{}\n{}", self.files.connector, self.files.account.as_ref().map_or("", |it| &it.text))
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
