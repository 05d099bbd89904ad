//! The connectors that come with the program: without a mistake, with their cases passed, usable in the sandbox.

use std::{path::Path, sync::Arc};

use closeloop::{
    base::{Failure, clock::FixedClock},
    catalog::{
        folder::{self, Loaded},
        page,
    },
    diag::render,
    interpreter::{self, ExecutionNames, Run, Unobserved},
    spec::{Action, Case, CaseOf, Connector, Expect},
    testing,
    transport::sandbox::Sandbox,
};
use serde_json::Value as Json;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/connectors");

fn shipped() -> Loaded {
    folder::load(Path::new(FOLDER)).expect("the folder can be read")
}

#[test]
fn all_of_them_are_without_a_mistake() {
    let loaded = shipped();
    let diagnostics = loaded.diagnostics.sorted();
    assert!(diagnostics.is_empty(), "{}", render::text(&loaded.sources, &diagnostics, false));
    assert_eq!(loaded.connectors.len(), folder::ids(Path::new(FOLDER)).expect("the folder can be read").len());
}

/// `UPDATE=1 cargo test --test it connectors` writes it anew.
#[test]
#[allow(clippy::disallowed_methods, reason = "a test may be told to write")]
fn the_page_about_them_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/providers.md");
    let printed = page::markdown(&shipped().connectors);
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(&path, &printed).expect("it can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == printed, "docs/providers.md is not what `closeloop docs` prints: run with UPDATE=1");
}

#[tokio::test]
async fn all_their_cases_pass() {
    for connector in shipped().connectors {
        let report = testing::run_all(&connector).await;
        assert!(report.passed(), "{report}");
    }
}

/// An action without a case that fails has never been seen failing.
#[test]
fn each_action_has_a_good_and_a_failing_case() {
    for connector in shipped().connectors {
        for name in connector.actions.keys() {
            let of_action = |case: &&Case| case.of == CaseOf::Action(name.clone());
            let (good, failing): (Vec<_>, Vec<_>) =
                connector.cases.iter().filter(of_action).partition(|it| matches!(it.expect, Expect::Output(_)));
            assert!(!good.is_empty() && !failing.is_empty(), "{} of {}", name, connector.id);
        }
    }
}

/// With the arguments of the action's first good case, and no credentials.
#[tokio::test]
async fn every_action_works_in_the_sandbox() {
    for connector in shipped().connectors {
        for action in connector.actions.values() {
            let outcome = in_sandbox(&connector, action).await;
            assert!(outcome.is_ok(), "{} of {}: {outcome:?}", action.name, connector.id);
        }
    }
}

async fn in_sandbox(connector: &Connector, action: &Action) -> Result<Json, Failure> {
    let good = |it: &&Case| it.of == CaseOf::Action(action.name.clone()) && matches!(it.expect, Expect::Output(_));
    let case = connector.cases.iter().find(good).expect("each action has a good case");
    let clock = FixedClock(case.now);
    let connection = Arc::new(sandboxed(connector, case));
    let transport = Sandbox::new(&connector.sandbox, connection.clone(), &clock, "test");
    let run = Run {
        connector,
        plan: &action.plan,
        input: action.input.with_defaults(case.input.clone()).into(),
        config: action.config.with_defaults(case.config.clone()).into(),
        connection,
        execution: ExecutionNames::new("test", &case.execution_key, "org", "agent").into(),
        mappings: testing::mappings(connector, action, case),
        beside: closeloop::expr::Scope::new(),
        transport: &transport,
        clock: &clock,
        observer: &Unobserved,
    };
    interpreter::run(run).await
}

/// What a sandbox connection holds: the fields that the case fills in, and nothing that a live account would have told.
fn sandboxed(connector: &Connector, case: &Case) -> Json {
    let mut connection = connector.sandbox_connection.clone();
    let filled = case.connection.as_object().into_iter().flatten();
    let public = filled.filter(|(name, _)| connector.account.fields.get(name).is_some());
    connection.extend(public.map(|(name, value)| (name.clone(), value.clone())));
    connection.into()
}
