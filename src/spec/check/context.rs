//! What is known of a connector as a whole, whichever part is looked at.

use std::{cell::RefCell, collections::HashMap};

use super::{
    names::{Names, of_connector},
    samples::Samples,
    view::{Connection, Seen, View},
};
use crate::{
    diag::Diagnostics,
    expr::types::Type,
    spec::{Connector, Plan},
};

/// A connector, what its provider answers, and what its actions and events hand on.
#[derive(Default)]
pub(super) struct Context<'c> {
    pub(super) connector: Option<&'c Connector>,
    pub(super) samples: Samples<'c>,
    /// What `connection` holds once it is connected.
    pub(super) connection: Connection,
    /// By the plan's address; each is looked at once.
    outputs: RefCell<HashMap<*const Plan, Type>>,
}

impl<'c> Context<'c> {
    /// Of a connector.
    pub(super) fn new(connector: &'c Connector) -> Self {
        Self { samples: Samples::new(connector), ..Self::without_samples(connector) }
    }

    /// Of a connector whose answers don't matter.
    pub(super) fn without_samples(connector: &'c Connector) -> Self {
        Self { connector: Some(connector), connection: of_connector(connector), ..Self::default() }
    }

    /// What an action hands on.
    pub(super) fn of_action(&self, name: &str) -> Type {
        self.connector
            .and_then(|it| it.action(name))
            .map_or(Type::ANY, |action| self.once(&action.plan, |names| names.action(action)))
    }

    /// Takes note of what was found while a plan was looked at for what is wrong in it.
    pub(super) fn note(&self, plan: &Plan, found: Type) {
        self.outputs.borrow_mut().insert(std::ptr::from_ref(plan), found);
    }

    /// What an event hands on.
    pub(super) fn of_event(&self, name: &str) -> Type {
        let event = self.connector.and_then(|it| it.events.as_ref()?.types.get(name));
        event.map_or(Type::ANY, |event| {
            self.once(&event.plan, |names| {
                let output = names.of_plan(&event.plan, View::default());
                output.member("output").unwrap_or(Type::ANY)
            })
        })
    }

    /// Without a word about what is wrong in it: that is said where it stands.
    fn once(&self, plan: &Plan, find: impl FnOnce(&mut Names<'_>) -> Type) -> Type {
        let key = std::ptr::from_ref(plan);
        if let Some(known) = self.outputs.borrow().get(&key) {
            return known.clone();
        }
        // Actions that call each other in a circle are told elsewhere.
        self.outputs.borrow_mut().insert(key, Type::ANY);
        let mut names = Names { diagnostics: &mut Diagnostics::default(), seen: Seen::default(), context: self };
        let found = find(&mut names);
        self.outputs.borrow_mut().insert(key, found.clone());
        found
    }
}
