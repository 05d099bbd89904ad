//! Official SDKs, asked to do the same: what they send and what we send is compared, request by request.
//!
//! `tests/sdk/<connector>.yaml` names a case of the connector's `tests.yaml`, whose exchanges give both sides the same
//! answers, the SDK's lines in Python, and where the two differ on purpose. A difference that is not declared fails, and
//! so does a declared one that is gone. Credentials are not compared: requests are still unsigned here.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body, extract::State, http::Response};
use closeloop::{
    base::{BoxFuture, Code, clock::FixedClock},
    catalog::folder,
    format::xml,
    interpreter::{self, ExecutionNames, Run, Unobserved},
    spec::{CannedAnswer, Case, CaseOf, Connector, Exchange},
    transport::{Outgoing, SendError, Transport, differences},
    wire::{Answer, Request},
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    fakes::{Seen, Server, pairs},
    harness::python::{SCRIPTS, python, run_with_input},
};

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Comparison {
    /// Python that each call begins with.
    setup: String,
    calls: Vec<Call>,
}

/// One call of the SDK, and the case that does the same.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    case: String,
    /// Which of the case's exchanges the SDK makes too, from 1; all if left out.
    exchanges: Option<Vec<usize>>,
    python: String,
    #[serde(default)]
    differences: Vec<Declared>,
}

/// A difference on purpose.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    /// The JSON pointer of what differs, with all that is below it: `/query/alt`.
    at: String,
    #[allow(dead_code, reason = "for whoever reads the file")]
    why: String,
}

#[tokio::test]
async fn we_send_what_the_official_sdks_send() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let loaded = folder::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/connectors"))).unwrap();
    let mut problems = Vec::new();
    for file in files {
        let id = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let connector = loaded.connectors.iter().find(|it| it.id == *id).unwrap_or_else(|| panic!("no connector {id}"));
        let comparison: Comparison =
            serde_yaml::from_str(&fs::read_to_string(&file).unwrap()).unwrap_or_else(|error| panic!("{id}: {error}"));
        problems.extend(compare(connector, &comparison).await);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

async fn compare(connector: &Connector, comparison: &Comparison) -> Vec<String> {
    let mut servers = Vec::new();
    for call in &comparison.calls {
        servers.push(answering(chosen(connector, call)).await);
    }
    let calls: Vec<Json> = comparison
        .calls
        .iter()
        .zip(&servers)
        .map(|(call, server)| json!({"server": server.url(), "code": format!("{}\n{}", comparison.setup, call.python)}))
        .collect();
    let script = Path::new(SCRIPTS).join("sdk.py");
    let input = Json::from(calls).to_string();
    tokio::task::spawn_blocking(move || run_with_input(python(), &[script.to_str().unwrap()], &input)).await.unwrap();
    let mut problems = Vec::new();
    for (call, server) in comparison.calls.iter().zip(servers) {
        let theirs: Vec<Json> = server.seen().iter().map(|seen| theirs(connector, seen)).collect();
        let ours = ours(connector, call).await;
        let found = undeclared(call, &theirs, &ours);
        problems.extend(found.into_iter().map(|it| format!("{}, {:?}: {it}", connector.id, call.case)));
    }
    problems
}

fn undeclared(call: &Call, theirs: &[Json], ours: &[Json]) -> Vec<String> {
    if theirs.len() != ours.len() {
        return vec![format!(
            "the SDK sends {} requests, we send {}:\n{theirs:#?}\n{ours:#?}",
            theirs.len(),
            ours.len()
        )];
    }
    let mut unseen: Vec<&str> = call.differences.iter().map(|it| it.at.as_str()).collect();
    let mut problems = Vec::new();
    for (number, (theirs, ours)) in (1..).zip(theirs.iter().zip(ours)) {
        for difference in differences("", theirs, ours) {
            let at = difference.place.trim_start();
            let declared = call.differences.iter().find(|it| at == it.at || at.starts_with(&format!("{}/", it.at)));
            match declared {
                Some(declared) => unseen.retain(|it| *it != declared.at),
                None => problems.push(format!("request {number}: the SDK differs at{difference}")),
            }
        }
    }
    problems.extend(unseen.into_iter().map(|at| format!("nothing differs at {at} any more")));
    problems
}

fn case<'c>(connector: &'c Connector, call: &Call) -> &'c Case {
    let found = connector.cases.iter().find(|it| it.name == call.case);
    found.unwrap_or_else(|| panic!("{} has no case {:?}", connector.id, call.case))
}

/// The exchanges of the case that the SDK makes too.
fn chosen<'c>(connector: &'c Connector, call: &Call) -> Vec<&'c Exchange> {
    let all = &case(connector, call).exchanges;
    match &call.exchanges {
        None => all.iter().collect(),
        Some(numbers) => numbers.iter().map(|it| &all[it - 1]).collect(),
    }
}

type Answers = Arc<Mutex<VecDeque<(u16, Vec<(String, String)>, Vec<u8>)>>>;

/// A server that gives the exchanges' answers, whatever it is asked.
async fn answering(exchanges: Vec<&Exchange>) -> Server {
    let answers = exchanges.into_iter().map(|it| match &it.answer {
        CannedAnswer::Answer { status, headers, body } => (*status, headers.clone(), body.clone()),
        other => panic!("an SDK can't be given {other:?}"),
    });
    let answers: Answers = Arc::new(Mutex::new(answers.collect()));
    Server::start(Router::new().fallback(next_answer).with_state(answers)).await
}

async fn next_answer(State(answers): State<Answers>) -> Response<Body> {
    let (status, headers, body) = answers.lock().unwrap().pop_front().expect("as many requests as the case has");
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).unwrap()
}

fn theirs(connector: &Connector, seen: &Seen) -> Json {
    let kind = seen.headers.get("content-type").map_or("", |it| it.to_str().unwrap());
    shown(connector, &seen.method, &seen.path, &seen.query, kind, &seen.body)
}

/// What we send in those exchanges.
async fn ours(connector: &Connector, call: &Call) -> Vec<Json> {
    let case = case(connector, call);
    let (plan, input, config) = match &case.of {
        CaseOf::Action(name) => {
            let action = &connector.actions[name];
            let input = action.input.with_defaults(case.input.clone());
            (&action.plan, input, action.config.with_defaults(case.config.clone()))
        }
        CaseOf::Lookup(name) => {
            let lookup = &connector.lookups[name];
            (&lookup.plan, json!({}), lookup.config.with_defaults(case.config.clone()))
        }
        other => panic!("{other:?} is not compared"),
    };
    let clock = FixedClock(case.now);
    let transport = Recording { exchanges: &case.exchanges, sent: Mutex::default() };
    let run = Run {
        connector,
        plan,
        input: input.into(),
        config: config.into(),
        connection: case.connection.clone(),
        execution: ExecutionNames::new(&case.execution_key, &case.execution_key, "org", "agent").into(),
        mappings: Default::default(),
        beside: closeloop::expr::Scope::new(),
        transport: &transport,
        clock: &clock,
        observer: &Unobserved,
    };
    interpreter::run(run).await.unwrap_or_else(|failure| panic!("{}: {failure:?}", case.name));
    let sent = transport.sent.into_inner().unwrap();
    let numbers = call.exchanges.clone().unwrap_or_else(|| (1..=sent.len()).collect());
    numbers.iter().map(|number| our(connector, &sent[number - 1])).collect()
}

fn our(connector: &Connector, request: &Request) -> Json {
    let query = pairs(request.url.query().unwrap_or_default());
    let kind = request.header("content-type").unwrap_or_default();
    let body = String::from_utf8_lossy(&request.body);
    shown(connector, &request.method, request.url.path(), &query, kind, &body)
}

/// Gives a case's answers in order, and keeps what was asked.
struct Recording<'a> {
    exchanges: &'a [Exchange],
    sent: Mutex<Vec<Arc<Request>>>,
}

impl Transport for Recording<'_> {
    fn send<'a>(&'a self, outgoing: Outgoing<'a>) -> BoxFuture<'a, Result<Answer, SendError>> {
        let mut sent = self.sent.lock().unwrap();
        let url = outgoing.request.url.clone();
        let answer = match self.exchanges.get(sent.len()).map(|it| &it.answer) {
            Some(CannedAnswer::Answer { status, headers, body }) => {
                Ok(Answer { status: *status, headers: headers.clone(), body: body.clone().into(), url })
            }
            _ => Err(SendError::not_sent(Code::ProviderError, "the case has no answer to this")),
        };
        sent.push(outgoing.request);
        Box::pin(std::future::ready(answer))
    }
}

/// A request as far as it is compared.
fn shown(
    connector: &Connector,
    method: &str,
    path: &str,
    query: &[(String, String)],
    content_type: &str,
    body: &str,
) -> Json {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    json!({
        "method": method,
        "path": path,
        "query": grouped(query),
        "content_type": kind,
        "body": understood(connector, content_type, body),
    })
}

/// Order counts among values of one name only.
fn grouped(pairs: &[(String, String)]) -> Json {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        names.entry(name).or_default().push(value);
    }
    json!(names)
}

/// A body as what it means: the same JSON may be written in many ways.
fn understood(connector: &Connector, content_type: &str, body: &str) -> Json {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind {
        _ if body.is_empty() => Json::Null,
        "application/json" => serde_json::from_str(body).expect("JSON"),
        "application/x-www-form-urlencoded" => grouped(&pairs(body)),
        "application/xml" | "text/xml" => {
            let rules: &xml::Rules = &connector.http.xml;
            xml::to_json(body.as_bytes(), rules).unwrap_or_else(|error| panic!("{error}: {body}"))
        }
        "text/calendar" => calendar(body),
        _ if kind.starts_with("multipart/") => {
            let boundary = content_type.split("boundary=").nth(1).expect("a boundary").trim_matches('"');
            let text = body.replace("\r\n", "\n");
            let boundary = format!("--{boundary}");
            let parts = text.split(&boundary).map(|it| it.trim_start_matches('\n'));
            parts.filter(|it| !it.is_empty() && !it.starts_with("--")).map(|it| part(connector, it)).collect()
        }
        _ => body.into(),
    }
}

/// A part of a body: its headers by their names in lower case, and what it means.
fn part(connector: &Connector, text: &str) -> Json {
    let (head, body) = text.split_once("\n\n").expect("a part has headers");
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<String, &str> = lines.map(|(name, value)| (name.to_lowercase(), value)).collect();
    let kind = headers.get("content-type").copied().unwrap_or_default();
    let body = understood(connector, kind, body.strip_suffix('\n').unwrap_or(body));
    json!({"headers": headers, "body": body})
}

/// The lines of an event by their names.
fn calendar(text: &str) -> Json {
    let unfolded = text.replace("\r\n", "\n").replace("\n ", "");
    let lines = unfolded.lines().filter_map(|line| line.split_once(':'));
    grouped(&lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>())
}
