//! What can only be seen once a connector is lowered as a whole, one file a family.

mod references;

use super::{Account, Connector, facts::Facts};
use crate::diag::Diagnostics;

/// Checks a connector.
pub(crate) fn connector(connector: &Connector, facts: &Facts, diagnostics: &mut Diagnostics) {
    let _ = connector;
    references::check(facts, diagnostics);
}

/// Checks an account file.
pub(crate) fn account(account: &Account, facts: &Facts, diagnostics: &mut Diagnostics) {
    let _ = account;
    references::check(facts, diagnostics);
}
