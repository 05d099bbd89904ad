use std::sync::Arc;

use crate::{
    diag::{Diagnostics, Sources},
    spec::{self, Connector, ConnectorFiles},
};

const CONNECTOR: &str = "
id: shop
version: 1.2.0
title: Shop
summary: Sells things.
catalog: {group: other_integration, phase: ga}
auth:
  fields:
    environment: {type: string, enum: [test, live], default: test, secret: false}
    key: {type: string}
  schemes:
    key: {scheme: basic, username: '{{ auth.key }}', password: ''}
    short:
      scheme: token_exchange
      request: {method: POST, path: /token, auth: none, form: {key: '{{ auth.key }}', env: '{{ auth.environment }}'}}
      token: $.token
      lifetime: 5m
http: {base_url: https://api.example.com}
after_connect:
  request: {method: GET, path: /me}
  label: $.name
  capture: {shop: $.id}
lookups:
  places:
    config: {kind: {type: string}}
    request: {method: GET, path: /places, query: {kind: '{{ config.kind }}'}}
    each: $.places[*]
    option: {value: $.id, label: $.name}
actions:
  order:
    title: Order
    describe: Puts an order into the shop.
    effect: write
    config: {place: {type: string}}
    input: {size: {type: integer, minimum: 1, default: 2}}
    request: {method: POST, path: '/places/{{ config.place }}/orders', body: {size: '{{ input.size }}'}}
    output: {id: $.id}
  look:
    title: Look
    describe: Looks at an order of the shop.
    effect: read
    request: {method: GET, path: /orders, auth: short}
    output: $.count
";

fn load(cases: &str) -> Arc<Connector> {
    load_connector(CONNECTOR, cases)
}

pub(super) fn load_connector(connector: &str, cases: &str) -> Arc<Connector> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let files = ConnectorFiles {
        directory: "shop".to_owned(),
        connector: sources.add("connector.yaml", connector),
        tests: Some(sources.add("tests.yaml", format!("cases:\n{cases}"))),
        logo: None,
    };
    let connectors = spec::load(&[files], &[], &sources, &mut diagnostics);
    let found: Vec<_> = diagnostics.iter().map(|it| it.message.clone()).collect();
    connectors.into_iter().next().unwrap_or_else(|| panic!("{found:#?}"))
}

/// The report on these cases, without its head.
async fn report(cases: &str) -> String {
    let report = super::run_all(&load(cases)).await.to_string();
    report.strip_prefix("shop 1.2.0\n").unwrap().to_owned()
}

#[tokio::test]
async fn cases_of_every_kind_pass() {
    let cases = "
  - name: orders
    action: order
    credentials: {key: k}
    config: {place: a b}
    exchanges:
      - request: {method: POST, path: /places/a%20b/orders, headers: {authorization: Basic azo=}, body: {size: 2}}
        answer: {status: 201, body: {id: 7}}
    output: {id: 7}
  - name: refuses a size of none
    action: order
    credentials: {key: k}
    config: {place: p}
    input: {size: 0}
    error: {code: invalid_input}
  - name: says when the place is taken
    action: order
    credentials: {key: k}
    config: {place: p}
    exchanges:
      - request: {method: POST}
        answer: {status: 409}
    error: {code: conflict, say: 'That is no longer possible: something changed in the meantime.'}
  - name: does not guess
    action: order
    credentials: {key: k}
    config: {place: p}
    exchanges:
      - request: {method: POST}
        answer: {lost: true}
    error: {code: unknown_outcome}
  - name: gets a token, and another when it has expired
    action: look
    connection: {environment: live}
    credentials: {key: k}
    exchanges:
      - request: {method: POST, url: https://api.example.com/token, form: {key: k, env: live}}
        answer: {body: {token: t1}}
      - request: {url: https://api.example.com/orders, headers: {authorization: Bearer t1}}
        answer: {status: 401}
      - request: {path: /token}
        answer: {body: {token: t2}}
      - request: {path: /orders, headers: {authorization: Bearer t2}}
        answer: {body: {count: 3}}
    output: 3
  - name: uses a given token
    action: look
    credentials: {key: k, token: t0}
    exchanges:
      - request: {path: /orders, headers: {authorization: Bearer t0}}
        answer: {body: {count: 3}}
    output: 3
  - name: lists places
    lookup: places
    credentials: {key: k}
    config: {kind: shop}
    exchanges:
      - request: {query: {kind: shop}}
        answer: {body: {places: [{id: 1, name: One}]}}
    output: [{value: 1, label: One}]
  - name: knows the account
    after_connect: true
    credentials: {key: k}
    exchanges:
      - request: {path: /me}
        answer: {body: {name: Acme, id: s1}}
    output: {label: Acme, capture: {shop: s1}}
";
    let report = super::run_all(&load(cases)).await;
    assert!(report.passed(), "{report}");
    assert!(report.to_string().ends_with("  ✓ knows the account\n  8 passed"), "{report}");
}

#[tokio::test]
async fn the_connection_shows_the_public_fields_and_their_defaults_as_after_connecting() {
    let connector = CONNECTOR.replace("path: /me", "path: '/{{ connection.environment }}'");
    let case = |given: &str, path: &str| {
        format!(
            "  - {{name: {path}, after_connect: true, {given} exchanges: [{{request: {{path: /{path}}}, answer: {{body: {{name: A, id: 1}}}}}}], output: {{label: A, capture: {{shop: 1}}}}}}"
        )
    };
    let cases = [
        case("credentials: {key: k},", "test"),
        case("credentials: {key: k, environment: live},", "live"),
        case("credentials: {key: k, environment: live}, connection: {environment: other},", "other"),
    ];
    let report = super::run_all(&load_connector(&connector, &cases.join("\n"))).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test]
async fn a_token_that_nobody_gives_is_told() {
    let case = "
  - {name: looks, action: look, credentials: {key: k}, exchanges: [{request: {path: /orders}, answer: {body: {count: 3}}}], output: 3}
";
    assert_eq!(
        format!("\n{}", report(case).await),
        "
  ✗ looks
      request 1 is not the one expected: POST https://api.example.com/token
        path: expected \"/orders\", got \"/token\"
        it asks for a token first: give the case one, `credentials: {token: …}`, or the exchange that gets it
  0 passed, 1 failed"
    );
}

#[tokio::test]
async fn what_differs_is_shown_at_its_place() {
    let case = |exchange: &str, expect: &str| {
        format!(
            "
  - name: orders
    action: order
    credentials: {{key: k}}
    config: {{place: p}}
    exchanges:
      - request: {exchange}
        answer: {{status: 201, body: {{id: 7, more: 1}}}}
    {expect}
"
        )
    };
    let table = [
        (
            case("{method: POST, path: /places/p/orders, body: {size: 3}}", "output: {id: 7}"),
            "
  ✗ orders
      request 1 is not the one expected: POST https://api.example.com/places/p/orders
        body /size: expected 3, got 2
  0 passed, 1 failed",
        ),
        (
            case("{}", "output: {id: '7', name: x}"),
            "
  ✗ orders
      the output is not the one expected:
        output /id: expected \"7\", got 7
        output /name: expected \"x\", got nothing
  0 passed, 1 failed",
        ),
        (
            case("{}", "error: {code: conflict}"),
            "
  ✗ orders
      it should have failed with `conflict`, but gave {\"id\":7}
  0 passed, 1 failed",
        ),
        (
            case("{}", "output: {id: 7}").replace("status: 201", "status: 402"),
            "
  ✗ orders
      it failed: `declined` at step `request`: POST https://api.example.com/places/p/orders answered 402
  0 passed, 1 failed",
        ),
        (
            case("{}", "error: {code: conflict}").replace("status: 201", "status: 402"),
            "
  ✗ orders
      it should have failed with `conflict`, but failed with `declined` at step `request`: \
             POST https://api.example.com/places/p/orders answered 402
  0 passed, 1 failed",
        ),
        (
            case("{}", "error: {code: declined, say: No.}").replace("status: 201", "status: 402"),
            "
  ✗ orders
      it should have said \"No.\", but said \"The payment was declined.\"
  0 passed, 1 failed",
        ),
    ];
    for (cases, expected) in table {
        assert_eq!(format!("\n{}", report(&cases).await), expected);
    }
}

#[tokio::test]
async fn requests_too_many_and_too_few_are_shown() {
    let cases = "
  - name: one too few
    action: look
    credentials: {key: k, token: t}
    exchanges: []
    output: 3
  - name: one too many
    action: look
    credentials: {key: k, token: t}
    exchanges:
      - request: {path: /orders}
        answer: {body: {count: 3}}
      - request: {method: POST, path: /token}
        answer: {body: {}}
    output: 3
  - name: a config that the builder could not have given
    action: order
    credentials: {key: k}
    exchanges: []
    output: 3
";
    assert_eq!(
        format!("\n{}", report(cases).await),
        "
  ✗ one too few
      request 1 was not expected: GET https://api.example.com/orders
  ✗ one too many
      request 2 never came: POST /token
  ✗ a config that the builder could not have given
      the config: `place` is missing; it must be text
  0 passed, 3 failed"
    );
}

#[tokio::test]
async fn several_connectors_are_counted_together() {
    let good = "  - {name: a, after_connect: true, exchanges: [{request: {}, answer: {body: {name: A, id: 1}}}], output: {label: A, capture: {shop: 1}}}";
    let failing = "  - {name: b, action: order, config: {place: x}, exchanges: [{request: {}, answer: {status: 404}}], error: {code: not_found}}";
    let mut total = super::Total::default();
    for cases in [[good, failing].join("\n"), failing.replace("not_found", "conflict")] {
        let connector = load(&cases);
        total.add(&connector, &super::run_all(&connector).await);
    }
    let expected = "2 connectors, 4 actions, 1 good cases, 2 failing cases: 1 not as they say";
    assert_eq!(total.to_string(), expected);
}

#[tokio::test]
async fn what_no_case_shows_is_told() {
    let connector = "
id: shop
version: 1.2.0
title: Shop
summary: Sells things.
catalog: {group: other_integration, phase: ga}
auth: {scheme: none}
http:
  base_url: https://api.example.com
  errors: [{status: 409, is: conflict}, {status: 418, is: unsupported}]
actions:
  look:
    title: Look
    describe: Looks at the orders of the shop.
    effect: read
    input: {large: {type: boolean, default: false}}
    steps:
      - id: large
        when: '{{ input.large }}'
        fail: {as: unsupported}
      - id: orders
        request: {method: GET, path: /orders}
        pages: {token: $.next, query: from, items: '$.orders[*]', max: 3}
        errors: [{status: 404, is: not_found}]
        output: $.items
    output: '{{ steps.orders }}'
";
    let missing = async |cases: &str| {
        let report = super::run_all(&load_connector(connector, cases)).await;
        assert!(report.passed(), "{report}");
        let missing: Vec<String> = report.coverage.missing.iter().map(|it| it.missing.clone()).collect();
        assert_eq!(report.coverage.covered() + missing.len(), report.coverage.of);
        missing
    };
    let one = "
  - name: one page
    action: look
    exchanges: [{request: {}, answer: {body: {orders: [1]}}}]
    output: [1]
  - name: taken
    action: look
    exchanges: [{request: {}, answer: {status: 409}}]
    error: {code: conflict}
";
    let all = "
  - name: two pages
    action: look
    exchanges: [{request: {}, answer: {body: {orders: [1], next: b}}}, {request: {query: {from: b}}, answer: {body: {orders: [2]}}}]
    output: [1, 2]
  - name: large
    action: look
    input: {large: true}
    error: {code: unsupported}
  - name: gone
    action: look
    exchanges: [{request: {}, answer: {status: 404}}]
    error: {code: not_found}
";
    let never = "in no case does this rule tell `unsupported`";
    assert_eq!(
        missing(one).await,
        [
            never,
            "in no case is `when` of the step `large` true",
            "no case goes on to a second page of the step `orders`",
            "in no case does this rule tell `not_found`",
        ]
    );
    assert_eq!(missing(&format!("{one}{all}")).await, [never]);
}

#[tokio::test]
async fn of_many_differences_the_lines_are_shown() {
    let connector = CONNECTOR.replace("output: $.count", "output: $");
    let case = "
  - name: looks
    action: look
    credentials: {token: t}
    exchanges:
      - request: {path: /orders}
        answer: {body: {first: {z: 1, a: 2}, orders: [{id: 1}, {id: 2}, {id: 3}], next: null, total: 3, shop: s}}
    output: {orders: [{id: 0}, {id: 1}, {id: 2}, {id: 3}], first: {a: 2, z: 1}, total: 4, next: null, shop: s, more: []}
";
    let failing = "
  - {name: gone, action: look, credentials: {token: t}, exchanges: [{request: {}, answer: {status: 404}}], error: {code: not_found}}
";
    let report = super::run_all(&load_connector(&connector, &format!("{case}{failing}"))).await.to_string();
    let lines: Vec<&str> = report.lines().filter(|it| it.trim_start().starts_with(['-', '+'])).map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "-       \"id\": 0",
            "-     },",
            "-     {",
            "-   \"total\": 4,",
            "+   \"total\": 3,",
            "-   \"shop\": \"s\",",
            "-   \"more\": []",
            "+   \"shop\": \"s\""
        ]
    );
}
