use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::*;
use crate::{
    base::{Effect, clock::FixedClock},
    diag::{Diagnostics, Sources},
    spec::{Connector, ConnectorFiles},
    transport::dry::Dry,
};

const CONNECTOR: &str = "
id: shop
version: 1.0.0
title: Shop
summary: Sells things.
catalog: {group: other_integration, phase: ga}
auth: {fields: {key: {type: string}, place: {type: string, secret: false}}, scheme: api_key, headers: {X-Key: '{{ auth.key }}'}, query: {sig: '{{ auth.key }}'}}
http:
  servers:
    main: https://api.example.com/v1
    files: {by: '{{ connection.place }}', of: {eu: https://eu.example.com/f, us: https://us.example.com}}
actions:
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: read
    request: {method: GET, path: /things}
";

const SANDBOX: &str = "
sandbox:
  - request: {method: GET, path: '/things/{thing}'}
    when: \"{{ request.params.thing == 'gone' }}\"
    answer: {status: 404, body: {error: gone}}
  - request: {method: GET, path: '/things/{thing}'}
    answer: {body: {id: '{{ request.params.thing }}', tags: '{{ request.query.tag }}', at: '{{ now }}'}}
  - request: {method: POST, path: /things}
    answer:
      status: 201
      headers: {Location: '/v1/things/{{ id }}'}
      body: {id: '{{ id }}', same: '{{ id }}', name: '{{ request.body.name }}'}
  - request: {method: POST, path: /forms}
    answer: {body: {name: \"{{ request.body['customer[name]'] }}\"}}
  - request: {method: PUT, path: '/{name}', server: files}
    answer: {text: '<a>{{ request.params.name }}</a>'}
  - request: {method: DELETE, path: '/things/{thing}'}
    answer: {status: 204}
";

fn load() -> Arc<Connector> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let files = ConnectorFiles {
        directory: "shop".to_owned(),
        connector: sources.add("connector.yaml", CONNECTOR),
        tests: Some(sources.add("tests.yaml", SANDBOX)),
        logo: None,
    };
    let connectors = spec::load(&[files], &[], &sources, &mut diagnostics);
    let found: Vec<_> = diagnostics.iter().map(|it| it.message.clone()).collect();
    connectors.into_iter().next().unwrap_or_else(|| panic!("{found:#?}"))
}

fn request(method: &str, url: &str, content_type: &str, body: &str) -> Request {
    Request {
        method: method.to_owned(),
        url: Url::parse(url).unwrap(),
        headers: vec![("content-type".to_owned(), content_type.to_owned())],
        body: body.to_owned().into(),
    }
}

fn outgoing(connector: &Connector, request: Request) -> Outgoing<'_> {
    Outgoing {
        settles: false,
        request: request.into(),
        scheme: connector.account.schemes.values().next(),
        http: &connector.http,
        step: "one",
        effect: Effect::Write,
        timeout: Duration::from_secs(1),
    }
}

const CLOCK: FixedClock = FixedClock(jiff::Timestamp::UNIX_EPOCH);

fn sandbox(connector: &Connector) -> Sandbox<'_> {
    Sandbox::new(&connector.sandbox, json!({"place": "eu"}), &CLOCK, "exe_1")
}

async fn send(method: &str, url: &str, content_type: &str, body: &str) -> Result<(u16, Json), SendError> {
    let connector = load();
    let sandbox = sandbox(&connector);
    let answer = sandbox.send(outgoing(&connector, request(method, url, content_type, body))).await?;
    Ok((answer.status, serde_json::from_slice(&answer.body).unwrap_or_default()))
}

#[tokio::test]
async fn paths_are_captured_and_the_first_match_answers() {
    let check = async |url: &str, status: u16, body: Json| {
        assert_eq!(send("GET", url, "", "").await.unwrap(), (status, body), "{url}");
    };
    let found = json!({"id": "a/b", "tags": ["x", "y"], "at": "1970-01-01T00:00:00Z"});
    check("https://api.example.com/v1/things/a%2Fb?tag=x&tag=y", 200, found).await;
    let bare = json!({"id": "c", "at": "1970-01-01T00:00:00Z"});
    check("https://api.example.com/v1/things/c", 200, bare.clone()).await;
    // An address that the provider gave need not lie under the base URL.
    check("https://api.example.com/things/c/", 200, bare).await;
    check("https://api.example.com/v1/things/gone", 404, json!({"error": "gone"})).await;
}

#[tokio::test]
async fn bodies_are_read_and_ids_are_new_each_time() {
    let connector = load();
    let sandbox = sandbox(&connector);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let request = request("POST", "https://api.example.com/v1/things", "application/json", r#"{"name":"n"}"#);
        let answer = sandbox.send(outgoing(&connector, request)).await.unwrap();
        let body: Json = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &body["name"]), (201, &json!("n")));
        assert_eq!(body["id"], body["same"]);
        assert_eq!(answer.header("location").unwrap(), format!("/v1/things/{}", body["id"].as_str().unwrap()));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        ids.push(body["id"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    let form = "customer%5Bname%5D=Ann+B";
    let answered = send("POST", "https://api.example.com/v1/forms", "application/x-www-form-urlencoded", form).await;
    assert_eq!(answered.unwrap(), (200, json!({"name": "Ann B"})));
}

#[tokio::test]
async fn an_answer_may_belong_to_one_server() {
    let connector = load();
    let sandbox = sandbox(&connector);
    let put = |url: &str| sandbox.answer(&connector.http, &request("PUT", url, "", "")).unwrap();
    assert_eq!(put("https://eu.example.com/f/a&b").unwrap().body, "<a>a&amp;b</a>");
    assert!(put("https://us.example.com/a").is_none(), "this connection is in the other place");
    assert!(put("https://api.example.com/v1/a").is_none());
}

#[tokio::test]
async fn what_matches_nothing_is_refused_and_never_called() {
    let error = send("PATCH", "https://api.example.com/v1/things/c", "", "").await.unwrap_err();
    assert_eq!((error.code, error.may_have_arrived), (Code::Unsupported, false));
    assert_eq!(error.message, "the sandbox has no answer for PATCH /v1/things/c");
    let error = send("GET", "https://evil.example.net/v1/things/c", "", "").await.unwrap_err();
    assert_eq!(error.message, "evil.example.net is never called: the connector does not declare this host");
}

#[tokio::test]
async fn a_dry_run_keeps_what_would_be_sent_and_masks_what_signing_adds() {
    let connector = load();
    let dry = Dry::new(sandbox(&connector));
    let known = request("GET", "https://api.example.com/v1/things/c?q=1", "", "");
    assert_eq!(dry.send(outgoing(&connector, known)).await.unwrap().status, 200);
    let unknown = request("POST", "https://api.example.com/v1/unknown", "a/b", "body");
    let answer = dry.send(outgoing(&connector, unknown)).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let evil = request("GET", "https://evil.example.net/", "", "");
    assert!(dry.send(outgoing(&connector, evil)).await.is_err());

    let requests = dry.requests();
    let shown: Vec<_> = requests.iter().map(|it| (it.method.as_str(), it.url.as_str(), it.answered)).collect();
    assert_eq!(
        shown,
        [
            ("GET", "https://api.example.com/v1/things/c?q=1&sig=•••", true),
            ("POST", "https://api.example.com/v1/unknown?sig=•••", false),
        ]
    );
    let (post, key) = (&requests[1], ("x-key".to_owned(), "•••".to_owned()));
    assert_eq!((post.step.as_str(), post.effect, post.headers.last()), ("one", Effect::Write, Some(&key)));
    assert_eq!(&post.body[..], b"body");
}
