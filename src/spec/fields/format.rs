//! Formats of texts: what JSON Schema's own don't know, or define in a way that doesn't fit people's times.

use jiff::{
    civil::Time,
    tz::{self, TimeZone},
};
use jsonschema::ValidationOptions;

use crate::{
    format::body::from_base64,
    signing::{self, PrivateKey},
};

/// The formats that may be used, and what each means in words.
pub(crate) const FORMATS: &[(&str, &str)] = &[
    ("date-time", "a date and time with offset, such as 2026-12-01T10:00:00+07:00"),
    ("date", "a date, such as 2026-12-01"),
    ("time", "a time of day, such as 14:30"),
    ("time-range", "opening hours, such as 09:00-17:00"),
    ("email", "an e-mail address"),
    ("uri", "an absolute URL, such as https://example.com/page"),
    ("timezone", "an IANA time zone, such as Asia/Jakarta"),
    ("uuid", "a UUID"),
    ("base64", "base64"),
    ("private-key", "a private key in PEM, beginning with -----BEGIN PRIVATE KEY-----, without a pass phrase"),
    ("public-key", "a public key in PEM, beginning with -----BEGIN PUBLIC KEY-----"),
    ("certificate", "a certificate in PEM, beginning with -----BEGIN CERTIFICATE-----"),
    ("file", "a file: its `name` with its `data` in base64, or with its `text`"),
];

/// What a format means, in words.
pub(super) fn words(format: &str) -> Option<&'static str> {
    FORMATS.iter().find(|(name, _)| *name == format).map(|(_, words)| *words)
}

/// Adds the formats that are ours. `date-time` is JSON Schema's: RFC 3339, which requires an offset.
pub(super) fn register(options: ValidationOptions<'static>) -> ValidationOptions<'static> {
    options
        .with_format("timezone", is_timezone)
        .with_format("time", is_time)
        .with_format("time-range", is_time_range)
        .with_format("base64", is_base64)
        .with_format("private-key", |text| PrivateKey::read(text).is_ok())
        .with_format("public-key", signing::is_public_key)
        .with_format("certificate", signing::is_certificate)
        // Its properties say what it is.
        .with_format("file", |_| true)
}

/// An IANA name, spelled as the database does.
fn is_timezone(text: &str) -> bool {
    tz::db().get(text).is_ok_and(|zone: TimeZone| zone.iana_name() == Some(text))
}

/// In either alphabet, with or without padding.
fn is_base64(text: &str) -> bool {
    from_base64(text).is_some()
}

/// `14:30` or `14:30:05`, on the clock of whatever zone stands beside it. JSON Schema's own `time` wants an offset, which
/// no opening hour has.
fn is_time(text: &str) -> bool {
    let parts = text.split(':').collect::<Vec<_>>();
    let digits = |it: &&str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_digit());
    matches!(parts.len(), 2 | 3) && parts.iter().all(digits) && text.parse::<Time>().is_ok()
}

/// `09:00-17:00`, the end being later and at most `24:00`.
fn is_time_range(text: &str) -> bool {
    let Some((opens, closes)) = text.split_once('-') else { return false };
    let is_minute = |it: &str| it.len() == 5 && is_time(it);
    is_minute(opens) && (is_minute(closes) || closes == "24:00") && opens < closes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_have_no_offset() {
        for (text, expected) in [
            ("14:30", true),
            ("14:30:05", true),
            ("24:00", false),
            ("9:30", false),
            ("14", false),
            ("14:30Z", false),
            ("14:30+07:00", false),
        ] {
            assert_eq!(is_time(text), expected, "{text}");
        }
    }

    #[test]
    fn opening_hours_end_after_they_begin() {
        for (text, expected) in [
            ("09:00-17:00", true),
            ("00:00-24:00", true),
            ("17:00-09:00", false),
            ("09:00-09:00", false),
            ("24:00-24:00", false),
            ("09:00:00-17:00", false),
            ("9:00-17:00", false),
            ("09:00", false),
            ("09:00-17:00-18:00", false),
        ] {
            assert_eq!(is_time_range(text), expected, "{text}");
        }
    }

    #[test]
    fn zones_are_iana_names_in_their_own_spelling() {
        for (text, expected) in [
            ("Asia/Jakarta", true),
            ("UTC", true),
            ("asia/jakarta", false),
            ("Asia/Atlantis", false),
            ("+07:00", false),
            ("", false),
        ] {
            assert_eq!(is_timezone(text), expected, "{text}");
        }
    }
}
