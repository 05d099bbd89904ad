//! What is known of the values at a place, and what is said of those that can't be right there.

use crate::{
    diag::{Diagnostic, Span, codes, did_you_mean},
    expr::{
        Expr, Language, Marker, Shape,
        types::{Fact, Kinds, Roots, Type, article, may_be_missing, no_member, of_schema},
    },
    spec::Fields,
};

use super::view::View;

/// The types of the names at a place. What is `None` is not known.
#[derive(Clone, Copy, Default)]
pub(super) struct Types<'a> {
    pub(super) input: Option<&'a Type>,
    pub(super) config: Option<&'a Type>,
    /// Of the steps that have run.
    pub(super) steps: &'a [Type],
    pub(super) item: Option<&'a Type>,
    /// `answer.body`
    pub(super) answer: Option<&'a Type>,
    /// `$`
    pub(super) document: Option<&'a Type>,
    pub(super) event: Option<&'a Type>,
    /// What tests on the way here have shown.
    pub(super) facts: &'a [Fact],
}

/// Where a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A message, a body.
    Text,
    /// A part of a URL.
    Url,
    /// A query: each placeholder is a literal of the language.
    Query(Language),
}

/// What fields hold: one that may be left out and has no default may be missing.
pub(super) fn of_fields(fields: &Fields) -> Type {
    of_schema(&fields.schema)
}

impl Roots for View<'_> {
    fn root(&self, path: &[String]) -> (Type, usize) {
        let first = path.first().map(String::as_str).unwrap_or_default();
        let second = path.get(1).map(String::as_str);
        let known = |it: Option<&Type>| it.cloned().unwrap_or(Type::ANY);
        match (first, second) {
            ("input", _) => (known(self.types.input), 1),
            ("config", _) => (known(self.types.config), 1),
            ("item", _) => (known(self.types.item), 1),
            ("index", _) => (Type::INTEGER, 1),
            ("event", _) => (known(self.types.event), 1),
            ("now", _) => (Type::text(crate::expr::types::Text::format("date-time")), 1),
            ("steps", Some(id)) => {
                let at = self.steps.and_then(|(steps, _)| steps.iter().position(|it| it.id == id));
                (known(at.and_then(|at| self.types.steps.get(at))), 2)
            }
            ("connection", Some(name)) => {
                let field = self.connection.and_then(|it| it.fields.iter().find(|(it, _)| it == name));
                (known(field.map(|(_, it)| it)), 2)
            }
            ("answer", Some("status")) => (Type::INTEGER, 2),
            ("answer", Some("url")) => (Type::TEXT, 2),
            ("answer", Some("body")) => (known(self.types.answer), 2),
            ("answer", Some("headers")) if path.len() > 2 => (Type::TEXT.or_undefined().as_sampled(true), 3),
            ("execution", Some("id" | "key" | "org")) => (Type::TEXT, 2),
            ("record", None) => (Type::MAPPING, 1),
            _ => (Type::ANY, path.len()),
        }
    }

    fn facts(&self) -> &[Fact] {
        self.types.facts
    }
}

impl<'a> View<'a> {
    /// The same place, with what is known of the entries of a list.
    pub(super) fn with_item(self, item: &'a Type) -> Self {
        View { item: true, types: Types { item: Some(item), ..self.types }, ..self }
    }

    /// The same place, knowing more.
    pub(super) fn knowing(self, facts: &'a [Fact]) -> Self {
        View { types: Types { facts, ..self.types }, ..self }
    }
}

/// The facts of a place, and what a test shows.
pub(super) fn with_facts(known: &[Fact], test: Option<&Expr>, holds: bool) -> Vec<Fact> {
    known.iter().cloned().chain(test.into_iter().flat_map(|it| it.facts(holds))).collect()
}

/// Of a placeholder that can't stand where it does.
pub(super) fn misplaced(expr: &Expr, found: &Type, place: Place, view: &View<'_>) -> Option<Diagnostic> {
    let there = found.kinds.without(Kinds::ABSENT);
    let is_many = !there.is_none() && there.is_within(Kinds::LIST.or(Kinds::MAPPING));
    let takes_lists = match place {
        Place::Query(language) => expr.marker == Some(Marker::Identifier) || language.has_lists(),
        _ => false,
    };
    if is_many && !(takes_lists && there == Kinds::LIST) {
        let message = format!("`{}` {}, and one value is needed here", expr.shown(), article(found));
        let diagnostic = match found.sampled {
            true => Diagnostic::warning(codes::NOT_ONE_VALUE, expr.span, message),
            false => Diagnostic::error(codes::NOT_ONE_VALUE, expr.span, message),
        };
        return Some(diagnostic.help(match there.has(Kinds::LIST) {
            true => "take an entry, `| first`, or join them, `| join(',')`",
            false => "take one of its members, or send it as JSON, `| json`",
        }));
    }
    let why = match place {
        Place::Text => return None,
        Place::Url => "a part of a URL needs a value",
        Place::Query(_) => "a query needs a value",
    };
    may_be_missing(view, &[], expr.name()?, found, why, expr.span)
}

/// Of a value that is put in without escaping.
pub(super) fn raw(expr: &Expr, found: &Type) -> Diagnostic {
    let there = found.kinds.without(Kinds::ABSENT);
    if !there.is_none() && there.is_within(Kinds::NUMBER.or(Kinds::BOOLEAN)) {
        let message = format!("`raw` is needless: `{}` {}, in which nothing is escaped", expr.shown(), article(found));
        return Diagnostic::warning(codes::RAW, expr.span, message).help("leave it out");
    }
    let diagnostic = Diagnostic::warning(codes::RAW, expr.span, "this value is put in as it is");
    diagnostic.help("make sure that nobody else decides what it is")
}

/// Of a test that decides nothing.
pub(super) fn decided(test: &Expr, found: &Type, always: &str, never: &str) -> Option<Diagnostic> {
    if test.names.is_empty() {
        return None;
    }
    let consequence = match (found.can_be_true(), found.can_be_false()) {
        (true, false) => always,
        (false, true) => never,
        _ => return None,
    };
    let message = format!("{consequence}: `{}` {}", test.shown(), article(found));
    let diagnostic = Diagnostic::warning(codes::DECIDED, test.span, message);
    Some(diagnostic.help("leave it out, or test something that can differ"))
}

/// Of what is gone through and is no list.
pub(super) fn not_a_list(shape: &Shape, found: &Type) -> Option<Diagnostic> {
    let there = found.kinds.without(Kinds::ABSENT);
    if there.is_none() || there.has(Kinds::LIST) {
        return None;
    }
    let span = place(shape)?;
    let message = format!("`each` needs a list, and this {}", article(found));
    let diagnostic = match found.sampled {
        true => Diagnostic::warning(codes::WRONG_KIND, span, message),
        false => Diagnostic::error(codes::WRONG_KIND, span, message),
    };
    Some(diagnostic.help(match there.has(Kinds::MAPPING) {
        true => "take the list in it, or its entries as pairs, `| items`",
        false => "make a list of one value by `[…]`",
    }))
}

/// Where a shape that is one scalar stands.
pub(super) fn place(shape: &Shape) -> Option<Span> {
    match shape {
        Shape::Expr(it) => Some(it.span),
        Shape::Text(it) | Shape::Query(it, _) => Some(it.span),
        Shape::Path(it) => Some(it.span),
        Shape::When(_, inner) => place(inner),
        Shape::Each(it) => Some(it.span),
        Shape::Literal(_) | Shape::List(_) | Shape::Map(_) => None,
    }
}

/// What a path finds, and what is said if it can't find anything.
pub(super) fn of_path(path: &crate::expr::Path, document: &Type) -> (Type, Option<Diagnostic>) {
    let (name, absent) = match path.infer(document) {
        Ok(found) => return (found, None),
        Err(absent) => absent,
    };
    let before = path.source.find(name.as_str()).unwrap_or(path.source.len());
    let whole = path.source[..before].trim_end_matches(['.', '[', '\'', '"']);
    let diagnostic = no_member(whole, &name, &absent, document.sampled, path.span);
    (if path.singular { Type::ANY } else { Type::LIST }, Some(diagnostic))
}

/// Of an argument that the input of an action that is called can't be.
pub(super) fn unfit(name: &str, action: &str, given: &Type, wanted: &Type, span: Span) -> Option<Diagnostic> {
    let (has, takes) = (given.kinds.without(Kinds::ABSENT), wanted.kinds.without(Kinds::ABSENT));
    if has.is_none() || takes.is_none() || given.is_any() {
        return None;
    }
    let numbers = |it: Kinds| if it.has(Kinds::NUMBER) { it.or(Kinds::NUMBER) } else { it };
    let message = if !numbers(has).has(numbers(takes)) {
        format!("the input `{name}` of `{action}` is {}, and this {}", wanted.words(), article(given))
    } else if let (Some(words), Some(word)) = (wanted.only_words(), given.constant())
        && !words.iter().any(|it| **it == *word)
    {
        let message = format!("the input `{name}` of `{action}` is never `{word}`");
        let diagnostic = Diagnostic::error(codes::BAD_ARGUMENT, span, message);
        let quoted = || words.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        return Some(diagnostic.help(match did_you_mean(word, words.iter().map(|it| &**it)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is one of {}", quoted()),
        }));
    } else {
        return None;
    };
    let diagnostic = match given.sampled {
        true => Diagnostic::warning(codes::BAD_ARGUMENT, span, message),
        false => Diagnostic::error(codes::BAD_ARGUMENT, span, message),
    };
    Some(diagnostic.help(format!("give `{name}` a value that it takes: the call is refused otherwise")))
}
