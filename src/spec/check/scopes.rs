//! Scopes that are asked for must be among those that the account lists, if it lists them.

use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    spec::{Account, facts::Facts},
};

/// Reports scopes that the account does not know.
pub(super) fn check(account: &Account, facts: &Facts, diagnostics: &mut Diagnostics) {
    if account.scopes.is_empty() {
        return;
    }
    for (scope, span) in &facts.scopes {
        if account.scopes.contains_key(scope) {
            continue;
        }
        let message = format!("the account `{}` does not list the scope `{scope}`", account.id);
        let diagnostic = Diagnostic::error(codes::UNKNOWN_SCOPE, *span, message);
        let diagnostic = diagnostic.did_you_mean(scope, account.scopes.keys().map(String::as_str));
        diagnostics.push(diagnostic.or_help(|| "if the provider has it, add it to `scopes` of the account"));
    }
}
