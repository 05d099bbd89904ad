//! What a builder fills in to connect: checked, and parted into what is secret and what is not.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use super::{Error, credential::Hidden};
use crate::{base::Secret, spec::Account};

/// Fields that fit their account.
#[derive(Debug)]
pub(super) struct Filled {
    /// All of them as text, for signing.
    pub(super) fields: IndexMap<String, Hidden>,
    /// Those that `connection.<name>` may show, with their own types.
    pub(super) shown: Map<String, Json>,
}

/// Checks what was filled in, with the defaults of what was left out.
pub(super) fn check(account: &Account, mut given: Json) -> Result<Filled, Error> {
    for (name, value) in given.as_object_mut().into_iter().flatten() {
        if let (Some(schema), Json::String(text)) = (account.fields.get(name), value) {
            *text = bare(schema, text).to_owned();
        }
    }
    let accepted = account.fields.accept(given).map_err(Error::Fields)?;
    let Json::Object(given) = accepted else { return Err(Error::Fields(Vec::new())) };
    let fields = given.iter().map(|(name, value)| (name.clone(), Hidden(Secret::new(text(value))))).collect();
    let shown = given.into_iter().filter(|(name, _)| !account.secret_fields.contains(name)).collect();
    Ok(Filled { fields, shown })
}

/// What was typed, without what the form shows around it: whoever pastes the whole of it is understood too.
fn bare<'t>(schema: &Json, text: &'t str) -> &'t str {
    let (prefix, suffix) = (schema["prefix"].as_str(), schema["suffix"].as_str());
    if prefix.is_none() && suffix.is_none() {
        return text;
    }
    let text = text.trim();
    let text = prefix.and_then(|it| text.strip_prefix(it)).unwrap_or(text);
    let ended = suffix.and_then(|it| text.strip_suffix(it).or_else(|| text.strip_suffix('/')?.strip_suffix(it)));
    ended.unwrap_or(text)
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
