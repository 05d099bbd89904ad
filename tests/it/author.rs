//! What an author runs while writing: recording a case, and tests that run again on changes.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use axum::{Json as Body, Router, http::HeaderMap, http::StatusCode, routing::get};
use serde_json::json;

use crate::fakes::Server;

const CONNECTOR: &str = r#"id: contacts
version: 1.0.0
title: Contacts
summary: Keeps the people that a shop knows.
catalog: {group: other_integration, phase: ga}
auth:
  fields: {key: {type: string, title: Key}}
  scheme: bearer
  token: "{{ auth.key }}"
http: {base_url: https://api.contacts.example}
actions:
  find_person:
    title: Find a person
    describe: Finds a person that the shop knows by the address of their mail.
    effect: read
    input: {email: {type: string, format: email, description: The address of the person's mail.}}
    request:
      method: GET
      path: /people
      query: {email: "{{ input.email }}"}
      headers: {x-check: "{{ input.email | digest('sha256') }}"}
    output: {id: "$.people[0].id", phone: "$.people[0].phone", token: "$.people[0].token"}
"#;

const TESTS: &str = "cases:
  - name: says that a person is not known
    action: find_person
    credentials: {key: k}
    input: {email: nobody@example.com}
    exchanges: [{request: {method: GET, path: /people}, answer: {status: 404}}]
    error: {code: not_found}

  - name: finds a person
    action: find_person
    credentials: {key: k}
    input: {email: a@example.com}
    exchanges: [{request: {method: GET}, answer: {body: {people: [{id: 1, phone: '1', token: t}]}}}]
    output: {id: 1, phone: '1', token: t}

# what sandbox connections get
sandbox:
  - request: {method: GET, path: /people}
    answer: {body: {people: []}}
";

fn directory() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("contacts");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("connector.yaml"), CONNECTOR).unwrap();
    fs::write(directory.join("tests.yaml"), TESTS).unwrap();
    folder
}

fn closeloop(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_closeloop"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A provider that knows one person, and only tells those who have the key.
async fn provider() -> Server {
    let people = async |headers: HeaderMap| {
        if headers.get("authorization").is_none_or(|it| it != "Bearer sk_live_51Hxyz") {
            return (StatusCode::UNAUTHORIZED, Body(json!({})));
        }
        let person =
            json!({"id": 7, "mail": "rina.wati@shop.example", "phone": "+6281234567890", "token": "tok_9f8e7d"});
        (StatusCode::OK, Body(json!({"people": [person], "key": "sk_live_51Hxyz"})))
    };
    Server::start(Router::new().route("/people", get(people))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_answers_becomes_a_case_without_its_secrets() {
    let provider = provider().await;
    let folder = directory();
    let directory = folder.path().join("contacts");
    let credentials = folder.path().join("credentials.json");
    fs::write(&credentials, r#"{"key": "sk_live_51Hxyz"}"#).unwrap();
    let record = |more: &[&str]| {
        let endpoint = format!("https://api.contacts.example={}", provider.url());
        let path = directory.to_str().unwrap();
        let mut all = vec!["test", path, "--record", "find_person", "--endpoint", &endpoint];
        all.extend(["--input", r#"{"email": "rina.wati@shop.example"}"#]);
        all.extend(more);
        tokio::task::block_in_place(|| closeloop(&all).output().unwrap())
    };
    let with_credentials = ["--credentials", credentials.to_str().unwrap()];
    let recorded = record(&with_credentials);
    assert!(recorded.status.success(), "{}", said(&recorded));

    let tests = fs::read_to_string(directory.join("tests.yaml")).unwrap();
    for secret in ["sk_live_51Hxyz", "tok_9f8e7d", "rina.wati", "81234567890"] {
        assert!(!tests.contains(secret) && !said(&recorded).contains(secret), "{secret} is in\n{tests}");
    }
    let (before, after) = TESTS.split_once("\n# what").unwrap();
    assert!(tests.starts_with(before.trim_end()) && tests.contains(&format!("\n# what{after}")), "{tests}");
    assert!(tests.contains("- name: find person, as it was recorded"), "{tests}");
    let passes = closeloop(&["test", directory.to_str().unwrap()]).output().unwrap();
    assert!(passes.status.success() && said(&passes).contains("3 passed"), "{}\n{tests}", said(&passes));

    // one of that name is there now, and nothing is written twice
    let twice = record(&with_credentials);
    assert!(!twice.status.success() && said(&twice).contains("another --name"), "{}", said(&twice));
    // a failure is a case as well
    fs::write(&credentials, r#"{"key": "sk_live_wrong"}"#).unwrap();
    let refused = record(&[&["--name", "says that the key is not known"][..], &with_credentials].concat());
    assert!(refused.status.success(), "{}", said(&refused));
    let tests = fs::read_to_string(directory.join("tests.yaml")).unwrap();
    assert!(tests.contains("code: reauthorize") && !tests.contains("sk_live"), "{tests}");
}

#[test]
fn what_changes_something_is_recorded_only_if_one_says_so() {
    let folder = directory();
    let directory = folder.path().join("contacts");
    fs::write(directory.join("connector.yaml"), CONNECTOR.replace("effect: read", "effect: write")).unwrap();
    let recorded = closeloop(&["test", directory.to_str().unwrap(), "--record", "find_person"]).output().unwrap();
    assert!(!recorded.status.success() && said(&recorded).contains("--writes"), "{}", said(&recorded));
    assert_eq!(fs::read_to_string(directory.join("tests.yaml")).unwrap(), TESTS);
}

#[test]
fn tests_run_again_when_a_file_changes() {
    let folder = directory();
    let directory = folder.path().join("contacts");
    let mut watching =
        closeloop(&["test", directory.to_str().unwrap(), "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = lines(watching.stdout.take().unwrap());
    comes(&lines, "2 passed");
    comes(&lines, "waiting for changes");
    rewrite(&directory, &TESTS.replace("code: not_found", "code: conflict"));
    comes(&lines, "1 passed, 1 failed");
    comes(&lines, "waiting for changes");
    rewrite(&directory, TESTS);
    comes(&lines, "2 passed");
    watching.kill().unwrap();
    watching.wait().unwrap();
}

fn rewrite(directory: &Path, tests: &str) {
    fs::write(directory.join("tests.yaml"), tests).unwrap();
}

fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = mpsc::channel();
    thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).try_for_each(|it| send.send(it)));
    lines
}

fn comes(lines: &Receiver<String>, part: &str) {
    while let Ok(line) = lines.recv_timeout(Duration::from_secs(60)) {
        if line.contains(part) {
            return;
        }
    }
    panic!("no line says {part:?}");
}
