//! Where requests go: servers, and their variables as fields of the connection.

use serde_json::{Value as Json, json};
use url::Url;

use super::document::{At, Document};
use crate::import::{
    Refusal,
    emit::{Map, Yaml},
    name,
    scheme::Auth,
};

/// How many addresses are written out.
const MOST: usize = 12;

/// A server: as it is written, and where it is in cases.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) written: Yaml,
    pub(super) base: String,
    /// Hosts that a value decides.
    hosts: Vec<String>,
}

/// All servers that are used; the first is the default.
#[derive(Debug, Default)]
pub(super) struct Servers(Vec<Server>);

impl Servers {
    /// `base_url` or `servers`, and `hosts`.
    pub(super) fn put(&self, http: Map) -> Map {
        let http = match self.0.as_slice() {
            [one] => http.set("base_url", one.written.clone()),
            several => {
                let all = several.iter().fold(Map::default().block(), |map, it| map.set(&it.name, it.written.clone()));
                http.set("servers", all)
            }
        };
        let hosts: Vec<_> = self.0.iter().flat_map(|it| it.hosts.clone()).collect();
        if hosts.is_empty() { http } else { http.set("hosts", hosts) }
    }

    /// The server of an operation: the nearest `servers` that there are. Its base in cases, and its name where it is not the
    /// default.
    pub(super) fn of(
        &mut self,
        document: &Document,
        path: &At<'_>,
        operation: &At<'_>,
        auth: &mut Auth,
    ) -> Result<(String, Option<String>), Refusal> {
        if self.0.is_empty() {
            let own = document.root().get("servers");
            self.0.push(server("main", own.as_ref(), document, auth)?);
        }
        let Some(own) =
            [operation, path].into_iter().find_map(|it| it.get("servers")).filter(|it| it.items().next().is_some())
        else {
            return Ok((self.0[0].base.clone(), None));
        };
        let made = server("", Some(&own), document, auth)?;
        if let Some(at) = self.0.iter().position(|it| it.written == made.written) {
            let name = (at > 0).then(|| self.0[at].name.clone());
            return Ok((self.0[at].base.clone(), name));
        }
        let host = Url::parse(&made.base).ok().and_then(|it| it.host_str().map(str::to_owned)).unwrap_or_default();
        let wanted = name::snake(host.split('.').next().unwrap_or_default(), "other");
        let name = name::free(&wanted, |name| self.0.iter().any(|it| it.name == name));
        let base = made.base.clone();
        self.0.push(Server { name: name.clone(), ..made });
        Ok((base, Some(name)))
    }
}

fn server(name: &str, servers: Option<&At<'_>>, document: &Document, auth: &mut Auth) -> Result<Server, Refusal> {
    let mut found = Vec::new();
    for at in servers.iter().flat_map(|it| it.items()) {
        let url = at.text("url").ok_or_else(|| at.refuse("this server has no `url`"))?;
        let Some(url) = absolute(url, document) else { continue };
        if !has_host(&url) {
            return Err(at.refuse(format!("`{url}` names no host")));
        }
        found.push((url, at));
    }
    let public: Vec<_> = found.iter().filter(|(url, _)| !is_local(url)).cloned().collect();
    let chosen = if public.is_empty() { found } else { public };
    let written =
        |url: &str| Server { name: name.to_owned(), written: url.into(), base: url.to_owned(), hosts: Vec::new() };
    match chosen.as_slice() {
        [] => {
            auth.todos.push("the description does not say where the API is: write its address into `base_url` of `http`, and into the cases".to_owned());
            Ok(written("https://api.example.com"))
        }
        [(url, at)] => Ok(with_variables(url, at, name, auth)),
        several if several.iter().all(|(url, _)| !url.contains('{')) => {
            let names = environments(several);
            if names.len() == 1 {
                return Ok(written(&several[0].0));
            }
            Ok(picked("environment", "Environment", &names, &names[0].0, name, auth))
        }
        several => {
            let (url, at) = &several[0];
            Ok(with_variables(url, at, name, auth))
        }
    }
}

/// Whether an address has a host, whatever its variables come to: they may be a part of a name, or a port.
fn has_host(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |it| it.1);
    let authority = rest.split('/').next().unwrap_or_default();
    let with = |value: &str| {
        let pieces = authority.split('{').enumerate();
        let filled = pieces.map(|(at, it)| match it.split_once('}').filter(|_| at > 0) {
            Some((_, after)) => format!("{value}{after}"),
            None => it.to_owned(),
        });
        format!("https://{}/", filled.collect::<String>())
    };
    ["a", "1"].iter().any(|it| Url::parse(&with(it)).is_ok_and(|it| it.has_host()))
}

/// Names for addresses that are meant to be chosen from: what their descriptions begin with, else their hosts.
fn environments(servers: &[(String, At<'_>)]) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = Vec::new();
    for (url, at) in servers.iter().take(MOST) {
        if names.iter().any(|(_, it)| it == url) {
            continue;
        }
        let host = Url::parse(url).ok().and_then(|it| it.host_str().map(str::to_owned)).unwrap_or_default();
        let words = at
            .text("description")
            // up to where it goes on to explain
            .and_then(|it| it.split([',', '.', ';', ':', '(']).next())
            .map(|it| name::words(it).into_iter().take(3).collect::<Vec<_>>())
            .unwrap_or_default();
        let words: Vec<_> = words
            .into_iter()
            .filter(|it| !["server", "api", "the", "environment", "url", "our"].contains(&it.as_str()))
            .collect();
        let wanted =
            if words.is_empty() { name::snake(&host, "server") } else { name::snake(&words.join(" "), "server") };
        names.push((name::free(&wanted, |name| names.iter().any(|(it, _)| it == name)), url.clone()));
    }
    names
}

/// An address that a field of the connection picks.
fn picked(field: &str, title: &str, of: &[(String, String)], default: &str, name: &str, auth: &mut Auth) -> Server {
    let values: Vec<_> = of.iter().map(|(value, _)| value.as_str()).collect();
    let schema = json!({"type": "string", "title": title, "enum": values, "default": default, "secret": false});
    declare(auth, field, schema, default);
    let urls = of.iter().fold(Map::default(), |map, (value, url)| map.set(value, url.as_str()));
    let written = Map::default().set("by", format!("{{{{ connection.{field} }}}}")).set("of", urls);
    let base = of.iter().find(|it| it.0 == default).or(of.first()).map(|it| it.1.clone()).unwrap_or_default();
    Server { name: name.to_owned(), written: written.into(), base, hosts: Vec::new() }
}

fn declare(auth: &mut Auth, field: &str, schema: Json, value: &str) {
    if !auth.fields.iter().any(|(it, _)| it == field) {
        auth.fields.push((field.to_owned(), schema));
        auth.connection.insert(field.to_owned(), value.into());
    }
}

fn with_variables(url: &str, at: &At<'_>, name: &str, auth: &mut Auth) -> Server {
    let variables: Vec<_> = at.get("variables").into_iter().flat_map(|it| it.entries().collect::<Vec<_>>()).collect();
    let mut url = url.to_owned();
    let mut open: Vec<(String, At<'_>)> = Vec::new();
    let mut choices: Vec<(String, At<'_>, Vec<String>)> = Vec::new();
    for (variable, at) in variables {
        let hole = format!("{{{variable}}}");
        let Some(start) = url.find(&hole) else { continue };
        let values: Vec<_> = at
            .get("enum")
            .into_iter()
            .flat_map(|it| it.items().filter_map(|it| it.node.as_str().map(str::to_owned)).collect::<Vec<_>>())
            .collect();
        let in_host = !url.get("https://".len()..start).unwrap_or_default().contains('/');
        let is_version = !in_host
            && name::words(variable).iter().any(|it| matches!(it.as_str(), "version" | "path" | "base" | "prefix"));
        let default = at.text("default").unwrap_or_default();
        if values.len() == 1 || is_version || (variable == "scheme" || variable == "protocol") || variable == "port" {
            url = url.replace(
                &hole,
                values.first().filter(|it| values.len() == 1 && !it.is_empty()).map_or(default, |it| it),
            );
        } else if values.len() > 1 && values.len() <= MOST {
            choices.push((variable.to_owned(), at, values));
        } else {
            open.push((variable.to_owned(), at));
        }
    }
    // one choice is written out; any further is a part of the address that the builder fills in
    if let ([(variable, at, values)], []) = (choices.as_slice(), open.as_slice()) {
        let hole = format!("{{{variable}}}");
        let field = field_name(variable);
        let of: Vec<_> = values.iter().map(|it| (it.clone(), url.replace(&hole, it))).collect();
        let default =
            at.text("default").filter(|it| values.iter().any(|value| value == it)).unwrap_or(&values[0]).to_owned();
        return picked(&field, &title(variable, at), &of, &default, name, auth);
    }
    let (mut written, mut base) = (url.clone(), url.clone());
    let is_open = !(open.is_empty() && choices.is_empty());
    for (variable, at, values) in choices
        .into_iter()
        .map(|(variable, at, values)| (variable, at, Some(values)))
        .chain(open.into_iter().map(|(variable, at)| (variable, at, None)))
    {
        let (hole, field) = (format!("{{{variable}}}"), field_name(&variable));
        let default = at.text("default").unwrap_or("demo").to_owned();
        let mut schema = json!({"type": "string", "title": title(&variable, &at)});
        match values {
            Some(values) => {
                schema["enum"] = json!(values);
                schema["default"] = json!(default);
            }
            None => schema["pattern"] = json!("^[A-Za-z0-9.-]+$"),
        }
        schema["secret"] = json!(false);
        declare(auth, &field, schema, &default);
        written = written.replace(&hole, &format!("{{{{ connection.{field} }}}}"));
        base = base.replace(&hole, &default);
    }
    let host = written.trim_start_matches("https://").split('/').next().unwrap_or_default().to_owned();
    let hosts = if is_open && host.contains("{{") { vec![pattern(&host)] } else { Vec::new() };
    Server { name: name.to_owned(), written: written.into(), base, hosts }
}

/// `{{ connection.tenant }}.example.com` → `*.example.com`
fn pattern(host: &str) -> String {
    let mut labels = Vec::new();
    let mut rest = host.to_owned();
    while let Some((before, after)) = rest.clone().split_once("{{") {
        let after = after.split_once("}}").map_or("", |it| it.1).to_owned();
        rest = format!("{before}*{after}");
    }
    for label in rest.split('.') {
        labels.push(if label.contains('*') { "*" } else { label });
    }
    labels.join(".")
}

fn field_name(variable: &str) -> String {
    let field = name::snake(variable, "part");
    if matches!(field.as_str(), "id" | "label" | "token" | "webhook_url") { format!("server_{field}") } else { field }
}

fn title(variable: &str, at: &At<'_>) -> String {
    at.text("description")
        .map(|it| name::plain(it, 60))
        .filter(|it| !it.is_empty())
        .unwrap_or_else(|| name::title(variable))
}

fn is_local(url: &str) -> bool {
    ["https://localhost", "https://127.", "https://0.0.0.0", "https://10.", "https://192.168."]
        .iter()
        .any(|it| url.starts_with(it))
}

/// Absolute, by https, without a slash at its end, a query or a fragment; nothing where that can't be known.
fn absolute(url: &str, document: &Document) -> Option<String> {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let whole = match url.split_once("://") {
        // what stands there is called by https or not at all
        Some((_, rest)) => format!("https://{rest}"),
        None => {
            let source = document.source.as_ref()?;
            source.join(url).ok().filter(|it| it.scheme() == "https")?.to_string()
        }
    };
    let whole = whole.replace("https://{scheme}://", "https://").trim_end_matches('/').to_owned();
    (whole.len() > "https://".len()).then_some(whole)
}
