//! What is sent again, and what isn't.

use super::*;

const GET: &str = "GET /v1/a";
const PUT: &str = "PUT /v1/a x-key=0190";

fn reading() -> Scene {
    look("request: {method: GET, path: /a}")
}

fn writing() -> Scene {
    act("request: {method: PUT, path: /a, headers: {x-key: '{{ execution.key }}'}}")
}

fn idempotent() -> Scene {
    act("request: {method: PUT, path: /a, headers: {x-key: '{{ execution.key }}'}}\nidempotent: true")
}

fn ok() -> Plays {
    answer(200, json!(1))
}

fn busy() -> Plays {
    answer(503, json!({}))
}

#[tokio::test]
async fn a_read_is_sent_up_to_three_times() {
    reading().plays([busy(), lost(), ok()]).run().await.gives(json!(1), &[GET, GET, GET]);
    reading().plays([answer(429, json!({})), refused(), ok()]).run().await.gives(json!(1), &[GET, GET, GET]);
    reading().plays([busy(), busy(), busy()]).run().await.fails(Code::Unavailable, &[GET, GET, GET]);
}

#[tokio::test]
async fn what_repeating_can_not_mend_is_sent_once() {
    for (plays, code) in [
        (answer(404, json!({})), Code::NotFound),
        (answer(401, json!({})), Code::Reauthorize),
        (answer(504, json!({})), Code::Timeout),
        (timed_out(), Code::Timeout),
        (Plays::Fails(SendError::not_sent(Code::Reauthorize, "the grant is dead")), Code::Reauthorize),
    ] {
        reading().plays([plays]).run().await.fails(code, &[GET]);
    }
}

#[tokio::test]
async fn pauses_grow_and_follow_the_provider() {
    let outcome = reading().plays([busy(), busy(), ok()]).run().await;
    assert!(outcome.waited > Duration::ZERO && outcome.waited <= Duration::from_millis(1500), "{:?}", outcome.waited);
    let asks = answer_with(429, &[("retry-after", "5")], json!({}));
    let outcome = reading().plays([asks, ok()]).run().await;
    assert!(outcome.waited >= Duration::from_secs(5) && outcome.waited < Duration::from_secs(6));
}

#[tokio::test]
async fn nothing_is_repeated_beyond_the_deadline() {
    let asks = || answer_with(503, &[("retry-after", "40")], json!({}));
    let failure = reading().plays([asks()]).run().await.fails(Code::Unavailable, &[GET]);
    assert_eq!(failure.retry_after_seconds, Some(40));
    // 30 s in all, and each attempt takes 12.
    let failure = reading().takes(12).plays([busy(), busy(), busy()]).run().await.fails(Code::Unavailable, &[GET; 3]);
    assert_eq!(failure.retry_after_seconds, None);
    reading().takes(16).plays([busy(), busy()]).run().await.fails(Code::Unavailable, &[GET; 2]);
}

#[tokio::test]
async fn a_write_is_repeated_only_if_it_never_left() {
    writing().plays([refused(), ok()]).run().await.gives(json!(1), &[PUT, PUT]);
    writing().plays([refused(), refused(), refused()]).run().await.fails(Code::Unavailable, &[PUT; 3]);
    writing().plays([answer(429, json!({}))]).run().await.fails(Code::RateLimited, &[PUT]);
    writing().plays([busy()]).run().await.fails(Code::UnknownOutcome, &[PUT]);
    writing().plays([lost()]).run().await.fails(Code::UnknownOutcome, &[PUT]);
}

#[tokio::test]
async fn a_repetition_that_tells_what_became_of_the_first_is_not_held_back() {
    idempotent().plays([lost(), left_alone(ok())]).run().await.gives(json!(1), &[PUT, PUT]);
    idempotent().takes(30).plays([timed_out(), left_alone(ok())]).run().await.gives(json!(1), &[PUT, PUT]);
    // of these it is known
    idempotent().plays([left_alone(ok())]).run().await.fails(Code::Unavailable, &[PUT]);
    idempotent().plays([refused(), left_alone(ok())]).run().await.fails(Code::Unavailable, &[PUT, PUT]);
}

#[tokio::test]
async fn an_idempotent_write_whose_time_is_over_is_repeated_once_more_to_know() {
    let over = |takes, plays: &[Plays]| idempotent().takes(takes).plays(plays.to_vec());
    over(30, &[timed_out(), ok()]).run().await.gives(json!(1), &[PUT, PUT]);
    over(30, &[timed_out(), answer(402, json!({}))]).run().await.fails(Code::Declined, &[PUT, PUT]);
    over(30, &[timed_out(), timed_out()]).run().await.fails(Code::UnknownOutcome, &[PUT, PUT]);
    // by then the provider may have forgotten it
    over(121, &[timed_out()]).run().await.fails(Code::UnknownOutcome, &[PUT]);
}

#[tokio::test]
async fn an_idempotent_write_is_repeated_with_the_same_bytes() {
    for first in [busy(), lost(), timed_out(), answer(429, json!({})), refused()] {
        idempotent().plays([first, ok()]).run().await.gives(json!(1), &[PUT, PUT]);
    }
    idempotent().plays([answer(400, json!({}))]).run().await.fails(Code::InvalidInput, &[PUT]);
}

#[tokio::test]
async fn after_a_loss_only_a_success_tells_what_happened() {
    idempotent().plays([lost(), lost(), lost()]).run().await.fails(Code::UnknownOutcome, &[PUT; 3]);
    idempotent().plays([lost(), answer(404, json!({}))]).run().await.fails(Code::UnknownOutcome, &[PUT; 2]);
    idempotent().plays([lost(), refused(), refused()]).run().await.fails(Code::UnknownOutcome, &[PUT; 3]);
}

#[tokio::test]
async fn every_attempt_of_a_write_is_recorded_before_it_is_sent() {
    let outcome = idempotent().plays([busy(), ok()]).run().await;
    assert_eq!(outcome.log, ["request: will PUT", "request: 503", "request: will PUT", "request: 200", "request: 1"]);
    let mut scene = writing();
    scene.log.refuses_writes = true;
    let failure = scene.run().await.fails(Code::Unavailable, &[]);
    assert_eq!(failure.detail, "the write could not be recorded: the disk is full");
}
