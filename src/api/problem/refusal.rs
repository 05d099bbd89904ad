//! Why the engine refused, as a problem.

use super::{DiagnosticView, FieldProblem, Kind, Problem};
use crate::{catalog::mistake::Mistake, connections, runtime::Error, spec::FieldError};

/// After so many seconds a database that was away may be back.
const DATABASE_BACK_SECONDS: u64 = 2;

/// The one mapping from the engine's refusals to HTTP.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound(what) => Self::not_found(what),
            Error::Invalid(fields) => {
                let errors = fields.into_iter().map(FieldProblem::from).collect();
                Self::new(Kind::InvalidArguments, detail).with_errors(errors).for_form()
            }
            Error::Connector(found) => {
                let diagnostics = found.into_iter().map(DiagnosticView::from).collect();
                Self::new(Kind::InvalidConnector, detail).with_diagnostics(diagnostics)
            }
            Error::BadRequest(_) => Self::new(Kind::InvalidRequest, detail),
            Error::Conflict { fix, .. } => Self::new(Kind::Conflict, detail).with_fix(fix),
            Error::Breaking { changes, .. } => {
                let mut problem = Self::new(Kind::BreakingChange, detail);
                problem.0.changes = changes;
                problem
            }
            Error::IdempotencyConflict => Self::new(Kind::IdempotencyConflict, detail),
            Error::NotConnected(_) => Self::new(Kind::NotConnected, detail),
            Error::MissingScopes(_) => Self::new(Kind::MissingScopes, detail),
            Error::ConnectFailed(_) => Self::new(Kind::ConnectFailed, detail),
            Error::Provider(failure) => {
                Self::new(Kind::ProviderFailed, failure.say).retry_after(failure.retry_after_seconds)
            }
            Error::TooMany(wait) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Self::new(Kind::TooMany, detail).retry_after(Some(seconds))
            }
            Error::Unavailable(_) => Self::new(Kind::Unavailable, detail),
            Error::DatabaseAway => {
                let detail = "The database does not answer just now; nothing was begun.";
                Self::new(Kind::Unavailable, detail).retry_after(Some(DATABASE_BACK_SECONDS))
            }
            Error::Internal(cause) => {
                tracing::error!(error = format!("{cause:#}"), "a request failed");
                Self::new(Kind::Internal, "The request could not be completed.")
            }
        }
    }
}

impl From<connections::Error> for Problem {
    fn from(error: connections::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<FieldError> for FieldProblem {
    fn from(error: FieldError) -> Self {
        Self { path: error.path, expected: error.expected, got: error.got, message: error.message }
    }
}

impl From<Mistake> for DiagnosticView {
    fn from(it: Mistake) -> Self {
        let Mistake { code, severity, message, help, pointer, place } = it;
        let (file, line, column) = match place {
            Some(place) => (Some(place.file), Some(place.line), Some(place.column)),
            None => (None, None, None),
        };
        Self { code, severity, message, help, file, pointer, line, column }
    }
}
