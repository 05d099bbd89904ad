//! Sets of kinds of values.

use std::fmt;

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// What is missing.
    pub const UNDEFINED: Self = Self(1);
    /// `null`
    pub const NULL: Self = Self(1 << 1);
    /// `false`
    pub const FALSE: Self = Self(1 << 2);
    /// `true`
    pub const TRUE: Self = Self(1 << 3);
    /// Whole numbers.
    pub const INTEGER: Self = Self(1 << 4);
    /// Numbers with a fraction, or that may have one.
    pub const FRACTION: Self = Self(1 << 5);
    /// Text.
    pub const TEXT: Self = Self(1 << 6);
    /// Lists.
    pub const LIST: Self = Self(1 << 7);
    /// Mappings.
    pub const MAPPING: Self = Self(1 << 8);

    /// Missing, or null.
    pub const ABSENT: Self = Self::UNDEFINED.or(Self::NULL);
    /// True and false.
    pub const BOOLEAN: Self = Self::TRUE.or(Self::FALSE);
    /// All numbers.
    pub const NUMBER: Self = Self::INTEGER.or(Self::FRACTION);
    /// What can stand in a text.
    pub const SCALAR: Self = Self::TEXT.or(Self::NUMBER).or(Self::BOOLEAN);
    /// All.
    pub const ALL: Self = Self((1 << 9) - 1);

    /// Those of which a test such as `is number` is true, if it goes by the kind alone.
    pub(super) fn of_test(name: &str) -> Option<Self> {
        Some(match name {
            "defined" => Self::ALL.without(Self::UNDEFINED),
            "undefined" => Self::UNDEFINED,
            "none" => Self::NULL,
            "string" => Self::TEXT,
            "number" => Self::NUMBER,
            "boolean" => Self::BOOLEAN,
            "sequence" => Self::LIST,
            "mapping" => Self::MAPPING,
            _ => return None,
        })
    }

    /// Those of both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that the other has not.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether they have one in common.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the other has all of them.
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether there is none.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", super::said::kinds(*self))
    }
}
