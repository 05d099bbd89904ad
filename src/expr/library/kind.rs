//! What inputs and arguments must be.

use minijinja::{
    Value,
    value::ValueKind::{self, Iterable, Seq},
};

use super::{Role, entries, find, moment::Moment, pattern, time};
use crate::{
    base::{zone, zone_names},
    diag::{Near, nearest},
    expr::{adapter, types::Kinds},
};

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything, missing values too.
    Any,
    /// Text; numbers and booleans count as what they look like.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    List,
    /// A mapping.
    Mapping,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// The name of a test.
    Test,
    /// The name of a filter.
    Filter,
    /// A date-time with offset, or a date (RFC 3339).
    Time,
    /// An IANA time zone.
    Zone,
    /// A pattern of strftime.
    TimeFormat,
    /// A regular expression.
    Pattern,
}

impl Kind {
    /// Refuses an input that minijinja's own filters would take for something else, such as text for its characters.
    pub(super) fn expect(self, name: &str, input: &Value) -> Result<(), String> {
        if self != Self::List || matches!(input.kind(), Seq | Iterable) {
            return Ok(());
        }
        Err(format!("`{name}` works on a list, and was given {}", adapter::name(input.kind())))
    }

    /// The kinds of values that may be given; of some only a part will do.
    pub(crate) fn kinds(self) -> Kinds {
        match self {
            Self::Any => Kinds::ALL,
            Self::Text => Kinds::SCALAR,
            Self::Integer => Kinds::NUMBER,
            Self::Number => Kinds::NUMBER.or(Kinds::TEXT),
            Self::Boolean => Kinds::BOOLEAN,
            Self::List => Kinds::LIST,
            Self::Mapping => Kinds::MAPPING,
            Self::OneOf(_) | Self::Test | Self::Filter | Self::Time | Self::Zone | Self::TimeFormat | Self::Pattern => {
                Kinds::TEXT
            }
        }
    }

    /// What authors read.
    pub fn words(self) -> String {
        match self {
            Self::Any => "anything".into(),
            Self::Text => "text".into(),
            Self::Integer => "a whole number".into(),
            Self::Number => "a number".into(),
            Self::Boolean => "true or false".into(),
            Self::List => "a list".into(),
            Self::Mapping => "a mapping".into(),
            Self::OneOf(words) => words.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(" or "),
            Self::Test => "the name of a test".into(),
            Self::Filter => "the name of a filter".into(),
            Self::Time => "a date-time with offset or a date, such as `2026-12-01T09:30:00+07:00`".into(),
            Self::Zone => "an IANA time zone such as `Asia/Jakarta`".into(),
            Self::TimeFormat => "a pattern such as `%Y-%m-%d %H:%M`".into(),
            Self::Pattern => "a regular expression without look-around".into(),
        }
    }

    /// Whether a constant may be given; if not, perhaps with what was meant.
    pub(crate) fn check(self, value: &Value) -> Result<(), Option<Near<'static>>> {
        let named = |role: Role| {
            let name = value.as_str().ok_or(None)?;
            if find(role, name).is_some() {
                return Ok(());
            }
            Err(nearest(name, entries(role).map(|it| it.name)))
        };
        let fits = match self {
            Self::Any => true,
            Self::Text => matches!(value.kind(), ValueKind::String | ValueKind::Number | ValueKind::Bool),
            Self::Integer => value.is_integer(),
            Self::Number => value.is_number(),
            Self::Boolean => value.kind() == ValueKind::Bool,
            Self::List => value.kind() == ValueKind::Seq,
            Self::Mapping => value.kind() == ValueKind::Map,
            Self::OneOf(words) => {
                let word = value.as_str().ok_or(None)?;
                return if words.contains(&word) { Ok(()) } else { Err(nearest(word, words.iter().copied())) };
            }
            Self::Time => value.as_str().is_some_and(|it| Moment::parse(it).is_ok()),
            Self::Zone => {
                let name = value.as_str().ok_or(None)?;
                if zone(name).is_some() {
                    return Ok(());
                }
                return Err(nearest(name, zone_names()));
            }
            Self::TimeFormat => value.as_str().is_some_and(time::is_format),
            Self::Pattern => value.as_str().is_some_and(pattern::is_pattern),
            Self::Test => return named(Role::Test),
            Self::Filter => return named(Role::Filter),
        };
        if fits { Ok(()) } else { Err(None) }
    }
}
