//! A connector, checked and compiled: what the interpreter runs.
//!
//! `load` is the only way to one, and it gives one only if nothing is wrong with it.

mod account;
mod case;
mod check;
mod events;
mod facts;
pub mod fields;
mod folded;
pub mod hosts;
mod http;
mod introduction;
pub mod keys;
mod load;
mod lower;
pub mod mapping;
mod object;
mod plan;
mod reads;
pub mod reference;
mod request;
pub mod schema;
mod shown;
mod signature;

use std::sync::Arc;

pub use account::{
    Account, Apply, Consent, OAuth2, Placed, RESULTS, Scheme, SchemeKind, TokenAnswers, TokenCall, TokenExchange,
    TokenRequest,
};
pub use case::{
    CannedAnswer, Case, CaseDelivery, CaseEvent, CaseOf, Exchange, Expect, ExpectedRequest, SandboxAnswer, SandboxEvent,
};
pub use check::parts_of;
pub use events::{
    Compared, Events, Handshake, Jwt, Keys, ProviderEvent, Receive, Reply, Signature, Subscribe, Verification, Wait,
    WaitEvent, WaitPoll,
};
pub use fields::{FieldError, Fields};
pub use folded::Contents;
use folded::Folded;
pub use http::{Allowance, ErrorRule, Http, RateLimit, ResetUnit, Server, Url, Usage};
pub use introduction::{Discovery, FOUND, Introduction, REGISTERED, Told};
pub use load::{AccountFile, ConnectorFiles, Examined, load, load_by};
pub use lower::METHODS;
pub use mapping::{Mapped, Mapping, Mappings, OrgSchema};
pub use object::{Object, OrgType, Place};
pub use plan::{
    Action, AfterConnect, Lookup, ObjectUse, PageBy, Pages, Plan, RequestStep, Step, StepEach, StepKind, TokenPlace,
    ToldBy, Verify,
};
pub use request::{Body, Multipart, Part, PartContent, Request, Target};
pub use signature::{Assertion, ClientCertificate, OAuth1, OAuth1Method, SigV4};

pub use crate::format::{AnswerKind, xml::Rules as Xml};

/// A provider as data.
#[derive(Debug)]
pub struct Connector {
    /// `lower-case-with-dashes`.
    pub id: String,
    /// Semantic version.
    pub version: String,
    /// For people.
    pub title: String,
    /// One or two sentences.
    pub summary: String,
    /// Mark and colour.
    pub brand: Brand,
    /// Where it stands in the catalog.
    pub catalog: CatalogEntry,
    /// Who may sign in, and how; shared between the connectors of one account.
    pub account: Arc<Account>,
    /// Needed by every action and lookup.
    pub scopes: Vec<String>,
    /// SHA-256 of its file and its account's: with the same digest it behaves the same. Its tests don't count.
    pub digest: String,
    /// How long its files are: a measure of what it takes in memory.
    pub source_bytes: usize,
    /// Everything else: a connector is read as though it stood here.
    contents: Folded,
}

/// How the catalog shows it.
#[derive(Debug, Clone, Default)]
pub struct Brand {
    /// SVG text of the logo file, if there is one.
    pub logo: Option<String>,
    /// `#RRGGBB`
    pub color: Option<String>,
}

/// A row of the catalog.
#[derive(Debug, Clone, Default)]
pub struct CatalogEntry {
    /// `other_integration`, …
    pub group: String,
    /// `planned`, `closed_beta`, `open_beta`, `ga`.
    pub phase: String,
    /// What people would expect of it and it can't do, a sentence each.
    pub gaps: Vec<String>,
}

impl Connector {
    /// The action of that name.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.get(name)
    }

    /// What its actions and its lookups do.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.actions.values().map(|it| &it.plan).chain(self.lookups.values().map(|it| &it.plan))
    }

    /// How many of the author's cases succeed, and how many fail as they should.
    pub fn case_counts(&self) -> (usize, usize) {
        let good = self.cases.iter().filter(|it| matches!(it.expect, Expect::Output(_))).count();
        (good, self.cases.len() - good)
    }

    /// The objects that an action writes: its own, and those of the actions that it calls.
    pub fn objects_of<'c>(&'c self, action: &'c Action) -> Vec<&'c ObjectUse> {
        let mut uses: Vec<&ObjectUse> = Vec::new();
        let mut actions = vec![action];
        let mut at = 0;
        while let Some(action) = actions.get(at).copied() {
            at += 1;
            uses.extend(action.plan.object.as_ref());
            for step in &action.plan.steps {
                if let StepKind::Call { action, .. } = &step.kind
                    && let Some(called) = self.action(action)
                    && !actions.iter().any(|it| std::ptr::eq(*it, called))
                {
                    actions.push(called);
                }
            }
        }
        uses
    }

    /// The lookup of that name.
    pub fn lookup(&self, name: &str) -> Option<&Lookup> {
        self.lookups.get(name)
    }
}

#[cfg(test)]
mod tests;
