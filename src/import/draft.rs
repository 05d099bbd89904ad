//! A connector before it is text: its parts in the order in which they are written.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::{
    emit::{self, Map, Yaml},
    logo,
    scheme::Auth,
};
use crate::base::Effect;

/// A connector that is being made.
#[derive(Debug)]
pub struct Draft {
    /// `lower-case-with-dashes`
    pub id: String,
    /// For people.
    pub title: String,
    /// One or two sentences.
    pub summary: String,
    /// What is left to do on the whole, a sentence each.
    pub(super) todos: Vec<String>,
    pub(super) auth: Auth,
    pub(super) http: Map,
    pub(super) actions: Vec<Action>,
}

/// An action that is being made.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) describe: String,
    pub(super) effect: Effect,
    pub(super) scopes: Vec<String>,
    /// Name → schema, with `required: false` where it may be left out.
    pub(super) input: Vec<(String, Json)>,
    /// What is left to do, a sentence each.
    pub(super) todos: Vec<String>,
    /// `request`, `output` and what stands between them.
    pub(super) plan: Map,
    pub(super) cases: Vec<Case>,
    /// Answers for sandbox connections: request and answer.
    pub(super) sandbox: Vec<(Map, Map)>,
}

/// A case that is being made.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) input: JsonMap<String, Json>,
    /// What must be sent, and what is answered.
    pub(super) exchanges: Vec<(Map, Map)>,
    pub(super) end: End,
}

/// How a case ends.
#[derive(Debug)]
pub(super) enum End {
    Output(Json),
    Error(&'static str),
}

/// The files of a connector's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `connector.yaml`
    pub connector: String,
    /// `tests.yaml`
    pub tests: String,
    /// `logo.svg`
    pub logo: String,
}

/// Where the JSON Schemas of both files stand, seen from the connector's directory: `../../docs/connector.schema.json`.
#[derive(Debug, Clone, Copy)]
pub struct Schemas<'a> {
    /// None if there is none.
    pub connector: Option<&'a str>,
    /// None if there is none.
    pub tests: Option<&'a str>,
}

impl Default for Schemas<'_> {
    fn default() -> Self {
        Self { connector: Some("../../docs/connector.schema.json"), tests: Some("../../docs/tests.schema.json") }
    }
}

/// The first line of a file: its schema, or how an editor comes by it.
fn first_line(of: &str, schema: Option<&str>) -> String {
    match schema {
        Some(path) => format!("# yaml-language-server: $schema={path}\n"),
        None => format!(
            "# In an editor `closeloop lsp` completes and checks this; `closeloop schema {of}` prints its schema.\n"
        ),
    }
}

impl Draft {
    /// The names of its actions.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().map(|it| it.name.as_str())
    }

    /// The files.
    pub fn files(&self, schemas: Schemas<'_>) -> Files {
        Files {
            connector: format!("{}{}", first_line("connector", schemas.connector), emit::document(&self.connector())),
            tests: format!("{}{}", first_line("tests", schemas.tests), emit::document(&self.tests())),
            logo: logo::svg(&self.title),
        }
    }

    fn connector(&self) -> Map {
        let map = Map::default().set("id", self.id.as_str()).above(todos(&self.todos));
        map.set("version", "0.1.0")
            .set("title", self.title.as_str())
            .set("summary", self.summary.as_str())
            .set("brand", json!({"logo": "logo.svg", "color": logo::color(&self.title)}))
            .set("catalog", json!({"group": "other_integration", "phase": "planned"}))
            .set("auth", self.auth.yaml())
            .above(todos(&self.auth.todos))
            .gap()
            .set("http", self.http.clone())
            .gap()
            .set(
                "actions",
                self.actions.iter().enumerate().fold(Map::default().block(), |map, (at, action)| {
                    let map = map.set(&action.name, action.yaml());
                    if at == 0 { map } else { map.gap() }
                }),
            )
            .gap()
    }

    fn tests(&self) -> Map {
        let cases = self.actions.iter().flat_map(|action| action.cases(&self.auth)).collect();
        let mut answers: Vec<_> = self.actions.iter().flat_map(|it| &it.sandbox).collect();
        // a path written out before one that would match it too
        answers.sort_by_key(|(request, _)| emit::entries(request, 0).matches('{').count());
        let sandbox: Vec<Yaml> = answers.into_iter().map(exchange).collect();
        let map = Map::default().set("cases", Yaml::List(cases));
        match sandbox.is_empty() {
            true => map,
            false => map.set("sandbox", Yaml::List(sandbox)).gap(),
        }
    }
}

impl Action {
    /// The entry of `actions`.
    pub(super) fn yaml(&self) -> Map {
        let map = Map::default().block().set("title", self.title.as_str()).set("describe", self.describe.as_str());
        let mut map = map.set("effect", self.effect.to_string());
        if !self.scopes.is_empty() {
            map = map.set("scopes", self.scopes.clone());
        }
        if !self.input.is_empty() {
            let fields = Map::default().block();
            map = map.set("input", self.input.iter().fold(fields, |map, (name, schema)| map.set(name, schema.clone())));
        }
        map.and(self.plan.clone().todos(&self.todos))
    }

    /// The entries of `cases`.
    pub(super) fn cases(&self, auth: &Auth) -> Vec<Yaml> {
        self.cases.iter().map(|it| it.yaml(&self.name, auth).into()).collect()
    }
}

impl Map {
    /// What is left to do, before its first key.
    fn todos(self, lines: &[String]) -> Map {
        let mut map = Map::default();
        for (at, (key, value)) in self.into_entries().enumerate() {
            map = map.set(&key, value);
            if at == 0 {
                map = map.above(todos(lines));
            }
        }
        map
    }
}

impl Case {
    fn yaml(&self, action: &str, auth: &Auth) -> Map {
        let mut map = Map::default().block().set("name", self.name.as_str()).set("action", action);
        if !auth.credentials.is_empty() {
            map = map.set("credentials", texts(&auth.credentials));
        }
        if !auth.connection.is_empty() {
            map = map.set("connection", auth.connection.clone());
        }
        if !self.input.is_empty() {
            map = map.set("input", self.input.clone());
        }
        if !self.exchanges.is_empty() {
            map = map.set("exchanges", Yaml::List(self.exchanges.iter().map(exchange).collect()));
        }
        match &self.end {
            End::Output(output) => map.set("output", output.clone()),
            End::Error(code) => map.set("error", json!({"code": code})),
        }
    }
}

fn exchange((request, answer): &(Map, Map)) -> Yaml {
    Map::default().block().set("request", request.clone()).set("answer", answer.clone()).into()
}

/// Name → text.
pub(super) fn texts<K: AsRef<str>, V: AsRef<str>>(pairs: &[(K, V)]) -> Map {
    pairs.iter().fold(Map::default(), |map, (name, value)| map.own(name.as_ref(), value.as_ref()))
}

/// What is left to do, as comments that `validate` shows.
fn todos(lines: &[String]) -> Vec<String> {
    lines.iter().map(|it| format!("TODO: {it}")).collect()
}

/// What is said of a write that nobody knows again.
pub(super) const NOT_IDEMPOTENT: &str = "if the answer is lost, nobody can tell whether this happened: add `verify`, or send `{{ execution.key }}` where \
     the API takes such a key, with `idempotent: true`";
