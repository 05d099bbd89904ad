//! CRM's notifications: channels that live for a week at most, and are told ids, not records.

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::{Shared, World, answer, crm::authorise, crm_error};
use crate::fakes::{self, Delivery, param};

/// Whoever asks for more than a week, or for nothing, gets an hour.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Who is told.
pub(crate) struct Channel {
    pub(crate) id: String,
    pub(crate) expires: Timestamp,
    /// `Leads.all`
    events: Vec<String>,
    token: String,
    url: String,
}

/// `actions/watch`: the verdict on each channel stands in the body.
pub(super) async fn watch(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    answer(authorise(&world, &headers).and_then(|()| {
        let asked: Json = serde_json::from_str(&body).unwrap_or_default();
        let asked = &asked["watch"][0];
        let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
        let invalid = |name: &str| crm_error(400, "INVALID_DATA", &format!("invalid {name}"));
        let (id, token, url) = (text("channel_id"), text("token"), text("notify_url"));
        if id.parse::<i64>().is_err() {
            return Err(invalid("channel_id"));
        }
        if token.len() > 50 {
            return Err(invalid("token"));
        }
        if !url.starts_with("https://") {
            return Err(invalid("notify_url"));
        }
        let now = world.now();
        let asked_end = text("channel_expiry").parse::<Timestamp>().ok().filter(|it| it.duration_since(now) <= LONGEST);
        let expires = asked_end.unwrap_or(now + SignedDuration::from_hours(1));
        let events: Vec<String> =
            asked["events"].as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect();
        let shown: Vec<Json> = events.iter().map(|event| {
            let module = event.split('.').next().unwrap_or_default();
            json!({
                "channel_expiry": expires.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(), "channel_id": id,
                "resource_uri": format!("https://www.zohoapis.eu/crm/v8/{module}"), "resource_id": "5550100000002175",
                "resource_name": module,
            })
        }).collect();
        world.channels.retain(|it| it.id != id);
        world.channels.push(Channel { id, expires, events, token, url });
        let message = "Successfully subscribed for actions-watch of the given module";
        let verdict = json!({"code": "SUCCESS", "details": {"events": shown}, "message": message, "status": "success"});
        Ok(fakes::json(201, &json!({"watch": [verdict]})))
    }))
}

/// `DELETE actions/watch?channel_ids=`
pub(super) async fn stop(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = fakes::pairs(&query.unwrap_or_default());
    let mut world = shared.world();
    answer(authorise(&world, &headers).and_then(|()| {
        let id = param(&query, "channel_ids").unwrap_or_default();
        let before = world.channels.len();
        world.channels.retain(|it| it.id != id);
        if world.channels.len() == before {
            return Err(crm_error(400, "NOT_SUBSCRIBED", "channel is not subscribed"));
        }
        let verdict =
            json!({"code": "SUCCESS", "details": {}, "message": "Successfully un-subscribed", "status": "success"});
        Ok(fakes::json(200, &json!({"watch": [verdict]})))
    }))
}

impl World {
    /// Tells everybody who wants to know that a record was written.
    pub(super) fn tell(&mut self, module: &str, operation: &str, id: &str) {
        let now = self.now();
        self.channels.retain(|it| it.expires > now);
        for it in self.channels.iter().filter(|it| it.events.iter().any(|it| *it == format!("{module}.all"))) {
            self.courier.post(it.delivery(module, operation, id, now));
        }
    }
}

impl Channel {
    /// What is sent of a record.
    pub(crate) fn delivery(&self, module: &str, operation: &str, id: &str, at: Timestamp) -> Delivery {
        let body = json!({
            "module": module, "operation": operation, "ids": [id], "channel_id": self.id, "token": self.token,
            "resource_uri": format!("https://www.zohoapis.eu/crm/v8/{module}"), "query_params": {}, "affected_fields": [],
            "affected_values": [], "server_time": at.as_millisecond(),
        });
        let headers = vec![("content-type", "application/json".to_owned())];
        Delivery { url: self.url.clone(), headers, body: body.to_string() }
    }
}
