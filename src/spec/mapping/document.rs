//! A mapping as it is written: JSON, or YAML read as JSON. What is wrong is told by JSON Pointers into it.

use std::sync::LazyLock;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::{Extra, Landing, Mapping};
use crate::{
    base::pointer,
    diag::{Diagnostics, FileId, Span, did_you_mean},
    expr::Expr,
    spec::{FieldError, Fields, Object},
    yaml::typed::is_name,
};

/// More entries are not a mapping that somebody looks after.
const MOST: usize = 500;

/// A longer expression belongs into the connector.
const LONGEST_TRANSFORM: usize = 500;

/// A mapping as it is saved, exported and imported.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Unified field → where it lands.
    #[serde(default)]
    pub fields: IndexMap<String, LandingText>,
    /// Org field → its value in every new record.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub constants: Map<String, Json>,
    /// Inputs that only this org has.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub extra: IndexMap<String, ExtraText>,
}

/// A [`Landing`] as it is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LandingText {
    /// The org's field.
    pub to: String,
    /// `{{ … }}` over `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transform: Option<String>,
    /// Unified value → the org's.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Json>,
    /// Instead of a value that `values` doesn't have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Json>,
    /// Of new records, when there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Json>,
}

/// An [`Extra`] as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExtraText {
    /// Where it lands.
    #[serde(flatten)]
    pub landing: LandingText,
    /// Whether the agent must fill it in.
    #[serde(default)]
    pub required: bool,
    /// What the model reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The keys of a document and what they take.
static KEYS: LazyLock<Fields> = LazyLock::new(|| {
    let landing = json!({
        "to": {"type": "string", "minLength": 1, "maxLength": 250},
        "transform": {"type": "string", "minLength": 1, "maxLength": LONGEST_TRANSFORM},
        "values": {"type": "object", "maxProperties": MOST},
        "otherwise": {},
        "default": {},
    });
    let mut extra = landing.clone();
    extra["required"] = json!({"type": "boolean"});
    extra["description"] = json!({"type": "string", "minLength": 1, "maxLength": 1000});
    let entries = |properties: &Json| {
        let one =
            json!({"type": "object", "properties": properties, "required": ["to"], "additionalProperties": false});
        json!({"type": "object", "maxProperties": MOST, "additionalProperties": one})
    };
    let properties = Map::from_iter([
        ("fields".to_owned(), entries(&landing)),
        ("constants".to_owned(), json!({"type": "object", "maxProperties": MOST})),
        ("extra".to_owned(), entries(&extra)),
    ]);
    Fields::new(properties, &[], IndexMap::new()).expect("the schema of our own is right")
});

impl Document {
    /// Reads what was written.
    ///
    /// # Errors
    /// Everything that is of the wrong form.
    pub fn read(written: &Json) -> Result<Self, Vec<FieldError>> {
        KEYS.accept(written.clone())?;
        Self::deserialize(written).map_err(|error| vec![refused("", "a mapping", "something else", error.to_string())])
    }
}

impl Mapping {
    /// Compiles a document for an object.
    ///
    /// # Errors
    /// All that can be told without knowing the org's fields: unified fields that don't exist, names that are taken,
    /// transforms that aren't expressions over `value`, two values for one field of the org.
    pub fn read(document: &Document, object: &Object) -> Result<Self, Vec<FieldError>> {
        let mut reading = Reading { errors: Vec::new() };
        let mut mapping = Self::default();
        for (name, text) in &document.fields {
            let path = format!("/fields/{}", pointer::token(name));
            if object.fields.get(name).is_none() {
                reading.unknown_field(&path, name, object);
            }
            mapping.fields.insert(name.clone(), reading.landing(&path, text));
        }
        for (name, text) in &document.extra {
            let path = format!("/extra/{}", pointer::token(name));
            if object.fields.get(name).is_some() {
                let message = format!("`{name}` is one of the object's own fields; map it under `fields`");
                reading.errors.push(refused(&path, "another name", name, message));
            } else if !is_name(name) {
                let message = format!("an extra input is named in lower_case_with_underscores, not `{name}`");
                reading.errors.push(refused(&path, "lower_case_with_underscores", name, message));
            }
            let landing = reading.landing(&path, &text.landing);
            let extra = Extra { landing, required: text.required, description: text.description.clone() };
            mapping.extra.insert(name.clone(), extra);
        }
        mapping.constants = document.constants.clone();
        reading.taken_twice(&mapping);
        if reading.errors.is_empty() { Ok(mapping) } else { Err(reading.errors) }
    }
}

/// A mapping as it would be written.
pub(super) fn written(mapping: &Mapping) -> Document {
    let landing = |it: &Landing| LandingText {
        to: it.to.clone(),
        transform: it.transform.as_ref().map(|it| format!("{{{{ {} }}}}", it.source)),
        values: it.values.clone(),
        otherwise: it.otherwise.clone(),
        default: it.default.clone(),
    };
    let extra = |it: &Extra| ExtraText {
        landing: landing(&it.landing),
        required: it.required,
        description: it.description.clone(),
    };
    Document {
        fields: mapping.fields.iter().map(|(name, it)| (name.clone(), landing(it))).collect(),
        constants: mapping.constants.clone(),
        extra: mapping.extra.iter().map(|(name, it)| (name.clone(), extra(it))).collect(),
    }
}

struct Reading {
    errors: Vec<FieldError>,
}

impl Reading {
    fn unknown_field(&mut self, path: &str, name: &str, object: &Object) {
        let known = || object.fields.iter().map(|(name, _)| name);
        let expected = match did_you_mean(name, known()) {
            Some(near) => format!("`{near}`"),
            None => known().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", "),
        };
        let message = format!("`{}` has no field `{name}`; there is {expected}", object.name);
        self.errors.push(refused(path, &expected, name, message));
    }

    fn landing(&mut self, path: &str, text: &LandingText) -> Landing {
        Landing {
            to: text.to.clone(),
            transform: text.transform.as_ref().and_then(|it| self.transform(&format!("{path}/transform"), it)),
            values: text.values.clone(),
            otherwise: text.otherwise.clone(),
            default: text.default.clone(),
        }
    }

    /// An expression that sees `value` and nothing else: whoever writes it is a builder, not the connector's author.
    fn transform(&mut self, path: &str, text: &str) -> Option<Expr> {
        let mut diagnostics = Diagnostics::default();
        let place = Span::new(FileId(0), 0, 0);
        let compiled = Expr::compile_scalar(text, &|_| place, &mut diagnostics);
        for diagnostic in diagnostics.iter() {
            let help = diagnostic.help.as_ref().map(|it| format!("; {it}")).unwrap_or_default();
            self.errors.push(refused(
                path,
                "an expression over `value`, such as {{ value | trim }}",
                text,
                format!("{}{help}", diagnostic.message),
            ));
        }
        let compiled = compiled?;
        for name in compiled.names.iter().filter_map(|it| it.path.first()).filter(|it| *it != "value") {
            let message = format!("`{name}` is not known here: a transform sees `value` only");
            self.errors.push(refused(path, "an expression over `value`", text, message));
        }
        Some(compiled)
    }

    /// One field of the org has one value.
    fn taken_twice(&mut self, mapping: &Mapping) {
        let fields = mapping.fields.iter().map(|(name, it)| (format!("/fields/{}/to", pointer::token(name)), &it.to));
        let extra =
            mapping.extra.iter().map(|(name, it)| (format!("/extra/{}/to", pointer::token(name)), &it.landing.to));
        let constants = mapping.constants.keys().map(|it| (format!("/constants/{}", pointer::token(it)), it));
        let mut seen: Vec<(String, &String)> = Vec::new();
        for (path, to) in fields.chain(extra).chain(constants) {
            match seen.iter().find(|(_, it)| *it == to) {
                Some((first, _)) => {
                    let message = format!("`{to}` gets a value already, at {first}");
                    self.errors.push(refused(&path, "a field that nothing else lands in", to, message));
                }
                None => seen.push((path, to)),
            }
        }
    }
}

/// An error in a mapping.
pub(super) fn refused(path: &str, expected: &str, got: &str, message: String) -> FieldError {
    const LONGEST: usize = 80;
    let got = crate::base::shortened(got, LONGEST);
    FieldError { path: path.to_owned(), expected: expected.to_owned(), got: format!("`{got}`"), message }
}
