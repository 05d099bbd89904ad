//! Takes secrets out of what is kept for people to read.
//!
//! Requests in a trace are unsigned, so they hold no credential to begin with. What is left are answers that repeat one,
//! and answers that hand out new ones (a token request): the first are known by value, the second by the name of their key.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::{MASK, Secret, credentials::may_be_credential};

/// Shorter texts are too likely to occur by chance: masking them would garble a trace.
const SHORTEST_SECRET: usize = 6;

/// Headers of answers that are never kept.
const SECRET_HEADERS: [&str; 4] = ["set-cookie", "authorization", "proxy-authorization", "www-authenticate"];

/// Replaces the values of keys that a credential may have, at every depth, and every occurrence of one of `secrets`.
pub fn json(value: &mut Json, secrets: &[Secret]) {
    match value {
        Json::String(text) => in_text(text, secrets),
        Json::Array(list) => list.iter_mut().for_each(|it| json(it, secrets)),
        Json::Object(map) => {
            for (key, value) in map.iter_mut() {
                if value.is_string() && may_be_credential(key) {
                    *value = Json::from(MASK);
                } else {
                    json(value, secrets);
                }
            }
        }
        _ => {}
    }
}

/// Replaces every occurrence of one of `secrets` in the texts of a value, whatever their keys.
pub fn values(value: &mut Json, secrets: &[Secret]) {
    match value {
        Json::String(text) => in_text(text, secrets),
        Json::Array(list) => list.iter_mut().for_each(|it| values(it, secrets)),
        Json::Object(map) => map.values_mut().for_each(|it| values(it, secrets)),
        _ => {}
    }
}

/// Replaces every occurrence of one of `secrets`, and the beginning of one where the text was cut.
pub fn text<'t>(text: impl Into<Cow<'t, str>>, secrets: &[Secret]) -> Cow<'t, str> {
    let mut text = text.into();
    for secret in secrets.iter().map(Secret::expose).filter(|it| it.len() >= SHORTEST_SECRET) {
        if text.contains(secret) {
            text = text.replace(secret, MASK).into();
        }
        if text.contains(CUT) {
            text = without_beginnings(&text, secret).into();
        }
    }
    text
}

/// The same in place.
fn in_text(text: &mut String, secrets: &[Secret]) {
    if let Cow::Owned(masked) = self::text(text.as_str(), secrets) {
        *text = masked;
    }
}

/// What stands where a text was cut.
const CUT: char = '…';

fn without_beginnings(text: &str, secret: &str) -> String {
    let masked = text.split(CUT).map(|part| {
        let kept = part.trim_end();
        let lengths = (SHORTEST_SECRET..secret.len()).rev().filter(|it| secret.is_char_boundary(*it));
        let begun = lengths.map(|it| &secret[..it]).find(|it| kept.ends_with(it));
        begun.map_or_else(
            || part.to_owned(),
            |it| format!("{}{MASK}{}", &kept[..kept.len() - it.len()], &part[kept.len()..]),
        )
    });
    masked.collect::<Vec<_>>().join(&CUT.to_string())
}

/// The headers that may be kept.
pub fn headers(headers: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    headers
        .iter()
        .filter(|(name, _)| !SECRET_HEADERS.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_are_masked_by_key_and_by_value_at_every_depth() {
        let mut value = json!({
            "access_token": "new", "Client-Secret": "x", "passphrase": "y", "tokens": 3, "token_type": "Bearer",
            "echo": ["you sent Bearer hunter22!", {"deep": "hunter22"}],
        });
        super::json(&mut value, &[Secret::new("hunter22"), Secret::new("you")]);
        let expected = json!({
            "access_token": MASK, "Client-Secret": MASK, "passphrase": MASK, "tokens": 3, "token_type": "Bearer",
            "echo": ["you sent Bearer •••!", {"deep": "•••"}],
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_secret_that_was_cut_in_two_is_masked_too() {
        let check = |given: &str, expected: &str| {
            assert_eq!(text(given, &[Secret::new("hunter22-hunter22")]), expected, "{given}");
        };
        check("you sent hunter22-hun…", "you sent •••…");
        check("hunter22-h … (20 of 40 bytes)", "••• … (20 of 40 bytes)");
        check("you sent hunte…", "you sent hunte…");
        check("hunter22… hunter22-hunter22 …", "•••… ••• …");
        check("a hunter22 in a whole text", "a hunter22 in a whole text");
    }

    #[test]
    fn cookies_and_challenges_are_not_kept() {
        let all = [("set-cookie".to_owned(), "a=b".to_owned()), ("etag".to_owned(), "\"1\"".to_owned())];
        assert_eq!(headers(&all).collect::<Vec<_>>(), [("etag", "\"1\"")]);
    }
}
