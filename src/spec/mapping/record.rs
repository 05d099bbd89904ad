//! From what the agent gave to the record that is sent.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{Landing, Mapped, OrgField, fit, org::scalar};
use crate::{
    base::{Code, Failure, shortened},
    expr::{EvalError, Scope},
    spec::{Object, OrgType},
};

/// For the customer, when the org's own setup is what is in the way.
const NOT_SET_UP: &str = "The business has to finish setting this up first.";

/// Longer values are cut in messages.
const SHOWN_CHARS: usize = 80;

/// What is in the way of a record.
#[derive(Default)]
struct Trouble {
    /// What the agent can put right.
    values: Vec<String>,
    /// What only the builder can.
    setup: Vec<String>,
    /// Fields whose value was refused: they aren't missing as well.
    refused: Vec<String>,
}

impl Mapped {
    /// The record of what was given: org field → value. An update (`partial`) has what was given and nothing else.
    ///
    /// A field that the org no longer has, or lets nobody write, is left out unless it is required of the agent.
    ///
    /// # Errors
    /// `invalid_input` for a value that a field can't have, or a missing one that the agent can give;
    /// `precondition_failed` where the mapping itself has to be changed first.
    pub fn record(&self, object: &Object, partial: bool, input: &Json) -> Result<Json, Failure> {
        if self.mapping.is_empty() {
            return Err(not_set_up(unmapped(object)));
        }
        let mut record = Map::new();
        let mut trouble = Trouble::default();
        for (name, landing) in self.mapping.landings() {
            let needed = object.fields.is_required(name) && !partial;
            let Some(field) = self.reachable(landing, needed, name, &mut trouble) else { continue };
            match self.value(object, name, landing, field, input.get(name), partial) {
                Ok(value) => record.extend(value.map(|it| (landing.to.clone(), it))),
                Err(message) => {
                    trouble.values.push(message);
                    trouble.refused.push(landing.to.clone());
                }
            }
        }
        if !partial {
            for (to, value) in &self.mapping.constants {
                record.insert(to.clone(), self.constant(object, to, value));
            }
            self.required(&record, &mut trouble);
        }
        trouble.or(Json::Object(record))
    }

    /// The field that a value lands in, if it can: `Some(None)` where nobody knows the org's fields.
    #[allow(clippy::option_option, reason = "unknown and unreachable differ")]
    fn reachable(
        &self,
        landing: &Landing,
        needed: bool,
        name: &str,
        trouble: &mut Trouble,
    ) -> Option<Option<&OrgField>> {
        let Some(schema) = &self.schema else { return Some(None) };
        let why = match schema.get(&landing.to) {
            Some(field) if field.writable => return Some(Some(field)),
            Some(_) => "can't be written any more",
            None => "is not there any more",
        };
        if needed {
            trouble.setup.push(format!("`{name}` is mapped to `{}`, which {why}", landing.to));
        }
        None
    }

    /// What becomes of one value; `None` if there is none to send.
    fn value(
        &self,
        object: &Object,
        name: &str,
        landing: &Landing,
        field: Option<&OrgField>,
        given: Option<&Json>,
        partial: bool,
    ) -> Result<Option<Json>, String> {
        let value = match given.filter(|it| !it.is_null()) {
            Some(given) => landing.apply(name, given)?,
            None => None,
        };
        let default = || landing.default.clone().filter(|_| !partial);
        let Some(value) = value.or_else(default) else { return Ok(None) };
        let shown = shortened(&value.to_string(), SHOWN_CHARS);
        let (kind, value) = match field {
            Some(field) => {
                let fitted = fit::fitted(field, value);
                let fitted = fitted.map_err(|expected| {
                    format!("`{name}` lands in {}, which must be {expected}, not {shown}", field.called())
                })?;
                (field.kind, fitted)
            }
            None => (of_schema(object.fields.get(name)), value),
        };
        written(object, kind, value).map_err(|error| format!("`{name}` can't be written: {error}"))
    }

    /// What stands in the mapping was checked when it was saved; if the org has changed since, the provider judges.
    fn constant(&self, object: &Object, to: &str, value: &Json) -> Json {
        let Some(field) = self.schema.as_ref().and_then(|it| it.get(to)) else { return value.clone() };
        let fitted = fit::fitted(field, value.clone()).unwrap_or_else(|_| value.clone());
        written(object, field.kind, fitted).ok().flatten().unwrap_or_else(|| value.clone())
    }

    /// Why no record can be made whatever the agent gives; nothing if one can.
    pub fn blocked(&self, object: &Object, partial: bool) -> Option<String> {
        if self.mapping.is_empty() {
            return Some(unmapped(object));
        }
        let mut trouble = Trouble::default();
        let mut reached = Map::new();
        for (name, landing) in self.mapping.landings() {
            let needed = object.fields.is_required(name) && !partial;
            if self.reachable(landing, needed, name, &mut trouble).is_some() {
                reached.insert(landing.to.clone(), Json::Null);
            }
        }
        if !partial {
            reached.extend(self.mapping.constants.clone());
            self.required(&reached, &mut trouble);
        }
        (!trouble.setup.is_empty()).then(|| trouble.setup.join("; "))
    }

    fn required(&self, record: &Map<String, Json>, trouble: &mut Trouble) {
        let fields = self.schema.iter().flat_map(|it| it.iter());
        let is_missing = |it: &&OrgField| it.required && it.writable && !record.contains_key(&it.name);
        let missing: Vec<_> = fields.filter(is_missing).filter(|it| !trouble.refused.contains(&it.name)).collect();
        for field in missing {
            match self.mapping.landings().find(|(_, it)| it.to == field.name) {
                Some((name, _)) => {
                    trouble.values.push(format!("`{name}` is missing: the org requires {}", field.called()));
                }
                None => {
                    trouble
                        .setup
                        .push(format!("the org requires {}, and the mapping gives it no value", field.called()));
                }
            }
        }
    }
}

impl Landing {
    /// `transform`, then `values`.
    fn apply(&self, name: &str, given: &Json) -> Result<Option<Json>, String> {
        let transformed = match &self.transform {
            None => Some(given.clone()),
            Some(transform) => transform
                .eval(&only(given.clone()))
                .map_err(|error| format!("the transform of `{name}` fails: {error}"))?,
        };
        Ok(match transformed {
            None | Some(Json::Null) => None,
            Some(Json::Array(entries)) => Some(entries.into_iter().map(|it| self.renamed(it)).collect()),
            Some(value) => Some(self.renamed(value)),
        })
    }

    /// The org's value for a unified one.
    pub(super) fn renamed(&self, value: Json) -> Json {
        if self.values.is_empty() && self.otherwise.is_none() {
            return value;
        }
        let found = scalar(&value).and_then(|it| self.values.get(&it));
        found.or(self.otherwise.as_ref()).cloned().unwrap_or(value)
    }
}

impl Trouble {
    /// What only the builder can put right comes first: until then the agent's part is no use.
    fn or(self, record: Json) -> Result<Json, Failure> {
        match (self.setup.is_empty(), self.values.is_empty()) {
            (true, true) => Ok(record),
            (false, _) => Err(not_set_up(self.setup.join("; "))),
            (true, false) => Err(Failure::new(Code::InvalidInput, self.values.join("; "))),
        }
    }
}

fn not_set_up(detail: String) -> Failure {
    let mut failure = Failure::new(Code::PreconditionFailed, detail);
    NOT_SET_UP.clone_into(&mut failure.say);
    failure
}

fn unmapped(object: &Object) -> String {
    format!("nothing says yet where the fields of `{}` land: save a mapping for it", object.name)
}

/// How a value is sent to a field of that type.
fn written(object: &Object, kind: OrgType, value: Json) -> Result<Option<Json>, EvalError> {
    match object.write.iter().find(|(it, _)| *it == kind) {
        Some((_, write)) => write.eval(&only(value)),
        None => Ok(Some(value)),
    }
}

/// What the expressions of mappings see.
fn only(value: Json) -> Scope {
    let mut scope = Scope::new();
    scope.set("value", Arc::new(value));
    scope
}

/// What a field holds when nobody described it, by the unified field that lands in it.
fn of_schema(schema: Option<&Json>) -> OrgType {
    let Some(schema) = schema else { return OrgType::Other };
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("array"), _) => OrgType::MultiPicklist,
        (Some("integer"), _) => OrgType::Integer,
        (Some("number"), _) => OrgType::Number,
        (Some("boolean"), _) => OrgType::Boolean,
        (Some("string"), Some("date")) => OrgType::Date,
        (Some("string"), Some("date-time")) => OrgType::DateTime,
        (Some("string"), Some("time")) => OrgType::Time,
        (Some("string"), Some("email")) => OrgType::Email,
        (Some("string"), Some("uri")) => OrgType::Url,
        (Some("string"), _) => OrgType::String,
        _ => OrgType::Other,
    }
}
