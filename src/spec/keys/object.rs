//! Objects: unified records, and how an org's own fields are described.

use super::{
    REQUEST,
    action::{CONFIG, ERRORS, PAGES_KEY, REQUEST_KEY, SCOPES, STEPS, TIMEOUT},
    field::AN_OBJECT_FIELD,
};
use crate::yaml::{Key, Section, Type};

/// For a mapping of them.
pub(super) static AN_OBJECT: Type = Type::Section(&OBJECT);

/// An entry of `objects`.
pub static OBJECT: Section = Section {
    name: "object",
    doc: "A unified record, and how its fields land in one org's own.",
    keys: &[
        Key::new("title", Type::Text, "For people."),
        SCOPES,
        CONFIG,
        Key::new("fields", Type::Named(&AN_OBJECT_FIELD), "The unified fields; they join the inputs of its actions.")
            .required(),
        Key::new("write", Type::Mapping(&Type::Expression), "Type of an org's field → how its `value` is sent.")
            .example("{multi_picklist: \"{{ value | join(';') }}\"}"),
        Key::new("describe", Type::Section(&DESCRIBE), "Asks for the org's own fields."),
    ],
    near: &[&DESCRIBE],
};

/// `describe`
pub static DESCRIBE: Section = Section {
    name: "describe",
    doc: "Asks for the org's own fields.",
    keys: &[
        TIMEOUT,
        REQUEST_KEY,
        PAGES_KEY,
        ERRORS,
        STEPS,
        Key::new("each", Type::PathOrExpression, "The fields.").required().mistaken(&["fields", "items"]),
        Key::new("when", Type::Expression, "Which of them, by `item`."),
        Key::new("field", Type::Section(&ORG_FIELD), "What is known of each.").required(),
    ],
    near: &[&OBJECT, &REQUEST],
};

/// `field` of a description; `$` and `item` are the entry.
pub static ORG_FIELD: Section = Section {
    name: "field",
    doc: "What is known of an org's field; `$` and `item` are the entry.",
    keys: &[
        Key::new("name", Type::Value, "The name that it is sent by.").required().example("$.name"),
        Key::new("label", Type::Value, "What the org calls it; the name if it is missing.").example("$.label"),
        Key::new("type", Type::Value, "One of the types in the reference; any other word counts as `other`.")
            .default("other")
            .example("string"),
        Key::new("length", Type::Value, "Characters at most.").example("$.length"),
        Key::new("required", Type::Value, "Whether a new record needs it.").default("false"),
        Key::new("writable", Type::Value, "Whether it can be set.").default("true").mistaken(&["writeable"]),
        Key::new("options", Type::Value, "The allowed values: texts, or `{value, label}` each.").mistaken(&["values"]),
    ],
    near: &[&DESCRIBE],
};
