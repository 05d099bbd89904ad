//! What providers answer, as far as the author's cases and the sandbox show it: the only schema that there is of answers.

use std::{
    cell::{OnceCell, RefCell},
    collections::{HashMap, HashSet},
    rc::Rc,
};

use bytes::Bytes;

use crate::{
    expr::{
        Piece, Shape, Text,
        types::{Kinds, Type, of_sample},
    },
    format::{answer, xml},
    spec::{AnswerKind, CannedAnswer, Case, CaseOf, Connector, Exchange, Pages, Plan, Request, StepKind, Target},
    wire::Answer,
};

/// Every answer of `tests.yaml`.
#[derive(Default)]
pub(super) struct Samples<'c> {
    answers: Vec<Sample<'c>>,
    rules: Option<&'c xml::Rules>,
    /// What [`Samples::of`] found without pages, by the request's address.
    found: RefCell<HashMap<*const Request, Option<Type>>>,
}

/// A successful answer, and the requests that get it.
struct Sample<'c> {
    /// `None`: the case doesn't say.
    method: Option<&'c str>,
    to: To,
    body: Body<'c>,
    /// As the first request that gets it reads it; most have one.
    read: OnceCell<(AnswerKind, Type)>,
}

/// Where the requests go that get a sample.
enum To {
    /// To an address that ends so.
    Path(String),
    /// The case doesn't say: it is one of those that it may come to.
    OneOf(Rc<HashSet<*const Request>>),
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
        let cases = connector.cases.iter().flat_map(|case| {
            let unsaid = OnceCell::new();
            let some = move || Rc::clone(unsaid.get_or_init(|| Rc::new(comes_to(connector, case))));
            case.exchanges.iter().filter_map(move |it| Sample::of_exchange(it, &some))
        });
        let sandbox = connector.sandbox.iter().filter(|it| (200..300).contains(&it.status)).map(|it| {
            let segment = |it: &String| if it.starts_with('{') { format!("/{ANYTHING}") } else { format!("/{it}") };
            let body = it.body.as_ref().map_or(Body::Text, Body::Shape);
            let to = To::Path(it.path.iter().map(segment).collect());
            Sample { method: Some(&it.method), to, body, read: OnceCell::new() }
        });
        let answers = cases.chain(sandbox).collect();
        Self { answers, rules: Some(&connector.http.xml), found: RefCell::default() }
    }

    /// What a request is answered, as its step sees it; nothing if no case shows it. Of all samples that may be meant together:
    /// several requests may share a method and a path, and a case may say neither.
    pub(super) fn of(&self, request: &Request, pages: Option<&Pages>) -> Option<Type> {
        let find = || self.all(request, Sample::may_be_of);
        let all = self.found.borrow_mut().entry(std::ptr::from_ref(request)).or_insert_with(find).clone()?;
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

    /// The same of those samples only that no other request can be meant by.
    pub(super) fn surely_of(&self, request: &Request) -> Option<Type> {
        self.all(request, Sample::is_of)
    }

    fn all(&self, request: &Request, is_meant: fn(&Sample<'c>, &Request, &Text) -> bool) -> Option<Type> {
        let Target::Path { path, .. } = &request.target else { return None };
        let meant = self.answers.iter().filter(|it| is_meant(it, request, path));
        meant.filter_map(|it| self.read(it, request.answer)).reduce(Type::or)
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

impl<'c> Sample<'c> {
    fn of_exchange(it: &'c Exchange, unsaid: &impl Fn() -> Rc<HashSet<*const Request>>) -> Option<Self> {
        let CannedAnswer::Answer { status: status @ 200..300, headers, body } = &it.answer else { return None };
        let path = it.request.path.clone().or_else(|| path_of(it.request.url.as_deref()?));
        let to = path.map_or_else(|| To::OneOf(unsaid()), To::Path);
        let body = Body::Bytes { status: *status, headers, body };
        Some(Self { method: it.request.method.as_deref(), to, body, read: OnceCell::new() })
    }

    fn may_be_of(&self, request: &Request, path: &Text) -> bool {
        self.method.is_none_or(|it| it == request.method)
            && match &self.to {
                To::Path(to) => ends_like(to, path),
                To::OneOf(requests) => requests.contains(&std::ptr::from_ref(request)),
            }
    }

    fn is_of(&self, request: &Request, path: &Text) -> bool {
        let is_only = match &self.to {
            To::Path(_) => true,
            To::OneOf(requests) => requests.len() == 1,
        };
        is_only && self.may_be_of(request, path)
    }
}

/// The requests that a case may come to, by their addresses: of what it runs, and of the actions that this calls.
fn comes_to(connector: &Connector, case: &Case) -> HashSet<*const Request> {
    let run = match &case.of {
        CaseOf::Action(name) => connector.action(name).map(|it| &it.plan),
        CaseOf::Lookup(name) => connector.lookups.get(name).map(|it| &it.plan),
        CaseOf::Object(name) => connector.objects.get(name).and_then(|it| it.describe.as_ref()),
        CaseOf::AfterConnect => connector.after_connect.as_ref().map(|it| &it.plan),
        CaseOf::Event(name, _) => connector.events.as_ref().and_then(|it| it.types.get(name)).map(|it| &it.plan),
        CaseOf::Handshake(_) => None,
    };
    let mut plans: Vec<&Plan> = run.into_iter().collect();
    let mut requests = HashSet::new();
    let mut at = 0;
    while let Some(plan) = plans.get(at) {
        for step in &plan.steps {
            let asked = match &step.kind {
                StepKind::Request(it) => Some(&**it),
                StepKind::Wait(it) => it.poll.as_ref().map(|it| &it.step),
                StepKind::Call { action, .. } => {
                    let called = connector.action(action).map(|it| &it.plan);
                    plans.extend(called.filter(|it| !plans.iter().any(|known| std::ptr::eq(*known, *it))));
                    None
                }
                StepKind::Set(_) | StepKind::Fail { .. } => None,
            };
            let Some(asked) = asked else { continue };
            let verify = asked.verify.as_ref().map(|it| &it.request);
            requests.extend([Some(&asked.request), verify].into_iter().flatten().map(std::ptr::from_ref));
        }
        at += 1;
    }
    requests
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
pub(super) fn is_like(path: &str, pieces: &[Piece]) -> bool {
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
