//! Channels: where the provider says that a calendar has changed. It says nothing by itself here; a test delivers.

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Response, StatusCode},
};
use serde_json::{Value as Json, json};

use super::{
    Shared, events,
    wire::{self, Refusal, refuse},
};
use crate::fakes;

/// `events.watch`: seven days at most, under an id that is given once.
pub(super) async fn watch(
    State(shared): State<Shared>,
    Path(calendar): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    let outcome = (|| {
        events::open(&world, &headers, &events::READ, &calendar)?;
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
        world.channels.push(kept);
        Ok(channel)
    })();
    outcome.map_or_else(|it: Refusal| *it, |it| fakes::json(200, &it))
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
