//! How objects, fields and mappings look.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::problem::FieldProblem,
    runtime::{InUse, OrgFields},
    spec::{
        FieldError, Object,
        mapping::{Checked, Suggestion},
    },
    store::SavedMapping,
};

/// An object that the connection's connector writes.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api::v1) struct ObjectView {
    #[schema(example = "lead")]
    name: String,
    title: String,
    connector: String,
    /// The schema of what the org's fields depend on.
    config: Value,
    /// The unified fields.
    fields: Vec<UnifiedField>,
    /// Whether the provider can tell the org's own fields.
    describes: bool,
    /// The configs for which a mapping is saved.
    mapped: Vec<Value>,
}

/// A unified field.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api::v1) struct UnifiedField {
    name: String,
    /// Its JSON Schema.
    schema: Value,
    required: bool,
    /// Where it lands when nothing is mapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

impl ObjectView {
    pub(super) fn new(object: &Object, connector: &str, saved: &[SavedMapping]) -> Self {
        let saved = saved.iter().filter(|it| it.of.connector == connector && it.of.object == object.name);
        Self {
            name: object.name.clone(),
            title: object.title.clone(),
            connector: connector.to_owned(),
            config: object.config.schema.clone(),
            fields: object
                .fields
                .iter()
                .map(|(name, schema)| UnifiedField {
                    name: name.to_owned(),
                    schema: schema.clone(),
                    required: object.fields.is_required(name),
                    to: object.places.get(name).and_then(|it| it.to.clone()),
                })
                .collect(),
            describes: object.describe.is_some(),
            mapped: saved.map(|it| config_of(&it.of.config)).collect(),
        }
    }
}

fn config_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// One of the org's own fields.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api::v1) struct OrgFieldView {
    /// The name that a mapping's `to` takes.
    #[schema(example = "Budget__c")]
    name: String,
    /// What the org calls it.
    label: String,
    /// `string`, `picklist`, … as in the connector reference.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Characters at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    /// Whether a new record needs it.
    required: bool,
    /// Whether it can be set.
    writable: bool,
    /// The allowed values, if there is a list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<OptionView>,
}

/// A value that a field may have.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api::v1) struct OptionView {
    value: Value,
    label: String,
}

/// The org's own fields.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api::v1) struct OrgFieldsView {
    data: Vec<OrgFieldView>,
    /// When the provider told.
    described_at: String,
}

impl From<OrgFields> for OrgFieldsView {
    fn from(it: OrgFields) -> Self {
        let field = |it: &crate::spec::mapping::OrgField| OrgFieldView {
            name: it.name.clone(),
            label: it.label.clone(),
            kind: it.kind.as_str(),
            length: it.length,
            required: it.required,
            writable: it.writable,
            options: it
                .options
                .iter()
                .map(|it| OptionView { value: it.value.clone(), label: it.label.clone() })
                .collect(),
        };
        Self { data: it.fields.iter().map(field).collect(), described_at: it.described_at.to_string() }
    }
}

/// A mapping in use.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api::v1) struct MappingView {
    object: String,
    connector: String,
    connection: String,
    /// What it was saved for; empty if it holds for every config.
    config: Value,
    /// `false`: nobody saved one, this is the connector's own.
    saved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
    /// Unified field → where it lands.
    #[schema(value_type = Object)]
    fields: Value,
    /// Org field → its value in every new record.
    #[schema(value_type = Object)]
    constants: Value,
    /// The org's own fields that the agent fills in.
    #[schema(value_type = Object)]
    extra: Value,
    /// What somebody should look at. Only in the answer that saves it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<FieldProblem>,
}

impl MappingView {
    pub(super) fn new(it: InUse, warnings: Vec<FieldError>) -> Self {
        let InUse { of, document, saved } = it;
        let config = saved.as_ref().map_or(of.config.as_str(), |it| it.of.config.as_str());
        Self {
            config: config_of(config),
            object: of.object,
            connector: of.connector,
            connection: of.connection.to_string(),
            updated_at: saved.as_ref().map(|it| it.updated_at.to_string()),
            saved: saved.is_some(),
            fields: serde_json::to_value(&document.fields).unwrap_or_default(),
            constants: document.constants.into(),
            extra: serde_json::to_value(&document.extra).unwrap_or_default(),
            warnings: warnings.into_iter().map(FieldProblem::from).collect(),
        }
    }
}

/// Whether a mapping fits.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api::v1) struct CheckView {
    /// Whether it could be saved.
    fits: bool,
    /// What doesn't fit, by JSON Pointers into the mapping.
    errors: Vec<FieldProblem>,
    /// What somebody should look at.
    warnings: Vec<FieldProblem>,
}

impl From<Checked> for CheckView {
    fn from(it: Checked) -> Self {
        Self {
            fits: it.errors.is_empty(),
            errors: it.errors.into_iter().map(FieldProblem::from).collect(),
            warnings: it.warnings.into_iter().map(FieldProblem::from).collect(),
        }
    }
}

/// A first mapping, to be looked at and saved.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api::v1) struct SuggestionView {
    /// Can be saved as it is if `check` says that it fits.
    #[schema(value_type = Object)]
    mapping: Value,
    /// What was found: `field`, `to`, the org's `label`, a `score` from 0 to 1, and `by` which name.
    #[schema(value_type = Vec<Object>)]
    matches: Value,
    /// Unified fields for which nothing was found.
    #[schema(value_type = Vec<String>)]
    unmatched: Value,
    /// Whether it fits as it is.
    check: CheckView,
}

impl SuggestionView {
    pub(super) fn new(it: &Suggestion, checked: Checked) -> Self {
        let mut json = it.to_json();
        let [mapping, matches, unmatched] = ["mapping", "matches", "unmatched"].map(|it| json[it].take());
        Self { mapping, matches, unmatched, check: checked.into() }
    }
}
