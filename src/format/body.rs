//! A request's body: what was rendered → the bytes that are sent.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use bytes::Bytes;
use serde_json::Value as Json;

use super::{FormatError, form, ics};

/// The bytes that are sent, and signed, and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Exactly.
    pub bytes: Bytes,
    /// For the header of that name, unless the connector gives its own.
    pub content_type: Cow<'static, str>,
}

/// JSON, without white space.
pub fn json(value: &Json) -> Encoded {
    Encoded { bytes: value.to_string().into(), content_type: "application/json".into() }
}

/// A form.
///
/// # Errors
/// When `value` can't be a form: see [`form::encode`].
pub fn form(value: &Json) -> Result<Encoded, FormatError> {
    Ok(Encoded { bytes: form::encode(value)?.into(), content_type: "application/x-www-form-urlencoded".into() })
}

/// XML. An XML declaration must be the very first thing, so space before it is dropped.
pub fn xml(text: &str) -> Encoded {
    let text = text.trim_start().to_owned();
    Encoded { bytes: text.into(), content_type: "application/xml; charset=utf-8".into() }
}

/// iCalendar: CRLF at every line's end, folded at 75 octets.
pub fn ics(text: &str) -> Encoded {
    Encoded { bytes: ics::fold(text).into(), content_type: "text/calendar; charset=utf-8".into() }
}

/// The bytes that base64 means, in either alphabet (RFC 4648 §4, §5), with or without padding and line breaks.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|it| !it.is_ascii_whitespace()).collect();
    STANDARD_NO_PAD.decode(text.trim_end_matches('=').replace('-', "+").replace('_', "/")).ok()
}

/// Bytes of whatever they are.
pub fn bytes(bytes: Vec<u8>) -> Encoded {
    Encoded { bytes: bytes.into(), content_type: "application/octet-stream".into() }
}

/// Text as it is.
pub fn text(text: String) -> Encoded {
    Encoded { bytes: text.into(), content_type: "text/plain; charset=utf-8".into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_has_its_bytes_and_its_type() {
        let check = |encoded: Encoded, bytes: &str, content_type: &str| {
            assert_eq!(encoded, Encoded { bytes: bytes.to_owned().into(), content_type: encoded.content_type.clone() });
            assert_eq!(encoded.content_type, content_type);
        };
        check(json(&json!({"a": [1, null]})), "{\"a\":[1,null]}", "application/json");
        check(form(&json!({"a": 1})).expect("a form"), "a=1", "application/x-www-form-urlencoded");
        check(xml("\n  <?xml?>\n"), "<?xml?>\n", "application/xml; charset=utf-8");
        check(ics("A:1\n\nB:2\n"), "A:1\r\nB:2\r\n", "text/calendar; charset=utf-8");
        check(text(" a\n".to_owned()), " a\n", "text/plain; charset=utf-8");
    }
}
