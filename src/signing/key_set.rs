use aws_lc_rs::{encoding::AsDer as _, signature::RsaPublicKeyComponents};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value as Json;

use super::{Algorithm, PublicKey, Token};

/// More keys in a set are not looked at.
const MOST: usize = 100;

/// A longer key is none that signatures are checked with: RSA keys have at most 8192 bits.
const LONGEST: usize = 2 << 10;

/// Public keys as their owner publishes them (RFC 7517 §5). Those that nothing can be checked with are left out.
#[derive(Debug)]
pub struct KeySet(Vec<Published>);

#[derive(Debug)]
struct Published {
    id: Option<String>,
    /// Which algorithm it is for, if it says so.
    algorithm: Option<String>,
    /// As [`PublicKey::from_bytes`] takes it.
    bytes: Vec<u8>,
}

/// What a set says of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// One of its keys has signed it.
    Signed,
    /// The key that it names has not.
    NotSigned,
    /// The set lacks the key. It may be newer than the set.
    UnknownKey,
}

impl KeySet {
    /// The keys of a JSON Web Key Set; nothing if it is none.
    pub fn read(set: &Json) -> Option<Self> {
        let keys = set["keys"].as_array()?;
        Some(Self(keys.iter().take(MOST).filter_map(published).collect()))
    }

    /// Whether one of the keys has signed `token`, by `algorithm`. Without a `kid` each key is tried that can be meant.
    pub fn judge(&self, token: &Token<'_>, algorithm: Algorithm) -> Verdict {
        let fits = |it: &&Published| it.algorithm.as_deref().is_none_or(|it| it == algorithm.word());
        let meant = |it: &&Published| token.key_id().is_none() || token.key_id() == it.id.as_deref();
        let mut keys = self.0.iter().filter(fits).filter(meant);
        let has_signed = |it: &Published| {
            PublicKey::from_bytes(&it.bytes, algorithm).is_some_and(|it| token.is_signed_by(&it, algorithm))
        };
        match (token.key_id(), keys.clone().next()) {
            _ if keys.any(has_signed) => Verdict::Signed,
            (Some(_), Some(_)) => Verdict::NotSigned,
            _ => Verdict::UnknownKey,
        }
    }
}

/// A key that signatures can be checked with (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
fn published(key: &Json) -> Option<Published> {
    let checks = |it: &Json| it.as_array().is_none_or(|it| it.iter().any(|it| it == "verify"));
    if key["use"].as_str().is_some_and(|it| it != "sig") || !checks(&key["key_ops"]) {
        return None;
    }
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str()?.trim_end_matches('=')).ok();
    let number = |name: &str| Some(bytes(name)?.into_iter().skip_while(|it| *it == 0).collect::<Vec<u8>>());
    let bytes = match (key["kty"].as_str()?, key["crv"].as_str()) {
        ("RSA", _) => {
            let components = RsaPublicKeyComponents { n: number("n")?, e: number("e")? };
            components.as_der().ok()?.as_ref().to_vec()
        }
        ("EC", Some(curve)) => {
            let length = match curve {
                "P-256" => 32,
                "P-384" => 48,
                "P-521" => 66,
                _ => return None,
            };
            let mut point = vec![4];
            for name in ["x", "y"] {
                let number = number(name)?;
                point.resize(point.len() + length - length.min(number.len()), 0);
                point.extend(number);
            }
            point
        }
        ("OKP", Some("Ed25519")) => bytes("x")?,
        // also `oct`: a secret that is published is none
        _ => return None,
    };
    let text = |name: &str| key[name].as_str().map(str::to_owned);
    (bytes.len() <= LONGEST).then(|| Published { id: text("kid"), algorithm: text("alg"), bytes })
}
