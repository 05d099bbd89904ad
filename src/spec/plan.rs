//! What actions, lookups and the identification of an account do: steps and what they come to.

use std::{collections::HashSet, sync::Arc, time::Duration};

use super::{ErrorRule, Fields, Request, Wait};
use crate::{
    base::{Code, Effect},
    diag::Span,
    expr::{Expr, Path, Shape, Text},
    format::Parts,
};

/// Something the agent can do.
#[derive(Debug)]
pub struct Action {
    /// Its key.
    pub name: String,
    /// For people.
    pub title: String,
    /// For the model.
    pub describe: String,
    /// To the world.
    pub effect: Effect,
    /// All of them: the connector's and its own.
    pub scopes: Vec<String>,
    /// Fixed by the builder.
    pub config: Fields,
    /// Filled by the agent.
    pub input: Fields,
    /// The most bytes, as JSON, that its output should have: its author's promise to whoever reads it.
    pub max_output: usize,
    /// What it does.
    pub plan: Plan,
}

/// An object that an action writes: its fields are among the inputs and its config is in the action's, and expressions see
/// `record`, the values under the names of the org's own fields.
#[derive(Debug)]
pub struct ObjectUse {
    /// Which.
    pub object: String,
    /// Only what is given is sent.
    pub partial: bool,
    /// The inputs that the plan reads beside `record`. They are needed even where an org maps them nowhere.
    pub reads: HashSet<String>,
}

/// A live list.
#[derive(Debug)]
pub struct Lookup {
    /// Its key.
    pub name: String,
    /// For people.
    pub title: String,
    /// All of them: the connector's and its own.
    pub scopes: Vec<String>,
    /// What it depends on.
    pub config: Fields,
    /// Its output is the list of `{value, label, hint}`.
    pub plan: Plan,
}

/// Run once an account is connected; its output is `{label, capture: {…}}`.
#[derive(Debug)]
pub struct AfterConnect {
    /// What it does.
    pub plan: Plan,
}

/// Steps and what they come to: all that the interpreter needs.
#[derive(Debug)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// Of the whole. With one unnamed request, `$` is its answer.
    pub output: Shape,
    /// For the whole.
    pub timeout: Duration,
    /// What `record` is made by; only actions have one.
    pub object: Option<ObjectUse>,
}

impl Plan {
    /// Whether a run of it may be parked.
    pub fn waits(&self) -> bool {
        self.steps.iter().any(|it| matches!(it.kind, StepKind::Wait(_)))
    }
}

/// A part of a plan.
#[derive(Debug)]
pub struct Step {
    /// Unique in its plan; `request` for the only one of an action without `steps`.
    pub id: String,
    /// Its place.
    pub span: Span,
    /// Skipped if false.
    pub when: Option<Arc<Expr>>,
    /// Once per entry.
    pub each: Option<StepEach>,
    /// What it does.
    pub kind: StepKind,
    /// What `steps.<id>` holds.
    pub output: Option<Shape>,
}

/// The rounds of a step.
#[derive(Debug)]
pub struct StepEach {
    /// The entries.
    pub over: Shape,
    /// More are refused.
    pub max: usize,
    /// At the same time.
    pub concurrency: usize,
}

/// What a step does.
#[derive(Debug)]
pub enum StepKind {
    /// Calls the provider.
    Request(Box<RequestStep>),
    /// Computes.
    Set(Shape),
    /// Ends the execution.
    Fail {
        /// As what.
        code: Code,
        /// For the customer.
        say: Option<Text>,
    },
    /// Runs another action.
    Call {
        /// Its name.
        action: String,
        /// Its arguments.
        input: Shape,
    },
    /// Parks the execution until something happens.
    Wait(Box<Wait>),
}

/// A request and all that belongs to it.
#[derive(Debug)]
pub struct RequestStep {
    /// What is sent.
    pub request: Request,
    /// To the world.
    pub effect: Effect,
    /// May be sent twice.
    pub idempotent: bool,
    /// Tried first.
    pub errors: Vec<ErrorRule>,
    /// Which parts of a successful answer anything looks at.
    pub looked_at: Parts,
    /// More of the same.
    pub pages: Option<Pages>,
    /// Whether it happened.
    pub verify: Option<Verify>,
    /// By what the provider tells later whether it happened.
    pub told_by: Option<ToldBy>,
    /// Takes it back.
    pub undo: Option<Request>,
}

impl RequestStep {
    /// A request that only looks.
    pub(crate) fn reading(request: Option<Request>, errors: Vec<ErrorRule>) -> Option<Self> {
        Some(Self {
            request: request?,
            effect: Effect::Read,
            idempotent: false,
            errors,
            looked_at: Parts::All,
            pages: None,
            verify: None,
            told_by: None,
            undo: None,
        })
    }
}

/// More answers of the same.
#[derive(Debug)]
pub struct Pages {
    /// What is joined.
    pub items: Arc<Path>,
    /// At most so many requests.
    pub max: usize,
    /// How to go on.
    pub by: PageBy,
}

/// What of the next page's request takes the token.
#[derive(Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// A parameter of the query.
    Query(String),
    /// A member of the JSON body, by the names that lead there.
    Body(Vec<String>),
}

/// How the next page is asked for.
#[derive(Debug)]
pub enum PageBy {
    /// A token from the answer into the next request.
    Token {
        /// In the answer.
        token: Arc<Path>,
        /// Where it goes.
        into: TokenPlace,
    },
    /// A URL from the answer.
    Next(Arc<Path>),
    /// RFC 8288 `Link: <…>; rel="next"`.
    Link,
    /// Counting entries.
    Offset {
        /// The query's name.
        query: String,
        /// Entries per page.
        size: u64,
    },
    /// Counting pages.
    Page {
        /// The query's name.
        query: String,
        /// The first one's number.
        start: u64,
    },
}

/// Finds out whether a write happened.
#[derive(Debug)]
pub struct Verify {
    /// What is asked.
    pub request: Request,
    /// Whether the answer is of our write.
    pub holds: Option<Arc<Expr>>,
    /// Whether the answer shows that there was no write.
    pub absent: Option<Arc<Expr>>,
    /// Failures that are checked as well.
    pub on: Vec<Code>,
    /// How long after a write of unknown outcome the provider shows it, if the connector knows.
    pub settle: Option<Duration>,
}

/// By what the provider tells of a write, of which nobody knew whether it happened, that it did or did not.
#[derive(Debug)]
pub struct ToldBy {
    /// An event of the connector …
    pub event: String,
    /// … with this `correlate`.
    pub of: Text,
    /// Whether it tells that the write happened, by `event`.
    pub holds: Option<Arc<Expr>>,
    /// Whether it tells that there was no write.
    pub absent: Option<Arc<Expr>>,
    /// What takes the place of the output that it stands beside; the event's output without it.
    pub output: Option<Shape>,
    /// That output is the action's, which is this one request.
    pub whole: bool,
}
