//! What a JSONPath finds.

use super::{Absent, Kinds, Type};
use crate::expr::{
    Path,
    path::{Query, Step},
};

impl Path {
    /// What it finds in a document of that type.
    ///
    /// # Errors
    /// If it can find nothing: the name that is not there, and why.
    pub fn infer(&self, document: &Type) -> Result<Type, (String, Absent)> {
        let Query::Steps(steps) = &self.query else { return Ok(Type::LIST) };
        let mut found = document.clone();
        let mut may_be_missing = false;
        for step in steps {
            found = match step {
                Step::Name(name) => {
                    // What is missing on the way is not found; a path never fails.
                    may_be_missing |= found.kinds.has(Kinds::ABSENT);
                    let there = if found.is_any() { found } else { found.without(Kinds::ABSENT) };
                    match there.kinds.is_none() {
                        true => Type::ANY,
                        false => there.member(name).map_err(|absent| (name.clone(), absent))?,
                    }
                }
                Step::Index(_) => found.entry().or_undefined(),
                Step::All if found.kinds.has(Kinds::MAPPING) => Type::ANY,
                Step::All => found.entry(),
            };
        }
        if self.singular {
            return Ok(if may_be_missing { found.or_undefined() } else { found });
        }
        Ok(Type::list(if found.is_any() { found } else { found.without(Kinds::UNDEFINED) }))
    }
}
