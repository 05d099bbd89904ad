//! Channels: where the provider says that a calendar has changed, and no more than that.

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Response, StatusCode},
};
use serde_json::{Value as Json, json};

use super::{
    Shared, World, events,
    wire::{self, refuse},
};
use crate::fakes::Delivery;

/// `events.watch`: seven days at most, under an id that is given once.
pub(super) async fn watch(
    State(shared): State<Shared>,
    Path(calendar): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    let outcome = (|| {
        let calendar = events::open(&world, &headers, &events::READ, &calendar)?;
        let asked: Json = serde_json::from_str(&body).unwrap_or_default();
        let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
        let id = text("id");
        if id.is_empty() || id.len() > 64 || text("type") != "web_hook" || text("token").len() > 256 {
            return Err(refuse(400, "global", "invalid", "Invalid channel."));
        }
        if !text("address").starts_with("https://") {
            let message = format!("WebHook callback must be HTTPS: {}", text("address"));
            return Err(refuse(400, "global", "push.webhookUrlNotHttps", &message));
        }
        if world.channels.iter().any(|it| it["id"] == id.as_str()) {
            return Err(refuse(400, "global", "channelIdNotUnique", &format!("Channel id {id} not unique")));
        }
        let ttl = asked["params"]["ttl"].as_str().and_then(|it| it.parse::<i64>().ok()).unwrap_or(604_800);
        let ends = world.now().as_millisecond() + ttl.min(604_800) * 1000;
        let channel = json!({
            "kind": "api#channel", "id": id, "resourceId": format!("o3hgv{}", world.next()), "resourceUri": "https://www.googleapis.com/calendar",
            "token": text("token"), "expiration": ends.to_string(),
        });
        let mut kept = channel.clone();
        kept["address"] = text("address").into();
        kept["calendar"] = calendar.into();
        kept["number"] = 0.into();
        world.channels.push(kept);
        // it may come before the answer
        let latest = world.channels.len() - 1;
        world.post(latest, "sync");
        Ok(channel)
    })();
    wire::answered(outcome)
}

/// `channels.stop`
pub(super) async fn stop(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    if let Err(refusal) = wire::authorise(&world, &headers, &events::READ) {
        return *refusal;
    }
    let asked: Json = serde_json::from_str(&body).unwrap_or_default();
    let before = world.channels.len();
    world.channels.retain(|it| it["id"] != asked["id"] || it["resourceId"] != asked["resourceId"]);
    if world.channels.len() == before {
        return *refuse(404, "global", "notFound", "Channel not found");
    }
    Response::builder().status(StatusCode::NO_CONTENT).body(Body::empty()).expect("a status makes an answer")
}

impl World {
    /// Says at every channel of a calendar that something in it has changed.
    pub(super) fn tell(&mut self, calendar: &str) {
        let now = self.now().as_millisecond();
        self.channels
            .retain(|it| it["expiration"].as_str().and_then(|it| it.parse().ok()).is_some_and(|it: i64| it > now));
        for index in 0..self.channels.len() {
            if self.channels[index]["calendar"] == calendar {
                self.post(index, "exists");
            }
        }
    }

    /// All of it stands in the headers.
    fn post(&mut self, index: usize, state: &str) {
        let channel = &mut self.channels[index];
        // numbers have gaps
        let number = channel["number"].as_u64().map_or(1, |it| if it == 0 { 1 } else { it + 2 });
        channel["number"] = number.into();
        let text = |name: &str| channel[name].as_str().unwrap_or_default().to_owned();
        let headers = vec![
            ("x-goog-channel-id", text("id")),
            ("x-goog-channel-token", text("token")),
            ("x-goog-channel-expiration", text("expiration")),
            ("x-goog-message-number", number.to_string()),
            ("x-goog-resource-id", text("resourceId")),
            ("x-goog-resource-state", state.to_owned()),
            ("x-goog-resource-uri", text("resourceUri")),
        ];
        self.courier.post(Delivery { url: text("address"), headers, body: String::new() });
    }
}
