//! Events of sandbox connections: the connector's own, some time after they are waited for.

use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    expr::{EvalError, Scope},
    spec::SandboxEvent,
};

/// What an event of the sandbox hands on to whoever waits for `correlate`; nothing if it is not about that.
///
/// # Errors
/// If its output can't be evaluated.
pub fn pretended(event: &SandboxEvent, correlate: &str, now: Timestamp) -> Result<Option<Json>, EvalError> {
    let mut scope = Scope::new();
    scope.set("correlate", Json::from(correlate));
    scope.set_instant("now", now);
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}/{correlate}", event.event).as_bytes());
    scope.set("id", Json::from(id.to_string()));
    if !event.when.as_ref().is_none_or(|it| it.test(&scope).unwrap_or(false)) {
        return Ok(None);
    }
    event.output.eval(&scope).map(|it| Some(it.unwrap_or_default()))
}
