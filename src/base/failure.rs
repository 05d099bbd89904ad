//! How a run fails: made by the interpreter, kept by the store, answered by the API.

use serde::{Deserialize, Serialize};

use super::Code;

/// How a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Canonical.
    pub code: Code,
    /// For the customer.
    pub say: String,
    /// For ops and authors: what happened, without secrets.
    pub detail: String,
    /// The step that failed.
    pub step: Option<String>,
    /// When to try again.
    pub retry_after_seconds: Option<u64>,
}

impl Failure {
    /// With the code's own sentence for the customer.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, say: code.say().to_owned(), detail: detail.into(), step: None, retry_after_seconds: None }
    }
}
