//! The language's tables, one file a part: which keys each section has and what they take.
//!
//! [`crate::yaml::Reader`] refuses what is not in them; the JSON Schema for editors and the reference are printed from them.

mod action;
mod auth;
mod case;
mod connector;
mod events;
mod field;
mod http;
mod object;
mod request;
mod signature;

pub use action::{
    ACTION, AFTER_CONNECT, CALL, EACH, FAIL, IDEMPOTENT, LITERALS, LOOKUP, OPTION, PAGES, STEP, TOLD_BY, VERIFY,
};
pub use auth::{
    ACCOUNT, ACCOUNT_SEVERAL, AUTH, Place, SCHEME, SCHEME_WORD, SCHEMES, SEVERAL, SHARED, TOKEN, TOKEN_CALL,
    TOKEN_STEP, sign_in,
};
pub use case::{
    CANNED_ANSWER, CASE, DELIVERY, EXCHANGE, EXPECTED_ERROR, EXPECTED_REPLY, EXPECTED_REQUEST, SANDBOX_ANSWER,
    SANDBOX_REPLY, SANDBOX_REQUEST, TESTS,
};
pub use connector::{BRAND, CATALOG, CONNECTOR};
pub use events::{
    CONFIRM, EVENT_TYPE, EVENTS, HANDSHAKE, JWT, POLL, RECEIVE, RENEW, REPLY, SIGNATURE, SUBSCRIBE, VERIFICATION, WAIT,
};
pub use field::{CONFIG_FIELD, INPUT_FIELD, JSON_TYPE, NESTED_FIELD, OBJECT_FIELD, SIGN_IN_FIELD};
pub use http::{CHOICE, DEAD, ERROR_RULE, EXPIRED, HTTP, LIMIT_HEADERS, RATE_LIMIT, TOKEN_ERROR, USAGE, XML};
pub use object::{DESCRIBE, OBJECT, ORG_FIELD};
pub use request::{MULTIPART, PART, REQUEST};
pub use signature::{CLIENT_ASSERTION, CLIENT_CERTIFICATE};

use crate::yaml::{Key, Type};

/// One of the canonical codes.
pub const CODE: Type = Type::Word(http::CODES);

/// A list of literal texts.
pub const TEXTS: Type = Type::List(&Type::Text);

/// Several tables as one; `N` is how many keys they have together.
const fn joined<const N: usize>(parts: &[&[Key]]) -> [Key; N] {
    let mut keys = [Key::new("", Type::Json, ""); N];
    let (mut part, mut at) = (0, 0);
    while part < parts.len() {
        let mut key = 0;
        while key < parts[part].len() {
            keys[at] = parts[part][key];
            at += 1;
            key += 1;
        }
        part += 1;
    }
    assert!(at == N, "`N` is not how many keys there are");
    keys
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::yaml::Section;

    /// Every section that can be reached from `section`.
    fn reach(section: &'static Section, found: &mut Vec<&'static Section>) {
        if found.iter().any(|it| std::ptr::eq(*it, section)) {
            return;
        }
        found.push(section);
        section.keys.iter().for_each(|it| inside(&it.kind, found));
    }

    fn inside(kind: &Type, found: &mut Vec<&'static Section>) {
        kind.for_each_section(&mut |it| reach(it, found));
    }

    #[test]
    fn every_scheme_has_a_table_in_every_place() {
        for place in [Place::Connector, Place::Account, Place::Named] {
            for scheme in SCHEMES {
                assert!(sign_in(place, scheme).is_some(), "{place:?} {scheme}");
            }
        }
    }

    #[test]
    fn tables_have_unique_documented_keys() {
        let mut sections = Vec::new();
        reach(&CONNECTOR, &mut sections);
        reach(&EACH, &mut sections);
        reach(&LITERALS, &mut sections);
        reach(&TESTS, &mut sections);
        inside(&ACCOUNT, &mut sections);
        for section in sections {
            let mut names = HashSet::new();
            for key in section.keys {
                assert!(names.insert(key.name), "{} has `{}` twice", section.name, key.name);
                assert!(key.doc.len() > 2, "{}.{} has no words", section.name, key.name);
                for other in key.mistaken {
                    assert!(section.key(other).is_none(), "{}.{other} is a key itself", section.name);
                }
            }
        }
    }
}
