//! Runs a connector's own tests (`tests.yaml`): the real interpreter and the real signing, against a script instead of a
//! provider. No network, no clock, no store.

mod coverage;
mod deliveries;
pub mod record;
mod report;
mod stage;
mod tokens;
mod waits;

#[cfg(test)]
mod event_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Value as Json, json};

pub use coverage::{Coverage, Place};
pub use report::{CaseResult, Problem, Report, Total};

use self::{
    coverage::Seen,
    stage::{Doubts, Stage},
    tokens::CaseTokens,
};
use crate::{
    auth::{Authenticated, Used},
    base::{Code, Failure, clock::FixedClock},
    interpreter::Run,
    spec::{
        Action, Case, CaseOf, Connector, Expect, ExpectedRequest, FieldError, Fields, Mapped, Mappings, Object,
        ObjectUse, OrgSchema, Plan,
    },
    transport::{Sender, differences, script::Script},
};

/// Runs all cases of a connector.
pub async fn run_all(connector: &Connector) -> Report {
    let seen = Seen::default();
    let mut cases = Vec::with_capacity(connector.cases.len());
    for case in &connector.cases {
        cases.push(run_case(connector, case, &seen).await);
    }
    let coverage = seen.of(connector);
    Report { connector: connector.id.clone(), version: connector.version.clone(), cases, coverage }
}

async fn run_case(connector: &Connector, case: &Case, seen: &Seen) -> CaseResult {
    let script = Script::new(&case.exchanges);
    let problems = play(connector, case, &script, seen).await;
    CaseResult { name: case.name.clone(), span: case.span, problems }
}

/// What a case runs, and with what.
struct Prepared<'c> {
    plan: &'c Plan,
    /// Or why the agent's arguments are refused, which a case may be about.
    input: Result<Json, Failure>,
    config: Json,
    mappings: Mappings,
}

fn prepared<'c>(connector: &'c Connector, case: &Case) -> Result<Prepared<'c>, Problem> {
    let missing = |what: &str| Problem::Setup(format!("the connector has no {what}"));
    let config = |fields: &Fields| {
        completed(fields, &case.config).map_err(|errors| Problem::Setup(format!("the config: {errors}")))
    };
    Ok(match &case.of {
        CaseOf::Action(name) => {
            let action = connector.actions.get(name).ok_or_else(|| missing(&format!("action `{name}`")))?;
            let mapped = mapped(connector, action, case);
            let of_org = mapped.as_ref().map(|(of, object, mapped)| mapped.input(object, of, &action.input));
            let input = completed(of_org.as_ref().unwrap_or(&action.input), &case.input)
                .map_err(|errors| Failure::new(Code::InvalidInput, errors));
            Prepared {
                plan: &action.plan,
                input,
                config: config(&action.config)?,
                mappings: mappings(connector, action, case),
            }
        }
        CaseOf::Lookup(name) => {
            let lookup = connector.lookups.get(name).ok_or_else(|| missing(&format!("lookup `{name}`")))?;
            Prepared::looking(&lookup.plan, config(&lookup.config)?)
        }
        CaseOf::Object(name) => {
            let object = connector.objects.get(name).ok_or_else(|| missing(&format!("object `{name}`")))?;
            let describe = object.describe.as_ref().ok_or_else(|| missing(&format!("`describe` of `{name}`")))?;
            Prepared::looking(describe, config(&object.config)?)
        }
        CaseOf::AfterConnect => {
            let after_connect = connector.after_connect.as_ref().ok_or_else(|| missing("`after_connect`"))?;
            Prepared::looking(&after_connect.plan, json!({}))
        }
        CaseOf::Event(..) | CaseOf::Handshake(_) => return Err(missing("run for a delivery")),
    })
}

impl<'c> Prepared<'c> {
    /// Of something that has no input.
    fn looking(plan: &'c Plan, config: Json) -> Self {
        Self { plan, input: Ok(json!({})), config, mappings: Mappings::default() }
    }
}

/// The mappings that the org of the case has.
pub fn mappings(connector: &Connector, action: &Action, case: &Case) -> Mappings {
    let mapped = mapped(connector, action, case);
    mapped.map(|(of, _, mapped)| Mappings::of(&of.object, mapped)).unwrap_or_default()
}

/// What the org of the case does with the action's object.
fn mapped<'c>(
    connector: &'c Connector,
    action: &'c Action,
    case: &Case,
) -> Option<(&'c ObjectUse, &'c Object, Mapped)> {
    let of = action.plan.object.as_ref()?;
    let object = connector.objects.get(&of.object)?;
    let mapping = case.mapping.clone().unwrap_or_else(|| Arc::clone(&object.default));
    Some((of, object, Mapped { mapping, schema: case.org_fields.clone() }))
}

/// With defaults; or all that doesn't fit, in one line.
fn completed(fields: &Fields, given: &Json) -> Result<Json, String> {
    let sentence = |errors: Vec<FieldError>| errors.into_iter().map(|it| it.message).collect::<Vec<_>>().join("; ");
    fields.accept(given.clone()).map_err(sentence)
}

/// Where the requests of a case go, signed by what the case gives.
fn signing<'a>(
    connector: &'a Connector,
    case: &'a Case,
    sender: &'a dyn Sender,
    tokens: &'a CaseTokens<'a>,
    clock: &'a FixedClock,
    used: &'a Used,
) -> Authenticated<'a> {
    let connection = &case.connection;
    Authenticated { sender, tokens, connection, connector: &connector.id, traffic: None, clock, used }
}

/// Plays the case, and tells everything in which it isn't as it says.
async fn play(connector: &Connector, case: &Case, script: &Script<'_>, seen: &Seen) -> Vec<Problem> {
    let clock = FixedClock(case.now);
    let used = Used::default();
    let tokens = CaseTokens::new(connector, case, script, &used);
    let transport = signing(connector, case, script, &tokens, &clock, &used);
    let doubts = Doubts::beside(seen);
    let stage = Stage { connector, case, script, transport: &transport, clock: &clock, doubts: &doubts };
    let (delivery, event) = match &case.of {
        CaseOf::Event(event, delivery) => (delivery, Some(event.as_str())),
        CaseOf::Handshake(delivery) => (delivery, None),
        _ => {
            let outcome = match prepared(connector, case) {
                Ok(prepared) => run(&stage, prepared).await,
                Err(problem) => Err(problem),
            };
            let problems = problems(case, script, outcome);
            return problems.into_iter().map(|it| if tokens.lacks_one() { it.without_token() } else { it }).collect();
        }
    };
    let mut problems = deliveries::problems(&stage, delivery, event, &tokens.fields()).await;
    problems.extend(asked(case, script));
    problems
}

async fn run(stage: &Stage<'_>, prepared: Prepared<'_>) -> Result<Result<Json, Failure>, Problem> {
    let input = match prepared.input {
        Ok(input) => input,
        Err(refused) => return Ok(Err(refused)),
    };
    let run = || Run {
        mappings: prepared.mappings.clone(),
        ..stage.run(prepared.plan, input.clone(), prepared.config.clone())
    };
    let ran = waits::play(stage, run).await?;
    Ok(ran.map(|output| match &stage.case.of {
        // As the engine reads it.
        CaseOf::Object(_) => OrgSchema::read(&output).to_json(),
        _ => output,
    }))
}

/// Everything in which the run isn't what the case says. After a request that isn't the expected one, the rest follows from
/// that.
fn problems(case: &Case, script: &Script<'_>, outcome: Result<Result<Json, Failure>, Problem>) -> Vec<Problem> {
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(problem) => return vec![problem],
    };
    if let Some(mismatch) = script.mismatch() {
        return vec![Problem::Request(mismatch)];
    }
    let mut problems = Vec::new();
    match (&case.expect, outcome) {
        (Expect::Output(expected), Ok(got)) => problems.extend(other_output(expected, got)),
        (Expect::Error(code, say), Err(failure)) => {
            let other_say = say.as_ref().is_some_and(|it| *it != failure.say);
            if *code != failure.code || other_say {
                problems.push(Problem::Error { expected: *code, say: say.clone(), got: failure });
            }
        }
        (Expect::Output(_), Err(failure)) => problems.push(Problem::Failed(failure)),
        // Only of deliveries, which are judged elsewhere.
        (Expect::Event(..) | Expect::Refused | Expect::Answered(..), _) => {}
        (Expect::Error(code, _), Ok(output)) => problems.push(Problem::Succeeded { expected: *code, output }),
    }
    problems.extend(unused(case, script));
    problems
}

/// The output, if it is not the one expected.
fn other_output(expected: &Json, got: Json) -> Option<Problem> {
    let other = !differences("output", expected, &got).is_empty();
    other.then(|| Problem::Output { expected: Box::new(expected.clone()), got: Box::new(got) })
}

/// A request that is not the one expected, or the exchanges that no request asked for.
fn asked(case: &Case, script: &Script<'_>) -> Vec<Problem> {
    match script.mismatch() {
        Some(mismatch) => vec![Problem::Request(mismatch)],
        None => unused(case, script),
    }
}

fn unused(case: &Case, script: &Script<'_>) -> Vec<Problem> {
    let used = case.exchanges.len() - script.unused().len();
    let unused = case.exchanges.iter().enumerate().skip(used);
    unused.map(|(index, it)| Problem::Unused { number: index + 1, request: named(&it.request) }).collect()
}

/// `POST https://api.example.com/orders`, as far as the case tells.
fn named(request: &ExpectedRequest) -> String {
    let ExpectedRequest { method, url, path, .. } = request;
    let parts = [method.as_deref(), url.as_deref().or(path.as_deref())];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "any request".to_owned() } else { text }
}
