//! Taking back what was done before a failure.

use super::*;

const STEPS: &str = "
steps:
  - id: room
    request: {method: POST, path: /rooms}
    undo: {method: DELETE, path: '/rooms/{{ steps.room.id }}'}
    output: {id: $.id}
  - id: seat
    each: '{{ input.tags }}'
    request: {method: POST, path: /seats}
    undo: {method: POST, path: '/seats/{{ steps.seat.id }}/cancel', body: {of: '{{ item }}'}}
  - id: pay
    request: {method: POST, path: /payments}
output: {room: '{{ steps.room.id }}', seats: '{{ steps.seat }}'}
";

const DONE: [&str; 4] = ["POST /v1/rooms", "POST /v1/seats", "POST /v1/seats", "POST /v1/payments"];

fn booking(rest: impl IntoIterator<Item = Plays>) -> Scene {
    let done = [1, 2, 3].map(|id| answer(201, json!({ "id": id })));
    act(STEPS).input(json!({"tags": ["x", "y"]})).plays(done.into_iter().chain(rest))
}

fn ok() -> Plays {
    answer(204, json!(null))
}

fn seen(more: &[&'static str]) -> Vec<&'static str> {
    [&DONE, more].concat()
}

const UNDONE: [&str; 3] =
    [r#"POST /v1/seats/3/cancel {"of":"y"}"#, r#"POST /v1/seats/2/cancel {"of":"x"}"#, "DELETE /v1/rooms/1"];

#[tokio::test]
async fn nothing_is_taken_back_after_a_success() {
    let output = json!({"room": 1, "seats": [{"id": 2}, {"id": 3}]});
    booking([answer(201, json!({}))]).run().await.gives(output, &DONE);
}

#[tokio::test]
async fn all_is_taken_back_in_reverse_order() {
    let outcome = booking([answer(402, json!({})), ok(), ok(), ok()]).run().await;
    let undone: Vec<_> = outcome.log.iter().filter(|it| it.contains("(undo)")).cloned().collect();
    let failure = outcome.fails(Code::Declined, &seen(&UNDONE));
    assert_eq!(failure.step.as_deref(), Some("pay"));
    assert!(failure.detail.ends_with("answered 402; seat[1] was undone; seat[0] was undone; room was undone"));
    assert_eq!(
        undone,
        [
            "seat[1] (undo): will POST",
            "seat[1] (undo): 204",
            "seat[0] (undo): will POST",
            "seat[0] (undo): 204",
            "room (undo): will DELETE",
            "room (undo): 204"
        ]
    );
}

#[tokio::test]
async fn a_step_that_failed_itself_is_not_taken_back() {
    let steps = "
steps:
  - {id: room, request: {method: POST, path: /rooms}, undo: {method: DELETE, path: /rooms}}
output: 1
";
    act(steps).plays([answer(400, json!({}))]).run().await.fails(Code::InvalidInput, &["POST /v1/rooms"]);
}

#[tokio::test]
async fn an_unknown_outcome_takes_nothing_back() {
    let failure = booking([lost()]).run().await.fails(Code::UnknownOutcome, &DONE);
    assert!(failure.detail.ends_with("left in place: room, seat[0], seat[1]"), "{}", failure.detail);
}

#[tokio::test]
async fn what_can_not_be_taken_back_is_reported_and_not_to_be_repeated() {
    let rest = [answer(503, json!({})), answer(500, json!({})), ok()];
    let steps_rule =
        STEPS.replace("path: /payments}", "path: /payments}\n    errors: [{status: 503, is: unavailable}]");
    let done = [1, 2, 3].map(|id| answer(201, json!({ "id": id })));
    let scene = act(&steps_rule).input(json!({"tags": ["x", "y"]})).plays(done.into_iter().chain(rest).chain([ok()]));
    let failure = scene.run().await.fails(Code::UnknownOutcome, &seen(&UNDONE));
    assert!(failure.detail.contains("seat[1] could NOT be undone: POST https://api.example.com/v1/seats/3/cancel"));
    assert!(failure.detail.ends_with("seat[0] was undone; room was undone"));
    assert_eq!(failure.step.as_deref(), Some("pay"));
}

#[tokio::test]
async fn taking_back_is_repeated_where_that_is_safe_and_gone_is_gone() {
    let delete = UNDONE[2];
    let rest = [answer(402, json!({})), ok(), ok(), lost(), answer(404, json!({}))];
    booking(rest).run().await.fails(Code::Declined, &seen(&[UNDONE[0], UNDONE[1], delete, delete]));
}

#[tokio::test]
async fn taking_back_has_time_even_if_the_plan_has_none() {
    let scene = act("
timeout: 5s
steps:
  - {id: room, request: {method: POST, path: /rooms}, undo: {method: DELETE, path: /rooms}}
  - {id: look, request: {method: GET, path: /a}}
output: 1
");
    let outcome = scene.takes(6).plays([answer(201, json!({})), ok()]).run().await;
    outcome.fails(Code::Timeout, &["POST /v1/rooms", "DELETE /v1/rooms"]);
}

#[tokio::test]
async fn what_a_called_action_did_is_taken_back_too() {
    let scene = scene(
        "
actions:
  act:
    title: Act
    describe: Books a room and pays for it.
    effect: write
    steps:
      - {id: booked, call: {action: book}}
      - {id: full, fail: {as: declined}}
    output: 1
  book:
    title: Book
    describe: Books a room for the customer.
    effect: write
    steps:
      - {id: room, request: {method: POST, path: /rooms}, undo: {method: DELETE, path: '/rooms/{{ steps.room.id }}'}}
    output: '{{ steps.room }}'
",
    );
    let failure = scene
        .plays([answer(201, json!({"id": 1})), ok()])
        .run()
        .await
        .fails(Code::Declined, &["POST /v1/rooms", "DELETE /v1/rooms/1"]);
    assert!(failure.detail.ends_with("booked/room was undone"));
}

const LASTING: &str = "
steps:
  - {id: order, request: {method: POST, path: /orders}}
  - {id: room, request: {method: POST, path: /rooms}, undo: {method: DELETE, path: /rooms}}
  - {id: look, request: {method: GET, path: /a}}
output: '{{ steps.look.a | plus_minutes(1) }}'
";

const LASTED: [&str; 3] = ["POST /v1/orders", "POST /v1/rooms", "GET /v1/a"];

#[tokio::test]
async fn nobody_is_told_to_call_again_after_something_that_lasts() {
    let done = || [answer(201, json!({})), answer(201, json!({}))];
    let look = |last: Plays| act(LASTING).plays(done().into_iter().chain([last]));
    let failure = look(timed_out()).run().await.fails(Code::UnknownOutcome, &LASTED);
    assert!(failure.detail.ends_with("done before, and can't be undone: order; left in place: room"), "{failure:?}");
    let unusable = look(answer(200, json!({"a": 1}))).run().await;
    unusable.fails(Code::UnknownOutcome, &LASTED);
    for status in [401, 409, 422] {
        let invites = look(answer(status, json!({}))).run().await;
        invites.fails(Code::UnknownOutcome, &LASTED);
    }
    // What isn't to be repeated anyway is told as it is, and what can be undone is.
    let rest = [answer(404, json!({})), ok()];
    let scene = act(LASTING).plays(done().into_iter().chain(rest));
    scene.run().await.fails(Code::NotFound, &[LASTED[0], LASTED[1], LASTED[2], "DELETE /v1/rooms"]);
    // An idempotent write does no harm when it is done again.
    let idempotent = LASTING.replace("path: /orders}}", "path: /orders}, idempotent: true}");
    let scene = act(&idempotent).plays(done().into_iter().chain([timed_out(), ok()]));
    scene.run().await.fails(Code::Timeout, &[LASTED[0], LASTED[1], LASTED[2], "DELETE /v1/rooms"]);
}
