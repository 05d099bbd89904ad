//! A conversation as data: requests to the engine's own API, sent in order and shown with their answers.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::client::ApiClient;
use crate::{
    base::Clock,
    diag::{Diagnostics, FileId, Span},
    expr::{Scope, Shape},
    system::SystemClock,
    yaml::Style,
};

/// Longer answers are cut on screen.
const MOST_LINES: usize = 40;

/// How long an execution may wait for what the sandbox's provider tells.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at an execution that waits.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(250);

/// A conversation of one agent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    agent: String,
    steps: Vec<Step>,
}

/// One request; exactly one of `get`, `post`, `put`, `enable`, `call` and `until_ended`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    title: String,
    /// Under which later steps find the answer.
    id: Option<String>,
    get: Option<String>,
    post: Option<String>,
    put: Option<String>,
    #[serde(default)]
    body: Json,
    /// An enabled action as `POST /v1/agents/{agent}/actions` takes it.
    enable: Option<Json>,
    /// The name of a function.
    call: Option<String>,
    #[serde(default)]
    arguments: Json,
    /// The id of an execution that is asked for until it has ended, which is what is shown.
    until_ended: Option<String>,
}

/// Plays the scenario of a file.
///
/// # Errors
/// At the first request that the engine refuses, and at the first action that fails.
pub(super) async fn play(path: &Path, client: ApiClient) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    let scenario: Scenario =
        serde_yaml::from_str(&text).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    let now = SystemClock.now();
    let mut player = Player { client, agent: scenario.agent, now, answers: BTreeMap::new() };
    for (number, step) in (1..).zip(scenario.steps) {
        println!("── {number}. {}", step.title);
        let id = step.id.clone();
        let answer = player.step(number, step).await?;
        player.answers.extend(id.map(|id| (id, answer)));
        println!();
    }
    Ok(())
}

struct Player {
    client: ApiClient,
    agent: String,
    /// The same for all steps, and part of the idempotency keys: each play is a conversation of its own.
    now: Timestamp,
    answers: BTreeMap<String, Json>,
}

impl Player {
    async fn step(&self, number: usize, step: Step) -> Result<Json> {
        if let Some(path) = step.get {
            return self.show("GET", &self.text(path)?, None, None).await;
        }
        if let Some(path) = step.post {
            return self.show("POST", &self.text(path)?, Some(self.filled(step.body)?), None).await;
        }
        if let Some(path) = step.put {
            return self.show("PUT", &self.text(path)?, Some(self.filled(step.body)?), None).await;
        }
        if let Some(id) = step.until_ended {
            return self.until_ended(&self.text(id)?).await;
        }
        if let Some(body) = step.enable {
            return self.enable(self.filled(body)?).await;
        }
        let function = step.call.context("a step without `get`, `post`, `put`, `enable`, `call` or `until_ended`")?;
        let body = json!({"function": function, "arguments": self.filled(step.arguments)?});
        let key = format!("demo-{}-{number}", self.now.as_microsecond());
        let execution = self.show("POST", &format!("/v1/agents/{}/calls", self.agent), Some(body), Some(&key)).await?;
        match execution["status"].as_str() {
            Some("succeeded" | "waiting") => Ok(execution),
            _ => bail!("{function} did not succeed: {}", execution["error"]["detail"]),
        }
    }

    /// Asks for an execution that waits until it no longer does, and shows it then.
    async fn until_ended(&self, id: &str) -> Result<Json> {
        let path = format!("/v1/executions/{id}");
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let execution = self.client.send("GET", &path, None, None).await?.body;
            match execution["status"].as_str() {
                Some("waiting" | "running") if tokio::time::Instant::now() < end => {
                    tokio::time::sleep(BETWEEN_QUESTIONS).await;
                }
                Some("succeeded") => return self.show("GET", &path, None, None).await,
                _ => bail!("it did not end well: {execution:#}"),
            }
        }
    }

    /// Enables an action; one that an earlier play enabled is changed instead.
    async fn enable(&self, body: Json) -> Result<Json> {
        let path = format!("/v1/agents/{}/actions", self.agent);
        let there = self.client.send("GET", &path, None, None).await?;
        let mut all = there.body["data"].as_array().into_iter().flatten();
        match all.find(|it| it["name"] == body["action"]).and_then(|it| it["id"].as_str()) {
            None => self.show("POST", &path, Some(body), None).await,
            Some(id) => {
                let change = json!({"connection": body["connection"], "config": body["config"]});
                self.show("PATCH", &format!("{path}/{id}"), Some(without_nulls(change)), None).await
            }
        }
    }

    /// Sends one request and prints it with its answer.
    async fn show(&self, method: &str, path: &str, body: Option<Json>, key: Option<&str>) -> Result<Json> {
        println!("{method} {path}");
        if let Some(key) = key {
            println!("Idempotency-Key: {key}");
        }
        if let Some(body) = &body {
            print_json(body);
        }
        let reply = self.client.send(method, path, body.as_ref(), key).await?;
        println!("→ {}", reply.status);
        print_json(&reply.body);
        if reply.status >= 400 {
            bail!("the engine refused: {}", reply.body["detail"]);
        }
        Ok(reply.body)
    }

    fn text(&self, template: String) -> Result<String> {
        match self.filled(Json::String(template))? {
            Json::String(text) => Ok(text),
            other => bail!("`{other}` is not an address"),
        }
    }

    /// Evaluates every text in `value`, in the connectors' own expression language.
    fn filled(&self, value: Json) -> Result<Json> {
        let scope = self.scope();
        fill(value, &scope)
    }

    fn scope(&self) -> Scope {
        let mut scope = Scope::new();
        scope.set_instant("now", self.now);
        scope.set("steps", self.answers.iter().map(|(id, answer)| (id.clone(), answer.clone())).collect::<Json>());
        scope
    }
}

fn fill(value: Json, scope: &Scope) -> Result<Json> {
    match value {
        Json::String(text) => evaluate(&text, scope),
        Json::Array(list) => list.into_iter().map(|it| fill(it, scope)).collect(),
        Json::Object(map) => map
            .into_iter()
            .map(|(key, it)| Ok((key, fill(it, scope)?)))
            .collect::<Result<Map<_, _>>>()
            .map(Json::Object),
        other => Ok(other),
    }
}

fn evaluate(text: &str, scope: &Scope) -> Result<Json> {
    let mut diagnostics = Diagnostics::default();
    let nowhere = |range: std::ops::Range<usize>| Span::new(FileId(0), range.start, range.end);
    let shape = Shape::compile_scalar(text, Style::Quoted, false, &nowhere, &mut diagnostics);
    let problem = diagnostics.iter().next().map(|it| it.message.clone()).unwrap_or_default();
    let shape = shape.with_context(|| format!("`{text}`: {problem}"))?;
    let value = shape.eval(scope).map_err(|error| anyhow::anyhow!("`{text}`: {error}"))?;
    value.with_context(|| format!("`{text}` has no value"))
}

fn without_nulls(mut value: Json) -> Json {
    if let Json::Object(map) = &mut value {
        map.retain(|_, it| !it.is_null());
    }
    value
}

fn print_json(value: &Json) {
    let text = format!("{value:#}");
    let lines: Vec<&str> = text.lines().collect();
    for line in lines.iter().take(MOST_LINES) {
        println!("  {line}");
    }
    if lines.len() > MOST_LINES {
        println!("  … {} more lines", lines.len() - MOST_LINES);
    }
}
