//! What is in a mapping.

use std::sync::Arc;

use super::{Kinds, Type};

/// The members of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Members {
    known: Vec<(Arc<str>, Type)>,
    open: bool,
}

/// Why a part of a value can't be there.
#[derive(Debug, Clone, PartialEq)]
pub enum Absent {
    /// The value is a list.
    List,
    /// It is nothing that has parts.
    Scalar(Type),
    /// It has these members only.
    Keys(Vec<Arc<str>>),
}

impl Members {
    /// These members; with `open` perhaps others.
    pub fn new(known: Vec<(Arc<str>, Type)>, open: bool) -> Self {
        Self { known, open }
    }

    /// What is known of one.
    pub fn get(&self, name: &str) -> Option<&Type> {
        self.known.iter().find(|(it, _)| **it == *name).map(|(_, it)| it)
    }

    /// Whether there may be others.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The names of those that are known.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.known.iter().map(|(name, _)| Arc::clone(name)).collect()
    }

    /// Each that is known.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Type)> {
        self.known.iter().map(|(name, it)| (&**name, it))
    }

    /// Whether one is always there.
    pub fn is_filled(&self) -> bool {
        self.known.iter().any(|(_, it)| !it.kinds.has(Kinds::UNDEFINED))
    }

    /// The members of either: one that only one of them has may be missing.
    pub(super) fn joined(own: Arc<Self>, other: &Arc<Self>) -> Arc<Self> {
        if own == *other {
            return own;
        }
        let mut known = Vec::with_capacity(own.known.len());
        let one_sided = |it: &Type, open: bool| if open { Type::ANY } else { it.clone().or_undefined() };
        for (name, member) in &own.known {
            let member = match other.get(name) {
                Some(more) if more == member => member.clone(),
                Some(more) => member.clone().or(more.clone()),
                None => one_sided(member, other.open),
            };
            known.push((Arc::clone(name), member));
        }
        for (name, member) in other.known.iter().filter(|(name, _)| own.get(name).is_none()) {
            known.push((Arc::clone(name), one_sided(member, own.open)));
        }
        Arc::new(Self { known, open: own.open || other.open })
    }
}
