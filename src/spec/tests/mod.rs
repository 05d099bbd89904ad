//! Loading as a whole; the tests of each family of checks stand beside it.

mod cases;
mod fields;
mod lowering;
mod names;
mod promises;
mod requests;
mod sign_in;
mod steps;

use std::sync::Arc;

use super::{AccountFile, Connector, ConnectorFiles, load};
use crate::diag::{Diagnostic, Diagnostics, Sources, codes};

/// What loading one connector, and perhaps an account, comes to.
pub(super) struct Loaded {
    pub(super) sources: Sources,
    pub(super) connectors: Vec<Arc<Connector>>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Each diagnostic as `CODE marked text: message`, with the help in brackets.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |it: &Diagnostic| {
            let marked = self.sources.get(it.span.file).text.get(it.span.start..it.span.end).unwrap_or("?");
            let marked = marked.lines().next().unwrap_or_default();
            let help = it.help.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
            format!("{} {marked}: {}{help}", it.code, it.message)
        };
        self.diagnostics.iter().map(line).collect()
    }
}

/// Loads `connector` from a directory `shop`, and `accounts` by name.
pub(super) fn load_with(connector: &str, accounts: &[(&str, &str)]) -> Loaded {
    load_files(connector, None, accounts)
}

/// The same with a `tests.yaml`.
pub(super) fn load_files(connector: &str, tests: Option<&str>, accounts: &[(&str, &str)]) -> Loaded {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let accounts: Vec<_> = accounts
        .iter()
        .map(|(stem, text)| AccountFile { stem: (*stem).to_owned(), file: sources.add(format!("{stem}.yaml"), *text) })
        .collect();
    let files = ConnectorFiles {
        directory: "shop".to_owned(),
        connector: sources.add("connector.yaml", connector),
        tests: tests.map(|it| sources.add("tests.yaml", it)),
        logo: None,
    };
    let connectors = load(&[files], &accounts, &sources, &mut diagnostics);
    // These connectors have no `tests.yaml`.
    let diagnostics = diagnostics.sorted().into_iter().filter(|it| it.code != codes::MISSING_CASE).collect();
    Loaded { sources, connectors, diagnostics }
}

/// A connector around a part of one: what is given replaces the section of that name.
pub(super) fn shop(parts: &[(&str, &str)]) -> String {
    let mut text = "id: shop\nversion: 1.0.0\ntitle: Shop\nsummary: Sells things.\n".to_owned();
    let defaults = [
        ("catalog", "{group: other_integration, phase: ga}"),
        ("auth", "{scheme: none}"),
        ("http", "{base_url: https://api.example.com/v1}"),
        (
            "actions",
            "\n  look:\n    title: Look\n    describe: Looks at what there is in the shop.\n    effect: read\n    request: {method: GET, path: /things}\n",
        ),
    ];
    for (name, value) in defaults {
        if !parts.iter().any(|(it, _)| *it == name) {
            text.push_str(&format!("{name}: {value}\n"));
        }
    }
    for (name, value) in parts {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text
}

/// Exactly these diagnostics are found, in this order.
#[track_caller]
pub(super) fn check(parts: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(load_with(&shop(parts), &[]).lines(), expected);
}

/// The same for the steps of an action that may write, whose input has a required text `name`, a list `guests` and an
/// optional number `count`, and whose config has `place`.
#[track_caller]
pub(super) fn check_steps(steps: &str, expected: &[&str]) {
    let lines = load_with(&shop(&[("actions", &action(steps))]), &[]).lines();
    assert_eq!(lines, expected);
}

/// An action for [`check_steps`].
pub(super) fn action(steps: &str) -> String {
    let steps = steps.trim_matches('\n').lines().map(|it| format!("    {it}\n")).collect::<String>();
    format!(
        "
  act:
    title: Act
    describe: Does what there is to do in the shop.
    effect: write
    config:
      place: {{type: string}}
    input:
      name: {{type: string}}
      guests: {{type: array, items: {{type: object, properties: {{email: {{type: string}}}}}}, required: false}}
      count: {{type: integer, default: 1}}
{steps}"
    )
}
