//! `closeloop dry-run`: what an action would send, where every value comes from, and what would come out.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, anyhow, bail};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::connectors;
use crate::{
    base::{Clock, Code, Failure, clock::FixedClock},
    delivery,
    expr::Scope,
    interpreter::{
        self, ExecutionNames, Parked, Ran, Run, Unobserved, Woken,
        provenance::{Given, Origin},
    },
    spec::{Action, Connector, Fields, Mappings, Request, StepKind},
    system::SystemClock,
    transport::{
        dry::{Dry, DryRequest},
        sandbox::Sandbox,
    },
};

/// What `dry-run` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The connector's id.
    connector: String,
    /// The action's name.
    action: String,
    /// The agent's arguments, as a JSON object.
    #[arg(long, default_value = "{}")]
    input: String,
    /// What the builder fixes, as a JSON object.
    #[arg(long, default_value = "{}")]
    config: String,
    /// What is known of the connection, as a JSON object: non-secret fields and captured values.
    #[arg(long, default_value = "{}")]
    connection: String,
    /// The folder of connectors.
    #[arg(long, default_value = "connectors")]
    connectors: PathBuf,
}

/// Stands for an execution's id and key.
const EXECUTION: &str = "00000000-0000-7000-8000-000000000000";

/// Prints the requests and the result; fails if the action would.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let connector = connectors::load_one(&arguments.connectors, &arguments.connector)?;
    let Some(action) = connector.actions.get(&arguments.action) else {
        let all: Vec<&str> = connector.actions.keys().map(String::as_str).collect();
        bail!("`{}` has no action `{}`; it has {}", connector.id, arguments.action, all.join(", "));
    };
    let input = Json::Object(object("--input", &arguments.input)?);
    let config = Json::Object(object("--config", &arguments.config)?);
    let given = Given::new(action, &input, &config);
    let connection = Arc::new(connection(&connector, object("--connection", &arguments.connection)?)?);
    let filled_input = Arc::new(filled("--input", &action.input, &input)?);
    let filled_config = Arc::new(filled("--config", &action.config, &config)?);
    let clock = FixedClock(SystemClock.now());
    let dry = Dry::new(Sandbox::new(&connector.sandbox, Arc::clone(&connection), &clock, EXECUTION));
    let run = || Run {
        connector: &connector,
        plan: &action.plan,
        input: Arc::clone(&filled_input),
        config: Arc::clone(&filled_config),
        connection: Arc::clone(&connection),
        execution: ExecutionNames::new(EXECUTION, EXECUTION, "org", "agent").into(),
        mappings: Mappings::default(),
        beside: Scope::new(),
        transport: &dry,
        clock: &clock,
        observer: &Unobserved,
    };
    let (ran, waited) = to_its_end(&connector, run, &clock, &dry).await;
    let (mut number, mut waited) = (0, waited.into_iter().peekable());
    let mut next = || {
        number += 1;
        number
    };
    for (before, request) in dry.requests().iter().enumerate() {
        while let Some(it) = waited.next_if(|it| it.after <= before) {
            println!("{}. {}", next(), it.text);
        }
        print_request(next(), request, &origins(given, action, &request.step));
    }
    waited.for_each(|it| println!("{}. {}", next(), it.text));
    print_result(ran, &given.output(&action.plan.output))
}

/// What an action would wait for.
struct Waited {
    /// Behind so many requests.
    after: usize,
    /// What it is, and what answers it.
    text: String,
}

/// Goes on by the sandbox's events and answers, as often as the action waits; and tells what it would wait for.
async fn to_its_end<'a>(
    connector: &Connector,
    run: impl Fn() -> Run<'a>,
    clock: &FixedClock,
    dry: &Dry<'_>,
) -> (Result<Json, Failure>, Vec<Waited>) {
    let mut waited = Vec::new();
    let mut ran = interpreter::begin(run()).await;
    loop {
        match ran {
            Ran::Ended(result) => return (result, waited),
            Ran::Lost => return (Err(Failure::new(Code::Unavailable, "nobody else could go on with it")), waited),
            Ran::Waits(parked) => {
                let (after, mut text) = (dry.requests().len(), described(&parked, clock));
                let (next, by) = woken(connector, &run, clock, *parked).await;
                text.push_str(&format!("   answered by {by}\n"));
                waited.push(Waited { after, text });
                ran = next;
            }
        }
    }
}

/// What a step that waits comes to in the sandbox, and by what: by its events, by its answer, or by none of them in time.
async fn woken<'a>(
    connector: &Connector,
    run: &impl Fn() -> Run<'a>,
    clock: &FixedClock,
    mut parked: Parked,
) -> (Ran, &'static str) {
    let step = parked.step.clone();
    let mut outputs = Vec::new();
    if let Some(awaited) = &parked.event {
        let events = connector.sandbox_events.iter().filter(|it| it.event == awaited.name);
        outputs.extend(events.filter_map(|it| delivery::pretended(it, &awaited.correlate, clock.0).ok().flatten()));
    }
    let events = outputs.iter().map(Woken::Event);
    let poll = parked.poll_at.map(|_| Woken::Poll);
    for woken in events.chain(poll) {
        let by = if matches!(woken, Woken::Poll) { "the sandbox, when it is asked" } else { "an event of the sandbox" };
        match interpreter::wake(run(), parked, woken).await {
            Ran::Waits(again) if again.step == step => parked = *again,
            other => return (other, by),
        }
    }
    (
        interpreter::wake(run(), parked, Woken::Timeout).await,
        "nothing: the sandbox has no such event, and its time runs out",
    )
}

/// ``paid (wait)``, and below it ``waits up to 1h for the event `payment` of `o-1`, and asks every 30s``.
fn described(parked: &Parked, clock: &FixedClock) -> String {
    let after = |it: Timestamp| format!("{:#}", it.duration_since(clock.0));
    let event = parked.event.as_ref().map(|it| format!("for the event `{}` of `{}`", it.name, it.correlate));
    let poll = parked.poll_at.map(|at| format!("and asks every {}", after(at)));
    let parts: Vec<String> = event.into_iter().chain(poll).collect();
    format!("{} (wait)\n   waits up to {} {}\n", parked.step, after(parked.until), parts.join(", "))
}

/// What an option gives as a JSON object.
pub(super) fn object(option: &str, text: &str) -> Result<Map<String, Json>> {
    match serde_json::from_str(text).with_context(|| format!("{option} is not JSON"))? {
        Json::Object(map) => Ok(map),
        _ => bail!("{option} must be a JSON object"),
    }
}

/// With defaults; what can't be used is named.
fn filled(option: &str, fields: &Fields, given: &Json) -> Result<Json> {
    fields.accept(given.clone()).map_err(|errors| {
        let lines: Vec<String> = errors.into_iter().map(|it| format!("  {}", it.message)).collect();
        anyhow!("{option} can't be used:\n{}", lines.join("\n"))
    })
}

/// What `connection` would hold: the defaults of the fields that aren't secret, and what was given; of what is a field of the
/// sign-in, what it takes.
fn connection(connector: &Connector, given: Map<String, Json>) -> Result<Json> {
    let account = &connector.account;
    let mut fields = given.clone();
    fields.retain(|name, _| account.fields.get(name).is_some());
    filled("--connection", &account.fields.optional(), &Json::Object(fields))?;
    let mut all = account.shown(json!({}));
    all.extend(connector.sandbox_connection.clone());
    all.insert("id".to_owned(), json!("con_dry"));
    all.insert("label".to_owned(), json!("dry run"));
    all.extend(given);
    Ok(Json::Object(all))
}

/// Where the parts of a step's request come from, in every round (`id[0]`) of it; nothing for what a step sends beside its
/// own request (`id (verify)`) and for the steps of called actions (`id/inner`), which have inputs of their own.
fn origins(given: Given<'_>, action: &Action, step: &str) -> Vec<Origin> {
    let step = step.split('[').next().unwrap_or(step);
    let mut requests = action.plan.steps.iter().filter(|it| it.id == step).filter_map(|it| match &it.kind {
        StepKind::Request(request) => Some(&request.request),
        _ => None,
    });
    requests.next_back().map(|request: &Request| given.request(request)).unwrap_or_default()
}

fn print_request(number: usize, request: &DryRequest, origins: &[Origin]) {
    println!("{number}. {} ({})", request.step, request.effect);
    println!("   {} {}", request.method, request.url);
    for (name, value) in &request.headers {
        println!("   {name}: {value}");
    }
    if !request.body.is_empty() {
        println!();
        let text = String::from_utf8_lossy(&request.body);
        let pretty = serde_json::from_str::<Json>(&text).map_or_else(|_| text.to_string(), |json| format!("{json:#}"));
        print_indented(&pretty);
    }
    print_origins(origins);
    println!(
        "   answered by {}\n",
        if request.answered { "the sandbox" } else { "an empty 200: the sandbox has none" }
    );
}

fn print_result(ran: Result<Json, Failure>, origins: &[Origin]) -> Result<ExitCode> {
    match ran {
        Ok(output) => {
            println!("Result");
            print_indented(&format!("{output:#}"));
            print_origins(origins);
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            println!("Would fail: {} ({})", failure.say, failure.code);
            println!("   {}", failure.detail);
            Ok(ExitCode::FAILURE)
        }
    }
}

fn print_origins(origins: &[Origin]) {
    if origins.is_empty() {
        return;
    }
    println!("\n   where it comes from");
    let width = origins.iter().map(|it| it.place.chars().count()).max().unwrap_or_default();
    for origin in origins {
        let from: Vec<String> = origin.from.iter().map(ToString::to_string).collect();
        println!("     {:width$}  {}", origin.place, from.join(", "));
    }
    println!();
}

fn print_indented(text: &str) {
    for line in text.lines() {
        println!("   {line}");
    }
}
