//! `tests.yaml`.

use serde_json::json;

use super::{load_files, shop};
use crate::{
    base::Code,
    spec::{CannedAnswer, CaseOf, Connector, Expect},
};

fn with_tests(tests: &str) -> (std::sync::Arc<Connector>, Vec<String>) {
    let actions = "\n  look:\n    title: Look\n    describe: Looks at what there is in the shop.\n    effect: read\n    \
                   config: {shelf: {type: string}}\n    input: {name: {type: string}}\n    \
                   request: {method: GET, path: \"/{{ config.shelf }}/{{ input.name }}\"}\n";
    let auth = "\n  fields: {key: {type: string}}\n  scheme: bearer\n  token: \"{{ auth.key }}\"\n";
    let loaded = load_files(&shop(&[("actions", actions), ("auth", auth)]), Some(tests), &[]);
    let lines = loaded.lines();
    (loaded.connectors.into_iter().next().unwrap_or_else(|| panic!("{lines:#?}")), lines)
}

const TESTS: &str = r#"
cases:
  - name: looks at a thing
    action: look
    now: 2026-11-25T09:00:00Z
    connection: {environment: sandbox}
    credentials: {key: "{{ not a template }}"}
    config: {shelf: tools}
    input: {name: hammer}
    execution_key: key
    exchanges:
      - request:
          method: GET
          url: https://api.example.com/v1/tools/hammer
          query: {limit: 10, tag: [a, b], deep: {x: true}}
          headers: {Authorization: Bearer x}
        answer: {body: {id: 1, size: 1.50, none: ~}}
      - request: {path: /v1/x, form: {grant: a b, "list[]": [1, 2]}}
        answer: {status: 503, headers: {Retry-After: 5}, text: later}
      - request: {text: "as it is\n"}
        answer: {lost: true}
    output: {id: 1, none: [1, {a: "$.not.a.path"}]}
  - name: finds nothing
    action: look
    error: {code: not_found, say: Nothing here.}
sandbox:
  - request: {method: GET, path: "/v1/{shelf}/"}
    when: "{{ request.params.shelf == 'tools' }}"
    answer: {headers: {ETag: "{{ id }}"}, body: {when: "{{ now }}", at: "{{ now }}"}}
  - request: {method: GET, path: /}
    answer: {status: 404, text: "no {{ request.path }}"}
"#;

#[test]
fn cases_are_taken_as_they_are_written() {
    let (connector, lines) = with_tests(TESTS);
    assert_eq!(lines, [""; 0]);
    let [case, other] = &connector.cases[..] else { panic!("{:?}", connector.cases) };
    assert_eq!(case.of, CaseOf::Action("look".to_owned()));
    assert_eq!(case.now.to_string(), "2026-11-25T09:00:00Z");
    assert_eq!(*case.connection, json!({"environment": "sandbox"}));
    assert_eq!(case.credentials, [("key".to_owned(), "{{ not a template }}".to_owned())]);
    assert_eq!((&case.config, &case.input), (&json!({"shelf": "tools"}), &json!({"name": "hammer"})));
    assert_eq!(case.execution_key, "key");
    assert!(matches!(&case.expect, Expect::Output(it) if *it == json!({"id": 1, "none": [1, {"a": "$.not.a.path"}]})));

    assert_eq!(other.now.to_string(), "2026-01-01T00:00:00Z");
    assert_eq!(other.execution_key, "01940000-0000-7000-8000-000000000000");
    assert!(other.exchanges.is_empty());
    assert!(matches!(&other.expect, Expect::Error(Code::NotFound, Some(say)) if say == "Nothing here."));
}

#[test]
fn exchanges_are_compared_as_requests_are_sent() {
    let (connector, _) = with_tests(TESTS);
    let [first, second, third] = &connector.cases[0].exchanges[..] else { panic!("three exchanges") };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(first.request.method.as_deref(), Some("GET"));
    assert_eq!(first.request.url.as_deref(), Some("https://api.example.com/v1/tools/hammer"));
    let query = [pair("limit", "10"), pair("tag", "a"), pair("tag", "b"), pair("deep[x]", "true")];
    assert_eq!(first.request.query.as_deref(), Some(&query[..]));
    assert_eq!(first.request.headers, [pair("authorization", "Bearer x")]);
    let CannedAnswer::Answer { status: 200, headers, body } = &first.answer else { panic!("{:?}", first.answer) };
    assert_eq!(headers, &[pair("content-type", "application/json")]);
    assert_eq!(body, br#"{"id":1,"size":1.5,"none":null}"#);

    assert_eq!(second.request.path.as_deref(), Some("/v1/x"));
    let form = [pair("grant", "a b"), pair("list[]", "1"), pair("list[]", "2")];
    assert_eq!(second.request.form.as_deref(), Some(&form[..]));
    let CannedAnswer::Answer { status: 503, headers, body } = &second.answer else { panic!("{:?}", second.answer) };
    assert_eq!((&headers[..], &body[..]), (&[pair("retry-after", "5")][..], &b"later"[..]));

    assert_eq!(third.request.text.as_deref(), Some("as it is\n"));
    assert!(matches!(third.answer, CannedAnswer::Lost));
}

#[test]
fn sandbox_answers_have_segments_and_templates() {
    let (connector, _) = with_tests(TESTS);
    let [first, second] = &connector.sandbox[..] else { panic!("two answers") };
    assert_eq!(first.path, ["v1", "{shelf}"]);
    assert!(first.when.is_some() && first.body.is_some() && first.text.is_none());
    assert_eq!((first.status, first.headers[0].0.as_str()), (200, "etag"));
    assert!(second.path.is_empty());
    assert_eq!(second.status, 404);
    assert!(second.when.is_none() && second.text.is_some());
}

/// Everything at one address, as it is with SOAP: whether a name is in no answer is told by all answers that may be meant.
#[test]
fn samples_that_may_be_meant_are_taken_together() {
    let auth = "\n  fields: {key: {type: string}}\n  scheme: token_exchange\n  \
                request: {method: POST, path: /soap, body: {key: \"{{ auth.key }}\"}}\n  token: $.session\n  lifetime: 20m\n";
    let action = |found: &str| {
        format!(
            "\n  look:\n    title: Look\n    describe: Looks at what there is in the shop.\n    effect: read\n    steps:\n      \
             - {{id: thing, request: {{method: POST, path: /soap}}, effect: read}}\n    output: {{left: \"{{{{ steps.thing.{found} }}}}\"}}\n"
        )
    };
    let said = |found: &str, second: &str| {
        let tests = format!(
            "cases:\n  - name: looks\n    action: look\n    credentials: {{key: k}}\n    exchanges:\n      \
             - {{request: {{method: POST, path: /v1/soap}}, answer: {{body: {{session: s}}}}}}\n      \
             - {{request: {second}, answer: {{body: {{left: 3}}}}}}\n    output: {{left: 3}}\n"
        );
        load_files(&shop(&[("actions", &action(found)), ("auth", auth)]), Some(&tests), &[]).lines()
    };
    for second in ["{method: POST}", "{}", "{method: POST, path: /v1/soap}"] {
        assert_eq!(said("left", second), [""; 0], "{second}");
        let wrong = said("lefft", second);
        assert!(wrong.len() == 1 && wrong[0].starts_with("C606"), "{second}: {wrong:?}");
    }
    // of another request there is no sample but the one that is no answer of its
    assert!(said("left", "{method: POST, path: /v1/other}")[0].starts_with("C606"));
}
