//! What providers send us without being asked: whether it is believed, and what it means. Who receives it, keeps it and hands
//! it on is above; only the keys that a provider publishes are asked for here.

mod believe;
mod keys;
mod proof;
mod reply;
mod sandbox;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value as Json, json};

pub use believe::{Checks, Refused, Unbelieved};
pub use keys::{Asking, KeySets};
pub use reply::{Replied, handshake, reply};
pub use sandbox::pretended;

use crate::{
    base::Clock,
    expr::{EvalError, Scope, Sink},
    spec::{CaseDelivery, Events, ProviderEvent},
    transport::received,
};

/// A delivery as it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Upper case.
    pub method: String,
    /// As the provider has called it, percent-encoded.
    #[serde(default)]
    pub path: String,
    /// Decoded.
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The exact bytes.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub body: Bytes,
}

impl Delivery {
    /// What `request` is in the expressions of `events`.
    fn described(&self) -> Json {
        let mut headers = Map::new();
        for (name, value) in &self.headers {
            match headers.get_mut(name) {
                // Lines of one name are one list (RFC 9110 §5.3).
                Some(Json::String(joined)) => *joined = format!("{joined}, {value}"),
                _ => drop(headers.insert(name.clone(), Json::from(value.as_str()))),
            }
        }
        json!({
            "method": self.method,
            "path": self.path,
            "query": received::grouped(self.query.iter().cloned()),
            "headers": headers,
            "body": self.read(),
            "raw": String::from_utf8_lossy(&self.body),
        })
    }

    /// The body by its content type. JSON is read as such whatever it is called: not all providers name it.
    fn read(&self) -> Json {
        let content_type = self.headers.iter().find(|(name, _)| name == "content-type");
        let read = received::body(content_type.map_or("", |(_, value)| value), &self.body);
        let is_json = self.body.trim_ascii_start().starts_with(b"{") || self.body.trim_ascii_start().starts_with(b"[");
        match &read {
            // a form is what many clients call whatever they send
            Json::String(_) | Json::Object(_) if is_json => serde_json::from_slice(&self.body).unwrap_or(read),
            _ => read,
        }
    }

    /// What expressions see of a delivery to a connection: `request`, `connection`, `subscription` (without its secret) and
    /// `now`; `$` is the body.
    pub fn scope(&self, connection: &Json, subscription: &Json, clock: &dyn Clock) -> Scope {
        let described = self.described();
        let mut scope = Scope::new();
        scope.set_document(described["body"].clone());
        scope.set("request", described);
        scope.set("connection", connection.clone());
        scope.set("subscription", Json::Object(Map::new()));
        for (name, value) in subscription.as_object().into_iter().flatten() {
            scope.set_part("subscription", name.as_str(), value.clone());
        }
        scope.set_instant("now", clock.now());
        scope
    }
}

impl From<&CaseDelivery> for Delivery {
    fn from(it: &CaseDelivery) -> Self {
        let CaseDelivery { method, path, query, headers, body } = it;
        let ([method, path], [query, headers]) = ([method, path].map(Clone::clone), [query, headers].map(Clone::clone));
        Self { method, path, query, headers, body: body.clone().into() }
    }
}

/// One notification of a delivery.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number in the delivery, from 0.
    pub index: usize,
    /// What its expressions see.
    pub scope: Scope,
}

/// The notifications of a delivery: one, or those that `each` finds.
///
/// # Errors
/// If `each` can't be evaluated on it.
pub fn entries(events: &Events, scope: &Scope) -> Result<Vec<Entry>, EvalError> {
    let Some(each) = &events.receive.each else {
        return Ok(vec![Entry { index: 0, scope: scope.clone() }]);
    };
    let items = match each.eval(scope)? {
        Some(Json::Array(items)) => items,
        None | Some(Json::Null) => Vec::new(),
        Some(one) => vec![one],
    };
    Ok(items.into_iter().enumerate().map(|(index, it)| Entry { index, scope: scope.with_item(it, index) }).collect())
}

/// What a notification means.
#[derive(Debug)]
pub struct Recognised<'e> {
    /// Which event it is.
    pub event: &'e ProviderEvent,
    /// The same for every delivery of it; may be empty.
    pub id: String,
}

/// The first type whose `when` holds.
///
/// # Errors
/// If its `id` can't be evaluated.
pub fn recognise<'e>(events: &'e Events, entry: &Entry) -> Result<Option<Recognised<'e>>, EvalError> {
    // A test that this notification has no place for is not about it.
    let is = |event: &&ProviderEvent| event.when.as_ref().is_none_or(|it| it.test(&entry.scope).unwrap_or(false));
    let Some(event) = events.types.values().find(is) else { return Ok(None) };
    Ok(Some(Recognised { event, id: event.id.render(&entry.scope, Sink::Plain)? }))
}

/// What an event's plan came to: what waiting executions know it by, if by anything, and what is handed on.
pub fn understood(mut output: Json) -> (Option<String>, Json) {
    let correlate = output["correlate"].as_str().filter(|it| !it.is_empty()).map(str::to_owned);
    (correlate, output["output"].take())
}

fn to_base64<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(body))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map(Bytes::from).map_err(de::Error::custom)
}

#[cfg(test)]
mod signed_tests;
#[cfg(test)]
mod tests;
