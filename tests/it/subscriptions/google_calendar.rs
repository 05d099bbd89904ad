//! Channels that say in headers that something has changed, and give place to new ones.

use serde_json::{Value as Json, json};

use super::{Bench, Provider, callback, clock, nothing, text};
use crate::{
    fakes::{Fault, google::Google},
    harness::calendar::tuesday,
};

const CALENDAR: &str = "owner@example.com";
const TOKEN: &str = "x-goog-channel-token";

async fn bench() -> (Bench, Google) {
    let clock = clock();
    let google = Google::start(clock.clone()).await;
    let (id, secret, courier) = {
        let mut world = google.world();
        world.redirect_uris.push(callback());
        (world.client_id.clone(), world.client_secret.clone(), world.courier.clone())
    };
    let url = google.server.url().to_owned();
    let origins = ["https://accounts.google.com", "https://oauth2.googleapis.com", "https://www.googleapis.com"];
    let bench = Bench::connect(Provider {
        connector: "google-calendar",
        origins: origins.map(|it| (it, url.clone())).into(),
        account: ("google", id, secret),
        fields: nothing(),
        scopes: &["https://www.googleapis.com/auth/calendar.events"],
        courier,
        clock,
    })
    .await;
    (bench, google)
}

fn add_event(google: &Google, time: &str) -> String {
    let at = |it: &str| json!({"dateTime": tuesday(it)});
    google.world().add_event(CALENDAR, json!({"summary": "Visit", "start": at(time), "end": at("18:00")}))
}

fn channel(google: &Google) -> Json {
    let world = google.world();
    assert_eq!(world.channels.len(), 1);
    world.channels[0].clone()
}

#[tokio::test]
async fn a_channel_says_that_something_changed_and_what_is_asked() {
    let (bench, google) = bench().await;
    let webhook = bench.subscribed().await;
    assert!((6.9..7.1).contains(&bench.days_left(&webhook)), "{webhook:#}");
    let made = channel(&google);
    assert_eq!(made["address"], webhook["url"]);
    let secret = text(&made["token"]);
    assert_eq!((secret.len(), text(&made["id"]).len()), (43, 36));
    bench.keeps(&secret);
    let sent = bench.courier.sent(1).await;
    assert_eq!((sent[0].0.header("x-goog-resource-state"), sent[0].1), ("sync", 204));
    assert_eq!(google.server.count("GET", "/calendars/primary/events"), 0, "that means nothing");

    let id = add_event(&google, "10:00");
    let told = bench.told(1).await;
    let (event, output) = &told[0];
    let listed = output["appointments"].as_array().unwrap();
    assert_eq!((event.as_str(), listed.len()), ("appointments_changed", 1));
    assert_eq!(
        (&listed[0]["event_id"], &listed[0]["title"], &listed[0]["start"]),
        (&json!(id), &json!("Visit"), &json!(tuesday("10:00")))
    );

    let exists = bench.courier.sent(2).await[1].0.clone();
    for forged in ["another-token", ""] {
        let forged = exists.clone().with(TOKEN, forged).with("x-goog-message-number", "99");
        assert_eq!(bench.deliver(&forged).await, 401);
    }
    assert_eq!(bench.deliver(&exists).await, 204, "the same again is taken, and means nothing");
    add_event(&google, "11:00");
    let told = bench.told(2).await;
    assert_eq!(told[1].1["appointments"].as_array().unwrap().len(), 2, "what changed in the last minutes");
    bench.keeps(&secret);

    bench.disconnect(&exists).await;
    assert!(google.world().channels.is_empty(), "it was stopped");
    let stopped = google.server.seen().into_iter().find(|it| it.path.ends_with("/channels/stop")).unwrap().json();
    assert_eq!(stopped, json!({"id": made["id"], "resourceId": made["resourceId"]}));
}

#[tokio::test]
async fn a_new_channel_takes_the_place_of_one_that_ends() {
    let (mut bench, google) = bench().await;
    let first = bench.subscribed().await["expires_at"].clone();
    let before = channel(&google);
    bench.days_pass(6).await;
    bench.webhook(|it| it["expires_at"] != first && it["problem"].is_null()).await;
    let after = channel(&google);
    assert!(after["id"] != before["id"] && after["token"] == before["token"], "{after:#}");
    assert_eq!(google.server.count("POST", "/channels/stop"), 1);
    add_event(&google, "10:00");
    bench.told(1).await;
}

#[tokio::test]
async fn an_answer_that_was_lost_leaves_a_channel_too_many_that_does_no_harm() {
    let (mut bench, google) = bench().await;
    bench.subscribed().await;
    google.server.fail_next("POST", "/events/watch", Fault::AnswerLost);
    bench.days_pass(6).await;
    let problem = bench.problem().await;
    assert!(!problem.is_empty());
    assert_eq!(google.world().channels.len(), 2, "the old one, and one that we don't know");
    bench.days_pass(1).await;
    bench.subscribed().await;
    assert_eq!(google.world().channels.len(), 2, "the new one, and one that we don't know");
    bench.disconnect(&bench.courier.sent(1).await[0].0.clone()).await;
    assert_eq!(google.world().channels.len(), 1, "it ends by itself");
}
