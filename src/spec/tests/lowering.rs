//! A whole connector, and what becomes of it.

use serde_json::json;

use super::{check, load_with, shop};
use crate::{
    base::{Code, Effect},
    expr::{Piece, Shape},
    spec::{AnswerKind, Apply, Body, PageBy, SchemeKind, StepKind, Target, Url},
};

const CONNECTOR: &str = r##"
id: shop
version: 1.2.0
title: Shop
summary: Sells things.
brand: {logo: logo.svg, color: "#112233"}
catalog: {group: other_integration, phase: closed_beta, gaps: [Orders can't be split.]}
auth: {account: market, scopes: [orders]}
http:
  base_url: {by: "{{ connection.environment }}", of: {sandbox: https://api.sandbox.example.com, production: https://api.example.com}}
  hosts: ["*.files.example.com"]
  headers: {X-Client: closeloop}
  timeout: 5s
  redirects: 2
  rate_limit: {per: connector, requests: 300, window: 60s}
  xml: {namespaces: {d: "DAV:"}, arrays: [d:response]}
  reason: $.error.code
  message: [$.error.message, $.message]
  errors:
    - {status: [403, 5xx], reason: rateLimitExceeded, is: rate_limited, retry_after: $.wait}
    - {when: "{{ answer.body.ok == false }}", is: declined, say: "{{ answer.body.why }}"}
after_connect:
  request: {method: GET, path: /me}
  label: $.email
  capture: {home: $.home}
lookups:
  shelves:
    scopes: [shelves]
    request: {method: GET, path: /shelves, query: {of: "{{ connection.home }}"}}
    pages: {items: $.items, token: $.next, query: page, max: 3}
    each: $.items[*]
    when: "{{ item.open }}"
    option: {value: $.id, label: "{{ item.name }}"}
actions:
  order:
    title: Order
    describe: Orders things for the customer.
    effect: money
    config:
      shelf: {type: string, lookup: shelves}
      copies: {type: integer, minimum: 1, default: 2}
    input:
      item: {type: string, maxLength: 20}
      note: {type: string, required: false}
      tags: {type: array, items: {type: string}, required: false}
    timeout: 20s
    steps:
      - id: stock
        request: {method: POST, path: "/shelves/{{ config.shelf }}/stock", body: {item: "{{ input.item }}"}}
        effect: read
        output: {left: $.left}
      - id: none_left
        when: "{{ steps.stock.left < config.copies }}"
        fail: {as: conflict, say: "There are only {{ steps.stock.left }} left."}
      - id: tag
        each: "{{ input.tags }}"
        concurrency: 2
        set: "{{ item | upper }}"
      - id: order
        request:
          method: POST
          path: /orders
          query: {dry: false}
          headers: {Idempotency-Key: "{{ execution.key }}"}
          body:
            item: "{{ input.item }}"
            copies: "{{ config.copies }}"
            at: "{{ now }}"
            note: {when: "{{ input.note }}", text: "{{ input.note }}"}
            tags: {each: "{{ steps.tag }}", as: {name: "{{ item }}", first: "{{ index == 0 }}"}}
            "when": later
        idempotent: true
        verify: {method: GET, path: "/orders/{{ execution.key }}", holds: "{{ answer.body.item == input.item }}"}
        undo: {method: DELETE, path: "/orders/{{ steps.order.id }}"}
        output: {id: $.id, url: "{{ answer.headers['location'] }}"}
    output: {order: "{{ steps.order.id }}", url: "{{ steps.order.url }}"}
  show:
    title: Show
    describe: Shows one order of the customer.
    effect: read
    scopes: [orders.read]
    input: {id: {type: string}}
    request: {method: GET, path: "/orders/{{ input.id }}", answer: xml}
"##;

const ACCOUNT: &str = r#"
id: market
title: Market
fields:
  environment: {type: string, enum: [sandbox, production], default: sandbox, secret: false}
  key: {type: string}
scopes: {orders: Orders, orders.read: Look at orders, shelves: Shelves}
scope_covers: {orders: [orders.read], orders.read: [shelves]}
schemes:
  user:
    scheme: oauth2
    authorize_url: https://login.example.com/authorize
    token_url: https://login.example.com/token
    params: {access_type: offline}
    capture: {instance: $.instance}
  key: {scheme: api_key, headers: {X-Key: "{{ auth.key }}"}}
"#;

#[test]
fn a_whole_connector_becomes_a_plan() {
    let loaded = load_with(CONNECTOR, &[("market", ACCOUNT)]);
    assert_eq!(loaded.lines(), Vec::<String>::new());
    let shop = &loaded.connectors[0];
    assert_eq!((shop.id.as_str(), shop.version.as_str()), ("shop", "1.2.0"));
    assert_eq!(shop.catalog.phase, "closed_beta");
    assert_eq!(shop.catalog.gaps, ["Orders can't be split."]);

    let http = &shop.http;
    assert!(matches!(&http.servers["default"].url, Url::Choice { of, .. } if of.len() == 2));
    assert_eq!(http.hosts, ["*.files.example.com", "login.example.com"]);
    assert_eq!(http.headers[0].0, "x-client");
    assert_eq!((http.timeout.as_secs(), http.redirects), (5, 2));
    assert!(http.rate_limit.is_some_and(|it| !it.per_connection && it.requests == 300));
    assert_eq!(http.xml.namespaces, [("DAV:".to_owned(), "d".to_owned())]);
    assert_eq!((http.reason.len(), http.message.len()), (1, 2));
    assert_eq!(http.errors[0].status, [(403, 403), (500, 599)]);
    assert_eq!(http.errors[0].is, Some(Code::RateLimited));

    let order = shop.action("order").expect("it is declared");
    assert_eq!(order.effect, Effect::Money);
    assert_eq!(order.scopes, ["orders"]);
    assert_eq!(order.config.lookups["shelf"], "shelves");
    assert_eq!(order.config.schema["required"], json!(["shelf"]));
    assert_eq!(order.input.schema["required"], json!(["item"]));
    assert_eq!(order.input.get("note"), Some(&json!({"type": "string"})), "our own keywords are gone");
    let ids: Vec<_> = order.plan.steps.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["stock", "none_left", "tag", "order"]);
    let StepKind::Request(stock) = &order.plan.steps[0].kind else { panic!("a request") };
    assert_eq!(stock.effect, Effect::Read);
    assert!(matches!(&stock.request.target, Target::Path { path, .. } if path.pieces.len() == 3));
    let StepKind::Request(write) = &order.plan.steps[3].kind else { panic!("a request") };
    assert_eq!((write.effect, write.idempotent), (Effect::Money, true));
    assert_eq!(write.verify.as_ref().map(|it| it.on.clone()), Some(vec![Code::Conflict]));
    assert!(write.undo.is_some());
    let Body::Json(Shape::Map(body)) = &write.request.body else { panic!("a mapping") };
    assert!(matches!(&body[3].1, Shape::When(_, inner) if matches!(&**inner, Shape::Map(it) if it.len() == 1)));
    assert!(matches!(&body[4].1, Shape::Each(_)));
    assert!(matches!(&body[5].1, Shape::Literal(it) if it == "later"), "a quoted key is literal");

    let show = shop.action("show").expect("it is declared");
    assert_eq!(show.scopes, ["orders", "orders.read"]);
    assert!(matches!(&show.plan.output, Shape::Path(it) if it.source == "$"), "the answer itself");
    assert!(matches!(&show.plan.steps[0].kind, StepKind::Request(it) if it.request.answer == AnswerKind::Xml));

    let shelves = shop.lookup("shelves").expect("it is declared");
    assert_eq!((shelves.title.as_str(), shelves.scopes.join(" ").as_str()), ("Shelves", "orders shelves"));
    assert!(matches!(&shelves.plan.output, Shape::Each(it) if it.when.is_some()));
    let StepKind::Request(request) = &shelves.plan.steps[0].kind else { panic!("a request") };
    assert!(matches!(request.pages.as_ref().map(|it| (&it.by, it.max)), Some((PageBy::Token { .. }, 3))));
    assert!(matches!(&shop.after_connect.as_ref().expect("it is given").plan.output, Shape::Map(it) if it.len() == 2));
}

#[test]
fn an_account_becomes_schemes() {
    let loaded = load_with(CONNECTOR, &[("market", ACCOUNT)]);
    let account = &loaded.connectors[0].account;
    assert_eq!(account.secret_fields, ["key"]);
    assert_eq!(account.fields.get("key"), Some(&json!({"type": "string", "writeOnly": true})));
    let scheme = account.scheme(None).expect("the first is the default");
    assert_eq!(scheme.name, "user");
    assert_eq!(scheme.expired[0].status, [(401, 401)]);
    let Apply::Fields(placed) = &scheme.apply else { panic!("a bearer token") };
    assert!(matches!(placed.headers[0].1.pieces.as_slice(), [Piece::Literal(it), Piece::Expr(_)] if it == "Bearer "));
    let SchemeKind::OAuth2(oauth2) = &scheme.kind else { panic!("oauth2") };
    let names = |it: &[(String, Shape)]| it.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>().join(" ");
    let consent = oauth2.consent.as_ref().expect("it asks for one");
    let usual = "response_type client_id state code_challenge code_challenge_method redirect_uri scope";
    assert_eq!(names(&consent.params), format!("{usual} access_type"));
    let Body::Form(Shape::Map(form)) = &oauth2.exchange.requests[0].request.body else { panic!("a form") };
    assert_eq!(names(form), "grant_type code redirect_uri code_verifier client_id client_secret");
    let (_, places) = &oauth2.answers.places[0];
    assert!(matches!(&places[2], ("scope", Shape::Path(it)) if it.source == "$.scope"));
    assert_eq!(oauth2.answers.dead[0].reason, ["invalid_grant"]);
    assert!(account.scheme(Some("none")).is_none());
    assert!(matches!(account.scheme(Some("key")).map(|it| &it.kind), Some(SchemeKind::Static)));
}

#[test]
fn scopes_cover_others_through_others() {
    let loaded = load_with(CONNECTOR, &[("market", ACCOUNT)]);
    let account = &loaded.connectors[0].account;
    let all = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    assert_eq!(account.missing_scopes(&all(&["orders"]), &all(&["orders", "orders.read", "shelves"])), all(&[]));
    assert_eq!(account.missing_scopes(&all(&["shelves"]), &all(&["orders.read", "shelves"])), all(&["orders.read"]));
}

#[test]
fn a_smallest_connector_loads() {
    let loaded = load_with(&shop(&[]), &[]);
    assert_eq!(loaded.lines(), Vec::<String>::new());
    assert_eq!(loaded.connectors.len(), 1);
    assert_eq!(loaded.connectors[0].account.id, "shop");
}

#[test]
fn all_mistakes_are_found_in_one_run() {
    check(
        &[
            ("http", "{base_url: https://api.example.com, timeout: soon, retries: 3}"),
            (
                "actions",
                "
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: raed
    request: {method: get, path: /things, body: {a: 1}, form: {b: 2}, server: other}
",
            ),
        ],
        &[
            "C102 soon: expected a duration for `timeout`, found the text `soon` (for example `timeout: 10s`)",
            "C101 retries: unknown key `retries` in `http` (the keys of `http` are `base_url`, `servers`, `hosts`, `headers`, `timeout`, `redirects`, `rate_limit`, `usage`, `xml`, `reason`, `message` and `errors`)",
            "C104 raed: `raed` is not a value of `effect` (did you mean `read`?)",
            "C501 get: `get` is not an HTTP method (write `method: GET`)",
            "C106 form: `body` and `form` exclude each other (keep one of them)",
            "C205 other: there is no server `other` (declare it in `servers` of `http`)",
        ],
    );
}
