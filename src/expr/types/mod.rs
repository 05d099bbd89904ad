//! What is known of a value before anything runs.
//!
//! A [`Type`] is a set of kinds and, where they are known, the words that a text can be, the entries of a list and the
//! members of a mapping. What nobody knows is [`Type::ANY`]: nothing is ever said about it. So is a mistake said only of
//! what can't come out right whatever the values are.

mod calls;
mod facts;
mod guess;
mod infer;
mod kinds;
mod members;
mod operators;
mod path;
mod said;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use facts::{Fact, Known};
pub use guess::{of_json, of_sample, of_schema};
pub use infer::{Roots, may_be_missing, no_member};
pub use kinds::Kinds;
pub use members::{Absent, Members};
pub use said::article;

/// What is known of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Type {
    /// What it may be.
    pub kinds: Kinds,
    /// Which text, if it is one.
    pub text: Text,
    /// What is in it, if it is a list; unknown if `None`.
    pub entries: Option<Arc<Type>>,
    /// What is in it, if it is a mapping; unknown if `None`.
    pub members: Option<Arc<Members>>,
    /// Known only from answers that the author gave as samples: there may be others.
    pub sampled: bool,
}

/// What is known of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Nothing.
    Any,
    /// It isn't empty.
    Filled,
    /// Somebody checked it: a format of JSON Schema, or `pattern`.
    Format(&'static str),
    /// It is one of these.
    Words(Arc<[Arc<str>]>),
}

/// Formats of text that fields may have; see `docs/connector-reference.md` §5.
const FORMATS: &[&str] =
    &["date-time", "date", "time", "time-range", "timezone", "email", "uri", "uuid", "base64", "pattern"];

impl Text {
    /// The text that the format of that name stands for.
    pub fn format(name: &str) -> Self {
        FORMATS.iter().find(|it| **it == name).map_or(Self::Any, |it| Self::Format(it))
    }

    /// One of these words.
    pub fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Words(words.into_iter().map(Arc::from).collect())
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Words(own), Self::Words(more)) => {
                let new = more.iter().filter(|it| !own.contains(it));
                Self::Words(own.iter().chain(new).cloned().collect())
            }
            (own, other) if own == other => own,
            (own, other) if own.can_be_empty() || other.can_be_empty() => Self::Any,
            _ => Self::Filled,
        }
    }

    fn can_be_empty(&self) -> bool {
        match self {
            Self::Any | Self::Format("pattern" | "base64") => true,
            Self::Filled | Self::Format(_) => false,
            Self::Words(words) => words.iter().any(|it| it.is_empty()),
        }
    }

    fn can_be_filled(&self) -> bool {
        !matches!(self, Self::Words(words) if words.iter().all(|it| it.is_empty()))
    }
}

impl Type {
    /// Whatever there is, nothing too.
    pub const ANY: Self = Self::of(Kinds::ALL);
    /// Nothing: of no value is anything known, as of the entries of an empty list.
    pub const NEVER: Self = Self::of(Kinds::NONE);
    /// Text.
    pub const TEXT: Self = Self::of(Kinds::TEXT);
    /// A whole number.
    pub const INTEGER: Self = Self::of(Kinds::INTEGER);
    /// A number.
    pub const NUMBER: Self = Self::of(Kinds::NUMBER);
    /// True or false.
    pub const BOOLEAN: Self = Self::of(Kinds::BOOLEAN);
    /// A list of anything.
    pub const LIST: Self = Self::of(Kinds::LIST);
    /// A mapping of anything.
    pub const MAPPING: Self = Self::of(Kinds::MAPPING);
    /// Missing.
    pub const UNDEFINED: Self = Self::of(Kinds::UNDEFINED);

    /// Any value of these kinds.
    pub const fn of(kinds: Kinds) -> Self {
        Self { kinds, text: Text::Any, entries: None, members: None, sampled: false }
    }

    /// A text of which something is known.
    pub fn text(text: Text) -> Self {
        Self { text, ..Self::TEXT }
    }

    /// A list of those.
    pub fn list(entries: Type) -> Self {
        Self { sampled: entries.sampled, entries: Some(Arc::new(entries)), ..Self::LIST }
    }

    /// A mapping with these members and no others.
    pub fn mapping<'a>(members: impl IntoIterator<Item = (&'a str, Type)>) -> Self {
        Self::with_members(Members::new(members.into_iter().map(|(name, it)| (Arc::from(name), it)).collect(), false))
    }

    /// A mapping.
    pub fn with_members(members: Members) -> Self {
        Self { members: Some(Arc::new(members)), ..Self::MAPPING }
    }

    /// Whether nothing is known.
    pub fn is_any(&self) -> bool {
        self.kinds == Kinds::ALL
    }

    /// The same, which may also be missing.
    #[must_use]
    pub fn or_undefined(self) -> Self {
        Self { kinds: self.kinds.or(Kinds::UNDEFINED), ..self }
    }

    /// The same without these kinds.
    #[must_use]
    pub fn without(self, kinds: Kinds) -> Self {
        Self { kinds: self.kinds.without(kinds), ..self }
    }

    /// The same, told by samples.
    #[must_use]
    pub fn as_sampled(self, sampled: bool) -> Self {
        Self { sampled: self.sampled || sampled, ..self }
    }

    /// One or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.kinds.is_none() || other.is_any() {
            return other;
        }
        if other.kinds.is_none() || self.is_any() {
            return self;
        }
        let both = self.kinds.and(other.kinds);
        let either = |kind: Kinds| if self.kinds.has(kind) { Some(true) } else { None };
        let text = match (either(Kinds::TEXT), other.kinds.has(Kinds::TEXT)) {
            (Some(_), true) => self.text.clone().or(other.text.clone()),
            (Some(_), false) => self.text.clone(),
            (None, _) => other.text.clone(),
        };
        let entries = match both.has(Kinds::LIST) {
            true => self.entries.clone().zip(other.entries.clone()).map(|(a, b)| joined(a, b)),
            false if self.kinds.has(Kinds::LIST) => self.entries.clone(),
            false => other.entries.clone(),
        };
        let members = match both.has(Kinds::MAPPING) {
            true => self.members.clone().zip(other.members.as_ref()).map(|(a, b)| Members::joined(a, b)),
            false if self.kinds.has(Kinds::MAPPING) => self.members.clone(),
            false => other.members.clone(),
        };
        let kinds = self.kinds.or(other.kinds);
        Self { kinds, text, entries, members, sampled: self.sampled || other.sampled }
    }

    /// What an entry of it is, if it is a list.
    pub fn entry(&self) -> Self {
        match &self.entries {
            Some(entries) if !entries.kinds.is_none() && self.kinds.has(Kinds::LIST) => {
                (**entries).clone().as_sampled(self.sampled).opened()
            }
            _ => Self::ANY,
        }
    }

    /// What a member of it is, if it is a mapping.
    ///
    /// # Errors
    /// If it can't be there.
    pub fn member(&self, name: &str) -> Result<Self, Absent> {
        let others = self.kinds.without(Kinds::MAPPING);
        let missing = |it: Type| if others.is_none() { it } else { it.or_undefined() };
        match &self.members {
            _ if self.is_any() => Ok(Self::ANY),
            _ if !self.kinds.has(Kinds::MAPPING) => match self.kinds {
                // Asked for more, what is missing is missing.
                kinds if kinds.is_within(Kinds::ABSENT) && !self.sampled => Ok(Self::UNDEFINED),
                kinds if kinds.has(Kinds::LIST) => Err(Absent::List),
                _ => Err(Absent::Scalar(self.clone())),
            },
            None => Ok(Self::ANY),
            Some(members) => match members.get(name) {
                Some(member) => Ok(missing(member.clone().as_sampled(self.sampled)).opened()),
                None if members.is_open() => Ok(Self::ANY),
                None => Err(Absent::Keys(members.names())),
            },
        }
    }

    /// Samples in which something is always null say nothing of what it is otherwise.
    fn opened(self) -> Self {
        if self.sampled && self.kinds.is_within(Kinds::ABSENT) { Self::ANY } else { self }
    }

    /// Whether it may count as true.
    pub fn can_be_true(&self) -> bool {
        let kinds = self.kinds.without(Kinds::ABSENT.or(Kinds::FALSE));
        self.sampled || kinds != Kinds::TEXT && !kinds.is_none() || kinds == Kinds::TEXT && self.text.can_be_filled()
    }

    /// Whether it may count as false.
    pub fn can_be_false(&self) -> bool {
        let is_empty_text = self.kinds.has(Kinds::TEXT) && self.text.can_be_empty();
        let is_filled = self.members.as_ref().is_some_and(|it| it.is_filled());
        let is_empty_mapping = self.kinds.has(Kinds::MAPPING) && !is_filled;
        let others = Kinds::ABSENT.or(Kinds::FALSE).or(Kinds::NUMBER).or(Kinds::LIST);
        self.sampled || self.kinds.has(others) || is_empty_text || is_empty_mapping
    }

    /// As it is where it counts as true, or as false.
    #[must_use]
    pub fn narrowed(self, holds: bool) -> Self {
        let gone = match holds {
            true => Kinds::ABSENT.or(Kinds::FALSE),
            false => Kinds::TRUE,
        };
        let text = match (&self.text, holds) {
            (Text::Any, true) => Text::Filled,
            (Text::Words(words), true) => Text::Words(words.iter().filter(|it| !it.is_empty()).cloned().collect()),
            _ => self.text.clone(),
        };
        let mut narrowed = Self { text, ..self.clone() }.without(gone);
        if !holds && !self.text.can_be_empty() {
            narrowed = narrowed.without(Kinds::TEXT);
        }
        // What can't be is never reached: nothing is said of it.
        if narrowed.kinds.is_none() { Self::ANY } else { narrowed }
    }

    /// The words that it must be one of, if it is text, and nothing but text or missing.
    pub fn only_words(&self) -> Option<&[Arc<str>]> {
        match &self.text {
            Text::Words(words) if self.kinds.without(Kinds::ABSENT) == Kinds::TEXT => Some(words),
            _ => None,
        }
    }

    /// The one word that it is.
    pub fn constant(&self) -> Option<&str> {
        match self.only_words() {
            Some([word]) if self.kinds == Kinds::TEXT => Some(word),
            _ => None,
        }
    }
}

fn joined(own: Arc<Type>, other: Arc<Type>) -> Arc<Type> {
    if own == other { own } else { Arc::new(Arc::unwrap_or_clone(own).or(Arc::unwrap_or_clone(other))) }
}
