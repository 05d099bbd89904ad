//! What an author runs while writing: tests, once and again on changes. Recording them is `recording`.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

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

pub(crate) fn closeloop(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_closeloop"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn tests_of_nothing_fail() {
    let folder = tempfile::tempdir().unwrap();
    let tested = closeloop(&["test", folder.path().to_str().unwrap()]).output().unwrap();
    assert!(!tested.status.success() && said(&tested).contains("there is no connector in"), "{}", said(&tested));
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
