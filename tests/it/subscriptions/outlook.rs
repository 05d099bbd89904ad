//! An address that is asked first, notifications that each name a secret, and a subscription that is prolonged.

use serde_json::{Value as Json, json};

use super::{Bench, Provider, clock, text};
use crate::{
    fakes::{Delivery, outlook, outlook::Outlook},
    harness::calendar::tuesday,
};

async fn bench() -> (Bench, Outlook) {
    let clock = clock();
    let outlook = Outlook::start(clock.clone()).await;
    let url = outlook.server.url().to_owned();
    let origins = ["https://login.microsoftonline.com", "https://graph.microsoft.com"];
    let (id, secret) = outlook::client();
    let courier = outlook.world().courier.clone();
    let bench = Bench::connect(Provider {
        connector: "outlook",
        origins: origins.map(|it| (it, url.clone())).into(),
        account: ("microsoft", id, secret),
        fields: json!({"tenant": "contoso.example"}),
        scopes: &["Calendars.ReadWrite"],
        courier,
        clock,
    })
    .await;
    (bench, outlook)
}

/// A delivery of these, to the address that the provider was given.
fn delivery(outlook: &Outlook, notifications: &[Json]) -> Delivery {
    outlook.world().subscriptions[0].delivery(notifications)
}

#[tokio::test]
async fn an_address_that_answers_is_told_of_changes() {
    let (bench, outlook) = bench().await;
    let webhook = bench.subscribed().await;
    assert!((5.9..6.1).contains(&bench.days_left(&webhook)), "{webhook:#}");
    let asked = outlook.world().subscriptions[0].fields.clone();
    assert_eq!((&asked["notificationUrl"], &asked["resource"]), (&webhook["url"], &json!("me/events")));
    let secret = text(&asked["clientState"]);
    assert_eq!(secret.len(), 43);
    bench.keeps(&secret);

    let id = outlook.world().add_event(&tuesday("10:00"), &tuesday("10:30"));
    let sent = bench.courier.sent(1).await;
    assert_eq!(sent[0].1, 202);
    let told = bench.told(1).await;
    let start: jiff::Timestamp = tuesday("10:00").parse().unwrap();
    let (event, output) = &told[0];
    assert_eq!(
        (event.as_str(), &output["event_id"], &output["change"]),
        ("appointment_changed", &json!(id), &json!("created"))
    );
    assert_eq!(text(&output["start"]).parse::<jiff::Timestamp>().unwrap(), start, "{output:#}");
    assert_eq!(outlook.server.count("GET", "/me/events/"), 1, "it was asked what it is now");
    assert_eq!(bench.deliver(&sent[0].0).await, 202, "the same again");

    outlook.world().remove_event(&id);
    let told = bench.told(2).await;
    assert_eq!(told[1], ("appointment_deleted".to_owned(), json!({"event_id": id, "change": "deleted"})));
    bench.keeps(&secret);

    bench.disconnect(&sent[0].0).await;
    assert!(outlook.world().subscriptions.is_empty(), "it was removed");
}

#[tokio::test]
async fn each_notification_is_believed_alone() {
    let (bench, outlook) = bench().await;
    bench.subscribed().await;
    let event = outlook.world().add_event(&tuesday("10:00"), &tuesday("10:30"));
    bench.told(1).await;
    let own = outlook.world().subscriptions[0].notification("deleted", "AAMkOwn=", None);
    let mut others = outlook.world().subscriptions[0].notification("deleted", "AAMkOthers=", None);
    others["clientState"] = "another-secret".into();
    let mut unsigned = others.clone();
    unsigned.as_object_mut().unwrap().remove("clientState");
    for forged in [others.clone(), unsigned.clone()] {
        assert_eq!(bench.deliver(&delivery(&outlook, &[forged])).await, 401);
    }
    assert_eq!(bench.deliver(&delivery(&outlook, &[])).await, 401, "nothing is nobody's");
    assert_eq!(bench.deliver(&delivery(&outlook, &[others, own, unsigned])).await, 202);
    let told = bench.told(2).await;
    assert_eq!(told[1].1["event_id"], "AAMkOwn=", "{event} and this only");
}

#[tokio::test]
async fn it_is_prolonged_before_it_ends_and_made_anew_if_it_is_gone() {
    let (mut bench, outlook) = bench().await;
    bench.subscribed().await;
    let secret = text(&outlook.world().subscriptions[0].fields["clientState"]);
    let is_long = |ours: jiff::Timestamp| {
        move |it: &Json| {
            let end = it["expires_at"].as_str().and_then(|it| it.parse::<jiff::Timestamp>().ok());
            end.is_some_and(|end| end.duration_since(ours).as_hours() > 5 * 24)
        }
    };
    for made in [1, 2] {
        bench.days_pass(5).await;
        if made == 2 {
            assert_eq!(outlook.server.count("PATCH", "/subscriptions/"), 1);
            // as it is when the provider has lost it
            outlook.world().subscriptions.clear();
        }
        bench.webhook(is_long(closeloop::base::Clock::now(&bench.ours))).await;
        assert_eq!(outlook.server.count("POST", "/v1.0/subscriptions"), made);
        let world = outlook.world();
        assert_eq!((world.subscriptions.len(), &world.subscriptions[0].fields["clientState"]), (1, &json!(secret)));
    }
    outlook.world().add_event(&tuesday("10:00"), &tuesday("10:30"));
    bench.told(1).await;
}

#[tokio::test]
async fn who_can_not_be_subscribed_is_told_why() {
    let (mut bench, outlook) = bench().await;
    bench.subscribed().await;
    let scopes = ["Calendars.ReadWrite"];
    let first = bench.connection.clone();
    bench.connection =
        bench.app.client.connect_by_consent("outlook", json!({"tenant": "contoso.example"}), &scopes).await;
    let problem = bench.problem().await;
    assert!(problem.contains("409"), "{problem}");

    bench.connection = first;
    // where nobody answers the provider
    outlook.world().subscriptions.clear();
    bench.courier.find_engine("http://127.0.0.1:9");
    bench.connection =
        bench.app.client.connect_by_consent("outlook", json!({"tenant": "contoso.example"}), &scopes).await;
    let problem = bench.problem().await;
    assert!(problem.contains("400"), "{problem}");
    assert!(outlook.world().subscriptions.is_empty());
}
