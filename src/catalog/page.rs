//! Connectors as a page for people: what each can do, what it needs, what bounds it and what is missing.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use crate::{
    base::Effect,
    spec::{Action, Connector, Lookup, Plan, RequestStep, SchemeKind, Step, StepKind},
};

const HEAD: &str = "\
# Providers

What the connectors can do, what they need, what bounds them and what is missing. Printed from the connectors by `closeloop docs`.

";

/// The page of these connectors, in their order.
pub fn markdown(connectors: &[Arc<Connector>]) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| connector | phase | actions | lookups | cases |\n| --- | --- | --- | --- | --- |\n");
    for it in connectors {
        let (good, failing) = it.case_counts();
        let link = anchor(&it.title);
        let counts = format!("{} | {} | {good} good, {failing} failing", it.actions.len(), it.lookups.len());
        line(&mut page, &format!("| [{}](#{link}) | {} | {counts} |", it.title, words(&it.catalog.phase)));
    }
    for it in connectors {
        section(&mut page, it);
    }
    page
}

fn section(page: &mut String, connector: &Connector) {
    let Connector { id, version, title, summary, catalog, .. } = connector;
    line(page, &format!("\n## {title}\n\n{summary}\n"));
    line(page, &format!("* **Connector**: `{id}` {version}, {}", words(&catalog.phase)));
    line(page, &format!("* **Sign-in**: {}", sign_in(connector)));
    line(page, &format!("* **Limits**: {}", limits(connector)));
    line(page, "\n| action | effect | scopes beside those of the sign-in | when an answer is lost | bounds |");
    line(page, "| --- | --- | --- | --- | --- |");
    for it in connector.actions.values() {
        let name = format!("`{}`: {}", it.name, cell(&it.title));
        let scopes = own_scopes(&it.scopes, &connector.scopes);
        line(page, &format!("| {name} | {} | {scopes} | {} | {} |", it.effect, when_lost(it), bounds(&it.plan)));
    }
    if !connector.lookups.is_empty() {
        let all: Vec<_> = connector.lookups.values().map(|it| lookup(it, connector)).collect();
        line(page, &format!("\nLookups: {}.", all.join("; ")));
    }
    if !connector.objects.is_empty() {
        let all: Vec<_> = connector.objects.values().map(|it| format!("`{}`", it.name)).collect();
        line(page, &format!("\nObjects whose fields an org maps: {}.", all.join(", ")));
    }
    if let Some(events) = &connector.events {
        let all: Vec<_> = events.types.keys().map(|it| format!("`{it}`")).collect();
        line(page, &format!("\nEvents that the provider tells: {}.", all.join(", ")));
    }
    if !catalog.gaps.is_empty() {
        line(page, "\nKnown gaps:\n");
        catalog.gaps.iter().for_each(|it| line(page, &format!("* {it}")));
    }
}

fn sign_in(connector: &Connector) -> String {
    let account = &connector.account;
    let mut parts = Vec::new();
    if account.consent().is_some() {
        parts.push(format!("consent at {}", account.title));
    }
    let fields: Vec<_> = account.fields.iter().map(|(name, schema)| field(name, schema.get("title"))).collect();
    if !fields.is_empty() {
        parts.push(format!("fields: {}", fields.join(", ")));
    }
    if parts.is_empty() {
        let none = account.schemes.values().all(|it| matches!(it.kind, SchemeKind::None));
        parts.push(if none { "none" } else { "by the engine itself" }.to_owned());
    }
    if !connector.scopes.is_empty() {
        parts.push(format!("scopes: {}", quoted(&connector.scopes)));
    }
    parts.join("; ")
}

fn field(name: &str, title: Option<&serde_json::Value>) -> String {
    match title.and_then(serde_json::Value::as_str) {
        Some(title) => title.to_owned(),
        None => format!("`{name}`"),
    }
}

fn limits(connector: &Connector) -> String {
    let http = &connector.http;
    if http.servers.is_empty() && http.hosts.is_empty() {
        return "it calls nobody".to_owned();
    }
    let mut parts = vec![format!("{} for one request", duration(http.timeout))];
    if let Some(limit) = &http.rate_limit {
        let per = if limit.per_connection { "connection" } else { "connector" };
        parts.push(format!("{} requests in {} for each {per}", limit.requests, duration(limit.window)));
    }
    parts.join("; ")
}

fn own_scopes(all: &[String], of_sign_in: &[String]) -> String {
    quoted(all.iter().filter(|it| !of_sign_in.contains(it)))
}

/// What becomes of a write whose answer is lost; the worst of its steps comes last.
fn when_lost(action: &Action) -> String {
    let mut words: Vec<&str> = Vec::new();
    for it in requests(&action.plan).filter(|it| it.effect != Effect::Read) {
        let word = match (it.idempotent, it.verify.is_some()) {
            (true, _) => "sent again",
            (false, true) => "looked up",
            (false, false) => "stays unknown",
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    if words.is_empty() { "sent again".to_owned() } else { words.join(", ") }
}

fn bounds(plan: &Plan) -> String {
    let mut parts = vec![duration(plan.timeout)];
    for step in &plan.steps {
        if let Some(pages) = request(step).and_then(|it| it.pages.as_ref()) {
            parts.push(format!("{} pages", pages.max));
        }
        if let Some(each) = &step.each {
            parts.push(format!("{} rounds of `{}`", each.max, step.id));
        }
    }
    parts.join(", ")
}

fn lookup(lookup: &Lookup, connector: &Connector) -> String {
    let scopes = own_scopes(&lookup.scopes, &connector.scopes);
    let needs = if scopes.is_empty() { String::new() } else { format!(" (needs {scopes})") };
    format!("`{}`{needs}", lookup.name)
}

fn requests(plan: &Plan) -> impl Iterator<Item = &RequestStep> {
    plan.steps.iter().filter_map(request)
}

fn request(step: &Step) -> Option<&RequestStep> {
    match &step.kind {
        StepKind::Request(request) => Some(request),
        _ => None,
    }
}

fn quoted<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    texts.into_iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

/// `closed_beta` → `closed beta`
fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// In the largest unit that leaves nothing over, as the connector would write it.
fn duration(duration: Duration) -> String {
    let (millis, seconds) = (duration.as_millis(), duration.as_secs());
    match seconds {
        _ if millis % 1000 != 0 => format!("{millis}ms"),
        _ if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        _ if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        _ if seconds % 60 == 0 => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// A heading's anchor, as the web makes it.
fn anchor(heading: &str) -> String {
    let text = heading.to_lowercase().replace(' ', "-");
    text.chars().filter(|it| it.is_alphanumeric() || matches!(it, '-' | '_')).collect()
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to text never fails");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_authors_write_them() {
        for (millis, written) in [(500, "500ms"), (30_000, "30s"), (90_000, "90s"), (60_000, "1m"), (172_800_000, "2d")]
        {
            assert_eq!(duration(Duration::from_millis(millis)), written);
        }
    }
}
