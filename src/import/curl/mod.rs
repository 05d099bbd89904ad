//! An action from a curl command. What signs in becomes fields of the connect form: none of it is written anywhere.

mod action;
mod append;
mod bodies;
mod command;
mod options;
mod secrets;
mod sign_in;
mod values;
mod words;
mod xml;

#[cfg(test)]
mod tests;

use url::Url;

use self::action::Asked;
use super::{Draft, Refusal, emit::Map, name};

pub use append::{Existing, append};

/// What is to be made.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The connector's id; made of the host without.
    pub id: Option<String>,
    /// The action's name; made of method and path without.
    pub action: Option<String>,
}

/// A connector with the action that a command is.
///
/// # Errors
/// Says what can't be read.
pub fn connector(text: &str, wish: &Wish) -> Result<Draft, Refusal> {
    let command = command::read(&words::split(text)?)?;
    let url = command.url.clone().ok_or_else(|| Refusal::new("the command has no address"))?;
    let base = base(&url);
    let made = Asked { command: &command, url: &url, base: &base, is_signed: true }.action(wish, &|_| false)?;
    let title = title(&url);
    let id = match &wish.id {
        Some(id) if name::kebab(id, "") != *id => {
            return Err(Refusal::new(format!("`{id}` is no id: write it as `lower-case-with-dashes`")));
        }
        Some(id) => id.clone(),
        None => name::kebab(&title, "api"),
    };
    let mut todos = made.todos;
    if url.scheme() == "http" {
        todos.push(format!(
            "the command calls {} without encryption, which no connector does: see that it answers by https",
            url.host_str().unwrap_or_default()
        ));
    }
    let http = Map::default().block().set("base_url", base).set("timeout", "10s");
    Ok(Draft {
        id,
        summary: format!("Works with {title}."),
        title,
        todos,
        auth: made.auth,
        http: match made.namespaces.is_empty() {
            true => http,
            false => http.set("xml", Map::default().set("namespaces", super::draft::texts(&made.namespaces))),
        },
        actions: vec![made.action],
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

/// What follows the base in the address.
fn rest_of(url: &Url, base: &str) -> Option<String> {
    let base = Url::parse(base).ok()?;
    let rest = url.path().strip_prefix(base.path().trim_end_matches('/'))?;
    Some(if rest.is_empty() { "/".to_owned() } else { rest.to_owned() })
}

/// `x-tenant-id` → `X-Tenant-Id`
fn header(name: &str) -> String {
    if name == "soapaction" {
        return "SOAPAction".to_owned();
    }
    name.split('-').map(name::capital).collect::<Vec<_>>().join("-")
}
