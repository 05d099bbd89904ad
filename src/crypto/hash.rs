//! Digests of what must be recognised and never be read back.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value as Json;

use crate::base::{Random, Secret};

/// A SHA-256 digest. Enough for tokens of 256 random bits, which nobody can guess; not for what people choose.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of the bytes of `text`.
    pub fn of(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    /// As it was stored; `None` if it isn't 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// To be stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Of bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(out)
    }
}

/// In constant time.
impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}

/// In hexadecimal.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// 256 random bits in base64url: API keys, OAuth `state`, PKCE verifiers.
pub fn random_token(random: &dyn Random) -> Secret {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    random.fill(bytes.as_mut());
    Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()))
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub fn is_same(one: &str, other: &str) -> bool {
    constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

/// The digest of a JSON value, whatever the order of its keys and the spelling of its numbers: tells whether two calls have the
/// same arguments. As RFC 8785, except that whole numbers beyond 2^53 stay apart.
pub fn fingerprint(value: &Json) -> Digest {
    let mut text = String::new();
    canonical(value, &mut text);
    Digest::of(&text)
}

fn canonical(value: &Json, out: &mut String) {
    match value {
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (key, value) in entries {
                out.push_str(&Json::from(key.as_str()).to_string());
                out.push(':');
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Json::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()).and_then(whole) {
            Some(whole) => out.push_str(&whole.to_string()),
            None => out.push_str(&number.to_string()),
        },
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// `1.0` and `1e0` are 1.
#[allow(clippy::cast_possible_truncation, reason = "it is whole, and in the range")]
fn whole(number: f64) -> Option<i128> {
    (number.fract() == 0.0 && number.abs() < 18_446_744_073_709_551_616.0).then_some(number as i128)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::system::SystemRandom;

    #[test]
    fn a_digest_is_sha_256() {
        // FIPS 180-4, the one-block example.
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(format!("{:?}", Digest::of("abc")), expected);
    }

    #[test]
    fn digests_compare_and_read_back() {
        let digest = Digest::of("abc");
        assert_eq!(Digest::from_bytes(digest.as_bytes()), Some(digest));
        assert_eq!(Digest::from_bytes(&[0; 31]), None);
        assert_ne!(digest, Digest::of("abd"));
    }

    #[test]
    fn tokens_have_256_bits_and_differ() {
        let (first, second) = (random_token(&SystemRandom), random_token(&SystemRandom));
        assert_eq!(first.expose().len(), 43);
        assert_ne!(first.expose(), second.expose());
    }

    #[test]
    fn a_fingerprint_ignores_the_order_of_keys_and_nothing_else() {
        let same = |a: Json, b: Json| fingerprint(&a) == fingerprint(&b);
        assert!(same(json!({"a": 1, "b": {"c": [1, 2], "d": null}}), json!({"b": {"d": null, "c": [1, 2]}, "a": 1})));
        assert!(!same(json!([1, 2]), json!([2, 1])));
        assert!(!same(json!([[1], 2]), json!([[1, 2]])));
        assert!(!same(json!({"a": 1}), json!({"a": "1"})));
        assert!(!same(json!({"a": null}), json!({})));
        assert!(!same(json!({"a": "b\",\"c\":\"d"}), json!({"a": "b", "c": "d"})));
    }

    #[test]
    fn a_fingerprint_ignores_how_a_number_is_spelled_and_not_what_it_is() {
        let of = |text: &str| fingerprint(&serde_json::from_str(text).unwrap());
        for (one, other) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("-3", "-3.0"),
            ("0", "-0.0"),
            ("0.10", "1e-1"),
            ("1e17", "100000000000000000"),
        ] {
            assert_eq!(of(one), of(other), "{one} is {other}");
        }
        for (one, other) in [("1", "1.5"), ("1", "\"1\""), ("9007199254740993", "9007199254740992"), ("1e300", "1e301")]
        {
            assert_ne!(of(one), of(other), "{one} is not {other}");
        }
    }
}
