//! What providers answer, as far as the author's cases and the sandbox show it: the only schema that there is of answers.

use std::cell::OnceCell;

use bytes::Bytes;

use crate::{
    expr::{
        Piece, Shape, Text,
        types::{Kinds, Type, of_sample},
    },
    format::{answer, xml},
    spec::{AnswerKind, CannedAnswer, Connector, Pages, Request, Target},
    wire::Answer,
};

/// Every answer of `tests.yaml`.
#[derive(Default)]
pub(super) struct Samples<'c> {
    answers: Vec<Sample<'c>>,
    rules: Option<&'c xml::Rules>,
}

/// A successful answer, and the requests that get it.
struct Sample<'c> {
    method: &'c str,
    path: String,
    body: Body<'c>,
    /// As the first request that gets it reads it; most have one.
    read: OnceCell<(AnswerKind, Type)>,
}

enum Body<'c> {
    Bytes { status: u16, headers: &'c [(String, String)], body: &'c [u8] },
    Shape(&'c Shape),
    Text,
}

/// Stands in a path for a segment that may be anything.
const ANYTHING: char = '\u{1}';

impl<'c> Samples<'c> {
    /// Those of a connector.
    pub(super) fn new(connector: &'c Connector) -> Self {
        let exchanges = connector.cases.iter().flat_map(|it| &it.exchanges).filter_map(|it| {
            let CannedAnswer::Answer { status: status @ 200..300, headers, body } = &it.answer else { return None };
            let path = it.request.path.clone().or_else(|| path_of(it.request.url.as_deref()?))?;
            let body = Body::Bytes { status: *status, headers, body };
            Some(Sample { method: it.request.method.as_deref()?, path, body, read: OnceCell::new() })
        });
        let sandbox = connector.sandbox.iter().filter(|it| (200..300).contains(&it.status)).map(|it| {
            let segment = |it: &String| if it.starts_with('{') { format!("/{ANYTHING}") } else { format!("/{it}") };
            let body = it.body.as_ref().map_or(Body::Text, Body::Shape);
            let path = it.path.iter().map(segment).collect();
            Sample { method: &it.method, path, body, read: OnceCell::new() }
        });
        Self { answers: exchanges.chain(sandbox).collect(), rules: Some(&connector.http.xml) }
    }

    /// What a request is answered, as its step sees it; nothing if no case shows it.
    pub(super) fn of(&self, request: &Request, pages: Option<&Pages>) -> Option<Type> {
        let Target::Path { path, .. } = &request.target else { return None };
        let found = self.answers.iter().filter(|it| it.method == request.method && ends_like(&it.path, path));
        let mut all: Option<Type> = None;
        for sample in found {
            let Some(read) = self.read(sample, request.answer) else { continue };
            all = Some(match all {
                Some(all) => all.or(read),
                None => read,
            });
        }
        let all = all?;
        let Some(pages) = pages else { return Some(all) };
        // What is joined, if the samples have it.
        let items = match pages.items.infer(&all) {
            Ok(found) if pages.items.singular => found.without(Kinds::UNDEFINED),
            Ok(found) => found,
            Err(_) => Type::LIST,
        };
        let items = if items.is_any() || !items.kinds.has(Kinds::LIST) { Type::LIST } else { items };
        Some(joined(items))
    }

    fn read(&self, sample: &Sample<'c>, kind: AnswerKind) -> Option<Type> {
        let (read_as, read) = sample.read.get_or_init(|| (kind, self.read_new(sample, kind)));
        let read = if *read_as == kind { read.clone() } else { self.read_new(sample, kind) };
        // An empty body says nothing of what others hold.
        (!read.kinds.is_none()).then_some(read)
    }

    fn read_new(&self, sample: &Sample<'c>, kind: AnswerKind) -> Type {
        let nothing = xml::Rules::default();
        match &sample.body {
            Body::Text => Type::NEVER,
            Body::Shape(shape) => of_shape(shape).as_sampled(true),
            Body::Bytes { body: [], .. } => Type::NEVER,
            Body::Bytes { status, headers, body } => {
                let Ok(url) = url::Url::parse("https://example.com/") else { return Type::NEVER };
                let body = Bytes::copy_from_slice(body);
                let answer = Answer { status: *status, headers: headers.to_vec(), body, url };
                answer::read(&answer, kind, self.rules.unwrap_or(&nothing)).map_or(Type::ANY, |it| of_sample(&it))
            }
        }
    }
}

/// The answer of a request with pages.
pub(super) fn joined(items: Type) -> Type {
    let sampled = items.sampled;
    Type::mapping([("items", items), ("truncated", Type::BOOLEAN)]).as_sampled(sampled)
}

/// What a sandbox answers; what it takes from the request may be anything.
fn of_shape(shape: &Shape) -> Type {
    match shape {
        Shape::Literal(json) => of_sample(json),
        Shape::Text(_) | Shape::Query(..) => Type::TEXT,
        Shape::Expr(_) | Shape::Path(_) => Type::ANY,
        Shape::List(entries) => Type::list(entries.iter().map(of_shape).fold(Type::NEVER, Type::or)),
        Shape::Map(entries) => {
            Type::mapping(entries.iter().map(|(key, it)| (key.as_str(), of_shape(it))).collect::<Vec<_>>())
        }
        Shape::When(_, inner) => of_shape(inner).or_undefined(),
        Shape::Each(each) => Type::list(of_shape(&each.shape)),
    }
}

/// The path of a URL.
fn path_of(url: &str) -> Option<String> {
    Some(url::Url::parse(url).ok()?.path().to_owned())
}

/// Whether a path that was sent ends with what a text becomes. What stands before it is the server's.
fn ends_like(path: &str, text: &Text) -> bool {
    let starts = path.match_indices('/').map(|(at, _)| at);
    starts.into_iter().any(|at| is_like(&path[at..], &text.pieces))
}

/// A placeholder becomes at least one character, and no slash; a segment of the sandbox's may be anything.
fn is_like(path: &str, pieces: &[Piece]) -> bool {
    match pieces.split_first() {
        None => path.is_empty(),
        Some((Piece::Literal(text), rest)) => after(path, text, rest.is_empty()).is_some_and(|it| is_like(it, rest)),
        Some((Piece::Expr(_), rest)) => {
            let end = path.find('/').unwrap_or(path.len());
            let mut ends = path.char_indices().map(|(at, it)| at + it.len_utf8()).take_while(|at| *at <= end);
            ends.any(|at| is_like(&path[at..], rest))
        }
    }
}

/// What follows the literal in the path.
fn after<'p>(mut path: &'p str, mut literal: &str, is_last: bool) -> Option<&'p str> {
    while !literal.is_empty() {
        if let Some(rest) = path.strip_prefix(ANYTHING) {
            let end = literal.find('/').unwrap_or(literal.len());
            literal = &literal[end..];
            // The rest of the segment may be a placeholder's.
            if !literal.is_empty() || is_last {
                path = rest;
            }
            continue;
        }
        let next = literal.chars().next()?;
        path = path.strip_prefix(next)?;
        literal = &literal[next.len_utf8()..];
    }
    Some(path)
}
