//! What comes of a filter, a test or a function.

use crate::expr::types::{Kinds, Text, Type};

/// What an entry gives; a filter that is given nothing gives that back, unless it says something about it.
#[derive(Clone, Copy)]
pub enum Gives {
    /// Nobody knows.
    Any,
    /// Text.
    Text,
    /// A date-time.
    Time,
    /// A date.
    Date,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A mapping.
    Mapping,
    /// A list of anything.
    List,
    /// A list of text.
    Texts,
    /// What it was given.
    Same,
    /// An entry of the list that it was given, if there is one.
    Entry,
    /// It depends.
    Of(fn(&Given<'_>) -> Type),
}

/// What an entry is given.
pub struct Given<'a> {
    /// Before the bar.
    pub input: &'a Type,
    /// One for each parameter; `None` if it isn't given.
    pub args: &'a [Option<Type>],
}

impl Gives {
    /// The type of it.
    pub fn of(self, given: &Given<'_>) -> Type {
        match self {
            Self::Any => Type::ANY,
            Self::Text => Type::TEXT,
            Self::Time => Type::text(Text::format("date-time")),
            Self::Date => Type::text(Text::format("date")),
            Self::Integer => Type::INTEGER,
            Self::Number => Type::NUMBER,
            Self::Boolean => Type::BOOLEAN,
            Self::Mapping => Type::MAPPING,
            Self::List => Type::LIST,
            Self::Texts => Type::list(Type::TEXT),
            Self::Same => given.there(),
            Self::Entry => given.input.entry().or_undefined(),
            Self::Of(gives) => gives(given),
        }
    }
}

impl Given<'_> {
    /// The input where it isn't missing.
    pub fn there(&self) -> Type {
        let there = self.input.clone();
        if there.is_any() { there } else { there.without(Kinds::ABSENT) }
    }

    /// An argument.
    pub fn arg(&self, at: usize) -> Option<&Type> {
        self.args.get(at)?.as_ref()
    }
}
