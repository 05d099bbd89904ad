//! Channels with a number and a token of ours, of whose records only ids are told.

use serde_json::{Value as Json, json};

use super::{Bench, Provider, callback, clock, nothing};
use crate::fakes::{Delivery, Fault, zoho::Zoho};

async fn bench() -> (Bench, Zoho) {
    let clock = clock();
    let zoho = Zoho::start(clock.clone()).await;
    let (account, courier) = {
        let mut world = zoho.world();
        world.redirect_uris.push(callback());
        (world.client(), world.courier.clone())
    };
    let origins = [
        ("https://accounts.zoho.com", &zoho.accounts_us),
        ("https://accounts.zoho.eu", &zoho.accounts_eu),
        ("https://www.zohoapis.eu", &zoho.api),
    ];
    let bench = Bench::connect(Provider {
        connector: "zoho-crm",
        origins: origins.map(|(origin, server)| (origin, server.url().to_owned())).into(),
        account: ("zoho", account.0, account.1),
        fields: nothing(),
        scopes: &[
            "ZohoCRM.notifications.ALL",
            "ZohoCRM.modules.leads.ALL",
            "ZohoCRM.modules.contacts.READ",
            "ZohoCRM.modules.deals.READ",
            "ZohoCRM.coql.READ",
            "ZohoCRM.settings.fields.READ",
            "ZohoCRM.settings.layouts.READ",
        ],
        courier,
        clock,
    })
    .await;
    bench.enable("create_lead", nothing()).await;
    (bench, zoho)
}

async fn create_lead(bench: &Bench, email: &str) -> Json {
    bench.app.client.output("create_lead", json!({"last_name": "Okafor", "email": email})).await["lead_id"].clone()
}

/// Its number, of the only channel.
fn channel(zoho: &Zoho) -> String {
    let world = zoho.world();
    assert_eq!(world.channels.len(), 1);
    world.channels[0].id.clone()
}

/// With another token.
fn forged(it: &Delivery, token: &Json) -> Delivery {
    let mut body: Json = serde_json::from_str(&it.body).unwrap();
    body["token"] = token.clone();
    body["ids"] = json!(["5550100000999999"]);
    Delivery { body: body.to_string(), ..it.clone() }
}

#[tokio::test]
async fn a_channel_tells_which_records_changed() {
    let (bench, zoho) = bench().await;
    let webhook = bench.subscribed().await;
    assert!((5.9..6.1).contains(&bench.days_left(&webhook)), "an hour is what a wrong end gets: {webhook:#}");
    let asked = zoho.api.seen().into_iter().find(|it| it.path.ends_with("/actions/watch")).unwrap().json();
    let asked = &asked["watch"][0];
    assert_eq!((&asked["notify_url"], &asked["channel_id"]), (&webhook["url"], &json!(channel(&zoho))));
    let secret = asked["token"].as_str().unwrap();
    assert_eq!(secret.len(), 43);
    bench.keeps(secret);

    let id = create_lead(&bench, "ines@nordwind.example").await;
    let told = bench.told(1).await;
    assert_eq!(told[0].0, "record_changed");
    let output = &told[0].1;
    assert_eq!(
        (&output["module"], &output["operation"], &output["ids"]),
        (&json!("Leads"), &json!("insert"), &json!([id]))
    );

    let (genuine, status) = bench.courier.sent(1).await[0].clone();
    assert_eq!(status, 200);
    for token in [json!("another-token"), json!(""), json!(null), json!([secret])] {
        assert_eq!(bench.deliver(&forged(&genuine, &token)).await, 401, "{token}");
    }
    assert_eq!(bench.deliver(&genuine).await, 200, "the same again is taken, and means nothing");
    create_lead(&bench, "omar@nordwind.example").await;
    bench.told(2).await;
    bench.keeps(secret);

    bench.disconnect(&genuine).await;
    assert!(zoho.world().channels.is_empty(), "it was deleted");
}

#[tokio::test]
async fn a_new_channel_takes_the_place_of_one_that_ends() {
    let (mut bench, zoho) = bench().await;
    let first = bench.subscribed().await["expires_at"].clone();
    let before = channel(&zoho);
    bench.days_pass(5).await;
    bench.webhook(|it| it["expires_at"] != first && it["problem"].is_null()).await;
    assert_ne!(channel(&zoho), before);
    assert_eq!(zoho.api.count("DELETE", "/actions/watch"), 1);
    create_lead(&bench, "ines@nordwind.example").await;
    bench.told(1).await;
}

#[tokio::test]
async fn a_channel_too_many_tells_nothing_twice() {
    let (mut bench, zoho) = bench().await;
    bench.subscribed().await;
    zoho.api.fail_next("POST", "/actions/watch", Fault::AnswerLost);
    bench.days_pass(5).await;
    bench.problem().await;
    assert_eq!(zoho.world().channels.len(), 2, "the old one, and one that we don't know");
    create_lead(&bench, "ines@nordwind.example").await;
    assert!(bench.courier.sent(2).await.iter().all(|it| it.1 == 200));
    create_lead(&bench, "omar@nordwind.example").await;
    assert!(bench.courier.sent(4).await.iter().all(|it| it.1 == 200));
    bench.told(2).await;
}
