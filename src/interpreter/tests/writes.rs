//! Writes of which it is unknown whether they happened.

use super::*;

const POST: &str = r#"POST /v1/orders {"id":"0190"}"#;
const ASK: &str = "GET /v1/orders/0190";

fn ordering(verify: &str) -> Scene {
    act(&format!(
        "
request: {{method: POST, path: /orders, body: {{id: '{{{{ execution.key }}}}'}}}}
verify: {{method: GET, path: '/orders/{{{{ execution.key }}}}'{verify}}}
output: {{id: $.id, status: '{{{{ answer.status }}}}'}}
"
    ))
}

fn unverified() -> Scene {
    act("request: {method: POST, path: /orders, body: {id: '{{ execution.key }}'}}")
}

fn unsure() -> [Plays; 5] {
    [lost(), timed_out(), answer(500, json!({})), answer(503, json!({})), answer(504, json!({}))]
}

#[tokio::test]
async fn without_a_way_to_verify_the_outcome_is_unknown() {
    for plays in unsure() {
        let failure = unverified().plays([plays]).run().await.fails(Code::UnknownOutcome, &[POST]);
        assert!(failure.detail.ends_with("it may have taken effect all the same, and it can't be verified"));
        assert_eq!(failure.say, Code::UnknownOutcome.say());
    }
}

#[tokio::test]
async fn a_definite_refusal_is_believed() {
    for (status, code) in
        [(400, Code::InvalidInput), (402, Code::Declined), (408, Code::Timeout), (501, Code::Unsupported)]
    {
        ordering("").plays([answer(status, json!({}))]).run().await.fails(code, &[POST]);
    }
}

#[tokio::test]
async fn what_is_found_becomes_the_answer() {
    for plays in unsure() {
        let scene = ordering("").plays([plays, answer(200, json!({"id": "o1"}))]);
        scene.run().await.gives(json!({"id": "o1", "status": 200}), &[POST, ASK]);
    }
}

#[tokio::test]
async fn a_request_that_was_cut_off_is_given_a_moment_before_it_is_asked_about() {
    let outcome = ordering("").plays([lost(), answer(200, json!({"id": "o1"}))]).run().await;
    assert_eq!(outcome.waited, Duration::from_millis(500));
    assert_eq!(outcome.log[..3], ["request: will POST", "request: the connection broke", "request (verify): 200"]);
}

#[tokio::test]
async fn a_provider_that_shows_writes_late_is_given_the_time_it_needs() {
    let outcome = ordering(", settle: 3s").plays([lost(), answer(200, json!({"id": "o1"}))]).run().await;
    assert_eq!(outcome.waited, Duration::from_secs(3));
}

#[tokio::test]
async fn what_is_not_found_did_not_happen_and_may_be_tried_again() {
    for (plays, code) in unsure().into_iter().zip([
        Code::Unavailable,
        Code::Timeout,
        Code::Unavailable,
        Code::Unavailable,
        Code::Timeout,
    ]) {
        let absent = || answer(404, json!({}));
        let outcome = ordering("").plays([plays, absent(), absent()]).run().await;
        assert_eq!(outcome.waited, Duration::from_millis(10_500), "what was given up may still be going on there");
        let failure = outcome.fails(code, &[POST, ASK, ASK]);
        assert!(failure.detail.ends_with("the provider was asked: it did not happen"), "{failure:?}");
    }
}

#[tokio::test]
async fn what_comes_to_be_there_while_it_is_looked_for_has_happened() {
    let scene = ordering("").plays([timed_out(), answer(404, json!({})), answer(200, json!({"id": "o1"}))]);
    scene.run().await.gives(json!({"id": "o1", "status": 200}), &[POST, ASK, ASK]);
}

#[tokio::test]
async fn a_connector_that_knows_how_long_it_takes_is_believed() {
    let scene = ordering(", settle: 2s").plays([timed_out(), answer(404, json!({}))]);
    scene.run().await.fails(Code::Timeout, &[POST, ASK]);
}

#[tokio::test]
async fn a_list_without_it_says_that_it_did_not_happen_if_the_connector_says_so() {
    const TESTS: &str = ", settle: 1s, holds: '{{ answer.body.found }}', absent: '{{ answer.body.found == [] }}'";
    for (found, code) in [(json!([]), Code::Unavailable), (json!(null), Code::UnknownOutcome)] {
        let scene = ordering(TESTS).plays([lost(), answer(200, json!({"found": found}))]);
        scene.run().await.fails(code, &[POST, ASK]);
    }
    let found = json!({"found": [1], "id": "o1"});
    let outcome = ordering(TESTS).plays([lost(), answer(200, found)]).run().await;
    outcome.gives(json!({"id": "o1", "status": 200}), &[POST, ASK]);
    // Of a refusal nothing is made that invites another attempt.
    let scene = ordering(TESTS).plays([answer(409, json!({})), answer(200, json!({"found": []}))]);
    scene.run().await.fails(Code::Conflict, &[POST, ASK]);
}

#[tokio::test]
async fn anything_else_leaves_it_unknown() {
    let scene = ordering("").plays([lost(), answer(403, json!({}))]);
    scene.run().await.fails(Code::UnknownOutcome, &[POST, ASK]);
    let scene = ordering("").plays([lost(), lost(), lost(), lost()]);
    let failure = scene.run().await.fails(Code::UnknownOutcome, &[POST, ASK, ASK, ASK]);
    assert!(failure.detail.contains("and verifying failed: GET https://api.example.com/v1/orders/0190: the"));
}

const HOLDS: &str = ", holds: \"{{ answer.body.note == 'ours' }}\"";

#[tokio::test]
async fn what_is_found_must_hold() {
    let ours = || answer(200, json!({"id": "o1", "note": "ours"}));
    let others = || answer(200, json!({"id": "o2", "note": "theirs"}));
    ordering(HOLDS).plays([lost(), ours()]).run().await.gives(json!({"id": "o1", "status": 200}), &[POST, ASK]);
    ordering(HOLDS).plays([lost(), others()]).run().await.fails(Code::UnknownOutcome, &[POST, ASK]);
}

#[tokio::test]
async fn a_conflict_with_our_own_earlier_write_is_a_success() {
    let conflict = || answer(409, json!({}));
    let ours = || answer(200, json!({"id": "o1", "note": "ours"}));
    let others = || answer(200, json!({"id": "o2", "note": "theirs"}));
    ordering(HOLDS).plays([conflict(), ours()]).run().await.gives(json!({"id": "o1", "status": 200}), &[POST, ASK]);
    ordering(HOLDS).plays([conflict(), others()]).run().await.fails(Code::Conflict, &[POST, ASK]);
    ordering(HOLDS).plays([conflict(), answer(404, json!({}))]).run().await.fails(Code::Conflict, &[POST, ASK]);
    ordering(HOLDS).plays([conflict(), answer(403, json!({}))]).run().await.fails(Code::UnknownOutcome, &[POST, ASK]);
    // Without `holds`, nobody asks about a conflict.
    ordering("").plays([conflict()]).run().await.fails(Code::Conflict, &[POST]);
    let on = ", on: [invalid_input]";
    let plays = [answer(400, json!({})), ours()];
    ordering(on).plays(plays).run().await.gives(json!({"id": "o1", "status": 200}), &[POST, ASK]);
}

#[tokio::test]
async fn an_idempotent_write_that_stays_unknown_is_verified_in_the_end() {
    let scene = act("
request: {method: POST, path: /orders, body: {id: '{{ execution.key }}'}}
idempotent: true
verify: {method: GET, path: '/orders/{{ execution.key }}'}
");
    let scene = scene.plays([lost(), lost(), lost(), answer(200, json!("there"))]);
    scene.run().await.gives(json!("there"), &[POST, POST, POST, ASK]);
}

#[tokio::test]
async fn verifying_has_time_even_if_the_plan_has_none() {
    let outcome = ordering("").takes(31).plays([timed_out(), answer(200, json!({"id": "o1"}))]).run().await;
    assert_eq!(outcome.timeouts, [10, 10].map(Duration::from_secs));
    outcome.gives(json!({"id": "o1", "status": 200}), &[POST, ASK]);
}

#[tokio::test]
async fn only_the_steps_own_rule_makes_a_broken_answer_sure() {
    let general = "
http:
  base_url: https://api.example.com/v1
  errors: [{status: 5xx, is: unavailable}, {reason: unclear, is: unknown_outcome}]
  reason: $.reason
";
    let action = |rules: &str| {
        format!(
            "{general}
actions:
  act:
    title: Act
    describe: Puts an order into the shop.
    effect: write
    request: {{method: POST, path: /orders}}
    errors: {rules}
"
        )
    };
    let broken = || answer(503, json!({}));
    scene(&action("[]")).plays([broken()]).run().await.fails(Code::UnknownOutcome, &["POST /v1/orders"]);
    let own = action("[{status: 503, is: unavailable}]");
    scene(&own).plays([broken()]).run().await.fails(Code::Unavailable, &["POST /v1/orders"]);
    let unclear = answer(200, json!({"reason": "unclear"}));
    scene(&own).plays([unclear]).run().await.fails(Code::UnknownOutcome, &["POST /v1/orders"]);
}

#[tokio::test]
async fn a_success_that_can_not_be_used_is_not_a_failure_that_may_be_repeated() {
    let unreadable = || Plays::Answers(200, vec![("content-type", "application/json".to_owned())], "{".to_owned());
    unverified().plays([unreadable()]).run().await.fails(Code::UnknownOutcome, &[POST]);
    let scene = ordering(", settle: 1s").plays([unreadable(), answer(404, json!({}))]);
    scene.run().await.fails(Code::Unavailable, &[POST, ASK]);

    let request = "request: {method: POST, path: /orders}";
    let output = "'{{ answer.body.items.first.id + 1 }}'";
    let direct = act(&format!("{request}\noutput: {output}"));
    direct.plays([answer(201, json!({"items": 1}))]).run().await.fails(Code::UnknownOutcome, &["POST /v1/orders"]);
    let stepped = act(&format!("steps:\n  - id: a\n    {request}\n    output: {output}\noutput: 1"));
    stepped.plays([answer(201, json!({"items": 1}))]).run().await.fails(Code::UnknownOutcome, &["POST /v1/orders"]);
}
