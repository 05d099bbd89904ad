//! What an action hands on is read by a language model: it has a budget.

use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    spec::{Action, CaseOf, Connector, Expect},
};

/// Reports an action with a case whose output is larger than the action says.
pub(super) fn check(connector: &Connector, action: &Action, found: &mut Diagnostics) {
    let of = |it: &&crate::spec::Case| matches!(&it.of, CaseOf::Action(name) if *name == action.name);
    let sizes = connector.cases.iter().filter(of).filter_map(|case| match &case.expect {
        Expect::Output(output) => Some((output.to_string().len(), case)),
        _ => None,
    });
    let Some((size, case)) = sizes.max_by_key(|(size, _)| *size).filter(|(size, _)| *size > action.max_output) else {
        return;
    };
    let message = format!(
        "this output of `{}` has {size} bytes, and {} are what the action may hand on",
        action.name, action.max_output
    );
    found.push(
        Diagnostic::warning(codes::OUTPUT_TOO_LARGE, case.span, message)
            .help("hand on less: fewer entries, fewer members, shorter text; or raise `max_output` of the action"),
    );
}
