//! Subscriptions: who is told of bookings, in deliveries that are signed.

use aws_lc_rs::hmac;
use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Response, StatusCode},
};
use serde_json::{Value as Json, json};

use super::{
    API, Refusal, SIGNING_KEY, Shared, World, answer,
    booking::{READ_EVENTS, invalid, not_found, time},
    refuse,
};
use crate::fakes::Delivery;

/// Paid plans only, and an address once.
pub(super) async fn subscribe(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    let outcome = (|| {
        world.allow(&headers, &["webhooks:write"])?;
        world.allow(&headers, READ_EVENTS)?;
        if !world.paid_plan {
            return Err(refuse(403, "Permission Denied", "Please upgrade your Calendly account to Standard"));
        }
        let asked: Json = serde_json::from_str(&body).unwrap_or_default();
        let url = asked["url"].as_str().unwrap_or_default();
        if !url.starts_with("https://") {
            return Err(invalid("url", None, "must be HTTPS"));
        }
        let events = asked["events"].as_array().cloned().unwrap_or_default();
        if events.is_empty() || events.iter().any(|it| *it != "invitee.created" && *it != "invitee.canceled") {
            return Err(invalid("events", None, "is invalid"));
        }
        let (user, organization) =
            (format!("{API}/users/U1AAAAAAAAAAAAAA"), format!("{API}/organizations/O1AAAAAAAAAAAAAA"));
        if asked["scope"] != "user" || asked["user"] != user || asked["organization"] != organization {
            return Err(invalid("scope", None, "is invalid"));
        }
        if world.subscriptions.iter().any(|it| it["callback_url"] == url) {
            return Err(refuse(409, "Already Exists", "Hook with this url already exists"));
        }
        let now = time(world.now());
        let made = json!({
            "uri": format!("{API}/webhook_subscriptions/W{:015}", world.next()), "callback_url": url, "created_at": now,
            "updated_at": now, "retry_started_at": null, "state": "active", "events": events, "scope": "user",
            "organization": organization, "user": user, "creator": user,
        });
        world.subscriptions.push(made.clone());
        Ok(answer(201, &json!({"resource": made})))
    })();
    outcome.unwrap_or_else(|it: Refusal| *it)
}

pub(super) async fn remove(State(shared): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let mut world = shared.world();
    if let Err(refusal) = world.allow(&headers, &["webhooks:write"]) {
        return *refusal;
    }
    let before = world.subscriptions.len();
    world.subscriptions.retain(|it| it["uri"] != format!("{API}/webhook_subscriptions/{id}"));
    if world.subscriptions.len() == before {
        return *not_found();
    }
    let mut done = Response::new(Body::empty());
    *done.status_mut() = StatusCode::NO_CONTENT;
    done
}

impl World {
    /// Tells everybody who wants to know.
    pub(super) fn tell(&self, event: &str, payload: &Json) {
        let body = json!({"event": event, "created_at": time(self.now()), "created_by": format!("{API}/users/U1AAAAAAAAAAAAAA"), "payload": payload});
        for it in &self.subscriptions {
            if it["events"].as_array().is_some_and(|it| it.iter().any(|it| it == event)) {
                let url = it["callback_url"].as_str().unwrap_or_default();
                self.courier.post(signed(url, SIGNING_KEY, self.now().as_second(), body.to_string()));
            }
        }
    }
}

/// A delivery signed with a key, at a time.
pub(crate) fn signed(url: &str, key: &str, seconds: i64, body: String) -> Delivery {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let signature = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let signature: String = signature.as_ref().iter().map(|it| format!("{it:02x}")).collect();
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("calendly-webhook-signature", format!("t={seconds},v1={signature}")),
    ];
    Delivery { url: url.to_owned(), headers, body }
}

#[test]
fn it_signs_as_the_documented_example() {
    let body = r#"{"event":"invitee.created","created_at":"2026-12-01T09:00:00.000000Z","created_by":"https://api.calendly.com/users/U1","payload":{"status":"active"}}"#;
    let delivery = signed("", SIGNING_KEY, 1_796_034_000, body.to_owned());
    let expected = "t=1796034000,v1=d85bf84a75a30b2deac001f245eab4eaa1f540edb8a2389afaef558309fb6adb";
    assert_eq!(delivery.header("calendly-webhook-signature"), expected);
}
