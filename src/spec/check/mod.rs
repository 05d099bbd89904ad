//! What can only be seen once a connector is lowered as a whole, one file a family.

mod calls;
mod cases;
mod context;
mod events;
mod fields;
mod hosts;
mod lint;
mod names;
mod objects;
mod references;
mod rules;
mod samples;
mod scopes;
mod sign_in;
mod steps;
mod types;
mod view;
mod walk;

use std::{collections::HashSet, sync::Arc};

use context::Context;
use names::Names;
pub use view::parts_of;
use view::{Connection, Seen};

use super::{
    Account, Action, Connector, Plan,
    facts::{Facts, Owner},
};
use crate::diag::Diagnostics;

/// Checks a connector. `own_account` says that the account is declared in it, not shared.
pub(crate) fn connector(connector: &Connector, own_account: bool, facts: &Facts, diagnostics: &mut Diagnostics) {
    references::check(facts, diagnostics);
    scopes::check(&connector.account, facts, diagnostics);
    hosts::check(&connector.http, &connector.account, facts, diagnostics);
    rules::check(connector, own_account, diagnostics);
    calls::check(connector, diagnostics);
    events::check(connector, diagnostics);
    fields::lookups(connector, facts, diagnostics);
    // What nobody reads, or reaches, is worth a word only where everything could be lowered.
    let is_whole = !diagnostics.has_errors();
    let mut lint = Diagnostics::default();
    let context = Context::new(connector);
    let connection = &context.connection;
    let mut everywhere = shared_names(&context, connector, own_account, connection, diagnostics);
    if own_account {
        fields::reserved(&connector.account, facts, diagnostics);
    }
    for lookup in connector.lookups.values() {
        let seen = collect(diagnostics, &context, |names| names.lookup(lookup, connection));
        let owner = Owner::Lookup(lookup.name.clone());
        fields::unused(connector, &owner, &seen, facts, &mut lint);
        plan(&lookup.plan, &seen, &mut lint);
        everywhere.connection.extend(seen.connection);
    }
    for object in connector.objects.values() {
        let seen = collect(diagnostics, &context, |names| names.object(object, connection));
        object.describe.iter().for_each(|it| plan(it, &seen, &mut lint));
        everywhere.connection.extend(seen.connection);
    }
    objects::unused(connector, facts, &mut lint);
    for action in connector.actions.values() {
        let seen = collect(diagnostics, &context, |names| context.note(&action.plan, names.action(action)));
        for owner in [Owner::Config(action.name.clone()), Owner::Input(action.name.clone())] {
            fields::unused(connector, &owner, &seen, facts, &mut lint);
        }
        plan(&action.plan, &seen, &mut lint);
        objects::unread(action, &seen, facts, &mut lint);
        everywhere.connection.extend(seen.connection);
    }
    if let Some(events) = &connector.events {
        let seen = collect(diagnostics, &context, |names| names.events(connector, events, connection));
        everywhere.connection.extend(seen.connection);
        everywhere.auth.extend(seen.auth);
    }
    if own_account {
        fields::unused(connector, &Owner::SignIn, &everywhere, facts, &mut lint);
    }
    fields::unused(connector, &Owner::Shared, &everywhere, facts, &mut lint);
    calls::needless(connector, facts, &mut lint);
    cases::check(connector, &context, &mut lint);
    cases::without_base(connector, &mut lint);
    lint::check(connector, own_account, facts, &context, &mut lint);
    if is_whole && !diagnostics.has_errors() {
        diagnostics.append(lint);
    }
}

/// Checks an account file.
pub(crate) fn account(account: &Account, facts: &Facts, diagnostics: &mut Diagnostics) {
    references::check(facts, diagnostics);
    hosts::check(&account.http, account, facts, diagnostics);
    hosts::whole_addresses(account, diagnostics);
    fields::reserved(account, facts, diagnostics);
    collect(diagnostics, &Context::default(), |names| names.account(account));
}

/// What is read outside actions and lookups.
fn shared_names(
    context: &Context<'_>,
    connector: &Connector,
    own_account: bool,
    connection: &Connection,
    diagnostics: &mut Diagnostics,
) -> Seen {
    let is_own = |after: &Arc<_>| !connector.account.after_connect.as_ref().is_some_and(|it| Arc::ptr_eq(it, after));
    collect(diagnostics, context, |names| {
        names.http(&connector.http, connection);
        if own_account {
            names.account(&connector.account);
        }
        if let Some(after) = connector.after_connect.as_ref().filter(|it| is_own(it)) {
            names.after_connect(connector, &after.plan);
        }
    })
}

/// The inputs that the expressions of an action read.
pub(crate) fn inputs_read(connector: &Connector, action: &Action) -> HashSet<String> {
    let context = Context::without_samples(connector);
    collect(&mut Diagnostics::default(), &context, |names| _ = names.action(action)).input
}

/// Runs a check of names and gives what was read.
fn collect(diagnostics: &mut Diagnostics, context: &Context<'_>, check: impl FnOnce(&mut Names<'_>)) -> Seen {
    let mut names = Names { diagnostics, seen: Seen::default(), context };
    check(&mut names);
    names.seen
}

fn plan(plan: &Plan, seen: &Seen, lint: &mut Diagnostics) {
    steps::reached(plan, lint);
    steps::read(plan, &seen.steps, lint);
    steps::verified(plan, lint);
}
