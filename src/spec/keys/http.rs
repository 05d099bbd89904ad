//! `http` and the rules for errors.

use super::REQUEST;
use crate::{
    base::Code,
    yaml::{Key, Section, Type},
};

/// `http`
pub static HTTP: Section = Section {
    name: "http",
    doc: "Where requests go and what answers mean.",
    keys: &[
        Key::new("base_url", URL, "Where paths begin.")
            .example("https://api.example.com/v1")
            .mistaken(&["url", "baseUrl"]),
        Key::new("servers", Type::Named(&URL), "Several base URLs by name; the first is the default."),
        Key::new("hosts", Type::List(&Type::Text), "Further hosts that may be called, such as `*.example.com`."),
        Key::new("headers", Type::Mapping(&Type::Template), "Sent with every request."),
        Key::new("timeout", Type::Duration, "For one request.").default("10s"),
        Key::new("redirects", Type::Integer { min: 0, max: 5 }, "How many redirects to follow, to allowed hosts only.")
            .default("0"),
        Key::new("rate_limit", Type::Section(&RATE_LIMIT), "Our own limit towards the provider."),
        Key::new("usage", Type::Section(&USAGE), "Where answers tell how much of an allowance is used."),
        Key::new("xml", Type::Section(&XML), "How XML answers are read."),
        Key::new("reason", Type::OneOrMany(&Type::Path), "Where an error answer holds the machine-readable reason."),
        Key::new("message", Type::OneOrMany(&Type::Path), "Where an error answer holds the human message."),
        Key::new("errors", Type::List(&A_RULE), "What answers mean; the first rule that matches."),
    ],
    near: &[&REQUEST],
};

/// A literal, a template or a choice.
pub(super) const URL: Type = Type::Either(&[Type::Template, Type::Section(&CHOICE)]);

/// A URL picked by a value.
pub static CHOICE: Section = Section {
    name: "choice",
    doc: "A URL picked by a value.",
    keys: &[
        Key::new("by", Type::Expression, "What decides.").required().example("\"{{ connection.environment }}\""),
        Key::new("of", Type::Mapping(&Type::Template), "Value → URL.").required(),
    ],
    near: &[],
};

/// `rate_limit`
pub static RATE_LIMIT: Section = Section {
    name: "rate_limit",
    doc: "Our own limit towards the provider, and where its answers tell of its limit.",
    keys: &[
        Key::new("per", Type::Word(&["connection", "connector"]), "What is counted together.").default("connection"),
        Key::new("requests", Type::Integer { min: 1, max: 1_000_000 }, "This many …"),
        Key::new("window", Type::Duration, "… in this time.").example("60s"),
        Key::new(
            "headers",
            Type::Section(&LIMIT_HEADERS),
            "Where answers tell how much of the provider's limit is left.",
        ),
    ],
    near: &[],
};

/// `headers` of `rate_limit`
pub static LIMIT_HEADERS: Section = Section {
    name: "headers of a limit",
    doc: "Headers in which answers tell how much of the provider's limit is left, and until when.",
    keys: &[
        Key::new("remaining", Type::Text, "How many requests are left.").required().example("X-RateLimit-Remaining"),
        Key::new("reset", Type::Text, "When the limit is renewed.").required().example("X-RateLimit-Reset"),
        Key::new("as", Type::Word(RESET_UNITS), "How `reset` says it: a time from now, or an instant.")
            .required()
            .mistaken(&["unit", "format", "in"]),
    ],
    near: &[&RATE_LIMIT],
};

const RESET_UNITS: &[&str] = &["seconds", "milliseconds", "epoch_seconds", "epoch_milliseconds", "date"];

/// `usage`
pub static USAGE: Section = Section {
    name: "usage",
    doc: "Where the headers of answers tell how much of the provider's allowance is used.",
    keys: &[
        Key::new("used", Type::Expression, "Calls made.").example("\"{{ answer.headers['x-used'] }}\""),
        Key::new("limit", Type::Expression, "Calls allowed.").example("\"{{ answer.headers['x-limit'] }}\""),
        Key::new("remaining", Type::Expression, "Calls left.").example("\"{{ answer.headers['x-remaining'] }}\""),
    ],
    near: &[&RATE_LIMIT],
};

/// `xml`
pub static XML: Section = Section {
    name: "xml",
    doc: "How XML answers are read.",
    keys: &[
        Key::new("namespaces", Type::Mapping(&Type::Text), "Prefix used in this file → namespace URI."),
        Key::new("arrays", Type::List(&Type::Text), "`prefix:name`s that are always lists."),
    ],
    near: &[],
};

/// The canonical codes and `ok`.
pub(super) const VERDICTS: &[&str] = &[
    "ok",
    "invalid_input",
    "not_found",
    "conflict",
    "permission_denied",
    "reauthorize",
    "rate_limited",
    "unavailable",
    "timeout",
    "declined",
    "precondition_failed",
    "unsupported",
    "unknown_outcome",
    "provider_error",
];

/// The canonical codes.
pub(super) const CODES: &[&str] = VERDICTS.split_at(1).1;

const _: () = assert!(CODES.len() == Code::ALL.len());

const STATUS: Type = Type::OneOrMany(&Type::Either(&[Type::Integer { min: 100, max: 599 }, Type::Text]));

/// For lists of them.
pub(super) static A_RULE: Type = Type::Section(&ERROR_RULE);
pub(super) static AN_EXPIRED: Type = Type::Section(&EXPIRED);
pub(super) static A_DEAD: Type = Type::Section(&DEAD);
pub(super) static A_TOKEN_ERROR: Type = Type::Section(&TOKEN_ERROR);

/// An entry of `errors`.
pub static ERROR_RULE: Section = Section {
    name: "error rule",
    doc: "Which answers it is about, and what they mean.",
    keys: &[
        Key::new("status", STATUS, "A status, a class such as `4xx`, or a list.").example("404"),
        Key::new("reason", Type::OneOrMany(&Type::Text), "The provider's reason, found by `http.reason`."),
        Key::new("when", Type::Expression, "Over `answer`.").example("\"{{ answer.body.ok == false }}\""),
        Key::new("is", Type::Word(VERDICTS), "What it is.").required().mistaken(&["as", "code"]),
        Key::new("say", Type::Template, "A sentence for the customer.").mistaken(&["message"]),
        Key::new("retry_after", Type::Value, "Seconds until the next attempt."),
        Key::new(
            "schema_changed",
            Type::Bool,
            "`true`: the org's fields are not what they were; they are described anew.",
        ),
    ],
    near: &[],
};

/// An entry of `expired`.
pub static EXPIRED: Section = Section {
    name: "error match",
    doc: "Which answers it is about.",
    keys: &[
        Key::new("status", STATUS, "A status, a class such as `4xx`, or a list.").example("401"),
        Key::new("reason", Type::OneOrMany(&Type::Text), "The provider's reason, found by `http.reason`."),
        Key::new("when", Type::Expression, "Over `answer`.").example("\"{{ answer.body.ok == false }}\""),
    ],
    near: &[&DEAD],
};

/// An entry of `dead`.
pub static DEAD: Section = Section {
    name: "error match",
    doc: "Which answers to a refresh it is about.",
    keys: &[
        Key::new("status", STATUS, "A status, a class such as `4xx`, or a list.").example("400"),
        Key::new("error", Type::OneOrMany(&Type::Text), "The answer's `error` (RFC 6749 §5.2).")
            .example("invalid_grant"),
        Key::new("when", Type::Expression, "Over `answer`.").example("\"{{ answer.body.error == 'invalid_grant' }}\""),
    ],
    near: &[&EXPIRED],
};

/// An entry of `token_errors`.
pub static TOKEN_ERROR: Section = Section {
    name: "token error rule",
    doc: "Which token answers it is about, and what they mean.",
    keys: &[
        Key::new("status", STATUS, "A status, a class such as `4xx`, or a list.").example("400"),
        Key::new("error", Type::OneOrMany(&Type::Text), "The answer's `error` (RFC 6749 §5.2).").example("slow_down"),
        Key::new("when", Type::Expression, "Over `answer`.").example("\"{{ answer.body.error == 'slow_down' }}\""),
        Key::new("is", Type::Word(CODES), "What it is.").required().mistaken(&["as", "code"]),
        Key::new("retry_after", Type::Value, "Seconds until the next attempt."),
    ],
    near: &[&DEAD],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_are_all_there_are() {
        assert!(RESET_UNITS.iter().copied().eq(crate::spec::ResetUnit::WORDS.iter().map(|(word, _)| *word)));
    }

    #[test]
    fn the_codes_are_the_canonical_ones() {
        assert!(CODES.iter().copied().eq(Code::ALL.into_iter().map(Code::as_str)));
    }
}
