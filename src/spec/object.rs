//! Objects: unified records, and what is known of an org's own fields.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{Fields, Plan, mapping::Mapping};
use crate::expr::Expr;

/// A unified record, such as a lead. Each org maps it to fields of its own.
#[derive(Debug)]
pub struct Object {
    /// Its key.
    pub name: String,
    /// For people.
    pub title: String,
    /// What describing needs: the connector's and its own.
    pub scopes: Vec<String>,
    /// What the org's fields depend on, of the builder's config.
    pub config: Fields,
    /// The unified fields, as an action's input has them.
    pub fields: Fields,
    /// Unified field → where to find its place in an org.
    pub places: IndexMap<String, Place>,
    /// How a value is sent to a field of that type.
    pub write: Vec<(OrgType, Arc<Expr>)>,
    /// Its output is the list of what an [`super::mapping::OrgField`] is read from.
    pub describe: Option<Plan>,
    /// What holds for an org that saved no mapping; without any field, there is none.
    pub default: Arc<Mapping>,
}

/// Where a unified field lands.
#[derive(Debug, Default)]
pub struct Place {
    /// The org's field, when nothing else is mapped.
    pub to: Option<String>,
    /// Further names or labels by which the org's field is found.
    pub also: Vec<String>,
}

/// What kind of value an org's field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrgType {
    /// Text on one line.
    String,
    /// Text of several lines.
    Text,
    /// A whole number.
    Integer,
    /// Any number: money and percentages too.
    Number,
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// An instant.
    DateTime,
    /// A time of day.
    Time,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// An address on the web.
    Url,
    /// One of its options.
    Picklist,
    /// Some of its options.
    MultiPicklist,
    /// The id of another record.
    Reference,
    /// Anything else: it is sent as it is.
    Other,
}

impl OrgType {
    /// Every type and its word, in the order of the reference.
    pub const ALL: [(OrgType, &'static str); 15] = [
        (Self::String, "string"),
        (Self::Text, "text"),
        (Self::Integer, "integer"),
        (Self::Number, "number"),
        (Self::Boolean, "boolean"),
        (Self::Date, "date"),
        (Self::DateTime, "date-time"),
        (Self::Time, "time"),
        (Self::Email, "email"),
        (Self::Phone, "phone"),
        (Self::Url, "url"),
        (Self::Picklist, "picklist"),
        (Self::MultiPicklist, "multi_picklist"),
        (Self::Reference, "reference"),
        (Self::Other, "other"),
    ];

    /// The type of that word; any other word is a kind of field that the language doesn't know.
    pub fn of_word(word: &str) -> Self {
        Self::ALL.iter().find(|(_, it)| *it == word).map_or(Self::Other, |(kind, _)| *kind)
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("other", |(_, word)| word)
    }
}
