//! An action behind those that a connector has already: nothing that its author wrote is touched.

use serde_json::{Map as JsonMap, Value as Json};
use url::Url;

use super::{
    Wish,
    action::{Asked, Made},
    command, words,
};
use crate::{
    diag::{Diagnostics, Sources},
    import::{
        Refusal,
        emit::{self, Map, Yaml},
        scheme::{Auth, Scheme},
    },
    yaml::{self, Kind, Node},
};

/// The files of a connector, as they are.
#[derive(Debug, Clone, Copy)]
pub struct Existing<'a> {
    /// `connector.yaml`
    pub connector: &'a str,
    /// `tests.yaml`; empty if there is none.
    pub tests: &'a str,
}

/// The files with one more action, and the action's name.
///
/// The connector signs in as it did; what the command would have signed in with is dropped.
///
/// # Errors
/// If the command calls another address than the connector, or a file is not written as blocks.
pub fn append(text: &str, wish: &Wish, existing: Existing<'_>) -> Result<(String, String, String), Refusal> {
    let command = command::read(&words::split(text)?)?;
    let url = command.url.clone().ok_or_else(|| Refusal::new("the command has no address"))?;
    let connector = read("connector.yaml", existing.connector)?;
    let actions = connector.get("actions").ok_or_else(|| Refusal::new("connector.yaml has no `actions`"))?;
    let (base, server) = server(&connector, &url)?;
    let taken = |name: &str| actions.get(name).is_some();
    if let Some(name) = wish.action.as_deref().filter(|it| taken(it)) {
        return Err(Refusal::new(format!("there is an action `{name}` already")));
    }
    let made = Asked { command: &command, url: &url, base: &base, is_signed: false }.action(wish, &taken)?;
    let left = left_to_do(&made, &connector);
    let mut made = made.action;
    made.todos.extend(left);
    let tests = if existing.tests.trim().is_empty() { None } else { Some(read("tests.yaml", existing.tests)?) };
    let auth = signed(&connector, tests.as_ref());
    if auth.default_scheme().is_some_and(|it| !it.query.is_empty()) {
        // what is expected of a query is all of it, and how requests are signed is shown by the cases that there are
        let requests = made.cases.iter_mut().flat_map(|it| &mut it.exchanges).map(|it| &mut it.0);
        requests.for_each(|it| *it = without_query(std::mem::take(it)));
    }
    if let Some(server) = &server {
        made.plan = with_server(std::mem::take(&mut made.plan), server);
    }
    let entry = |indent| emit::entries(&Map::default().set(&made.name, made.yaml()), indent);
    let connector_text =
        inserted(existing.connector, actions, "connector.yaml", |indent| format!("\n{}", entry(indent)))?;
    let cases = made.cases(&auth);
    let tests_text = match tests.as_ref().and_then(|it| it.get("cases")) {
        Some(node) => {
            inserted(existing.tests, node, "tests.yaml", |indent| format!("\n{}", emit::items(&cases, indent)))?
        }
        None => format!("{}{}", existing.tests, emit::document(&Map::default().set("cases", Yaml::List(cases)))),
    };
    Ok((connector_text, tests_text, made.name))
}

fn read(name: &str, text: &str) -> Result<Node, Refusal> {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let node = yaml::read(&mut sources, name, text.as_bytes(), &mut found)
        .and_then(|it| yaml::parse(&sources, it, &mut found));
    node.ok_or_else(|| Refusal::at(name, "this file has mistakes, which come first: `closeloop validate` shows them"))
}

/// The base URL that the address begins with, and the name of its server where it is not the default.
fn server(connector: &Node, url: &Url) -> Result<(String, Option<String>), Refusal> {
    let http = connector.get("http");
    let single = http.and_then(|it| it.get("base_url")).map(|it| (None, it));
    let several = http.and_then(|it| it.get("servers")).and_then(Node::as_map).into_iter().flatten().enumerate();
    let named = several.map(|(at, it)| ((at > 0).then(|| it.key.clone()), &it.value));
    let mut bases = Vec::new();
    for (name, node) in single.into_iter().chain(named) {
        match &node.kind {
            Kind::Map(_) => {
                let of = node.get("of").and_then(Node::as_map).into_iter().flatten();
                bases.extend(of.filter_map(|it| Some((name.clone(), it.value.as_text()?.to_owned()))));
            }
            _ => bases.extend(node.as_text().map(|it| (name, it.to_owned()))),
        }
    }
    let called = url.as_str().replacen("http://", "https://", 1);
    let fits = |base: &str| {
        called
            .strip_prefix(base.trim_end_matches('/'))
            .is_some_and(|it| it.is_empty() || it.starts_with('/') || it.starts_with('?'))
    };
    match bases.iter().find(|(_, base)| fits(base)) {
        Some((name, base)) => Ok((base.trim_end_matches('/').to_owned(), name.clone())),
        None => {
            let known = bases.iter().map(|(_, base)| base.as_str()).collect::<Vec<_>>().join(", ");
            Err(Refusal::new(format!(
                "the command calls {}, and the connector calls {known}",
                called.split('?').next().unwrap_or_default()
            )))
        }
    }
}

/// What cases of the connector give to sign in, as the first that does.
fn signed(connector: &Node, tests: Option<&Node>) -> Auth {
    let cases = tests.and_then(|it| it.get("cases")).and_then(Node::as_list).unwrap_or_default();
    let first = |key: &str| cases.iter().find_map(|it| it.get(key)).map(yaml::to_json);
    let texts = |value: Option<Json>| -> Vec<(String, String)> {
        let entries = value.as_ref().and_then(Json::as_object).into_iter().flatten();
        entries.map(|(name, it)| (name.clone(), crate::import::call::plain(it))).collect()
    };
    let connection = first("connection").and_then(|it| it.as_object().cloned()).unwrap_or_else(JsonMap::new);
    let auth = connector.get("auth");
    let in_query =
        auth.is_some_and(|it| it.get("query").is_some() || it.get("schemes").is_some() || it.get("account").is_some());
    let mut scheme = Scheme::new("existing", "none");
    if in_query {
        scheme.query.push((String::new(), String::new()));
    }
    Auth { credentials: texts(first("credentials")), connection, schemes: vec![scheme], ..Auth::default() }
}

fn without_query(request: Map) -> Map {
    let kept = request.into_entries().filter(|(key, _)| key != "query");
    kept.fold(Map::default(), |map, (key, value)| map.set(&key, value))
}

/// What the command says that the connector, which stays as it is, perhaps does not.
fn left_to_do(made: &Made, connector: &Node) -> Vec<String> {
    let mut left = made.todos.clone();
    let declares = yaml::to_json(connector).to_string().to_ascii_lowercase();
    for (header, _) in made.auth.schemes.iter().flat_map(|it| &it.headers) {
        let is_there =
            declares.contains(&format!("\"{header}\"")) || matches!(header.as_str(), "authorization" | "cookie");
        if !is_there {
            left.push(format!(
                "the command sends the header `{}`, and this connector does not: give it a field in `auth`, and send it there",
                super::header(header)
            ));
        }
    }
    if !made.namespaces.is_empty() && connector.get("http").and_then(|it| it.get("xml")).is_none() {
        let pairs = made.namespaces.iter().map(|(prefix, uri)| format!("{prefix}: \"{uri}\"")).collect::<Vec<_>>();
        left.push(format!("say in `http` how answers are read: `xml: {{namespaces: {{{}}}}}`", pairs.join(", ")));
    }
    left
}

fn with_server(plan: Map, server: &str) -> Map {
    plan.into_entries().fold(Map::default(), |map, (key, value)| match value {
        Yaml::Map(request) if key == "request" => map.set(&key, request.set("server", server)),
        value => map.set(&key, value),
    })
}

/// The text with something behind the last line of a block, indented as its entries are.
fn inserted(text: &str, block: &Node, file: &str, what: impl FnOnce(usize) -> String) -> Result<String, Refusal> {
    let first = match &block.kind {
        Kind::Map(entries) => entries.first().map(|it| it.key_span.start),
        Kind::List(items) => items.first().map(|it| it.span.start),
        Kind::Scalar(..) => None,
    };
    let line = first.map(|at| text[..at].rfind('\n').map_or(0, |it| it + 1));
    let (Some(first), Some(line)) = (first, line) else {
        return Err(Refusal::at(file, "there is nothing yet behind which it could stand"));
    };
    let before = &text[line..first];
    if before.contains(['{', '[', ':']) {
        return Err(Refusal::at(
            file,
            "what it would stand behind is written on one line; write it over several first",
        ));
    }
    let indent = before.len() - before.trim_start().len();
    let end = text[block.span.end..].find('\n').map_or(text.len(), |it| block.span.end + it + 1);
    let (head, tail) = text.split_at(end);
    let newline = if head.ends_with('\n') { "" } else { "\n" };
    Ok(format!("{head}{newline}{}{tail}", what(indent)))
}
