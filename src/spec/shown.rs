//! What `connection` shows of what is filled in to sign in.

use serde_json::{Map, Value as Json};

use super::Account;

impl Account {
    /// The fields that aren't secret, each with its own type, and the defaults of those that are left out.
    pub fn shown(&self, given: Json) -> Map<String, Json> {
        let Json::Object(mut all) = self.fields.with_defaults(given) else { return Map::new() };
        all.retain(|name, _| self.fields.get(name).is_some() && !self.secret_fields.contains(name));
        all
    }

    /// The same of texts, as cases give them.
    pub(crate) fn shown_of_texts(&self, given: &[(String, String)]) -> Map<String, Json> {
        let typed = |name: &str, text: &str| {
            let is_text = self.fields.get(name).is_none_or(|it| it["type"] == "string");
            let read = || serde_json::from_str(text).ok().filter(|it: &Json| it.is_boolean() || it.is_number());
            if is_text { None } else { read() }.unwrap_or_else(|| Json::from(text))
        };
        self.shown(given.iter().map(|(name, text)| (name.clone(), typed(name, text))).collect())
    }
}
