//! An action from a curl command. What signs in becomes fields of the connect form: none of it is written anywhere.

mod append;
mod command;
mod secrets;
mod values;
mod words;

#[cfg(test)]
mod tests;

use serde_json::{Map as JsonMap, Value as Json, json};
use url::Url;

use self::{
    command::{Command, Part, Sent},
    values::Inputs,
};
use super::{
    Draft, Refusal,
    call::{self, Body, Call},
    draft::{Action, Case, End, NOT_IDEMPOTENT},
    effect,
    emit::{Map, Yaml},
    name,
    scheme::Auth,
};
use crate::base::Effect;

pub use append::{Existing, append};

/// What is to be made.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The connector's id; made of the host without.
    pub id: Option<String>,
    /// The action's name; made of method and path without.
    pub action: Option<String>,
}

/// Headers that a browser or curl sends by itself, or the engine does.
const NOT_KEPT: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "dnt",
    "host",
    "origin",
    "pragma",
    "priority",
    "referer",
    "te",
    "upgrade-insecure-requests",
    "user-agent",
];

/// A connector with the action that a command is.
///
/// # Errors
/// Says what can't be read.
pub fn connector(text: &str, wish: &Wish) -> Result<Draft, Refusal> {
    let command = command::read(&words::split(text)?)?;
    let url = command.url.clone().ok_or_else(|| Refusal::new("the command has no address"))?;
    let base = base(&url);
    let (auth, action) = action(&command, &url, &base, wish)?;
    let title = title(&url);
    let id = match &wish.id {
        Some(id) if name::kebab(id, "") != *id => {
            return Err(Refusal::new(format!("`{id}` is no id: write it as `lower-case-with-dashes`")));
        }
        Some(id) => id.clone(),
        None => name::kebab(&title, "api"),
    };
    let mut todos = Vec::new();
    if url.scheme() == "http" {
        todos.push(format!(
            "the command calls {} without encryption, which no connector does: see that it answers by https",
            url.host_str().unwrap_or_default()
        ));
    }
    Ok(Draft {
        id,
        summary: format!("Works with {title}."),
        title,
        todos,
        auth,
        http: Map::default().block().set("base_url", base).set("timeout", "10s"),
        actions: vec![action],
    })
}

/// Scheme, host and port, and the version if the path begins with one.
fn base(url: &Url) -> String {
    let port = url.port().map(|it| format!(":{it}")).unwrap_or_default();
    let mut base = format!("https://{}{port}", url.host_str().unwrap_or_default());
    let mut segments = url.path().split('/').filter(|it| !it.is_empty()).peekable();
    for _ in 0..2 {
        let is_version = |it: &&str| {
            *it == "api"
                || (it.starts_with('v') && it.len() > 1 && it[1..].bytes().all(|it| it.is_ascii_digit() || it == b'.'))
        };
        let Some(next) = segments.next_if(is_version) else { break };
        base.push('/');
        base.push_str(next);
    }
    base
}

/// `https://api.petshop.example` → `Petshop`
fn title(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let labels: Vec<_> = host.split('.').filter(|it| !matches!(*it, "www" | "api" | "app")).collect();
    let label = if labels.len() > 1 { labels[labels.len() - 2] } else { labels.first().copied().unwrap_or("API") };
    name::capital(&name::words(label).join(" "))
}

fn action(command: &Command, url: &Url, base: &str, wish: &Wish) -> Result<(Auth, Action), Refusal> {
    let mut inputs = Inputs::default();
    let mut todos = Vec::new();
    let path = rest_of(url, base).unwrap_or_else(|| url.path().to_owned());
    let (written, sent, plain) = values::path(&path, &mut inputs);
    let effect = effect::of(&command.method, &plain);
    let (auth, kept) = secrets::take(command);
    let mut call =
        Call { method: command.method.clone(), base: base.to_owned(), path: (written, sent), ..Call::default() };
    let mut has_key = false;
    for (name, value) in kept.query {
        let (slot, sent) = inputs.add(&name, &values::read(&value), false);
        push_query(&mut call, &name, slot, sent);
    }
    for (name, value) in kept.headers {
        let low = name.as_str();
        if name::words(low).join("").contains("idempoten") {
            has_key = true;
            call.headers.push((header(low), "{{ execution.key }}".to_owned(), Some(call::KEY.to_owned())));
            continue;
        }
        let is_asked_for = !matches!(value.as_str(), "*/*" | "application/json") && !value.contains(',');
        if (low == "accept" && is_asked_for)
            || !NOT_KEPT.contains(&low) && !low.starts_with("sec-") && !value.contains("{{")
        {
            call.headers.push((header(low), value.clone(), Some(value)));
        }
    }
    let kind = command.headers.iter().find(|(name, _)| name == "content-type").map(|it| it.1.as_str());
    match &command.body {
        None => {}
        Some(Sent::Parts(parts)) => {
            call.body = Body::Multipart(parts.iter().map(|(name, part)| of_part(name, part, &mut inputs)).collect());
        }
        Some(Sent::Text(text)) => body(&mut call, text, kind, &mut inputs, &mut has_key, &mut todos),
    }
    let twice = matches!(command.method.as_str(), "PUT" | "DELETE");
    let mut plan = Map::default().set("request", call.yaml());
    if effect != Effect::Read {
        match has_key || twice {
            true => plan = plan.set("idempotent", true),
            false => todos.insert(0, NOT_IDEMPOTENT.to_owned()),
        }
    }
    let name = match &wish.action {
        Some(name) if name::snake(name, "") != *name => {
            return Err(Refusal::new(format!(
                "`{name}` is no name of an action: write it as `lower_case_with_underscores`"
            )));
        }
        Some(name) => name.clone(),
        None => values::named(&command.method, &plain),
    };
    todos.push("say in `describe` when to call it: a model decides by that".to_owned());
    let title = name::title(&name);
    let answer = Map::default().set("body", json!({"id": "1"}));
    let failing = Map::default().set("status", 404).set("body", json!({"message": "There is no such thing."}));
    let case = |what: &str, request, answer, end| Case {
        name: format!("{title}: {what}"),
        input: inputs.values.clone(),
        exchanges: vec![(request, answer)],
        end,
    };
    let cases = vec![
        case("does it", call.expected(auth.default_scheme(), &[]), answer.clone(), End::Output(json!({"id": "1"}))),
        case("tells a 404", call.line(), failing, End::Error("not_found")),
    ];
    let shown = plain.split('/').all(|it| !it.contains('{') || (it.starts_with('{') && it.ends_with('}')));
    let request =
        Map::default().set("method", command.method.as_str()).set("path", if plain.is_empty() { "/" } else { &plain });
    let action = Action {
        describe: format!("{title} at {}{plain}.", url.host_str().unwrap_or_default()),
        title: title.clone(),
        effect,
        scopes: Vec::new(),
        input: inputs.fields,
        todos,
        plan,
        cases,
        sandbox: shown.then_some((request, answer)).into_iter().collect(),
        name,
    };
    Ok((auth, action))
}

/// What follows the base in the address.
fn rest_of(url: &Url, base: &str) -> Option<String> {
    let base = Url::parse(base).ok()?;
    let rest = url.path().strip_prefix(base.path().trim_end_matches('/'))?;
    Some(if rest.is_empty() { "/".to_owned() } else { rest.to_owned() })
}

fn push_query(call: &mut Call, name: &str, written: String, sent: Json) {
    match call.query.iter_mut().find(|it| it.0 == name) {
        // given twice: a list
        Some((_, Yaml::List(all), value)) => {
            all.push(written.into());
            if let Some(Json::Array(values)) = value {
                values.push(sent);
            }
        }
        Some((_, one, value)) => {
            *one = Yaml::List(vec![one.clone(), written.into()]);
            *value = value.take().map(|it| json!([it, sent]));
        }
        None => call.query.push((name.to_owned(), written.into(), Some(sent))),
    }
}

/// `x-tenant-id` → `X-Tenant-Id`
fn header(name: &str) -> String {
    name.split('-').map(name::capital).collect::<Vec<_>>().join("-")
}

fn of_part(name: &str, part: &Part, inputs: &mut Inputs) -> (Map, Option<Json>) {
    let own = Map::default().set("name", name);
    match part {
        Part::File => {
            let (written, _) = inputs.file(name);
            (
                own.set("file", written),
                Some(json!({"name": name, "filename": "note.txt", "content_type": "text/plain", "body": "hello"})),
            )
        }
        Part::Value(value) => {
            let (written, sent) = inputs.add(name, &values::read(value), true);
            (own.set("value", written), Some(json!({"name": name, "body": call::plain(&sent)})))
        }
    }
}

fn body(
    call: &mut Call,
    text: &str,
    kind: Option<&str>,
    inputs: &mut Inputs,
    has_key: &mut bool,
    todos: &mut Vec<String>,
) {
    let json: Option<Json> = serde_json::from_str(text).ok().filter(|it: &Json| it.is_object() || it.is_array());
    let essence = kind.and_then(|it| it.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
    let is_form = essence.is_empty() || essence == "application/x-www-form-urlencoded";
    if let Some(value) = json.filter(|_| is_form || essence.ends_with("json")) {
        let mut found = values::Tree { inputs, has_key, todos };
        let (written, sent) = found.object(&value);
        call.body = Body::Json(written, sent);
        call.content_type = (essence.ends_with("+json")).then_some(essence);
    } else if is_form && text.contains('=') {
        let (mut written, mut sent) = (Map::default(), JsonMap::new());
        for (name, value) in command::pairs(text) {
            if sent.contains_key(&name) {
                todos.push(format!("`{name}` is sent twice, of which one is written: make it a list"));
                continue;
            }
            let (slot, value) = values::Tree { inputs, has_key, todos }.leaf(&name, &values::read(&value));
            written = written.own(&name, slot);
            sent.insert(name, value);
        }
        call.body = Body::Form(written.into(), sent.into());
    } else {
        let (written, _) = inputs.add("text", &json!("text-1"), true);
        call.body = Body::Text(written, "text-1".to_owned());
        call.content_type = Some(if essence.is_empty() { "text/plain".to_owned() } else { essence });
        todos.push(
            "the body is one text: write what always stands in it into `text`, with a placeholder for each input"
                .to_owned(),
        );
    }
}
