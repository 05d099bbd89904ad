//! The kinds of problem, each with its status, its code and what to do.

use axum::http::StatusCode;

/// What a problem is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The body or a parameter can't be read.
    InvalidRequest,
    /// No key, or none that is known.
    Unauthorized,
    /// An org's key where an operator's is needed.
    Forbidden,
    /// Not there, or not the caller's.
    NotFound,
    /// The path is there, the method is not.
    MethodNotAllowed,
    /// It is there already, or changed meanwhile.
    Conflict,
    /// A version breaks what an earlier one promises, and its number does not say so.
    BreakingChange,
    /// The same idempotency key with other arguments.
    IdempotencyConflict,
    /// The connection can't be used as it is.
    NotConnected,
    /// The connection lacks scopes.
    MissingScopes,
    /// Too much was sent.
    TooLarge,
    /// Fields that don't fit their schema.
    InvalidArguments,
    /// A connector with mistakes.
    InvalidConnector,
    /// The account could not be connected.
    ConnectFailed,
    /// The provider failed while the engine asked it something for the builder.
    ProviderFailed,
    /// Something of ours broke.
    Internal,
    /// The org sends more than it may.
    TooMany,
    /// Not now.
    Unavailable,
}

impl Kind {
    /// Every kind, for the pages under `/problems`.
    pub const ALL: [Kind; 18] = [
        Kind::InvalidRequest,
        Kind::Unauthorized,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::MethodNotAllowed,
        Kind::Conflict,
        Kind::BreakingChange,
        Kind::IdempotencyConflict,
        Kind::NotConnected,
        Kind::MissingScopes,
        Kind::TooLarge,
        Kind::InvalidArguments,
        Kind::InvalidConnector,
        Kind::ConnectFailed,
        Kind::ProviderFailed,
        Kind::Internal,
        Kind::TooMany,
        Kind::Unavailable,
    ];

    /// Status, code, title, and what to do.
    pub fn row(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Kind::InvalidRequest => (
                S::BAD_REQUEST,
                "invalid_request",
                "The request can't be read",
                "Compare it with /openapi.json and send it again.",
            ),
            Kind::Unauthorized => (
                S::UNAUTHORIZED,
                "unauthorized",
                "No valid API key",
                "Send `Authorization: Bearer <API key of the org>`.",
            ),
            Kind::Forbidden => (
                S::FORBIDDEN,
                "forbidden",
                "Not with this key",
                "Use an operator's key. Whoever runs the engine makes one by `closeloop keys operator --name NAME`.",
            ),
            Kind::NotFound => {
                (S::NOT_FOUND, "not_found", "Not found", "Check the id; it must belong to the org of the API key.")
            }
            Kind::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed", "Compare it with /openapi.json.")
            }
            Kind::Conflict => {
                (S::CONFLICT, "conflict", "In conflict with what is there", "Read it again, then decide.")
            }
            Kind::BreakingChange => (
                S::CONFLICT,
                "breaking_change",
                "The version breaks what an earlier one promises",
                "Keep what `changes` name, or raise the version as `detail` says.",
            ),
            Kind::IdempotencyConflict => (
                S::CONFLICT,
                "idempotency_conflict",
                "The idempotency key was used for another call",
                "Use a new key for a new call, and the same arguments for the same key.",
            ),
            Kind::NotConnected => (
                S::CONFLICT,
                "not_connected",
                "The connection can't be used",
                "Connect the account again, then repeat the call.",
            ),
            Kind::MissingScopes => (
                S::CONFLICT,
                "missing_scopes",
                "The connection lacks permissions",
                "Start the connection again with the scopes named here.",
            ),
            Kind::TooLarge => (S::PAYLOAD_TOO_LARGE, "too_large", "Too much was sent", "Send less than 1 MiB."),
            Kind::InvalidArguments => (
                S::UNPROCESSABLE_ENTITY,
                "invalid_arguments",
                "Some fields can't be used",
                "Correct the fields in `errors`; ask the customer for what is missing.",
            ),
            Kind::InvalidConnector => (
                S::UNPROCESSABLE_ENTITY,
                "invalid_connector",
                "The connector has mistakes",
                "Correct what `diagnostics` name, each at its `pointer`, and send it again.",
            ),
            Kind::ConnectFailed => (
                S::UNPROCESSABLE_ENTITY,
                "connect_failed",
                "The account could not be connected",
                "Check what was entered and connect again.",
            ),
            Kind::ProviderFailed => (
                S::BAD_GATEWAY,
                "provider_failed",
                "The provider did not answer as it should",
                "Try again later; if it stays so, test the connection.",
            ),
            Kind::Internal => (
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "Something broke in the engine",
                "Try again; if it stays so, look into the engine's log.",
            ),
            Kind::TooMany => (
                S::TOO_MANY_REQUESTS,
                "too_many_requests",
                "The org sends too many requests",
                "Send it again after the seconds that `Retry-After` names.",
            ),
            Kind::Unavailable => (
                S::SERVICE_UNAVAILABLE,
                "unavailable",
                "Not available just now",
                "If `detail` names a setting, ops has to give it; else try again in a moment.",
            ),
        }
    }
}
