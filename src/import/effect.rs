//! What a request does to the world, as far as its method and its path tell.

use super::name;
use crate::base::Effect;

/// A POST to a path that ends so only looks.
const LOOKS: &[&str] = &["search", "query", "find", "lookup", "filter", "count"];
/// A POST to a path that ends so moves money.
const MONEY: &[&str] = &[
    "payment",
    "payments",
    "charge",
    "charges",
    "refund",
    "refunds",
    "payout",
    "payouts",
    "transfer",
    "transfers",
    "capture",
    "pay",
];

/// An operation whose name begins so only looks.
const LOOKING: &[&str] = &["get", "list", "find", "search", "query", "lookup", "count", "read", "check", "fetch"];

/// The effect of an operation that is asked for by its name, as in SOAP.
pub(super) fn of_operation(called: &str) -> Effect {
    let words = name::words(called);
    let is = |all: &[&str], word: Option<&String>| word.is_some_and(|it| all.contains(&it.as_str()));
    match () {
        () if is(LOOKING, words.first()) => Effect::Read,
        () if is(&["delete", "remove"], words.first()) => Effect::Delete,
        () if is(MONEY, words.first()) || is(MONEY, words.last()) => Effect::Money,
        () => Effect::Write,
    }
}

/// The effect of a request; `path` may have names in braces.
pub(super) fn of(method: &str, path: &str) -> Effect {
    let last = path.rsplit('/').find(|it| !it.is_empty() && !it.contains('{')).unwrap_or_default();
    let last = name::words(last).pop().unwrap_or_default();
    match method {
        "GET" | "HEAD" | "OPTIONS" => Effect::Read,
        "DELETE" => Effect::Delete,
        "POST" if LOOKS.contains(&last.as_str()) => Effect::Read,
        "POST" if MONEY.contains(&last.as_str()) => Effect::Money,
        _ => Effect::Write,
    }
}
