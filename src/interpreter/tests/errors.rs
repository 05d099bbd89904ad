//! What answers mean.

use super::*;

const RULES: &str = "
http:
  base_url: https://api.example.com/v1
  reason: [$.error.reason, $.status_code]
  message: $.error.message
  errors:
    - {status: 403, reason: [rateLimitExceeded, quota], is: rate_limited}
    - {reason: '202', is: declined, say: 'Declined: {{ answer.body.why }}'}
    - {status: 4xx, when: '{{ answer.body.fine }}', is: ok}
    - {status: 400, when: '{{ answer.body.deep.deeper == 1 }}', is: unsupported}
    - {status: 200, when: \"{{ answer.body.result == 'later' }}\", is: unavailable, retry_after: '{{ answer.body.wait }}'}
    - {status: 409, is: conflict, say: Taken.}
actions:
  act:
    title: Act
    describe: Looks at what there is in the shop.
    effect: read
    steps:
      - id: a
        request: {method: GET, path: /a}
        errors:
          - {status: 404, is: ok}
          - {status: 409, reason: gone, is: precondition_failed}
    output: '{{ steps.a }}'
";

/// `Ok` is the output; `Err` the code and the sentence.
async fn check(status: u16, body: Json, expected: Result<Json, (Code, &str)>) -> Outcome {
    let outcome = scene(RULES).plays([answer(status, body.clone())]).run().await;
    let result = outcome.result.clone().map_err(|it| (it.code, it.say));
    assert_eq!(result, expected.map_err(|(code, say)| (code, say.to_owned())), "{status} {body}");
    outcome
}

#[tokio::test]
async fn rules_are_tried_in_order_the_steps_first_the_built_in_last() {
    check(200, json!({"a": 1}), Ok(json!({"a": 1}))).await;
    check(404, json!({"a": 1}), Ok(json!({"a": 1}))).await;
    check(409, json!({"error": {"reason": "gone"}}), Err((Code::PreconditionFailed, Code::PreconditionFailed.say())))
        .await;
    check(409, json!({"error": {"reason": "other"}}), Err((Code::Conflict, "Taken."))).await;
    check(403, json!({"error": {"reason": "forbidden"}}), Err((Code::PermissionDenied, Code::PermissionDenied.say())))
        .await;
    check(422, json!({"fine": true}), Ok(json!({"fine": true}))).await;
    check(422, json!({"fine": false}), Err((Code::InvalidInput, Code::InvalidInput.say()))).await;
}

#[tokio::test]
async fn a_failure_inside_a_success_is_told() {
    check(200, json!({"status_code": "202", "why": "no money"}), Err((Code::Declined, "Declined: no money"))).await;
    check(200, json!({"status_code": 202, "why": 1}), Err((Code::Declined, "Declined: 1"))).await;
    check(200, json!({"status_code": "200"}), Ok(json!({"status_code": "200"}))).await;
}

#[tokio::test]
async fn a_rule_whose_test_does_not_fit_the_answer_is_passed_over() {
    for body in [json!({}), json!("text"), json!(null), json!([1])] {
        check(400, body, Err((Code::InvalidInput, Code::InvalidInput.say()))).await;
    }
    check(400, json!({"deep": {"deeper": 1}}), Err((Code::Unsupported, Code::Unsupported.say()))).await;
}

#[tokio::test]
async fn the_providers_words_are_for_ops_and_not_the_query() {
    let body = json!({"error": {"reason": "nope", "message": "Room 7 is closed"}});
    let failure = check(400, body, Err((Code::InvalidInput, Code::InvalidInput.say()))).await.result.unwrap_err();
    assert_eq!(failure.detail, "GET https://api.example.com/v1/a answered 400 (nope): Room 7 is closed");
    assert_eq!(failure.step.as_deref(), Some("a"));

    let long = json!({"error": {"message": "x".repeat(5000)}});
    let failure = check(400, long, Err((Code::InvalidInput, Code::InvalidInput.say()))).await.result.unwrap_err();
    assert!(failure.detail.len() < 400);
}

#[tokio::test]
async fn when_to_try_again_is_told() {
    // Longer than the plan has time for: it isn't waited for.
    for (headers, body, status, seconds) in [
        (vec![("retry-after", "120")], json!({}), 429, 120),
        (vec![("retry-after", "Wed, 25 Nov 2026 09:02:00 GMT")], json!({}), 503, 120),
        (vec![], json!({"result": "later", "wait": 90.5}), 200, 91),
        (vec![("retry-after", "120")], json!({"result": "later", "wait": "90"}), 200, 90),
    ] {
        let outcome = scene(RULES).plays([answer_with(status, &headers, body)]).run().await;
        let failure = outcome.result.unwrap_err();
        assert_eq!(failure.retry_after_seconds, Some(seconds), "{failure:?}");
        assert_eq!(outcome.seen.len(), 1);
    }
}

#[tokio::test]
async fn the_accounts_rules_come_after_the_connectors() {
    let account = "
id: acme
title: Acme
scheme: none
errors:
  - {status: 409, is: unsupported}
  - {status: 403, is: reauthorize}
";
    for (status, code) in [(409, Code::Conflict), (403, Code::Reauthorize)] {
        let mut scene = scene(RULES).plays([answer(status, json!({}))]);
        scene.connector = connector(&format!("auth: {{account: acme}}\n{RULES}"), &[("acme", account)]);
        scene.run().await.fails(code, &["GET /v1/a"]);
    }
}

#[tokio::test]
async fn an_error_page_is_still_an_error() {
    let page = Plays::Answers(403, vec![("content-type", "text/html".to_owned())], "<html>No</html>".to_owned());
    scene(RULES).plays([page]).run().await.fails(Code::PermissionDenied, &["GET /v1/a"]);
    let page = Plays::Answers(200, vec![("content-type", "application/json".to_owned())], "<html>".to_owned());
    scene(RULES).plays([page]).run().await.fails(Code::ProviderError, &["GET /v1/a"]);
}
