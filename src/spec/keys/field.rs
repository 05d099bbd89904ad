//! A field of `config`, `input` or `auth.fields`: JSON Schema (2020-12), as much of it as language models and forms
//! understand, and what our language adds.

use super::joined;
use crate::yaml::{Key, Section, Type};

const TYPES: &[&str] = &["string", "integer", "number", "boolean", "array", "object", "null"];
const COUNT: Type = Type::Integer { min: 0, max: 1_000_000_000 };
const NUMBER: Type = Type::Json;
/// The types of JSON Schema.
pub const JSON_TYPE: Type = Type::Word(TYPES);

/// In place of a schema: the field of that name in `fields`.
const SHARED: Type = Type::Word(&["shared"]);

/// For lists and mappings of them.
pub(super) static AN_INPUT_FIELD: Type = Type::Either(&[Type::Section(&INPUT_FIELD), SHARED]);
pub(super) static A_CONFIG_FIELD: Type = Type::Either(&[Type::Section(&CONFIG_FIELD), SHARED]);
pub(super) static A_SHARED_FIELD: Type = Type::Section(&CONFIG_FIELD);
pub(super) static AN_OBJECT_FIELD: Type = Type::Section(&OBJECT_FIELD);
pub(super) static A_SIGN_IN_FIELD: Type = Type::Section(&SIGN_IN_FIELD);
static A_NESTED_FIELD: Type = Type::Section(&NESTED_FIELD);

/// What JSON Schema has.
static KEYWORDS: [Key; 23] = [
    Key::new("type", Type::OneOrMany(&Type::Word(TYPES)), "What kind of value it is.").example("string"),
    Key::new("title", Type::Text, "For people."),
    Key::new("description", Type::Text, "For the model and for forms.").mistaken(&["describe", "desc"]),
    Key::new("enum", Type::List(&Type::Json), "The allowed values.").confused(
        &["options", "values", "oneOf"],
        "`enum` lists the allowed values as they are sent, `anyOf` schemas to choose from",
    ),
    Key::new("const", Type::Json, "The only allowed value."),
    Key::new("default", Type::Json, "Used when it is not given."),
    Key::new("examples", Type::List(&Type::Json), "Values that would be accepted.").mistaken(&["example"]),
    Key::new("format", Type::Word(FORMATS), "What kind of text it is."),
    Key::new("minLength", COUNT, "Characters at least.").mistaken(&["min_length"]),
    Key::new("maxLength", COUNT, "Characters at most.").mistaken(&["max_length"]),
    Key::new("pattern", Type::Text, "A regular expression (no look-around), found anywhere in the text."),
    Key::new("minimum", NUMBER, "The smallest number.").mistaken(&["min"]),
    Key::new("maximum", NUMBER, "The largest number.").mistaken(&["max"]),
    Key::new("exclusiveMinimum", NUMBER, "Above this number.").mistaken(&["exclusive_minimum"]),
    Key::new("exclusiveMaximum", NUMBER, "Below this number.").mistaken(&["exclusive_maximum"]),
    Key::new("multipleOf", NUMBER, "A multiple of this number.").mistaken(&["multiple_of"]),
    Key::new("items", Type::Section(&NESTED_FIELD), "What each entry of a list is."),
    Key::new("minItems", COUNT, "Entries at least.").mistaken(&["min_items"]),
    Key::new("maxItems", COUNT, "Entries at most.").mistaken(&["max_items"]),
    Key::new("uniqueItems", Type::Bool, "No entry twice.").mistaken(&["unique_items"]),
    Key::new("properties", Type::Mapping(&A_NESTED_FIELD), "The fields of an object."),
    Key::new("additionalProperties", Type::Bool, "Whether an object may have others than its `properties`.")
        .default("false"),
    Key::new("anyOf", Type::List(&A_NESTED_FIELD), "Alternatives."),
];

/// The formats that are checked.
const FORMATS: &[&str] = &[
    "date-time",
    "date",
    "time",
    "time-range",
    "email",
    "uri",
    "timezone",
    "uuid",
    "base64",
    "private-key",
    "public-key",
    "certificate",
    "file",
];

static REQUIRED: Key = Key::new(
    "required",
    Type::Either(&[Type::Bool, Type::List(&Type::Text)]),
    "`false` if it may be left out; of a mapping, a list of the properties that must be given with it.",
)
.default("true");

/// A field of `input`.
pub static INPUT_FIELD: Section = Section {
    name: "input field",
    doc: "An argument that the agent fills in.",
    keys: &joined::<24>(&[&KEYWORDS, &[REQUIRED]]),
    near: &[&CONFIG_FIELD],
};

/// A field of `config`.
pub static CONFIG_FIELD: Section = Section {
    name: "config field",
    doc: "A setting that the builder fixes.",
    keys: &joined::<25>(&[&KEYWORDS, &[REQUIRED, Key::new("lookup", Type::Name, "The live list it is picked from.")]]),
    near: &[&SIGN_IN_FIELD],
};

/// A field of an object.
pub static OBJECT_FIELD: Section = Section {
    name: "object field",
    doc: "A unified field, filled in by the agent, and where it lands.",
    keys: &joined::<26>(&[
        &KEYWORDS,
        &[
            REQUIRED,
            Key::new("to", Type::Text, "The org's field that it lands in when nothing else is mapped.")
                .example("LastName"),
            Key::new(
                "also",
                Type::OneOrMany(&Type::Text),
                "Further names or labels by which the org's field is found.",
            )
            .example("[Surname, Family name]"),
        ],
    ]),
    near: &[&INPUT_FIELD, &CONFIG_FIELD],
};

/// A field of `auth.fields`.
pub static SIGN_IN_FIELD: Section = Section {
    name: "sign-in field",
    doc: "What the builder fills in to sign in.",
    keys: &joined::<27>(&[
        &KEYWORDS,
        &[
            REQUIRED,
            Key::new("secret", Type::Bool, "`false` if everybody may see it.").default("true"),
            Key::new("prefix", Type::Text, "What stands before what is filled in; who types it too is understood.")
                .example("https://"),
            Key::new("suffix", Type::Text, "What stands behind it.").example(".example.com"),
        ],
    ]),
    near: &[&CONFIG_FIELD],
};

/// A schema inside another.
pub static NESTED_FIELD: Section = Section {
    name: "schema",
    doc: "A schema inside another: `required` lists names, as in JSON Schema.",
    keys: &joined::<24>(&[
        &KEYWORDS,
        &[Key::new("required", Type::List(&Type::Text), "The properties that must be given.")],
    ]),
    near: &[],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::fields::FORMATS as CHECKED;

    #[test]
    fn the_formats_are_those_that_are_checked() {
        assert!(FORMATS.iter().eq(CHECKED.iter().map(|(name, _)| name)));
    }
}
