//! `closeloop test --record`: what a provider answers becomes a case that passes, and holds nothing that is secret or somebody's.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::Output,
    sync::{Arc, Mutex},
};

use axum::{
    Json as Body, Router,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{
    author::{closeloop, said},
    fakes::{Server, header},
};

/// A connector alone in a folder, and the credentials that are given for it.
struct Author {
    folder: TempDir,
    id: &'static str,
    origin: &'static str,
}

impl Author {
    fn new(id: &'static str, origin: &'static str, connector: &str, credentials: &Json) -> Self {
        let author = Self { folder: tempfile::tempdir().unwrap(), id, origin };
        fs::create_dir(author.directory()).unwrap();
        fs::write(author.directory().join("connector.yaml"), connector).unwrap();
        author.gives(credentials);
        author
    }

    fn directory(&self) -> PathBuf {
        self.folder.path().join(self.id)
    }

    fn gives(&self, credentials: &Json) {
        fs::write(self.folder.path().join("credentials.json"), credentials.to_string()).unwrap();
    }

    /// Records `what` from the stand-in at `url`.
    fn records(&self, what: &str, url: &str, more: &[&str]) -> Output {
        let (directory, credentials) = (self.directory(), self.folder.path().join("credentials.json"));
        let endpoint = format!("{}={url}", self.origin);
        let mut all = vec!["test", directory.to_str().unwrap(), "--record", what, "--endpoint", &endpoint];
        all.extend(["--credentials", credentials.to_str().unwrap()]);
        all.extend(more);
        tokio::task::block_in_place(|| closeloop(&all).output().unwrap())
    }

    fn tests(&self) -> String {
        fs::read_to_string(self.directory().join("tests.yaml")).unwrap_or_default()
    }

    /// What `closeloop test` says of all that was recorded.
    fn tested(&self) -> String {
        said(&closeloop(&["test", self.directory().to_str().unwrap()]).output().unwrap())
    }
}

const CONTACTS: &str = r#"id: contacts
version: 1.0.0
title: Contacts
summary: Keeps the people that a shop knows.
catalog: {group: other_integration, phase: ga}
auth:
  fields:
    user: {type: string, title: User, secret: false}
    password: {type: string, title: Password}
    stage: {type: string, title: Stage, enum: [live, trial], default: live, secret: false}
  scheme: basic
  username: "{{ auth.user }}"
  password: "{{ auth.password }}"
http: {base_url: https://api.contacts.example, headers: {x-stage: "{{ connection.stage }}"}}
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

const PASSWORD: &str = "pa/ss w<rd-51Hxyz9876";
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn contacts() -> Author {
    let credentials = json!({"user": "ana", "password": PASSWORD});
    Author::new("contacts", "https://api.contacts.example", CONTACTS, &credentials)
}

/// A provider that knows one person, tells those who have the password, and repeats to them whatever it got, in many forms.
async fn people() -> Server {
    let people = async |headers: HeaderMap| {
        let pair = header(&headers, "authorization").trim_start_matches("Basic ").to_owned();
        if pair != "YW5hOnBhL3NzIHc8cmQtNTFIeHl6OTg3Ng==" {
            return (StatusCode::UNAUTHORIZED, Body(json!({})));
        }
        let person = json!({
            "id": 7, "mail": "rina.wati@shop.example", "token": "tok_9f8e7d",
            "phone": "+62 812 3456 7890", "mobile": 6_281_234_567_890_i64, "other": "0812-3456-7890", "home": "(021) 555 1234",
            "card": "5555 5555 5555 4444",
        });
        let echo = json!({
            "user": "ana", "pair": pair, "password": PASSWORD, "begins": "pa/ss w<rd-5…", "jwt": JWT,
            "hex": "70612f737320773c72642d35314878797a39383736", "encoded": "pa%2Fss%20w%3Crd-51Hxyz9876",
            "file": "https://files.contacts.example/a.pdf?sig=AbC123xyz", "secret_key": "k-123456",
        });
        (StatusCode::OK, Body(json!({"people": [person], "you": echo})))
    };
    Server::start(Router::new().route("/people", get(people))).await
}

const RINA: [&str; 2] = ["--input", r#"{"email": "rina.wati@shop.example"}"#];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_answers_becomes_a_case_without_what_is_secret_or_somebodys() {
    let (provider, author) = (people().await, contacts());
    let recorded = author.records("find_person", provider.url(), &RINA);
    assert!(recorded.status.success(), "{}", said(&recorded));

    let tests = author.tests();
    let secrets = [
        "ana",
        "pa/ss",
        "YW5hOn",
        "pa%2Fss",
        "51Hxyz",
        "w<rd-5",
        "eyJhb",
        "AbC123",
        "k-123456",
        "tok_9f8e7d",
        "rina.wati",
        "81234567890",
        "812 3456",
        "812-3456",
        "555 1234",
        "5555 5555",
    ];
    for secret in secrets {
        assert!(!tests.contains(secret) && !said(&recorded).contains(secret), "{secret} is in\n{tests}");
    }
    assert!(said(&recorded).contains("Replaced: 2 credentials,"), "{}", said(&recorded));
    assert!(said(&recorded).contains("1 address of mail, 3 telephone numbers, 1 card number."), "{}", said(&recorded));
    // what the connector sets is proved, the pair of the replaced credentials too
    for shown in
        ["x-check:", "x-stage: live", "authorization: Basic dGVzdC11c2VyOnRlc3QtcGFzc3dvcmQ=", "execution_key:"]
    {
        assert!(tests.contains(shown), "{shown} is not in\n{tests}");
    }
    assert!(author.tested().contains("1 passed"), "{}\n{tests}", author.tested());

    // one of that name is there now, and nothing is written twice
    let twice = author.records("find_person", provider.url(), &RINA);
    assert!(!twice.status.success() && said(&twice).contains("another --name"), "{}", said(&twice));
    assert_eq!(author.tests(), tests);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tells_nothing_of_the_provider_is_no_recording() {
    let (provider, author) = (people().await, contacts());
    let refused = |url: &str, more: &[&str], why: &str| {
        let recorded = author.records("find_person", url, &[&RINA[..], more].concat());
        assert!(!recorded.status.success() && said(&recorded).contains(why), "{why}: {}", said(&recorded));
        assert_eq!(author.tests(), "", "{why}");
    };
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    refused(&format!("http://{nobody}"), &[], &format!("there was no answer from http://{nobody}"));
    let misspelt = format!("https://api.contact.example={}", provider.url());
    refused(
        provider.url(),
        &["--endpoint", &misspelt],
        "never calls https://api.contact.example; it calls https://api.contacts.example",
    );
    author.gives(&json!({"usr": "ana"}));
    refused(provider.url(), &[], "has no `usr`; did you mean `user`?");
    author.gives(&json!({"user": "ana"}));
    refused(provider.url(), &[], "the sign-in of `contacts` needs password");
    author.gives(&json!({"user": "a:colon", "password": "51Hxyz"}));
    refused(provider.url(), &[], "nothing was sent");
    assert!(provider.seen().is_empty(), "nothing of all that was sent");

    author.gives(&json!({"user": "ana", "password": "no-longer-51Hxyz"}));
    refused(provider.url(), &[], "it ended with `reauthorize`");
    let asked = author.records("find_person", provider.url(), &[&RINA[..], &["--failing"]].concat());
    assert!(asked.status.success(), "{}", said(&asked));
    assert!(author.tests().contains("code: reauthorize") && !author.tests().contains("51Hxyz"), "{}", author.tests());
}

#[test]
fn what_changes_something_is_recorded_only_if_one_says_so() {
    let author = contacts();
    let connector = CONTACTS.replace("effect: read", "effect: write");
    fs::write(author.directory().join("connector.yaml"), connector).unwrap();
    let recorded =
        closeloop(&["test", author.directory().to_str().unwrap(), "--record", "find_person"]).output().unwrap();
    assert!(!recorded.status.success() && said(&recorded).contains("--writes"), "{}", said(&recorded));
    assert_eq!(author.tests(), "");
}

const LEDGER: &str = r#"id: ledger
version: 1.0.0
title: Ledger
summary: Keeps the accounts of customers.
catalog: {group: other_integration, phase: ga}
auth:
  fields:
    user: {type: string, title: User, secret: false}
    password: {type: string, title: Password}
  scheme: token_exchange
  request:
    method: POST
    path: /soap
    headers: {SOAPAction: login}
    xml: "<e><login><user>{{ auth.user }}</user><password>{{ auth.password }}</password></login></e>"
    answer: xml
  token: $.e.opened
  lifetime: 20m
  headers: {SOAPAction: call}
  fill: {<sessionId/>: "{{ auth.token }}"}
http: {base_url: https://ledger.example}
actions:
  find_balance:
    title: Find a balance
    describe: Tells how much a customer owes.
    effect: read
    input: {customer: {type: string, maxLength: 40, description: The customer's number.}}
    steps:
      - id: balance
        request:
          method: POST
          path: /soap
          xml: "<e><sessionId/><balance><customer>{{ input.customer }}</customer></balance></e>"
          content_type: text/xml
          answer: xml
        effect: read
        output: {owes: $.e.owes, by: $.e.you}
    output: {owes: "{{ steps.balance.owes | float }}", by: "{{ steps.balance.by }}"}
"#;

/// A provider that opens a session, gives another secret beside it, and repeats both.
async fn ledger() -> Server {
    let soap = async |headers: HeaderMap, body: String| {
        let answer = match header(&headers, "soapaction") {
            "login" if body.contains("<user>ana</user><password>p&lt;w</password>") => {
                "<e><opened>opened</opened><renewal>rt-42bec40e</renewal><kind>bearer</kind></e>"
            }
            "call" if body.contains("<sessionId>opened</sessionId>") => {
                "<e><owes>12.50</owes><you>opened</you><to>p&lt;w</to></e>"
            }
            _ => return (StatusCode::UNAUTHORIZED, [("content-type", "text/xml")], String::new()),
        };
        (StatusCode::OK, [("content-type", "text/xml")], answer.to_owned())
    };
    Server::start(Router::new().route("/soap", post(soap))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_filled_in_is_recorded_and_what_a_sign_in_gave_is_not() {
    let provider = ledger().await;
    let credentials = json!({"user": "ana", "password": "p<w"});
    let author = Author::new("ledger", "https://ledger.example", LEDGER, &credentials);
    let recorded = author.records("find_balance", provider.url(), &["--input", r#"{"customer": "K-7"}"#]);
    assert!(recorded.status.success(), "{}", said(&recorded));
    let tests = author.tests();
    for secret in ["ana", "p<w", "p&lt;w", ">opened<", "rt-42bec40e"] {
        assert!(!tests.contains(secret), "{secret} is in\n{tests}");
    }
    for shown in
        ["<sessionId>test-token-1</sessionId>", "<kind>bearer</kind>", "soapaction: call", "content-type: text/xml"]
    {
        assert!(tests.contains(shown), "{shown} is not in\n{tests}");
    }
    assert!(author.tested().contains("1 passed"), "{}\n{tests}", author.tested());
}

const ARCHIVE: &str = r#"id: archive
version: 1.0.0
title: Archive
summary: Keeps documents.
catalog: {group: other_integration, phase: ga}
auth:
  fields: {key: {type: string, title: API key}}
  scheme: bearer
  token: "{{ auth.key }}"
http: {base_url: https://archive.example/v1}
actions:
  file_document:
    title: File a document
    describe: Files a document that the customer has sent.
    effect: write
    input: {name: {type: string, description: What it is called.}}
    request:
      method: POST
      path: /documents
      headers: {Idempotency-Key: "{{ execution.key }}"}
      multipart:
        type: form-data
        parts:
          - {name: title, value: "{{ input.name }}"}
          - {name: document, filename: it.txt, text: "This is {{ input.name }}."}
    idempotent: true
    output: {title: $.title}
"#;

/// A provider that answers a key that it knows as it did before.
async fn archive() -> Server {
    let known: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let file = move |headers: HeaderMap, body: String| {
        let key = header(&headers, "idempotency-key").to_owned();
        let mut known = known.lock().unwrap();
        let title = body.split("\r\n\r\n").nth(1).and_then(|it| it.split("\r\n").next()).unwrap().to_owned();
        let before = known.iter().find(|(it, _)| *it == key).map(|(_, title)| title.clone());
        let title = before.unwrap_or(title);
        known.push((key, title.clone()));
        std::future::ready(Body(json!({"title": title})))
    };
    Server::start(Router::new().route("/v1/documents", post(file))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_recording_has_a_key_of_its_own_and_proves_headers_and_parts() {
    let provider = archive().await;
    let author = Author::new("archive", "https://archive.example", ARCHIVE, &json!({"key": "k-51Hxyz-9876"}));
    for name in ["offer", "bill"] {
        let input = json!({"name": name}).to_string();
        let recorded =
            author.records("file_document", provider.url(), &["--writes", "--name", name, "--input", &input]);
        assert!(recorded.status.success(), "{}", said(&recorded));
        assert!(author.tests().contains(&format!("output: {{title: {name}}}")), "{}", author.tests());
    }
    let tests = author.tests();
    for seen in provider.seen() {
        let key = header(&seen.headers, "idempotency-key");
        assert!(tests.contains(&format!("execution_key: \"{key}\"")), "{key} is not in\n{tests}");
    }
    assert!(tests.contains("filename: it.txt") && author.tested().contains("2 passed"), "{}\n{tests}", author.tested());

    for (part, other) in [("      headers: {Idempotency-Key: \"{{ execution.key }}\"}\n", ""), ("This is", "That is")] {
        fs::write(author.directory().join("connector.yaml"), ARCHIVE.replace(part, other)).unwrap();
        assert!(author.tested().contains("2 failed"), "without {part}: {}", author.tested());
    }
}
