//! Why the engine refuses something. The API maps these to statuses in one place.

use crate::{base::Failure, catalog::mistake::Mistake, connections, spec::FieldError, store};

/// A refusal, or a failure of our own machine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or another org's: the two look the same.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Fields that don't fit their schema.
    #[error("some fields can't be used")]
    Invalid(Vec<FieldError>),
    /// A connector with mistakes.
    #[error("the connector has mistakes")]
    Connector(Vec<Mistake>),
    /// Something that can't be read as what it should be.
    #[error("{0}")]
    BadRequest(String),
    /// It is there already, or changed meanwhile.
    #[error("{detail}")]
    Conflict {
        /// What is there.
        detail: String,
        /// What to do about it.
        fix: &'static str,
    },
    /// A version breaks what an earlier one promised, and its number does not say so.
    #[error("version {to} breaks what {from} promises, and a version that does needs a higher {}", if from.starts_with("0.") { "second number" } else { "first number" })]
    Breaking {
        /// The earlier version.
        from: String,
        /// The later version.
        to: String,
        /// What it breaks, a sentence each.
        changes: Vec<String>,
    },
    /// The same idempotency key with other arguments.
    #[error("this idempotency key was used with other arguments")]
    IdempotencyConflict,
    /// The connection can't be used as it is.
    #[error("the connection is {0}")]
    NotConnected(&'static str),
    /// What the connection would have to be granted.
    #[error("the connection lacks the scopes {}", .0.join(", "))]
    MissingScopes(Vec<String>),
    /// The account could not be connected.
    #[error("{0}")]
    ConnectFailed(String),
    /// The provider failed while it was asked something for the builder.
    #[error("{}", .0.detail)]
    Provider(Failure),
    /// Too many requests of the org.
    #[error("this org has sent too many requests")]
    TooMany(std::time::Duration),
    /// Not now.
    #[error("{0}")]
    Unavailable(String),
    /// The database is away: nothing can be begun, and in a moment it may be back.
    #[error("the database does not answer just now")]
    DatabaseAway,
    /// Something of ours broke.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl Error {
    /// Something that is there already, or changed meanwhile, and what to do about it.
    pub(super) fn conflict(detail: impl Into<String>, fix: &'static str) -> Self {
        Self::Conflict { detail: detail.into(), fix }
    }
}

/// What the engine's methods give.
pub type Result<T> = std::result::Result<T, Error>;

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        if matches!(error, store::Error::Unavailable(_)) {
            tracing::warn!(%error, "the store is away");
            return Self::DatabaseAway;
        }
        Self::Internal(anyhow::Error::new(error).context("the store"))
    }
}

impl From<connections::Error> for Error {
    fn from(error: connections::Error) -> Self {
        use connections::Error as E;
        match error {
            E::NotFound => Self::NotFound("connection"),
            E::NoConnector(_) => Self::NotFound("connector"),
            E::Fields(fields) => Self::Invalid(fields),
            E::OtherAccount => Self::conflict(
                error.to_string(),
                "Consent with the account that it was connected to; connect another account as a connection of its own.",
            ),
            E::NotConnected(status) => Self::NotConnected(status.as_str()),
            E::UnknownState => Self::BadRequest(error.to_string()),
            E::NoKeyRing | E::NoClient(_) => Self::Unavailable(error.to_string()),
            E::Provider { ref detail, .. } => {
                tracing::info!(detail, "an account could not be connected");
                Self::ConnectFailed(error.told())
            }
            E::Store(error) => error.into(),
            E::Sealed(_) => Self::Internal(error.into()),
        }
    }
}

impl From<Vec<FieldError>> for Error {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}
