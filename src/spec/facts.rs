//! What checks want to know of the files and running does not.

use crate::diag::Span;

/// Gathered while a connector is lowered.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Names that refer to another part of the connector.
    pub(crate) uses: Vec<Use>,
    /// Fields, with their places.
    pub(crate) fields: Vec<Declared>,
    /// Scopes that are asked for, with their places.
    pub(crate) scopes: Vec<(String, Span)>,
    /// Actions and where they say what they do.
    pub(crate) effects: Vec<(String, Span)>,
    /// Actions and where they are described.
    pub(crate) describes: Vec<(String, Span)>,
    /// Objects that actions name, with the action and the place.
    pub(crate) objects: Vec<(String, Span)>,
    /// Fields that an object brings into an action.
    pub(crate) joined: Vec<(Owner, String)>,
    /// Where a client is to be registered.
    pub(crate) registers: Option<Span>,
    /// URLs whose host a value decides.
    pub(crate) open_hosts: Vec<OpenHost>,
    /// Requests that need a base URL: their paths.
    pub(crate) paths: Vec<Span>,
    /// Hosts that requests name themselves.
    pub(crate) hosts: Vec<String>,
    /// Parts that are declared, whether or not they could be lowered: a mistake in one is no mistake in what refers to it.
    pub(crate) parts: Vec<(Part, String)>,
}

/// A URL whose host a value decides.
#[derive(Debug)]
pub(crate) struct OpenHost {
    pub(crate) span: Span,
    /// The pattern of such hosts, as far as the URL writes them out: `*.example.com`.
    pub(crate) pattern: Option<String>,
}

/// A part of a connector that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Action,
    Field,
    Event,
    Lookup,
    Object,
    Scheme,
    Server,
}

impl Part {
    /// As an author calls it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Field => "shared field",
            Self::Event => "event",
            Self::Lookup => "lookup",
            Self::Object => "object",
            Self::Scheme => "sign-in",
            Self::Server => "server",
        }
    }
}

/// A name that refers to a part.
#[derive(Debug)]
pub(crate) struct Use {
    pub(crate) part: Part,
    pub(crate) name: String,
    pub(crate) span: Span,
}

/// Whose field it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// What an agent gives to an action.
    Input(String),
    /// What a builder fixes for an action.
    Config(String),
    /// What a lookup depends on.
    Lookup(String),
    /// What an org's own fields depend on.
    Object(String),
    /// A unified field of an object.
    ObjectField(String),
    /// The sign-in form.
    SignIn,
    /// All that take it by its name.
    Shared,
}

/// A field that is declared.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) owner: Owner,
    pub(crate) name: String,
    pub(crate) span: Span,
}

impl Facts {
    /// The names of the parts of a kind.
    pub(crate) fn names(&self, part: Part) -> impl Iterator<Item = &str> {
        self.parts.iter().filter(move |(it, _)| *it == part).map(|(_, name)| name.as_str())
    }
}
