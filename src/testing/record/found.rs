//! What a text holds that is secret or somebody's, by its form alone.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use crate::base::is_uuid;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// An address of mail.
    Mail,
    /// A token of JSON (RFC 7519), or a text of random characters.
    Random,
    /// The number of a payment card.
    Card,
    /// A telephone number.
    Phone,
}

/// So many characters in a row that look random are taken for a secret.
const LONG: usize = 24;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("it is a pattern")
}

/// What it finds, where, and whether that is one.
type Pattern = (Found, Regex, fn(&str) -> bool);

/// In the order in which they are looked for. What one has found is not looked at by those behind it.
static PATTERNS: LazyLock<[Pattern; 8]> = LazyLock::new(|| {
    let mail = pattern(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}");
    let jwt = pattern(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)*");
    let base64 = pattern(r"^[A-Za-z0-9+/]{22,}={0,2}$");
    let named = pattern(r"(?i)(sk|pk|rk|key|tok|token|secret|whsec|sess|session|pat|api)[_-][a-z0-9_-]{8,}");
    let run = pattern(r"[A-Za-z0-9_-]{24,}");
    let card = pattern(r"[2-6]([ -]?[0-9]){12,18}");
    let abroad = pattern(r"\+\(?[1-9]([ ().\-/]{0,2}[0-9]){7,14}");
    let local = pattern(r"\(?0{1,2}[1-9]([ ()\-/]{0,2}[0-9]){7,12}|\(?[2-9][0-9]{2}\)?[ .-][0-9]{3}[ .-][0-9]{4}");
    [
        (Found::Mail, mail, is_somebodys),
        (Found::Random, jwt, |_| true),
        (Found::Random, base64, |it| it.len().is_multiple_of(4) && is_random(it)),
        (Found::Random, named, |it| it.split_once(['_', '-']).is_some_and(|(_, rest)| is_mixed(rest))),
        (Found::Random, run, is_random),
        (Found::Phone, abroad, |_| true),
        (Found::Card, card, |it| is_card(&digits(it))),
        (Found::Phone, local, |it| !is_date(it)),
    ]
});

/// Everything that is found in a text.
pub(super) fn each(text: &str, mut report: impl FnMut(Found, &str)) {
    let mut taken: Vec<Range<usize>> = Vec::new();
    for (found, pattern, is_one) in &*PATTERNS {
        for at in pattern.find_iter(text) {
            let range = at.range();
            let is_free = taken.iter().all(|it| it.end <= range.start || range.end <= it.start);
            if is_free && is_alone(text, &range) && is_one(at.as_str()) {
                report(*found, at.as_str());
                taken.push(range);
            }
        }
    }
}

/// Whether no more letters or digits belong to it: a part of an id, or of a longer number, is no telephone number.
fn is_alone(text: &str, range: &Range<usize>) -> bool {
    let (mut before, mut after) = (text[..range.start].chars().rev(), text[range.end..].chars());
    let (last, next) = (before.next(), after.next());
    if last.is_some_and(char::is_alphanumeric) || next.is_some_and(char::is_alphanumeric) {
        return false;
    }
    if !text[range.clone()].starts_with(|it: char| it.is_ascii_digit() || "(+".contains(it)) {
        return true;
    }
    let joins = |it: char| matches!(it, '.' | '/' | ':' | ',');
    let is_dash = |it: char| matches!(it, '-' | '_');
    let goes_on = next.is_some_and(|it| joins(it) || is_dash(it)) && after.next().is_some_and(|it| it.is_ascii_digit());
    let went_before = last.is_some_and(joins) && before.next().is_some_and(|it| it.is_ascii_digit());
    !goes_on && !went_before && !last.is_some_and(is_dash)
}

/// Addresses at these domains are nobody's (RFC 2606).
fn is_somebodys(mail: &str) -> bool {
    let domain = mail.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    !matches!(&*domain, "example.com" | "example.org" | "example.net")
}

/// Whether a text has letters and digits, and changes between them, and between large and small, as often as chance does. A UUID
/// is an id.
pub(super) fn is_random(text: &str) -> bool {
    let kinds: Vec<u8> = text.bytes().filter(u8::is_ascii_alphanumeric).map(kind).collect();
    let changes = kinds.windows(2).filter(|it| it[0] != it[1]).count();
    text.len() >= LONG && is_mixed(text) && changes * 5 >= kinds.len() && !is_uuid(text)
}

/// Whether a text has both letters and digits.
pub(super) fn is_mixed(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.bytes().any(|it| is(&it));
    has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

fn kind(it: u8) -> u8 {
    match it {
        b'0'..=b'9' => 0,
        b'A'..=b'Z' => 1,
        _ => 2,
    }
}

/// `05-11-2026`, perhaps with its time: digits and dashes, and no telephone number.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_mark = |at: usize| bytes.get(at).is_some_and(|it| matches!(it, b'-' | b'/' | b' '));
    is_mark(2) && is_mark(5) && bytes.get(6..10).is_some_and(|it| it.iter().all(u8::is_ascii_digit))
}

/// The digits of a text.
pub(super) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Whether digits begin as the number of a card does, and end with its check digit (ISO/IEC 7812-1, Luhn).
fn is_card(digits: &str) -> bool {
    let is_of_issuer = match digits.as_bytes() {
        [b'3', next, ..] => matches!(next, b'0' | b'4'..=b'9'),
        [b'2', next, ..] => matches!(next, b'2'..=b'7'),
        _ => true,
    };
    is_of_issuer && luhn(digits).is_multiple_of(10)
}

/// The sum of Luhn: a multiple of ten in a number with its check digit.
pub(super) fn luhn(digits: &str) -> u32 {
    let values = digits.bytes().rev().map(|it| u32::from(it - b'0'));
    values.enumerate().map(|(at, it)| if at.is_multiple_of(2) { it } else { it * 2 / 10 + it * 2 % 10 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(Found, &str)]) {
        let mut found = Vec::new();
        each(text, |kind, it| found.push((kind, it.to_owned())));
        let found: Vec<_> = found.iter().map(|(kind, it)| (*kind, it.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn numbers_of_telephones_are_found_in_whatever_form() {
        for number in [
            "+6281234567890",
            "+62 812 3456 7890",
            "+62 812-3456-7890",
            "+1 (212) 555-1234",
            "081234567890",
            "0812 3456 7890",
            "(021) 555 1234",
            "089/1234567",
            "0062 812 3456 7890",
            "(212) 555-1234",
            "212-555-1234",
        ] {
            check(number, &[(Found::Phone, number)]);
            check(&format!("Call {number}, or tel:{number}"), &[(Found::Phone, number), (Found::Phone, number)]);
        }
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for other in [
            "2026-11-26T09:30:00+07:00",
            "05-11-2026 09:30",
            "05/11/2026 10 00",
            "0.123456789012",
            "01940000-0000-7000-8000-000000000000",
            "000012345678",
            "192.168.10.20",
            "inv-0812345678901",
            "1764150000000",
            "4111111111111112",
            "Rp 1.250.000",
        ] {
            check(other, &[]);
        }
    }

    #[test]
    fn cards_tokens_and_what_is_random_are_found() {
        check("paid by 4111 1111 1111 1111.", &[(Found::Card, "4111 1111 1111 1111")]);
        check("5555555555554444", &[(Found::Card, "5555555555554444")]);
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        check(&format!("Bearer {jwt}"), &[(Found::Random, jwt)]);
        for random in [
            "d6bd4b247164417e9b9e5a17728b5a51",
            "AKfycbx7Qm2nVt0Z9pLr4sXw",
            "WW91IGZvdW5kIGEgc2VjcmV0IQ==",
            "sk_live_51Hxyz",
            "sess-60320e1d",
        ] {
            check(random, &[(Found::Random, random)]);
        }
        check("rina.wati@shop.example", &[(Found::Mail, "rina.wati@shop.example")]);
    }

    #[test]
    fn words_and_ids_are_no_secrets() {
        for other in [
            "ana@example.com",
            "0190fd6e-5b2c-7d3a-9f10-6a1b2c3d4e5f",
            "rooms-with-a-view-2026-special",
            "https://api.contacts.example/v1/people/17/orders",
            "PROCESSING_OF_YOUR_ORDER_BEGAN",
            "api_versions",
            "token-type",
        ] {
            check(other, &[]);
        }
    }
}
