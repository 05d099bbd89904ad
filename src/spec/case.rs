//! The author's tests and the answers of the sandbox.

use std::{sync::Arc, time::Duration};

use serde_json::Value as Json;

use super::{Mapping, OrgSchema};
use crate::{
    base::Code,
    diag::Span,
    expr::{Expr, Shape, Text},
};

/// A test of the author's.
#[derive(Debug)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Its place.
    pub span: Span,
    /// What is run.
    pub of: CaseOf,
    /// The instant.
    pub now: jiff::Timestamp,
    /// What `connection` holds.
    pub connection: Arc<Json>,
    /// `auth` fields and `token`.
    pub credentials: Vec<(String, String)>,
    /// The builder's.
    pub config: Json,
    /// The agent's.
    pub input: Json,
    /// What the org does with the action's object; its default if nothing is said.
    pub mapping: Option<Arc<Mapping>>,
    /// The org's own fields.
    pub org_fields: Option<Arc<OrgSchema>>,
    /// `execution.key`.
    pub execution_key: String,
    /// What `subscription` holds, its `secret` too.
    pub subscription: Json,
    /// In order.
    pub exchanges: Vec<Exchange>,
    /// What is delivered while the action waits, in order.
    pub deliveries: Vec<CaseEvent>,
    /// What must come out.
    pub expect: Expect,
}

/// What a case runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseOf {
    /// An action.
    Action(String),
    /// A lookup.
    Lookup(String),
    /// The description of an object.
    Object(String),
    /// The identification of the account.
    AfterConnect,
    /// A delivery that means an event.
    Event(String, CaseDelivery),
    /// A delivery that only wants an answer.
    Handshake(CaseDelivery),
}

/// What a case's provider delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseDelivery {
    /// Upper case.
    pub method: String,
    /// As it is called.
    pub path: String,
    /// Name and value.
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: String,
}

/// A delivery that comes while the action of a case waits.
#[derive(Debug)]
pub struct CaseEvent {
    /// Its place.
    pub span: Span,
    /// After so many exchanges.
    pub after: usize,
    /// What it means.
    pub event: String,
    /// What comes.
    pub delivery: CaseDelivery,
}

/// What a case must come to.
#[derive(Debug)]
pub enum Expect {
    /// Exactly this output.
    Output(Json),
    /// This code, and this sentence if given.
    Error(Code, Option<String>),
    /// An event that is known by this, if given, and hands this on.
    Event(Option<String>, Json),
    /// The delivery is not believed.
    Refused,
    /// The delivery gets this status and text.
    Answered(u16, String),
}

/// A request that must come and what is answered.
#[derive(Debug)]
pub struct Exchange {
    /// Its place.
    pub span: Span,
    /// Compared where given.
    pub request: ExpectedRequest,
    /// What comes back.
    pub answer: CannedAnswer,
}

/// The parts of a request that a case names.
#[derive(Debug, Default)]
pub struct ExpectedRequest {
    /// Upper case.
    pub method: Option<String>,
    /// Without query.
    pub url: Option<String>,
    /// The URL's path, as sent.
    pub path: Option<String>,
    /// All of it.
    pub query: Option<Vec<(String, String)>>,
    /// Those named.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: Option<Json>,
    /// All fields.
    pub form: Option<Vec<(String, String)>>,
    /// The parts of a multipart body: `[{name, filename, content_type, body}]`.
    pub parts: Option<Json>,
    /// The bytes that this means.
    pub base64: Option<String>,
    /// Exactly (line ends as sent, a trailing newline aside).
    pub text: Option<String>,
}

/// What a case's provider does.
#[derive(Debug)]
pub enum CannedAnswer {
    /// Answers.
    Answer {
        /// Status code.
        status: u16,
        /// Names in lower case.
        headers: Vec<(String, String)>,
        /// The bytes.
        body: Vec<u8>,
    },
    /// Nothing comes back though it was sent.
    Lost,
    /// No answer in time.
    Timeout,
    /// The connection was refused: nothing was sent.
    Refused,
}

/// An answer of the sandbox.
#[derive(Debug)]
pub struct SandboxAnswer {
    /// Its place.
    pub span: Span,
    /// Upper case.
    pub method: String,
    /// Only at this server.
    pub server: Option<String>,
    /// Segments; `{name}` captures one.
    pub path: Vec<String>,
    /// Over `request`.
    pub when: Option<Arc<Expr>>,
    /// Status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, Text)>,
    /// JSON, or text if it is a string and `text` was used.
    pub body: Option<Shape>,
    /// Text body.
    pub text: Option<Text>,
}

/// An event of the sandbox.
#[derive(Debug)]
pub struct SandboxEvent {
    /// Its place.
    pub span: Span,
    /// Which event.
    pub event: String,
    /// So long after it is waited for.
    pub after: Duration,
    /// Over `correlate`.
    pub when: Option<Arc<Expr>>,
    /// What is handed on.
    pub output: Shape,
}
