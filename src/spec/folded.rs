//! What a connector does, compiled; or, of one that nobody uses at the moment, only the texts that it is compiled from: a
//! twentieth of the memory.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use super::{
    Action, AfterConnect, Case, Connector, ConnectorFiles, Events, Http, Lookup, Object, SandboxAnswer, SandboxEvent,
    load,
};
use crate::{
    diag::{Sources, Span},
    yaml::{Entry, Node},
};

/// What a connector does.
#[derive(Debug)]
pub struct Contents {
    /// Where requests go and what answers mean.
    pub http: Http,
    /// Identifies the account once it is connected (the connector's own, else the account's).
    pub after_connect: Option<Arc<AfterConnect>>,
    /// Live lists to pick from.
    pub lookups: IndexMap<String, Lookup>,
    /// Unified records that each org maps to its own fields.
    pub objects: IndexMap<String, Object>,
    /// What the agent can do.
    pub actions: IndexMap<String, Action>,
    /// What the provider tells without being asked.
    pub events: Option<Events>,
    /// The author's tests.
    pub cases: Vec<Case>,
    /// Answers for sandbox connections.
    pub sandbox: Vec<SandboxAnswer>,
    /// What a sandbox connection holds in place of what a live one captures.
    pub sandbox_connection: Map<String, Json>,
    /// Events of sandbox connections.
    pub sandbox_events: Vec<SandboxEvent>,
}

/// Contents, or what they are compiled from when somebody first looks at them.
#[derive(Debug)]
pub(super) struct Folded {
    contents: OnceLock<Box<Contents>>,
    /// Where `tests.yaml` speaks of the sandbox.
    sandbox: Vec<Span>,
    texts: Option<Texts>,
}

/// Texts that were found right once.
#[derive(Debug)]
struct Texts {
    /// `connector.yaml`
    connector: Box<str>,
    /// What `tests.yaml` says of the sandbox.
    sandbox: Option<Box<str>>,
}

impl From<Contents> for Folded {
    fn from(it: Contents) -> Self {
        Self { contents: OnceLock::from(Box::new(it)), sandbox: Vec::new(), texts: None }
    }
}

impl Deref for Connector {
    type Target = Contents;

    fn deref(&self) -> &Contents {
        self.contents.contents.get_or_init(|| match &self.contents.texts {
            Some(texts) => Box::new(texts.compile(self)),
            None => unreachable!("contents are let go of only where their texts are kept"),
        })
    }
}

impl Connector {
    /// Looks at what it does; of one that nobody uses, without keeping that in memory.
    pub fn peek<T>(&self, look: impl FnOnce(&Connector) -> T) -> T {
        let Some(texts) = self.contents.texts.as_ref().filter(|_| self.contents.contents.get().is_none()) else {
            return look(self);
        };
        look(&Connector {
            id: self.id.clone(),
            version: self.version.clone(),
            title: self.title.clone(),
            summary: self.summary.clone(),
            brand: self.brand.clone(),
            catalog: self.catalog.clone(),
            account: Arc::clone(&self.account),
            scopes: self.scopes.clone(),
            digest: self.digest.clone(),
            source_bytes: self.source_bytes,
            contents: texts.compile(self).into(),
        })
    }

    /// For whoever still makes it.
    pub(super) fn contents(&mut self) -> &mut Contents {
        self.contents.contents.get_mut().expect("nobody has let go of what is still being made")
    }

    /// Takes note of where `tests.yaml` speaks of the sandbox.
    pub(super) fn note_sandbox(&mut self, tests: &Node) {
        let sections = tests.as_map().into_iter().flatten().filter(|it| it.key.starts_with("sandbox"));
        let place = |it: &Entry| Span::new(it.key_span.file, it.key_span.start, it.value.span.end);
        self.contents.sandbox = sections.map(place).collect();
    }

    /// Lets go of what it does until somebody looks at it, and of its author's cases for good.
    pub(super) fn fold(&mut self, files: &ConnectorFiles, sources: &Sources) {
        let text = |it: &Span| &sources.get(it.file).text[it.start..it.end];
        let sandbox: Vec<_> = self.contents.sandbox.iter().map(text).collect();
        let connector = sources.get(files.connector).text.as_str().into();
        let texts = Texts { connector, sandbox: (!sandbox.is_empty()).then(|| sandbox.join("\n").into()) };
        self.contents = Folded { contents: OnceLock::new(), sandbox: Vec::new(), texts: Some(texts) };
    }
}

impl Texts {
    fn compile(&self, of: &Connector) -> Contents {
        let mut sources = Sources::default();
        let connector = sources.add("connector.yaml", &*self.connector);
        let tests = self.sandbox.as_ref().map(|it| sources.add("tests.yaml", &**it));
        let files = ConnectorFiles { directory: of.id.clone(), connector, tests, logo: None };
        let compiled = load::compiled(&files, &of.account, &sources);
        let contents = compiled.and_then(|it| it.contents.contents.into_inner());
        *contents.expect("it was compiled once already, of the same texts, when it was loaded")
    }
}
