//! Putting text where it has another meaning: one rule for each [`Sink`].

use std::fmt::Write as _;

use super::Sink;

/// Appends `text` as it must be written in `sink`. The error is a sentence without the value.
pub(super) fn append(out: &mut String, text: &str, sink: Sink) -> Result<(), &'static str> {
    match sink {
        Sink::Plain => out.push_str(text),
        Sink::Segment | Sink::Url => segment(out, text)?,
        Sink::Header => {
            if text.chars().any(|it| it.is_ascii_control() && it != '\t') {
                return Err("a header cannot hold line breaks or control characters");
            }
            out.push_str(text);
        }
        Sink::Xml => xml(out, text),
        Sink::Ics => ics(out, text),
    }
    Ok(())
}

/// Percent-encodes all but the unreserved characters (RFC 3986 §2.3).
pub(super) fn percent(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String doesn't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

fn segment(out: &mut String, text: &str) -> Result<(), &'static str> {
    if matches!(text, "." | "..") {
        return Err("`.` and `..` would lead elsewhere in a URL's path");
    }
    percent(out, text);
    Ok(())
}

/// Whether a segment of the path of a URL, or of a path, is `.` or `..`.
pub(super) fn climbs(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    path.split('/').any(|it| matches!(it, "." | ".."))
}

/// Text and attribute values alike: what an XML parser would normalise (§2.11, §3.3.3) is written as references, what XML
/// cannot hold (§2.2) is left out.
fn xml(out: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            other => out.push(other),
        }
    }
}

/// iCalendar TEXT (RFC 5545 §3.3.11): any line end is `\n`, other control characters are left out.
fn ics(out: &mut String, text: &str) {
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' | ';' | ',' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\r' => {
                chars.next_if_eq(&'\n');
                out.push_str("\\n");
            }
            '\t' => out.push('\t'),
            other if other.is_ascii_control() => {}
            other => out.push(other),
        }
    }
}
