//! What an execution is known by: `execution` in expressions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::expr::{Lazy, Scope};

/// Few expressions ask for it, so what they see of it is made when they do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecutionNames {
    /// Ours. Absent, like the next, where nothing that could be told apart is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The same whenever the same call is repeated, also in another process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// The chatbot's own name of the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

impl ExecutionNames {
    /// Of an execution that an agent asked for.
    pub fn new(
        id: impl Into<String>,
        key: impl Into<String>,
        org: impl Into<String>,
        agent: impl Into<String>,
    ) -> Self {
        Self { id: Some(id.into()), key: Some(key.into()), org: Some(org.into()), agent: Some(agent.into()) }
    }

    /// Of what is done for an org, and for no agent.
    pub fn of_org(org: impl Into<String>) -> Self {
        Self { org: Some(org.into()), ..Self::default() }
    }

    /// The same execution with a key of its own for the action that `step` calls, because two calls of one action must not
    /// look like one write to the provider. It is the same again when the execution is repeated.
    pub(super) fn inside(&self, step: &str) -> Self {
        let key = self.key.as_ref().map(|it| {
            let text = format!("{it}/{step}");
            Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()).to_string()
        });
        Self { key, ..self.clone() }
    }

    /// Makes `execution` mean it.
    pub(super) fn set(self: &Arc<Self>, scope: &mut Scope) {
        scope.set_lazy("execution", Arc::<Self>::clone(self));
    }
}

impl Lazy for ExecutionNames {
    fn names(&self) -> Vec<&str> {
        vec!["id", "key", "org", "agent"]
    }

    fn part(&self, name: &str) -> Option<Arc<Json>> {
        let part = match name {
            "id" => &self.id,
            "key" => &self.key,
            "org" => &self.org,
            "agent" => &self.agent,
            _ => return None,
        };
        part.as_deref().map(|it| Json::from(it).into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_kept_and_seen_as_its_parts() {
        let whole = json!({"id": "exe_1", "key": "k", "org": "org_1", "agent": "a"});
        let names = Arc::new(ExecutionNames::new("exe_1", "k", "org_1", "a"));
        assert_eq!(json!(*names), whole);
        assert_eq!(serde_json::from_value::<ExecutionNames>(whole.clone()).unwrap(), *names);
        for name in names.names() {
            assert_eq!(*names.part(name).unwrap(), whole[name]);
        }
        assert_eq!(json!(ExecutionNames::of_org("org_1")), json!({"org": "org_1"}));
    }

    #[test]
    fn a_called_action_has_a_key_of_its_own() {
        let outer = ExecutionNames::new("exe_1", "k", "org_1", "a");
        let [one, again, other] = ["one", "one", "other"].map(|step| outer.inside(step));
        assert_eq!(one, again);
        assert!(one.key != other.key && one.key != outer.key && one.id == outer.id);
        assert_eq!(ExecutionNames::of_org("org_1").inside("one").key, None);
    }
}
