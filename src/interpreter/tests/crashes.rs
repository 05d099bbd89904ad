//! The process dies at every point of a run, and another one goes on from what was kept.

use super::*;
use crate::interpreter::{begin, resume};

/// Where a process dies, at its write of that number (from 0).
#[derive(Debug, Clone, Copy, PartialEq)]
enum Dies {
    /// Before the write is noted: nothing is kept of it.
    Before(usize),
    /// After it is noted and before it is sent.
    Noted(usize),
    /// After it is sent: the provider has it, and its answer is lost.
    Sent(usize),
    /// Never.
    Not,
}

/// Keeps the last checkpoint as a store does: as text.
struct Keeper {
    dies: Dies,
    noted: Mutex<(usize, Option<String>)>,
    dead: Arc<tokio::sync::Notify>,
}

impl Observer for Keeper {
    fn before_write<'a>(&'a self, _: &'a str, _: &'a Request, it: Checkpoint) -> BoxFuture<'a, Result<(), Unsent>> {
        let mut noted = self.noted.lock().unwrap();
        let number = noted.0;
        if self.dies == Dies::Before(number) {
            return Box::pin(std::future::ready(Err(Unsent::Lost)));
        }
        *noted = (number + 1, Some(serde_json::to_string(&it).unwrap()));
        let lost = self.dies == Dies::Noted(number);
        Box::pin(std::future::ready(if lost { Err(Unsent::Lost) } else { Ok(()) }))
    }
}

/// A provider that knows what it was asked before: a write with the key `x-key` of an earlier one changes nothing.
#[derive(Default)]
struct World {
    seen: Mutex<Vec<String>>,
    /// What is there, by path.
    things: Mutex<Vec<String>>,
}

struct Line<'w> {
    world: &'w World,
    keeper: &'w Keeper,
}

impl Transport for Line<'_> {
    fn send<'a>(&'a self, outgoing: Outgoing<'a>) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(async move {
            let Request { method, url, headers, .. } = &*outgoing.request;
            let path = url.path().trim_start_matches("/v1").to_owned();
            let line = format!("{method} {path}");
            self.world.seen.lock().unwrap().push(line);
            let known = headers.iter().find(|(name, _)| name == "x-key").map(|(_, key)| key.clone());
            let thing = known.unwrap_or_else(|| path.clone());
            let status = {
                let mut things = self.world.things.lock().unwrap();
                match method.as_str() {
                    "GET" if things.contains(&thing) => 200,
                    "GET" => 404,
                    "DELETE" if things.contains(&thing) => {
                        things.retain(|it| *it != thing);
                        204
                    }
                    "DELETE" => 404,
                    _ if headers.iter().any(|(name, _)| name == "x-key") && things.contains(&thing) => 200,
                    _ => {
                        things.push(thing);
                        201
                    }
                }
            };
            if method != "GET" {
                let number = self.keeper.noted.lock().unwrap().0 - 1;
                if self.keeper.dies == Dies::Sent(number) {
                    self.keeper.dead.notify_one();
                    std::future::pending::<()>().await;
                }
            }
            tokio::task::yield_now().await;
            let body = json!({"id": path.trim_start_matches('/')}).to_string();
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            Ok(Answer { status, headers, body: body.into(), url: url.clone() })
        })
    }
}

/// What a process that has the execution for a while comes to, and what it kept.
async fn stretch(
    scene: &Scene,
    world: &World,
    clock: &TestClock,
    dies: Dies,
    from: Option<Checkpoint>,
) -> (Option<Ran>, Option<Checkpoint>) {
    let dead = Arc::new(tokio::sync::Notify::new());
    let keeper = Keeper { dies, noted: Mutex::default(), dead: dead.clone() };
    let line = Line { world, keeper: &keeper };
    let run = Run {
        connector: &scene.connector,
        plan: &scene.connector.actions["act"].plan,
        input: scene.input.clone().into(),
        config: json!({}).into(),
        connection: json!({}).into(),
        execution: ExecutionNames::new("exe_1", "0190", "org_1", "a").into(),
        mappings: Mappings::default(),
        beside: Scope::new(),
        transport: &line,
        clock,
        observer: &keeper,
    };
    let before = from.clone();
    let running = async {
        match from {
            None => begin(run).await,
            Some(from) => resume(run, from).await,
        }
    };
    let ran = tokio::select! {
        biased;
        ran = running => Some(ran),
        () = dead.notified() => None,
    };
    let kept = keeper.noted.lock().unwrap().1.take();
    (ran, kept.map(|it| serde_json::from_str(&it).unwrap()).or(before))
}

/// Runs to the end with one death at that point; gives the end, and what was asked in all.
async fn through(scene: &Scene, world: &World, dies: Dies) -> (Result<Json, Failure>, Vec<String>) {
    let clock = TestClock(Mutex::new("2026-11-25T09:00:00Z".parse().unwrap()));
    let (ran, kept) = stretch(scene, world, &clock, dies, None).await;
    let ran = match ran {
        Some(Ran::Ended(result)) => return (result, world.seen.lock().unwrap().clone()),
        Some(Ran::Lost) | None => {
            clock.pass(Duration::from_secs(10));
            stretch(scene, world, &clock, Dies::Not, kept).await.0
        }
        other => panic!("{other:?}"),
    };
    let Some(Ran::Ended(result)) = ran else { panic!("{dies:?}: {ran:?}") };
    (result, world.seen.lock().unwrap().clone())
}

fn deaths(writes: usize) -> Vec<Dies> {
    let at = (0..writes).flat_map(|it| [Dies::Before(it), Dies::Noted(it), Dies::Sent(it)]);
    at.chain([Dies::Not]).collect()
}

const KEYED: &str = "
steps:
  - {id: free, request: {method: GET, path: /calendar}}
  - {id: room, request: {method: POST, path: /rooms, headers: {x-key: '{{ execution.key }}-r', x-at: '{{ now }}'}}, idempotent: true, undo: {method: DELETE, path: /undone, headers: {x-key: '{{ execution.key }}-r'}}}
  - each: '{{ input.tags }}'
    id: seat
    request: {method: POST, path: '/seats/{{ item }}', headers: {x-key: '{{ execution.key }}-{{ item }}'}}
    idempotent: true
  - {id: pay, request: {method: POST, path: /payments}, verify: {method: GET, path: /payments}}
output: {room: '{{ steps.room.id }}', seats: '{{ steps.seat | length }}', pay: '{{ steps.pay.id }}'}
";

fn keyed() -> Scene {
    act(KEYED).input(json!({"tags": ["x", "y"]}))
}

#[tokio::test]
async fn wherever_it_dies_everything_happens_once_and_the_output_is_the_same() {
    for dies in deaths(4) {
        let world = World { things: Mutex::new(vec!["/calendar".to_owned()]), ..World::default() };
        let (result, seen) = through(&keyed(), &world, dies).await;
        let expected = json!({"room": "rooms", "seats": 2, "pay": "payments"});
        assert_eq!(result.as_ref().ok(), Some(&expected), "{dies:?} {result:?}");
        let things = world.things.lock().unwrap().clone();
        assert_eq!(things, ["/calendar", "0190-r", "0190-x", "0190-y", "/payments"], "{dies:?} {seen:?}");
    }
}

#[tokio::test]
async fn what_has_ended_is_not_asked_again_and_reads_behind_it_are() {
    let steps = "
steps:
  - {id: look, request: {method: GET, path: /a}}
  - {id: one, request: {method: POST, path: /one, headers: {x-key: one}}, idempotent: true}
  - {id: see, request: {method: GET, path: /b}}
  - {id: two, request: {method: POST, path: /two, headers: {x-key: two}}, idempotent: true}
output: '{{ steps.look.id }} {{ steps.see.id }}'
";
    let world = || World { things: Mutex::new(vec!["/a".into(), "/b".into()]), ..World::default() };
    let (all, it) = (["GET /a", "POST /one", "GET /b", "POST /two"], world());
    let (result, seen) = through(&act(steps), &it, Dies::Sent(1)).await;
    assert_eq!(
        (result.unwrap(), seen),
        (json!("a b"), [&all[..], &["POST /two"]].concat().into_iter().map(String::from).collect::<Vec<_>>())
    );
    let it = world();
    let (_, seen) = through(&act(steps), &it, Dies::Sent(0)).await;
    assert_eq!(seen, ["GET /a", "POST /one", "POST /one", "GET /b", "POST /two"]);
}

#[tokio::test]
async fn a_write_that_can_be_neither_repeated_nor_verified_is_left_to_a_person() {
    let steps = "
steps:
  - {id: room, request: {method: POST, path: /rooms}, undo: {method: DELETE, path: /rooms}}
  - {id: pay, request: {method: POST, path: /payments}}
output: 1
";
    for dies in deaths(2) {
        let world = World::default();
        let (result, seen) = through(&act(steps), &world, dies).await;
        let posts = |path: &str| seen.iter().filter(|it| **it == format!("POST {path}")).count();
        assert!(posts("/rooms") <= 1 && posts("/payments") <= 1, "{dies:?} {seen:?}");
        match dies {
            // what nobody noted is not sent, and is simply done, or done by whoever calls again
            Dies::Not | Dies::Before(0) => assert_eq!(result, Ok(json!(1))),
            _ => {
                let failure = result.unwrap_err();
                assert_eq!(failure.code, Code::UnknownOutcome, "{dies:?}");
                assert!(failure.detail.contains("the engine stopped while it was on its way"), "{}", failure.detail);
                assert!(!seen.iter().any(|it| it.starts_with("DELETE")), "{dies:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_idempotent_write_is_not_repeated_when_the_provider_may_have_forgotten_it_or_it_would_be_another() {
    let steps = "
request: {method: POST, path: /orders, headers: {x-key: '{{ input.name }}'}}
idempotent: true
";
    let (scene, world) = (act(steps).input(json!({"name": "k"})), World::default());
    let clock = TestClock(Mutex::new("2026-11-25T09:00:00Z".parse().unwrap()));
    let (ran, kept) = stretch(&scene, &world, &clock, Dies::Sent(0), None).await;
    assert!(ran.is_none());
    let other = act(steps).input(json!({"name": "l"}));
    let (ran, _) = stretch(&other, &world, &clock, Dies::Not, kept.clone()).await;
    assert!(matches!(ran, Some(Ran::Ended(Err(it))) if it.code == Code::UnknownOutcome), "another request");
    clock.pass(super::super::again::REMEMBERED + Duration::from_secs(1));
    let (ran, _) = stretch(&scene, &world, &clock, Dies::Not, kept).await;
    assert!(matches!(ran, Some(Ran::Ended(Err(it))) if it.code == Code::UnknownOutcome), "too late");
    assert_eq!(*world.seen.lock().unwrap(), ["POST /orders"]);
}

const UNDONE: &str = "
steps:
  - {id: room, request: {method: POST, path: /rooms, headers: {x-key: /rooms}}, idempotent: true, undo: {method: DELETE, path: /rooms}}
  - {id: seat, request: {method: POST, path: /seats, headers: {x-key: /seats}}, idempotent: true, undo: {method: DELETE, path: /seats}}
  - {id: pay, fail: {as: declined}}
output: 1
";

#[tokio::test]
async fn taking_back_runs_to_its_end_wherever_it_dies() {
    for dies in deaths(4) {
        let world = World::default();
        let (result, seen) = through(&act(UNDONE), &world, dies).await;
        let failure = result.unwrap_err();
        assert_eq!((failure.code, failure.step.as_deref()), (Code::Declined, Some("pay")), "{dies:?} {failure:?}");
        assert!(failure.detail.ends_with("seat was undone; room was undone"), "{dies:?} {}", failure.detail);
        assert_eq!(*world.things.lock().unwrap(), [] as [&str; 0], "{dies:?} {seen:?}");
    }
}

#[tokio::test]
async fn taking_back_by_a_request_that_can_not_be_repeated_is_told_and_the_rest_is_taken_back() {
    let steps = UNDONE.replace("undo: {method: DELETE, path: /seats}", "undo: {method: POST, path: /cancel}");
    let world = World::default();
    let (result, seen) = through(&act(&steps), &world, Dies::Sent(2)).await;
    let failure = result.unwrap_err();
    assert_eq!(failure.code, Code::UnknownOutcome);
    assert!(
        failure.detail.contains("seat could NOT be undone: POST https://api.example.com/v1/cancel"),
        "{}",
        failure.detail
    );
    assert!(failure.detail.ends_with("room was undone"), "{}", failure.detail);
    assert_eq!(seen.iter().filter(|it| *it == "POST /cancel").count(), 1);
}

#[tokio::test]
async fn it_goes_on_inside_an_action_that_it_calls_for_each_entry() {
    let scene = || {
        scene(
            "
actions:
  act:
    title: Act
    describe: Books rooms for the customer.
    effect: write
    input: {tags: {type: array}}
    steps:
      - {id: booked, each: '{{ input.tags }}', call: {action: book, input: {name: '{{ item }}'}}}
      - {id: note, request: {method: POST, path: /notes, headers: {x-key: n}}, idempotent: true}
    output: '{{ steps.booked }}'
  book:
    title: Book
    describe: Books a room for the customer.
    effect: write
    input: {name: {type: string}}
    steps:
      - {id: room, request: {method: POST, path: '/rooms/{{ input.name }}', headers: {x-key: '{{ execution.key }}'}}, idempotent: true}
      - {id: bill, request: {method: POST, path: '/bills/{{ input.name }}', headers: {x-key: '{{ execution.key }}-b'}}, idempotent: true}
    output: '{{ steps.room.id }}'
",
        )
        .input(json!({"tags": ["x", "y"]}))
    };
    for dies in deaths(5) {
        let world = World::default();
        let (result, seen) = through(&scene(), &world, dies).await;
        assert_eq!(result, Ok(json!(["rooms/x", "rooms/y"])), "{dies:?}");
        assert_eq!(world.things.lock().unwrap().len(), 5, "{dies:?} {seen:?}");
        let repeated = usize::from(matches!(dies, Dies::Sent(_)));
        let writes = if matches!(dies, Dies::Before(0)) { 5 } else { 5 + repeated };
        // what nobody kept is run again from the last that somebody did
        assert!(seen.len() <= writes + 1, "{dies:?} {seen:?}");
    }
}

#[tokio::test]
async fn of_several_under_way_together_none_is_forgotten() {
    let steps = "
steps:
  - id: seat
    each: '{{ input.tags }}'
    concurrency: 3
    request: {method: POST, path: '/seats/{{ item }}'}
output: 1
";
    let scene = act(steps).input(json!({"tags": ["x", "y", "z"]}));
    let world = World::default();
    let (result, seen) = through(&scene, &world, Dies::Sent(2)).await;
    assert!(matches!(&result, Err(it) if it.code == Code::UnknownOutcome), "{result:?}");
    assert_eq!(seen.len(), 3, "each was sent once: {seen:?}");
}
