//! Runs small connectors against a provider that plays a list of answers.

mod crashes;
mod errors;
mod pages;
mod provenance;
mod repeats;
mod steps;
mod told;
mod undos;
mod values;
mod waits;
mod writes;

use std::{collections::VecDeque, sync::Arc};

use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::{
    diag::{Diagnostics, Sources},
    spec::{self, AccountFile, ConnectorFiles, Mappings},
    transport::{Outgoing, SendError, check_host},
};

/// A clock that moves when somebody waits, or when a request takes its time.
struct TestClock(Mutex<Timestamp>);

impl TestClock {
    fn pass(&self, duration: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(SignedDuration::try_from(duration).unwrap()).unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.pass(duration);
        Box::pin(std::future::ready(()))
    }
}

/// What the provider does with one request.
#[derive(Debug, Clone)]
enum Plays {
    Answers(u16, Vec<(&'static str, String)>, String),
    Fails(SendError),
    /// It is left alone for a while: only what finds out what has happened gets there.
    LeftAlone(Box<Plays>),
}

/// A JSON answer.
fn answer(status: u16, body: impl Into<Json>) -> Plays {
    answer_with(status, &[], body)
}

fn answer_with(status: u16, headers: &[(&'static str, &str)], body: impl Into<Json>) -> Plays {
    let json = [("content-type", "application/json")];
    let headers = json.iter().chain(headers).map(|&(name, value)| (name, value.to_owned())).collect();
    Plays::Answers(status, headers, body.into().to_string())
}

fn lost() -> Plays {
    Plays::Fails(SendError::maybe_sent(Code::Unavailable, "the connection broke"))
}

fn timed_out() -> Plays {
    Plays::Fails(SendError::maybe_sent(Code::Timeout, "no answer in time"))
}

fn left_alone(plays: Plays) -> Plays {
    Plays::LeftAlone(Box::new(plays))
}

fn refused() -> Plays {
    Plays::Fails(SendError::not_sent(Code::Unavailable, "the connection was refused"))
}

/// Plays its answers in order, and writes down what it was asked: `POST /orders?a=1 {"b":2}`.
struct Provider<'c> {
    clock: &'c TestClock,
    /// How long each request takes.
    takes: Duration,
    plays: Mutex<VecDeque<Plays>>,
    seen: Mutex<Vec<String>>,
    /// Requests under way, and the most there ever were.
    under_way: Mutex<(usize, usize)>,
    timeouts: Mutex<Vec<Duration>>,
}

impl Transport for Provider<'_> {
    fn send<'a>(&'a self, outgoing: Outgoing<'a>) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            check_host(outgoing.http, &outgoing.request.url)?;
            let Request { method, url, headers, body } = &*outgoing.request;
            let mut line = format!("{method} {}", &url[url::Position::BeforePath..]);
            if !body.is_empty() {
                line = format!("{line} {}", String::from_utf8_lossy(body));
            }
            for (name, value) in headers.iter().filter(|(name, _)| name.starts_with("x-")) {
                line = format!("{line} {name}={value}");
            }
            self.seen.lock().unwrap().push(line);
            self.timeouts.lock().unwrap().push(outgoing.timeout);
            {
                let mut under_way = self.under_way.lock().unwrap();
                under_way.0 += 1;
                under_way.1 = under_way.1.max(under_way.0);
            }
            let plays = self.plays.lock().unwrap().pop_front().expect("a request that the test does not expect");
            let plays = match plays {
                Plays::LeftAlone(plays) if outgoing.settles => *plays,
                plays => plays,
            };
            tokio::task::yield_now().await;
            self.clock.pass(self.takes);
            self.under_way.lock().unwrap().0 -= 1;
            match plays {
                Plays::Fails(error) => Err(error),
                Plays::LeftAlone(_) => {
                    Err(SendError { held_back: true, ..SendError::not_sent(Code::Unavailable, "it is left alone") })
                }
                Plays::Answers(status, headers, body) => Ok(Answer {
                    status,
                    headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
                    body: body.into(),
                    url: url.clone(),
                }),
            }
        })
    }
}

/// Writes down the events and the writes.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    refuses_writes: bool,
}

impl Observer for Log {
    fn before_write<'a>(
        &'a self,
        step: &'a str,
        request: &'a Request,
        _: Checkpoint,
    ) -> BoxFuture<'a, Result<(), Unsent>> {
        self.lines.lock().unwrap().push(format!("{step}: will {}", request.method));
        let result = if self.refuses_writes { Err(Unsent::NotNoted("the disk is full".to_owned())) } else { Ok(()) };
        Box::pin(std::future::ready(result))
    }

    fn event(&self, event: Event<'_>) {
        self.lines.lock().unwrap().push(match event {
            Event::Skipped { step } => format!("{step}: skipped"),
            Event::Exchanged { step, answer: Ok(answer), .. } => format!("{step}: {}", answer.status),
            Event::Exchanged { step, answer: Err(error), .. } => format!("{step}: {}", error.message),
            Event::SchemaChanged => "the org's fields changed".to_owned(),
            Event::Ended { step, output } => format!("{step}: {output}"),
        });
    }
}

/// A connector, how its provider behaves, and what the agent calls.
struct Scene {
    connector: Arc<Connector>,
    action: &'static str,
    input: Json,
    config: Json,
    connection: Json,
    plays: Vec<Plays>,
    takes: Duration,
    log: Log,
}

/// What came of it.
struct Outcome {
    result: Result<Json, Failure>,
    seen: Vec<String>,
    log: Vec<String>,
    most_under_way: usize,
    timeouts: Vec<Duration>,
    unplayed: usize,
    waited: Duration,
}

/// Loads a connector whose `http` and `actions` (and further sections) are given.
fn connector(sections: &str, accounts: &[(&str, &str)]) -> Arc<Connector> {
    let mut text = "id: shop\nversion: 1.0.0\ntitle: Shop\nsummary: Sells things.\ncatalog: {group: other_integration, phase: ga}\n".to_owned();
    text.push_str(sections);
    for (key, default) in
        [("auth:", "auth: {scheme: none}\n"), ("http:", "http:\n  base_url: https://api.example.com/v1\n")]
    {
        if !sections.lines().any(|line| line.starts_with(key)) {
            text.push_str(default);
        }
    }
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let accounts: Vec<_> = accounts
        .iter()
        .map(|(stem, text)| AccountFile { stem: (*stem).to_owned(), file: sources.add(format!("{stem}.yaml"), *text) })
        .collect();
    let file = sources.add("connector.yaml", &text);
    let files = ConnectorFiles { directory: "shop".to_owned(), connector: file, tests: None, logo: None };
    let connectors = spec::load(&[files], &accounts, &sources, &mut diagnostics);
    let found: Vec<_> = diagnostics.iter().map(|it| format!("{} {}", it.code, it.message)).collect();
    connectors.into_iter().next().unwrap_or_else(|| panic!("{found:#?}\n{text}"))
}

/// One action, called `act`, that writes; `body` is its `steps`, or `request`, and so on, at no indentation.
fn act(body: &str) -> Scene {
    acting("write", body)
}

/// The same for an action that only reads.
fn look(body: &str) -> Scene {
    acting("read", body)
}

fn acting(effect: &str, body: &str) -> Scene {
    let body = body.trim_matches('\n').lines().map(|it| format!("    {it}\n")).collect::<String>();
    scene(&format!(
        "
actions:
  act:
    title: Act
    describe: Does what there is to do in the shop.
    effect: {effect}
    config:
      place: {{type: string, required: false}}
    input:
      name: {{type: string, required: false}}
      count: {{type: integer, required: false}}
      note: {{type: [string, 'null'], required: false}}
      tags: {{type: array, required: false}}
{body}"
    ))
}

/// A whole connector; `act` is called.
fn scene(sections: &str) -> Scene {
    Scene {
        connector: connector(sections, &[]),
        action: "act",
        input: json!({}),
        config: json!({}),
        connection: json!({}),
        plays: Vec::new(),
        takes: Duration::ZERO,
        log: Log::default(),
    }
}

impl Scene {
    fn input(self, input: Json) -> Self {
        Self { input, ..self }
    }

    fn config(self, config: Json) -> Self {
        Self { config, ..self }
    }

    fn plays(self, plays: impl IntoIterator<Item = Plays>) -> Self {
        Self { plays: plays.into_iter().collect(), ..self }
    }

    /// How long the provider takes for each request.
    fn takes(self, seconds: u64) -> Self {
        Self { takes: Duration::from_secs(seconds), ..self }
    }

    async fn run(self) -> Outcome {
        let plan = &self.connector.actions[self.action].plan;
        self.run_plan(plan).await
    }

    async fn run_plan(&self, plan: &Plan) -> Outcome {
        let start: Timestamp = "2026-11-25T09:00:00Z".parse().unwrap();
        let clock = TestClock(Mutex::new(start));
        let provider = Provider {
            clock: &clock,
            takes: self.takes,
            plays: Mutex::new(self.plays.clone().into()),
            seen: Mutex::default(),
            under_way: Mutex::default(),
            timeouts: Mutex::default(),
        };
        let result = run(Run {
            connector: &self.connector,
            plan,
            input: self.input.clone().into(),
            config: self.config.clone().into(),
            connection: self.connection.clone().into(),
            execution: ExecutionNames::new("exe_1", "0190", "org_1", "a").into(),
            mappings: Mappings::default(),
            beside: Scope::new(),
            transport: &provider,
            clock: &clock,
            observer: &self.log,
        })
        .await;
        Outcome {
            result,
            seen: provider.seen.into_inner().unwrap(),
            log: std::mem::take(&mut self.log.lines.lock().unwrap()),
            most_under_way: provider.under_way.into_inner().unwrap().1,
            timeouts: provider.timeouts.into_inner().unwrap(),
            unplayed: provider.plays.into_inner().unwrap().len(),
            waited: Duration::try_from(clock.now().duration_since(start)).unwrap(),
        }
    }
}

impl Outcome {
    /// It succeeded with this, after exactly these requests.
    #[track_caller]
    fn gives(self, output: impl Into<Json>, seen: &[&str]) -> Self {
        assert_eq!(self.seen, seen);
        assert_eq!(self.result.as_ref().map_err(|it| format!("{it:?}")), Ok(&output.into()));
        assert_eq!(self.unplayed, 0, "answers that nobody asked for");
        self
    }

    /// It failed with this code, after exactly these requests.
    #[track_caller]
    fn fails(self, code: Code, seen: &[&str]) -> Failure {
        assert_eq!(self.seen, seen);
        let failure = self.result.expect_err("a failure");
        assert_eq!(failure.code, code, "{failure:?}");
        assert_eq!(self.unplayed, 0, "answers that nobody asked for");
        failure
    }
}

/// The future can move between threads, and isn't one that is too large for a stack.
#[test]
fn a_run_can_be_spawned() {
    fn is_send<T: Send>(value: &T) -> usize {
        std::mem::size_of_val(value)
    }
    let scene = look("request: {method: GET, path: /a}");
    assert!(is_send(&scene.run()) < 4096);
}
