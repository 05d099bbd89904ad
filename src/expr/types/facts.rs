//! What is known where a test holds, or where it doesn't.

use minijinja::machinery::ast::{BinOp, BinOpKind, Expr as Node, UnaryOpKind};

use super::{Kinds, Text, Type};

/// Something known of what a dotted name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Such as `["input", "email"]`.
    pub path: Vec<String>,
    /// What.
    pub known: Known,
}

/// What is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It counts as true.
    True,
    /// It counts as false.
    False,
    /// It is none of these kinds.
    Not(Kinds),
    /// It is one of these kinds.
    Only(Kinds),
    /// It is one of these words.
    Words(Vec<String>),
    /// It is none of these words.
    NoWord(Vec<String>),
    /// It was tested, together with others: it is no oversight if it may be missing here.
    Tested,
}

impl Fact {
    /// The type of what the fact is about, knowing it.
    pub(super) fn narrow(&self, it: Type) -> Type {
        let whole = it.clone();
        let narrowed = match &self.known {
            Known::True => it.narrowed(true),
            Known::False => it.narrowed(false),
            Known::Not(kinds) => it.without(*kinds),
            Known::Only(kinds) => Type { kinds: it.kinds.and(*kinds), ..it },
            Known::Words(words) => {
                let given: Vec<&str> = match it.only_words() {
                    Some(known) => {
                        known.iter().map(|it| &**it).filter(|it| words.iter().any(|word| word == it)).collect()
                    }
                    None => words.iter().map(String::as_str).collect(),
                };
                Type::text(Text::words(given)).as_sampled(it.sampled)
            }
            Known::NoWord(words) => match it.only_words() {
                Some(known) => {
                    let left = known.iter().map(|it| &**it).filter(|it| !words.iter().any(|word| word == it));
                    let text = Text::words(left.collect::<Vec<_>>());
                    let is_gone = matches!(&text, Text::Words(left) if left.is_empty());
                    if is_gone { it.without(Kinds::TEXT) } else { Type { text, ..it } }
                }
                None => it,
            },
            Known::Tested => it,
        };
        let is_never = narrowed.kinds.is_none() || matches!(&narrowed.text, Text::Words(it) if it.is_empty());
        // What contradicts itself is told where it is tested; here nothing is said of it.
        if is_never && !whole.kinds.is_none() { Type::ANY } else { narrowed }
    }
}

/// What is known where the expression counts as true (`holds`), or as false.
pub(super) fn of(node: &Node<'_>, holds: bool) -> Vec<Fact> {
    let mut facts = Vec::new();
    collect(node, holds, &mut facts);
    facts
}

fn collect(node: &Node<'_>, holds: bool, facts: &mut Vec<Fact>) {
    if let Some(path) = path(node) {
        facts.push(Fact { path, known: if holds { Known::True } else { Known::False } });
        return;
    }
    match node {
        Node::UnaryOp(it) if matches!(it.op, UnaryOpKind::Not) => collect(&it.expr, !holds, facts),
        Node::BinOp(it) => match (&it.op, holds) {
            (BinOpKind::ScAnd, true) | (BinOpKind::ScOr, false) => {
                collect(&it.left, holds, facts);
                collect(&it.right, holds, facts);
            }
            _ => match compared(it, holds) {
                Some(fact) => facts.push(fact),
                None => tested(node, facts),
            },
        },
        Node::Test(it) if it.args.is_empty() => {
            let Some(kinds) = Kinds::of_test(it.name) else { return tested(node, facts) };
            match path(&it.expr) {
                Some(path) if holds => facts.push(Fact { path, known: Known::Only(kinds) }),
                Some(path) => facts.push(Fact { path, known: Known::Not(kinds) }),
                None => tested(node, facts),
            }
        }
        // A filter passes on what is missing, so that what counts as true was there.
        Node::Filter(it) if holds && it.name != "default" => match &it.expr {
            Some(inner) if it.args.is_empty() && path(inner).is_some() => collect(inner, true, facts),
            _ => tested(node, facts),
        },
        _ => tested(node, facts),
    }
}

/// `path == 'word'`, `path in ['a', 'b']`, `path == none` and their opposites.
fn compared(it: &BinOp<'_>, holds: bool) -> Option<Fact> {
    let (path, other) = match (path(&it.left), path(&it.right)) {
        (Some(path), None) => (path, &it.right),
        (None, Some(path)) if !matches!(it.op, BinOpKind::In) => (path, &it.left),
        _ => return None,
    };
    let equal = matches!(it.op, BinOpKind::Eq | BinOpKind::In) == holds;
    let words = match (&it.op, other) {
        (BinOpKind::Eq | BinOpKind::Ne, Node::Const(it)) if it.value.is_none() => {
            let known = if equal { Known::Only(Kinds::ABSENT) } else { Known::Not(Kinds::NULL) };
            return Some(Fact { path, known });
        }
        (BinOpKind::Eq | BinOpKind::Ne, other) => vec![word(other)?.to_owned()],
        (BinOpKind::In, Node::List(list)) => {
            list.items.iter().map(|it| word(it).map(str::to_owned)).collect::<Option<_>>()?
        }
        _ => return None,
    };
    Some(Fact { path, known: if equal { Known::Words(words) } else { Known::NoWord(words) } })
}

fn word<'a>(node: &'a Node<'_>) -> Option<&'a str> {
    match node {
        Node::Const(it) => it.value.as_str(),
        _ => None,
    }
}

/// Every name in it.
fn tested(node: &Node<'_>, facts: &mut Vec<Fact>) {
    if let Some(path) = path(node) {
        facts.push(Fact { path, known: Known::Tested });
        return;
    }
    super::infer::children(node, &mut |it| tested(it, facts));
}

/// The parts of a dotted name.
pub(super) fn path(node: &Node<'_>) -> Option<Vec<String>> {
    let (inner, part) = match node {
        Node::Var(it) => return Some(vec![it.id.to_owned()]),
        Node::GetAttr(it) => (&it.expr, it.name.to_owned()),
        Node::GetItem(it) => (&it.expr, word(&it.subscript_expr)?.to_owned()),
        _ => return None,
    };
    let mut path = path(inner)?;
    path.push(part);
    Some(path)
}
