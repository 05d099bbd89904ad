//! Which hosts a connector may call.

use super::{Account, Http, Target};
use crate::expr::{Piece, Text};

/// `https://api.example.com` of `https://api.example.com/v1/{{ … }}`; nothing if a placeholder may reach the host.
pub fn literal_origin(text: &Text) -> Option<url::Url> {
    let Piece::Literal(head) = text.pieces.first()? else { return None };
    let start = head.find("://")? + 3;
    let end = head[start..].find(['/', '?', '#']).map(|it| start + it);
    let end = end.or_else(|| (text.pieces.len() == 1).then_some(head.len()))?;
    url::Url::parse(&head[..end]).ok()
}

/// The host of a URL that is written out.
pub(crate) fn literal(text: &Text) -> Option<String> {
    literal_origin(text)?.host_str().map(str::to_owned)
}

/// The hosts of the sign-in URLs that are written out.
pub(crate) fn of_sign_in(account: &Account) -> Vec<String> {
    let requests = account.schemes.values().flat_map(|it| it.token_calls()).flat_map(|it| &it.requests);
    let mut found: Vec<_> =
        account.schemes.values().flat_map(|it| it.introduction.texts()).filter_map(literal).collect();
    for request in requests {
        if let Target::SignIn(url) = &request.request.target {
            found.extend(url.texts().filter_map(literal));
        }
    }
    found
}

/// Allows more hosts.
pub(crate) fn allow(http: &mut Http, more: impl IntoIterator<Item = String>) {
    http.hosts.extend(more);
    http.hosts.sort();
    http.hosts.dedup();
}

/// Whether `pattern` allows `host`; both are compared without case.
///
/// A pattern is a host name in which a `*` stands for any characters of one label: `*.example.com` allows `a.example.com`,
/// but neither `example.com` nor `a.b.example.com`; `p*-data.example.com` allows `p42-data.example.com`.
pub fn matches(pattern: &str, host: &str) -> bool {
    let (mut patterns, mut labels) = (pattern.split('.'), host.split('.'));
    loop {
        match (patterns.next(), labels.next()) {
            (None, None) => return true,
            (Some(pattern), Some(label)) if label_matches(pattern, label) => {}
            _ => return false,
        }
    }
}

/// At most one `*`, which stands for at least one character.
fn label_matches(pattern: &str, label: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern.eq_ignore_ascii_case(label),
        Some((before, after)) => {
            let (label, before, after) = (label.as_bytes(), before.as_bytes(), after.as_bytes());
            label.len() > before.len() + after.len()
                && label[..before.len()].eq_ignore_ascii_case(before)
                && label[label.len() - after.len()..].eq_ignore_ascii_case(after)
        }
    }
}

/// Why something is no pattern of hosts; `None` if it is one.
///
/// The last two labels are always literal: nobody may declare all of `*.com`.
pub fn refuse(pattern: &str) -> Option<&'static str> {
    if pattern.contains("://") || pattern.contains('/') {
        return Some("a host has no scheme and no path");
    }
    if pattern.contains(':') {
        return Some("a host has no port");
    }
    let labels: Vec<_> = pattern.split('.').collect();
    let is_label = |it: &&str| {
        !it.is_empty()
            && it.len() <= 63
            && it.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'*'))
            && it.matches('*').count() <= 1
    };
    if labels.len() < 2 || !labels.iter().all(is_label) {
        return Some("this is not a host name such as `api.example.com`, nor a pattern such as `*.example.com`");
    }
    if labels[labels.len() - 2..].iter().any(|it| it.contains('*')) {
        return Some("a `*` can't stand in the last two labels: it would allow hosts of anybody");
    }
    if labels.iter().all(|it| it.bytes().all(|it| it.is_ascii_digit())) {
        return Some("an address is not a host name");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_inside_its_label() {
        for (pattern, host, expected) in [
            ("api.example.com", "api.example.com", true),
            ("api.example.com", "API.Example.com", true),
            ("api.example.com", "xapi.example.com", false),
            ("*.example.com", "eu1.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "a.example.com.evil.net", false),
            ("*.example.com", ".example.com", false),
            ("p*-data.example.com", "p42-data.example.com", true),
            ("p*-data.example.com", "p-data.example.com", false),
            ("p*-data.example.com", "p42-data.evil.com", false),
            ("p*-data.example.com", "q42-data.example.com", false),
        ] {
            assert_eq!(matches(pattern, host), expected, "{pattern} {host}");
        }
    }

    #[test]
    fn patterns_that_allow_anybodys_hosts_are_refused() {
        for (pattern, expected) in [
            ("api.example.com", true),
            ("*.example.com", true),
            ("p*-data.example.com", true),
            ("*", false),
            ("*.com", false),
            ("example.*", false),
            ("*.*.com", false),
            ("a**.example.com", false),
            ("localhost", false),
            ("https://api.example.com", false),
            ("api.example.com/v1", false),
            ("api.example.com:443", false),
            ("10.0.0.1", false),
            ("api..com", false),
        ] {
            assert_eq!(refuse(pattern).is_none(), expected, "{pattern}");
        }
    }
}
