//! The watched folder.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::{app, folder, load::Load, operator, shop, source, unguarded, version, write};
use crate::harness::{Client, TestApp};

/// Waits until calls have that version, and tells how long it took.
async fn until(app: &TestApp, wanted: &str) -> Duration {
    let began = Instant::now();
    while version(app).await != wanted {
        assert!(began.elapsed() < Duration::from_secs(20), "calls never had {wanted}");
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_connector_is_live_in_a_moment_and_no_call_fails() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, true).await;
    let load = Load::start(&app.client, 8);
    let mut took = Vec::new();
    for number in 1..=10 {
        let next = format!("1.{number}.0");
        // half of it first, as a slow copy does
        let text = source(&next).to_string();
        write(folder.path(), &text[..text.len() / 2]);
        write(folder.path(), &text);
        took.push(until(&app, &next).await);
        write(folder.path(), "id: [");
    }
    let seen = load.stop().await;
    seen.assert_no_way_back();
    assert_eq!(seen.versions().len(), 11, "{:?}", seen.versions());
    took.sort();
    println!("from a file's change to the first call with it: median {:?}, longest {:?}", took[5], took[9]);
    println!("{}", seen.figures());
}

/// What the list of the registry says of the shop, as soon as it has `problem`.
async fn refused(operator: &Client) -> String {
    let began = Instant::now();
    loop {
        let (_, list) = operator.send("GET", "/v1/registry", None, None).await;
        if let Some(problem) = list["data"][0]["problem"].as_str() {
            return problem.to_owned();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "nothing was refused: {list:#}");
    }
}

#[tokio::test]
async fn a_change_whose_tests_fail_or_that_breaks_a_promise_is_refused_and_told() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, true).await;
    let operator = operator(&app).await;
    let tests = |left: i64| {
        json!({"cases": [{
            "name": "tells the stock", "action": "stock", "credentials": {"key": "k"}, "input": {"item": "x"},
            "exchanges": [{"request": {"method": "GET", "path": "/v1/stock/x"}, "answer": {"body": {"item": "x", "left": 3}}}],
            "output": {"left": left, "version": "1.1.0"}
        }]})
    };
    std::fs::write(folder.path().join("shop/tests.yaml"), tests(4).to_string()).unwrap();
    write(folder.path(), &source("1.1.0").to_string());
    let problem = refused(&operator).await;
    assert!(problem.starts_with("1 of its 1 tests fail: `tells the stock`: the output is not"), "{problem}");
    assert_eq!(version(&app).await, "1.0.0");
    std::fs::write(folder.path().join("shop/tests.yaml"), tests(3).to_string()).unwrap();
    until(&app, "1.1.0").await;

    let without = |version: &str| {
        let mut source = source(version);
        source["actions"].as_object_mut().unwrap().remove("await");
        source.to_string()
    };
    std::fs::remove_file(folder.path().join("shop/tests.yaml")).unwrap();
    write(folder.path(), &without("1.2.0"));
    assert_eq!(
        refused(&operator).await,
        "it breaks what orgs rely on, and version 1.2.0 after 1.1.0 doesn't say so: the action `await` is gone"
    );
    assert_eq!(version(&app).await, "1.1.0");
    write(folder.path(), &without("2.0.0"));
    until(&app, "2.0.0").await;
    let (_, list) = operator.send("GET", "/v1/registry", None, None).await;
    assert_eq!(list["data"][0]["problem"], Json::Null, "{list:#}");
    // back to what was there once
    write(folder.path(), &source("1.1.0").to_string());
    until(&app, "1.1.0").await;
}

#[tokio::test]
async fn without_a_guard_whatever_has_no_mistakes_is_taken_over() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = unguarded(&shop, &folder).await;
    let mut next = source("1.0.1");
    next["actions"].as_object_mut().unwrap().remove("await");
    write(folder.path(), &next.to_string());
    until(&app, "1.0.1").await;
}

#[tokio::test]
async fn a_folder_that_is_not_watched_stays_as_it_was() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let mut app = app(&shop, &folder, false).await;
    write(folder.path(), &source("1.1.0").to_string());
    assert_eq!(version(&app).await, "1.0.0");
    app.restart().await;
    assert_eq!(version(&app).await, "1.1.0");
}
