//! A connector from an OpenAPI description, 3.0 or 3.1.

mod answers;
mod bodies;
mod describe;
mod document;
mod errors;
mod flat;
mod inputs;
mod limits;
mod operation;
mod pages;
mod paging;
mod parameters;
mod sample;
mod schema;
mod servers;
mod sign_in;
#[cfg(test)]
mod tests;
mod work;
mod xml;

pub use document::{Document, MAX_BYTES};

use operation::{Around, Operation};
use schema::Schemas;
use servers::Servers;

use super::{Draft, Refusal, draft::Action, emit::Map, name};
use crate::{base::credentials::is_credential_header, diag::did_you_mean};

/// Without a choice, a description with more operations than this is not imported as a whole.
pub const MOST: usize = 20;

const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch"];

/// An operation, as it is listed for somebody who chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What it is chosen by: its `operationId`, or else `GET /pets`.
    pub choice: String,
    /// `GET`
    pub method: String,
    /// `/pets/{petId}`
    pub path: String,
    /// A few words; may be empty.
    pub summary: String,
    /// The name of its action.
    pub action: String,
}

/// What is to be made.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The connector's id; made of the title without.
    pub id: Option<String>,
    /// By `operationId`, `GET /pets`, or `tag:pets`; all without.
    pub operations: Vec<String>,
}

/// The operations of a description.
///
/// # Errors
/// If a path leads to nothing.
pub fn list(document: &Document) -> Result<Vec<Listed>, Refusal> {
    let all = operations(document)?;
    Ok(all
        .iter()
        .map(|it| Listed {
            choice: it.at.text("operationId").map_or_else(|| it.line(), str::to_owned),
            method: it.method.clone(),
            path: it.path.to_owned(),
            summary: it.at.text("summary").map(|it| name::plain(it, 80)).unwrap_or_default(),
            action: it.name(),
        })
        .collect())
}

impl Operation<'_> {
    fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn is_chosen(&self, choice: &str) -> bool {
        let tagged = choice.strip_prefix("tag:");
        let tags = self.at.get("tags").into_iter().flat_map(|it| it.items().collect::<Vec<_>>());
        self.at.text("operationId") == Some(choice)
            || self.line().eq_ignore_ascii_case(choice)
            || self.name() == choice
            || tags.into_iter().any(|it| it.node.as_str() == tagged && tagged.is_some())
    }
}

fn operations(document: &Document) -> Result<Vec<Operation<'_>>, Refusal> {
    let mut found = Vec::new();
    for (path, item) in document.root().get("paths").into_iter().flat_map(|it| it.entries().collect::<Vec<_>>()) {
        if path.starts_with("x-") {
            continue;
        }
        let item = document.follow(item)?;
        for method in METHODS {
            if let Some(at) = item.get(method) {
                found.push(Operation { method: method.to_ascii_uppercase(), path, item: item.clone(), at });
            }
        }
    }
    Ok(found)
}

/// The operations that were chosen, in the order of the description.
fn chosen<'d>(all: Vec<Operation<'d>>, wish: &Wish) -> Result<Vec<Operation<'d>>, Refusal> {
    if all.is_empty() {
        return Err(Refusal::at("#/paths", "there are no operations"));
    }
    if wish.operations.is_empty() {
        if all.len() > MOST {
            let message =
                format!("there are {} operations, more than {MOST}: choose some (`--list` shows them)", all.len());
            return Err(Refusal::at("#/paths", message));
        }
        return Ok(all);
    }
    for choice in &wish.operations {
        if !all.iter().any(|it| it.is_chosen(choice)) {
            let names: Vec<_> =
                all.iter().map(|it| it.at.text("operationId").map_or_else(|| it.line(), str::to_owned)).collect();
            let near = did_you_mean(choice, names.iter().map(String::as_str));
            let help = near.map_or_else(|| "`--list` shows them".to_owned(), |it| format!("did you mean `{it}`?"));
            return Err(Refusal::at("#/paths", format!("there is no operation `{choice}`; {help}")));
        }
    }
    Ok(all.into_iter().filter(|it| wish.operations.iter().any(|choice| it.is_chosen(choice))).collect())
}

/// Cases are called as their action is; where several are called the same, by its name too.
fn tell_apart(actions: &mut [Action]) {
    let titles: Vec<_> = actions.iter().map(|it| it.title.clone()).collect();
    for action in actions.iter_mut().filter(|action| titles.iter().filter(|it| **it == action.title).count() > 1) {
        for case in &mut action.cases {
            let what = case.name.strip_prefix(&action.title).unwrap_or(&case.name);
            case.name = format!("{} ({}){what}", action.title, action.name);
        }
    }
}

/// The connector of the operations that were chosen.
///
/// # Errors
/// If nothing is chosen, or what is chosen can't be read: with its place in the description.
pub fn connector(document: &Document, wish: &Wish) -> Result<Draft, Refusal> {
    let all = operations(document)?;
    let operations = chosen(all.clone(), wish)?;
    let info = document.root().get("info");
    let text = |key: &str| info.as_ref().and_then(|it| it.text(key));
    let title =
        text("title").map(|it| name::plain(it, 60)).filter(|it| !it.is_empty()).unwrap_or_else(|| "API".to_owned());
    let summary =
        text("summary").or_else(|| text("description")).map(|it| name::plain(it, 200)).filter(|it| !it.is_empty());
    let wanted: Vec<_> = operations.iter().map(|it| sign_in::wanted(document, &it.at)).collect();
    let (mut auth, used) = sign_in::of(document, &wanted)?;
    let mut cookies: Vec<String> = Vec::new();
    for operation in &operations {
        let parameters = parameters::all(document, &operation.item, &operation.at)?;
        for parameter in
            parameters.iter().filter(|it| it.place == "header" && is_credential_header(&it.name.to_ascii_lowercase()))
        {
            sign_in::from_header(&mut auth, parameter.name);
        }
        for cookie in operation::cookies(&parameters) {
            if !cookies.contains(&cookie) {
                cookies.push(cookie);
            }
        }
    }
    sign_in::with_cookies(&mut auth, &cookies);
    let (mut servers, mut places, mut limits) =
        (Servers::default(), errors::Places::default(), limits::Limits::default());
    let mut actions: Vec<Action> = Vec::new();
    // what an error means is known once all of them were looked at, and their cases are made of that
    for operation in &operations {
        errors::read(&operation.at, &Schemas::new(document), &mut places)?;
    }
    for ((operation, scheme), wanted) in operations.iter().zip(&used).zip(&wanted) {
        let (base, server) = servers.of(document, &operation.item, &operation.at, &mut auth)?;
        let signs = match scheme.as_deref() {
            None => auth.default_scheme(),
            Some("none") => None,
            Some(name) => auth.schemes.iter().find(|it| it.name == name),
        };
        let asks = signs.is_some_and(|it| it.word == "oauth2");
        let scopes = wanted.scopes.iter().filter(|it| asks && !auth.scopes.contains(it)).cloned().collect();
        let around = Around { base, server, scheme: signs, auth: scheme.clone(), scopes };
        let schemas = Schemas::new(document);
        let mut action = operation::action(operation, &all, around, &schemas, &mut places)?;
        action.name = name::free(&action.name, |name| actions.iter().any(|it| it.name == name));
        limits.look(&operation.at, &schemas)?;
        actions.push(action);
    }
    tell_apart(&mut actions);
    let http = limits.put(servers.put(Map::default().block()).set("timeout", "10s"));
    let (http, todos) = (places.put(http), limits.todos());
    let title_words = title.trim_end_matches(" API").to_owned();
    let id = match &wish.id {
        Some(id) if name::kebab(id, "") != *id => {
            return Err(Refusal::new(format!("`{id}` is no id: write it as `lower-case-with-dashes`")));
        }
        Some(id) => id.clone(),
        None => name::kebab(&title_words, "api"),
    };
    Ok(Draft {
        id,
        summary: summary.unwrap_or_else(|| format!("Works with {title_words}.")),
        title: title_words,
        todos,
        auth,
        http,
        actions,
    })
}
