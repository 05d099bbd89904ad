//! Whether a mapping fits an org's fields.

use serde_json::Value as Json;

use super::{Landing, Mapping, OrgField, OrgSchema, document::refused, fit, org::scalar};
use crate::{
    base::pointer,
    diag::closest_first,
    spec::{FieldError, Object, OrgType},
};

/// Names that are offered instead of one that isn't there.
const MOST_OFFERED: usize = 3;

/// What was found.
#[derive(Debug, Default, PartialEq)]
pub struct Checked {
    /// With these it can't be saved; places are JSON Pointers into the document.
    pub errors: Vec<FieldError>,
    /// It can be used, and somebody should look.
    pub warnings: Vec<FieldError>,
}

impl Mapping {
    /// Checks everything that is known before a value comes: each field of the org exists, can be written, holds values of
    /// that type, length and choice; and where new records are made (`creates`) it has all that the org requires.
    ///
    /// Of a mapping that nobody saved (`is_default`) an optional field may be missing in the org: it is left out.
    pub fn check(&self, object: &Object, schema: &OrgSchema, creates: bool, is_default: bool) -> Checked {
        let mut check = Check { schema, found: Checked::default() };
        for (part, name, landing) in self.placed() {
            let path = format!("/{part}/{}", pointer::token(name));
            let unified = object.fields.get(name);
            let may_be_missing = is_default && !(creates && object.fields.is_required(name));
            if may_be_missing && schema.get(&landing.to).is_none_or(|it| !it.writable) {
                continue;
            }
            if let Some(field) = check.field(&format!("{path}/to"), &landing.to) {
                check.landing(&path, name, landing, unified, field);
            }
        }
        for (to, value) in &self.constants {
            let path = format!("/constants/{}", pointer::token(to));
            if let Some(field) = check.field(&path, to) {
                check.value(&path, field, value);
            }
        }
        if creates {
            check.required(self);
        }
        check.found
    }

    /// Each landing with the part of the document that it stands in.
    fn placed(&self) -> impl Iterator<Item = (&'static str, &str, &Landing)> {
        let fields = self.fields.iter().map(|(name, it)| ("fields", name.as_str(), it));
        fields.chain(self.extra.iter().map(|(name, it)| ("extra", name.as_str(), &it.landing)))
    }
}

struct Check<'s> {
    schema: &'s OrgSchema,
    found: Checked,
}

impl<'s> Check<'s> {
    fn error(&mut self, path: &str, expected: &str, got: &str, message: String) {
        self.found.errors.push(refused(path, expected, got, message));
    }

    /// The org's field, if a value can land there.
    fn field(&mut self, path: &str, to: &str) -> Option<&'s OrgField> {
        match self.schema.get(to) {
            Some(field) if field.writable => Some(field),
            Some(field) => {
                let message = format!("{} can't be written", field.called());
                self.error(path, "a field that can be written", to, message);
                None
            }
            None => {
                let offered = self.offered(to);
                let message = format!("the org has no field `{to}`; the closest are {offered}");
                self.error(path, &offered, to, message);
                None
            }
        }
    }

    fn offered(&self, to: &str) -> String {
        let mut fields: Vec<_> = self.schema.iter().filter(|it| it.writable).collect();
        closest_first(to, &mut fields, |it| &it.name);
        fields.iter().take(MOST_OFFERED).map(|it| it.called()).collect::<Vec<_>>().join(", ")
    }

    fn landing(&mut self, path: &str, name: &str, landing: &Landing, unified: Option<&Json>, field: &OrgField) {
        for (from, to) in &landing.values {
            self.value(&format!("{path}/values/{}", pointer::token(from)), field, to);
        }
        for (key, value) in [("otherwise", &landing.otherwise), ("default", &landing.default)] {
            if let Some(value) = value {
                self.value(&format!("{path}/{key}"), field, value);
            }
        }
        let Some(unified) = unified.filter(|_| landing.transform.is_none()) else { return };
        if landing.values.is_empty() && landing.otherwise.is_none() && !takes(field.kind, unified) {
            let (holds, kind) = (words(field.kind), field.kind.as_str());
            let message =
                format!("`{name}` is no {holds}, which is what {} holds: give it a `transform`", field.called());
            self.error(
                &format!("{path}/to"),
                &format!("a field that takes it, or a transform to {kind}"),
                &field.name,
                message,
            );
            return;
        }
        self.listed(path, name, landing, unified, field);
        let longest = unified["maxLength"].as_u64();
        if let Some(most) =
            field.length.filter(|most| unified["type"] == "string" && longest.is_some_and(|it| it > *most))
        {
            let message = format!("{} takes {most} characters: longer ones are refused", field.called());
            let expected = format!("text of at most {most} characters");
            self.found.warnings.push(refused(&format!("{path}/to"), &expected, &field.name, message));
        }
    }

    /// Each value that the agent may choose must be one of the org's.
    fn listed(&mut self, path: &str, name: &str, landing: &Landing, unified: &Json, field: &OrgField) {
        let values = unified["enum"].as_array().or_else(|| unified["items"]["enum"].as_array());
        for value in values.into_iter().flatten() {
            if let Err(expected) = fit::fitted(field, landing.renamed(value.clone())) {
                let given = scalar(value).unwrap_or_default();
                let message =
                    format!("`{name}` may be {value}, which {} does not know: it must be {expected}", field.called());
                self.error(&format!("{path}/values/{}", pointer::token(&given)), &expected, &given, message);
            }
        }
    }

    /// A value that stands in the mapping itself.
    fn value(&mut self, path: &str, field: &OrgField, value: &Json) {
        if let Err(expected) = fit::fitted(field, value.clone()) {
            let message = format!("{} must be {expected}, not {value}", field.called());
            self.error(path, &expected, &scalar(value).unwrap_or_else(|| value.to_string()), message);
        }
    }

    fn required(&mut self, mapping: &Mapping) {
        let covered =
            |name: &str| mapping.constants.contains_key(name) || mapping.landings().any(|(_, it)| it.to == name);
        for field in self.schema.iter().filter(|it| it.required && it.writable && !covered(&it.name)) {
            let message = format!(
                "the org requires {}: map a field to it, give it a constant, or let the agent fill it in under `extra`",
                field.called()
            );
            self.error("", &format!("a value for `{}`", field.name), "nothing", message);
        }
    }
}

/// Whether a field takes the values of a unified field as they are.
pub(super) fn takes(kind: OrgType, unified: &Json) -> bool {
    use OrgType as T;
    let any = [T::String, T::Text, T::Other];
    if any.contains(&kind) {
        return unified["type"] != "array" && unified["type"] != "object" || kind == T::Other;
    }
    match (unified["type"].as_str(), unified["format"].as_str()) {
        (Some("string"), Some("date")) => kind == T::Date,
        (Some("string"), Some("date-time")) => matches!(kind, T::DateTime | T::Date),
        (Some("string"), Some("time")) => kind == T::Time,
        (Some("string"), Some("email")) => matches!(kind, T::Email | T::Reference),
        (Some("string"), Some("uri")) => kind == T::Url,
        (Some("string"), _) => {
            matches!(kind, T::Email | T::Phone | T::Url | T::Picklist | T::MultiPicklist | T::Reference)
        }
        (Some("integer"), _) => matches!(kind, T::Integer | T::Number | T::Phone | T::Picklist),
        (Some("number"), _) => kind == T::Number,
        (Some("boolean"), _) => matches!(kind, T::Boolean | T::Picklist),
        (Some("array"), _) => kind == T::MultiPicklist,
        (Some("object"), _) => kind == T::Reference,
        _ => true,
    }
}

/// What a field of that type holds, as in "is no …".
fn words(kind: OrgType) -> &'static str {
    match kind {
        OrgType::Integer => "whole number",
        OrgType::Number => "number",
        OrgType::Boolean => "yes or no",
        OrgType::Date => "date",
        OrgType::DateTime => "date and time",
        OrgType::Time => "time of day",
        OrgType::Email => "e-mail address",
        OrgType::Url => "web address",
        OrgType::MultiPicklist => "list of options",
        OrgType::Picklist => "option",
        OrgType::Reference => "id of a record",
        OrgType::String | OrgType::Text | OrgType::Phone | OrgType::Other => "text",
    }
}
