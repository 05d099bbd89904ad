//! What came of the cases, as data and as text.

use std::fmt;

use serde_json::Value as Json;
use similar::{ChangeTag, TextDiff};

use super::Coverage;
use crate::{
    base::{Code, Failure},
    diag::Span,
    spec::Connector,
    transport::{differences, script::Mismatch},
};

/// So many differences are listed; of more, the lines are shown.
const MOST_LISTED: usize = 5;
/// So many lines are shown around one that differs.
const AROUND: usize = 2;

/// What came of all cases of a connector.
#[derive(Debug)]
pub struct Report {
    /// The connector's id.
    pub connector: String,
    /// The connector's version.
    pub version: String,
    /// In the order of the file.
    pub cases: Vec<CaseResult>,
    /// What of the connector they show.
    pub coverage: Coverage,
}

/// What came of one case.
#[derive(Debug)]
pub struct CaseResult {
    /// What the case shows.
    pub name: String,
    /// Its place.
    pub span: Span,
    /// Empty if it passed.
    pub problems: Vec<Problem>,
}

/// Something that isn't as the case says.
#[derive(Debug)]
pub enum Problem {
    /// It can't be run at all.
    Setup(String),
    /// A request isn't the expected one.
    Request(Mismatch),
    /// A request for a token isn't the expected one, and the case gives no token.
    TokenRequest(Mismatch),
    /// It succeeded with another output.
    Output {
        /// What the case says.
        expected: Box<Json>,
        /// What came out.
        got: Box<Json>,
    },
    /// It failed and shouldn't have.
    Failed(Failure),
    /// It succeeded and shouldn't have.
    Succeeded {
        /// How it should have failed.
        expected: Code,
        /// What came out.
        output: Json,
    },
    /// It failed in another way.
    Error {
        /// How it should have failed.
        expected: Code,
        /// The sentence, if the case gives one.
        say: Option<String>,
        /// How it did.
        got: Failure,
    },
    /// What is delivered is not what the case says, or is treated in another way.
    Event(String),
    /// An exchange that no request asked for.
    Unused {
        /// Counted from 1.
        number: usize,
        /// What was expected.
        request: String,
    },
}

impl Problem {
    /// The same, where what failed was to get a token.
    pub(super) fn without_token(self) -> Self {
        match self {
            Self::Request(mismatch) => Self::TokenRequest(mismatch),
            other => other,
        }
    }
}

impl CaseResult {
    /// Whether all was as the case says.
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Report {
    /// Whether all cases passed.
    pub fn passed(&self) -> bool {
        self.cases.iter().all(CaseResult::passed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.connector, self.version)?;
        for case in &self.cases {
            let mark = if case.passed() { '✓' } else { '✗' };
            writeln!(f, "  {mark} {}", case.name)?;
            for line in
                case.problems.iter().flat_map(|it| it.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
            {
                writeln!(f, "      {line}")?;
            }
        }
        let passed = self.cases.iter().filter(|it| it.passed()).count();
        match self.cases.len() - passed {
            0 => write!(f, "  {passed} passed"),
            failed => write!(f, "  {passed} passed, {failed} failed"),
        }
    }
}

/// What there is of everything, over several connectors.
#[derive(Debug, Default)]
pub struct Total {
    /// How many connectors.
    pub connectors: usize,
    /// All their actions.
    pub actions: usize,
    /// Cases that show something done.
    pub good: usize,
    /// Cases that show something refused or failing.
    pub failing: usize,
    /// Cases of either kind that are not as they say.
    pub wrong: usize,
}

impl Total {
    /// Counts a connector and what came of its cases.
    pub fn add(&mut self, connector: &Connector, report: &Report) {
        let (good, failing) = connector.case_counts();
        self.connectors += 1;
        self.actions += connector.actions.len();
        self.good += good;
        self.failing += failing;
        self.wrong += report.cases.iter().filter(|it| !it.passed()).count();
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connectors, actions, good, failing, wrong } = self;
        write!(f, "{connectors} connectors, {actions} actions, {good} good cases, {failing} failing cases")?;
        match wrong {
            0 => f.write_str(": all as they say"),
            wrong => write!(f, ": {wrong} not as they say"),
        }
    }
}

/// The lines in which two documents differ, marked `-` where they were expected and `+` where they came, and what is around them.
fn side_by_side(expected: &Json, got: &Json) -> String {
    let (expected, got) = (format!("{expected:#}"), format!("{:#}", in_order_of(expected, got)));
    let lines = TextDiff::from_lines(&expected, &got);
    let mut text = String::new();
    for (index, group) in lines.grouped_ops(AROUND).iter().enumerate() {
        if index > 0 {
            text.push_str("  …\n");
        }
        for change in group.iter().flat_map(|it| lines.iter_changes(it)) {
            let mark = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            text.extend([mark, ' ']);
            text.push_str(change.value().trim_end_matches('\n'));
            text.push('\n');
        }
    }
    text
}

/// The same document with its keys in the order that they have in another: it means nothing, and would look like a difference.
fn in_order_of(model: &Json, document: &Json) -> Json {
    match (model, document) {
        (Json::Object(model), Json::Object(map)) => {
            let first = model.iter().filter_map(|(key, model)| Some((key, in_order_of(model, map.get(key)?))));
            let others = map.iter().filter(|(key, _)| !model.contains_key(*key)).map(|(key, it)| (key, it.clone()));
            Json::Object(first.chain(others).map(|(key, it)| (key.clone(), it)).collect())
        }
        (Json::Array(model), Json::Array(list)) => {
            let nothing = Json::Null;
            let models = model.iter().chain(std::iter::repeat(&nothing));
            Json::Array(models.zip(list).map(|(model, it)| in_order_of(model, it)).collect())
        }
        _ => document.clone(),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(why) | Self::Event(why) => f.write_str(why),
            Self::Request(mismatch) => write!(f, "{mismatch}"),
            Self::TokenRequest(mismatch) => write!(
                f,
                "{mismatch}\n  it asks for a token first: give the case one, `credentials: {{token: …}}`, or the exchange that gets it"
            ),
            Self::Output { expected, got } => {
                f.write_str("the output is not the one expected:")?;
                let differences = differences("output", expected, got);
                if differences.len() <= MOST_LISTED {
                    return differences.iter().try_for_each(|it| write!(f, "\n  {it}"));
                }
                side_by_side(expected, got).lines().try_for_each(|it| write!(f, "\n  {it}"))
            }
            Self::Failed(failure) => write!(f, "it failed: {}", failed(failure)),
            Self::Succeeded { expected, output } => {
                write!(f, "it should have failed with `{expected}`, but gave {output}")
            }
            Self::Error { expected, got, .. } if *expected != got.code => {
                write!(f, "it should have failed with `{expected}`, but failed with {}", failed(got))
            }
            Self::Error { say, got, .. } => {
                write!(f, "it should have said {:?}, but said {:?}", say.as_deref().unwrap_or_default(), got.say)
            }
            Self::Unused { number, request } => write!(f, "request {number} never came: {request}"),
        }
    }
}

/// `conflict` at step `event`: POST … answered 409
fn failed(failure: &Failure) -> String {
    let step = failure.step.as_ref().map(|it| format!(" at step `{it}`")).unwrap_or_default();
    format!("`{}`{step}: {}", failure.code, failure.detail)
}
