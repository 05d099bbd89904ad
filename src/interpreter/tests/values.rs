//! What is sent, and what comes out.

use super::*;

#[tokio::test]
async fn types_are_kept_and_undefined_is_dropped() {
    let scene = act("
request:
  method: POST
  path: /things
  body:
    count: '{{ input.count }}'
    text: 'n={{ input.count }}'
    missing: '{{ input.name }}'
    nothing: '{{ input.note }}'
    tags: ['{{ input.name }}', '{{ input.note }}', 1.50]
    flag: true
    guests:
      - {when: '{{ input.name }}', name: '{{ input.name }}'}
      - {when: '{{ input.count }}', n: '{{ input.count }}'}
    doubled: {each: '{{ input.tags }}', when: '{{ item > 1 }}', as: {it: '{{ item * 2 }}', at: '{{ index }}'}}
output: {id: $.id, list: '$.list[*].n', none: $.none, status: '{{ answer.status }}'}
");
    scene
        .input(json!({"count": 3, "note": null, "tags": [1, 2, 3]}))
        .plays([answer(201, json!({"id": "9007199254740993", "list": [{"n": 1}, {"n": 2}]}))])
        .run()
        .await
        .gives(
            json!({"id": "9007199254740993", "list": [1, 2], "status": 201}),
            &[concat!(
                "POST /v1/things ",
                r#"{"count":3,"text":"n=3","nothing":null,"tags":[null,1.5],"flag":true,"#,
                r#""guests":[{"n":3}],"doubled":[{"it":4,"at":1},{"it":6,"at":2}]}"#
            )],
        );
}

#[tokio::test]
async fn every_place_is_escaped_for_what_it_is() {
    let scene = look(
        "
request:
  method: GET
  path: /things/{{ input.name }}/parts:list
  query: {q: '{{ input.name }}', tag: '{{ input.tags }}', all: true, none: '{{ input.note }}', n: '{{ input.count }}'}
  headers: {x-name: '{{ input.name }}', x-none: '{{ input.note }}'}
",
    );
    scene
        .input(json!({"name": "a/b ?é", "tags": ["x y", 2]}))
        .plays([answer(200, json!({"ok": true}))])
        .run()
        .await
        .gives(
            json!({"ok": true}),
            &["GET /v1/things/a%2Fb%20%3F%C3%A9/parts:list?q=a%2Fb%20%3F%C3%A9&tag=x%20y&tag=2&all=true x-name=a/b ?é"],
        );
}

#[tokio::test]
async fn values_that_do_not_fit_their_place_are_refused_before_anything_is_sent() {
    for name in [json!(""), json!(".."), json!(".")] {
        let scene = look("request: {method: GET, path: '/things/{{ input.name }}'}");
        scene.input(json!({"name": name})).run().await.fails(Code::InvalidInput, &[]);
    }
    let scene = look("request: {method: GET, path: /a, headers: {x-a: '{{ input.name }}'}}");
    scene.input(json!({"name": "a\r\nevil: 1"})).run().await.fails(Code::InvalidInput, &[]);
}

#[tokio::test]
async fn the_connectors_headers_go_with_every_request_unless_it_has_its_own() {
    let mut scene = scene(
        "
auth: {fields: {place: {type: string, secret: false}}, scheme: none}
http:
  base_url: https://api.example.com/v1
  headers: {X-Version: '2', X-Place: '{{ connection.place }}'}
actions:
  act:
    title: Act
    describe: Looks at what there is in the shop.
    effect: read
    steps:
      - {id: a, request: {method: GET, path: /a}}
      - {id: b, request: {method: GET, path: /b, headers: {x-version: '3'}}}
",
    );
    scene.connection = json!({"place": "here"});
    scene
        .plays([answer(200, json!(1)), answer(200, json!(2))])
        .run()
        .await
        .gives(json!(null), &["GET /v1/a x-version=2 x-place=here", "GET /v1/b x-place=here x-version=3"]);
}

#[tokio::test]
async fn servers_are_chosen_by_name_and_by_value() {
    let sections = "
auth: {fields: {environment: {type: string, secret: false}}, scheme: none}
http:
  servers:
    main: {by: '{{ connection.environment }}', of: {test: https://test.example.com/a, live: https://live.example.com/b/}}
    other: https://other.example.com
actions:
  act:
    title: Act
    describe: Looks at what there is in the shop.
    effect: read
    steps:
      - {id: a, request: {method: GET, path: /x}}
      - {id: b, request: {method: GET, server: other, path: /y}}
";
    let plays = || [answer(200, json!(1)), answer(200, json!(2))];
    let mut live = scene(sections).plays(plays());
    live.connection = json!({"environment": "live"});
    live.run().await.gives(json!(null), &["GET /b/x", "GET /y"]);
    let mut unknown = scene(sections);
    unknown.connection = json!({"environment": "moon"});
    unknown.run().await.fails(Code::PreconditionFailed, &[]);
}

#[tokio::test]
async fn an_address_that_the_provider_gave_stays_as_it_is_and_its_host_is_checked() {
    let steps = "
steps:
  - {id: home, request: {method: GET, path: /home}}
  - {id: entry, request: {method: GET, url: '{{ steps.home.url }}/{{ input.name }}'}}
output: '{{ steps.entry }}'
";
    look(steps)
        .input(json!({"name": "a/b"}))
        .plays([answer(200, json!({"url": "https://api.example.com/x%2Fy/z"})), answer(200, json!("found"))])
        .run()
        .await
        .gives(json!("found"), &["GET /v1/home", "GET /x%2Fy/z/a%2Fb"]);
    for url in [
        "https://evil.example.net/x",
        "http://api.example.com/x",
        "https://user@api.example.com/x",
        "https://api.example.com.evil.net/x",
        "https://api.example.com:8443/x",
    ] {
        let scene = look(steps).input(json!({"name": "a"})).plays([answer(200, json!({ "url": url }))]);
        let failure = scene.run().await.fails(Code::Unsupported, &["GET /v1/home"]);
        assert_eq!(failure.step.as_deref(), Some("entry"));
    }
    let scene = look(steps).input(json!({"name": "a"})).plays([answer(200, json!({"url": "/relative"}))]);
    scene.run().await.fails(Code::ProviderError, &["GET /v1/home"]);
}

#[tokio::test]
async fn an_output_of_nothing_is_null() {
    let scene = look("request: {method: GET, path: /a}\noutput: $.missing");
    scene.plays([answer(200, json!({}))]).run().await.gives(json!(null), &["GET /v1/a"]);
}

#[tokio::test]
async fn an_account_identifies_itself_at_its_own_host() {
    let account = "
id: acme
title: Acme
scheme: none
hosts: [id.example.com]
after_connect:
  request: {method: GET, url: https://id.example.com/me}
  label: $.email
  capture: {user: $.id}
";
    let mut scene = look("request: {method: GET, path: /a}");
    let sections = "
auth: {account: acme}
actions:
  act:
    title: Act
    describe: Looks at what there is in the shop.
    effect: read
    request: {method: GET, path: /a}
";
    scene.connector = connector(sections, &[("acme", account)]);
    let scene = scene.plays([answer(200, json!({"email": "a@example.com", "id": 7}))]);
    let after_connect = scene.connector.after_connect.clone().unwrap();
    let outcome = scene.run_plan(&after_connect.plan).await;
    outcome.gives(json!({"label": "a@example.com", "capture": {"user": 7}}), &["GET /me"]);
}
