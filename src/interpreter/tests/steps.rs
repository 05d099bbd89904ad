//! `when`, `each`, `set`, `fail`, `call`, and the time that a plan has.

use super::*;

#[tokio::test]
async fn a_step_is_skipped_if_its_test_is_false() {
    let steps = "
steps:
  - {id: busy, request: {method: GET, path: /busy}, output: {conflicts: '$.busy[*]'}}
  - {id: extra, when: '{{ input.count }}', request: {method: GET, path: /extra}}
  - {id: taken, when: '{{ steps.busy.conflicts }}', fail: {as: conflict, say: 'At {{ input.name }} it is taken.'}}
  - {id: done, set: {extra: '{{ steps.extra }}', n: '{{ steps.busy.conflicts | length }}'}}
output: '{{ steps.done }}'
";
    let outcome = look(steps).plays([answer(200, json!({"busy": []}))]).run().await;
    let log = outcome.log.clone();
    outcome.gives(json!({"n": 0}), &["GET /v1/busy"]);
    assert_eq!(log, ["busy: 200", r#"busy: {"conflicts":[]}"#, "extra: skipped", "taken: skipped", r#"done: {"n":0}"#]);
    let scene = look(steps).input(json!({"name": "nine"})).plays([answer(200, json!({"busy": [1]}))]);
    let failure = scene.run().await.fails(Code::Conflict, &["GET /v1/busy"]);
    assert_eq!((failure.say.as_str(), failure.step.as_deref()), ("At nine it is taken.", Some("taken")));
}

#[tokio::test]
async fn a_step_runs_once_for_each_entry() {
    let steps = "
steps:
  - id: part
    each: '{{ input.tags }}'
    request: {method: GET, path: '/parts/{{ item.id }}', query: {n: '{{ index }}'}}
    output: {name: $.name, of: '{{ item.id }}'}
output: {parts: '{{ steps.part }}'}
";
    let outcome = look(steps)
        .input(json!({"tags": [{"id": "a"}, {"id": "b"}]}))
        .plays([answer(200, json!({"name": "A"})), answer(200, json!({"name": "B"}))])
        .run()
        .await;
    assert_eq!((outcome.most_under_way, outcome.log[0].as_str()), (1, "part[0]: 200"));
    let parts = json!({"parts": [{"name": "A", "of": "a"}, {"name": "B", "of": "b"}]});
    outcome.gives(parts, &["GET /v1/parts/a?n=0", "GET /v1/parts/b?n=1"]);
    look(steps).input(json!({"tags": null})).run().await.gives(json!({"parts": []}), &[]);
    look(steps).input(json!({})).run().await.gives(json!({"parts": []}), &[]);
}

#[tokio::test]
async fn too_many_entries_are_refused_before_the_first() {
    let steps = "
steps:
  - {id: part, each: '{{ input.tags }}', max: 2, request: {method: POST, path: /parts}}
output: 1
";
    let failure = act(steps).input(json!({"tags": [1, 2, 3]})).run().await.fails(Code::InvalidInput, &[]);
    assert_eq!(failure.detail, "there are 3 entries; at most 2 are worked on at once");
}

#[tokio::test]
async fn rounds_run_at_the_same_time_as_far_as_allowed_and_keep_their_order() {
    let steps = "
steps:
  - {id: part, each: '{{ input.tags }}', concurrency: 3, request: {method: GET, path: '/{{ item }}'}}
output: '{{ steps.part }}'
";
    let scene = look(steps).input(json!({"tags": [1, 2, 3, 4, 5]})).plays((1..=5).map(|it| answer(200, json!(it))));
    let outcome = scene.run().await;
    assert_eq!(outcome.most_under_way, 3);
    outcome.gives(json!([1, 2, 3, 4, 5]), &["GET /v1/1", "GET /v1/2", "GET /v1/3", "GET /v1/4", "GET /v1/5"]);
}

#[tokio::test]
async fn after_a_failed_round_no_other_begins_but_those_under_way_end() {
    let steps = "
steps:
  - {id: part, each: '{{ input.tags }}', concurrency: 2, request: {method: POST, path: '/{{ item }}'}}
output: 1
";
    let scene = act(steps).input(json!({"tags": [1, 2, 3, 4]})).plays([answer(404, json!({})), answer(201, json!({}))]);
    let outcome = scene.run().await;
    assert!(outcome.log.contains(&"part[1]: 201".to_owned()), "{:?}", outcome.log);
    let failure = outcome.fails(Code::NotFound, &["POST /v1/1", "POST /v1/2"]);
    assert_eq!(failure.step.as_deref(), Some("part[0]"));
}

#[tokio::test]
async fn of_several_failed_rounds_the_unknown_one_is_reported() {
    let steps = "
steps:
  - {id: part, each: '{{ input.tags }}', concurrency: 2, request: {method: POST, path: '/{{ item }}'}}
output: 1
";
    let scene = act(steps).input(json!({"tags": [1, 2]})).plays([answer(404, json!({})), lost()]);
    scene.run().await.fails(Code::UnknownOutcome, &["POST /v1/1", "POST /v1/2"]);
}

const CALLING: &str = "
actions:
  act:
    title: Act
    describe: Puts two things into the shop.
    effect: write
    config: {place: {type: string}}
    input: {name: {type: string}}
    steps:
      - {id: first, call: {action: put, input: {name: '{{ input.name }}'}}, output: {id: $.id}}
      - {id: second, call: {action: put, input: {name: '{{ input.name }}', size: 2}}}
      - {id: bad, when: \"{{ input.name == 'bad' }}\", call: {action: put, input: {name: '{{ input.name }}', size: 0}}}
    output: ['{{ steps.first.id }}', '{{ steps.second.id }}']
  put:
    title: Put
    describe: Puts one thing into the shop.
    effect: write
    config: {place: {type: string}}
    input:
      name: {type: string}
      size: {type: integer, minimum: 1, default: 1}
    request:
      method: POST
      path: '/{{ config.place }}'
      body: {name: '{{ input.name }}', size: '{{ input.size }}'}
      headers: {x-key: '{{ execution.key }}', x-id: '{{ execution.id }}'}
    output: {id: $.id}
";

#[tokio::test]
async fn an_action_is_called_with_the_same_config_its_defaults_and_a_key_of_its_own() {
    let scene = || scene(CALLING).input(json!({"name": "n"})).config(json!({"place": "here"}));
    let outcome = scene().plays([answer(201, json!({"id": 1})), answer(201, json!({"id": 2}))]).run().await;
    assert_eq!(outcome.log[1], "first/request: 201");
    assert_eq!(outcome.result.as_ref().unwrap(), &json!([1, 2]));
    let (bodies, keys): (Vec<_>, Vec<_>) = outcome.seen.iter().map(|it| it.split_once(" x-key=").unwrap()).unzip();
    assert_eq!(bodies, [r#"POST /v1/here {"name":"n","size":1}"#, r#"POST /v1/here {"name":"n","size":2}"#]);
    assert_ne!(keys[0], keys[1]);
    assert!(keys.iter().all(|it| it.ends_with(" x-id=exe_1")), "{keys:?}");
    let again = scene().plays([answer(201, json!({"id": 1})), answer(201, json!({"id": 2}))]).run().await;
    assert_eq!(again.seen, outcome.seen, "the keys are the same when the execution is repeated");
}

#[tokio::test]
async fn the_input_of_a_called_action_must_fit() {
    let scene = scene(CALLING).input(json!({"name": "bad"})).config(json!({"place": "here"}));
    let outcome = scene.plays([answer(201, json!({"id": 1})), answer(201, json!({"id": 2}))]).run().await;
    let failure = outcome.result.unwrap_err();
    assert_eq!((failure.code, failure.step.as_deref()), (Code::InvalidInput, Some("bad")));
    assert_eq!(outcome.seen.len(), 2);
}

#[tokio::test]
async fn a_failure_inside_a_call_names_the_whole_way() {
    let scene = scene(CALLING).input(json!({"name": "n"})).config(json!({"place": "here"}));
    let failure = scene.plays([answer(402, json!({}))]).run().await.result.unwrap_err();
    assert_eq!((failure.code, failure.step.as_deref()), (Code::Declined, Some("first/request")));
}

#[tokio::test]
async fn requests_get_the_time_that_is_left_and_none_is_sent_without() {
    let scene = look(
        "
timeout: 25s
steps:
  - {id: a, request: {method: GET, path: /a}}
  - {id: b, request: {method: GET, path: /b}}
  - {id: c, request: {method: GET, path: /c}}
  - {id: d, request: {method: GET, path: /d}}
output: 1
",
    );
    let outcome = scene.takes(9).plays((0..3).map(|it| answer(200, json!(it)))).run().await;
    assert_eq!(outcome.timeouts, [10, 10, 7].map(Duration::from_secs));
    let failure = outcome.fails(Code::Timeout, &["GET /v1/a", "GET /v1/b", "GET /v1/c"]);
    assert_eq!(failure.detail, "no time was left for GET https://api.example.com/v1/d");
}
