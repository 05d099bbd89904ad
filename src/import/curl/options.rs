//! The options of curl that are known: what they are called, and which of them take a value.

/// Options that say nothing about the request.
const IGNORED: &[&str] = &[
    "--compressed",
    "--silent",
    "--show-error",
    "--location",
    "--insecure",
    "--include",
    "--verbose",
    "--fail",
    "--http1.1",
    "--http2",
    "--globoff",
    "--no-buffer",
    "--location-trusted",
    "--fail-with-body",
    "--no-progress-meter",
    "--progress-bar",
    "--ipv4",
    "--ipv6",
];
/// Options that say nothing about the request, and take a value.
const IGNORED_VALUES: &[&str] = &[
    "--output",
    "--max-time",
    "--connect-timeout",
    "--retry",
    "--write-out",
    "--user-agent",
    "--referer",
    "--cacert",
    "--max-redirs",
    "--dump-header",
    "--cookie-jar",
    "--retry-delay",
];
/// Short options and the long ones that they are.
const SHORT: &[(char, &str)] = &[
    ('X', "--request"),
    ('H', "--header"),
    ('d', "--data"),
    ('F', "--form"),
    ('u', "--user"),
    ('G', "--get"),
    ('b', "--cookie"),
    ('I', "--head"),
    ('s', "--silent"),
    ('S', "--show-error"),
    ('L', "--location"),
    ('k', "--insecure"),
    ('i', "--include"),
    ('v', "--verbose"),
    ('f', "--fail"),
    ('o', "--output"),
    ('m', "--max-time"),
    ('w', "--write-out"),
    ('A', "--user-agent"),
    ('e', "--referer"),
    ('g', "--globoff"),
    ('N', "--no-buffer"),
    ('D', "--dump-header"),
    ('c', "--cookie-jar"),
    ('4', "--ipv4"),
    ('6', "--ipv6"),
    ('#', "--progress-bar"),
];
const TAKE_VALUES: &[&str] = &[
    "--request",
    "--header",
    "--data",
    "--data-raw",
    "--data-ascii",
    "--data-binary",
    "--data-urlencode",
    "--json",
    "--form",
    "--form-string",
    "--user",
    "--cookie",
    "--url",
    "--oauth2-bearer",
    "--url-query",
];

/// The long option that a letter is.
pub(super) fn long(letter: char) -> Option<&'static str> {
    SHORT.iter().find(|(it, _)| *it == letter).map(|it| it.1)
}

/// Whether it says nothing about the request.
pub(super) fn is_ignored(long: &str) -> bool {
    IGNORED.contains(&long) || IGNORED_VALUES.contains(&long)
}

/// Whether the next word is its value.
pub(super) fn takes_value(long: &str) -> bool {
    TAKE_VALUES.contains(&long) || IGNORED_VALUES.contains(&long)
}
