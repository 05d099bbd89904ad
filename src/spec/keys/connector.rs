//! `connector.yaml`: the top level.

use super::{
    AFTER_CONNECT, AUTH, EVENTS, HTTP,
    action::{A_LOOKUP, AN_ACTION},
    field::A_SHARED_FIELD,
    object::AN_OBJECT,
};
use crate::yaml::{Key, Section, Type};

/// The whole file.
pub static CONNECTOR: Section = Section {
    name: "connector",
    doc: "What a provider can do: sign-in, requests, lookups, objects, actions.",
    keys: &[
        Key::new("id", Type::Id, "`lower-case-with-dashes`, the name of the directory.").required(),
        Key::new("version", Type::Version, "Semantic version; raise it with every change.").required(),
        Key::new("title", Type::Text, "The provider's name, for people.").required().mistaken(&["name"]),
        Key::new("summary", Type::Text, "What it does for a business, in one or two sentences.")
            .required()
            .mistaken(&["description"]),
        Key::new("brand", Type::Section(&BRAND), "Mark and colour in the catalog."),
        Key::new("catalog", Type::Section(&CATALOG), "Where it stands in the catalog.")
            .required()
            .example("{group: other_integration, phase: closed_beta}"),
        Key::new("auth", AUTH, "How a connection signs in.").required().mistaken(&["authentication"]),
        Key::new(
            "http",
            Type::Section(&HTTP),
            "Where requests go and what answers mean; needed by whatever has a `path`.",
        ),
        Key::new("after_connect", Type::Section(&AFTER_CONNECT), "Identifies the account once it is connected."),
        Key::new(
            "fields",
            Type::Named(&A_SHARED_FIELD),
            "Fields that several actions share: each takes one by `name: shared`.",
        ),
        Key::new("events", Type::Section(&EVENTS), "What the provider tells without being asked.")
            .mistaken(&["webhooks"]),
        Key::new("lookups", Type::Named(&A_LOOKUP), "Live lists that a builder picks from."),
        Key::new("objects", Type::Named(&AN_OBJECT), "Unified records that each org maps to its own fields."),
        Key::new("actions", Type::Named(&AN_ACTION), "What the agent can do.").required(),
    ],
    near: &[&HTTP],
};

/// `brand`
pub static BRAND: Section = Section {
    name: "brand",
    doc: "Mark and colour in the catalog.",
    keys: &[
        Key::new("logo", Type::Word(&["logo.svg"]), "The file beside `connector.yaml`."),
        Key::new("color", Type::Color, "`#RRGGBB`, in quotes.").mistaken(&["colour"]),
    ],
    near: &[],
};

/// `catalog`
pub static CATALOG: Section = Section {
    name: "catalog",
    doc: "Where the connector stands in the catalog.",
    keys: &[
        Key::new("group", Type::Word(&["other_integration"]), "The group of rows.").required(),
        Key::new("phase", Type::Word(&["planned", "closed_beta", "open_beta", "ga"]), "Who may see it.").required(),
        Key::new(
            "gaps",
            Type::List(&Type::Text),
            "What people would expect of the connector and it can't do, a sentence each.",
        )
        .example("[\"Recurring events can't be moved.\"]")
        .mistaken(&["limitations", "known_gaps"]),
    ],
    near: &[],
};
