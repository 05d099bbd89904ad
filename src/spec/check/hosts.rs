//! Where a value decides the host, the hosts that are meant must be declared.

use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    spec::{Account, Http, facts::Facts, hosts},
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
