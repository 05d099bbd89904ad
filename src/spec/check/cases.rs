//! What the author's cases expect, held against what can come out.

use serde_json::Value as Json;

use super::context::Context;
use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    expr::types::{Kinds, Type, of_json},
    spec::{CaseOf, Connector, Expect},
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
