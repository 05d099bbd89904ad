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
pub(super) fn check(account: &Account, given: Json) -> Result<Filled, Error> {
    let accepted = account.fields.accept(given).map_err(Error::Fields)?;
    let Json::Object(given) = accepted else { return Err(Error::Fields(Vec::new())) };
    let fields = given.iter().map(|(name, value)| (name.clone(), Hidden(Secret::new(text(value))))).collect();
    let shown = given.into_iter().filter(|(name, _)| !account.secret_fields.contains(name)).collect();
    Ok(Filled { fields, shown })
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
