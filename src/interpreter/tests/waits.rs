//! Parking, and going on in another process.

use super::*;
use crate::interpreter::{Parked, Woken, begin, wake};

const SECTIONS: &str = "
events:
  receive: {verify: {given: '{{ request.body.token }}', expected: '{{ subscription.secret }}'}}
  types:
    paid:
      title: Paid
      id: '{{ request.body.id }}'
      correlate: '{{ request.body.order }}'
      output: {status: $.status}
actions:
  act:
    title: Act
    describe: Does what there is to do in the shop.
    effect: money
    steps:
      - id: order
        request: {method: POST, path: /orders}
        undo: {method: DELETE, path: '/orders/{{ steps.order.id }}', headers: {x-at: '{{ now }}'}}
      - id: paid
        wait:
          event: paid
          for: '{{ steps.order.id }}'
          until: \"{{ event.status == 'paid' }}\"
          poll: {method: GET, path: '/orders/{{ steps.order.id }}', every: 10s, until: '{{ answer.body.paid }}', output: {status: $.status}}
          timeout: 1h
      - id: ship
        request: {method: POST, path: /parcels, body: {order: '{{ steps.order.id }}', status: '{{ steps.paid.status }}'}}
    output: {parcel: '{{ steps.ship.id }}'}
";

/// A process that has the execution for a while.
async fn stretch(scene: &Scene, plays: Vec<Plays>, from: Option<(Parked, Woken<'_>)>) -> (Ran, Vec<String>) {
    let clock = TestClock(Mutex::new("2026-11-25T09:00:00Z".parse().unwrap()));
    let provider = Provider {
        clock: &clock,
        takes: Duration::ZERO,
        plays: Mutex::new(plays.into()),
        seen: Mutex::default(),
        under_way: Mutex::default(),
        timeouts: Mutex::default(),
    };
    let run = Run {
        connector: &scene.connector,
        plan: &scene.connector.actions["act"].plan,
        input: json!({}).into(),
        config: json!({}).into(),
        connection: json!({}).into(),
        execution: ExecutionNames::new("exe_1", "0190", "org_1", "a").into(),
        mappings: Mappings::default(),
        beside: Scope::new(),
        transport: &provider,
        clock: &clock,
        observer: &Unobserved,
    };
    let ran = match from {
        None => begin(run).await,
        Some((parked, woken)) => wake(run, parked, woken).await,
    };
    assert_eq!(provider.plays.lock().unwrap().len(), 0, "answers that nobody asked for");
    (ran, provider.seen.into_inner().unwrap())
}

/// What waits, after having been written down and read again.
fn waits(ran: Ran) -> Parked {
    let Ran::Waits(parked) = ran else { panic!("it does not wait: {ran:?}") };
    serde_json::from_str(&serde_json::to_string(&parked).unwrap()).unwrap()
}

async fn parked(scene: &Scene) -> Parked {
    let (ran, seen) = stretch(scene, vec![answer(201, json!({"id": "o/1"}))], None).await;
    assert_eq!(seen, ["POST /v1/orders"]);
    waits(ran)
}

#[tokio::test]
async fn what_it_waits_for_is_told() {
    let parked = parked(&scene(SECTIONS)).await;
    let awaited = parked.event.unwrap();
    assert_eq!((parked.step.as_str(), awaited.name.as_str(), awaited.correlate.as_str()), ("paid", "paid", "o/1"));
    assert_eq!(parked.poll_at.unwrap().to_string(), "2026-11-25T09:00:10Z");
    assert_eq!(parked.until.to_string(), "2026-11-25T10:00:00Z");
}

#[tokio::test]
async fn an_event_wakes_it_if_it_is_what_is_waited_for() {
    let scene = scene(SECTIONS);
    let pending = json!({"status": "pending"});
    let (ran, seen) = stretch(&scene, vec![], Some((parked(&scene).await, Woken::Event(&pending)))).await;
    assert!(seen.is_empty());
    let paid = json!({"status": "paid"});
    let plays = vec![answer(201, json!({"id": 7}))];
    let (ran, seen) = stretch(&scene, plays, Some((waits(ran), Woken::Event(&paid)))).await;
    assert_eq!(seen, [r#"POST /v1/parcels {"order":"o/1","status":"paid"}"#]);
    assert!(matches!(ran, Ran::Ended(Ok(output)) if output == json!({"parcel": 7})));
}

#[tokio::test]
async fn a_poll_goes_on_only_with_an_answer_that_says_so() {
    let scene = scene(SECTIONS);
    let mut it = parked(&scene).await;
    for play in [answer(200, json!({"paid": false})), answer(404, json!({})), answer(200, json!("?"))] {
        let (ran, seen) = stretch(&scene, vec![play], Some((it, Woken::Poll))).await;
        assert_eq!(seen, ["GET /v1/orders/o%2F1"]);
        it = waits(ran);
    }
    let plays = vec![answer(200, json!({"paid": true, "status": "settled"})), answer(201, json!({"id": 7}))];
    let (ran, seen) = stretch(&scene, plays, Some((it, Woken::Poll))).await;
    assert_eq!(seen[1], r#"POST /v1/parcels {"order":"o/1","status":"settled"}"#);
    assert!(matches!(ran, Ran::Ended(Ok(_))));
}

#[tokio::test]
async fn when_its_time_is_over_what_was_done_is_taken_back_as_it_was_meant() {
    let scene = scene(SECTIONS);
    let plays = vec![answer(204, json!(null))];
    let (ran, seen) = stretch(&scene, plays, Some((parked(&scene).await, Woken::Timeout))).await;
    assert_eq!(seen, ["DELETE /v1/orders/o%2F1 x-at=2026-11-25T09:00:00Z"]);
    let Ran::Ended(Err(failure)) = ran else { panic!("{ran:?}") };
    assert_eq!((failure.code, failure.step.as_deref()), (Code::Timeout, Some("paid")));
    assert!(failure.detail.ends_with("nothing came within 3600 s; order was undone"), "{}", failure.detail);
}

#[tokio::test]
async fn a_failure_after_a_resume_takes_back_what_was_done_before_it() {
    let scene = scene(SECTIONS);
    let paid = json!({"status": "paid"});
    let plays = vec![answer(409, json!({})), answer(204, json!(null))];
    let (ran, seen) = stretch(&scene, plays, Some((parked(&scene).await, Woken::Event(&paid)))).await;
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1], "DELETE /v1/orders/o%2F1 x-at=2026-11-25T09:00:00Z");
    assert!(matches!(ran, Ran::Ended(Err(it)) if it.code == Code::Conflict));
}

#[tokio::test]
async fn what_lasts_is_remembered_while_it_waits() {
    let lasting = SECTIONS.replace(
        "        undo: {method: DELETE, path: '/orders/{{ steps.order.id }}', headers: {x-at: '{{ now }}'}}\n",
        "",
    );
    let scene = scene(&lasting);
    let (ran, _) = stretch(&scene, vec![], Some((parked(&scene).await, Woken::Timeout))).await;
    // nobody may call again: there would be a second order
    assert!(matches!(ran, Ran::Ended(Err(it)) if it.code == Code::UnknownOutcome && it.detail.contains("order")));
}

#[tokio::test]
async fn on_timeout_gives_a_value_in_place_of_a_failure() {
    let scene = scene(
        &SECTIONS.replace("          timeout: 1h", "          timeout: 1h\n          on_timeout: {status: pending}"),
    );
    let (ran, seen) =
        stretch(&scene, vec![answer(201, json!({"id": 7}))], Some((parked(&scene).await, Woken::Timeout))).await;
    assert_eq!(seen, [r#"POST /v1/parcels {"order":"o/1","status":"pending"}"#]);
    assert!(matches!(ran, Ran::Ended(Ok(_))));
}

#[tokio::test]
async fn a_step_that_waits_no_more_in_a_newer_connector_ends_it() {
    let scene = scene(SECTIONS);
    let mut it = parked(&scene).await;
    it.step = "gone".to_owned();
    let (ran, seen) = stretch(&scene, vec![answer(204, json!(null))], Some((it, Woken::Poll))).await;
    assert_eq!(seen.len(), 1, "the order is taken back: {seen:?}");
    assert!(matches!(ran, Ran::Ended(Err(it)) if it.code == Code::Unsupported));
}
