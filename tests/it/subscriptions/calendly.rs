//! Deliveries that are signed with the app's key over what was sent and when.

use closeloop::base::Clock as _;
use serde_json::{Value as Json, json};

use super::{Bench, Provider, clock, text};
use crate::{
    fakes::{
        Delivery, calendly,
        calendly::{Calendly, SIGNING_KEY, signed},
    },
    harness::calendar::{booking, tuesday},
};

/// Connected with the app's signing key, or without.
async fn bench(fields: Json, paid_plan: bool) -> (Bench, Calendly) {
    let clock = clock();
    let calendly = Calendly::start(clock.clone()).await;
    let courier = {
        let mut world = calendly.world();
        world.open.push(tuesday("10:00").parse().unwrap());
        world.paid_plan = paid_plan;
        world.courier.clone()
    };
    let url = calendly.server.url().to_owned();
    let origins = ["https://auth.calendly.com", "https://api.calendly.com"];
    let (id, secret) = calendly::client();
    let bench = Bench::connect(Provider {
        connector: "calendly",
        origins: origins.map(|it| (it, url.clone())).into(),
        account: ("calendly", id, secret),
        fields,
        scopes: &[
            "users:read",
            "event_types:read",
            "scheduled_events:write",
            "scheduling_links:write",
            "webhooks:write",
        ],
        courier,
        clock,
    })
    .await;
    (bench, calendly)
}

fn with_key() -> Json {
    json!({"webhook_signing_key": SIGNING_KEY})
}

/// Books in the chat, and gives what the provider sent of it.
async fn book(bench: &Bench) -> (Json, Delivery) {
    bench.enable("book_appointment", json!({"event_type": Calendly::EVENT_TYPE, "booking": "api"})).await;
    let booked = bench.app.client.output("book_appointment", booking("10:00")).await;
    (booked, bench.courier.sent(1).await[0].0.clone())
}

#[tokio::test]
async fn what_is_booked_and_cancelled_is_told() {
    let (bench, calendly) = bench(with_key(), true).await;
    let webhook = bench.subscribed().await;
    let made = calendly.world().subscriptions[0].clone();
    assert_eq!((&made["callback_url"], &made["scope"]), (&webhook["url"], &json!("user")));
    assert_eq!(made["events"], json!(["invitee.created", "invitee.canceled"]));
    assert!(webhook["expires_at"].is_null(), "it does not end");

    let (booked, delivery) = book(&bench).await;
    let told = bench.told(1).await;
    assert_eq!(told[0].0, "appointment_booked");
    let output = &told[0].1;
    assert_eq!((&output["event_id"], &output["email"]), (&booked["event_id"], &json!("ana.ruiz@example.com")));
    assert_eq!(
        (&output["moved"], text(&output["start"]).parse::<jiff::Timestamp>().unwrap()),
        (&json!(false), tuesday("10:00").parse().unwrap())
    );

    bench.enable("cancel_appointment", json!({})).await;
    bench.app.client.output("cancel_appointment", json!({"event_id": booked["event_id"]})).await;
    let told = bench.told(2).await;
    assert_eq!((told[1].0.as_str(), &told[1].1["by"]), ("appointment_cancelled", &json!("host")));
    assert!(bench.courier.sent(2).await.iter().all(|it| it.1 == 200));
    bench.keeps(SIGNING_KEY);

    bench.disconnect(&delivery).await;
    assert!(calendly.world().subscriptions.is_empty(), "it was removed");
}

#[tokio::test]
async fn what_is_not_signed_just_now_by_the_key_is_not_believed() {
    let (bench, _calendly) = bench(with_key(), true).await;
    bench.subscribed().await;
    let (_, genuine) = book(&bench).await;
    bench.told(1).await;
    let now = bench.ours.now().as_second();
    let again = |key: &str, at: i64| signed(&genuine.url, key, at, genuine.body.replace("/invitees/", "/invitees/X"));
    let name = "calendly-webhook-signature";
    let mut changed = again(SIGNING_KEY, now);
    changed.body = changed.body.replace("Ana Ruiz", "Eve");
    let (_, digest) = genuine.header(name).split_once(',').unwrap();
    let refused = [
        ("another key", again("whsk_other", now)),
        ("no key", again("", now)),
        ("an old one", again(SIGNING_KEY, now - 200)),
        ("one from the future", again(SIGNING_KEY, now + 200)),
        ("another body", changed),
        ("another time", genuine.clone().with(name, &format!("t={},{digest}", now - 5))),
        ("no time", genuine.clone().with(name, digest)),
        ("no signature", genuine.clone().with(name, &format!("t={now}"))),
        ("nothing", genuine.clone().with(name, "")),
    ];
    for (why, delivery) in refused {
        assert_eq!(bench.deliver(&delivery).await, 401, "{why}");
    }
    assert_eq!(bench.deliver(&genuine).await, 200, "the same again is taken, and means nothing");
    assert_eq!(bench.deliver(&again(SIGNING_KEY, now)).await, 200, "what differs means something");
    bench.told(2).await;
    bench.ours.advance(181);
    assert_eq!(bench.deliver(&genuine).await, 401, "the same once its time is over");
}

#[tokio::test]
async fn without_the_key_nothing_is_believed() {
    let (bench, _calendly) = bench(json!({}), true).await;
    bench.subscribed().await;
    let (_, genuine) = book(&bench).await;
    assert_eq!(bench.courier.sent(1).await[0].1, 401);
    assert_eq!(bench.deliver(&signed(&genuine.url, "", bench.ours.now().as_second(), genuine.body)).await, 401);
    bench.told(0).await;
}

#[tokio::test]
async fn a_plan_that_does_not_include_it_is_told_and_tried_again() {
    let (mut bench, calendly) = bench(with_key(), false).await;
    let problem = bench.problem().await;
    assert!(problem.contains("403"), "{problem}");
    calendly.world().paid_plan = true;
    bench.days_pass(1).await;
    bench.subscribed().await;
    assert_eq!(calendly.world().subscriptions.len(), 1);
}
