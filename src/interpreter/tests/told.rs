//! A write of which nobody knew whether it happened, until an event told it.

use super::*;
use crate::interpreter::{Doubt, begin, resume, told};

const SECTIONS: &str = "
events:
  receive: {verify: {given: '{{ request.body.token }}', expected: '{{ subscription.secret }}'}}
  types:
    paid:
      title: Paid
      id: '{{ request.body.id }}'
      correlate: '{{ request.body.order }}'
      output: {key: $.key, state: $.state, id: $.payment}
actions:
  act:
    title: Act
    describe: Does what there is to do in the shop.
    effect: money
    steps:
      - id: room
        request: {method: POST, path: /rooms}
        undo: {method: DELETE, path: '/rooms/{{ steps.room.id }}'}
      - id: pay
        request: {method: POST, path: /payments, body: {room: '{{ steps.room.id }}'}}
        told_by:
          event: paid
          for: 'room-{{ steps.room.id }}'
          holds: \"{{ event.key == execution.key and event.state == 'paid' }}\"
          absent: \"{{ event.state == 'denied' }}\"
          output: {id: '{{ event.id }}', at: '{{ now }}'}
        undo: {method: POST, path: '/payments/{{ steps.pay.id }}/refund'}
      - id: ship
        request: {method: POST, path: /parcels, body: {payment: '{{ steps.pay.id }}', at: '{{ steps.pay.at }}'}}
    output: {parcel: '{{ steps.ship.id }}'}
";

/// Notes the doubt in which a run ends, written down and read again.
#[derive(Default)]
struct Notes(Mutex<Option<Doubt>>);

impl Observer for Notes {
    fn in_doubt(&self, doubt: Doubt) {
        let text = serde_json::to_string(&doubt).unwrap();
        *self.0.lock().unwrap() = Some(serde_json::from_str(&text).unwrap());
    }
}

/// A process that has the execution for a while.
struct Process<'s> {
    scene: &'s Scene,
    input: Json,
    notes: Notes,
}

impl<'s> Process<'s> {
    fn new(scene: &'s Scene, input: Json) -> Self {
        Self { scene, input, notes: Notes::default() }
    }

    fn run<'a>(&'a self, transport: &'a dyn Transport, clock: &'a TestClock) -> Run<'a> {
        Run {
            connector: &self.scene.connector,
            plan: &self.scene.connector.actions["act"].plan,
            input: self.input.clone().into(),
            config: json!({}).into(),
            connection: json!({}).into(),
            execution: ExecutionNames::new("exe_1", "0190", "org_1", "a").into(),
            mappings: Mappings::default(),
            beside: Scope::new(),
            transport,
            clock,
            observer: &self.notes,
        }
    }

    /// What came of it with these answers, and what was sent.
    async fn goes_on(&self, plays: Vec<Plays>, from: Option<Checkpoint>) -> (Result<Json, Failure>, Vec<String>) {
        let clock = TestClock(Mutex::new("2026-11-25T09:00:00Z".parse().unwrap()));
        let provider = Provider {
            clock: &clock,
            takes: Duration::from_secs(1),
            plays: Mutex::new(plays.into()),
            seen: Mutex::default(),
            under_way: Mutex::default(),
            timeouts: Mutex::default(),
        };
        let ran = match from {
            None => begin(self.run(&provider, &clock)).await,
            Some(checkpoint) => resume(self.run(&provider, &clock), checkpoint).await,
        };
        assert_eq!(provider.plays.lock().unwrap().len(), 0, "answers that nobody asked for");
        let Ran::Ended(result) = ran else { panic!("{ran:?}") };
        (result, provider.seen.into_inner().unwrap())
    }

    /// The doubt in which it ends with these answers, and its failure.
    async fn doubts(&self, plays: Vec<Plays>) -> (Doubt, Failure) {
        let (result, _) = self.goes_on(plays, None).await;
        let failure = result.unwrap_err();
        assert_eq!(failure.code, Code::UnknownOutcome, "{failure:?}");
        (self.notes.0.lock().unwrap().take().expect("the provider may tell"), failure)
    }

    /// What an event tells of it.
    fn told(&self, (doubt, failure): &(Doubt, Failure), event: &Json) -> Option<(bool, Checkpoint)> {
        let clock = TestClock(Mutex::new("2026-11-25T19:00:00Z".parse().unwrap()));
        let run = self.run(&crate::interpreter::Nowhere, &clock);
        told(run, doubt.clone(), failure, event).unwrap().map(|it| (it.happened, it.checkpoint))
    }
}

fn room_and(play: Plays) -> Vec<Plays> {
    vec![answer(201, json!({"id": 4})), play]
}

#[tokio::test]
async fn it_happened_so_what_comes_after_it_is_done() {
    let scene = scene(SECTIONS);
    let process = Process::new(&scene, json!({}));
    let doubt = process.doubts(room_and(lost())).await;
    assert_eq!((doubt.0.step.as_str(), doubt.0.event.name.as_str()), ("pay", "paid"));
    assert_eq!(doubt.0.event.correlate, "room-4");
    let event = json!({"key": "0190", "state": "paid", "id": 7});
    let (happened, checkpoint) = process.told(&doubt, &event).unwrap();
    assert!(happened);
    let (result, seen) = process.goes_on(vec![answer(201, json!({"id": 9}))], Some(checkpoint)).await;
    assert_eq!(seen, [r#"POST /v1/parcels {"payment":7,"at":"2026-11-25T09:00:01Z"}"#], "as its step saw it");
    assert_eq!(result.unwrap(), json!({"parcel": 9}));
}

#[tokio::test]
async fn what_is_told_can_be_taken_back() {
    let scene = scene(SECTIONS);
    let process = Process::new(&scene, json!({}));
    let doubt = process.doubts(room_and(timed_out())).await;
    let (_, checkpoint) = process.told(&doubt, &json!({"key": "0190", "state": "paid", "id": 7})).unwrap();
    let plays = vec![answer(402, json!({})), answer(204, json!(null)), answer(204, json!(null))];
    let (result, seen) = process.goes_on(plays, Some(checkpoint)).await;
    assert_eq!(seen[1..], ["POST /v1/payments/7/refund", "DELETE /v1/rooms/4"]);
    assert_eq!(result.unwrap_err().code, Code::Declined);
}

#[tokio::test]
async fn it_did_not_happen_so_what_came_before_it_is_taken_back() {
    let scene = scene(SECTIONS);
    let process = Process::new(&scene, json!({}));
    let doubt = process.doubts(room_and(answer(503, json!({})))).await;
    let (happened, checkpoint) = process.told(&doubt, &json!({"key": "0190", "state": "denied"})).unwrap();
    assert!(!happened);
    let (result, seen) = process.goes_on(vec![answer(204, json!(null))], Some(checkpoint)).await;
    assert_eq!(seen, ["DELETE /v1/rooms/4"]);
    let failure = result.unwrap_err();
    assert_eq!((failure.code, failure.step.as_deref()), (Code::Unavailable, Some("pay")));
    assert!(
        failure.detail.ends_with("the provider told it later: it did not happen; room was undone"),
        "{}",
        failure.detail
    );
}

#[tokio::test]
async fn what_is_of_another_tells_nothing() {
    let scene = scene(SECTIONS);
    let process = Process::new(&scene, json!({}));
    let doubt = process.doubts(room_and(lost())).await;
    for other in [json!({"key": "0191", "state": "paid"}), json!({"key": "0190", "state": "open"}), json!(null)] {
        assert!(process.told(&doubt, &other).is_none(), "{other}");
    }
}

#[tokio::test]
async fn a_definite_failure_leaves_no_doubt() {
    let scene = scene(SECTIONS);
    let process = Process::new(&scene, json!({}));
    let plays = [room_and(answer(402, json!({}))), vec![answer(204, json!(null))]].concat();
    assert_eq!(process.goes_on(plays, None).await.0.unwrap_err().code, Code::Declined);
    assert!(process.notes.0.lock().unwrap().is_none());
}

#[tokio::test]
async fn an_action_of_one_request_comes_to_what_is_told() {
    let one = SECTIONS.replace("    steps:\n", "").split("      - id: room").next().unwrap().to_owned()
        + "    input: {order: {type: string}}
    request: {method: POST, path: /payments, body: {order: '{{ input.order }}'}}
    told_by: {event: paid, for: '{{ input.order }}', output: {payment: '{{ event.id }}', order: '{{ input.order }}'}}
    output: {payment: $.id, order: '{{ answer.body.order }}'}
";
    for (text, output) in [
        (one.clone(), json!({"payment": 7, "order": "o1"})),
        (one.replace(", output: {payment: '{{ event.id }}', order: '{{ input.order }}'}}", "}"), json!({"id": 7})),
    ] {
        let scene = scene(&text);
        let process = Process::new(&scene, json!({"order": "o1"}));
        let doubt = process.doubts(vec![lost()]).await;
        let (happened, checkpoint) = process.told(&doubt, &json!({"id": 7})).unwrap();
        assert!(happened);
        let (result, seen) = process.goes_on(vec![], Some(checkpoint)).await;
        assert_eq!((result.unwrap(), seen.len()), (output, 0));
    }
}

#[tokio::test]
async fn of_several_rounds_each_is_told_of_by_itself() {
    let rounds = SECTIONS.split("    steps:\n").next().unwrap().to_owned()
        + "    input: {guests: {type: array, items: {type: string}}}
    steps:
      - id: seat
        each: '{{ input.guests }}'
        concurrency: 2
        request: {method: POST, path: /seats, body: {guest: '{{ item }}'}}
        told_by: {event: paid, for: 'seat-{{ item }}', output: {id: '{{ event.id }}'}}
        output: {id: $.id}
    output: '{{ steps.seat }}'
";
    let scene = scene(&rounds);
    let process = Process::new(&scene, json!({"guests": ["x", "y", "z"]}));
    let first = process.doubts(vec![lost(), lost()]).await;
    assert_eq!((first.0.step.as_str(), first.0.event.correlate.as_str()), ("seat[0]", "seat-x"));
    let (_, checkpoint) = process.told(&first, &json!({"id": 1})).unwrap();
    let (result, seen) = process.goes_on(vec![], Some(checkpoint)).await;
    let failure = result.unwrap_err();
    let second = (process.notes.0.lock().unwrap().take().unwrap(), failure);
    assert_eq!((second.0.step.as_str(), second.0.event.correlate.as_str()), ("seat[1]", "seat-y"));
    assert!(seen.is_empty(), "the second is still in doubt");
    let (_, checkpoint) = process.told(&second, &json!({"id": 2})).unwrap();
    let (result, seen) = process.goes_on(vec![answer(201, json!({"id": 3}))], Some(checkpoint)).await;
    assert_eq!(seen, [r#"POST /v1/seats {"guest":"z"}"#]);
    assert_eq!(result.unwrap(), json!([{"id": 1}, {"id": 2}, {"id": 3}]));
}

#[tokio::test]
async fn a_called_action_is_told_of_too() {
    let called = SECTIONS.replace("  act:\n", "  pay_room:\n")
        + "  act:
    title: Act
    describe: Does what there is to do in the shop.
    effect: money
    steps:
      - id: inner
        call: {action: pay_room}
    output: {parcel: '{{ steps.inner.parcel }}'}
";
    let scene = scene(&called);
    let process = Process::new(&scene, json!({}));
    let doubt = process.doubts(room_and(lost())).await;
    assert_eq!(doubt.0.step, "inner/pay");
    assert!(process.told(&doubt, &json!({"key": "0190", "state": "paid"})).is_none(), "it has a key of its own");
    let key = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, b"0190/inner").to_string();
    let (_, checkpoint) = process.told(&doubt, &json!({"key": key, "state": "paid", "id": 7})).unwrap();
    let (result, seen) = process.goes_on(vec![answer(201, json!({"id": 9}))], Some(checkpoint)).await;
    assert_eq!((result.unwrap(), seen.len()), (json!({"parcel": 9}), 1));
}
