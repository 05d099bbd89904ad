//! What operators make of types, and which values never meet.

use minijinja::machinery::ast::BinOpKind;

use super::{Kinds, Text, Type};

/// Whether no value of the one equals any of the other.
pub(super) fn never_equal(a: &Type, b: &Type) -> bool {
    let common = alike(a.kinds).and(alike(b.kinds));
    if a.kinds.is_none() || b.kinds.is_none() || !common.is_none() && common != Kinds::TEXT {
        return false;
    }
    if common.is_none() {
        return true;
    }
    match (&a.text, &b.text) {
        (Text::Words(a), Text::Words(b)) => !a.iter().any(|it| b.contains(it)),
        _ => false,
    }
}

/// With the kinds that are compared as if they were these.
fn alike(kinds: Kinds) -> Kinds {
    const GROUPS: &[Kinds] = &[Kinds::NUMBER.or(Kinds::BOOLEAN), Kinds::ABSENT];
    GROUPS.iter().filter(|it| kinds.has(**it)).fold(kinds, |kinds, it| kinds.or(*it))
}

/// Whether they have an order: only what is alike has one.
pub(super) fn have_order(a: &Type, b: &Type) -> bool {
    let there = |it: &Type| it.kinds.without(Kinds::ABSENT);
    there(a).is_none() || there(b).is_none() || alike(there(a)).has(alike(there(b)))
}

/// The sign of an operator that computes, and what it works on.
pub(super) fn arithmetic(op: &BinOpKind) -> Option<(&'static str, &'static [(Kinds, Kinds)])> {
    const NUMBERS: Kinds = Kinds::NUMBER.or(Kinds::BOOLEAN);
    const TWO_NUMBERS: &[(Kinds, Kinds)] = &[(NUMBERS, NUMBERS)];
    const ADDED: &[(Kinds, Kinds)] = &[(NUMBERS, NUMBERS), (Kinds::TEXT, Kinds::TEXT), (Kinds::LIST, Kinds::LIST)];
    Some(match op {
        BinOpKind::Add => ("+", ADDED),
        BinOpKind::Sub => ("-", TWO_NUMBERS),
        BinOpKind::Mul => ("*", TWO_NUMBERS),
        BinOpKind::Div => ("/", TWO_NUMBERS),
        BinOpKind::FloorDiv => ("//", TWO_NUMBERS),
        BinOpKind::Rem => ("%", TWO_NUMBERS),
        BinOpKind::Pow => ("**", TWO_NUMBERS),
        _ => return None,
    })
}

/// What comes of two values that an operator works on.
pub(super) fn computed(op: &BinOpKind, a: &Type, b: &Type) -> Type {
    let only = |kinds: Kinds| a.kinds.is_within(kinds) && b.kinds.is_within(kinds);
    let known = match op {
        BinOpKind::Div => Type::NUMBER,
        _ if only(Kinds::INTEGER) => Type::INTEGER,
        _ if only(Kinds::NUMBER) => Type::NUMBER,
        BinOpKind::Add if only(Kinds::TEXT) => Type::TEXT,
        BinOpKind::Add if only(Kinds::LIST) => Type::list(a.entry().or(b.entry())),
        _ => Type::ANY,
    };
    known.as_sampled(a.sampled || b.sampled)
}
