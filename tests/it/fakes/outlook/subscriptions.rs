//! Subscriptions: an address is asked whether it wants to be told before it is told of every change.

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::{Refusal, Shared, World, answer, calendars::READ, refuse};
use crate::fakes::{Courier, Delivery, json as respond};

/// Events of a mailbox are told for less than seven days.
const LONGEST: SignedDuration = SignedDuration::from_mins(10_080);

/// Whoever asks for less gets so much.
const SHORTEST: SignedDuration = SignedDuration::from_mins(45);

/// Who is told.
pub(crate) struct Subscription {
    /// As it is answered.
    pub(crate) fields: Json,
    pub(crate) expires: Timestamp,
}

impl Subscription {
    fn shown(&self) -> Json {
        let mut shown = self.fields.clone();
        shown["expirationDateTime"] = self.expires.to_string().into();
        shown
    }
}

/// Nobody is subscribed whose address has not answered first.
pub(super) async fn subscribe(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let asked: Json = serde_json::from_str(&body).unwrap_or_default();
    let checked = shared.world().check(&headers, &asked);
    let expires = match checked {
        Ok(expires) => expires,
        Err(refusal) => return *refusal,
    };
    let courier = shared.world().courier.clone();
    if !wants_it(&courier, asked["notificationUrl"].as_str().unwrap_or_default()).await {
        return *refuse(400, "InvalidRequest", "Subscription validation request failed.");
    }
    let mut world = shared.world();
    let mut fields = asked;
    fields["id"] = format!("7f105c7d-{:012}", world.next()).into();
    fields["creatorId"] = "u1".into();
    let subscription = Subscription { fields, expires };
    let shown = subscription.shown();
    world.subscriptions.push(subscription);
    respond(201, &shown)
}

/// The token is a sentence that has to come back as it is, decoded.
async fn wants_it(courier: &Courier, url: &str) -> bool {
    let token = "Validation: Testing client application reachability for subscription Request-Id: 5f0c+1/2=";
    let mut asked = url::Url::parse(url).expect("the address was checked");
    asked.query_pairs_mut().append_pair("validationToken", token);
    let headers = vec![("content-type", "text/plain; charset=utf-8".to_owned())];
    let delivery = Delivery { url: asked.to_string(), headers, body: String::new() };
    let answered = courier.send(&delivery).await;
    answered.is_some_and(|it| it.status == 200 && it.content_type.starts_with("text/plain") && it.body == token)
}

/// Only the end can be changed.
pub(super) async fn renew(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    let outcome = (|| {
        world.allow(&headers, READ)?;
        let asked: Json = serde_json::from_str(&body).unwrap_or_default();
        let expires = world.end(&asked)?;
        let subscription = world.living(&id)?;
        subscription.expires = expires;
        Ok(answer(200, &subscription.shown()))
    })();
    outcome.unwrap_or_else(|it: Refusal| *it)
}

pub(super) async fn remove(State(shared): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response<Body> {
    let mut world = shared.world();
    let outcome = world.allow(&headers, READ).and_then(|()| world.living(&id).map(drop));
    if let Err(refusal) = outcome {
        return *refusal;
    }
    world.subscriptions.retain(|it| it.fields["id"] != id.as_str());
    let mut done = Response::new(Body::empty());
    *done.status_mut() = axum::http::StatusCode::NO_CONTENT;
    done
}

impl World {
    /// When a subscription would end that is asked for.
    fn check(&mut self, headers: &HeaderMap, asked: &Json) -> Result<Timestamp, Refusal> {
        self.allow(headers, READ)?;
        let text = |name: &str| asked[name].as_str().unwrap_or_default();
        let known = text("changeType").split(',').all(|it| matches!(it, "created" | "updated" | "deleted"));
        if !known || text("resource") != "me/events" || !text("notificationUrl").starts_with("https://") {
            return Err(refuse(400, "InvalidRequest", "The request is invalid."));
        }
        if text("clientState").len() > 128 {
            return Err(refuse(400, "InvalidRequest", "The client state is too long."));
        }
        let expires = self.end(asked)?;
        self.forget_ended();
        let same = |it: &Subscription| ["resource", "changeType"].iter().all(|name| it.fields[*name] == asked[*name]);
        if self.subscriptions.iter().any(same) {
            return Err(refuse(409, "Conflict", "A subscription with the same resource and change types exists."));
        }
        Ok(expires)
    }

    fn end(&self, asked: &Json) -> Result<Timestamp, Refusal> {
        let end = asked["expirationDateTime"].as_str().and_then(|it| it.parse::<Timestamp>().ok());
        let life = end.map(|it| it.duration_since(self.now()));
        match life.filter(|it| *it > SignedDuration::ZERO && *it < LONGEST) {
            Some(life) => Ok(self.now() + life.max(SHORTEST)),
            None => {
                Err(refuse(400, "InvalidRequest", "Subscription expiration can only be 10080 minutes in the future."))
            }
        }
    }

    fn living(&mut self, id: &str) -> Result<&mut Subscription, Refusal> {
        self.forget_ended();
        let found = self.subscriptions.iter_mut().find(|it| it.fields["id"] == id);
        found.ok_or_else(|| refuse(404, "ResourceNotFound", "The object was not found."))
    }

    fn forget_ended(&mut self) {
        let now = self.now();
        self.subscriptions.retain(|it| it.expires > now);
    }

    /// Tells everybody who wants to know that an event has changed. An event that is gone has no version.
    pub(super) fn tell(&mut self, change: &str, id: &str, etag: Option<&str>) {
        self.forget_ended();
        for it in &self.subscriptions {
            if it.fields["changeType"].as_str().is_some_and(|it| it.split(',').any(|it| it == change)) {
                self.courier.post(it.delivery(&[it.notification(change, id, etag)]));
            }
        }
    }
}

impl Subscription {
    /// One notification of it.
    pub(crate) fn notification(&self, change: &str, id: &str, etag: Option<&str>) -> Json {
        let path = format!("Users/u1@t1/Events/{id}");
        let mut data = json!({"@odata.type": "#Microsoft.Graph.Event", "@odata.id": path, "id": id});
        if let Some(etag) = etag {
            data["@odata.etag"] = etag.into();
        }
        json!({
            "id": "n1", "subscriptionId": self.fields["id"], "subscriptionExpirationDateTime": self.expires.to_string(),
            "clientState": self.fields["clientState"], "changeType": change, "resource": path, "tenantId": "t1",
            "resourceData": data,
        })
    }

    /// A delivery of these, to its address.
    pub(crate) fn delivery(&self, notifications: &[Json]) -> Delivery {
        Delivery {
            url: self.fields["notificationUrl"].as_str().unwrap_or_default().to_owned(),
            headers: vec![("content-type", "application/json".to_owned())],
            body: json!({"value": notifications}).to_string(),
        }
    }
}
