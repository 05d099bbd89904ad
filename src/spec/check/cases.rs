//! What the author's cases expect, held against what can come out.

use serde_json::Value as Json;

use super::{context::Context, samples::is_like};
use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    expr::types::{Kinds, Type, of_json},
    spec::{CaseOf, Connector, Expect, StepKind, Target},
};

/// Reports outputs that no run could give.
pub(super) fn check(connector: &Connector, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    for case in &connector.cases {
        let (CaseOf::Action(action), Expect::Output(expected)) = (&case.of, &case.expect) else { continue };
        let Some(problem) = unlike(expected, &context.of_action(action), "output") else { continue };
        let diagnostic = Diagnostic::warning(codes::NEVER_COMES_OUT, case.span, problem);
        diagnostics.push(diagnostic.help("mend the case, or the `output` of the action"));
    }
}

/// Reports paths that leave out what stands before them in the base URL.
pub(super) fn without_base(connector: &Connector, diagnostics: &mut Diagnostics) {
    let bases: Option<Vec<String>> = connector
        .http
        .servers
        .values()
        .flat_map(|it| it.url.texts())
        .map(|it| Some(url::Url::parse(it.as_literal()?).ok()?.path().trim_end_matches('/').to_owned()))
        .collect();
    let Some(bases) = bases.filter(|it| !it.iter().any(String::is_empty)) else { return };
    let [base, ..] = bases.as_slice() else { return };
    let plans = connector.plans();
    let steps = plans.flat_map(|it| &it.steps).filter_map(|step| match &step.kind {
        StepKind::Request(it) => Some(&it.request),
        _ => None,
    });
    let paths: Vec<_> = steps
        .filter_map(|it| match &it.target {
            Target::Path { path, .. } => Some(&path.pieces),
            _ => None,
        })
        .collect();
    for exchange in connector.cases.iter().flat_map(|it| &it.exchanges) {
        let Some(path) = exchange.request.path.as_deref() else { continue };
        let has_base = bases.iter().any(|it| path.strip_prefix(it.as_str()).is_some_and(|it| it.starts_with('/')));
        if !has_base && paths.iter().any(|it| is_like(path, it)) {
            let message =
                format!("no request goes to `{path}`: in cases a path is the whole one, with that of the base URL");
            let diagnostic = Diagnostic::warning(codes::NEVER_MATCHES, exchange.span, message);
            diagnostics.push(diagnostic.help(format!("write `{base}{path}`")));
        }
    }
}

/// Where a value is none of the type, and why.
fn unlike(value: &Json, known: &Type, place: &str) -> Option<String> {
    let exact = of_json(value);
    let numbers = |it: Kinds| if it.has(Kinds::NUMBER) { it.or(Kinds::NUMBER) } else { it };
    if known.is_any() || known.kinds.is_none() {
        return None;
    }
    if !exact.kinds.is_within(numbers(known.kinds)) {
        return Some(format!("the case expects `{place}` to be {}, and it is {}", exact.words(), known.words()));
    }
    match value {
        Json::Array(entries) => {
            let each = known.entry();
            entries.iter().enumerate().find_map(|(at, it)| unlike(it, &each, &format!("{place}[{at}]")))
        }
        Json::Object(members) => members.iter().find_map(|(name, it)| match known.member(name) {
            Ok(member) => unlike(it, &member, &format!("{place}.{name}")),
            Err(_) => Some(format!("the case expects `{place}.{name}`, and `{place}` never has `{name}`")),
        }),
        _ => None,
    }
}
