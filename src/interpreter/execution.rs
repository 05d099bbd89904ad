//! What an execution is known by: `execution` in expressions.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    base::{ExecutionId, OrgId},
    expr::{Lazy, Scope},
};

/// Few expressions ask for it, so what they see of it is made when they do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecutionNames {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<Name>,
}

/// A text, or what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
enum Name {
    Text(String),
    Execution(ExecutionId),
    Org(OrgId),
    Uuid(Uuid),
}

impl Name {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => text.into(),
            Self::Execution(id) => id.text().into(),
            Self::Org(id) => id.text().into(),
            Self::Uuid(uuid) => uuid.to_string().into(),
        }
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl ExecutionNames {
    /// Of an execution that an agent asked for. The key is the same whenever the same call is repeated, also in another process.
    pub fn called(id: ExecutionId, key: Uuid, org: OrgId, agent: impl Into<String>) -> Self {
        let [id, key, org] = [Name::Execution(id), Name::Uuid(key), Name::Org(org)].map(Some);
        Self { id, key, org, agent: Some(Name::Text(agent.into())) }
    }

    /// The same with other texts.
    pub fn new(
        id: impl Into<String>,
        key: impl Into<String>,
        org: impl Into<String>,
        agent: impl Into<String>,
    ) -> Self {
        let [id, key, org, agent] = [id.into(), key.into(), org.into(), agent.into()].map(|it| Some(Name::Text(it)));
        Self { id, key, org, agent }
    }

    /// Of what is done for an org, and for no agent: nothing that could be told apart.
    pub fn of_org(org: OrgId) -> Self {
        Self { org: Some(Name::Org(org)), ..Self::default() }
    }

    /// `execution.id`; empty where there is none.
    pub fn id(&self) -> Cow<'_, str> {
        self.id.as_ref().map(Name::text).unwrap_or_default()
    }

    /// `execution.key`; empty where there is none.
    pub fn key(&self) -> Cow<'_, str> {
        self.key.as_ref().map(Name::text).unwrap_or_default()
    }

    /// The same execution with a key of its own for the action that `step` calls, because two calls of one action must not
    /// look like one write to the provider. It is the same again when the execution is repeated.
    pub(super) fn inside(&self, step: &str) -> Self {
        let key = self.key.as_ref().map(|it| {
            let text = format!("{}/{step}", it.text());
            Name::Uuid(Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()))
        });
        Self { key, ..self.clone() }
    }

    /// Those that it has.
    fn parts(&self) -> impl Iterator<Item = (&'static str, &Name)> {
        let all = [("id", &self.id), ("key", &self.key), ("org", &self.org), ("agent", &self.agent)];
        all.into_iter().filter_map(|(name, part)| Some((name, part.as_ref()?)))
    }

    /// Makes `execution` mean it.
    pub(super) fn set(self: &Arc<Self>, scope: &mut Scope) {
        scope.set_lazy("execution", Arc::<Self>::clone(self));
    }
}

impl Lazy for ExecutionNames {
    fn names(&self) -> Vec<&str> {
        self.parts().map(|(name, _)| name).collect()
    }

    fn part(&self, name: &str) -> Option<Arc<Json>> {
        self.parts().find(|(it, _)| *it == name).map(|(_, part)| Json::from(part.text()).into())
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
        let [execution, org] = ["exe_01h455vb4pex5vsknk084sn02q", "org_01h455vb4pex5vsknk084sn02q"];
        let of_org = ExecutionNames::of_org(org.parse().unwrap());
        assert_eq!(json!(of_org), json!({"org": org}));
        assert_eq!((of_org.key(), of_org.part("key")), ("".into(), None));
        let key = Uuid::from_u128(7);
        let called = ExecutionNames::called(execution.parse().unwrap(), key, org.parse().unwrap(), "a");
        let whole = json!({"id": execution, "key": key.to_string(), "org": org, "agent": "a"});
        assert_eq!((json!(called), called.id(), called.key()), (whole, execution.into(), key.to_string().into()));
    }

    #[test]
    fn a_called_action_has_a_key_of_its_own() {
        let outer = ExecutionNames::new("exe_1", "k", "org_1", "a");
        let [one, again, other] = ["one", "one", "other"].map(|step| outer.inside(step));
        assert_eq!(one, again);
        assert!(one.key() != other.key() && one.key() != outer.key() && one.id() == outer.id());
        assert_eq!(ExecutionNames::default().inside("one").key(), "");
    }
}
