//! From the tree of a file to the model, one file a part.
//!
//! Nothing stops at the first mistake: what can't be lowered leaves a hole that later parts can live with, and whoever
//! asked for a connector gets none if there was any mistake.

mod account;
mod action;
mod address;
mod assertion;
mod cases;
mod connector;
mod consent;
mod errors;
mod events;
mod exchanges;
mod fields;
mod http;
mod idempotent;
mod introduction;
mod object;
mod pages;
mod plan;
mod request;
mod sandbox;
mod scheme;
mod signature;
mod step;
mod token;
mod value;
mod verification;
mod wait;
mod written;

pub(crate) use action::SHORT;
pub(crate) use cases::Tested;
pub use request::METHODS;

use indexmap::IndexMap;

use self::fields::Field;
use crate::{
    diag::{Diagnostic, Diagnostics, Sources, Span},
    spec::{
        facts::{Facts, Part, Use},
        fields::Proven,
    },
    yaml::Node,
};

/// What every part of the lowering has at hand.
pub(crate) struct Lower<'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) diagnostics: &'a mut Diagnostics,
    pub(crate) facts: Facts,
    /// `fields`, and where each is declared; none for one that could not be lowered.
    shared: IndexMap<String, (Option<Field>, Span)>,
    /// In a token call, whose requests may carry credentials.
    signs_in: bool,
    /// In a registration, which may keep a client.
    registers: bool,
    /// Schemas of fields that were looked at.
    proven: Proven,
}

impl<'a> Lower<'a> {
    /// Lowers one file; what it finds goes to `diagnostics`.
    pub(crate) fn new(sources: &'a Sources, diagnostics: &'a mut Diagnostics) -> Self {
        let (facts, shared, proven) = (Facts::default(), IndexMap::new(), Proven::default());
        Self { sources, diagnostics, facts, shared, signs_in: false, registers: false, proven }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.report(Diagnostic::error(code, span, message));
    }

    /// Remembers that `node` names a part, so that somebody sees whether it exists.
    fn refer(&mut self, part: Part, node: &Node, name: &str) {
        self.facts.uses.push(Use { part, name: name.to_owned(), span: node.span });
    }
}
