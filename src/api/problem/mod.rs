//! Errors of the HTTP API: RFC 9457 problem details that say what to do. The only mapping from failures to statuses.

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

mod kind;
mod refusal;

pub use kind::Kind;

/// Why a request was refused. `code` is stable and meant for programs; `detail` and `fix` are for people.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Problem(Box<Details>);

/// RFC 9457 §3.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
struct Details {
    /// A page that explains the code.
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid_arguments")]
    kind: String,
    /// The code in words.
    title: &'static str,
    /// The HTTP status again.
    status: u16,
    /// Stable.
    #[schema(example = "invalid_arguments")]
    code: &'static str,
    /// What happened this time.
    detail: String,
    /// What to do about it.
    fix: Cow<'static, str>,
    /// Each field that can't be used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    /// Each mistake in a connector.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<DiagnosticView>,
    /// Each change of a connector that breaks something.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["action `book`, input: `start` has to be given, before it could be left out"]))]
    changes: Vec<String>,
    /// There was a key, but no valid one.
    #[serde(skip)]
    wrong_key: bool,
    /// Seconds after which the same request may be sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
}

/// One field that can't be used.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Where, as a JSON Pointer (RFC 6901) into what was sent.
    #[schema(example = "/start")]
    pub path: String,
    /// What would be accepted.
    #[schema(example = "a date-time with offset, such as 2026-12-01T10:00:00+07:00")]
    pub expected: String,
    /// What came, shortened.
    #[schema(example = "\"tomorrow at 3\"")]
    pub got: String,
    /// All of it as a sentence.
    #[schema(
        example = "`start` must be a date and time with offset, such as 2026-12-01T10:00:00+07:00, not \"tomorrow at 3\""
    )]
    pub message: String,
}

impl FieldProblem {
    fn name(&self) -> &str {
        self.path.strip_prefix('/').unwrap_or(&self.path)
    }
}

/// Something that is wrong with a connector, as `closeloop validate` would show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Diagnostic)]
pub struct DiagnosticView {
    /// Stable; docs/diagnostics.md explains each.
    #[schema(example = "C101")]
    code: &'static str,
    /// `error` or `warning`.
    severity: &'static str,
    /// One sentence.
    #[schema(example = "unknown key `pth` in `request`")]
    message: String,
    /// What to do instead, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    /// `connector.yaml` or `tests.yaml`; of a form, nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// The part of the file, or of the form, as a JSON Pointer (RFC 6901).
    #[schema(example = "/actions/look/request/pth")]
    pointer: String,
    /// Its line in the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// Its column in the file, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        Details::schema()
    }
}

impl ToSchema for Problem {
    fn schemas(all: &mut Vec<(String, RefOr<Schema>)>) {
        Details::schemas(all);
    }
}

impl Problem {
    /// A problem of that kind; `detail` tells what happened this time.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (status, code, title, fix) = kind.row();
        Self(Box::new(Details {
            kind: format!("/problems/{code}"),
            title,
            status: status.as_u16(),
            code,
            detail: detail.into(),
            fix: fix.into(),
            wrong_key: false,
            errors: Vec::new(),
            diagnostics: Vec::new(),
            changes: Vec::new(),
            retry_after_seconds: None,
        }))
    }

    /// Names the fields that can't be used.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldProblem>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Names the mistakes of a connector.
    #[must_use]
    pub(super) fn with_diagnostics(mut self, diagnostics: Vec<DiagnosticView>) -> Self {
        self.0.diagnostics = diagnostics;
        self
    }

    /// Says what to do about this very one.
    #[must_use]
    pub(super) fn with_fix(mut self, fix: impl Into<Cow<'static, str>>) -> Self {
        self.0.fix = fix.into();
        self
    }

    /// Tells that there was a key, but no valid one (RFC 6750 §3.1).
    #[must_use]
    pub(super) fn with_wrong_key(mut self) -> Self {
        self.0.wrong_key = true;
        self
    }

    /// For an agent, which can ask the customer: what to do about arguments that can't be used.
    #[must_use]
    pub(super) fn for_agent(self) -> Self {
        if self.0.errors.is_empty() {
            return self;
        }
        let (missing, wrong) = self.missing_and_wrong();
        let fix = match (&wrong[..], &missing[..]) {
            ([], missing) => format!("Ask the customer for {}, then call again.", named(missing)),
            (wrong, []) => format!("Correct {} as `errors` say, then call again.", named(wrong)),
            (wrong, missing) => {
                format!("Correct {} as `errors` say, and ask the customer for {}.", named(wrong), named(missing))
            }
        };
        self.with_fix(fix)
    }

    /// For whoever filled in a form: what to do about its fields.
    fn for_form(self) -> Self {
        let (missing, wrong) = self.missing_and_wrong();
        let fix = match (&wrong[..], &missing[..]) {
            ([], []) => return self,
            ([], missing) => format!("Give {} too.", named(missing)),
            (wrong, []) => format!("Correct {} as `errors` say.", named(wrong)),
            (wrong, missing) => format!("Correct {} as `errors` say, and give {} too.", named(wrong), named(missing)),
        };
        self.with_fix(fix)
    }

    fn missing_and_wrong(&self) -> (Vec<&str>, Vec<&str>) {
        let (missing, wrong): (Vec<_>, Vec<_>) = self.0.errors.iter().partition(|it| it.got == "nothing");
        let [missing, wrong] = [missing, wrong].map(|all| all.into_iter().map(FieldProblem::name).collect());
        (missing, wrong)
    }

    /// Tells when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: Option<u64>) -> Self {
        self.0.retry_after_seconds = seconds;
        self
    }

    /// What happened this time.
    pub(super) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What is not there, without a hint whether it is somebody else's.
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("There is no such {what}."))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let (retry_after, wrong_key) = (self.0.retry_after_seconds, self.0.wrong_key);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = if wrong_key { "Bearer error=\"invalid_token\"" } else { "Bearer" };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

/// `a`, `b` and `c`; of many, the first ones.
fn named(fields: &[&str]) -> String {
    const MOST: usize = 5;
    let quoted: Vec<_> = fields.iter().take(MOST).map(|it| format!("`{it}`")).collect();
    match &quoted[..] {
        _ if fields.len() > MOST => format!("{} and {} more", quoted.join(", "), fields.len() - MOST),
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        all => all.concat(),
    }
}
