//! What of a command may be written down: names that are no credential's, values that nobody could sign in with.

use crate::{
    base::{credentials::may_be_credential, is_uuid},
    import::name,
};

/// Whether a name is one of a credential, or has a part that only credentials have.
pub(super) fn is_secret(called: &str) -> bool {
    const PARTS: &[&str] =
        &["apikey", "accesskey", "secretkey", "privatekey", "subscriptionkey", "appkey", "authkey", "sessionid"];
    const WORDS: &[&str] = &[
        "secret",
        "password",
        "passwd",
        "pwd",
        "pin",
        "otp",
        "signature",
        "sig",
        "hmac",
        "credential",
        "credentials",
        "jwt",
        "bearer",
        "session",
        "sid",
        "ticket",
        "cookie",
    ];
    let words = name::words(called);
    let has = |word: &str| words.iter().any(|it| it == word);
    let joined = words.join("");
    may_be_credential(called)
        || PARTS.iter().any(|it| joined.contains(it))
        || WORDS.iter().any(|it| has(it))
        || (has("token") && !is_cursor(called))
        || (has("auth") && !has("author"))
        || ["key", "appid"].iter().any(|it| called.eq_ignore_ascii_case(it))
}

/// Whether a name is one of a place in a list, which is random and no secret.
fn is_cursor(called: &str) -> bool {
    let cursors = ["page", "next", "continuation", "cursor", "sync", "after", "before", "offset", "marker"];
    name::words(called).iter().any(|it| cursors.contains(&it.as_str()))
}

/// Whether a name says itself that its value looks random, or is a time: an id, a cursor, a date.
pub(super) fn is_reference(called: &str) -> bool {
    let references = ["id", "ids", "uuid", "guid", "ref", "reference", "number", "sku", "etag", "version"];
    let times = ["date", "time", "at", "from", "to", "since", "until", "start", "end", "min", "max"];
    let words = name::words(called);
    is_cursor(called)
        || words.last().is_some_and(|it| references.contains(&it.as_str()) || times.contains(&it.as_str()))
}

/// Neither words nor numbers nor anything else that people would read: perhaps a credential.
pub(super) fn is_random(text: &str) -> bool {
    let one_word = text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.~+/=:".contains(&it));
    one_word && !is_uuid(text) && text.split(|it: char| !it.is_ascii_alphanumeric()).any(is_random_word)
}

/// Letters and digits that change too often, or go on for too long.
fn is_random_word(word: &str) -> bool {
    let kind = |it: &u8| (it.is_ascii_digit(), it.is_ascii_uppercase());
    let kinds: Vec<_> = word.as_bytes().iter().map(kind).collect();
    // a capital letter begins a word; it does not end one
    let changes = kinds.windows(2).filter(|it| it[0] != it[1] && *it != [(false, true), (false, false)]).count();
    let mixed = kinds.iter().any(|it| it.0) && kinds.iter().any(|it| !it.0);
    (word.len() >= 8 && mixed && changes >= 2) || (word.len() >= 16 && changes * 4 > word.len()) || word.len() >= 28
}

/// What becomes of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// curl, a browser or the engine sends it by itself.
    Dropped,
    /// It is sent as it is.
    Kept,
    /// It is another one each time.
    Input,
    /// It tells the provider that a request is a repetition.
    Idempotency,
    /// It numbers the request, for the provider's log.
    Number,
    /// Anything else signs in, or is what each business fills in for itself.
    Field,
}

/// What becomes of a header, its name in lower case.
pub(super) fn fate(called: &str, value: &str) -> Fate {
    const DROPPED: &[&str] = &[
        "accept-encoding",
        "accept-language",
        "baggage",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "dnt",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "newrelic",
        "origin",
        "postman-token",
        "pragma",
        "priority",
        "proxy-authorization",
        "proxy-connection",
        "referer",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "upgrade-insecure-requests",
        "user-agent",
    ];
    const KEPT: &[&str] = &["accept", "content-language", "depth", "prefer", "soapaction", "x-http-method-override"];
    const INPUTS: &[&str] = &["if-match", "if-modified-since", "if-none-match", "if-unmodified-since", "range"];
    const NUMBERS: &[&str] = &["correlation-id", "request-id", "x-correlation-id", "x-request-id"];
    let is_written = || {
        let is_text = value.len() <= 200 && value.bytes().all(|it| (b' '..=b'~').contains(&it));
        is_text && !value.contains("{{") && !is_random(value.trim_matches('"'))
    };
    match called {
        _ if DROPPED.contains(&called) || ["sec-", "x-b3-", "x-forwarded-"].iter().any(|it| called.starts_with(it)) => {
            Fate::Dropped
        }
        "accept" if matches!(value, "*/*" | "application/json") || value.contains(',') => Fate::Dropped,
        // who asked, a browser says
        "x-requested-with" => Fate::Dropped,
        _ if name::is_idempotency(called) => Fate::Idempotency,
        _ if NUMBERS.contains(&called) => Fate::Number,
        _ if INPUTS.contains(&called) => Fate::Input,
        _ if is_secret(called) => Fate::Field,
        _ if (KEPT.contains(&called) || called.ends_with("version")) && is_written() => Fate::Kept,
        _ => Fate::Field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_credential_is_told_from_what_people_read() {
        for text in [
            "9f8e7d6c5b4a39281706f5e4d3c2b1a0",
            "77aa88bb99cc",
            "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "AbCdEfGhIjKlMnOp",
            "qwertyuiopasdfghjklzxcvbnmqwerty",
            "b2c4-d6e8f0a1",
        ] {
            assert!(is_random(text), "{text}");
        }
        for text in [
            "customerOrders",
            "nasi goreng",
            "2026-12-01",
            "2026-12-01T10:00:00Z",
            "application/json",
            "application/vnd.shop.v2+json",
            "2ad69d57-6808-5f9e-b7c4-5ba57a55e120",
            "created_at:desc",
            "4711",
            "v2024",
            "",
        ] {
            assert!(!is_random(text), "{text}");
        }
    }

    #[test]
    fn only_what_is_known_as_harmless_is_sent_as_it_is() {
        for (called, value, expected) in [
            ("x-shop-key", "sekret123", Fate::Field),
            ("x-session", "9f8e7d6c5b4a39281706f5e4d3c2b1a0", Fate::Field),
            ("x-ticket", "a", Fate::Field),
            ("x-tenant-id", "main", Fate::Field),
            ("x-whatever", "a", Fate::Field),
            ("accept", "application/vnd.shop.v2+json", Fate::Kept),
            ("accept", "77aa88bb99cc", Fate::Field),
            ("accept", "*/*", Fate::Dropped),
            ("shop-version", "2026-10-01", Fate::Kept),
            ("shop-version", "{{version}}", Fate::Field),
            ("soapaction", "\"urn:shop#Book\"", Fate::Kept),
            ("if-match", "\"a\"", Fate::Input),
            ("idempotency-key", "7", Fate::Idempotency),
            ("x-request-id", "7", Fate::Number),
            ("user-agent", "curl", Fate::Dropped),
        ] {
            assert_eq!(fate(called, value), expected, "{called}: {value}");
        }
    }
}
