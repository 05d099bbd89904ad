//! Makes a case of what a provider really answered.
//!
//! Only the answers are taken from it. What is secret or somebody's in them is replaced, and so is what the case gives; the requests
//! and the outcome are then those of a run with these, without a network. So whatever is computed from a secret (a signature, say)
//! fits the replacement.

use std::{
    collections::VecDeque,
    sync::{LazyLock, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use indexmap::IndexMap;
use jiff::Timestamp;
use regex::Regex;
use serde_json::{Map as JsonMap, Value as Json};

use super::{
    Problem,
    coverage::Seen,
    prepared, signing,
    stage::{Doubts, Stage},
    tokens::CaseTokens,
};
use crate::{
    auth::Used,
    base::{BoxFuture, Code, Failure, clock::FixedClock, lock, redact},
    import::emit::{Map, Yaml},
    interpreter::{self, Run},
    spec::{Case, Connector, Http},
    transport::{SendError, Sender, Signed, received, script::Script},
    wire::{Answer, Request},
};

/// What is run, and with what.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What the case shows.
    pub name: String,
    /// `action` or `lookup`.
    pub kind: &'static str,
    /// Which.
    pub of: String,
    /// When.
    pub now: Timestamp,
    /// What `connection` holds.
    pub connection: JsonMap<String, Json>,
    /// The fields of `auth`, and `token`.
    pub credentials: JsonMap<String, Json>,
    /// What the builder fixed.
    pub config: JsonMap<String, Json>,
    /// What the agent gave.
    pub input: JsonMap<String, Json>,
}

/// What happened in a run.
#[derive(Debug)]
pub struct Observed {
    /// The requests, unsigned, and what each was answered.
    pub exchanges: Vec<(Request, Result<Answer, SendError>)>,
    /// What came of it.
    pub outcome: Result<Json, Failure>,
}

/// Runs a case against `sender`, and tells what happened.
///
/// # Errors
/// Why it can't be run: arguments that don't fit, or an action that waits, of which a recording would take as long.
pub async fn observe(connector: &Connector, case: &Case, sender: &dyn Sender) -> Result<Observed, Problem> {
    let prepared = prepared(connector, case)?;
    if prepared.plan.waits() {
        return Err(Problem::Setup("it waits for something, and so can't be recorded".to_owned()));
    }
    let input = prepared.input.map_err(|refused| Problem::Setup(refused.detail))?;
    let taken = Taken { sender, exchanges: Mutex::default() };
    let clock = FixedClock(case.now);
    let tokens = CaseTokens::new(connector, case, &taken);
    let used = Used::default();
    let transport = signing(connector, case, &taken, &tokens, &clock, &used);
    let (nothing, seen) = (Script::new(&[]), Seen::default());
    let doubts = Doubts::beside(&seen);
    let stage = Stage { connector, case, script: &nothing, transport: &transport, clock: &clock, doubts: &doubts };
    let run = Run { mappings: prepared.mappings, ..stage.run(prepared.plan, input, prepared.config) };
    let outcome = Box::pin(interpreter::run(run)).await;
    let exchanges = std::mem::take(&mut *lock(&taken.exchanges));
    Ok(Observed { exchanges, outcome })
}

/// Passes requests on, and keeps them with their answers.
struct Taken<'a> {
    sender: &'a dyn Sender,
    exchanges: Mutex<Vec<(Request, Result<Answer, SendError>)>>,
}

impl Sender for Taken<'_> {
    fn send_signed<'s>(
        &'s self,
        signed: Signed,
        http: &'s Http,
        timeout: Duration,
    ) -> BoxFuture<'s, Result<Answer, SendError>> {
        Box::pin(async move {
            let request = signed.request.clone();
            let answer = self.sender.send_signed(signed, http, timeout).await;
            lock(&self.exchanges).push((request, answer.clone()));
            answer
        })
    }
}

/// Gives the same answers again, in the same order, to whatever is asked.
pub struct Again(Mutex<VecDeque<Result<Answer, SendError>>>);

impl Again {
    /// The answers of a run.
    pub fn of(observed: &Observed) -> Self {
        Self(Mutex::new(observed.exchanges.iter().map(|(_, answer)| answer.clone()).collect()))
    }
}

impl Sender for Again {
    fn send_signed<'s>(&'s self, signed: Signed, _: &'s Http, _: Duration) -> BoxFuture<'s, Result<Answer, SendError>> {
        let next = lock(&self.0).pop_front();
        let more =
            || Err(SendError::not_sent(Code::ProviderError, "it asks for more than it did when it was recorded"));
        let here = |answer: Answer| Answer { url: signed.request.url.clone(), ..answer };
        Box::pin(std::future::ready(next.unwrap_or_else(more).map(here)))
    }
}

/// What stands in a case in place of what is secret or somebody's.
#[derive(Debug, Default)]
pub struct Replacements(IndexMap<String, String>);

/// Addresses of mail, and telephone numbers with their country.
static PERSONAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}|\+[1-9][0-9]{7,14}")
        .expect("it is a pattern")
});

/// Shorter secrets would be found in texts by chance.
const SHORTEST: usize = 4;

impl Replacements {
    /// Of the credentials of `wanted`, of secrets in the answers (by the names of their keys), and of people's addresses and
    /// numbers anywhere.
    pub fn of(wanted: &Wanted, observed: &Observed) -> Self {
        let mut all = Self::default();
        for (name, value) in &wanted.credentials {
            all.add(value.as_str().unwrap_or_default(), || format!("test-{}", name.replace('_', "-")));
        }
        let answers: Vec<Json> = observed.answers().map(body_of).collect();
        let mut secrets = Vec::new();
        answers.iter().for_each(|it| redact::secrets_in(it, &mut secrets));
        for (number, secret) in secrets.iter().enumerate() {
            all.add(secret, || format!("test-secret-{}", number + 1));
        }
        let given = [&wanted.input, &wanted.config, &wanted.connection].map(|it| Json::Object(it.clone()).to_string());
        for text in given.into_iter().chain(answers.iter().map(Json::to_string)) {
            for found in PERSONAL.find_iter(&text) {
                let number = all.0.len() + 1;
                all.add(found.as_str(), || match found.as_str().starts_with('+') {
                    true => format!("+62800000{number:04}"),
                    false => format!("person{number}@example.com"),
                });
            }
        }
        all
    }

    fn add(&mut self, value: &str, replacement: impl FnOnce() -> String) {
        if value.len() >= SHORTEST && !self.0.contains_key(value) {
            self.0.insert(value.to_owned(), replacement());
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// A text without them.
    pub fn text(&self, text: &str) -> String {
        let mut longest_first: Vec<_> = self.0.iter().collect();
        longest_first.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        longest_first.into_iter().fold(text.to_owned(), |text, (value, with)| text.replace(value, with))
    }

    fn json(&self, value: &Json) -> Json {
        match value {
            Json::String(text) => Json::String(self.text(text)),
            Json::Array(list) => list.iter().map(|it| self.json(it)).collect(),
            Json::Object(map) => Json::Object(self.map(map)),
            other => other.clone(),
        }
    }

    fn map(&self, map: &JsonMap<String, Json>) -> JsonMap<String, Json> {
        map.iter().map(|(key, value)| (key.clone(), self.json(value))).collect()
    }

    /// The same with the replacements.
    pub fn wanted(&self, it: &Wanted) -> Wanted {
        let map = |it| self.map(it);
        Wanted {
            connection: map(&it.connection),
            credentials: map(&it.credentials),
            config: map(&it.config),
            input: map(&it.input),
            ..it.clone()
        }
    }

    /// The same with the replacements in the answers.
    pub fn observed(&self, it: Observed) -> Observed {
        let answer = |answer: Answer| Answer {
            headers: answer.headers.iter().map(|(name, value)| (name.clone(), self.text(value))).collect(),
            body: match std::str::from_utf8(&answer.body) {
                Ok(text) => self.text(text).into(),
                Err(_) => answer.body,
            },
            ..answer
        };
        let exchanges = it.exchanges.into_iter().map(|(request, it)| (request, it.map(answer))).collect();
        Observed { exchanges, ..it }
    }
}

impl Observed {
    fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.exchanges.iter().filter_map(|(_, answer)| answer.as_ref().ok())
    }
}

fn body_of(answer: &Answer) -> Json {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| Json::from(String::from_utf8_lossy(&answer.body)))
}

/// The case: what is wanted, and what happened.
pub fn case(wanted: &Wanted, observed: Option<&Observed>) -> Yaml {
    let some = |it: &JsonMap<String, Json>| (!it.is_empty()).then(|| Json::Object(it.clone()));
    let map = Map::default()
        .block()
        .set("name", wanted.name.as_str())
        .set(wanted.kind, wanted.of.as_str())
        .set("now", wanted.now.to_string())
        .maybe("connection", some(&wanted.connection))
        .maybe("credentials", some(&wanted.credentials))
        .maybe("config", some(&wanted.config))
        .maybe("input", some(&wanted.input));
    let Some(observed) = observed else { return Yaml::Map(map.set("output", Json::Null)) };
    let exchanges = observed.exchanges.iter().map(|(sent, answer)| {
        let exchange = Map::default().block().set("request", request(sent)).set("answer", answered(answer));
        Yaml::Map(exchange)
    });
    let map = map.set("exchanges", Yaml::List(exchanges.collect()));
    Yaml::Map(match &observed.outcome {
        Ok(output) => map.set("output", output.clone()),
        Err(failure) => {
            map.set("error", Map::default().set("code", failure.code.as_str()).set("say", failure.say.as_str()))
        }
    })
}

fn request(sent: &Request) -> Map {
    let query = received::grouped(sent.url.query_pairs().into_owned());
    let mut address = sent.url.clone();
    address.set_query(None);
    let map = Map::default()
        .set("method", sent.method.as_str())
        .set("url", address.as_str())
        .maybe("query", query.as_object().is_some_and(|it| !it.is_empty()).then_some(query));
    if sent.body.is_empty() {
        return map;
    }
    let kind = sent.header("content-type").unwrap_or_default();
    match serde_json::from_slice::<Json>(&sent.body) {
        Ok(body) if kind.contains("json") => map.set("body", body),
        _ if kind.starts_with("application/x-www-form-urlencoded") => map.set("form", received::form(&sent.body)),
        _ => match std::str::from_utf8(&sent.body) {
            // the boundary of parts is another one each time
            _ if kind.starts_with("multipart/") => map,
            Ok(text) => map.set("text", text),
            Err(_) => map.set("base64", STANDARD.encode(&sent.body)),
        },
    }
}

/// Headers of answers that connectors look at.
const KEPT_HEADERS: [&str; 6] = ["content-type", "location", "link", "etag", "retry-after", "last-modified"];

fn answered(answer: &Result<Answer, SendError>) -> Map {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if !error.may_have_arrived => return Map::default().set("refused", true),
        Err(error) if error.code == Code::Timeout => return Map::default().set("timeout", true),
        Err(_) => return Map::default().set("lost", true),
    };
    let json = serde_json::from_slice::<Json>(&answer.body).ok().filter(|it| it.is_object() || it.is_array());
    let kept = answer.headers.iter().filter(|(name, _)| KEPT_HEADERS.contains(&name.as_str()));
    let headers: JsonMap<String, Json> = kept
        .filter(|(name, _)| name != "content-type" || (json.is_none() && !answer.body.is_empty()))
        .map(|(name, value)| (name.clone(), Json::from(value.as_str())))
        .collect();
    let map = Map::default()
        .maybe("status", (answer.status != 200).then_some(answer.status))
        .maybe("headers", (!headers.is_empty()).then_some(Json::Object(headers)));
    match (json, std::str::from_utf8(&answer.body)) {
        _ if answer.body.is_empty() => map,
        (Some(body), _) => map.set("body", body),
        (None, Ok(text)) => map.set("text", text),
        (None, Err(_)) => map.set("base64", STANDARD.encode(&answer.body)),
    }
}
