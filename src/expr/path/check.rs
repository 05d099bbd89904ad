//! What jsonpath-rust accepts but doesn't do right is refused here; and plain paths are told from others.

use std::ops::Range;

use jsonpath_rust::parser::{
    errors::JsonPathError,
    model::{Comparable, Filter, FilterAtom, FnArg, JpQuery, Segment, Selector, Test, TestFunction},
};

use crate::expr::quotes;

/// A step of a plain path.
#[derive(Debug, PartialEq)]
pub(in crate::expr) enum Step {
    Name(String),
    Index(i64),
    All,
}

/// The steps of a path that has nothing but names, indexes and wildcards.
pub(super) fn steps(query: &JpQuery) -> Option<Vec<Step>> {
    let step = |segment: &Segment| match segment {
        Segment::Selector(Selector::Name(name)) => Some(Step::Name(name.clone())),
        Segment::Selector(Selector::Index(index)) => Some(Step::Index(*index)),
        Segment::Selector(Selector::Wildcard) => Some(Step::All),
        _ => None,
    };
    query.segments.iter().map(step).collect()
}

/// The place in the path, and a sentence.
pub(super) fn explain(source: &str, error: &JsonPathError) -> (Range<usize>, &'static str) {
    match error {
        JsonPathError::PestError(error) => {
            // The parser's own types cannot be named without depending on it: `Pos(3)` or `Span((3, 5))`.
            let location = format!("{:?}", error.location);
            let digits = location.trim_start_matches(|it: char| !it.is_ascii_digit());
            let start = digits.split(|it: char| !it.is_ascii_digit()).next().and_then(|it| it.parse().ok());
            let start = start.filter(|it| source.is_char_boundary(*it)).unwrap_or(0);
            if start >= source.len() {
                return (0..source.len(), "this path breaks off");
            }
            (start..source.len(), "this is not a JSONPath from here on")
        }
        JsonPathError::MaxNestingDepthExceeded(_) => (0..source.len(), "this path is nested too deeply"),
        _ => (0..source.len(), "this is not a JSONPath"),
    }
}

/// Where a name breaks off and another begins: jsonpath-rust takes `$.a b` for one name.
pub(super) fn split_name(source: &str) -> Option<Range<usize>> {
    let part_of_name = |it: char| it.is_alphanumeric() || it == '_' || !it.is_ascii();
    let mut before = None;
    for (at, char) in quotes::outside(source).filter(|(_, it)| !it.is_ascii_whitespace()) {
        let gap = at > 0 && source[..at].ends_with(|it: char| it.is_ascii_whitespace());
        if gap && part_of_name(char) && before.is_some_and(part_of_name) {
            return Some(at..source.len());
        }
        before = Some(char);
    }
    None
}

/// Why the path can't be used, though it parses.
pub(super) fn unsupported(query: &JpQuery) -> Result<(), &'static str> {
    let mut many = false;
    for segment in &query.segments {
        // Several selectors must be applied node by node; jsonpath-rust goes selector by selector.
        let (selectors, descends) = match segment {
            Segment::Descendant(inner) => (selectors(inner), true),
            other => (selectors(other), false),
        };
        if selectors.len() > 1 && (many || descends) {
            return Err("several selectors in one bracket can't be used behind `*`, `..`, a slice or a filter");
        }
        many |= descends || !matches!(selectors, [Selector::Name(_) | Selector::Index(_)]);
        for selector in selectors {
            if let Selector::Filter(it) = selector {
                filter(it)?;
            }
        }
    }
    Ok(())
}

fn selectors(segment: &Segment) -> &[Selector] {
    match segment {
        Segment::Descendant(inner) => selectors(inner),
        Segment::Selector(selector) => std::slice::from_ref(selector),
        Segment::Selectors(selectors) => selectors,
    }
}

fn filter(it: &Filter) -> Result<(), &'static str> {
    match it {
        Filter::Or(parts) | Filter::And(parts) => parts.iter().try_for_each(filter),
        Filter::Atom(FilterAtom::Filter { expr, .. }) => filter(expr),
        Filter::Atom(FilterAtom::Test { expr, .. }) => match &**expr {
            Test::RelQuery(_) | Test::AbsQuery(_) => query(expr),
            Test::Function(it) => match &**it {
                TestFunction::Match(..) | TestFunction::Search(..) => function(it),
                TestFunction::Custom(..) => Err(NOT_A_FUNCTION),
                _ => Err("the result of `length`, `count` and `value` must be compared with something"),
            },
        },
        Filter::Atom(FilterAtom::Comparison(it)) => {
            let (left, right) = it.vals();
            [left, right].into_iter().try_for_each(|side| match side {
                Comparable::Literal(_) | Comparable::SingularQuery(_) => Ok(()),
                Comparable::Function(it) => match it {
                    TestFunction::Length(_) | TestFunction::Count(_) | TestFunction::Value(_) => function(it),
                    TestFunction::Custom(..) => Err(NOT_A_FUNCTION),
                    _ => Err("`match` and `search` are tests themselves and can't be compared"),
                },
            })
        }
    }
}

const NOT_A_FUNCTION: &str = "the functions of a path are `length`, `count`, `value`, `match` and `search`";

/// A query inside a filter: without filters of its own, for which jsonpath-rust finds nothing.
fn query(it: &Test) -> Result<(), &'static str> {
    let segments = match it {
        Test::RelQuery(segments) => segments,
        Test::AbsQuery(query) => &query.segments,
        Test::Function(_) => return Ok(()),
    };
    let filters = |it: &Selector| matches!(it, Selector::Filter(_));
    if segments.iter().any(|it| selectors(it).iter().any(filters)) {
        return Err("a filter can't stand inside a filter; use two steps, or `each` with `when`");
    }
    Ok(())
}

/// The well-typedness of RFC 9535 §2.4.3.
fn function(it: &TestFunction) -> Result<(), &'static str> {
    match it {
        TestFunction::Length(arg) => value(arg),
        TestFunction::Match(first, second) | TestFunction::Search(first, second) => {
            value(first).and_then(|()| value(second))
        }
        // Of no node at all, jsonpath-rust's count is nothing rather than 0.
        TestFunction::Count(_) => Err("`count` can't be used; `[?@.a]` tests whether there are any, `| length` counts"),
        TestFunction::Value(arg) => match arg {
            FnArg::Test(it) if !matches!(**it, Test::Function(_)) => query(it),
            _ => Err("`value` needs a path"),
        },
        TestFunction::Custom(..) => Err(NOT_A_FUNCTION),
    }
}

/// An argument that must be one value.
fn value(arg: &FnArg) -> Result<(), &'static str> {
    const ONE: &str = "`length`, `match` and `search` need one value: a literal, or a path that can only give one";
    let singular = |segments: &[Segment]| {
        segments.iter().all(|it| matches!(it, Segment::Selector(Selector::Name(_) | Selector::Index(_))))
    };
    match arg {
        FnArg::Literal(_) => Ok(()),
        FnArg::Filter(_) => Err(ONE),
        FnArg::Test(it) => match &**it {
            Test::RelQuery(segments) if singular(segments) => Ok(()),
            Test::AbsQuery(query) if singular(&query.segments) => Ok(()),
            Test::RelQuery(_) | Test::AbsQuery(_) => Err(ONE),
            Test::Function(it) => match &**it {
                TestFunction::Length(_) | TestFunction::Count(_) | TestFunction::Value(_) => function(it),
                _ => Err(ONE),
            },
        },
    }
}
