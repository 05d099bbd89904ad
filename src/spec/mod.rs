//! A connector, checked and compiled: what the interpreter runs.
//!
//! `load` is the only way to one, and it gives one only if nothing is wrong with it.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::{
    base::{Code, Effect},
    diag::Span,
    expr::{Expr, Path, Shape, Text},
};

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
    /// Where requests go and what answers mean.
    pub http: Http,
    /// Identifies the account once it is connected (the connector's own, else the account's).
    pub after_connect: Option<AfterConnect>,
    /// Live lists to pick from.
    pub lookups: IndexMap<String, Lookup>,
    /// What the agent can do.
    pub actions: IndexMap<String, Action>,
    /// The author's tests.
    pub cases: Vec<Case>,
    /// Answers for sandbox connections.
    pub sandbox: Vec<SandboxAnswer>,
}

/// How the catalog shows it.
#[derive(Debug, Default)]
pub struct Brand {
    /// SVG text of the logo file, if there is one.
    pub logo: Option<String>,
    /// `#RRGGBB`
    pub color: Option<String>,
}

/// A row of the catalog.
#[derive(Debug)]
pub struct CatalogEntry {
    /// `other_integration`, …
    pub group: String,
    /// `planned`, `closed_beta`, `open_beta`, `ga`.
    pub phase: String,
}

/// What a connection signs in to.
#[derive(Debug)]
pub struct Account {
    /// The shared account's id, or the connector's own.
    pub id: String,
    /// For people.
    pub title: String,
    /// What the builder fills in.
    pub fields: Fields,
    /// Names of the fields that are secret.
    pub secret_fields: Vec<String>,
    /// The first is the default.
    pub schemes: IndexMap<String, Scheme>,
    /// Scope → the scopes that it includes.
    pub scope_covers: IndexMap<String, Vec<String>>,
    /// Tried after the connector's rules.
    pub errors: Vec<ErrorRule>,
    /// Identifies the account, when the connector does not.
    pub after_connect: Option<Arc<AfterConnect>>,
    /// Base for the paths in `after_connect`, and hosts.
    pub http: Option<Http>,
}

/// One way to sign requests.
#[derive(Debug)]
pub struct Scheme {
    /// Its name in `schemes`; `default` when there is only one.
    pub name: String,
    /// Where the credential comes from.
    pub kind: SchemeKind,
    /// How it is put on a request.
    pub apply: Apply,
    /// Answers that mean: renew the token and send once more.
    pub expired: Vec<ErrorRule>,
}

/// Where a scheme's credential comes from.
#[derive(Debug)]
pub enum SchemeKind {
    /// No credential.
    None,
    /// The fields themselves: basic, bearer, api_key.
    Static,
    /// A consent, with refresh.
    OAuth2(Box<OAuth2>),
    /// A request that gives a short-lived token.
    TokenExchange(Box<TokenExchange>),
}

/// How a credential is put on a request. Headers and query are templates over `auth` and `request`.
#[derive(Debug)]
pub enum Apply {
    /// Nothing to add.
    None,
    /// `Authorization: Basic …`
    Basic {
        /// May be empty.
        username: Text,
        /// May be empty.
        password: Text,
    },
    /// Headers (names in lower case) and query parameters.
    Fields {
        /// Name and value.
        headers: Vec<(String, Text)>,
        /// Name and value.
        query: Vec<(String, Text)>,
    },
}

/// OAuth 2 authorization code (RFC 6749 §4.1), PKCE (RFC 7636), refresh (§6).
#[derive(Debug)]
pub struct OAuth2 {
    /// Where the browser goes.
    pub authorize_url: Url,
    /// Code and refresh.
    pub token_url: Url,
    /// RFC 7009, if the provider has it.
    pub revoke_url: Option<Url>,
    /// S256 unless switched off.
    pub pkce: bool,
    /// Client id and secret in the form rather than by HTTP Basic.
    pub client_in_body: bool,
    /// Added to the authorize URL.
    pub params: Vec<(String, String)>,
    /// Added to both token requests.
    pub token_params: Vec<(String, String)>,
    /// Between scopes.
    pub scope_separator: String,
    /// When the answer has no `expires_in`.
    pub lifetime: Option<Duration>,
    /// Where the token answer keeps things.
    pub token: TokenPaths,
    /// Name → path in the token answer, kept in `connection`.
    pub capture: Vec<(String, Arc<Path>)>,
    /// Refresh answers that mean a dead grant.
    pub dead: Vec<ErrorRule>,
}

/// Paths into a token answer.
#[derive(Debug)]
pub struct TokenPaths {
    /// `$.access_token`
    pub access_token: Arc<Path>,
    /// `$.refresh_token`
    pub refresh_token: Arc<Path>,
    /// `$.expires_in`
    pub expires_in: Arc<Path>,
    /// `$.scope`
    pub scope: Arc<Path>,
}

/// A token got by one templated request and kept while it lives.
#[derive(Debug)]
pub struct TokenExchange {
    /// May use `auth.*`, in headers and body too.
    pub request: Request,
    /// The token in its answer.
    pub token: Arc<Path>,
    /// Seconds, as number or text.
    pub expires_in: Option<Arc<Path>>,
    /// When the answer does not tell.
    pub lifetime: Duration,
    /// Renewed this long before the end.
    pub margin: Duration,
    /// What its answers mean.
    pub errors: Vec<ErrorRule>,
}

/// Where requests go.
#[derive(Debug)]
pub struct Http {
    /// The first is the default.
    pub servers: IndexMap<String, Url>,
    /// Host patterns that may be called: exact, or with `*` inside one label.
    pub hosts: Vec<String>,
    /// Sent with every request.
    pub headers: Vec<(String, Text)>,
    /// For one request.
    pub timeout: Duration,
    /// How many redirects are followed.
    pub redirects: u8,
    /// Our own limit towards the provider.
    pub rate_limit: Option<RateLimit>,
    /// For XML answers.
    pub xml: Xml,
    /// First hit is the provider's reason.
    pub reason: Vec<Arc<Path>>,
    /// First hit is the provider's message.
    pub message: Vec<Arc<Path>>,
    /// What answers mean.
    pub errors: Vec<ErrorRule>,
}

/// A limit kept towards the provider.
#[derive(Debug, Clone, Copy)]
pub struct RateLimit {
    /// For one connection, rather than for all of the connector.
    pub per_connection: bool,
    /// This many …
    pub requests: u32,
    /// … in this time.
    pub window: Duration,
}

/// An absolute address.
#[derive(Debug)]
pub enum Url {
    /// Literal or template.
    Text(Text),
    /// Picked by a value.
    Choice {
        /// What decides.
        by: Arc<Expr>,
        /// Value → address.
        of: Vec<(String, Text)>,
    },
}

/// Fields that somebody fills in: an object schema, compiled.
#[derive(Debug)]
pub struct Fields {
    /// JSON Schema (2020-12) of the object, without our own keywords.
    pub schema: Json,
    /// Compiled, formats on.
    pub validator: jsonschema::Validator,
    /// Field → lookup.
    pub lookups: IndexMap<String, String>,
}

/// Something the agent can do.
#[derive(Debug)]
pub struct Action {
    /// Its key.
    pub name: String,
    /// For people.
    pub title: String,
    /// For the model.
    pub describe: String,
    /// To the world.
    pub effect: Effect,
    /// All of them: the connector's and its own.
    pub scopes: Vec<String>,
    /// Fixed by the builder.
    pub config: Fields,
    /// Filled by the agent.
    pub input: Fields,
    /// What it does.
    pub plan: Plan,
}

/// A live list.
#[derive(Debug)]
pub struct Lookup {
    /// Its key.
    pub name: String,
    /// For people.
    pub title: String,
    /// All of them: the connector's and its own.
    pub scopes: Vec<String>,
    /// What it depends on.
    pub config: Fields,
    /// Its output is the list of `{value, label, hint}`.
    pub plan: Plan,
}

/// Run once an account is connected; its output is `{label, capture: {…}}`.
#[derive(Debug)]
pub struct AfterConnect {
    /// What it does.
    pub plan: Plan,
}

/// Steps and what they come to: all that the interpreter needs.
#[derive(Debug)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// Of the whole. With one unnamed request, `$` is its answer.
    pub output: Shape,
    /// For the whole.
    pub timeout: Duration,
    /// Derived effect of its writes.
    pub effect: Effect,
}

/// A part of a plan.
#[derive(Debug)]
pub struct Step {
    /// Unique in its plan; `request` for the only one of an action without `steps`.
    pub id: String,
    /// Its place.
    pub span: Span,
    /// Skipped if false.
    pub when: Option<Arc<Expr>>,
    /// Once per entry.
    pub each: Option<StepEach>,
    /// What it does.
    pub kind: StepKind,
    /// What `steps.<id>` holds.
    pub output: Option<Shape>,
}

/// The rounds of a step.
#[derive(Debug)]
pub struct StepEach {
    /// The entries.
    pub over: Shape,
    /// More are refused.
    pub max: usize,
    /// At the same time.
    pub concurrency: usize,
}

/// What a step does.
#[derive(Debug)]
pub enum StepKind {
    /// Calls the provider.
    Request(Box<RequestStep>),
    /// Computes.
    Set(Shape),
    /// Ends the execution.
    Fail {
        /// As what.
        code: Code,
        /// For the customer.
        say: Option<Text>,
    },
    /// Runs another action.
    Call {
        /// Its name.
        action: String,
        /// Its arguments.
        input: Shape,
    },
}

/// A request and all that belongs to it.
#[derive(Debug)]
pub struct RequestStep {
    /// What is sent.
    pub request: Request,
    /// To the world.
    pub effect: Effect,
    /// May be sent twice.
    pub idempotent: bool,
    /// Tried first.
    pub errors: Vec<ErrorRule>,
    /// More of the same.
    pub pages: Option<Pages>,
    /// Whether it happened.
    pub verify: Option<Verify>,
    /// Takes it back.
    pub undo: Option<Request>,
}

/// A request, compiled.
#[derive(Debug)]
pub struct Request {
    /// Its place.
    pub span: Span,
    /// Upper case.
    pub method: String,
    /// Where to.
    pub target: Target,
    /// Scheme name; `None` is the default, `Some("none")` no sign-in.
    pub auth: Option<String>,
    /// A list repeats the key.
    pub query: Vec<(String, Shape)>,
    /// Names in lower case.
    pub headers: Vec<(String, Text)>,
    /// What is sent.
    pub body: Body,
    /// Overrides the body's own.
    pub content_type: Option<String>,
    /// How the answer is read.
    pub answer: AnswerKind,
}

/// Where a request goes.
#[derive(Debug)]
pub enum Target {
    /// Under a server's base URL.
    Path {
        /// Which; `None` is the default.
        server: Option<String>,
        /// Each placeholder is one segment.
        path: Text,
    },
    /// An address that the provider gave, then segments.
    Url(Text),
}

/// A request's body.
#[derive(Debug)]
pub enum Body {
    /// Nothing.
    None,
    /// `application/json`
    Json(Shape),
    /// `application/x-www-form-urlencoded`
    Form(Shape),
    /// `application/xml; charset=utf-8`
    Xml(Text),
    /// `text/calendar; charset=utf-8`
    Ics(Text),
    /// `text/plain; charset=utf-8`
    Text(Text),
}

/// More answers of the same.
#[derive(Debug)]
pub struct Pages {
    /// What is joined.
    pub items: Arc<Path>,
    /// At most so many requests.
    pub max: usize,
    /// How to go on.
    pub by: PageBy,
}

/// How the next page is asked for.
#[derive(Debug)]
pub enum PageBy {
    /// A token from the answer into the query.
    Token {
        /// In the answer.
        token: Arc<Path>,
        /// The query's name.
        query: String,
    },
    /// A URL from the answer.
    Next(Arc<Path>),
    /// RFC 8288 `Link: <…>; rel="next"`.
    Link,
    /// Counting entries.
    Offset {
        /// The query's name.
        query: String,
        /// Entries per page.
        size: u64,
    },
    /// Counting pages.
    Page {
        /// The query's name.
        query: String,
        /// The first one's number.
        start: u64,
    },
}

/// Finds out whether a write happened.
#[derive(Debug)]
pub struct Verify {
    /// What is asked.
    pub request: Request,
    /// Whether the answer is of our write.
    pub holds: Option<Arc<Expr>>,
    /// Failures that are checked as well.
    pub on: Vec<Code>,
}

/// What an answer means.
#[derive(Debug)]
pub struct ErrorRule {
    /// Its place.
    pub span: Span,
    /// Ranges of status; empty matches any.
    pub status: Vec<(u16, u16)>,
    /// Any of these reasons; empty matches any.
    pub reason: Vec<String>,
    /// Over `answer`.
    pub when: Option<Arc<Expr>>,
    /// What it is; `None` is success.
    pub is: Option<Code>,
    /// For the customer.
    pub say: Option<Text>,
    /// Seconds.
    pub retry_after: Option<Shape>,
}

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
    pub connection: Json,
    /// `auth` fields and `token`.
    pub credentials: Vec<(String, String)>,
    /// The builder's.
    pub config: Json,
    /// The agent's.
    pub input: Json,
    /// `execution.key`.
    pub execution_key: String,
    /// In order.
    pub exchanges: Vec<Exchange>,
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
    /// The identification of the account.
    AfterConnect,
}

/// What a case must come to.
#[derive(Debug)]
pub enum Expect {
    /// Exactly this output.
    Output(Json),
    /// This code, and this sentence if given.
    Error(Code, Option<String>),
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
        body: String,
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
