//! Encodings.

use std::sync::Arc;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use minijinja::Value;
use percent_encoding::percent_decode_str;
use url::Url;
use uuid::Uuid;

use super::{Call, Entry, Gives, Kind, Outcome, filter, optional, required};
use crate::{
    expr::{adapter, escape},
    format::body,
    signing::hex,
};

pub(super) const ENCODING: Kind = Kind::OneOf(&["hex", "base64", "base64url", "base32hex"]);

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "base64",
        Kind::Text,
        &[],
        "Base64 of its UTF-8 bytes.",
        ("'user:pass' | base64", r#""dXNlcjpwYXNz""#),
        |it| encoded(it, "base64"),
    )
    .gives(Gives::Text),
    filter(
        "base64url",
        Kind::Text,
        &[],
        "Base64 for URLs, without padding.",
        ("'a?b>' | base64url", r#""YT9iPg""#),
        |it| encoded(it, "base64url"),
    )
    .gives(Gives::Text),
    filter(
        "from_base64",
        Kind::Text,
        &[],
        "The text that base64 means, of either alphabet, with padding or without. Bytes that are no UTF-8 become `\u{fffd}`.",
        ("'YT9iPg' | from_base64", r#""a?b>""#),
        from_base64,
    )
    .gives(Gives::Text),
    filter("hex", Kind::Text, &[], "Its bytes in hexadecimal, small letters.", ("'AZ' | hex", r#""415a""#), |it| {
        encoded(it, "hex")
    })
    .gives(Gives::Text),
    filter(
        "base32hex",
        Kind::Text,
        &[],
        "Base32 with the extended hex alphabet, small letters, without padding: only 0 to 9 and a to v.",
        ("'fooba' | base32hex", r#""cpnmuoj1""#),
        |it| encoded(it, "base32hex"),
    )
    .gives(Gives::Text),
    filter(
        "urlencode",
        Kind::Text,
        &[],
        "Percent-encoded but for letters, digits and `-._~`. Paths, queries and forms are encoded anyway.",
        ("'a b&c' | urlencode", r#""a%20b%26c""#),
        urlencode,
    )
    .gives(Gives::Text),
    filter(
        "urldecode",
        Kind::Text,
        &[],
        "What percent-encoding means, as in a segment of an address that a provider gave.",
        ("'a%20b%26c' | urldecode", r#""a b&c""#),
        urldecode,
    )
    .gives(Gives::Text),
    filter(
        "resolve",
        Kind::Text,
        &[required("base", Kind::Text)],
        "The absolute address that it means where `base` is the page it stands on (RFC 3986 §5).",
        ("'/1/calendars/' | resolve('https://dav.example.com/me/')", r#""https://dav.example.com/1/calendars/""#),
        resolve,
    )
    .gives(Gives::Text),
    filter("json", Kind::Any, &[], "As compact JSON text.", ("{'a': [1, none]} | json", r#""{\"a\":[1,null]}""#), json)
    .gives(Gives::Text),
    filter(
        "minify",
        Kind::Text,
        &[],
        "JSON text without the white space between its parts. Nothing else is touched, for signatures over it: neither escapes nor numbers.",
        (r#"'{ "a b": [1.0, "\\u00e9"] }' | minify"#, r#""{\"a b\":[1.0,\"\\u00e9\"]}""#),
        |it| Ok(minified(&it.text()?).into()),
    )
    .gives(Gives::Text),
    filter(
        "from_json",
        Kind::Text,
        &[],
        "The value that JSON text means.",
        (r#"'{"a": [1]}' | from_json"#, r#"{"a":[1]}"#),
        from_json,
    ),
    filter(
        "uuid5",
        Kind::Text,
        &[optional("namespace", Kind::OneOf(&["url", "dns", "oid"]))],
        "The name-based UUID (version 5) of it: always the same for the same text.",
        ("'booking:conn_42:conv_981:2026-12-01T09:30:00Z' | uuid5('url')", r#""2ad69d57-6808-5f9e-b7c4-5ba57a55e120""#),
        uuid5,
    )
    .gives(Gives::Text),
];

fn encoded(call: &Call, encoding: &str) -> Outcome {
    encode(call.text()?.as_bytes(), encoding)
}

pub(super) fn encode(bytes: &[u8], encoding: &str) -> Outcome {
    Ok(match encoding {
        "hex" => hex(bytes),
        "base64" => STANDARD.encode(bytes),
        "base64url" => URL_SAFE_NO_PAD.encode(bytes),
        "base32hex" => base32hex(bytes),
        _ => return Err(format!("`encoding` must be {}", ENCODING.words())),
    }
    .into())
}

fn from_base64(call: &Call) -> Outcome {
    let bytes = body::from_base64(&call.text()?).ok_or_else(|| call.about("the text is not base64"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned().into())
}

/// RFC 4648 §7, in small letters and without padding.
fn base32hex(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    for chunk in bytes.chunks(5) {
        let mut group = [0; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(group);
        for position in 0..(chunk.len() * 8).div_ceil(5) {
            let index = (bits >> (35 - 5 * position)) & 31;
            text.push(char::from(ALPHABET[usize::try_from(index).unwrap_or_default()]));
        }
    }
    text
}

fn urlencode(call: &Call) -> Outcome {
    let mut out = String::new();
    escape::percent(&mut out, &call.text()?);
    Ok(out.into())
}

fn urldecode(call: &Call) -> Outcome {
    let text = call.text()?;
    let decoded = percent_decode_str(&text).decode_utf8();
    Ok(decoded.map_err(|_| call.about("the decoded bytes are not UTF-8"))?.into_owned().into())
}

fn resolve(call: &Call) -> Outcome {
    let base = call.text_arg("base")?.unwrap_or_default();
    let base = Url::parse(&base).map_err(|_| call.about("`base` is not an absolute address"))?;
    let resolved = base.join(&call.text()?).map_err(|_| call.about("it is not an address"))?;
    Ok(String::from(resolved).into())
}

fn json(call: &Call) -> Outcome {
    match adapter::to_json(&call.input)? {
        Some(json) => Ok(json.to_string().into()),
        None => Ok(Value::UNDEFINED),
    }
}

/// Text that is no JSON comes out in some way, and fails nowhere.
fn minified(json: &str) -> String {
    let mut minified = String::with_capacity(json.len());
    let (mut inside, mut escaped) = (false, false);
    for it in json.chars() {
        if !inside && matches!(it, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        minified.push(it);
        inside ^= it == '"' && !escaped;
        escaped = inside && it == '\\' && !escaped;
    }
    minified
}

fn from_json(call: &Call) -> Outcome {
    let json = serde_json::from_str(&call.text()?).map_err(|_| call.about("the text is not JSON"))?;
    Ok(adapter::to_value(&Arc::new(json)))
}

fn uuid5(call: &Call) -> Outcome {
    let namespace = match call.text_arg("namespace")?.as_deref() {
        None | Some("url") => &Uuid::NAMESPACE_URL,
        Some("dns") => &Uuid::NAMESPACE_DNS,
        Some("oid") => &Uuid::NAMESPACE_OID,
        Some(_) => return Err(call.about("`namespace` must be `url`, `dns` or `oid`")),
    };
    Ok(Uuid::new_v5(namespace, call.text()?.as_bytes()).to_string().into())
}
