//! Where a value decides the host, the hosts that are meant must be declared.

use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    spec::{Account, Http, SchemeKind, StepKind, Target, facts::Facts, hosts},
};

/// `http` is what the open URLs are allowed by; hosts that only signing in needs don't count.
pub(super) fn check(http: &Http, account: &Account, facts: &Facts, diagnostics: &mut Diagnostics) {
    let sign_in = hosts::of_sign_in(account);
    if http.hosts.iter().any(|it| !sign_in.contains(it)) {
        return;
    }
    for span in &facts.open_hosts {
        let message = "a value decides which host this is, and `hosts` does not say which ones are meant";
        let diagnostic = Diagnostic::error(codes::UNDECLARED_HOST, *span, message);
        diagnostics.push(diagnostic.help("add `hosts: [\"*.example.com\"]` with the provider's own domain"));
    }
}

/// An account has no base URL: its own requests name whole addresses.
pub(super) fn whole_addresses(account: &Account, diagnostics: &mut Diagnostics) {
    let plans = account.after_connect.iter().flat_map(|it| &it.plan.steps);
    let steps = plans.filter_map(|step| match &step.kind {
        StepKind::Request(request) => Some(&request.request),
        _ => None,
    });
    let exchanges = account.schemes.values().filter_map(|scheme| match &scheme.kind {
        SchemeKind::TokenExchange(exchange) => Some(&exchange.request),
        _ => None,
    });
    for request in steps.chain(exchanges) {
        if let Target::Path { path, .. } = &request.target {
            let message = "an account has no base URL that this path could follow";
            let diagnostic = Diagnostic::error(codes::BAD_PATH, path.span, message);
            diagnostics.push(diagnostic.help("give the whole address: `url: https://…`"));
        }
    }
}
