//! What the agent fills in for one org: the action's inputs as that org has them.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json, json};

use super::{Extra, Landing, Mapped, OrgField, fit::find};
use crate::spec::{Fields, Object, ObjectUse, OrgType};

/// Longer lists are no help to a model; the values are checked all the same.
const MOST_LISTED: usize = 300;

impl Mapped {
    /// The inputs of an action that writes the object: without the unified fields that land nowhere and that nobody reads,
    /// with the org's own limits, options and requirements, and with the extra ones.
    pub fn input(&self, object: &Object, of: &ObjectUse, input: &Fields) -> Fields {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, schema) in input.iter() {
            let mut schema = schema.clone();
            let mut needed = input.is_required(name);
            if object.fields.get(name).is_some() {
                let landing = self.mapping.fields.get(name);
                match landing.and_then(|it| Some((it, self.field(it)?))) {
                    Some((landing, field)) => {
                        narrow(&mut schema, landing, field);
                        needed =
                            !of.partial && landing.default.is_none() && (needed || field.is_some_and(|it| it.required));
                    }
                    None if landing.is_some() && needed => {}
                    None if of.reads.contains(name) => {}
                    None => continue,
                }
            }
            if needed {
                required.push(name.to_owned());
            }
            properties.insert(name.to_owned(), schema);
        }
        for (name, extra) in &self.mapping.extra {
            let Some(field) = self.field(&extra.landing) else { continue };
            let org = field.is_some_and(|it| it.required) && extra.landing.default.is_none();
            if !of.partial && (extra.required || org) {
                required.push(name.clone());
            }
            properties.insert(name.clone(), extra_schema(extra, field));
        }
        Fields::assembled(properties, &required, IndexMap::new())
    }

    /// Puts, in place of an option of the org's that is named by its label, or in another case, its value: what an input that
    /// lands as it is takes. What is no option stays, to be refused. `input` is the action's own.
    pub fn name_options(&self, input: &Fields, given: &mut Json) {
        let Some(given) = given.as_object_mut() else { return };
        for (name, landing) in self.mapping.landings().filter(|(_, it)| it.is_plain()) {
            let own = input.get(name).is_some_and(|it| it.get("enum").is_some() || it["items"].get("enum").is_some());
            let (Some(value), Some(Some(field)), false) = (given.get_mut(name), self.field(landing), own) else {
                continue;
            };
            match value {
                Json::Array(entries) => entries.iter_mut().for_each(|it| name_option(field, it)),
                one => name_option(field, one),
            }
        }
    }

    /// The field that a landing means, if it can be written: `Some(None)` where nobody knows the org's fields.
    #[allow(clippy::option_option, reason = "unknown and unreachable differ")]
    fn field(&self, landing: &Landing) -> Option<Option<&OrgField>> {
        match &self.schema {
            None => Some(None),
            Some(schema) => schema.get(&landing.to).filter(|it| it.writable).map(Some),
        }
    }
}

/// What the org takes of a value that lands as it is.
fn narrow(schema: &mut Json, landing: &Landing, field: Option<&OrgField>) {
    let Some(field) = field.filter(|_| landing.is_plain()) else { return };
    let kind = schema["type"].as_str().map(str::to_owned);
    match (kind.as_deref(), field.kind) {
        (Some("string"), OrgType::Picklist) if schema.get("enum").is_none() => {
            if let Some(values) = listed(field) {
                schema["enum"] = values;
            }
        }
        (Some("array"), OrgType::MultiPicklist)
            if schema["items"].is_object() && schema["items"].get("enum").is_none() =>
        {
            if let Some(values) = listed(field) {
                schema["items"]["enum"] = values;
            }
        }
        (Some("string"), _) if schema.get("enum").is_none() && schema.get("format").is_none() => {
            if let Some(most) = field.length {
                let most = schema["maxLength"].as_u64().map_or(most, |own| own.min(most));
                schema["maxLength"] = json!(most);
            }
        }
        _ => {}
    }
}

/// The schema of an input that only this org has.
fn extra_schema(extra: &Extra, field: Option<&OrgField>) -> Json {
    let plain = extra.landing.is_plain();
    let mut schema = match field.filter(|_| plain).map(|it| it.kind) {
        Some(OrgType::Integer) => json!({"type": "integer"}),
        Some(OrgType::Number) => json!({"type": "number"}),
        Some(OrgType::Boolean) => json!({"type": "boolean"}),
        Some(OrgType::Date) => json!({"type": "string", "format": "date"}),
        Some(OrgType::DateTime) => json!({"type": "string", "format": "date-time"}),
        Some(OrgType::Email) => json!({"type": "string", "format": "email"}),
        Some(OrgType::Url) => json!({"type": "string", "format": "uri"}),
        Some(OrgType::MultiPicklist) => json!({"type": "array", "items": {"type": "string"}}),
        _ => json!({"type": "string"}),
    };
    let values = extra.landing.values.keys().map(|it| json!(it)).collect::<Vec<_>>();
    if let (Some(field), true) = (field, plain) {
        let values = if field.options.is_empty() { None } else { listed(field) };
        match (schema.get("items").is_some(), values) {
            (true, Some(values)) => schema["items"]["enum"] = values,
            (false, Some(values)) => schema["enum"] = values,
            (_, None) => {}
        }
        if let Some(most) =
            field.length.filter(|_| matches!(field.kind, OrgType::String | OrgType::Text | OrgType::Phone))
        {
            schema["maxLength"] = json!(most);
        }
    } else if !values.is_empty() && extra.landing.otherwise.is_none() && extra.landing.transform.is_none() {
        schema["enum"] = Json::Array(values);
    }
    if let Some(field) = field {
        schema["title"] = json!(field.label);
    }
    if let Some(description) = described(extra, field.filter(|_| plain)) {
        schema["description"] = json!(description);
    }
    schema
}

/// The value of the option that a text names.
fn name_option(field: &OrgField, value: &mut Json) {
    let found = value.as_str().and_then(|it| find(&field.options, it)).filter(|it| it.value.is_string());
    if let Some(option) = found {
        *value = option.value.clone();
    }
}

/// The values that may be given.
fn listed(field: &OrgField) -> Option<Json> {
    let short = !field.options.is_empty() && field.options.len() <= MOST_LISTED;
    short.then(|| field.options.iter().map(|it| it.value.clone()).collect())
}

/// The builder's words; beside them what the options mean, where their values don't say it.
fn described(extra: &Extra, field: Option<&OrgField>) -> Option<String> {
    const MOST_EXPLAINED: usize = 50;
    let options = field.map(|it| it.options.as_slice()).unwrap_or_default();
    let meanings: Vec<_> = options
        .iter()
        .filter_map(|it| {
            it.value.as_str().filter(|value| *value != it.label).map(|value| format!("{value}: {}", it.label))
        })
        .collect();
    let meanings = (!meanings.is_empty() && meanings.len() <= MOST_EXPLAINED).then(|| meanings.join("; "));
    match (extra.description.clone(), meanings) {
        (Some(own), Some(meanings)) => Some(format!("{own} ({meanings})")),
        (own, meanings) => own.or(meanings),
    }
}
