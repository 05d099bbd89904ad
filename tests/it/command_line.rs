//! What the commands say when something is not as whoever typed them thought.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::harness::TestApp;

/// What a command printed, and on standard error; it fails, or does not.
fn closeloop(arguments: &[&str], environment: &[(&str, &str)]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_closeloop"));
    let command = command.args(arguments).env_clear().envs(environment.iter().copied()).stdin(Stdio::null());
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    (output.status.success(), out, err)
}

#[track_caller]
fn refused(arguments: &[&str], environment: &[(&str, &str)], says: &str) {
    let (is_well, out, err) = closeloop(arguments, environment);
    assert!(!is_well && err.contains(says), "{arguments:?} should say {says}:\n{out}\n{err}");
    assert!(!err.contains("Check the id") && !err.contains("/openapi.json"), "a hint for programs: {err}");
}

#[test]
fn where_a_key_is_made_is_told_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("some.sqlite").display());
    // an empty variable counts as none
    let environment = [("CLOSELOOP_DATABASE_URL", url.as_str()), ("CLOSELOOP_CONFIG", "")];
    for new in [true, false] {
        let (is_well, out, err) = closeloop(&["keys", "api", "--org", "acme"], &environment);
        assert!(is_well && out.starts_with("key_") && out.lines().count() == 1, "{out}\n{err}");
        assert!(err.contains("made in ") && err.contains("some.sqlite"), "{err}");
        assert_eq!(err.contains("which is new"), new, "{err}");
    }
    refused(&["keys", "revoke", "key_none"], &environment, "some.sqlite");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_is_not_there_is_told_with_the_nearest() {
    let app = TestApp::start().await;
    let connection = app.client.connect("google-calendar", "sandbox", json!({})).await;
    app.client.enable("google-calendar", &connection, "check_availability", json!({"calendar": "primary"})).await;
    let key = app.client.key.expose();
    let environment = [("CLOSELOOP_SERVER", app.client.base.as_str()), ("CLOSELOOP_API_KEY", key)];
    tokio::task::block_in_place(|| {
        let says = "the agent `a` has no function `check_availabilty`; did you mean `check_availability`?";
        refused(&["call", "a", "check_availabilty"], &environment, says);
        refused(&["call", "b", "anything"], &environment, "the agent `b` has no function `anything`; there is none");
        refused(&["call", "a", "check_availability"], &environment, "call again");
        let resolve = ["executions", "resolve", "exe_1", "--outcome", "succeeded", "--note", "seen"];
        refused(&resolve, &environment, "by --output");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_and_connectors_that_are_not_there_are_told_with_what_is() {
    let app = TestApp::start().await;
    let key = app.app().engine().new_operator_key("Olga").await.unwrap();
    let environment = [("CLOSELOOP_SERVER", app.client.base.as_str()), ("CLOSELOOP_OPERATOR_KEY", key.expose())];
    let connectors =
        |arguments: &[&str], says: &str| refused(&[&["connectors"], arguments].concat(), &environment, says);
    tokio::task::block_in_place(|| {
        let says = "there is no connector `nearest-locatio`; did you mean `nearest-location`?";
        connectors(&["rollback", "nearest-locatio"], says);
        let says = "there is no version 0.1.9 of `nearest-location` in the registry; there is none";
        connectors(&["canary", "nearest-location", "0.1.9", "--share", "5"], says);
        connectors(&["canary", "nearest-location", "0.1.9"], "--org NAME, or --share 10");
        connectors(&["rollback", "nearest-location"], "there is nothing to take back");
        connectors(&["publish", "connectors"], "there is no connector.yaml in it; did you mean connectors/");
    });
}

const TILL: &str = r#"id: till
version: 1.0.0
title: Till
summary: Takes payments.
catalog: {group: other_integration, phase: ga}
auth:
  fields: {key: {type: string}, region: {type: string, enum: [eu, us], secret: false}}
  scheme: bearer
  token: "{{ auth.key }}"
http: {base_url: "https://till.example.com"}
events:
  receive: {verify: {given: "{{ request.query.k }}", expected: "{{ auth.key }}"}}
  types:
    paid: {title: Paid, when: "{{ request.body.paid }}", id: "{{ request.body.id }}", correlate: "{{ request.body.order }}", output: {ok: true}}
actions:
  pay:
    title: Pay
    describe: Opens an order and waits until it is paid.
    effect: money
    steps:
      - id: order
        request: {method: POST, path: /orders, headers: {X-Key: "{{ execution.key }}"}}
        idempotent: true
      - id: paid
        wait: {event: paid, for: "{{ steps.order.id }}", timeout: 1h}
      - id: ship
        request: {method: POST, path: /parcels, body: {order: "{{ steps.order.id }}"}}
        idempotent: {by: "{{ steps.order.id }}"}
    output: {parcel: "{{ steps.ship.id }}"}
"#;

const SANDBOX: &str = "sandbox:
  - {request: {method: POST, path: /orders}, answer: {body: {id: o1}}}
  - {request: {method: POST, path: /parcels}, answer: {body: {id: p1}}}
  - {event: paid, after: 1s, output: {ok: true}}
";

fn till(folder: &Path) -> String {
    let directory = folder.join("till");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("connector.yaml"), TILL).unwrap();
    fs::write(directory.join("tests.yaml"), SANDBOX).unwrap();
    directory.display().to_string()
}

#[test]
fn a_dry_run_shows_a_wait_where_it_is_and_what_answers_it() {
    let folder = tempfile::tempdir().unwrap();
    let directory = till(folder.path());
    let (is_well, out, err) = closeloop(&["dry-run", &directory, "pay"], &[]);
    assert!(is_well, "{out}\n{err}");
    let waits =
        "2. paid (wait)\n   waits up to 1h for the event `paid` of `o1`\n   answered by an event of the sandbox\n";
    let [order, wait, ship] =
        ["1. order (", waits, "3. ship ("].map(|it| out.find(it).unwrap_or_else(|| panic!("{it}: {out}")));
    assert!(order < wait && wait < ship, "{out}");
    let connection = ["dry-run", &directory, "pay", "--connection", r#"{"region": "xx"}"#];
    refused(&connection, &[], "--connection can't be used");
}

#[test]
fn the_usual_folder_need_not_be_named() {
    let (is_well, out, err) = closeloop(&["test", "nearest-location"], &[]);
    assert!(is_well && out.contains("nearest-location"), "{out}\n{err}");
}
