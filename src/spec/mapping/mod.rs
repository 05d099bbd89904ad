//! Field mapping: how a unified record lands in one org's own fields.
//!
//! Pure: what an org's fields are, and what is saved for it, comes in. A mapping is read once ([`Mapping::read`], which
//! compiles its expressions), checked against the org's fields when it is saved, and used for every record.

mod check;
mod document;
mod fit;
mod input;
mod org;
mod record;
mod suggest;

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

pub use check::Checked;
pub use document::Document;
pub use org::{OrgField, OrgOption, OrgSchema};
pub use suggest::{Match, Suggestion, suggest};

use super::Place;
use crate::expr::Expr;

/// What one org does with an object, compiled.
#[derive(Debug, Default)]
pub struct Mapping {
    /// Unified field → where it lands. What is not in it goes nowhere.
    pub fields: IndexMap<String, Landing>,
    /// Org field → what every new record has there.
    pub constants: Map<String, Json>,
    /// Inputs that only this org has.
    pub extra: IndexMap<String, Extra>,
}

/// Where a value lands, and what becomes of it on the way: `transform`, then `values`; without a value, `default`.
#[derive(Debug)]
pub struct Landing {
    /// The org's field.
    pub to: String,
    /// Sees `value` and nothing else.
    pub transform: Option<Expr>,
    /// Unified value → the org's.
    pub values: Map<String, Json>,
    /// Instead of a value that `values` doesn't have.
    pub otherwise: Option<Json>,
    /// Of new records, when there is no value.
    pub default: Option<Json>,
}

/// An input that only this org has.
#[derive(Debug)]
pub struct Extra {
    /// Where it lands.
    pub landing: Landing,
    /// Whether the agent must fill it in.
    pub required: bool,
    /// What the model reads; the org's label by default.
    pub description: Option<String>,
}

/// A mapping and, where they are known, the fields of the org that it is for.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// What is done.
    pub mapping: Arc<Mapping>,
    /// Nothing is checked against fields that nobody has described.
    pub schema: Option<Arc<OrgSchema>>,
}

/// Object → what the org of a run does with it. What is not in it has the object's default.
#[derive(Debug, Clone, Default)]
pub struct Mappings(pub Option<Arc<HashMap<String, Mapped>>>);

impl Mapping {
    /// Each unified field lands where the connector says.
    pub(crate) fn of_places(places: &IndexMap<String, Place>) -> Self {
        let landing = |place: &Place| place.to.clone().map(Landing::plain);
        let fields = places.iter().filter_map(|(name, it)| Some((name.clone(), landing(it)?))).collect();
        Self { fields, ..Self::default() }
    }

    /// As it would be written.
    pub fn document(&self) -> Document {
        document::written(self)
    }

    /// Whether nothing lands anywhere.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.constants.is_empty() && self.extra.is_empty()
    }

    /// Where each input lands: the unified fields, then the extra ones.
    pub fn landings(&self) -> impl Iterator<Item = (&str, &Landing)> {
        let extra = self.extra.iter().map(|(name, it)| (name, &it.landing));
        self.fields.iter().chain(extra).map(|(name, it)| (name.as_str(), it))
    }
}

impl Landing {
    /// As it is.
    pub(crate) fn plain(to: String) -> Self {
        Self { to, transform: None, values: Map::new(), otherwise: None, default: None }
    }

    /// Whether the org gets the very value that came in.
    fn is_plain(&self) -> bool {
        self.transform.is_none() && self.values.is_empty() && self.otherwise.is_none()
    }
}

impl Mappings {
    /// For one object.
    pub fn of(object: &str, mapped: Mapped) -> Self {
        Self(Some(Arc::new(HashMap::from([(object.to_owned(), mapped)]))))
    }

    /// What the run's org does with an object of that name; `default` if nothing is saved and nothing described.
    pub fn get(&self, object: &str, default: &Arc<Mapping>) -> Mapped {
        match self.0.as_ref().and_then(|it| it.get(object)) {
            Some(mapped) => mapped.clone(),
            None => Mapped { mapping: Arc::clone(default), schema: None },
        }
    }
}

#[cfg(test)]
mod tests;
