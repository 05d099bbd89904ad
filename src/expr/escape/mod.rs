//! Putting text where it has another meaning: one rule for each [`Sink`].

pub(super) mod literal;

use std::fmt::Write as _;

use super::Sink;
use crate::format::ics;

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
        Sink::Ics => out.push_str(&ics::escape(text)),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::events::Event;

    use super::*;

    fn escaped(text: &str, sink: Sink) -> Result<String, &'static str> {
        let mut out = String::new();
        append(&mut out, text, sink).map(|()| out)
    }

    /// What a parser reads, as text and as an attribute.
    fn from_xml(escaped: &str) -> (String, String) {
        let xml = format!("<a b=\"{escaped}\">{escaped}</a>");
        let mut reader = quick_xml::Reader::from_str(&xml);
        let (mut text, mut attribute) = (String::new(), String::new());
        loop {
            match reader.read_event().expect("well-formed") {
                Event::Start(it) => {
                    let it = it.attributes().next().expect("an attribute").expect("well-formed");
                    attribute =
                        it.normalized_value(quick_xml::XmlVersion::Explicit1_0).expect("well-formed").into_owned();
                }
                Event::Text(it) => text.push_str(&it.xml10_content()),
                Event::GeneralRef(it) => match it.resolve_char_ref().expect("a reference") {
                    Some(char) => text.push(char),
                    None => text.push_str(quick_xml::escape::resolve_predefined_entity(&it).expect("predefined")),
                },
                Event::Eof => return (text, attribute),
                _ => {}
            }
        }
    }

    proptest! {
        #[test]
        fn a_segment_comes_back_and_is_one(text in any::<String>()) {
            prop_assume!(text != "." && text != "..");
            let escaped = escaped(&text, Sink::Segment).expect("encodes");
            prop_assert!(escaped.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._~%".contains(&it)));
            let back = percent_encoding::percent_decode_str(&escaped).decode_utf8().expect("UTF-8");
            prop_assert_eq!(&*back, &text);
            prop_assert!(!climbs(&["/a/", &escaped, "/b"].concat()));
        }

        #[test]
        fn xml_comes_back(text in any::<String>()) {
            let kept: String =
                text.chars().filter(|it| !matches!(it, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')).collect();
            prop_assert_eq!(from_xml(&escaped(&text, Sink::Xml).expect("encodes")), (kept.clone(), kept));
        }

        #[test]
        fn a_header_stays_one(text in any::<String>()) {
            match escaped(&text, Sink::Header) {
                Ok(escaped) => prop_assert!(escaped == text && !text.contains(['\r', '\n', '\0'])),
                Err(_) => prop_assert!(text.contains(|it: char| it.is_ascii_control())),
            }
        }
    }

    #[test]
    fn urls_that_climb_are_known() {
        for (url, expected) in [
            ("/a/../b", true),
            ("..", true),
            ("https://x/a/.", true),
            ("/a/..b/c..", false),
            ("/a?x=/../", false),
            ("https://../", true),
        ] {
            assert_eq!(climbs(url), expected, "{url}");
        }
    }
}
