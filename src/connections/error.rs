//! Why an account can't be connected, tested or taken off.

use crate::{base::Code, crypto::OpenError, spec::FieldError, store, transport::SendError};

/// Why it can't be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no key to seal a credential with.
    #[error(
        "no credential can be stored: the setting `encryption_keys` is empty; `closeloop keys encryption` makes a key"
    )]
    NoKeyRing,
    /// Not loaded.
    #[error("there is no connector `{0}`")]
    NoConnector(String),
    /// The account needs a consent, but no OAuth app is registered for it.
    #[error("there is no OAuth app for `{0}`: the setting `accounts` needs its client_id and client_secret")]
    NoClient(String),
    /// The org has no such connection.
    #[error("there is no such connection")]
    NotFound,
    /// The connection to connect again is of another account, or not of the same mode.
    #[error("that connection is of another account; connect this one as a new connection")]
    OtherAccount,
    /// The connection is not connected.
    #[error("the connection is `{0}`, not connected")]
    NotConnected(store::Status),
    /// The `state` is unknown, was used before, or is too old.
    #[error("this sign-in is unknown, was finished before, or took too long; begin again")]
    UnknownState,
    /// Some fields can't be used.
    #[error("some fields can't be used: {}", .0.iter().map(|it| it.message.as_str()).collect::<Vec<_>>().join("; "))]
    Fields(Vec<FieldError>),
    /// The provider refused, or could not be asked.
    #[error("{detail}")]
    Provider {
        /// Canonical.
        code: Code,
        /// For whoever connects.
        say: String,
        /// For ops; no secrets.
        detail: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A stored credential doesn't open.
    #[error("the stored credential can't be read: {0}")]
    Sealed(#[from] OpenError),
}

impl Error {
    /// What whoever connects an account, or tests it, reads: what the connector says of it; or else what it comes to, and the
    /// provider's reason, since they can do something about it. Whoever connects is not told to renew what they are just making.
    pub fn told(&self) -> String {
        match self {
            Self::Provider { code, say, detail } if say == code.say() => match code {
                Code::Reauthorize => format!("The provider does not accept the account ({detail})."),
                _ => format!("{say} ({detail})"),
            },
            Self::Provider { say, .. } => say.clone(),
            other => other.to_string(),
        }
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        Self::Provider { code: error.code, say: error.code.say().to_owned(), detail: error.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_connects_reads_what_the_connector_says_or_else_the_provider_s_reason() {
        let told = |code: Code, say: &str| {
            let (say, detail) = (say.to_owned(), "the provider answered with 401: bad login".to_owned());
            Error::Provider { code, say, detail }.told()
        };
        for (code, say, expected) in [
            (
                Code::Reauthorize,
                Code::Reauthorize.say(),
                "The provider does not accept the account (the provider answered with 401: bad login).",
            ),
            (
                Code::Unavailable,
                Code::Unavailable.say(),
                "The service can't be reached just now. (the provider answered with 401: bad login)",
            ),
            (Code::Reauthorize, "The key is of another environment.", "The key is of another environment."),
        ] {
            assert_eq!(told(code, say), expected);
        }
    }
}
