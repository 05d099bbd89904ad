//! Where a value decides the host, the hosts that are meant must be declared.

use std::sync::Arc;

use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    spec::{Account, Http, Scheme, StepKind, Target, TokenRequest, facts::Facts, hosts},
};

/// `http` is what the open URLs are allowed by; hosts that only signing in needs don't count.
pub(super) fn check(http: &Http, account: &Account, facts: &Facts, diagnostics: &mut Diagnostics) {
    let sign_in = hosts::of_sign_in(account);
    if http.hosts.iter().any(|it| !sign_in.contains(it)) {
        return;
    }
    for it in &facts.open_hosts {
        let message = "a value decides which host this is, and `hosts` does not say which ones are meant";
        let diagnostic = Diagnostic::error(codes::UNDECLARED_HOST, it.span, message);
        diagnostics.push(match &it.pattern {
            Some(pattern) => {
                diagnostic.help(format!("add `hosts: [\"{pattern}\"]`, if all of those are the provider's"))
            }
            None => diagnostic.help("add `hosts: [\"*.example.com\"]` with the provider's own domain"),
        });
    }
}

/// An account has no base URL: its own requests name whole addresses.
pub(super) fn whole_addresses(account: &Account, diagnostics: &mut Diagnostics) {
    let plans = account.after_connect.iter().flat_map(|it| &it.plan.steps);
    let steps = plans.filter_map(|step| match &step.kind {
        StepKind::Request(request) => Some(&request.request),
        _ => None,
    });
    let calls = account.schemes.values().flat_map(Scheme::token_calls);
    let mut asked: Vec<&Arc<TokenRequest>> = Vec::new();
    for request in calls.flat_map(|it| &it.requests) {
        // what follows both an exchange and a refresh is one request
        if !asked.iter().any(|it| Arc::ptr_eq(it, request)) {
            asked.push(request);
        }
    }
    for request in steps.chain(asked.into_iter().map(|it| &it.request)) {
        if let Target::Path { path, .. } = &request.target {
            let message = "an account has no base URL that this path could follow";
            let diagnostic = Diagnostic::error(codes::BAD_PATH, path.span, message);
            diagnostics.push(diagnostic.help("give the whole address: `url: https://…`"));
        }
    }
}
