//! Whether everything that came out comes out still.

use serde_json::Value as Json;

use super::Found;
use crate::expr::Shape;

/// Compares what is written as an output. What an expression or a path gives is known when it runs only.
pub(super) fn shape(from: &Shape, to: &Shape, at: &str, found: &mut Found) {
    let (from, to) = (Given::of(from), Given::of(to));
    match (&from, &to) {
        (Given::Unknown, _) => {}
        (Given::Mapping(old), Given::Mapping(new)) => {
            for (key, old) in old {
                match new.iter().find(|(it, _)| it == key) {
                    Some((_, new)) => part(old, new, &format!("{at}.{key}"), found),
                    None => found.breaks(format!("{at}.{key} is gone")),
                }
            }
            for (key, _) in new.iter().filter(|(key, _)| !old.iter().any(|(it, _)| it == key)) {
                found.adds(format!("{at}.{key} is new"));
            }
        }
        (Given::List(Some(old)), Given::List(Some(new))) => shape(old, new, &format!("{at}[]"), found),
        (Given::List(_), Given::List(_)) => {}
        (Given::Mapping(_), Given::Unknown) => {
            found.breaks(format!("{at} is no longer written out, so that nobody can tell what is in it"));
        }
        (_, Given::Unknown) => {}
        (old, new) if old.kind() == new.kind() => {}
        (old, new) => found.breaks(format!("{at} is {}, before {}", new.kind(), old.kind())),
    }
}

fn part(from: &Part<'_>, to: &Part<'_>, at: &str, found: &mut Found) {
    match (from, to) {
        (Part::Shape(from), Part::Shape(to)) => shape(from, to, at, found),
        (Part::Literal(from), Part::Literal(to)) => literals(from, to, at, found),
        (Part::Shape(from), Part::Literal(to)) => shape(from, &Shape::Literal((*to).clone()), at, found),
        (Part::Literal(from), Part::Shape(to)) => shape(&Shape::Literal((*from).clone()), to, at, found),
    }
}

fn literals(from: &Json, to: &Json, at: &str, found: &mut Found) {
    shape(&Shape::Literal(from.clone()), &Shape::Literal(to.clone()), at, found);
}

/// What is known of an output before it runs.
enum Given<'s> {
    Mapping(Vec<(&'s str, Part<'s>)>),
    /// With what each of its entries is, if that is the same for all.
    List(Option<&'s Shape>),
    Kind(&'static str),
    Unknown,
}

enum Part<'s> {
    Shape(&'s Shape),
    Literal(&'s Json),
}

impl<'s> Given<'s> {
    fn of(shape: &'s Shape) -> Self {
        match shape {
            Shape::Map(entries) => {
                Self::Mapping(entries.iter().map(|(key, it)| (key.as_str(), Part::Shape(it))).collect())
            }
            Shape::Literal(Json::Object(entries)) => {
                Self::Mapping(entries.iter().map(|(key, it)| (key.as_str(), Part::Literal(it))).collect())
            }
            Shape::Each(each) => Self::List(Some(&each.shape)),
            Shape::List(_) | Shape::Literal(Json::Array(_)) => Self::List(None),
            Shape::When(_, inner) => Self::of(inner),
            Shape::Text(_) | Shape::Query(..) | Shape::Literal(Json::String(_)) => Self::Kind("text"),
            Shape::Literal(Json::Number(_)) => Self::Kind("a number"),
            Shape::Literal(Json::Bool(_)) => Self::Kind("true or false"),
            Shape::Literal(Json::Null) => Self::Kind("null"),
            Shape::Expr(_) | Shape::Path(_) => Self::Unknown,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Mapping(_) => "a mapping",
            Self::List(_) => "a list",
            Self::Kind(kind) => kind,
            Self::Unknown => "anything",
        }
    }
}
