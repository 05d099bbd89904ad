//! The canonical outcome codes and effects: one vocabulary for connectors, API and agents.

use serde::{Deserialize, Serialize};

/// How an action, or a request, can fail. Agents branch on these, so the set is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The arguments can't be used; ask the customer.
    InvalidInput,
    /// What was asked for does not exist.
    NotFound,
    /// Something else is there already, or changed in between.
    Conflict,
    /// The connected account may not do this.
    PermissionDenied,
    /// The connection needs a new consent.
    Reauthorize,
    /// Too many requests; later will do.
    RateLimited,
    /// The provider is down or unreachable; nothing happened.
    Unavailable,
    /// No answer in time; nothing happened, or nothing that matters.
    Timeout,
    /// A payment was refused.
    Declined,
    /// The state does not allow it now.
    PreconditionFailed,
    /// The provider or account can't do this at all.
    Unsupported,
    /// It may or may not have happened. Never repeat; look.
    UnknownOutcome,
    /// The provider failed in a way that no rule explains.
    ProviderError,
}

impl Code {
    /// Every code, in the order of the reference.
    pub const ALL: [Code; 13] = [
        Code::InvalidInput,
        Code::NotFound,
        Code::Conflict,
        Code::PermissionDenied,
        Code::Reauthorize,
        Code::RateLimited,
        Code::Unavailable,
        Code::Timeout,
        Code::Declined,
        Code::PreconditionFailed,
        Code::Unsupported,
        Code::UnknownOutcome,
        Code::ProviderError,
    ];

    /// The word used in YAML, API and docs.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::InvalidInput => "invalid_input",
            Code::NotFound => "not_found",
            Code::Conflict => "conflict",
            Code::PermissionDenied => "permission_denied",
            Code::Reauthorize => "reauthorize",
            Code::RateLimited => "rate_limited",
            Code::Unavailable => "unavailable",
            Code::Timeout => "timeout",
            Code::Declined => "declined",
            Code::PreconditionFailed => "precondition_failed",
            Code::Unsupported => "unsupported",
            Code::UnknownOutcome => "unknown_outcome",
            Code::ProviderError => "provider_error",
        }
    }

    /// Whether, and when, the same call may be made again.
    pub fn retry(self) -> Retry {
        match self {
            Code::RateLimited | Code::Unavailable | Code::Timeout => Retry::Later,
            Code::InvalidInput | Code::Conflict => Retry::Changed,
            Code::Reauthorize => Retry::AfterReconnect,
            _ => Retry::Never,
        }
    }

    /// A sentence for the customer, when the connector has none of its own.
    pub fn say(self) -> &'static str {
        match self {
            Code::InvalidInput => "Some of the details can't be used as they are.",
            Code::NotFound => "That could not be found.",
            Code::Conflict => "That is no longer possible: something changed in the meantime.",
            Code::PermissionDenied => "The connected account is not allowed to do that.",
            Code::Reauthorize => "The connection to the provider has to be renewed by the business.",
            Code::RateLimited => "The service is busy just now. It will work again shortly.",
            Code::Unavailable => "The service can't be reached just now.",
            Code::Timeout => "The service did not answer in time.",
            Code::Declined => "The payment was declined.",
            Code::PreconditionFailed => "That can't be done in its present state.",
            Code::Unsupported => "That is not supported.",
            Code::UnknownOutcome => "It is not certain yet whether that went through; somebody will check.",
            Code::ProviderError => "Something went wrong at the service.",
        }
    }
}

/// Advice to the agent on repeating a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not at all.
    Never,
    /// The same call, after a while.
    Later,
    /// Only with other arguments.
    Changed,
    /// Once the builder has connected the account again.
    AfterReconnect,
}

impl Retry {
    /// The word used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Retry::Never => "never",
            Retry::Later => "later",
            Retry::Changed => "changed",
            Retry::AfterReconnect => "after_reconnect",
        }
    }
}

/// What an action does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Looks only.
    Read,
    /// Makes or changes something.
    Write,
    /// Removes something.
    Delete,
    /// Moves money, or asks for it.
    Money,
}

impl Effect {
    /// Every effect.
    pub const ALL: [Effect; 4] = [Effect::Read, Effect::Write, Effect::Delete, Effect::Money];

    /// The word used in YAML, API and docs.
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Read => "read",
            Effect::Write => "write",
            Effect::Delete => "delete",
            Effect::Money => "money",
        }
    }
}

/// Reads and shows a closed set of words by its `ALL` and `as_str`.
macro_rules! word {
    ($type:ty) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or(())
            }
        }
    };
}

word!(Code);
word!(Effect);

pub(crate) use word;
